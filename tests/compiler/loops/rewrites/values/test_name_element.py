"""name_element: an element that a loop reads is a name; what is refused."""

import pytest

from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.values.name_element import name_element
from graphc.compiler.loops.statement import If, Let, Store
from graphc.compiler.loops.value import Load, below
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", 5, N), w.floats("y", N, 5)
ELEMENT = w.at(X, J, I)


def doubled(value: object = None, target: Load | None = None) -> LoopProgram:
    value = w.op("add", ELEMENT, ELEMENT) if value is None else value
    store = Store(w.at(Y, I, J) if target is None else target, value)
    return w.program((X,), (Y,), w.loop(I, N, w.loop(J, 5, store)))


def test_an_element_has_a_name_for_all_that_read_it() -> None:
    before = doubled()
    after, name = name_element(before, "j", ELEMENT)
    (let,) = (one for one in walk(after.body) if isinstance(one, Let))
    assert let == Let(name, ELEMENT)
    (store,) = (one for one in walk(after.body) if isinstance(one, Store))
    assert store.value == w.op("add", name, name)
    same_meaning(before, after)


def test_what_the_body_does_not_read_in_each_turn_is_refused() -> None:
    with pytest.raises(RewriteError, match=r"a body that reads x\[j, i\] in each turn"):
        name_element(doubled(w.at(X, 0, I)), "j", ELEMENT)
    tested = If((below(J, 3),), (Store(w.at(Y, I, J), ELEMENT),))
    program = w.program((X,), (Y,), w.loop(I, N, w.loop(J, 5, tested)))
    with pytest.raises(RewriteError, match="in each turn"):
        name_element(program, "j", ELEMENT)


def test_what_an_inner_loop_reads_is_refused() -> None:
    with pytest.raises(RewriteError, match="in each turn"):
        name_element(doubled(), "i", ELEMENT)


def test_what_the_body_writes_is_refused() -> None:
    element = w.at(Y, I, J)
    with pytest.raises(RewriteError, match="does not write y"):
        name_element(doubled(w.op("add", element, element)), "j", element)
