"""Split, reorder, fuse, join and swap: what they make of small programs, and what they refuse."""

from __future__ import annotations

import pytest

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.index import IndexLike
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.loops.fuse import fuse, join
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.loops.swap import swap
from graphc.compiler.loops.statement import Accumulate, Allocate, Barrier, Let, Statement, Store
from graphc.compiler.loops.value import Load
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y, Z = w.floats("x", N, M), w.floats("y", N, M), w.floats("z", N, M)
ROWS = w.floats("rows", N)


def copy(rows: Size = N, columns: Size = M) -> LoopProgram:
    """Return a program that copies the first elements of x."""
    element = Store(w.at(Y, I, J), w.at(X, I, J))
    return w.program((X,), (Y,), w.loop(I, rows, w.loop(J, columns, element)))


# ---- split --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (
            Tail.GUARD,
            [
                "for i_outer < (n + 3) // 4:",
                "  for i_inner < 4:",
                "    if 4*i_outer + i_inner < n:",
                "      for j < m:",
                "        y[4*i_outer + i_inner, j] = x[4*i_outer + i_inner, j]",
            ],
        ),
        (
            Tail.SHORT,
            [
                "for i_outer < (n + 3) // 4:",
                "  for i_inner < min(4, n - 4*i_outer):",
                "    for j < m:",
                "      y[4*i_outer + i_inner, j] = x[4*i_outer + i_inner, j]",
            ],
        ),
        (
            Tail.LOOP,
            [
                "for i_outer < n // 4:",
                "  for i_inner < 4:",
                "    for j < m:",
                "      y[4*i_outer + i_inner, j] = x[4*i_outer + i_inner, j]",
                "for i_rest < n - 4*(n // 4):",
                "  for j_2 < m:",
                "    y[i_rest + 4*(n // 4), j_2] = x[i_rest + 4*(n // 4), j_2]",
            ],
        ),
    ],
)
def test_a_split_loop(tail: Tail, expected: list[str]) -> None:
    made = split(copy(), "i", 4, tail)
    assert lines(made) == expected
    same_meaning(copy(), made)


@pytest.mark.parametrize("tail", Tail)
def test_a_factor_that_divides_leaves_no_remainder(tail: Tail) -> None:
    made = split(w.program((X,), (Y,), *copy(N * 8).body), "i", 8, tail)
    assert lines(made)[:3] == ["for i_outer < n:", "  for i_inner < 8:", "    for j < m:"]


def test_a_split_loop_is_split_again() -> None:
    made = split(split(copy(), "i", 4), "i_inner", 2)
    assert lines(made)[:3] == [
        "for i_outer < (n + 3) // 4:",
        "  for i_inner_outer < 2:",
        "    for i_inner_inner < 2:",
    ]
    same_meaning(copy(), made)


def test_a_split_by_a_size() -> None:
    made = split(copy(), "i", M, Tail.SHORT)
    same_meaning(copy(), made)


def test_what_split_refuses() -> None:
    assert refusal(split, copy(), "k", 4) == (
        "split of the loop 'k' in k0: expected the name of a loop's variable, found only 'i', 'j'"
    )
    assert refusal(split, copy(), "i", 4, Tail.NONE) == (
        "split of the loop 'i' in k0: expected a number of turns that 4 divides, found n turns"
    )
    assert refusal(split, copy(), "i", N - 1) == (
        "split of the loop 'i' in k0: expected a factor of at least 1, found n - 1"
    )
    team = w.program((X,), (Y,), w.loop(I, N, kind="team"))
    assert refusal(split, team, "i", 4) == (
        "split of the loop 'i' in k0: expected a serial or unrolled loop, as a loop is bound once, "
        "and last, found one of kind team"
    )
    short = split(copy(), "i", 4, Tail.SHORT)
    assert "expected one end, if the remainder is a loop of its own" in refusal(
        split, short, "i_inner", 3, Tail.LOOP
    )


SUMS = w.floats("sums", 10)


def sums(first: Statement | None = None, row: IndexLike = I) -> LoopProgram:
    """Return a program that adds up ten rows, each in its place of a result; a turn begins with a
    statement, by default the store of a zero."""
    begin = Store(w.at(SUMS, I), w.number(0)) if first is None else first
    add = Accumulate("sum", (w.at(SUMS, row),), (w.at(TEN, I, J),))
    return w.program((TEN,), (SUMS,), w.loop(I, 10, begin, w.loop(J, M, add)))


TEN = w.floats("ten", 10, M)


