"""Propagation of elements to where their names are used."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import Let, Store
from graphc.compiler.loops.value import Value
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, plain_programs, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I

X, Y = w.floats("x", N), w.floats("y", N)
NAMED, ELEMENT = w.local("t"), w.at(X, I)


def named(value: Value = ELEMENT, *stores: Store) -> LoopProgram:
    body = (Let(NAMED, value), *stores, Store(w.at(Y, I), w.op("add", NAMED, NAMED)))
    return w.program((X,), (Y, X) if stores else (Y,), w.loop(I, N, *body))


def test_an_element_is_read_where_its_name_is_used() -> None:
    before = named()
    after = propagate(before, "t")
    assert lines(after) == ["for i < n:", "  y[i] = add(x[i], x[i])"]
    same_meaning(before, after)


@settings(max_examples=30, deadline=None)
@given(plain_programs(), st.data())
def test_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    names = [one.local.name for one in walk(program.body) if isinstance(one, Let)]
    try:
        after = propagate(program, data.draw(st.sampled_from(names)))
    except RewriteError:
        return
    same_meaning(program, after)


def test_what_is_computed_keeps_its_name() -> None:
    found = refusal(propagate, named(w.op("neg", w.at(X, I))), "t")
    assert "expected the name of an element, found neg(x[i])" in found


def test_nothing_writes_the_element_in_between() -> None:
    found = refusal(propagate, named(w.at(X, I), Store(w.at(X, I), w.number(1.0))), "t")
    assert "nothing behind it writes the element's memory, found a store to x" in found


def test_a_name_that_is_not_there() -> None:
    assert "found none of this name" in refusal(propagate, named(), "u")
