"""Unswitch: one test ahead of a loop in the place of one in each turn."""

from __future__ import annotations

import pytest

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.unswitch import unswitch
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.statement import If, LoopKind, Statement, Store
from graphc.compiler.loops.value import Select, below
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y, Z = (w.floats(name, N, 4) for name in "xyz")
CHOSEN = Store(w.at(Y, I, J), Select((below(I, 3),), w.at(X, I, J), w.number(0)))


def rows(*body: Statement) -> LoopProgram:
    return w.program((X,), (Y,), w.loop(I, N, w.loop(J, 4, *body)))


def test_what_selects_a_stored_value_is_tested_once() -> None:
    made = unswitch(rows(CHOSEN), "j")
    assert lines(made) == [
        "for i < n:",
        "  if i < 3:",
        "    for j < 4:",
        "      y[i, j] = x[i, j]",
        "  else:",
        "    for j_2 < 4:",
        "      y[i, j_2] = 0.0",
    ]
    same_meaning(rows(CHOSEN), made)


@pytest.mark.parametrize("otherwise", [(), (Store(w.at(Y, I, J), w.number(1)),)])
def test_statements_under_a_test(otherwise: tuple[Statement, ...]) -> None:
    tested = If((below(I, 3),), (Store(w.at(Y, I, J), w.at(X, I, J)),), otherwise)
    made = unswitch(rows(tested), "j")
    assert lines(made)[1] == "  if i < 3:"
    assert any("else" in line for line in lines(made)) == bool(otherwise)
    same_meaning(rows(tested), made)


def test_a_condition_inside_is_tested_once() -> None:
    """It decides about several values and statements; the next one is tested inside."""
    chosen = Select((below(I, 3),), w.at(X, I, J), w.number(0))
    either = Select((below(I, 2),), w.number(1), chosen)
    more = If((below(I, 3),), (Store(w.at(Z, I, J), chosen),))
    plain = w.program(
        (X,),
        (Y, Z),
        w.loop(I, N, w.loop(J, 4, Store(w.at(Y, I, J), w.op("add", either, chosen)), more)),
    )
    once = unswitch(plain, "j")
    twice = unswitch(once, "j_2")
    assert [line for line in lines(twice) if "if" in line] == ["  if i < 2:", "    if i < 3:"]
    same_meaning(plain, once)
    same_meaning(plain, twice)


def test_other_tests_stay_in_the_loop() -> None:
    of_turn = Store(w.at(Y, I, J), Select((below(J, 3),), w.at(X, I, J), w.number(0)))
    expected = "one test as its body, or a condition inside, without the loop's variables, found "
    assert expected in refusal(unswitch, rows(of_turn), "j")
    assert expected in refusal(unswitch, rows(Store(w.at(Y, I, J), w.at(X, I, J))), "j")
    by_threads = bind(rows(CHOSEN), "j", LoopKind.THREAD)
    assert "a loop of one thread, found one of kind thread" in refusal(unswitch, by_threads, "j")
