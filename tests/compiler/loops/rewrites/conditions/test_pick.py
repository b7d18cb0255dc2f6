"""pick: a loop of which a test selects one turn is that turn; what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.index import Index, IndexLike, variable
from graphc.compiler.loops.program import LoopProgram, loops_in
from graphc.compiler.loops.rewrites.conditions.pick import pick
from graphc.compiler.loops.statement import Accumulate, Check, If, Statement, Store
from graphc.compiler.loops.value import Condition, Constant
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, same_meaning
from tests.compiler.loops.written import I, K

G = variable("g")
X, NAMES, Y = w.floats("x", N), w.ints("names", N), w.floats("y", M)
CHECK = Check(w.variable_of(G), w.at(NAMES, K), M, 0, K)


def added(
    test: Index, *ahead: Statement, rows: IndexLike | tuple[IndexLike, ...] = M
) -> LoopProgram:
    """Return sums of elements, each added to the one row that a test selects, if any."""
    total = w.at(Y, I)
    adding = If((Condition(test, equal=True),), (Accumulate("sum", (total,), (w.at(X, K),)),))
    zeros = w.loop(variable("j"), M, Store(w.at(Y, variable("j")), Constant(0, "float32")))
    return w.program((X, NAMES), (Y,), zeros, w.loop(K, N, w.loop(I, rows, *ahead, adding)))


def picked(before: LoopProgram) -> LoopProgram:
    after = pick(before, "i")
    assert "i" not in {one.variable.name for one in loops_in(after.body)}
    same_meaning(before, after)
    return after


def test_a_loaded_index_picks_its_row() -> None:
    after = picked(added(G - I, CHECK))
    # The index is below the rows, so nothing is left to test.
    assert not any(isinstance(one, If) for one in loops_in(after.body)[-1].body)


def test_an_index_that_may_be_no_row_is_tested() -> None:
    after = picked(added(I - K + 2))
    assert any(isinstance(one, If) for one in loops_in(after.body)[-1].body)


@given(st.integers(-3, 3), st.integers(-1, 1), st.booleans())
def test_random_rows_mean_the_same(shift: int, factor: int, is_limited: bool) -> None:
    picked(added(I - K * factor + shift, rows=(M, 2) if is_limited else M))


def refuse(program: LoopProgram, match: str) -> None:
    with pytest.raises(RewriteError, match=match):
        pick(program, "i")


def test_what_selects_no_one_turn_is_refused() -> None:
    refuse(added(I * 2 - K), "a test that i is an index")
    refuse(added(K - 1), "a test that i is an index")
    refuse(added(I - I % 2), "a test that i is an index")


def test_what_differs_between_turns_is_refused() -> None:
    again = Check(w.variable_of(G), w.at(NAMES, K), M, 0, I)
    refuse(added(G - I, again), "is the same in all turns, found g")
    refuse(added(I - K, Store(w.at(Y, 0), w.number(1))), "found a store to y")


def test_what_a_turn_changes_for_the_next_is_refused() -> None:
    read = Check(w.variable_of(G), w.at(w.ints("y", M), 0), M, 0, K)
    refuse(added(G - I, read), "changes nothing that the next one tests")


def test_a_loop_that_may_have_no_turn_is_refused() -> None:
    """The check ahead of the test would be made where the program makes none."""
    refuse(added(G - I, CHECK, rows=M - 1), "a loop that has a turn")
