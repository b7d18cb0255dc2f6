"""The value that a register has in the end gets a name."""

from __future__ import annotations

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.values.name_result import name_result
from graphc.compiler.loops.statement import Accumulate, Allocate, LoopKind, Statement, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import I, J, K, M, N

X, Y, S = w.floats("x", N), w.floats("y", N), w.register("s")
CLEAR = Store(w.at(S), w.number(0.0))
ADD = w.loop(K, N, Accumulate("sum", (w.at(S),), (w.at(X, K),)))
DIVIDE = w.loop(I, N, Store(w.at(Y, I), w.op("div", w.at(X, I), w.at(S))))


def normalised(*behind: Statement) -> LoopProgram:
    return w.program((X,), (Y,), Allocate(S), CLEAR, ADD, *behind)


def test_what_is_read_behind_the_last_change_has_a_name() -> None:
    program = normalised(DIVIDE)
    found = name_result(program, "s")
    assert lines(found) == [
        "allocate s: float32[] in register",
        "s[] = 0.0",
        "for k < n:",
        "  s[] = sum(s[], x[k])",
        "s_result = s[]",
        "for i < n:",
        "  y[i] = div(x[i], s_result)",
    ]
    assert_same(program, found, w.SIZES)


def test_threads_that_cannot_reach_a_register_have_its_name() -> None:
    program = normalised(DIVIDE)
    assert "no register buffer of another thread" in refusal(bind, program, "i", LoopKind.TEAM)
    divided = bind(name_result(program, "s"), "i", LoopKind.TEAM)
    assert_same(program, divided, w.SIZES)


def test_what_is_read_ahead_of_a_change_is_the_register() -> None:
    again = Store(w.at(S), w.op("neg", w.at(S)))
    found = name_result(normalised(again, DIVIDE), "s")
    assert lines(found)[4:6] == ["s[] = neg(s[])", "s_result = s[]"]
    assert_same(normalised(again, DIVIDE), found, w.SIZES)


def test_a_result_in_a_loop_has_a_name_in_its_turn() -> None:
    x, y = w.floats("x", N, M), w.floats("y", N, M)
    add = w.loop(K, M, Accumulate("sum", (w.at(S),), (w.at(x, I, K),)))
    divide = w.loop(J, M, Store(w.at(y, I, J), w.op("div", w.at(x, I, J), w.at(S))))
    program = w.program((x,), (y,), w.loop(I, N, Allocate(S), CLEAR, add, divide))
    found = name_result(program, "s")
    assert lines(found)[5:] == [
        "  s_result = s[]",
        "  for j < m:",
        "    y[i, j] = div(x[i, j], s_result)",
    ]
    assert_same(program, found, w.SIZES)


def test_what_nothing_reads_has_no_name() -> None:
    program = w.program((X,), (Y,), Allocate(S), CLEAR, w.loop(I, N, Store(w.at(Y, I), w.at(X, I))))
    assert name_result(program, "s") == program


def test_what_is_refused() -> None:
    program = normalised(DIVIDE)
    assert refusal(name_result, program, "r") == (
        "name_result of the buffer 'r' in k0: expected a buffer that it allocates, "
        "found none of this name"
    )
    assert "expected a buffer that it allocates" in refusal(name_result, program, "x")
    pair = w.register("pair", 2)
    two = w.program((), (Y,), Allocate(pair), Store(w.at(pair, 0), w.number(1.0)))
    assert "expected a register of one element, found pair" in refusal(name_result, two, "pair")
