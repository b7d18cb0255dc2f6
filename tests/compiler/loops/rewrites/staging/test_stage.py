"""Staging: the copy is what the body reads, wherever the box begins and whoever copies it."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.graph.dim import Size, symbol, symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import Index, LoopVariable, as_index, variable
from graphc.compiler.loops.program import LoopProgram, Parts
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import Box, box_of
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.statement import Accumulate, Allocate, Store
from graphc.compiler.loops.value import Select, Value, at_least, below
from graphc.errors import ArgumentError, RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import SOME_SIZES, loops_of, plain_programs, same_meaning
from tests.compiler.loops.rewritten import assert_same, each_that_applies, lines_of

N, M, K = w.N, w.M, symbol("k")
(K_SYMBOL,) = symbols(K)
ROW, COLUMN, TAP = variable("row"), variable("column"), variable("tap")
ROW_OUTER, ROW_INNER = variable("row_outer"), variable("row_inner")
COLUMN_OUTER, COLUMN_INNER = variable("column_outer"), variable("column_inner")
X, W, Y = w.floats("x", N, K), w.floats("w", K, M), w.floats("y", N, M)
REGISTER, SHARED, THREAD = BufferScope.REGISTER, BufferScope.SHARED, BufferScope.THREAD
ALL_SIZES = [
    {w.N_SYMBOL: n, w.M_SYMBOL: m, K_SYMBOL: k} for n, m, k in [(1, 1, 1), (4, 8, 3), (9, 11, 5)]
]


def tiled_product() -> LoopProgram:
    """Return a product in tiles of 4 x 8."""
    tile = w.register("tile", 4, 8)
    row, column = ROW_OUTER * 4 + ROW_INNER, COLUMN_OUTER * 8 + COLUMN_INNER
    sums, term = (
        w.at(tile, ROW_INNER, COLUMN_INNER),
        w.op("mul", w.at(X, row, w.K), w.at(W, w.K, column)),
    )

    ends = (4, N - ROW_OUTER * 4), (8, M - COLUMN_OUTER * 8)
    first, last = variable("first_row"), variable("first_column")
    stored_row, stored_column = variable("stored_row"), variable("stored_column")
    return w.program(
        (X, W),
        (Y,),
        w.loop(
            ROW_OUTER,
            (N + 3) // 4,
            w.loop(
                COLUMN_OUTER,
                (M + 7) // 8,
                Allocate(tile),
                w.loop(
                    first,
                    ends[0],
                    w.loop(last, ends[1], Store(w.at(tile, first, last), w.number(0))),
                ),
                w.loop(
                    w.K,
                    K,
                    w.loop(
                        ROW_INNER,
                        ends[0],
                        w.loop(COLUMN_INNER, ends[1], Accumulate("sum", (sums,), (term,))),
                    ),
                ),
                w.loop(
                    stored_row,
                    ends[0],
                    w.loop(
                        stored_column,
                        ends[1],
                        Store(
                            w.at(Y, ROW_OUTER * 4 + stored_row, COLUMN_OUTER * 8 + stored_column),
                            w.at(tile, stored_row, stored_column),
                        ),
                    ),
                ),
            ),
        ),
    )


def substituted_tap(value: Value) -> Value:
    """Return what a value is at the last tap."""
    last = {LoopVariable("tap"): as_index(2)}
    return Parts(index=lambda index: index.substitute(last)).in_value(value)


def convolution(first: int = 0, outside: float = 0.0) -> LoopProgram:
    """Return a convolution of rows with three taps; a row ahead of the first one, or behind, is a
    number, of the last tap another one."""
    image, filters, result = (
        w.floats("image", N, 4),
        w.floats("filters", 3),
        w.floats("result", N, 4),
    )
    at = ROW + TAP - 1
    read = w.at(image, at, COLUMN)
    tests = (at_least(at, first), below(at, N))
    value = Select(tests, read, w.number(0.0))
    other = Select(tests, read, w.number(outside))
    total = w.register("total")
    return w.program(
        (image, filters),
        (result,),
        w.loop(
            ROW,
            N,
            w.loop(
                COLUMN,
                4,
                Allocate(total),
                Store(w.at(total), w.number(0.0)),
                w.loop(
                    TAP,
                    3,
                    Accumulate("sum", (w.at(total),), (w.op("mul", value, w.at(filters, TAP)),)),
                ),
                Accumulate("sum", (w.at(total),), (substituted_tap(other),)),
                Store(w.at(result, ROW, COLUMN), w.at(total)),
            ),
        ),
    )


# ---- bounds -------------------------------------------------------------------------------------

AROUND = Ranges().within(LoopVariable("row"), N)


@pytest.mark.parametrize(
    ("indices", "ends", "start", "extent"),
    [
        ((ROW * 2 + TAP,), (3,), ROW * 2, 3),
        ((ROW - TAP,), (3,), ROW - 2, 3),
        ((TAP,), (4, N - ROW), as_index(0), 4),
        ((ROW * 4 + TAP - 1, ROW * 4 + TAP + 1), (4, N - ROW * 4), ROW * 4 - 1, 6),
        ((ROW + TAP // 2,), (7,), ROW, 4),
        ((ROW + TAP % 4,), (M,), ROW, 4),
        ((TAP,), (ROW,), as_index(0), N - 1),
        ((TAP * 2,), (M,), as_index(0), M * 2 - 1),
    ],
)
def test_the_box_of_reads(
    indices: tuple[Index, ...], ends: tuple[Index | Size, ...], start: Index, extent: Size
) -> None:
    inside = AROUND.within(LoopVariable("tap"), *ends)
    accesses = [((index,), inside) for index in indices]
    assert box_of(accesses, AROUND, {LoopVariable("row")}) == Box((start,), (extent,))


def test_reads_at_an_unknown_distance_have_no_box() -> None:
    accesses = [((ROW,), AROUND), ((N - ROW - 1,), AROUND)]
    assert box_of(accesses, AROUND, {LoopVariable("row")}) == 0


# ---- layouts ------------------------------------------------------------------------------------


def test_a_layout_orders_axes_and_their_tiles() -> None:
    panels = BufferLayout((1, 0, 1), {1: 8})
    assert panels.shape((K, 20)) == (3, K, 8)
    assert panels.coords((ROW, COLUMN)) == (COLUMN // 8, ROW, COLUMN % 8)
    assert panels.place((ROW_OUTER, ROW, ROW_INNER)) == (ROW, ROW_OUTER * 8 + ROW_INNER)
    assert BufferLayout((1, 0), padding=1).shape((16, 8)) == (8, 17)


@pytest.mark.parametrize(
    ("order", "tiles", "padding"),
    [((0, 1, 1), {}, 0), ((0, 1), {1: 8}, 0), ((0, 2), {}, 0), ((0, 0), {0: 0}, 0), ((0,), {}, -1)],
)
def test_other_layouts_are_refused(
    order: tuple[int, ...], tiles: dict[int, int], padding: int
) -> None:
    with pytest.raises(ArgumentError, match="layout"):
        BufferLayout(order, tiles, padding)


# ---- copies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", ALL_SIZES)
def test_packed_operands_of_a_product(sizes: dict[object, int]) -> None:
    before = tiled_product()
    after = stage(before, None, "w", BufferScope.GLOBAL, BufferLayout((1, 0, 1), {1: 8}), "panels")
    after = stage(after, "row_outer", "x", THREAD, BufferLayout((0, 1, 0), {0: 4}))
    after = stage(after, "k", "panels", REGISTER, name="right")
    lines = lines_of(after)
    assert "allocate panels: float32[(m + 7) // 8, k, 8] in global" in lines
    assert "right[0, 0, right_axis2] = panels[column_outer, k, right_axis2]" in lines
    assert (
        "tile[row_inner, column_inner] = sum(tile[row_inner, column_inner], "
        "mul(x_tile[0, k, row_inner], right[0, 0, column_inner]))" in lines
    )
    assert_same(before, after, sizes)


@pytest.mark.parametrize("sizes", ALL_SIZES)
def test_what_is_behind_the_box_in_a_last_tile_gets_no_value(sizes: dict[object, int]) -> None:
    """So it has no test, where a whole tile has zeros."""
    panels = BufferLayout((1, 0, 1), {1: 8})
    before = tiled_product()
    whole = stage(before, None, "w", BufferScope.GLOBAL, panels, "panels")
    after = stage(before, None, "w", BufferScope.GLOBAL, panels, "panels", in_whole_tiles=False)
    ending = "for panels_axis1_inner < min(8, m - 8*panels_axis1_outer):"
    assert ending in lines_of(after)
    assert ending not in lines_of(whole)
    assert not any(" else 0.0)" in line for line in lines_of(after))
    assert any(" else 0.0)" in line for line in lines_of(whole))
    assert_same(before, after, sizes)


@pytest.mark.parametrize(("first", "outside"), [(1, 0.0), (0, 2.0)])
def test_a_border_that_is_not_all_that_is_missing_stays_in_the_body(
    first: int, outside: float
) -> None:
    before = convolution(first, outside)
    after = stage(before, "row", "image", THREAD, name="rows")
    assert any("rows[tap, column] if" in line for line in lines_of(after))
    for size in (1, 4):
        assert_same(before, after, {w.N_SYMBOL: size})


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_border_of_a_convolution_is_in_the_copy(size: int) -> None:
    before = convolution()
    after = stage(before, "row", "image", THREAD, name="rows")
    lines = lines_of(after)
    assert "allocate rows: float32[3, 4] in thread" in lines
    assert "total[] = sum(total[], mul(rows[tap, column], filters[tap]))" in lines
    assert_same(before, after, {w.N_SYMBOL: size})


def test_a_border_in_whole_packs_is_in_the_copy() -> None:
    step, pack, lane = variable("step"), variable("pack"), variable("lane")
    x, y = w.floats("x", 20), w.floats("y", 2, 4, 4)
    element = w.at(x, step * 16 + pack * 4 + lane)
    chosen = Select((below(step * 4 + pack, 5),), element, w.number(0))  # for each lane alike
    inner = w.loop(lane, 4, Store(w.at(y, step, pack, lane), chosen))
    before = w.program((x,), (y,), w.loop(step, 2, w.loop(pack, 4, inner)))
    after = stage(before, "step", "x", THREAD, name="copy")
    assert "y[step, pack, lane] = copy[4*pack + lane]" in lines_of(after)
    assert_same(before, after)


def test_a_row_that_a_remainder_numbers_is_copied_whole() -> None:
    """Of a buffer that the program fills: all of the row is read."""
    step, lane = variable("step"), variable("lane")
    x, y, rows = w.floats("x", 2, 4), w.floats("y", 2, 4), w.register("rows", 2, 4)
    fill = w.loop(ROW, 2, w.loop(TAP, 4, Store(w.at(rows, ROW, TAP), w.at(x, ROW, TAP))))
    use = w.loop(lane, 4, Store(w.at(y, step, lane), w.at(rows, step % 2, lane)))
    before = w.program((x,), (y,), Allocate(rows), fill, w.loop(step, 2, use))
    after = stage(before, "step", "rows", REGISTER, name="row_copy")
    assert "y[step, lane] = row_copy[0, lane]" in lines_of(after)
    assert_same(before, after)


def shared_product(kind: str = "thread", threads: int = 4) -> LoopProgram:
    """Return a product with a thread, or a member of a team, for each column; in steps of three."""
    thread, step, inner = variable("thread"), variable("step"), variable("inner")
    total, columns = w.register("total"), w.floats("columns", K, threads)
    result = w.floats("result", N, threads)
    at = step * 3 + inner
    term = w.op("mul", w.at(X, ROW, at), w.at(columns, at, thread))
    body = w.loop(
        thread,
        threads,
        Allocate(total),
        Store(w.at(total), w.number(0.0)),
        w.loop(
            step,
            (K + 2) // 3,
            w.loop(inner, (3, K - step * 3), Accumulate("sum", (w.at(total),), (term,))),
        ),
        Store(w.at(result, ROW, thread), w.at(total)),
        kind=kind,
    )
    outer = w.loop(ROW, N, body, kind="block" if kind == "thread" else "serial")
    return w.program((X, columns), (result,), outer)


@pytest.mark.parametrize("kind", ["thread", "team"])
@pytest.mark.parametrize("threads", [2, 4])
@pytest.mark.parametrize("k", [1, 7, 9])
def test_threads_that_share_a_copy_make_it_together(kind: str, threads: int, k: int) -> None:
    before = shared_product(kind, threads)
    after = stage(before, "step", "columns", SHARED)
    after = stage(after, "step", "x", SHARED, name="row_tile")
    sizes = {w.N_SYMBOL: 3, K_SYMBOL: k}
    assert_same(before, after, sizes)


@pytest.mark.parametrize("kind", ["thread", "team"])
@pytest.mark.parametrize("neighbours", [2, 4])
def test_threads_take_neighbours(kind: str, neighbours: int) -> None:
    before = shared_product(kind)
    after = stage(before, "step", "columns", SHARED, neighbours=neighbours)
    assert f"for columns_tile_neighbour < {neighbours}:" in lines_of(after)
    for k in (1, 7, 9):
        assert_same(before, after, {w.N_SYMBOL: 3, K_SYMBOL: k})


def test_neighbours_divide_what_threads_share() -> None:
    for program, loop in ((shared_product(), "step"), (tiled_product(), "k")):
        with pytest.raises(RewriteError, match="threads that share it, and a multiple of 4 along"):
            stage(program, loop, "x", SHARED, neighbours=4)


def test_a_copy_that_threads_share_lies_between_barriers() -> None:
    assert lines_of(stage(shared_product(), "step", "columns", SHARED))[5:] == [
        "barrier (shared)",
        "allocate columns_tile: float32[3, 4] in shared",
        "for columns_tile_turn < 3:",
        "columns_tile[columns_tile_turn, thread] = (columns[3*step + columns_tile_turn, thread] if "
        "3*step + columns_tile_turn < k else 0.0)",
        "barrier (shared)",
        "for inner < min(3, k - 3*step):",
        "total[] = sum(total[], mul(x[row, 3*step + inner], columns_tile[inner, thread]))",
        "result[row, thread] = total[]",
    ]


# ---- refusals -----------------------------------------------------------------------------------


def in_place(step: int = 1) -> LoopProgram:
    """Return a program that reads some elements of what it writes elsewhere."""
    y, z = w.floats("y", 8), w.floats("z", 4)
    fill = w.loop(ROW, 8, Store(w.at(y, ROW), w.count(ROW)))
    read = w.loop(TAP, 4, Store(w.at(z, TAP), w.at(y, TAP * step)))
    return w.program((), (y, z), fill, w.loop(w.K, 1, read))


def test_what_the_program_writes_is_copied_where_it_is_read() -> None:
    before = in_place()
    assert_same(before, stage(before, "k", "y", REGISTER))


def uneven() -> LoopProgram:
    """Return threads that take a different number of turns each."""
    thread, step = variable("thread"), variable("step")
    x, y = w.floats("x", 4), w.floats("y", 4)
    turn = w.loop(step, thread, Accumulate("sum", (w.at(y, thread),), (w.at(x, step),)))
    first = Store(w.at(y, thread), w.number(0.0))
    return w.program((x,), (y,), w.loop(thread, 4, first, turn, kind="thread"))


REFUSED = [
    (tiled_product(), "k", "y", REGISTER, None, "a buffer that the body reads, found only tile, w"),
    (tiled_product(), None, "tile", REGISTER, None, "that the body does not write its memory"),
    (tiled_product(), "columns", "x", REGISTER, None, "the name of a loop's variable"),
    (
        tiled_product(),
        "k",
        "x",
        REGISTER,
        BufferLayout((0,)),
        "a layout of its 2 axes, found one of 1",
    ),
    (shared_product(), "step", "x", BufferScope.GLOBAL, None, "found row (block)"),
    (in_place(2), "k", "y", REGISTER, None, "reads of all 7 elements of the box"),
    (uneven(), "step", "x", SHARED, None, "all threads to come to a barrier there"),
]


@pytest.mark.parametrize(
    ("program", "loop", "buffer", "scope", "layout", "message"), REFUSED, ids=range(len(REFUSED))
)
def test_other_copies_are_refused(
    program: LoopProgram,
    loop: str,
    buffer: str,
    scope: BufferScope,
    layout: BufferLayout | None,
    message: str,
) -> None:
    with pytest.raises(RewriteError) as error:
        stage(program, loop, buffer, scope, layout)
    assert message in str(error.value)
    assert "kernel k0(" in str(error.value)


@settings(deadline=None, max_examples=12)
@given(plain_programs(), st.data())
def test_copies_of_random_programs(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from([None, *loops_of(program)]))
    scope = data.draw(st.sampled_from([REGISTER, SHARED, THREAD]))
    tile = data.draw(st.integers(1, 4))
    for buffer in program.inputs:
        rank = len(buffer.shape)
        axis = data.draw(st.integers(0, rank - 1))
        others = data.draw(st.permutations([one for one in range(rank) if one != axis]))
        layout = BufferLayout((axis, *others, axis), {axis: tile})
        for after in each_that_applies([partial(stage, program, loop, buffer.name, scope, layout)]):
            same_meaning(program, after, *SOME_SIZES[:2])
