"""Bound: a number that is known to be no less than a loop's turns is an end of it, too."""

from dataclasses import replace

import pytest

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, facts
from graphc.compiler.loops.rewrites.conditions.bound import bound
from graphc.compiler.loops.rewrites.conditions.version import version
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.statement import LoopKind, Store
from graphc.compiler.loops.value import at_least
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", N), w.floats("y", N)
AT_MOST_20 = at_least(20 - N)


def copy() -> LoopProgram:
    """Return a program that copies x."""
    return w.program((X,), (Y,), w.loop(I, N, Store(w.at(Y, I), w.at(X, I))))


def of_few() -> LoopProgram:
    """Return the same for few elements, as its ranges know."""
    program = copy()
    return replace(program, anywhere=program.anywhere.given(facts((AT_MOST_20,))))


def test_turns_that_a_condition_bounds() -> None:
    made = bound(version(copy(), AT_MOST_20), "i", 20)
    assert lines(made)[1:3] == ["  for i < min(20, n):", "    y[i] = x[i]"]
    same_meaning(copy(), made)


def test_registers_have_an_element_for_each_turn() -> None:
    made = stage(bound(of_few(), "i", 20), None, "x", BufferScope.REGISTER)
    assert "allocate x_tile: float32[20] in register" in lines(made)


def test_turns_that_another_loop_bounds() -> None:
    program = w.program((X,), (Y,), w.loop(J, 5, w.loop(I, J, Store(w.at(Y, I), w.at(X, I)))))
    made = bound(program, "i", 4)
    assert lines(made) == ["for j < 5:", "  for i < min(4, j):", "    y[i] = x[i]"]
    same_meaning(program, made)


def test_an_end_that_is_there_stays_alone() -> None:
    assert lines(bound(w.program((X,), (Y,), w.loop(I, 4)), "i", 4)) == ["for i < 4:"]


@pytest.mark.parametrize(
    ("program", "most", "why"),
    [
        (copy(), 20, "of the loop 'i' in k0: expected at most 20 turns, found an end at n"),
        (of_few(), 19, "of the loop 'i' in k0: expected at most 19 turns, found an end at n"),
        (
            bind(of_few(), "i", LoopKind.THREAD),
            20,
            "of the loop 'i' in k0: expected a serial or unrolled loop, as a loop is bound once, "
            "and last, found one of kind thread",
        ),
    ],
)
def test_what_is_refused(program: LoopProgram, most: int, why: str) -> None:
    assert refusal(bound, program, "i", most) == f"bound {why}"
