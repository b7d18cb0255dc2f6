"""elect: what a loop does is done by one turn of a new loop inside; what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.index import Index, IndexLike, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.elect import elect
from graphc.compiler.loops.rewrites.conditions.pick import pick
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.statement import Accumulate, Check, Statement, Store
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import same_meaning
from tests.compiler.loops.refusals import lines
from tests.compiler.loops.written import I, J, K

G = variable("g")
X, NAMES, Y = w.floats("x", 12), w.ints("names", 12), w.floats("y", 2, 4)
KNOWN = Check(w.variable_of(G), w.at(NAMES, K), 8, 0, K)


def added(row: IndexLike = G // 4, column: IndexLike = G % 4, *ahead: Statement) -> LoopProgram:
    """Return sums of the elements that name each place."""
    zeros = w.loop(I, 2, w.loop(J, 4, Store(w.at(Y, I, J), w.number(0.0))))
    add = Accumulate("sum", (w.at(Y, row, column),), (w.at(X, K),))
    return w.program((X, NAMES), (Y,), zeros, w.loop(K, 12, *ahead, KNOWN, add))


def test_the_turn_that_is_elected_runs_the_body() -> None:
    before = added()
    after = elect(before, "k", G % 4, 4, "own")
    same_meaning(before, after)
    assert lines(after)[-3:] == [
        "  for own < 4:",
        "    if g % 4 == own:",
        "      y[g // 4, own] = sum(y[g // 4, own], x[k])",
    ]
    same_meaning(before, pick(after, "own"))


def test_the_new_loop_may_be_the_outer_one() -> None:
    """Elements that are loaded alone forbid that; each turn of it has its own."""
    after = elect(added(), "k", G % 4, 4, "own")
    same_meaning(added(), reorder(sink(after, "own"), "k", "own"))


@given(st.sampled_from([(G % 4, 4), (G // 4, 2), (G, 8), (K % 3, 3), (G % 2, 5)]))
def test_random_numbers_mean_the_same(elected: tuple[Index, int]) -> None:
    number, turns = elected
    same_meaning(added(), elect(added(), "k", number, turns, "own"))


def refuse(program: LoopProgram, match: str, number: Index = G % 4, turns: int = 4) -> None:
    with pytest.raises(RewriteError, match=match):
        elect(program, "k", number, turns, "own")


def test_an_index_that_may_be_no_turn_is_refused() -> None:
    refuse(added(), "at least 0 and below 4, found g", G)
    refuse(added(), "at least 0 and below 4, found g - 4", G - 4)


def test_an_unknown_variable_is_refused() -> None:
    refuse(added(), "variables that are known at the head of the body, found h", variable("h") % 4)
    behind = added(0, 0, Store(w.at(Y, 0, 0), w.number(1.0)))
    refuse(behind, "variables that are known at the head of the body, found g")


def test_nothing_to_be_run_is_refused() -> None:
    refuse(w.program((NAMES,), (Y,), w.loop(K, 12, KNOWN)), "statements in the body of 'k' behind")
