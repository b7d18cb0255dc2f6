"""Fission, unroll, hoist and version: what they make of small programs, and what they refuse."""

from __future__ import annotations

from graphc.compiler.loops.index import IndexLike, as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.version import version
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import join
from graphc.compiler.loops.rewrites.loops.hoist import hoist
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    Check,
    If,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Select, Value, at_least, below, is_multiple_of
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", N, M), w.floats("y", N, M)
ROWS, LONG = w.floats("rows", N), w.floats("long", N + 2)
PLACES, OF_THREADS = w.ints("places", N), w.floats("of_threads", N, 4)
T0, T1 = w.local("t0"), w.local("t1")


def rows(*body: Statement) -> LoopProgram:
    return w.program((X,), (ROWS, LONG, Y), w.loop(I, N, *body))


# ---- fission ------------------------------------------------------------------------------------


def two_stores(read: IndexLike) -> LoopProgram:
    ends = Store(w.at(LONG, 0), w.number(7)), Store(w.at(LONG, N + 1), w.number(8))
    ahead = Store(w.at(LONG, I + 1), w.at(X, I, 0))
    behind = Store(w.at(ROWS, I), w.at(LONG, read))
    return w.program((X,), (ROWS, LONG), *ends, w.loop(I, N, ahead, behind))


def test_a_loop_is_divided() -> None:
    made = fission(two_stores(I), "i", 1)
    assert lines(made)[2:] == [
        "for i < n:",
        "  long[i + 1] = x[i, 0]",
        "for i_2 < n:",
        "  rows[i_2] = long[i_2]",
    ]
    same_meaning(two_stores(I), made)
    same_meaning(two_stores(I), join(made, "i", "i_2"))


def test_values_are_computed_again() -> None:
    before = rows(
        Let(T0, w.at(X, I, 0)),
        Let(T1, w.op("neg", T0)),
        Store(w.at(LONG, I), T0),
        Store(w.at(ROWS, I), T1),
    )
    made = fission(before, "i", 3)
    assert lines(made)[4:] == [
        "for i_2 < n:",
        "  t0_2 = x[i_2, 0]",
        "  t1_2 = neg(t0_2)",
        "  rows[i_2] = t1_2",
    ]
    same_meaning(before, made)


def test_what_fission_refuses() -> None:
    assert refusal(fission, two_stores(I + 2), "i", 1) == (
        "fission of the loop 'i' in k0: expected no turn of the first part that needs an earlier "
        "one of the second, found long[i + 2] of `rows[i] = long[i + 2]`, which may be "
        "long[i + 1] of `long[i + 1] = x[i, 0]` in a later turn of i"
    )
    assert "expected statements on both sides of number 2, found 2 statements" in refusal(
        fission, two_stores(I), "i", 2
    )
    total = w.at(w.register("s"))
    private = rows(Allocate(total.buffer), Store(total, w.number(0)), Store(w.at(ROWS, I), total))
    assert "expected no buffer of a turn that both parts use; expand" in refusal(
        fission, private, "i", 2
    )
    changed = rows(
        Let(T0, w.at(ROWS, I)), Store(w.at(ROWS, I), w.number(1)), Store(w.at(LONG, I), T0)
    )
    assert "expected that nothing in the loop writes what t0 is made of" in refusal(
        fission, changed, "i", 2
    )
    ids = w.ints("ids", N)
    check = Check(w.variable_of(w.K), w.at(ids, I), N, 0, I)
    checked = rows(check, Store(w.at(ROWS, I), w.number(0)), Store(w.at(LONG, I), w.at(X, w.K, 0)))
    assert "expected no checked index that both parts use, found k" in refusal(
        fission, checked, "i", 2
    )
    assert "that no other thread waits for" in refusal(
        fission, rows(Barrier(), Store(w.at(ROWS, I), w.number(0))), "i", 1
    )


# ---- unroll -------------------------------------------------------------------------------------


def test_turns_are_written_out() -> None:
    part = w.at(w.register("s"))
    before = rows(
        w.loop(
            J,
            2,
            Allocate(part.buffer),
            Store(part, w.at(X, I, J % M)),
            Let(T0, part),
            Store(w.at(Y, I, J % M), T0),
        )
    )
    made = unroll(before, "j")
    assert lines(made) == [
        "for i < n:",
        "  allocate s: float32[] in register",
        "  s[] = x[i, 0]",
        "  t0 = s[]",
        "  y[i, 0] = t0",
        "  allocate s_2: float32[] in register",
        "  s_2[] = x[i, -m*(1 // m) + 1]",
        "  t0_2 = s_2[]",
        "  y[i, -m*(1 // m) + 1] = t0_2",
    ]
    same_meaning(before, made)


