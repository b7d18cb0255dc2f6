"""Pipelining: elements are copied some turns ahead, and each turn reads its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from graphc.compiler.graph.dim import symbol, symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.merge_barriers import merge_barriers
from graphc.compiler.loops.rewrites.staging.pipeline import Copying, pipeline
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.statement import Accumulate, Allocate, Barrier, LoopKind, Store
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.rewritten import assert_same, lines_of

N, K = w.N, symbol("k")
(K_SYMBOL,) = symbols(K)
ROW, STEP, INNER, THREAD = map(variable, ("row", "step", "inner", "thread"))
X = w.floats("x", N, K * 4)
OWN, SHARED = BufferScope.THREAD, BufferScope.SHARED


def sums(kind: str = "serial", end: int = 2) -> LoopProgram:
    """Return sums of the rows of a matrix times a column each, in steps of 4, copied to a tile."""
    columns, y, total = w.floats("columns", K * 4, end), w.floats("y", N, end), w.register("total")
    at = STEP * 4 + INNER
    term = w.op("mul", w.at(X, ROW, at), w.at(columns, at, THREAD))
    body = (
        Allocate(total),
        Store(w.at(total), w.number(0.0)),
        w.loop(STEP, K, w.loop(INNER, 4, Accumulate("sum", (w.at(total),), (term,)))),
        Store(w.at(y, ROW, THREAD), w.at(total)),
    )
    if kind == "thread":  # each thread has all rows
        rows = w.loop(THREAD, end, w.loop(ROW, N, *body), kind=kind)
        return w.program((X, columns), (y,), w.loop(variable("block"), 1, rows, kind="block"))
    return w.program((X, columns), (y,), w.loop(ROW, N, w.loop(THREAD, end, *body, kind=kind)))


def staged(kind: str = "serial") -> LoopProgram:
    return stage(sums(kind), "step", "x", SHARED if kind != "serial" else OWN, name="tile")


@pytest.mark.parametrize("copying", list(Copying))
@pytest.mark.parametrize("stages", [2, 3, 4])
@pytest.mark.parametrize("kind", ["serial", "team", "thread"])
def test_copies_ahead_of_their_turns(kind: str, stages: int, copying: Copying) -> None:
    before = staged(kind)
    after = pipeline(before, "step", ["tile"], stages, copying)
    for k in (1, 2, 3, 5):
        assert_same(before, after, {w.N_SYMBOL: 2, K_SYMBOL: k})


def test_both_operands_are_copied_ahead() -> None:
    before = stage(staged("thread"), "step", "columns", SHARED)
    after = pipeline(before, "step", ["tile"], copying=Copying.ASYNCHRONOUS)
    after = pipeline(after, "step", ["columns_tile"], 3)
    for k in (1, 4):
        assert_same(before, after, {w.N_SYMBOL: 2, K_SYMBOL: k})


def test_one_barrier_a_turn_is_left() -> None:
    assert lines_of(pipeline(staged("thread"), "step", ["tile"]))[5:] == [
        "barrier (shared)",
        "allocate tile: float32[2, 1, 4] in shared",
        "for tile_turn_2 < 2:",
        "tile[0, 0, 2*tile_turn_2 + thread] = x[row, 2*tile_turn_2 + thread]",
        "for step < k:",
        "barrier (shared)",
        "if step < k - 1:",
        "for tile_turn_3 < 2:",
        "tile[(step + 1) % 2, 0, 2*tile_turn_3 + thread] = "
        "x[row, 4*step + 2*tile_turn_3 + thread + 4]",
        "for inner < 4:",
        "total[] = sum(total[], mul(tile[step % 2, 0, inner], columns[4*step + inner, thread]))",
        "y[row, thread] = total[]",
    ]


def test_a_loop_over_neighbours_is_one_asynchronous_copy() -> None:
    lines = lines_of(pipeline(staged(), "step", ["tile"], 3, Copying.ASYNCHRONOUS))
    assert "copy 4 from x[row, 4*step + 8] to tile[(step + 2) % 3, 0, 0] (async)" in lines
    assert lines.count("wait until 2 are pending") == 1
    assert lines.count("wait until 1 are pending") == 1


def bordered() -> LoopProgram:
    """Return a program whose copy has zeros behind the end of its source."""
    x, y = w.floats("x", N), w.floats("y", N)
    read = w.loop(
        INNER, (4, N - STEP * 4), Store(w.at(y, STEP * 4 + INNER), w.at(x, STEP * 4 + INNER))
    )
    return stage(
        w.program((x,), (y,), w.loop(STEP, (N + 3) // 4, read)), "step", "x", OWN, name="tile"
    )


def test_a_border_is_copied_ahead_by_plain_statements() -> None:
    for size in (1, 8, 11):
        assert_same(bordered(), pipeline(bordered(), "step", ["tile"]), {w.N_SYMBOL: size})


def test_what_registers_hold_is_stored_behind_what_a_turn_computes() -> None:
    lines = lines_of(pipeline(staged("thread"), "step", ["tile"], copying=Copying.HELD))
    turn = lines[lines.index("for step < k:") + 1 :]
    assert turn == [
        "allocate tile_next: float32[2] in register",
        "barrier (shared)",
        "if step < k - 1:",
        "for tile_turn_3 < 2:",
        "tile_next[tile_turn_3] = x[row, 4*step + 2*tile_turn_3 + thread + 4]",
        "for inner < 4:",
        "total[] = sum(total[], mul(tile[step % 2, 0, inner], columns[4*step + inner, thread]))",
        "if step < k - 1:",
        "for tile_turn_4 < 2:",
        "tile[(step + 1) % 2, 0, 2*tile_turn_4 + thread] = tile_next[tile_turn_4]",
        "y[row, thread] = total[]",
    ]


def test_what_one_thread_holds_takes_the_place_of_what_it_has_read() -> None:
    lines = lines_of(pipeline(staged(), "step", ["tile"], copying=Copying.HELD))
    start = lines.index("allocate tile: float32[1, 4] in thread")
    turn = lines.index("for step < k:")
    assert lines[start + 1 : turn] == [
        "for tile_axis1_2 < 4:",
        "tile[0, tile_axis1_2] = x[row, tile_axis1_2]",
    ]
    assert lines[turn + 1 :] == [
        "allocate tile_next: float32[4] in register",
        "if step < k - 1:",
        "for tile_axis1_3 < 4:",
        "tile_next[tile_axis1_3] = x[row, 4*step + tile_axis1_3 + 4]",
        "for inner < 4:",
        "total[] = sum(total[], mul(tile[0, inner], columns[4*step + inner, thread]))",
        "if step < k - 1:",
        "for tile_axis1_4 < 4:",
        "tile[0, tile_axis1_4] = tile_next[tile_axis1_4]",
        "y[row, thread] = total[]",
    ]


def test_a_border_is_held_in_registers() -> None:
    for size in (1, 8, 11):
        held = pipeline(bordered(), "step", ["tile"], copying=Copying.HELD)
        assert_same(bordered(), held, {w.N_SYMBOL: size})


def both_staged() -> LoopProgram:
    return merge_barriers(stage(staged("thread"), "step", "columns", SHARED))


@pytest.mark.parametrize("stages", [2, 3])
def test_buffers_that_are_filled_together_share_a_barrier(stages: int) -> None:
    after = pipeline(both_staged(), "step", ["tile", "columns_tile"], stages)
    assert sum(isinstance(one, Barrier) for one in after.loop("step").body) == 1
    for k in (1, 2, 3, 5):
        assert_same(both_staged(), after, {w.N_SYMBOL: 2, K_SYMBOL: k})


def test_buffers_that_are_filled_at_different_places_are_not_pipelined_together() -> None:
    before = stage(staged("thread"), "step", "columns", SHARED)
    with pytest.raises(RewriteError, match="allocated one behind the other, each ahead of what"):
        pipeline(before, "step", ["tile", "columns_tile"])
    with pytest.raises(RewriteError, match="a barrier ahead of its allocation and one behind"):
        pipeline(both_staged(), "step", ["tile"])
    with pytest.raises(RewriteError, match="no buffers"):
        pipeline(both_staged(), "step", [])


def carried() -> LoopProgram:
    """Return a program that copies what the turn before has stored."""
    y, tile = w.floats("y", N + 1), w.register("tile")
    step = (
        Allocate(tile),
        Store(w.at(tile), w.at(y, STEP)),
        Store(w.at(y, STEP + 1), w.op("neg", w.at(tile))),
    )
    return w.program((y,), (y,), w.loop(STEP, N, *step))


def without_barriers() -> LoopProgram:
    return staged("thread").with_loop(
        "step", lambda one: (replace(one, body=(one.body[1], *one.body[2:])),)
    )


def unbound(program: LoopProgram) -> LoopProgram:
    return program.with_loop("step", lambda one: (replace(one, kind=LoopKind.VECTOR),))


REFUSED = [
    (staged(), "step", {"stages": 1}, "at least 2 stages, found 1"),
    (staged(), "inner", {}, "that the body of the loop 'inner' allocates it"),
    (unbound(staged()), "step", {}, "a loop is bound once, and last, found one of kind vector"),
    (carried(), "step", {}, "a source that the loop does not write, found a store to y"),
    (bordered(), "step", {"copying": Copying.ASYNCHRONOUS}, "a plain copy, without a border"),
    (without_barriers(), "step", {}, "a barrier ahead of its allocation and one behind"),
]


def of_unknown_length() -> LoopProgram:
    """Return a program that copies as many elements a turn as a call says."""
    y, tile = w.floats("y", K), w.register("tile", N)
    fill = w.loop(INNER, N, Store(w.at(tile, INNER), w.at(X, INNER, STEP)))
    step = (Allocate(tile), fill, Store(w.at(y, STEP), w.at(tile, 0)))
    return w.program((X,), (y,), w.loop(STEP, K, *step))


REFUSED.append(
    (of_unknown_length(), "step", {"copying": Copying.HELD}, "one store, in loops of known numbers")
)


@pytest.mark.parametrize(("program", "loop", "form", "message"), REFUSED, ids=range(len(REFUSED)))
def test_other_loops_are_not_pipelined(
    program: LoopProgram, loop: str, form: dict[str, Any], message: str
) -> None:
    with pytest.raises(RewriteError) as error:
        pipeline(program, loop, ["tile"], **form)
    assert message in str(error.value)
    assert "kernel k0(" in str(error.value)
