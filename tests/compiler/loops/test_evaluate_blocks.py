"""Blocks, teams, lanes and vectors: the order of what they do, and the races that are caught."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer, view
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.index import as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AtomicAdd,
    Barrier,
    BufferWindow,
    Check,
    Fence,
    If,
    Intrinsic,
    Let,
    Statement,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Condition, at_least, is_multiple_of
from graphc.errors import EvaluationError
from tests.compiler.loops.orders import (
    BARRIER,
    BLOCK,
    LANE,
    OTHER,
    STEP,
    THREAD,
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
    count,
    floats,
    ints,
    local,
    loop,
    number,
    op,
    program,
    register,
    shared,
    variable_of,
)

# ---- blocks -------------------------------------------------------------------------------------

COUNTER, PARTS = ints("counter"), floats("parts", 4)


def reversed_by(*between: Statement) -> LoopProgram:
    """Return a program whose blocks store x, and others of which store that backwards."""
    tile = floats("tile", 8)
    first = loop(BLOCK, 8, Store(at(tile, BLOCK), at(X, BLOCK)), kind="block")
    second = loop(OTHER, 8, Store(at(Y, OTHER), at(tile, 7 - OTHER)), kind="block")
    return program((X,), (Y, tile), first, *between, second)


def test_blocks_of_a_launch_behind_see_what_others_have_stored() -> None:
    launches = reversed_by(Barrier(BufferScope.GLOBAL))
    assert results(launches).outputs["y"].tolist() == VALUES[::-1].tolist()
    assert is_race(reversed_by())
    inside = loop(BLOCK, 8, Barrier(BufferScope.GLOBAL), kind="block")
    message = "all blocks have ended at a barrier of them, and one of them comes to it"
    assert message in refused(of(inside))
    assert "wait for each other, or all blocks" in refused(of(Barrier(BufferScope.REGISTER)))


def last_block(*ahead: Statement, behind: tuple[Statement, ...] = ()) -> LoopProgram:
    """Return a sum of partial sums that the last block to arrive adds up."""
    arrived, total = variable("arrived"), floats("y")
    return program(
        (X, COUNTER),
        (total, PARTS, COUNTER),
        loop(
            BLOCK,
            4,
            Store(at(PARTS, BLOCK), op("add", at(X, BLOCK * 2), at(X, BLOCK * 2 + 1))),
            *ahead,
            AtomicAdd(variable_of(arrived), at(COUNTER)),
            If(
                (at_least(arrived, 3),),
                (
                    Store(at(total), number(0)),
                    loop(STEP, 4, Accumulate("sum", (at(total),), (at(PARTS, STEP),))),
                    *behind,
                ),
            ),
            kind="block",
        ),
    )


def test_the_last_block_to_arrive_finishes() -> None:
    arrays = {"x": VALUES, "counter": np.zeros((), "int32")}
    again = Store(at(COUNTER), number(0, "int32"))
    found = results(last_block(Fence(), behind=(again,)), **arrays)
    assert found.outputs["y"] == 36
    assert found.outputs["counter"] == 0
    assert "has stored it, and no barrier is between" in refused(last_block(), **arrays)


def test_threads_of_the_last_block_finish_together() -> None:
    arrived, flag = variable("arrived"), shared("flag", dtype="int32")
    first = Condition(THREAD, equal=True)
    seen = variable("seen")

    def made(*ahead: Statement) -> LoopProgram:
        return program(
            (X, COUNTER),
            (Y, PARTS, COUNTER),
            loop(
                BLOCK,
                2,
                Allocate(flag),
                loop(
                    THREAD,
                    2,
                    Store(at(PARTS, BLOCK * 2 + THREAD), at(X, BLOCK * 2 + THREAD)),
                    *ahead,
                    If(
                        (first,),
                        (
                            AtomicAdd(variable_of(arrived), at(COUNTER)),
                            Store(at(flag), count(arrived, "int32")),
                        ),
                    ),
                    BARRIER,
                    Check(variable_of(seen), at(flag), 2, 0, as_index(0)),
                    If(
                        (at_least(seen, 1),),
                        (
                            Store(
                                at(Y, THREAD), op("add", at(PARTS, THREAD), at(PARTS, THREAD + 2))
                            ),
                        ),
                    ),
                    kind="thread",
                ),
                kind="block",
            ),
        )

    arrays = {"x": VALUES, "counter": np.zeros((), "int32")}
    assert results(made(BARRIER, Fence()), **arrays).outputs["y"][:2].tolist() == [4, 6]
    # Without a barrier the fence of the first thread says nothing of the others' stores.
    assert "no barrier is between" in refused(made(Fence()), **arrays)


def test_a_workspace_is_one_for_all_blocks() -> None:
    arrived, work = variable("arrived"), new_buffer("work", "float32", (4,), BufferScope.GLOBAL)

    def made(*ahead: Statement) -> LoopProgram:
        return program(
            (X, COUNTER),
            (Y, COUNTER),
            loop(
                BLOCK,
                4,
                Allocate(work),
                Store(at(work, BLOCK), at(X, BLOCK)),
                *ahead,
                AtomicAdd(variable_of(arrived), at(COUNTER)),
                If(
                    (at_least(arrived, 3),),
                    (loop(STEP, 4, Store(at(Y, STEP), at(work, 3 - STEP))),),
                ),
                kind="block",
            ),
        )

    arrays = {"x": VALUES, "counter": np.zeros((), "int32")}
    assert results(made(Fence()), **arrays).outputs["y"][:4].tolist() == [4, 3, 2, 1]
    assert "no barrier is between" in refused(made(), **arrays)


def test_blocks_do_not_see_each_other() -> None:
    made = of(
        loop(BLOCK, 8, Store(at(Y, BLOCK), at(X, BLOCK)), kind="block"),
        loop(OTHER, 8, Store(at(Y, 7 - OTHER), at(X, OTHER)), kind="block"),
    )
    assert "y[7]: block 0 stores it, block 7 has stored it" in refused(made)


def test_an_atomic_addition_and_a_store_conflict() -> None:
    made = program(
        (COUNTER,),
        (COUNTER,),
        loop(
            THREAD,
            2,
            AtomicAdd(variable_of(STEP), at(COUNTER)),
            If((Condition(THREAD, equal=True),), (Store(at(COUNTER), number(5, "int32")),)),
            kind="thread",
        ),
    )
    zero = np.zeros((), "int32")
    with pytest.raises(EvaluationError, match="thread 1 adds to it, thread 0 has stored it"):
        evaluate(made, {"counter": zero})


# ---- teams --------------------------------------------------------------------------------------


def test_members_of_a_team_pack_meet_and_go_on() -> None:
    panel = shared("panel", 8)

    def made(*between: Statement) -> LoopProgram:
        return of(
            loop(
                THREAD,
                2,
                Allocate(panel),
                loop(STEP, 4, Store(at(panel, THREAD * 4 + STEP), at(X, THREAD * 4 + STEP))),
                *between,
                loop(OTHER, 4, Store(at(Y, OTHER * 2 + THREAD), at(panel, OTHER * 2 + THREAD))),
                kind="team",
            )
        )

    assert results(made(BARRIER)).outputs["y"].tolist() == VALUES.tolist()
    assert is_race(made())


def test_the_end_of_a_team_loop_is_a_barrier() -> None:
    made = of(
        loop(THREAD, 8, Store(at(Y, THREAD), at(X, THREAD)), kind="team"),
        loop(OTHER, 8, Store(at(Y, 7 - OTHER), at(X, OTHER)), kind="team"),
    )
    assert results(made).outputs["y"].tolist() == VALUES[::-1].tolist()


def test_members_that_store_one_element_conflict() -> None:
    made = of(loop(THREAD, 8, Store(at(Y, THREAD // 2), at(X, THREAD)), kind="team"))
    assert "y[0]: team 1 stores it, team 0 has stored it" in refused(made)
    carried = of(
        Store(at(Y, 0), number(0)),
        loop(THREAD, 7, Store(at(Y, THREAD + 1), at(Y, THREAD)), kind="team"),
    )
    for order in (TurnOrder.FORWARD, TurnOrder.SHUFFLED):
        with pytest.raises(EvaluationError):
            evaluate(carried, {"x": VALUES}, order=order)


def test_an_overlap_of_views_is_caught() -> None:
    left, right = view(Y, "left", (5,)), view(Y, "right", (4,), offset=4)

    def made(ends: int) -> LoopProgram:
        return program(
            (X,),
            (left, right, Y),
            loop(
                THREAD,
                2,
                If(
                    (Condition(THREAD, equal=True),),
                    (loop(STEP, ends, Store(at(left, STEP), at(X, STEP))),),
                    (loop(OTHER, 4, Store(at(right, OTHER), at(X, OTHER))),),
                ),
                kind="team",
            ),
        )

    assert results(made(4)).outputs["y"].tolist() == [1, 2, 3, 4, 1, 2, 3, 4]
    message = refused(made(5))
    assert "the element right[0]: team 1 stores it, team 0 has stored it" in message


# ---- vectors and lanes --------------------------------------------------------------------------


def test_a_vector_runs_a_statement_of_all_turns_before_the_next() -> None:
    lanes = register("lanes", 8)
    doubled = local("t")
    made = of(
        Allocate(lanes),
        loop(
            LANE,
            8,
            Let(doubled, op("add", at(X, LANE), at(X, LANE))),
            loop(STEP, (as_index(2), LANE), Store(at(lanes, LANE), doubled)),
            If((is_multiple_of(LANE, 2),), (Store(at(lanes, LANE), number(0)),)),
            kind="vector",
        ),
        loop(OTHER, 8, Store(at(Y, OTHER), at(lanes, OTHER))),
    )
    assert results(made).outputs["y"].tolist() == [0, 4, 0, 8, 0, 12, 0, 16]


def test_nested_vectors() -> None:
    made = of(
        loop(
            LANE,
            2,
            loop(OTHER, 4, Store(at(Y, LANE * 4 + OTHER), at(X, LANE * 4 + OTHER)), kind="vector"),
            kind="vector",
        )
    )
    assert results(made).outputs["y"].tolist() == VALUES.tolist()


def test_turns_of_a_vector_that_depend_on_each_other_conflict() -> None:
    made = program((X,), (X,), loop(LANE, 7, Store(at(X, LANE + 1), at(X, LANE)), kind="vector"))
    assert "vector" in refused(made)
    total = register("total")
    added = of(
        Allocate(total),
        Store(at(total), number(0)),
        loop(LANE, 8, Accumulate("sum", (at(total),), (at(X, LANE),)), kind="vector"),
    )
    assert "total[]: vector 1 reads it, vector 0 has stored it" in refused(added)


SUM_OF_LANES = Intrinsic(
    "gc_sum_of_lanes",
    (register("lanes", 4), register("total")),
    (
        Store(at(register("total")), number(0)),
        loop(
            variable("l"),
            4,
            Accumulate("sum", (at(register("total")),), (at(register("lanes", 4), variable("l")),)),
        ),
    ),
    "shuffle.h",
)


def warp_sums(values: Buffer) -> LoopProgram:
    """Return sums of four neighbours: a lane holds one, and they are added through shuffles."""
    total = register("sum")
    windows = (BufferWindow(values, (as_index(0),), (0,)), BufferWindow(total, (), ()))
    return of(
        loop(
            BLOCK,
            1,
            loop(
                THREAD,
                2,
                Allocate(values),
                Allocate(total),
                loop(LANE, 4, Store(at(values, LANE), at(X, THREAD * 4 + LANE)), kind="lane"),
                UseIntrinsic(SUM_OF_LANES, windows),
                Store(at(Y, THREAD), at(total)),
                kind="thread",
            ),
            kind="block",
        )
    )


def test_registers_of_lanes_are_read_through_an_intrinsic() -> None:
    assert results(warp_sums(register("held", 4))).outputs["y"][:2].tolist() == [10, 26]


def test_memory_that_lanes_write_needs_a_barrier() -> None:
    for scope in (BufferScope.THREAD, BufferScope.SHARED):
        message = refused(warp_sums(new_buffer("held", "float32", (4,), scope)))
        assert "block 0, thread 0 reads it, block 0, thread 0, lane 0 has stored it" in message


def test_kinds_are_nested_in_one_order() -> None:
    inside = of(
        loop(
            LANE,
            2,
            loop(THREAD, 4, Store(at(Y, THREAD), at(X, THREAD)), kind="thread"),
            kind="lane",
        )
    )
    assert "a loop of kind thread is inside of one of lane" in refused(inside)
