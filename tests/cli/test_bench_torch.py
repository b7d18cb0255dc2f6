"""PyTorch's counterparts of kernels compute the same, or there is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graphc.cli.bench.torch_rivals import POINTWISE, Equivalent, equivalent
from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.interpret import evaluate
from graphc.compiler.schedule import Kernel, make_schedule

SIZES = dict.fromkeys(symbols(BATCH), 5)

x, w = g.input((BATCH, 6), name="x"), g.input((6, 4), name="w")
image, window = g.input((BATCH, 3, 9, 9), name="image"), g.input((4, 3, 3, 3), name="window")
INPUTS = (x, w, image, window)


def equivalents(*outputs: Node) -> list[tuple[Kernel, Equivalent | None]]:
    """Each kernel of a program, with what PyTorch has for it."""
    return [(step, equivalent(step, SIZES)) for step in make_schedule(outputs)]


def named(*outputs: Node) -> list[str | None]:
    return [found and found.op for _, found in equivalents(*outputs)]


CHAIN = g.where(x > 0.5, g.tanh(x) * 2.0, g.cast(x > 0.1, "float32")) + g.reshape(x, (BATCH, 6))
CASES = [
    ("matmul", (g.matmul(x, w),)),
    ("matmul", (g.maximum(g.matmul(x, w), 0.0),)),
    ("softmax", (g.softmax(x),)),
    ("conv2d", (g.conv(image, window, strides=2, padding=1, kernel_dilation=2),)),
    ("8 eager ops", (CHAIN, g.exp(x) * g.broadcast_to(g.constant([1.5]), (BATCH, 6)))),
]


@pytest.mark.parametrize(("op", "outputs"), CASES)
def test_a_kernel_has_its_equivalent(op: str, outputs: tuple[Node, ...]) -> None:
    assert named(*outputs) == [op]


def test_what_pytorch_does_in_another_way_has_none() -> None:
    holes = g.conv(image, window, input_dilation=2)
    one_sided = g.conv(image, window, padding=((1, 0), (0, 0)))
    of_weights = g.conv(g.input((3, BATCH, 9, 9)), g.input((4, BATCH, 7, 7)))
    for node in (holes, one_sided, of_weights, g.sum(x), g.sum(x, axis=0), g.max(x, axis=1)):
        assert set(named(node)) == {None}


def numpy_values(nodes: Sequence[Node]) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    feeds = {
        node: random.standard_normal([5 if size is BATCH else size for size in node.shape])
        for node in INPUTS
    }
    needed = set(g.toposort(list(nodes)))
    used = {node: a.astype("float32") for node, a in feeds.items() if node in needed}
    return evaluate(list(nodes), used)


@pytest.mark.parametrize(("op", "outputs"), CASES)
def test_pytorch_computes_what_the_kernel_is_for(op: str, outputs: tuple[Node, ...]) -> None:
    torch = pytest.importorskip("torch")
    for kernel, found in equivalents(*outputs):
        tensors = [torch.tensor(value) for value in numpy_values(found.operands)]
        result = found.call(torch, *tensors)
        results = result if isinstance(result, list) else [result]
        nodes = kernel.anchors if op in ("matmul", "conv2d") else kernel.outputs
        for ours, theirs in zip(results, numpy_values(nodes), strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-5, atol=1e-5)


def test_pytorch_has_the_names() -> None:
    torch = pytest.importorskip("torch")
    assert [name for name in POINTWISE.values() if not hasattr(torch, name)] == []
