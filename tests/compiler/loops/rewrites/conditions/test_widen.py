"""widen: turns that a test leaves out; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.widen import widen
from graphc.compiler.loops.statement import Barrier, If, Statement, Store
from graphc.compiler.loops.value import at_least
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, loops_of, plain_programs, same_meaning
from tests.compiler.loops.rewritten import lines_of
from tests.compiler.loops.written import I

X, Y = w.floats("x", N), w.floats("y", N)
STORE = Store(w.at(Y, I), w.op("neg", w.at(X, I)))


def stored(*body: Statement) -> LoopProgram:
    return w.program((X,), (Y,), w.loop(I, N, *(body or (STORE,))))


def test_further_turns_are_left_out() -> None:
    before = stored()
    after = widen(before, "i", N + 3)
    assert lines_of(after)[:2] == ["for i < n + 3:", "if i < n:"]
    same_meaning(before, after)


def test_no_further_turn_has_no_test() -> None:
    before = stored()
    assert lines_of(widen(before, "i", N)) == lines_of(before)


def test_a_test_that_is_there_is_joined() -> None:
    before = stored(If((at_least(I - 2),), (STORE,)))
    after = widen(before, "i", N * 2)
    (test,) = after.loop("i").body
    assert isinstance(test, If)
    assert test.body == (STORE,)
    same_meaning(before, after)


def test_fewer_turns_are_refused() -> None:
    with pytest.raises(RewriteError, match="expected at most 7 turns, found n turns"):
        widen(stored(), "i", 7)


def test_statements_that_others_wait_for_are_refused() -> None:
    with pytest.raises(RewriteError, match="statements that no other thread waits for"):
        widen(stored(Barrier(), STORE), "i", N + 1)


@given(plain_programs(recurrences=True), st.data())
def test_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    loop = program.loop(data.draw(st.sampled_from(loops_of(program))))
    (end,) = loop.ends
    more = data.draw(st.integers(0, 5))
    same_meaning(program, widen(program, loop.variable.name, end.constant + more))
