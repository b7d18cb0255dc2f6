"""Threads of a block: the order that barriers give, and the races that are caught."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.index import Index, as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AsyncCopy,
    Barrier,
    Check,
    Fence,
    If,
    Let,
    Statement,
    Store,
    Wait,
)
from graphc.compiler.loops.value import below
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
    count,
    floats,
    given,
    ints,
    local,
    loop,
    number,
    program,
    register,
    shared,
    variable_of,
)

# ---- threads of a block -------------------------------------------------------------------------


def reversed_tiles(*between: Statement, size: int = 4) -> LoopProgram:
    """Return a program that reverses each four elements through shared memory."""
    place = BLOCK * size + THREAD
    return of(
        loop(
            BLOCK,
            2,
            Allocate(TILE),
            loop(
                THREAD,
                4,
                Store(at(TILE, THREAD), at(X, place)),
                *between,
                Store(at(Y, place), at(TILE, 3 - THREAD)),
                kind="thread",
            ),
            kind="block",
        )
    )


def test_threads_exchange_values_through_shared_memory() -> None:
    found = results(reversed_tiles(BARRIER)).outputs["y"]
    assert found.tolist() == [4, 3, 2, 1, 8, 7, 6, 5]


def test_a_missing_barrier_is_caught() -> None:
    assert is_race(reversed_tiles())
    with pytest.raises(EvaluationError) as caught:
        evaluate(reversed_tiles(), {"x": VALUES}, order=TurnOrder.BACKWARD)
    assert str(caught.value).startswith("k0: at `y[4*block + thread] = tile[3 - thread]` where ")


def test_a_planted_race_is_caught_in_each_order() -> None:
    # Behind the barrier, so that no element is without a value.
    late = Store(at(TILE, (THREAD + 1) % 4), number(0))
    assert "no barrier is between" in refused(reversed_tiles(BARRIER, late))
    assert results(reversed_tiles(BARRIER, late, BARRIER)).outputs["y"].tolist() == [0] * 8


def test_a_fence_is_no_barrier() -> None:
    assert is_race(reversed_tiles(Fence()))


def test_two_loops_over_threads_have_no_barrier_between_them() -> None:
    def made(*between: Statement) -> LoopProgram:
        return of(
            loop(
                BLOCK,
                1,
                Allocate(TILE),
                loop(THREAD, 4, Store(at(TILE, THREAD), at(X, THREAD)), kind="thread"),
                *between,
                loop(OTHER, 4, Store(at(Y, OTHER), at(TILE, 3 - OTHER)), kind="thread"),
                kind="block",
            )
        )

    assert results(made(BARRIER)).outputs["y"][:4].tolist() == [4, 3, 2, 1]
    assert "tile[3]: block 0, thread 0 reads it, block 0, thread 3 has stored it" in refused(made())


def test_a_thread_goes_on_with_what_is_its_own() -> None:
    made = of(
        loop(
            BLOCK,
            1,
            Allocate(TILE),
            loop(THREAD, 4, Store(at(TILE, THREAD), at(X, THREAD)), kind="thread"),
            loop(OTHER, 4, Store(at(Y, OTHER), at(TILE, OTHER)), kind="thread"),
            kind="block",
        )
    )
    assert results(made).outputs["y"][:4].tolist() == [1, 2, 3, 4]


def test_a_grid_of_threads_is_other_threads_than_a_line() -> None:
    column = variable("column")
    line = shared("tile", 8)

    def made(rows: int, columns: int, other_columns: int) -> LoopProgram:
        place, other = variable("a") * columns + column, variable("b") * other_columns + OTHER
        return of(
            loop(
                BLOCK,
                1,
                Allocate(line),
                loop(
                    variable("a"),
                    rows,
                    loop(column, columns, Store(at(line, place), at(X, place)), kind="thread"),
                    kind="thread",
                ),
                loop(
                    variable("b"),
                    8 // other_columns,
                    loop(OTHER, other_columns, Store(at(Y, other), at(line, other)), kind="thread"),
                    kind="thread",
                ),
                kind="block",
            )
        )

    assert results(made(2, 4, 4)).outputs["y"].tolist() == VALUES.tolist()
    assert "no barrier is between" in refused(made(2, 4, 2))


def loop_of_sums(*behind: Statement) -> LoopProgram:
    """Return a program whose threads use one tile in several steps."""
    total = register("total")
    return of(
        loop(
            BLOCK,
            1,
            Allocate(TILE),
            loop(
                THREAD,
                4,
                Allocate(total),
                Store(at(total), number(0)),
                loop(
                    STEP,
                    2,
                    Store(at(TILE, THREAD), at(X, STEP * 4 + THREAD)),
                    BARRIER,
                    loop(OTHER, 4, Accumulate("sum", (at(total),), (at(TILE, OTHER),))),
                    *behind,
                ),
                Store(at(Y, THREAD), at(total)),
                kind="thread",
            ),
            kind="block",
        )
    )


def test_a_tile_is_used_again_behind_a_barrier() -> None:
    assert results(loop_of_sums(BARRIER)).outputs["y"][:4].tolist() == [36] * 4
    assert is_race(loop_of_sums())


def test_a_barrier_that_not_all_come_to() -> None:
    some = If((below(THREAD, 2),), (BARRIER,))
    assert "block 0, thread 0 waits at a barrier that block 0, thread 2 does not come to" in (
        refused(reversed_tiles(BARRIER, some))
    )
    two = If((below(THREAD, 2),), (BARRIER,), (Barrier(),))
    assert "wait at different barriers" in refused(reversed_tiles(BARRIER, two))
    fewer = loop(STEP, (as_index(2), THREAD), BARRIER)
    assert "does not come to" in refused(reversed_tiles(BARRIER, fewer))


def test_barriers_of_other_scopes_and_vectors_are_refused() -> None:
    assert "agents of a block or a team wait" in refused(
        reversed_tiles(Barrier(BufferScope.REGISTER))
    )
    assert "all blocks have ended at a barrier of them" in refused(
        reversed_tiles(Barrier(BufferScope.GLOBAL))
    )
    vector = loop(LANE, 4, BARRIER, kind="vector")
    assert "the turns of a vector loop are one agent's" in refused(reversed_tiles(vector))


def test_shared_memory_that_a_thread_allocates_is_the_blocks() -> None:
    def made(*behind: Statement) -> LoopProgram:
        return of(
            loop(
                BLOCK,
                2,
                loop(
                    THREAD,
                    4,
                    loop(
                        STEP,
                        2,
                        Allocate(TILE),
                        Store(at(TILE, THREAD), at(X, BLOCK * 4 + THREAD)),
                        BARRIER,
                        Store(at(Y, BLOCK * 4 + THREAD), at(TILE, 3 - THREAD)),
                        *behind,
                    ),
                    kind="thread",
                ),
                kind="block",
            )
        )

    assert results(made(BARRIER)).outputs["y"].tolist() == [4, 3, 2, 1, 8, 7, 6, 5]
    assert is_race(made())


def test_registers_are_a_threads_own() -> None:
    total = register("total")
    made = of(
        loop(
            THREAD,
            8,
            Allocate(total),
            Store(at(total), at(X, THREAD)),
            Accumulate("sum", (at(total),), (number(1),)),
            Store(at(Y, THREAD), at(total)),
            kind="thread",
        )
    )
    assert results(made).outputs["y"].tolist() == (VALUES + 1).tolist()
    outside = of(
        Allocate(total),
        loop(THREAD, 8, Store(at(total), at(X, THREAD)), kind="thread"),
    )
    assert "total[]: thread 1 stores it, thread 0 has stored it" in refused(outside)


# ---- copies -------------------------------------------------------------------------------------


def double_buffered(*between: Statement, pending: int = 1) -> LoopProgram:
    """Return a program whose threads copy the next tile while they use this one."""
    tiles, total = shared("tiles", 2, 4), register("total")

    def copied(step: Index) -> AsyncCopy:
        return AsyncCopy(at(tiles, step % 2, THREAD), at(X, step * 4 + THREAD), 1)

    ahead = variable("ahead")
    return of(
        loop(
            BLOCK,
            1,
            Allocate(tiles),
            loop(
                THREAD,
                4,
                Allocate(total),
                Store(at(total), number(0)),
                copied(as_index(0)),
                loop(
                    STEP,
                    2,
                    If((below(STEP, 1),), (loop(ahead, 1, copied(STEP + ahead + 1)),)),
                    If((below(STEP, 1),), (Wait(pending),), (Wait(0),)),
                    *between,
                    loop(OTHER, 4, Accumulate("sum", (at(total),), (at(tiles, STEP, OTHER),))),
                    BARRIER,
                ),
                Store(at(Y, THREAD), at(total)),
                kind="thread",
            ),
            kind="block",
        )
    )


def test_copies_of_threads_are_seen_by_others_behind_wait_and_barrier() -> None:
    # A group ends at a Wait, so the first one holds both copies: they have to be done.
    assert results(double_buffered(BARRIER, pending=0)).outputs["y"][:4].tolist() == [36] * 4
    assert "has not been waited for" in refused(double_buffered(BARRIER, pending=1))
    assert is_race(double_buffered(pending=0))


def test_a_copy_to_what_another_thread_still_reads_is_caught() -> None:
    def made(*between: Statement) -> LoopProgram:
        copied = AsyncCopy(at(TILE, THREAD), at(X, THREAD + 4), 1)
        return reversed_tiles(BARRIER, Store(at(Y, THREAD), at(TILE, 3 - THREAD)), *between, copied)

    # Whoever runs first begins a copy to what the others read.
    assert is_race(made())
    waiting = (BARRIER, AsyncCopy(at(TILE, THREAD), at(X, THREAD + 4), 1), Wait(), BARRIER)
    used = reversed_tiles(BARRIER, Let(local("first"), at(TILE, 3 - THREAD)), *waiting)
    assert results(used).outputs["y"].tolist() == [8, 7, 6, 5] * 2
    unseen = reversed_tiles(BARRIER, *waiting[:-1])
    assert is_race(unseen)


# ---- agents of one program ----------------------------------------------------------------------


def test_what_is_ahead_of_a_loop_is_seen_inside_of_it() -> None:
    made = of(
        loop(STEP, 8, Store(at(Y, STEP), at(X, STEP))),
        loop(THREAD, 8, Accumulate("sum", (at(Y, THREAD),), (number(1),)), kind="thread"),
    )
    assert results(made).outputs["y"].tolist() == (VALUES + 1).tolist()


def test_what_threads_store_is_not_seen_behind_their_loop() -> None:
    def made(*between: Statement) -> LoopProgram:
        one = floats("z")
        return program(
            (X,),
            (Y, one),
            loop(THREAD, 8, Store(at(Y, THREAD), at(X, THREAD)), kind="thread"),
            *between,
            Store(at(one), at(Y, 7)),
        )

    assert results(made(BARRIER)).outputs["z"] == 8
    assert "y[7]: the program reads it, thread 7 has stored it" in refused(made())


def test_a_guard_holds_within_the_block_that_fails() -> None:
    where = ints("i0", 8)
    found = variable("found")
    made = program(
        (where,),
        (given("y", "int32", 8),),
        loop(
            THREAD,
            8,
            Check(variable_of(found), at(where, THREAD), 8, 1, THREAD),
            BARRIER,
            Store(at(given("y", "int32", 8), THREAD), count(found, "int32"), guarded=True),
            kind="thread",
        ),
    )
    bad = np.array([0, 1, 2, 9, 4, 5, -6, 7], "int32")
    result = results(made, i0=bad)
    assert result.status is not None
    assert (result.status.number, result.status.position) == (1, 3)
    assert not result.stored["y"].any()
    good = results(made, i0=np.arange(8, dtype="int32"))
    assert good.outputs["y"].tolist() == list(range(8))


def test_no_thread_sees_the_registers_of_another_one() -> None:
    def made(memory: Buffer, read: Index) -> LoopProgram:
        return of(
            loop(
                BLOCK,
                1,
                Allocate(memory),
                loop(THREAD, 4, Store(at(memory, THREAD), at(X, THREAD)), kind="thread"),
                BARRIER,
                loop(OTHER, 4, Store(at(Y, OTHER), at(memory, read)), kind="thread"),
                kind="block",
            )
        )

    assert results(made(register("held", 4), OTHER)).outputs["y"][:4].tolist() == [1, 2, 3, 4]
    assert results(made(TILE, 3 - OTHER)).outputs["y"][:4].tolist() == [4, 3, 2, 1]
    message = refused(made(register("held", 4), 3 - OTHER))
    assert "thread 3 has stored it, and in register memory each thread has its own" in message


def test_threads_without_a_block_share_memory_too() -> None:
    made = of(
        loop(
            THREAD,
            4,
            Allocate(TILE),
            Store(at(TILE, THREAD), at(X, THREAD)),
            BARRIER,
            Store(at(Y, THREAD), at(TILE, 3 - THREAD)),
            kind="thread",
        )
    )
    assert results(made).outputs["y"][:4].tolist() == [4, 3, 2, 1]
