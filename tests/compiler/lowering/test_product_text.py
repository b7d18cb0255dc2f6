"""The CUDA text of products: what a reader meets, and what the compiler makes of it."""

from __future__ import annotations

import re
import shutil

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.launch import launches, value_of
from tests.compiler.lowering.golden_text import check_golden
from tests.nvcc import gate

NVCC = shutil.which("nvcc")


def dense(units: int = 512, layer: str = "dense_1") -> Node:
    """A dense layer, its activation and dropout."""
    with g.origin(layer):
        x = g.set_name(g.input((BATCH, 784), "float32"), "x")
        w = g.set_name(g.input((784, units), "float32"), "W")
        b = g.set_name(g.input((units,), "float32"), "b")
        active = g.maximum(g.matmul(x, w) + b, 0)
    with g.origin("dropout_1"):
        kept = g.random.bernoulli((BATCH, units), 0.8, seed=1)
        return g.where(kept, active / 0.8, 0)


def weight_gradient(dtype: str = "float32") -> Node:
    """Over all places of a batch: a long sum, whose parts are added by a second kernel."""
    x, delta = g.input((BATCH * 676, 9), dtype), g.input((BATCH * 676, 32), dtype)
    return g.matmul(g.transpose(x), delta) * 0.01


def gates(dtype: str = "float32") -> Node:
    """Four products of one operand, and what an LSTM makes of them."""
    h = g.input((BATCH, 128), dtype)
    i, f, o, c = (g.matmul(h, g.input((128, 128), dtype)) for _ in range(4))
    return g.sigmoid(o) * g.tanh(g.sigmoid(i) * g.tanh(c) + g.sigmoid(f))


def text(*outputs: Node) -> str:
    return "\n".join(launch.text for launch in launches(lower(outputs).steps))


def test_golden_text() -> None:
    check_golden("matmul", text(dense()))


def test_golden_text_of_a_product_that_is_reshaped() -> None:
    """The addend has the shape of the result, so four neighbours are read and stored at once."""
    x, w = g.input((BATCH, 64), name="x"), g.input((64, 32), name="W")
    y = g.input((BATCH, 4, 8), name="y")
    with g.origin("dense_1"):
        check_golden("matmul_reshaped", text(g.reshape(g.matmul(x, w), (-1, 4, 8)) + y))


def test_golden_text_of_a_vector_in_parts() -> None:
    """A long k: each warp sums a part of it, and a second kernel adds the parts."""
    x, w = g.input((1, 100_000), name="x"), g.input((100_000, 3), name="W")
    with g.origin("dense_1"):
        check_golden("vector_in_parts", text(g.matmul(x, w) * 0.5))


def test_one_text_serves_every_batch_and_every_name() -> None:
    outputs = [dense(), weight_gradient()]
    program = lower(outputs)
    assert program.source == lower(outputs).source
    without = [re.sub(r"//.*", "", text(dense(layer=name))) for name in ("dense_1", 'a"*/\\')]
    assert without[0] == without[1]
    (batch,) = g.dim.symbols(BATCH)
    grids = [
        [[value_of(size, {batch: n}) for size in launch.grid] for launch in launches(program.steps)]
        for n in (1, 7, 128)
    ]
    tiles = [grid[0][0] for grid in grids]
    assert tiles == [16, 16, 128]  # of 16 x 32 results
    assert len({grid[1][0] for grid in grids}) == 1  # as many parts of sums, whatever the batch is


@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
@pytest.mark.parametrize("arch", ["sm_75", "sm_90"])
def test_no_kernel_spills_and_nothing_is_warned_of(arch: str) -> None:
    outputs = [dense(), dense(10), dense(1), weight_gradient(), gates(), gates("float64")]
    for dtype in ("float32", "float64"):
        for turned in (False, True):
            a, b = (g.input((2048, 2048), dtype) for _ in range(2))
            outputs.append(g.matmul(g.transpose(a) if turned else a, b))
            odd = g.input((2049, 2049), dtype)
            outputs.append(g.tanh(g.matmul(odd, g.transpose(odd) if turned else odd)))
        outputs.append(g.matmul(g.input((BATCH, 50, 6), dtype), g.input((BATCH, 6, 50), dtype)))
    program = lower(outputs)
    kernels, said = gate.assembled(NVCC, program.source, arch)
    assert said == []
    assert len(kernels) == len(launches(program.steps))
    assert gate.problems_of("products", arch, kernels) == []
