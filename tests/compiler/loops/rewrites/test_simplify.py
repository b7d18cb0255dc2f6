"""Simplification: what is decided is written out, and what has no effect is gone."""

from __future__ import annotations

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import Allocate, If, Let, Statement, Store
from graphc.compiler.loops.value import Select, Value, at_least, below, is_multiple_of
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", N, 8), w.floats("y", N, 8)


def made(*body: Statement) -> LoopProgram:
    return w.program((X,), (Y,), *body)


def simplified(value: Value) -> str:
    """Return a value as it is stored by a simplified program."""
    before = made(w.loop(I, N, w.loop(J, 8, Store(w.at(Y, I, J), value))))
    after = simplify(before)
    same_meaning(before, after)
    return lines(after)[-1].strip().removeprefix("y[i, j] = ")


def test_selects_that_are_decided() -> None:
    element, other = w.at(X, I, J), w.number(2)
    assert simplified(Select((at_least(J),), element, other)) == "x[i, j]"
    assert simplified(Select((below(J, 8), below(I, N)), element, other)) == "x[i, j]"
    assert simplified(Select((below(J, 0),), element, other)) == "2.0"
    assert simplified(Select((is_multiple_of(J * 4, 2),), element, other)) == "x[i, j]"
    both = Select((at_least(J), at_least(J, 3)), element, other)
    assert simplified(both) == str(Select((at_least(J, 3),), element, other))
    nested = Select((at_least(J, 3),), Select((at_least(J, 2),), element, other), element)
    assert simplified(nested) == str(Select((at_least(J, 3),), element, element))


def test_indices_are_simplified_inside_of_values() -> None:
    assert simplified(w.op("neg", w.at(X, (I * 8 + J) // 8, (I * 8 + J) % 8))) == "neg(x[i, j])"


def test_tests_of_statements() -> None:
    store = Store(w.at(Y, I, J), w.number(1), (below(J, 8),))
    never = If((below(J, 0),), (Store(w.at(Y, I, J), w.number(2)),))
    always = If((at_least(J),), (store,), (Store(w.at(Y, I, J), w.number(2)),))
    before = made(w.loop(I, N, w.loop(J, 8, never, always)))
    after = simplify(before)
    assert lines(after) == ["for i < n:", "  for j < 8:", "    y[i, j] = 1.0"]
    same_meaning(before, after)


def test_ends_that_are_never_the_least() -> None:
    before = made(w.loop(I, (N, N + 1), w.loop(J, (8, I + 8), Store(w.at(Y, I, J), w.number(1)))))
    assert lines(simplify(before))[:2] == ["for i < n:", "  for j < 8:"]


def test_loops_of_one_turn_or_none() -> None:
    store = Store(w.at(Y, I, J), w.at(X, I, J))
    one = made(w.loop(I, N, w.loop(J, 1, store)))
    assert lines(simplify(one)) == ["for i < n:", "  y[i, 0] = x[i, 0]"]
    same_meaning(one, simplify(one))
    assert lines(simplify(made(w.loop(I, 0, w.loop(J, 8, store))))) == []
    team = made(w.loop(I, 1, w.loop(J, 8, store), kind="team"))
    assert simplify(team) == team


def test_what_nothing_reads() -> None:
    first, second = w.local("t0"), w.local("t1")
    unused = w.register("s")
    before = made(
        w.loop(
            I,
            N,
            Allocate(unused),
            Let(first, w.at(X, I, 0)),
            Let(second, w.op("neg", first)),
            w.loop(J, 8, Let(w.local("t2"), second)),
            Store(w.at(Y, I, 0), w.at(X, I, 1)),
        )
    )
    after = simplify(before)
    assert lines(after) == ["for i < n:", "  y[i, 0] = x[i, 1]"]
    same_meaning(before, after)


def test_what_is_simple_stays() -> None:
    before = made(w.loop(I, N, w.loop(J, 8, Store(w.at(Y, I, J), w.at(X, I, J)))))
    assert simplify(before).body is before.body