def test_the_tests_of_turns_are_decided() -> None:
    only_first = If((below(J, 1),), (Store(w.at(ROWS, I), w.number(1)),))
    made = unroll(rows(w.loop(J, 3, only_first)), "j")
    assert lines(made) == ["for i < n:", "  rows[i] = 1.0"]


def test_what_unroll_refuses() -> None:
    long = rows(w.loop(J, 300, Store(w.at(ROWS, I), w.number(1))))
    assert refusal(unroll, long, "j") == (
        "unroll of the loop 'j' in k0: expected at most 256 statements when it is written out, "
        "found 300"
    )
    assert "expected a known number of turns, found an end at n" in refusal(unroll, long, "i")
    team = w.program((), (ROWS,), w.loop(I, 4, Store(w.at(ROWS, I), w.number(1)), kind="team"))
    assert "a loop is bound once, and last, found one of kind team" in refusal(unroll, team, "i")


# ---- hoist --------------------------------------------------------------------------------------


def scaled(value: Value, columns: IndexLike = M) -> LoopProgram:
    return rows(
        w.loop(J, columns, Let(T0, value), Store(w.at(Y, I, J), w.op("mul", w.at(X, I, J), T0)))
    )


def test_a_value_leaves_a_loop() -> None:
    before = scaled(w.op("neg", w.at(X, I, 0)))
    made = hoist(before, "t0")
    assert lines(made) == [
        "for i < n:",
        "  t0 = neg(x[i, 0])",
        "  for j < m:",
        "    y[i, j] = mul(x[i, j], t0)",
    ]
    same_meaning(before, made)


def test_a_loop_without_turns_is_left_by_what_is_there() -> None:
    triangle = as_index(M) - 1
    same_meaning(scaled(w.at(X, I, 0), triangle), hoist(scaled(w.at(X, I, 0), triangle), "t0"))
    inside = Select((below(1, M),), w.at(X, I, 1), w.number(2))
    same_meaning(scaled(inside, triangle), hoist(scaled(inside, triangle), "t0"))
    assert refusal(hoist, scaled(w.at(X, I, 1), triangle), "t0") == (
        "hoist of the value 't0' in k0: expected elements that are there even where the loop has "
        "no turn, found an end at m - 1"
    )


def test_what_hoist_refuses() -> None:
    assert refusal(hoist, scaled(w.at(X, I, J)), "t0") == (
        "hoist of the value 't0' in k0: expected a value that is the same in all turns of j, found "
        "one that depends on j"
    )
    assert refusal(hoist, scaled(w.at(Y, I, 0)), "t0") == (
        "hoist of the value 't0' in k0: expected elements that nothing in the loop over j writes, "
        "found y[i, 0], which it may write"
    )
    assert "expected the name of a value, found none of this name" in refusal(
        hoist, scaled(w.number(1)), "t9"
    )
    chain = rows(w.loop(J, M, Let(T0, w.at(X, I, J)), Let(T1, w.op("neg", T0))))
    assert "found one that depends on t0" in refusal(hoist, chain, "t1")
    top = w.program((X,), (), Let(T0, w.at(X, 0, 0)))
    assert "expected a statement of a loop's body, found another place" in refusal(hoist, top, "t0")
    team = w.program((X,), (ROWS,), w.loop(I, N, Let(T0, w.at(X, 0, 0)), kind="team"))
    assert "expected a loop of one thread around it, found one of kind team" in refusal(
        hoist, team, "t0"
    )


def test_a_value_stays_behind_a_barrier() -> None:
    row = w.shared("row", 4)
    body = w.loop(J, 4, Barrier(), Let(T0, w.at(row, 3)))
    threads = w.loop(I, 4, Store(w.at(row, I), w.number(1)), body, kind="thread")
    assert "that no other thread waits for, found barrier (shared)" in refusal(
        hoist, w.program((), (), Allocate(row), threads), "t0"
    )


