"""A tiled and packed product of matrices follows from its three loops by rewrites."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.graph.dim import symbol, symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.pack import pack
from graphc.compiler.loops.rewrites.conditions.branch import branch
from graphc.compiler.loops.rewrites.conditions.predicate import predicate
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.merge_barriers import merge_barriers
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.pipeline import Copying, pipeline
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.statement import Accumulate, Allocate, LoopKind, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import arrays_for
from tests.compiler.loops.rewritten import assert_same, lines_of

N, M, K = w.N, w.M, symbol("k")
(K_SYMBOL,) = symbols(K)
ROW, COLUMN, RUN = variable("row"), variable("column"), variable("run")
X, W, Y = w.floats("x", N, K), w.floats("w", K, M), w.floats("y", N, M)
SIZES = [
    {w.N_SYMBOL: n, w.M_SYMBOL: m, K_SYMBOL: k} for n, m, k in [(1, 1, 1), (8, 16, 4), (9, 11, 7)]
]


def product() -> LoopProgram:
    """Return the three loops."""
    total = w.register("total")
    term = w.op("mul", w.at(X, ROW, RUN), w.at(W, RUN, COLUMN))
    body = (
        Allocate(total),
        Store(w.at(total), w.number(0.0)),
        w.loop(RUN, K, Accumulate("sum", (w.at(total),), (term,), "dense_1")),
        Store(w.at(Y, ROW, COLUMN), w.at(total)),
    )
    return w.program((X, W), (Y,), w.loop(ROW, N, w.loop(COLUMN, M, *body)))


def in_tiles(program: LoopProgram) -> LoopProgram:
    """Return the product with accumulators for 4 rows and 8 columns, which a step adds to all."""
    program = split(program, "column", 8, Tail.SHORT)
    program = split(program, "row", 4, Tail.SHORT)
    program = reorder(program, "row_inner", "column_outer")
    program = expand(program, "column_inner", "total")
    program = expand(program, "row_inner", "total")
    for loops in (("column_inner", "row_inner"), ("column_inner_2", "row_inner_2")):
        for loop in loops:
            program = fission(program, loop, 1)
    program = reorder(program, "column_inner_2", "run")
    return reorder(program, "row_inner_2", "run")


def packed(program: LoopProgram) -> LoopProgram:
    """Return it with panels of 8 columns of the right operand, and of 4 rows of the left one."""
    program = stage(
        program, None, "w", BufferScope.GLOBAL, BufferLayout((1, 0, 1), {1: 8}), "columns"
    )
    layout = BufferLayout((0, 1, 0), {0: 4})
    return stage(program, "row_outer", "x", BufferScope.THREAD, layout, "rows")


@pytest.mark.parametrize("sizes", SIZES)
def test_the_tiled_and_packed_product_has_the_same_bits(sizes: dict[object, int]) -> None:
    before = product()
    after = packed(in_tiles(before))
    assert_same(before, after, sizes)
    team = bind(after, "row_outer", LoopKind.TEAM)
    assert_same(before, vectorise(team, "columns_axis1_inner"), sizes)
    assert_same(before, contract(after, "run"), sizes, rtol=1e-4)


def test_each_rewrite_leaves_its_part_of_the_program() -> None:
    assert lines_of(packed(in_tiles(product()))) == [
        "allocate columns: float32[(m + 7) // 8, k, 8] in global",
        "for columns_axis1_outer < (m + 7) // 8:",
        "for columns_axis0 < k:",
        "for columns_axis1_inner < 8:",
        "columns[columns_axis1_outer, columns_axis0, columns_axis1_inner] = (w[columns_axis0, "
        "8*columns_axis1_outer + columns_axis1_inner] if "
        "8*columns_axis1_outer + columns_axis1_inner < m else 0.0)",
        "for row_outer < (n + 3) // 4:",
        "allocate rows: float32[1, k, 4] in thread",
        "for rows_axis1 < k:",
        "for rows_axis0_inner < 4:",
        "rows[0, rows_axis1, rows_axis0_inner] = (x[4*row_outer + rows_axis0_inner, rows_axis1] "
        "if 4*row_outer + rows_axis0_inner < n else 0.0)",
        "for column_outer < (m + 7) // 8:",
        "allocate total: float32[4, 8] in register",
        "for row_inner < min(4, n - 4*row_outer):",
        "for column_inner < min(8, m - 8*column_outer):",
        "total[row_inner, column_inner] = 0.0",
        "for run < k:",
        "for row_inner_2 < min(4, n - 4*row_outer):",
        "for column_inner_2 < min(8, m - 8*column_outer):",
        "total[row_inner_2, column_inner_2] = sum(total[row_inner_2, column_inner_2], "
        "mul(rows[0, run, row_inner_2], columns[column_outer, run, column_inner_2]))",
        "for row_inner_3 < min(4, n - 4*row_outer):",
        "for column_inner_3 < min(8, m - 8*column_outer):",
        "y[4*row_outer + row_inner_3, 8*column_outer + column_inner_3] = "
        "total[row_inner_3, column_inner_3]",
    ]


def by_blocks(program: LoopProgram) -> LoopProgram:
    """Return the product with a tile of 8 x 16 results for a block, of 2 x 4 for a thread, and the
    operands' tiles in shared memory, 4 terms at a time. The next ones are held in registers while
    a block computes, and of the ones that it has a thread takes four neighbours at once."""
    program = split(split(program, "row", 8), "column", 16)
    program = predicate(predicate(program, "column_inner"), "row_inner")
    program = reorder(program, "row_inner", "column_outer")
    program = split(program, "row_inner", 2, Tail.NONE)
    program = split(program, "column_inner", 4, Tail.NONE)
    program = reorder(program, "row_inner_inner", "column_inner_outer")
    loops = ("column_inner_inner", "row_inner_inner")
    for loop in loops:
        program = expand(program, loop, "total")
    for suffix in ("", "_2"):
        for loop in loops:
            program = fission(program, loop + suffix, 1)
    for loop in loops:
        program = reorder(program, f"{loop}_2", "run")
    program = split(branch(program, "column_inner_inner_3"), "run", 4, Tail.SHORT)
    for loop in ("row_outer", "column_outer"):
        program = bind(program, loop, LoopKind.BLOCK)
    for loop in ("row_inner_outer", "column_inner_outer"):
        program = bind(program, loop, LoopKind.THREAD)
    for buffer, order, name in (("x", (1, 0), "rows"), ("w", (0, 1), "columns")):
        layout = BufferLayout(order, padding=4)
        program = stage(program, "run_outer", buffer, BufferScope.SHARED, layout, name, 2)
    program = merge_barriers(program)
    program = pipeline(program, "run_outer", ["rows", "columns"], copying=Copying.HELD)
    for name in ("rows", "columns"):
        program = stage(program, "run_inner", name, BufferScope.REGISTER)
    return pack(program, "columns_tile_axis2")


@pytest.mark.parametrize("sizes", SIZES)
def test_the_product_by_blocks_has_the_same_bits(sizes: dict[object, int]) -> None:
    assert_same(product(), by_blocks(product()), sizes)


def test_parts_of_the_sums_of_a_tile() -> None:
    after = partial_sums(packed(in_tiles(product())), "run", lanes=3)
    assert "allocate total_parts: float32[4, 8, 3] in register" in lines_of(after)
    for sizes in SIZES:
        arrays = {
            name: np.random.default_rng(5).standard_normal(array.shape).astype("float32")
            for name, array in arrays_for(after, sizes).items()
        }
        result = evaluate(after, arrays, sizes).outputs["y"]
        expected = arrays["x"].astype("float64") @ arrays["w"].astype("float64")
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
