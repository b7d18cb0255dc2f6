"""Functions of short rows, as loops over all elements of some rows, behind products' and
convolutions' sums too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import evaluate as size_of
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram, innermost_loops
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.convolutions.image_rows import ROWS_OF_IMAGES
from graphc.compiler.targets.cpu.flat_functions import MOST_COLUMNS, ROWS
from graphc.compiler.targets.cpu.functions import functions_in
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target
from tests.compiler.targets.cpu.convolutions.checks import check
from tests.compiler.targets.cuda.products.cases import ARGUMENTS

CPU = Target("cpu", 64, 32, (32 << 10, 1 << 20), 2)
(B,) = symbols(BATCH)


def _biased(columns: int) -> Node:
    return g.tanh(_rows(columns) + _bias(columns))


def _behind_a_factor(columns: int) -> Node:
    """The bias is read again behind the function, by a loop over columns of its own."""
    x, bias = _rows(columns), _bias(columns)
    return g.sigmoid(x + bias) * (x - bias)


def _several(columns: int) -> Node:
    """Functions of functions, with what a row has alone."""
    x, bias, own = _rows(columns), _bias(columns), g.input((BATCH, 1), name="own")
    return g.exp(g.tanh(x + bias) * bias - own) + own


def _dropped(columns: int) -> Node:
    kept = g.random.bernoulli((BATCH, columns), 0.8, seed=3)
    return g.where(kept, g.tanh(_rows(columns) + _bias(columns)) / 0.8, 0.0)


def _noisy(columns: int) -> Node:
    """Two functions, of words each, of which the second one is not made of the first."""
    return _rows(columns) + _bias(columns) + g.random.normal((BATCH, columns), seed=3)


def _product(columns: int) -> Node:
    weights = g.input((6, columns), name="weights")
    return g.tanh(g.matmul(g.input((BATCH, 6), name="left"), weights) + _bias(columns))


def _rows(columns: int) -> Node:
    return g.input((BATCH, columns), name="x")


def _bias(columns: int) -> Node:
    return g.input((columns,), name="bias")


def _plain(output: Node) -> LoopProgram:
    (kernel,) = kernels(make_schedule([output]))
    return plain_program(kernel, "k0", buffers_of(kernel))


def _mapped(program: LoopProgram, kind: str = "pointwise") -> LoopProgram:
    return choose(program, CPU, CPU_MAPPINGS[kind]).program


@pytest.mark.parametrize("make", [_biased, _behind_a_factor, _several, _dropped, _noisy, _product])
@pytest.mark.parametrize("columns", [2, 3, 10, 17, MOST_COLUMNS])
@pytest.mark.parametrize("batch", [1, ROWS, ROWS + 3])
def test_elements_are_those_of_the_plain_program(
    make: Callable[[int], Node], columns: int, batch: int
) -> None:
    before = _plain(make(columns))
    after = _mapped(before, "matmul" if make is _product else "pointwise")
    functions = [one for one in innermost_loops(after.body) if any(functions_in(one))]
    assert functions
    assert all(one.ends[0].constant != columns for one in functions)
    draw = np.random.default_rng(columns)
    arrays = {}
    for one in before.inputs:
        shape = [size_of(size, {B: batch}) for size in one.shape]
        arrays[one.name] = draw.normal(size=shape).astype(one.dtype)
    given = {one.name: ARGUMENTS[one.name] for one in before.arguments}
    (expected,) = evaluate(before, arrays, {B: batch}, arguments=given).outputs.values()
    for order in TurnOrder:
        ours = evaluate(after, arrays, {B: batch}, arguments=given, order=order)
        (found,) = ours.outputs.values()
        if make is _product:  # fused operations round once
            np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6)
        else:
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("columns", [7, 14, 28])
@pytest.mark.parametrize("rows", [5, ROWS + 3])
def test_functions_behind_a_convolution_are_of_all_its_rows(rows: int, columns: int) -> None:
    image = g.input((BATCH, 3, rows, columns), name="image")
    kernel = g.input((2, 3, 3, 3), name="kernel")
    result = g.conv(image, kernel, padding=1) + g.input((2, 1, 1), name="bias")
    before = _plain(g.where(result > 0, result, g.expm1(result)) * image[:, :1])
    after = ROWS_OF_IMAGES.rewrites(before, CPU)
    functions = [one for one in innermost_loops(after.body) if any(functions_in(one))]
    assert functions
    assert all(one.ends[0].constant != columns for one in functions)
    check(before, after)


@pytest.mark.parametrize("columns", [16, MOST_COLUMNS + 1, 300])
def test_rows_of_whole_vectors_and_long_ones_are_as_they_were(columns: int) -> None:
    (loop,) = innermost_loops(_mapped(_plain(_biased(columns))).body)
    assert loop.ends[0].constant == columns