@pytest.mark.parametrize(("again", "turns"), [(None, 4), (2, 2), (3, 3)])
def test_turns_that_are_done_again(again: int | None, turns: int) -> None:
    made = split(sums(), "i", 4, Tail.AGAIN, again)
    assert lines(made) == [
        "for i_outer < 2:",
        "  for i_inner < 4:",
        "    sums[4*i_outer + i_inner] = 0.0",
        "    for j < m:",
        "      sums[4*i_outer + i_inner] = "
        "sum(sums[4*i_outer + i_inner], ten[4*i_outer + i_inner, j])",
        f"for i_rest < {turns}:",
        f"  sums[i_rest + {10 - turns}] = 0.0",
        "  for j_2 < m:",
        f"    sums[i_rest + {10 - turns}] = "
        f"sum(sums[i_rest + {10 - turns}], ten[i_rest + {10 - turns}, j_2])",
    ]
    same_meaning(sums(), made)


@pytest.mark.parametrize(
    ("program", "again", "reason"),
    [
        (copy(), None, "expected at least 4 turns, and no more of them at the end, found n turns"),
        (copy(10), 11, "expected at least 11 turns, and no more of them at the end, found 10"),
        (copy(10), 1, "expected at least 1 turns, and no more of them at the end, found 2 turns"),
        (sums(Store(w.at(SUMS, I), w.at(SUMS, I))), None, "begins with a store to all that it"),
        (sums(Store(w.at(SUMS, 9 - I), w.number(0))), None, "begins with a store to all that it"),
        (sums(row=9 - I), None, "begins with a store to all that it changes"),
        (sums(w.loop(J, 1, Store(w.at(SUMS, I), w.number(0)))), None, "begins with a store to"),
        (sums(Store(w.at(SUMS, I), w.number(0), guarded=True)), None, "begins with a store to"),
        (
            sums(Barrier()),
            None,
            "expected values, loops, tests and stores, if turns",
        ),
    ],
    ids=range(9),
)
def test_turns_that_must_not_be_done_again(
    program: LoopProgram, again: int | None, reason: str
) -> None:
    assert reason in refusal(split, program, "i", 4, Tail.AGAIN, again)


# ---- reorder ------------------------------------------------------------------------------------


def shifted(rows: int, columns: int) -> LoopProgram:
    """Return a program that adds to each element one that was stored before, at a distance."""
    tall = w.floats("y", N + 2, M + 2)
    value = w.op("add", w.at(tall, I + 1 - rows, J + 1 - columns), w.number(1))
    element = Store(w.at(tall, I + 1, J + 1), value)
    return w.program((tall,), (tall,), w.loop(I, N, w.loop(J, M, element)))


def test_loops_change_places() -> None:
    made = reorder(copy(), "i", "j")
    assert lines(made) == ["for j < m:", "  for i < n:", "    y[i, j] = x[i, j]"]
    same_meaning(copy(), made)


@pytest.mark.parametrize("distance", [(0, 1), (1, 0), (1, 1), (0, -1), (-1, -1)])
def test_a_distance_that_points_one_way_allows_it(distance: tuple[int, int]) -> None:
    before = shifted(*distance)
    same_meaning(before, reorder(before, "i", "j"))


def test_tests_between_the_loops_go_inside() -> None:
    made = reorder(split(copy(), "i", 4), "i_inner", "j")
    assert lines(made)[1:4] == [
        "  for j < m:",
        "    for i_inner < 4:",
        "      if 4*i_outer + i_inner < n:",
    ]
    same_meaning(copy(), made)


def test_what_reorder_refuses() -> None:
    assert refusal(reorder, shifted(1, -1), "i", "j") == (
        "reorder of the loops 'i' and 'j' in k0: expected no dependence that goes forward in one "
        "and back in the other, found y[i + 1, j + 1] of "
        "`y[i + 1, j + 1] = add(y[i, j + 2], 1.0)`, which may be y[i, j + 2] of "
        "`y[i + 1, j + 1] = add(y[i, j + 2], 1.0)` in a later turn of "
        "i and an earlier one of j"
    )
    assert refusal(reorder, split(copy(), "i", 4, Tail.SHORT), "i_outer", "i_inner") == (
        "reorder of the loops 'i_outer' and 'i_inner' in k0: expected an inner end that does not "
        "depend on the outer loop; split has a guard, found n - 4*i_outer"
    )
    assert refusal(reorder, row_sums(), "i", "j") == (
        "reorder of the loop 'i' in k0: expected that the loop 'j' is all that it does, found "
        "allocate s: float32[] in register; s[] = 0.0; for j < m:; rows[i] = s[]"
    )
    element = Store(w.at(Y, I, J), w.at(X, I, J))
    nest = w.loop(I, N, w.loop(J, M, element, kind="thread"), kind="block")
    assert "expected a loop of kind block that may be inside of the other" in refusal(
        reorder, w.program((X,), (Y,), nest), "i", "j"
    )
    shared = w.shared("s", 4)
    waiting = w.loop(I, 3, w.loop(J, 4, Store(w.at(shared, J), w.number(1)), Barrier()))
    assert "that no other thread waits for, found barrier (shared)" in refusal(
        reorder, w.program((), (), Allocate(shared), waiting), "i", "j"
    )


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


# ---- fuse ---------------------------------------------------------------------------------------


