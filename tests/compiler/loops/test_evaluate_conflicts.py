"""Accesses of two threads to one element: which of them conflict, in each order of the threads."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.index import Index, as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import (
    Allocate,
    AsyncCopy,
    AtomicAdd,
    Barrier,
    BufferWindow,
    Fence,
    If,
    Intrinsic,
    Let,
    Statement,
    Store,
    UseIntrinsic,
    Wait,
)
from graphc.compiler.loops.value import Condition, at_least
from graphc.errors import EvaluationError
from tests.compiler.loops.orders import (
    BARRIER,
    BLOCK,
    LANE,
    OTHER,
    STEP,
    THREAD,
    TILE,
    VALUES,
    X,
    Y,
    is_race,
    of,
    refused,
    results,
)
from tests.compiler.loops.written import (
    at,
    ints,
    local,
    loop,
    number,
    program,
    register,
    shared,
    variable_of,
)

ELEMENT = ints("x", 4)
ZEROS = np.zeros(4, "int32")


def access(how: str, name: str) -> Statement:
    """Return an access to the first element."""
    if how == "read":
        return Let(local(name, "int32"), at(ELEMENT, 0))
    if how == "store":
        return Store(at(ELEMENT, 0), number(1, "int32"))
    if how == "copy to":
        return AsyncCopy(at(ELEMENT, 0), at(ELEMENT, 1), 1)
    if how == "copy from":
        return AsyncCopy(at(ELEMENT, 2 if name == "one" else 3), at(ELEMENT, 0), 1)
    return AtomicAdd(variable_of(variable(name)), at(ELEMENT, 0))


def two_threads(first: str, second: str, *between: Statement) -> LoopProgram:
    is_first = (Condition(THREAD, equal=True),)
    return program(
        (ELEMENT,),
        (ELEMENT,),
        loop(
            THREAD,
            2,
            If(is_first, (access(first, "one"),)),
            *between,
            If(is_first, (), (access(second, "two"),)),
            BARRIER,
            Wait(),
            kind="thread",
        ),
    )


HOW = ("read", "store", "add", "copy to", "copy from")


@pytest.mark.parametrize(("first", "second"), list(itertools.product(HOW, HOW)))
def test_two_accesses_conflict_if_one_stores(first: str, second: str) -> None:
    reads = {"read", "copy from"}
    made = two_threads(first, second)
    if {first, second} <= reads or first == second == "add":
        results(made, x=ZEROS)
    else:
        assert is_race(made, x=ZEROS)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(HOW[:3], HOW[:3])))
def test_a_barrier_orders_them(first: str, second: str) -> None:
    results(two_threads(first, second, Barrier()), x=ZEROS)


def test_the_orders_differ_and_are_the_same_each_time() -> None:
    made = of(loop(THREAD, 8, Store(at(Y, 0), number(1)), kind="thread"))
    found = {}
    for order in (*TurnOrder, *TurnOrder):
        with pytest.raises(EvaluationError) as caught:
            evaluate(made, {"x": VALUES}, order=order)
        found.setdefault(order, str(caught.value))
        assert str(caught.value) == found[order]
    assert "y[0]: thread 1 stores it, thread 0 has" in found[TurnOrder.FORWARD]
    assert "y[0]: thread 6 stores it, thread 7 has" in found[TurnOrder.BACKWARD]
    assert len(set(found.values())) == 3


def test_what_is_released_later_is_not_seen() -> None:
    first = (Condition(THREAD, equal=True),)
    counter, value = ints("counter"), ints("value")
    old, late = variable("old"), variable("late")
    made = program(
        (counter, value),
        (counter, value),
        loop(
            THREAD,
            2,
            If(first, (AtomicAdd(variable_of(old), at(counter)),)),
            BARRIER,
            If(
                first,
                (Let(local("seen", "int32"), at(value)),),
                (
                    Store(at(value), number(1, "int32")),
                    Fence(),
                    AtomicAdd(variable_of(late), at(counter)),
                ),
            ),
            kind="thread",
        ),
    )
    zero = np.zeros((), "int32")
    assert "no barrier is between" in refused(made, counter=zero, value=zero)


# ---- who is one thread --------------------------------------------------------------------------


def test_threads_of_grids_of_two_widths_differ() -> None:
    line, column = shared("line", 8), variable("column")
    a, b = variable("a"), variable("b")

    def made(width: int) -> LoopProgram:
        read = Let(local("mine"), at(line, b * 4 + OTHER))
        return of(
            loop(
                BLOCK,
                1,
                Allocate(line),
                loop(
                    a,
                    2,
                    loop(column, 4, Store(at(line, a * 4 + column), number(0)), kind="thread"),
                    kind="thread",
                ),
                loop(b, 2, loop(OTHER, width, read, kind="thread"), kind="thread"),
                kind="block",
            )
        )

    results(made(4))
    # Row 1, column 1 is thread 5 of two rows of four, and thread 3 of two rows of two.
    assert "no barrier is between" in refused(made(2))


def test_a_row_of_threads_is_not_the_thread_of_its_number() -> None:
    a = variable("a")
    rows = loop(
        a,
        2,
        Store(at(TILE, a), number(0)),
        loop(STEP, 4, Let(local("inner"), at(TILE, a)), kind="thread"),
        kind="thread",
    )
    line = loop(OTHER, 2, Let(local("outer"), at(TILE, OTHER)), kind="thread")
    made = of(loop(BLOCK, 1, Allocate(TILE), rows, line, kind="block"))
    assert "no barrier is between" in refused(made)


def test_a_barrier_of_lanes_is_that_of_the_block() -> None:
    line = shared("line", 8)
    place = THREAD * 4 + LANE
    warps = loop(
        THREAD,
        2,
        loop(
            LANE,
            4,
            Store(at(line, place), at(X, place)),
            BARRIER,
            Store(at(Y, place), at(line, 7 - place)),
            kind="lane",
        ),
        kind="thread",
    )
    made = of(loop(BLOCK, 1, Allocate(line), warps, kind="block"))
    assert results(made).outputs["y"].tolist() == VALUES[::-1].tolist()


# ---- memories that are allocated again ----------------------------------------------------------


def used_twice(*uses: Statement) -> LoopProgram:
    """Return a block that allocates a tile in each of two steps."""
    return of(loop(BLOCK, 1, loop(STEP, 2, Allocate(TILE), *uses), kind="block"))


STORES = loop(THREAD, 4, Store(at(TILE, THREAD), number(0)), kind="thread")
READS = loop(OTHER, 4, Let(local("mine"), at(TILE, 3 - OTHER)), kind="thread")


def test_a_tile_in_use_is_not_allocated_again() -> None:
    results(used_twice(STORES, BARRIER))
    results(used_twice(STORES, BARRIER, READS, Barrier()))
    assert "allocates it again, block 0, thread 0 has stored it" in refused(used_twice(STORES))
    message = refused(used_twice(STORES, BARRIER, READS))
    assert "allocates it again, block 0, thread 3 has read it" in message
    copied = used_twice(AsyncCopy(at(TILE, 0), at(X, 0), 4))
    assert "it is allocated again, and a copy has not been waited for" in refused(copied)


def test_a_tile_of_threads_is_fresh_each_time() -> None:
    made = of(
        loop(
            BLOCK,
            1,
            loop(
                THREAD,
                4,
                loop(
                    STEP,
                    2,
                    Allocate(TILE),
                    If((Condition(STEP, equal=True),), (Store(at(TILE, THREAD), number(0)),)),
                    BARRIER,
                    Let(local("mine"), at(TILE, 3 - THREAD)),
                    Barrier(),
                ),
                kind="thread",
            ),
            kind="block",
        )
    )
    assert "step = 1: the element tile[3]: it is read and has no value yet" in refused(made)


# ---- copies and intrinsics ----------------------------------------------------------------------


def copied_behind_reads(*between: Statement) -> LoopProgram:
    """Return threads that read a tile, and then begin copies to it."""
    return of(
        loop(
            BLOCK,
            1,
            Allocate(TILE),
            loop(
                THREAD,
                4,
                Store(at(TILE, THREAD), number(0)),
                BARRIER,
                If((at_least(THREAD, 2),), (Let(local("mine"), at(TILE, 3 - THREAD)),)),
                *between,
                If((at_least(1 - THREAD),), (AsyncCopy(at(TILE, THREAD), at(X, THREAD), 1),)),
                Barrier(),
                Wait(),
                kind="thread",
            ),
            kind="block",
        )
    )


def test_a_copy_begins_behind_what_others_read() -> None:
    results(copied_behind_reads(Barrier()))
    assert is_race(copied_behind_reads())


def test_a_block_waits_for_the_copies_of_its_threads() -> None:
    begin = loop(THREAD, 4, AsyncCopy(at(TILE, THREAD), at(X, THREAD), 1), kind="thread")
    use = loop(OTHER, 4, Store(at(Y, OTHER), at(TILE, 3 - OTHER)), kind="thread")
    made = of(loop(BLOCK, 1, Allocate(TILE), begin, Wait(), BARRIER, use, kind="block"))
    assert results(made).outputs["y"][:4].tolist() == [4, 3, 2, 1]


def test_lanes_inside_of_an_intrinsic_conflict() -> None:
    held = register("held", 4)
    parameter = register("p", 4)

    def made(element: Index) -> LoopProgram:
        store = Store(at(parameter, element), number(0))
        body = (loop(LANE, 4, store, kind="lane"),)
        call = Intrinsic("gc_lanes", (parameter,), body, "lanes.h")
        window = BufferWindow(held, (as_index(0),), (0,))
        return of(Allocate(held), UseIntrinsic(call, (window,)))

    results(made(LANE))
    assert "the element p[0]: lane 1 stores it, lane 0 has stored it" in refused(made(LANE // 2))