def checked(columns: IndexLike = 3, guarded: bool = False) -> LoopProgram:
    """Return a program whose rows each name a row of x, which is checked for each column."""
    place = variable("place")
    named = Check(w.variable_of(place), w.at(PLACES, I), N, 0, I)
    store = Store(w.at(Y, I, J), w.at(X, place, 0), guarded=guarded)
    return w.program((X, PLACES), (Y,), w.loop(I, N, w.loop(J, columns, named, store)))


def test_a_test_is_made_once_ahead_of_a_loop() -> None:
    made = hoist(checked(M), "place")
    assert lines(made)[1:3] == ["  place = check 0: places[i] below n", "  for j < m:"]
    same_meaning(checked(M), made)
    assert "expected elements that are there even where the loop has no turn" in refusal(
        hoist, checked(M - 1), "place"
    )
    assert "expected no store that waits for the tests ahead of it alone" in refusal(
        hoist, checked(guarded=True), "place"
    )


def in_turn(*behind: Statement, around: str = "serial") -> LoopProgram:
    """Return a program whose threads leave each other a number in each turn."""
    left = w.shared("left", 4)
    one, other = variable("one"), variable("other")
    stores = w.loop(one, 4, Store(w.at(left, one), w.at(X, J, 0)), kind="thread")
    loads = w.loop(
        other, 4, Store(w.at(OF_THREADS, J, other), w.at(left, 3 - other)), kind="thread"
    )
    turn = (Allocate(left), stores, Barrier(), loads, *behind)
    return w.program((X,), (OF_THREADS,), w.loop(J, N, *turn, kind=around))


def test_a_buffer_is_allocated_once_for_all_turns() -> None:
    made = hoist(in_turn(Barrier()), "left")
    assert lines(made)[:2] == ["allocate left: float32[4] in shared", "for j < n:"]
    same_meaning(in_turn(Barrier()), made)
    assert "expected a barrier between its last use and the first of the next turn" in refusal(
        hoist, in_turn(), "left"
    )
    blocks = in_turn(Barrier(), around="block")
    assert "expected a loop of one thread around it, found one of kind block" in refusal(
        hoist, blocks, "left"
    )


# ---- version ------------------------------------------------------------------------------------


def row_sums() -> LoopProgram:
    total = w.at(w.register("s"))
    return rows(
        Allocate(total.buffer),
        Store(total, w.number(0)),
        w.loop(J, M, Accumulate("sum", (total,), (w.at(X, I, J),))),
        Store(w.at(ROWS, I), total),
    )


def test_the_first_version_counts_on_the_condition() -> None:
    before = w.program((X,), (ROWS,), w.loop(I, N, Store(w.at(ROWS, I), w.at(X, I, 0))))
    made = version(before, is_multiple_of(as_index(N), 4))
    vectors = vectorise(split(made, "i", 4, Tail.NONE), "i_inner")
    assert lines(vectors)[1:4] == [
        "  for i_outer < n // 4:",
        "    for i_inner < 4 (vector):",
        "      rows[4*i_outer + i_inner] = x[4*i_outer + i_inner, 0]",
    ]
    assert lines(vectors)[-2:] == ["  for i_2 < n:", "    rows[i_2] = x[i_2, 0]"]
    same_meaning(before, vectors)


def test_tests_that_the_condition_decides_are_gone() -> None:
    before = rows(Store(w.at(ROWS, I), Select((below(3, M),), w.at(X, I, 0), w.number(1))))
    made = version(before, at_least(as_index(M), 4))
    assert lines(made)[2] == "    rows[i] = x[i, 0]"
    same_meaning(before, made)


def test_a_version_of_a_loop() -> None:
    made = version(row_sums(), at_least(as_index(M), 4), loop="j")
    assert [line.strip() for line in lines(made)[4:9]] == [
        "for j < m:",
        "s[] = sum(s[], x[i, j])",
        "else:",
        "for j_2 < m:",
        "s[] = sum(s[], x[i, j_2])",
    ]
    same_meaning(row_sums(), made)
    assert version(row_sums(), at_least(as_index(M)), loop="j") == row_sums()


def test_what_version_refuses() -> None:
    assert "expected conditions of sizes alone, found" in refusal(version, row_sums(), at_least(I))
    assert "of the program in k0: expected conditions that may hold" in refusal(
        version, row_sums(), below(as_index(M), 1)
    )
    assert "expected the name of a loop's variable" in str(
        refusal(lambda program: version(program, at_least(as_index(M), 4), loop="q"), row_sums())
    )
