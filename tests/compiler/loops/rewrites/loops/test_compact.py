"""compact: the turns of a loop whose tests hold are listed and run alone; what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.index import Index, IndexLike, variable
from graphc.compiler.loops.program import LoopProgram, loops_in, walk
from graphc.compiler.loops.rewrites.loops.compact import compact
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Apply, Condition, at_least, below
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import SOME_SIZES, M, N
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import EMPTY, I, J, K

G, H = variable("g"), variable("h")
TURNS, ROWS = 12, 4
X, NAMES, Y = w.floats("x", TURNS, 3), w.ints("names", TURNS), w.floats("y", M, 3)
FIRST = I * ROWS
"""The first of the rows that a tile has."""
IN_TILE = (at_least(G, FIRST), below(G, FIRST + ROWS))


def check(index: Index = G, number: int = 0, end: IndexLike = M) -> Check:
    size = end if not isinstance(end, Index) else end.constant
    return Check(w.variable_of(index), w.at(NAMES, K), size, number, K)


def scattered(
    *ahead: Statement,
    tests: tuple[Condition, ...] = IN_TILE,
    turns: IndexLike = TURNS,
    body: tuple[Statement, ...] = (),
    around: str = "serial",
) -> LoopProgram:
    """Return sums of the elements that name each row, by tiles: a tile adds up its own rows."""
    adding = w.loop(J, 3, Accumulate("sum", (w.at(Y, G, J),), (w.at(X, K, J),)))
    inside = (If(tests, (*body, adding)),) if tests else (*body, adding)
    places = w.loop(K, turns, *(ahead or (check(),)), *inside)
    row, column = variable("row"), variable("column")
    zeros = w.loop(row, M, w.loop(column, 3, Store(w.at(Y, row, column), w.number(0.0))))
    tiles = (M + (ROWS - 1)) // ROWS
    return w.program((X, NAMES), (Y,), zeros, w.loop(I, tiles, places, kind=around))


def same(before: LoopProgram, after: LoopProgram) -> None:
    """Compare what two programs compute, of which the first one does not raise."""
    for sizes in SOME_SIZES:
        assert_same(before, after, sizes)


@pytest.mark.parametrize("parts", [1, 2, 3, 12])
def test_listed_turns_do_what_the_loop_does(parts: int) -> None:
    before = scattered()
    after = compact(before, "k", parts)
    same(before, after)
    same(before, simplify(after))
    (listed,) = (one for one in loops_in(after.body) if one.variable.name == "k_listed")
    # What is listed needs no test, and indices are checked where turns are looked at alone.
    assert not any(isinstance(one, If) for one in walk(listed.body))
    assert sum(isinstance(one, Check) and one.is_tested for one in walk(after.body)) == 1
    assert sum(one.kind is LoopKind.THREAD for one in loops_in(after.body)) == 2


def test_listed_turns_keep_their_order() -> None:
    """1e8 + 1 - 1e8 is 0 in float32, and no other order gives it."""
    after = compact(scattered(), "k", 3)
    x = np.zeros((TURNS, 3), "float32")
    x[[1, 6, 11]] = np.array([1e8, 1, -1e8])[:, None]
    names = np.full(TURNS, 2, "int32")
    names[3] = 1
    for order in TurnOrder:
        sizes = {symbols(M)[0]: 6}
        result = evaluate(after, {"x": x, "names": names}, sizes, order=order).outputs["y"]
        np.testing.assert_array_equal(result[:, 0], 0)


def test_values_of_a_turn_stay_with_it() -> None:
    doubled = Let(w.local("t"), Apply("add", (w.at(X, K, 0), w.at(X, K, 0)), "float32", EMPTY))
    used = Accumulate("sum", (w.at(Y, G, 0),), (w.local("t"),))
    before = scattered(check(), doubled, body=(used,))
    same(before, simplify(compact(before, "k", 2)))


def test_a_test_of_a_remainder_is_around_that_of_the_index() -> None:
    before = scattered()
    tail = before.loop("k")
    guarded = replace(tail, body=(If((below(K + I, 11),), tail.body),))
    before = before.with_loop("k", lambda _: (guarded,))
    same(before, simplify(compact(before, "k", 4)))


def test_two_indices_are_kept() -> None:
    second = check(H, 1, 7)
    other = variable("other")
    read = w.loop(other, 3, Accumulate("sum", (w.at(Y, G, other),), (w.at(X, H, other),)))
    before = scattered(check(), second, body=(read,))
    same(before, simplify(compact(before, "k", 2)))


def test_all_turns_are_listed_where_nothing_is_tested() -> None:
    total = w.floats("y", 5, 3)
    add = Accumulate("sum", (w.at(total, G, 0),), (w.at(X, K, 0),))
    zeros = w.loop(J, 5, w.loop(I, 3, Store(w.at(total, J, I), w.number(0.0))))
    before = w.program((X, NAMES), (total,), zeros, w.loop(K, TURNS, check(end=5), add))
    after = compact(before, "k", 3)
    same(before, after)


@given(st.data())
def test_random_tests_mean_the_same(data: st.DataObject) -> None:
    conditions = tuple(
        at_least(K * data.draw(st.integers(-1, 1)) + I * data.draw(st.integers(-1, 1)) + number)
        for number in data.draw(st.lists(st.integers(-2, 3), max_size=2))
    )
    bounds = data.draw(
        st.sampled_from(
            [IN_TILE, (Condition(G - FIRST, equal=True),), (at_least(G, 1), below(G, 3))]
        )
    )
    before = scattered(tests=(*conditions, *bounds))
    after = compact(before, "k", data.draw(st.sampled_from([1, 2, 6])))
    same(before, simplify(after))


def refuse(program: LoopProgram, match: str, parts: int = 2) -> None:
    with pytest.raises(RewriteError, match=match):
        compact(program, "k", parts)


def test_a_number_of_turns_that_only_a_call_knows_is_refused() -> None:
    refuse(scattered(turns=N), "a known number of turns")


def test_parts_that_do_not_divide_the_turns_are_refused() -> None:
    refuse(scattered(), "a number of parts that divides 12 turns, found 5", parts=5)


def test_an_index_of_any_number_of_values_is_refused() -> None:
    refuse(scattered(tests=()), "tests that leave g a known number of values")
    refuse(scattered(tests=IN_TILE[:1]), "tests that leave g a known number of values")


def test_numbers_that_are_too_large_are_refused() -> None:
    wide = (at_least(G), below(G, 2**30))
    refuse(scattered(tests=wide), "numbers of turns of at most 2147483647")


def test_what_another_turn_tests_is_not_changed() -> None:
    stored = Store(w.at(NAMES, 0), w.number(1, "int32"))
    before = scattered(body=(stored,))
    changed = replace(before, outputs=(*before.outputs, NAMES), inputs=(X,))
    refuse(changed, "that a turn changes nothing that another one tests")


def test_a_store_that_waits_for_checks_is_refused() -> None:
    stored = Store(w.at(Y, 0, 0), w.number(1), guarded=True)
    refuse(scattered(body=(stored,)), "no store that waits for the checks")


def test_threads_around_are_refused() -> None:
    refuse(scattered(around="thread"), "no loop of threads around")


def test_what_allocates_ahead_of_its_test_is_listed_whole() -> None:
    """Only values and indices are ahead of a test; the rest is for listed turns."""
    total = w.register("s")
    before = scattered(check(end=5), Allocate(total), tests=())
    first = before.loop("k")
    assert isinstance(first, For)
    zeroed = (check(end=5), Allocate(total), Store(w.at(total), w.at(X, K, 0)))
    rest = If((below(K, 7),), (Accumulate("sum", (w.at(Y, 0, 0),), (w.at(total),)),))
    before = before.with_loop("k", lambda one: (replace(one, body=(*zeroed, rest)),))
    same(before, compact(before, "k", 4))
