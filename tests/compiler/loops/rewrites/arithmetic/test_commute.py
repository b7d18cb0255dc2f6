"""commute: the factors of a product that is added change places; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.arithmetic.commute import commute
from graphc.compiler.loops.statement import Accumulate, Allocate, Store
from graphc.compiler.loops.value import Apply, Constant, Value
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.written import I, J

X, Y, Z = w.floats("x", N, 5), w.floats("y", 5), w.floats("z", N)
TOTAL = new_buffer("s", "float32", (), BufferScope.REGISTER)


def summed(term: Value, reduction: str = "sum") -> LoopProgram:
    total = w.at(TOTAL)
    return w.program(
        (X, Y),
        (Z,),
        w.loop(
            I,
            N,
            Allocate(TOTAL),
            Store(total, Constant(0, "float32")),
            w.loop(J, 5, Accumulate(reduction, (total,), (term,))),
            Store(w.at(Z, I), total),
        ),
    )


def test_factors_change_places() -> None:
    left, right = w.at(X, I, J), w.at(Y, J)
    before = summed(w.op("mul", left, right))
    after = commute(before, "j")
    (added,) = (one for one in walk(after.body) if isinstance(one, Accumulate))
    (value,) = added.values
    assert isinstance(value, Apply)
    assert value.operands == (right, left)
    same_meaning(before, after, rtol=0)
    assert commute(after, "j") == before


@pytest.mark.parametrize("loop", ["i", "j"])
def test_a_loop_that_adds_no_products_is_refused(loop: str) -> None:
    with pytest.raises(RewriteError, match="a body that adds products, found none"):
        commute(summed(w.op("add", w.at(X, I, J), w.at(Y, J))), loop)


@given(st.data())
def test_random_factors_mean_the_same(data: st.DataObject) -> None:
    """Of one or two sums, of elements and of values of them."""
    elements = (w.at(X, I, J), w.at(X, I, 4 - J), w.at(Y, J))
    factor = st.sampled_from((*elements, *(w.op("exp", one) for one in elements), w.number(2.5)))
    before = summed(w.op("mul", data.draw(factor), data.draw(factor)))
    same_meaning(before, commute(before, "j"), rtol=0)
