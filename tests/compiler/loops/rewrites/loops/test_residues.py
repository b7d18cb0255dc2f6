"""residues: turns by their remainder, in loops of their own; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.program import LoopProgram, loops_in, walk
from graphc.compiler.loops.rewrites.loops.residues import residues
from graphc.compiler.loops.statement import Accumulate, If, Statement, Store
from graphc.compiler.loops.value import Condition, Constant
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, loops_of, plain_programs, same_meaning
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", N, 7), w.floats("y", N, 7)


def stored(statement: Statement | None = None) -> LoopProgram:
    value = w.op("neg", w.at(X, I, J))
    return w.program(
        (X,), (Y,), w.loop(I, N, w.loop(J, 7, statement or Store(w.at(Y, I, J), value)))
    )


@pytest.mark.parametrize("step", [1, 2, 3, 7, 9])
@pytest.mark.parametrize("loop", ["i", "j"])
def test_each_remainder_has_a_loop(loop: str, step: int) -> None:
    before = stored()
    after = residues(before, loop, step)
    names = [one.variable.name for one in loops_in(after.body) if loop in one.variable.name[:1]]
    assert names == [f"{loop}_of_{number}" for number in range(step)]
    same_meaning(before, after)


def test_a_test_of_a_remainder_is_settled() -> None:
    test = If((Condition(J % 2, equal=True),), (Store(w.at(Y, I, J), w.at(X, I, J)),))
    zero = Store(w.at(Y, I, J), Constant(0, "float32"))
    before = w.program((X,), (Y,), w.loop(I, N, w.loop(J, 7, zero, test)))
    after = residues(before, "j", 2)
    assert not any(isinstance(one, If) for one in walk(after.body))
    assert [len(one.body) for one in loops_in(after.body)[1:]] == [2, 1]  # odd ones are zeros
    same_meaning(before, after)


def test_turns_with_an_order_are_refused() -> None:
    total = w.at(Y, I, 0)
    before = stored(Accumulate("sum", (total,), (w.at(X, I, J),)))
    with pytest.raises(RewriteError, match="turns that have no order"):
        residues(before, "j", 2)


def test_a_step_of_nothing_and_a_bound_loop_are_refused() -> None:
    with pytest.raises(RewriteError, match="a step of at least 1, found 0"):
        residues(stored(), "j", 0)
    value = Store(w.at(Y, I, J), w.at(X, I, J))
    bound = w.program((X,), (Y,), w.loop(I, N, w.loop(J, 7, value), kind="team"))
    with pytest.raises(RewriteError, match="a serial or unrolled loop"):
        residues(bound, "i", 2)


@given(plain_programs(recurrences=True), st.data())
def test_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from(loops_of(program)))
    try:
        after = residues(program, loop, data.draw(st.integers(1, 4)))
    except RewriteError:
        return
    same_meaning(program, after)
