"""Bind and vectorise: who runs the turns, and which programs do not allow it."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import IndexLike
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    Check,
    LoopKind,
    Statement,
    Store,
)
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

TEAM, BLOCK, THREAD, LANE = LoopKind.TEAM, LoopKind.BLOCK, LoopKind.THREAD, LoopKind.LANE
GRID = LoopKind.GRID
X, Y = w.floats("x", N, M), w.floats("y", N, M)
ROWS = w.floats("rows", N)


def copy(rows: Size = N, columns: Size = M) -> LoopProgram:
    """Return a program that copies the first elements of x."""
    element = Store(w.at(Y, I, J), w.at(X, I, J))
    return w.program((X,), (Y,), w.loop(I, rows, w.loop(J, columns, element)))


def row_sums() -> LoopProgram:
    total = w.at(w.register("s"))
    return w.program(
        (X,),
        (ROWS,),
        w.loop(
            I,
            N,
            Allocate(total.buffer),
            Store(total, w.number(0)),
            w.loop(J, M, Accumulate("sum", (total,), (w.at(X, I, J),))),
            Store(w.at(ROWS, I), total),
        ),
    )


# ---- bind ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [TEAM, BLOCK, THREAD, GRID])
def test_a_loop_without_order_is_run_by_threads(kind: LoopKind) -> None:
    for before in (copy(), row_sums()):
        made = bind(before, "i", kind)
        assert lines(made)[0] == f"for i < n ({kind.value}):"
        same_meaning(before, made)


def test_blocks_of_threads() -> None:
    before = split(copy(), "i", 4)
    made = bind(bind(before, "i_outer", BLOCK), "i_inner", THREAD)
    same_meaning(copy(), made)


def test_each_thread_of_a_grid_has_a_turn_of_both() -> None:
    same_meaning(copy(), bind(bind(copy(), "i", GRID), "j", GRID))
    assert "expected no loop of kind thread inside of one of kind grid" in refusal(
        bind, bind(copy(), "i", GRID), "j", THREAD
    )
    block = w.loop(J, 4, Store(w.at(w.shared("t", 4), J), w.number(0)))
    assert "expected no shared buffer of another thread, found t[j]" in refusal(
        bind, w.program((), (), Allocate(w.shared("t", 4)), block), "j", GRID
    )


def test_lanes_are_a_known_number() -> None:
    same_meaning(copy(), bind(split(copy(), "j", 4), "j_inner", LANE))
    assert "expected a known number of turns, found an end at m" in refusal(bind, copy(), "j", LANE)


def test_a_loop_that_is_written_out_is_short() -> None:
    made = bind(split(copy(), "j", 4), "j_inner", LoopKind.UNROLLED)
    assert "for j_inner < 4 (unrolled):" in lines(made)[2]
    assert refusal(bind, split(copy(), "i", 200), "i_inner", LoopKind.UNROLLED) == (
        "bind of the loop 'i_inner' in k0: expected at most 256 statements when it is written out, "
        "found 600"
    )


def test_what_bind_refuses() -> None:
    assert refusal(bind, row_sums(), "j", TEAM) == (
        "bind of the loop 'j' in k0: expected turns that have no order, found s[] of "
        "`s[] = sum(s[], x[i, j])`, which may be s[] of `s[] = sum(s[], x[i, j])` in a later turn "
        "of j"
    )
    assert "expected no loop of kind block inside of one of kind team" in refusal(
        bind, bind(copy(), "i", TEAM), "j", BLOCK
    )
    assert "expected no loop of kind thread inside of one of kind lane" in refusal(
        bind, bind(copy(4), "i", LANE), "j", THREAD
    )
    short = split(copy(), "i", 4, Tail.SHORT)
    assert "expected one end that is a size; split has a guard for a remainder, found" in refusal(
        bind, short, "i_inner", THREAD
    )
    assert "expected a kind of threads, found vector" in refusal(bind, copy(), "i", LoopKind.VECTOR)
    assert "a loop is bound once, and last, found one of kind team" in refusal(
        bind, bind(copy(), "i", TEAM), "i", BLOCK
    )


def two_phases(*between: Statement, read: IndexLike = 3 - J) -> LoopProgram:
    """Return a program that stores a row to shared memory, and then reads it backwards."""
    row = w.shared("row", 4)
    small, out = w.floats("x", N, 4), w.floats("y", N, 4)
    return w.program(
        (small,),
        (out,),
        w.loop(
            I,
            N,
            Allocate(row),
            w.loop(w.K, 4, Store(w.at(row, w.K), w.at(small, I, w.K)), kind="thread"),
            *between,
            w.loop(J, 4, Store(w.at(out, I, J), w.at(row, read))),
            kind="block",
        ),
    )


def test_threads_need_a_barrier_before_what_others_have_stored() -> None:
    before = two_phases(Barrier())
    same_meaning(before, bind(before, "j", THREAD))
    assert "expected a barrier between what threads and what others do" in refusal(
        bind, two_phases(), "j", THREAD
    )


def test_a_loop_with_a_barrier_stays_of_those_who_come_to_it() -> None:
    row = w.shared("row", 4)
    body = w.loop(I, 4, Store(w.at(row, I), w.number(1)), Barrier())
    assert "that no other thread waits for, found barrier (shared)" in refusal(
        bind, w.program((), (), Allocate(row), body), "i", TEAM
    )


def test_shared_memory_is_of_one_block() -> None:
    block = w.loop(J, 4, Store(w.at(w.shared("t", 4), J), w.number(0)))
    assert "expected no shared buffer of another thread, found t[j]" in refusal(
        bind, w.program((), (), Allocate(w.shared("t", 4)), block), "j", BLOCK
    )


# ---- vectorise ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", [Tail.GUARD, Tail.LOOP])
def test_neighbours_become_lanes(tail: Tail) -> None:
    made = vectorise(split(copy(), "j", 4, tail), "j_inner")
    assert lines(made)[2].strip() == "for j_inner < 4 (vector):"
    same_meaning(copy(), made)


def test_sums_of_columns_are_lanes() -> None:
    total = w.at(w.register("s", 4), J)
    wide = w.floats("x", N, 4)
    small = w.floats("columns", 4)
    before = w.program(
        (wide,),
        (small,),
        Allocate(total.buffer),
        w.loop(
            J,
            4,
            Store(total, w.number(0)),
            w.loop(I, N, Accumulate("sum", (total,), (w.at(wide, I, J),))),
            Store(w.at(small, J), total),
        ),
    )
    same_meaning(before, vectorise(before, "j"))


def test_lanes_have_indices_that_are_known_to_exist() -> None:
    places, small, picked = w.ints("places", 4), w.floats("x", 4, 9), w.floats("picked", 4)
    known = Check(w.variable_of(w.K), w.at(places, J), 9, 0, J, is_tested=False)
    take = Store(w.at(picked, J), w.at(small, J, w.K))
    before = w.program((small, places), (picked,), w.loop(J, 4, known, take))
    made = vectorise(before, "j")
    given = {
        "x": np.arange(36, dtype="float32").reshape(4, 9),
        "places": np.array([8, 0, 3, 5], "int32"),
    }
    for program in (before, made):
        np.testing.assert_array_equal(
            evaluate(program, given, {}).outputs["picked"], [8, 9, 21, 32]
        )


def test_what_vectorise_refuses() -> None:
    assert "expected a known number of turns, found an end at m" in refusal(vectorise, copy(), "j")
    transposed = w.loop(J, 4, Store(w.at(w.floats("y", 4, N), J, 0), w.number(1)))
    assert "expected stores that lie side by side, found y[j, 0] = 1.0" in refusal(
        vectorise, w.program((), (w.floats("y", 4, N),), transposed), "j"
    )
    assert "expected turns that have no order, found s[] of" in refusal(
        vectorise, split(row_sums(), "j", 4), "j_inner"
    )
    ids = w.ints("ids", 4)
    check = Check(w.variable_of(w.K), w.at(ids, J), 9, 0, J)
    assert "expected statements that vectors have, found k = check 0" in refusal(
        vectorise, w.program((ids,), (), w.loop(J, 4, check)), "j"
    )
    triangle = w.loop(J, 4, w.loop(I, J, Store(w.at(Y, I, J), w.number(1))))
    assert "expected loops inside whose turns are the same for all lanes" in refusal(
        vectorise, w.program((), (Y,), triangle), "j"
    )
