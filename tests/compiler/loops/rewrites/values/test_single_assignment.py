"""with_single_assignments: registers that are names; what stays as it is."""

import pytest
from hypothesis import given

from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.values.single_assignment import with_single_assignments
from graphc.compiler.loops.statement import Accumulate, Allocate, If, Let, Statement, Store
from graphc.compiler.loops.value import Local, at_least
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, plain_programs, same_meaning
from tests.compiler.loops.rewritten import lines_of
from tests.compiler.loops.written import I, J

X, Y, S = w.floats("x", N), w.floats("y", N), w.register("s")
ALLOCATE, ZERO = Allocate(S), Store(w.at(S), w.number(0))
ADD = Accumulate("sum", (w.at(S),), (w.at(X, I),))
STORE = Store(w.at(Y, I), w.at(S))


def in_loop(*body: Statement) -> LoopProgram:
    return w.program((X,), (Y,), w.loop(I, N, *body))


def test_each_step_is_a_name() -> None:
    twice = Store(w.at(S), w.op("mul", w.at(S), w.at(S)))
    before = in_loop(ALLOCATE, ZERO, ADD, twice, ADD, STORE)
    after = with_single_assignments(before)
    assert lines_of(after) == [
        "for i < n:",
        "s_value = add(0.0, x[i])",
        "s_value_2 = mul(s_value, s_value)",
        "s_value_3 = add(s_value_2, x[i])",
        "y[i] = s_value_3",
    ]
    same_meaning(before, after)


def test_a_copy_of_a_name_has_none() -> None:
    before = in_loop(ALLOCATE, ZERO, STORE)
    assert lines_of(with_single_assignments(before)) == ["for i < n:", "y[i] = 0.0"]


def test_a_later_read_is_of_the_last_step() -> None:
    again = w.loop(J, 2, Store(w.at(Y, I), w.op("add", w.at(S), w.at(S))))
    before = in_loop(ALLOCATE, ZERO, ADD, again)
    after = with_single_assignments(before)
    assert not any(isinstance(one, Allocate) for one in walk(after.body))
    same_meaning(before, after)


def test_a_step_under_a_test_is_selected() -> None:
    local = Local("t0", "float32")
    step = Accumulate("sum", (w.at(S),), (local,))
    test = If((at_least(I - 2),), (Let(local, w.at(X, I - 2)), step))
    before = in_loop(ALLOCATE, ZERO, test, STORE)
    after = with_single_assignments(before)
    assert lines_of(after)[1] == "s_value = (add(0.0, x[i - 2]) if i >= 2 else 0.0)"
    same_meaning(before, after)


@pytest.mark.parametrize(
    "body",
    [
        (ALLOCATE, ZERO, w.loop(J, 3, ADD), STORE),
        (ALLOCATE, ZERO, If((at_least(I - 2),), (ADD,), (ADD,)), STORE),
        (ALLOCATE, ZERO, If((at_least(I - 2),), (STORE, ADD)), STORE),
        (ALLOCATE, ZERO, Store(w.at(S), w.at(X, I), (at_least(I - 2),)), STORE),
        (ALLOCATE, w.loop(J, 1, ZERO), ADD, STORE),
    ],
    ids=["a loop", "two branches", "others under a test", "a condition", "no store first"],
)
def test_what_is_not_always_a_step_stays(body: tuple[Statement, ...]) -> None:
    program = in_loop(*body)
    assert lines_of(with_single_assignments(program)) == lines_of(program)


@given(plain_programs())
def test_random_programs_mean_the_same(program: LoopProgram) -> None:
    same_meaning(program, with_single_assignments(program))
