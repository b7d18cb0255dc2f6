"""Descriptions of kernels: FLOPs and bytes counted by hand, tables that fit the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.describe import describe
from graphc.compiler.program.kernel_list import KernelList
from graphc.compiler.program.launch import DeviceBuffer, DeviceProgram, Launch, launches
from graphc.compiler.schedule import Kernel

(BATCH,) = symbols(g.BATCH)
X = g.input((g.BATCH, 4), "float32", name="x")
Y = g.input((g.BATCH, 4), "float32", name="y")
TABLE = g.input((1000, 4), "float32", name="table")
INDEX = g.input((7,), "int32", name="index")


def described(outputs: Sequence[g.Node], batch: int = 10, title: str = "f") -> KernelList:
    return describe(lower(outputs), {BATCH: batch}, title)


@pytest.mark.parametrize(
    ("node", "flops", "moved"),
    [
        (g.add(g.mul(X, Y), X), 2 * 40, 3 * 40 * 4),  # x and y once each, though x is used twice
        (g.sum(X, axis=1), 40, (40 + 10) * 4),
        (g.sum(g.mul(X, X), axis=1), 80, (40 + 10) * 4),
        (g.transpose(X), 0, 2 * 40 * 4),
        (g.take(TABLE, INDEX), 0, (7 + 28 + 28) * 4),  # seven rows of the table
        (g.exp(TABLE[10:20]), 40, 2 * 40 * 4),  # ten rows of the table
        (g.exp(g.transpose(TABLE)[:, 10:20]), 40, 2 * 40 * 4),
        (g.take(g.pad(TABLE, [(1, 0), (0, 0)]), INDEX), 0, (7 + 28 + 28) * 4),
    ],
    ids=lambda value: value.op if isinstance(value, g.Node) else str(value),
)
def test_cost_of_one_kernel(node: g.Node, flops: int, moved: int) -> None:
    program = lower([node])
    (kernel,) = describe(program, {BATCH: 10}, "f")
    assert (kernel.flops, kernel.bytes) == (flops, moved)
    assert kernel.times == 1
    assert [kernel.source] == [launch.text for launch in launches(program.steps)]


def test_extents_and_launch_are_those_of_the_batch() -> None:
    (kernel,) = described([g.exp(X)], batch=1000)
    assert kernel.extents == (1000, 4)
    assert np.prod(kernel.grid) * np.prod(kernel.block) * 4 >= 4000  # four elements a thread
    assert kernel.reads == ("x",)


def test_a_loop_counts_once_a_step() -> None:
    rows = g.input((6, g.BATCH, 4), "float32")
    weights = g.input((4, 4), "float32")
    final, _ = g.scan(
        lambda h, x: ([g.tanh(g.matmul(h[0], weights) + x[0])], []),
        [g.zeros((g.BATCH, 4), "float32")],
        [rows],
    )
    kernels = described(final)
    # A step: a product of (10, 4) and (4, 4), a sum and a tanh, whether one launch runs all or not.
    assert kernels.flops == 6 * (2 * 10 * 4 * 4 + 2 * 40)
    assert {kernel.times for kernel in kernels if kernel.flops} <= {1, 6}


def test_launches_that_share_a_kernels_work() -> None:
    """The first reads the inputs and has the FLOPs, the last writes the outputs; what one hands to
    the next is written and read."""
    total = g.sum(X, axis=0)
    kernel = Kernel("columns", (X,), (total,), X.shape, (total,), (0,))
    x, result = (
        DeviceBuffer("x", X.shape, "float32", X),
        DeviceBuffer("sum", total.shape, "float32"),
    )
    parts = DeviceBuffer("parts", (3, 4), "float32")
    one = (1, 1, 1)
    first = Launch("k0", kernel, "", (), one, one, reads=(x,), writes=(parts,))
    second = Launch("k1", kernel, "", (), one, one, reads=(parts,), writes=(result,))
    program = DeviceProgram("", (first, second), (result,))
    begin, end = describe(program, {BATCH: 10}, "f")
    assert (begin.flops, begin.bytes, begin.continues) == (40, (40 + 12) * 4, None)
    assert (end.flops, end.bytes, end.continues) == (0, (12 + 4) * 4, "k0")


def test_layers_and_reasons_come_with_each_kernel() -> None:
    with g.origin("dense_1"):
        product = g.matmul(X, g.transpose(TABLE))
    with g.origin("dense_2"):
        again = g.matmul(product, TABLE)
    kernels = described([again])
    assert kernels[0].layers == ("dense_1",)
    last = next(kernel for kernel in kernels if kernel.layers == ("dense_2",))
    assert any("dense_1" in reason for reason in last.reasons)
    assert last.as_dict()["reason"] == "; ".join(last.reasons)


def test_table_fits_the_page_whatever_layers_are_called() -> None:
    with g.origin("a_layer_with_quite_a_long_name_" * 4 + "\n*/ \t\x1b[2J'"):
        node = g.softmax(g.exp(X) + 1.0)
    kernels = described([node], title="a function of a long name " * 5)
    lines = str(kernels).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("k0_") for line in lines) == 1
    assert str(kernels).replace("\n", "").isprintable()


def test_html_escapes_names() -> None:
    with g.origin("<script>"):
        text = described([g.tanh(X)])._repr_html_()
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


def test_a_program_without_kernels() -> None:
    kernels = described([X])
    assert (len(kernels), kernels.launches, kernels.flops) == (0, 0, 0)
    assert (kernels.fewest, kernels.moved) == (0, 0)
    assert "0 kernels" in str(kernels)
