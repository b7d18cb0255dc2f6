"""Bind: the registers that threads and lanes have, of buffers that are allocated around them."""

from __future__ import annotations

import pytest

from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.statement import Accumulate, Allocate, LoopKind, Statement, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import refusal
from tests.compiler.loops.written import I, J, K

BLOCK, THREAD, LANE = LoopKind.BLOCK, LoopKind.THREAD, LoopKind.LANE
X, Y = w.floats("x", N, 8), w.floats("y", N, 8)
KEPT, TOTAL = w.register("kept", 8), w.register("total")
NO_REGISTER = "expected no register buffer of another thread"


def in_blocks(*body: Statement) -> LoopProgram:
    """Return a program of a row for each block."""
    rows = w.loop(I, N, Allocate(KEPT), Allocate(TOTAL), *body)
    return bind(w.program((X,), (Y,), rows), "i", BLOCK)


def kept(read: Index = K) -> LoopProgram:
    """Return a program that keeps a row, and then stores it."""
    return in_blocks(
        w.loop(J, 8, Store(w.at(KEPT, J), w.at(X, I, J))),
        w.loop(K, 8, Store(w.at(Y, I, K), w.at(KEPT, read))),
    )


def scaled(*ahead: Statement, behind: tuple[Statement, ...] = ()) -> LoopProgram:
    """Return a program that stores a row, to which a number is added that is computed once."""
    value = w.op("add", w.at(X, I, K), w.at(TOTAL))
    first = Store(w.at(TOTAL), w.at(X, I, 0))
    return in_blocks(first, *ahead, w.loop(K, 8, Store(w.at(Y, I, K), value)), *behind)


@pytest.mark.parametrize("kind", [THREAD, LANE])
def test_a_thread_has_what_it_has_kept(kind: LoopKind) -> None:
    made = bind(kept(), ("j", "k"), kind)
    same_meaning(kept(), made)


def test_a_lane_has_what_others_have_kept() -> None:
    mirrored = kept(7 - K)
    same_meaning(mirrored, bind(bind(mirrored, "j", LANE), "k", LANE))
    assert f"{NO_REGISTER}, found kept[j]" in refusal(bind, mirrored, ("j", "k"), THREAD)


def test_lanes_combine_their_parts() -> None:
    half = w.variable("half")
    before = in_blocks(
        w.loop(J, 8, Store(w.at(KEPT, J), w.at(X, I, J))),
        w.loop(half, 4, Accumulate("sum", (w.at(KEPT, half),), (w.at(KEPT, half + 4),))),
        w.loop(K, 8, Store(w.at(Y, I, K), w.at(KEPT, K % 4))),
    )
    made = bind(bind(bind(before, "j", LANE), "half", LANE), "k", LANE)
    same_meaning(before, made)


@pytest.mark.parametrize("kind", [THREAD, LANE])
def test_threads_read_what_is_the_same_for_all(kind: LoopKind) -> None:
    same_meaning(scaled(), bind(scaled(), "k", kind))


def test_threads_keep_what_they_have_where_they_meet_again() -> None:
    assert f"{NO_REGISTER}, found kept[j]" in refusal(bind, kept(), "j", THREAD)
    fewer = in_blocks(
        w.loop(J, 8, Store(w.at(KEPT, J), w.at(X, I, J))),
        w.loop(K, 4, Store(w.at(Y, I, K), w.at(KEPT, K))),
    )
    assert f"{NO_REGISTER}, found kept[j]" in refusal(bind, fewer, ("j", "k"), THREAD)


def test_what_is_the_same_for_all_changes_with_no_thread_and_not_behind_them() -> None:
    other = Store(w.at(TOTAL), w.number(1))
    assert f"{NO_REGISTER}, found total[]" in refusal(bind, scaled(behind=(other,)), "k", THREAD)
    add = w.loop(J, 8, Accumulate("sum", (w.at(TOTAL),), (w.at(X, I, J),)))
    assert "expected turns that have no order" in refusal(bind, scaled(add), "j", THREAD)
    one = w.loop(J, 1, Store(w.at(TOTAL), w.number(1)))
    assert f"{NO_REGISTER}, found total[]" in refusal(bind, scaled(one), "j", THREAD)
    again = w.loop(w.variable("step"), 2, *scaled().loop("i").body[2:])
    repeated = in_blocks(again)
    assert f"{NO_REGISTER}, found total[]" in refusal(bind, repeated, "k", THREAD)


def test_loops_of_the_same_threads_are_not_inside_of_each_other() -> None:
    square = w.loop(J, 8, w.loop(K, 8, Store(w.at(KEPT, K), w.at(X, I, J))))
    assert "expected loops none of which is inside of another" in refusal(
        bind, in_blocks(square), ("j", "k"), THREAD
    )
