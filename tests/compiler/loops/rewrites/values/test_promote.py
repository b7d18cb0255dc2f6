"""Registers that get their value once are names."""

from __future__ import annotations

from graphc.compiler.loops.rewrites.values.promote import promote
from graphc.compiler.loops.statement import Allocate, If, Store
from graphc.compiler.loops.value import at_least
from tests.compiler.loops import written as w
from tests.compiler.loops.refusals import lines
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import I, N

X, Y, C = w.floats("x", N), w.floats("y", N), w.register("c")
SET = Store(w.at(C), w.op("neg", w.at(X, I)))
READ = Store(w.at(Y, I), w.op("add", w.at(C), w.at(C)))


def test_a_register_that_is_set_once_is_a_name() -> None:
    program = w.program((X,), (Y,), w.loop(I, N, Allocate(C), SET, READ))
    found = promote(program)
    assert lines(found) == ["for i < n:", "  c = neg(x[i])", "  y[i] = add(c, c)"]
    assert_same(program, found, w.SIZES)


def test_registers_that_are_set_twice_or_elsewhere_stay() -> None:
    again = Store(w.at(C), w.op("add", w.at(C), w.at(X, I)))
    twice = w.program((X,), (Y,), w.loop(I, N, Allocate(C), SET, again, READ))
    assert promote(twice) is twice
    branch = If((at_least(I, 2),), (SET,), (Store(w.at(C), w.at(X, I)),))
    chosen = w.program((X,), (Y,), w.loop(I, N, Allocate(C), branch, READ))
    assert promote(chosen) is chosen
    outside = w.program((X,), (Y,), Allocate(C), w.loop(I, N, SET, READ))
    assert promote(outside) is outside
