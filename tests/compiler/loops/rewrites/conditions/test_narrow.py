"""narrow: values ahead of a test are computed under it; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.narrow import narrow
from graphc.compiler.loops.statement import Allocate, Check, If, Let, Statement, Store
from graphc.compiler.loops.value import Local, at_least
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.rewritten import lines_of
from tests.compiler.loops.written import I

X, Y, PLACES = w.floats("x", N), w.floats("y", N), w.ints("places", N)
T0, T1 = Local("t0", "float32"), Local("t1", "float32")
LETS = (Let(T0, w.op("neg", w.at(X, I))), Let(T1, w.op("mul", T0, T0)))
STORE = Store(w.at(Y, I), w.op("add", T0, T1))


def guarded(*body: Statement) -> LoopProgram:
    return w.program((X,), (Y,), w.loop(I, N, *body))


def test_values_are_computed_under_the_test() -> None:
    before = guarded(*LETS, If((at_least(I - 2),), (STORE,)))
    after = narrow(before, "i")
    (test,) = after.loop("i").body
    assert isinstance(test, If)
    assert test.body == (*LETS, STORE)
    same_meaning(before, after)
    assert lines_of(narrow(after, "i")) == lines_of(after)


def test_indices_stay_with_what_they_are_made_of() -> None:
    place, doubled = variable("place"), Local("doubled", "int32")
    named = Let(doubled, w.op("mul", w.at(PLACES, I), w.number(2, "int32")))
    check = Check(w.variable_of(place), doubled, N, 0, I)
    before = w.program(
        (X, PLACES), (Y,), w.loop(I, N, *LETS, named, check, If((at_least(place - 2),), (STORE,)))
    )
    after = narrow(before, "i")
    assert after.loop("i").body[:2] == (named, check)
    same_meaning(before, after)


def test_what_has_no_test_at_its_end_is_refused() -> None:
    expected = "a body that ends with a test, without another branch"
    with pytest.raises(RewriteError, match=expected):
        narrow(guarded(*LETS, STORE), "i")
    both = If((at_least(I - 2),), (STORE,), (STORE,))
    with pytest.raises(RewriteError, match=expected):
        narrow(guarded(*LETS, both), "i")


def test_what_is_no_value_is_refused() -> None:
    register = new_buffer("s", "float32", (), BufferScope.REGISTER)
    body = (*LETS, Allocate(register), If((at_least(I - 2),), (STORE,)))
    with pytest.raises(RewriteError, match="values alone ahead of its test, found allocate s"):
        narrow(guarded(*body), "i")


@given(st.data())
def test_random_values_mean_the_same(data: st.DataObject) -> None:
    """Of values that are made of those ahead, under tests that hold in some turns or in none."""
    named: list[Let] = []
    for number in range(data.draw(st.integers(0, 4))):
        operands = st.sampled_from([w.at(X, I), w.number(0.5), *(one.local for one in named)])
        op = data.draw(st.sampled_from(("add", "mul", "maximum")))
        value = w.op(op, data.draw(operands), data.draw(operands))
        named.append(Let(Local(f"v{number}", "float32"), value))
    stored = named[-1].local if named else w.at(X, I)
    shift = data.draw(st.integers(0, 30))
    before = guarded(*named, If((at_least(I - shift),), (Store(w.at(Y, I), stored),)))
    same_meaning(before, narrow(before, "i"))
