"""pick_terms: terms that are zero but at one place of each window; what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.index import Index, as_index, variable
from graphc.compiler.loops.program import Body, LoopProgram, loops_in
from graphc.compiler.loops.rewrites.loops.pick_terms import pick_terms
from graphc.compiler.loops.statement import Accumulate, Allocate, Let, Store
from graphc.compiler.loops.value import Constant, Select, Value, below
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import same_meaning
from tests.compiler.loops.written import I, J, K

MET, TERM = w.local("met", "bool"), w.local("term")
NAMED, VALUES = w.ints("named", 7, 7), w.floats("values", 7, 7)
X, Y = w.floats("x", 60, 60), w.floats("y", 3)
TOTAL = w.register("s")
ZERO = Constant(0, "float32")


def factor(element: Index, *window: Index, count: int | None = None) -> tuple[Let, Let]:
    """Return a value that is zero but at an element's place, and, of windows up to a number of
    them, behind the last one; and the test that it is made of."""
    at = (*window, *(as_index(0) for _ in range(2 - len(window))))
    met = w.op("equal", w.at(NAMED, *at), w.count(element, "int32"), dtype="bool")
    made: Value = w.op("where", MET, w.at(VALUES, *at), ZERO, dtype="float32")
    made = w.op("add", ZERO, made)  # as of a sum of one term
    if count is not None:
        made = Select((below(window[0], count),), made, ZERO)
    return Let(MET, met), Let(TERM, made)


def summed(*nest: tuple[Index, int], lets: Body, start: float = 0.0) -> LoopProgram:
    """Return three sums of terms in the turns of loops."""
    element = w.at(X, I + nest[0][0], nest[1][0] + 2 if len(nest) > 1 else 0)
    body: Body = (*lets, Accumulate("sum", (w.at(TOTAL),), (w.op("mul", element, TERM),)))
    for index, turns in reversed(nest):
        body = (w.loop(index, turns, *body),)
    first = Store(w.at(TOTAL), w.number(start))
    last = Store(w.at(Y, I), w.at(TOTAL))
    around = w.loop(I, 3, Allocate(TOTAL), first, *body, last)
    return w.program((X, NAMED, VALUES), (Y,), around)


def along_one_axis(turns: int = 12, size: int = 4, count: int | None = None) -> LoopProgram:
    return summed((K, turns), lets=factor(K % size, K // size, count=count))


def test_terms_at_places_are_added_alone() -> None:
    before = along_one_axis()
    after, place, scale, sizes = pick_terms(before, ["k"])
    assert sizes == ((4, 4),)
    assert place != scale
    (_, windows) = loops_in(after.body)
    assert windows.ends == (as_index(3),)
    same_meaning(before, after, is_finite=True)


def test_what_is_behind_the_last_window_is_left_out() -> None:
    for turns, count in ((15, 3), (12, 2)):
        before = along_one_axis(turns, 4, count=count)
        after, *_ = pick_terms(before, ["k"])
        assert loops_in(after.body)[-1].ends == (as_index(count),)
        same_meaning(before, after, is_finite=True)


def test_one_window_is_a_loop_of_one_turn() -> None:
    before = summed((K, 4), lets=factor(K, K // 4))
    after, _, _, sizes = pick_terms(before, ["k"])
    assert sizes == ((4, 4),)
    same_meaning(before, after, is_finite=True)


@given(
    st.integers(1, 3), st.integers(2, 3), st.integers(1, 3), st.integers(2, 4), st.integers(0, 9)
)
def test_windows_along_two_axes(rows: int, high: int, columns: int, wide: int, seed: int) -> None:
    lets = factor(J % high * wide + K % wide, J // high, K // wide)
    before = summed((J, rows * high), (K, columns * wide), lets=lets)
    after, _, _, sizes = pick_terms(before, ["j", "k"])
    assert sizes == ((high, high), (wide, wide))
    same_meaning(before, after, is_finite=True, seed=seed, rtol=1e-5)


def refuse(program: LoopProgram, match: str, loops: tuple[str, ...] = ("k",)) -> None:
    with pytest.raises(RewriteError, match=match):
        pick_terms(program, loops)


def test_windows_that_are_not_whole_are_refused() -> None:
    refuse(along_one_axis(14), "windows of 4 turns of k alone, found 14 turns")
    refuse(along_one_axis(14, count=4), "found 14 turns")


def test_turns_between_windows_are_left_out() -> None:
    met, term = factor(K % 4, K // 4)
    inside = Select((below(K % 4, 3),), term.value, ZERO)
    before = summed((K, 15), lets=(met, Let(TERM, inside)))
    after, _, _, sizes = pick_terms(before, ["k"])
    assert sizes == ((3, 4),)
    same_meaning(before, after, is_finite=True)


def test_the_number_of_another_element_is_refused() -> None:
    refuse(summed((K, 12), lets=factor(K % 4 + 1, K // 4)), "the number of an element in a window")
    lets = factor(J % 2 + K % 3 * 2, J // 2, K // 3)
    refuse(summed((J, 4), (K, 6), lets=lets), "the number of an element", ("j", "k"))


def test_a_place_of_other_turns_is_refused() -> None:
    refuse(summed((K, 6), lets=factor(K % 2, K)), "the same in all turns of a window")


def test_a_factor_that_may_be_anything_is_refused() -> None:
    met, _ = factor(K % 4, K // 4)
    refuse(summed((K, 12), lets=(met, Let(TERM, w.at(VALUES, 0, 0)))), "a factor that is zero")
    other = w.op("where", MET, w.at(VALUES, 0, 0), w.number(1.0), dtype="float32")
    refuse(summed((K, 12), lets=(met, Let(TERM, other))), "a factor that is zero")


def test_a_sum_that_begins_with_something_is_refused() -> None:
    lets = factor(K % 4, K // 4)
    refuse(summed((K, 12), lets=lets, start=-0.5), "a sum that begins with 0")


def test_other_statements_are_refused() -> None:
    lets = factor(K % 4, K // 4)
    stored: Body = (*lets, Store(w.at(Y, 0), w.at(VALUES, 0, 0)))
    refuse(summed((K, 12), lets=stored), "values, and behind them one sum")
    both = summed((J, 4), (K, 6), lets=factor(J % 2 * 3 + K % 3, J // 2, K // 3))
    refuse(both, "values, and behind them one sum", ("j",))


def test_variables_are_found_by_name() -> None:
    with pytest.raises(RewriteError, match="the name of a loop's variable"):
        pick_terms(along_one_axis(), [str(variable("z"))])