def test_two_loops_become_one() -> None:
    made = fuse(copy(), "i", "j")
    assert lines(made) == ["for i_j < n*m:", "  y[i_j // m, i_j % m] = x[i_j // m, i_j % m]"]
    same_meaning(copy(), made)


def test_a_split_loop_is_fused_back() -> None:
    before = copy(N * 4)
    made = fuse(split(before, "i", 4), "i_outer", "i_inner")
    assert lines(made)[-1].strip() == "y[i_outer_i_inner, j] = x[i_outer_i_inner, j]"


def test_what_fuse_refuses() -> None:
    assert "expected that the loop 'j' is all that it does" in refusal(fuse, row_sums(), "i", "j")
    assert refusal(fuse, split(copy(), "i", 4, Tail.SHORT), "i_outer", "i_inner") == (
        "fuse of the loops 'i_outer' and 'i_inner' in k0: expected one inner end, which is a size, "
        "found 4, n - 4*i_outer"
    )
    assert "expected an inner loop that has turns, found one without" in refusal(
        fuse, copy(columns=0), "i", "j"
    )
    element = Store(w.at(Y, I, J), w.at(X, I, J))
    bound = w.program((X,), (Y,), w.loop(I, N, w.loop(J, M, element), kind="block"))
    assert "fuse of the loop 'i' in k0: expected a serial or unrolled loop" in refusal(
        fuse, bound, "i", "j"
    )


# ---- join ---------------------------------------------------------------------------------------


def neighbours(
    read: IndexLike, end: Size = N, kind: str = "serial", *between: Statement
) -> LoopProgram:
    long = w.floats("rows", N + 2)
    return w.program(
        (X,),
        (long, Y),
        Store(w.at(long, 0), w.number(7)),
        Store(w.at(long, N + 1), w.number(8)),
        w.loop(I, N, Store(w.at(long, I + 1), w.at(X, I, 0)), kind=kind),
        *between,
        w.loop(J, end, Store(w.at(Y, J, 0), w.at(long, read)), kind=kind),
    )


@pytest.mark.parametrize("read", [J, J + 1])
def test_neighbours_become_one(read: IndexLike) -> None:
    made = join(neighbours(read), "i", "j")
    assert lines(made)[2:] == [
        "for i < n:",
        "  rows[i + 1] = x[i, 0]",
        f"  y[i, 0] = rows[{str(read).replace('j', 'i')}]",
    ]
    same_meaning(neighbours(read), made)


def test_what_join_refuses() -> None:
    assert refusal(join, neighbours(J + 2), "i", "j") == (
        "join of the loops 'i' and 'j' in k0: expected no turn of the second loop that needs later "
        "turns of the first one, found rows[i + 2] of `y[i, 0] = rows[i + 2]`, which may be "
        "rows[i + 1] of `rows[i + 1] = x[i, 0]` in a later turn of i"
    )
    assert "expected equal ends and kinds, found n (serial) and n - 1 (serial)" in refusal(
        join, neighbours(J, N - 1), "i", "j"
    )
    between = Let(w.local("t"), w.number(1))
    assert "expected that the second one follows the first" in refusal(
        join, neighbours(J, N, "serial", between), "i", "j"
    )
    assert "expected turns that have no order, as their kind is team" in refusal(
        join, neighbours(J, N, "team"), "i", "j"
    )
    same_meaning(neighbours(J + 1, N, "team"), join(neighbours(J + 1, N, "team"), "i", "j"))


# ---- swap ---------------------------------------------------------------------------------------


def two_results(read: Load, *between: Statement) -> LoopProgram:
    return w.program(
        (X,),
        (ROWS, Y),
        w.loop(I, N, Store(w.at(ROWS, I), w.at(X, I, 0))),
        *between,
        w.loop(J, N, Store(w.at(Y, J, 0), read)),
    )


def test_neighbours_change_places() -> None:
    before = two_results(w.at(X, J, 1))
    made = swap(before, "i", "j")
    assert lines(made) == [
        "for j < n:",
        "  y[j, 0] = x[j, 1]",
        "for i < n:",
        "  rows[i] = x[i, 0]",
    ]
    same_meaning(before, made)
    assert swap(made, "j", "i") == before


def test_what_swap_refuses() -> None:
    assert refusal(swap, two_results(w.at(ROWS, J)), "i", "j") == (
        "swap of the loops 'i' and 'j' in k0: expected that neither uses what the other writes, "
        "found both use rows"
    )
    assert "expected that the second one follows the first, found other places" in refusal(
        swap, two_results(w.at(X, J, 1)), "j", "i"
    )
    between = Let(w.local("t"), w.number(1))
    assert "expected that the second one follows the first" in refusal(
        swap, two_results(w.at(X, J, 1), between), "i", "j"
    )
    assert "expected statements that no other thread waits for" in refusal(
        swap, w.program((X,), (Y,), w.loop(I, N, Barrier()), w.loop(J, N)), "i", "j"
    )
