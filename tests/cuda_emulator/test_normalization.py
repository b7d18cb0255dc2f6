"""Softmax with its loss, layer and batch normalisation: few kernels, the interpreter's values."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import launches
from tests.cuda_emulator.programs import Compiled

pytestmark = pytest.mark.over("ptx", "source")


def normalized(x: Node, axes: tuple[int, ...], scale: Node, shift: Node) -> Node:
    centred = x - g.mean(x, axes, keepdims=True)
    variance = g.mean(centred * centred, axes, keepdims=True)
    return centred / g.sqrt(variance + 1e-5) * scale + shift


# Shape, axes of the statistics, shape of scale and shift; launches forward, and forward with all
# gradients (which are sums along the other axes for layer normalisation).
NORMALIZATIONS = {
    "layer": ((BATCH, 37), (1,), (37,), 1, 3),
    "batch": ((BATCH, 5), (0,), (1, 5), 2, 4),
    "batch of images": ((BATCH, 3, 4, 5), (0, 2, 3), (3, 1, 1), 2, 4),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", NORMALIZATIONS)
def test_normalization(kind: str, dtype: str) -> None:
    shape, axes, per_channel, forward, both_ways = NORMALIZATIONS[kind]
    x, y = g.input(shape, dtype), g.input(shape, dtype)
    scale, shift = g.input(per_channel, dtype), g.input(per_channel, dtype)
    out = normalized(x, axes, scale, shift)
    outputs = [out, *grad(g.sum(out * y), [x, scale, shift])]
    assert len(launches(lower(optimize([out])[0]).steps)) <= forward
    compiled = Compiled(optimize(outputs)[0])
    assert len(launches(compiled.program.steps)) <= both_ways
    random = np.random.default_rng(8)
    for batch in (7, 2, 33):
        fed = {
            node: random.normal(size=[batch if n is BATCH else n for n in node.shape]).astype(dtype)
            for node in (x, y, scale, shift)
        }
        fed[x] += 3
        for ours, theirs in zip(compiled(fed), evaluate(outputs, fed), strict=True):
            # Sums of up to 660 terms of about 10, in another order.
            tolerance = {"float64": 1e-12, "float32": 5e-5}[dtype]
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def test_softmax_with_crossentropy_and_its_gradient() -> None:
    x, t = g.input((BATCH, 11), "float32"), g.input((BATCH, 11), "float32")
    clipped = g.clip(g.softmax(x, 1), 1e-7, 1 - 1e-7)
    loss = g.mean(-g.sum(t * g.log(clipped), 1))
    outputs = [loss, *grad(loss, [x])]
    compiled = Compiled(optimize(outputs)[0])
    assert len(launches(compiled.program.steps)) <= 2
    for batch in (1, 4, 70):
        random = np.random.default_rng(batch)
        fed = {
            x: (random.normal(size=(batch, 11)) * 30).astype("float32"),
            t: np.eye(11, dtype="float32")[random.integers(0, 11, batch)],
        }
        for ours, theirs in zip(compiled(fed), evaluate(outputs, fed), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
