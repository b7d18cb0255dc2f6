"""thin: a loop has the turns alone in which a test of equality holds; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.conditions.thin import MOST_TURNS, thin
from graphc.compiler.loops.statement import Accumulate, Allocate, If, Store
from graphc.compiler.loops.value import Condition, Constant, at_least
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.written import I, J, K

X, Y = w.floats("x", N, 13), w.floats("y", N)
TOTAL = new_buffer("s", "float32", (), BufferScope.REGISTER)


def summed(test: Index, turns: int = 5, inner: int = 1) -> LoopProgram:
    """Return sums of the elements of rows for which an index is 0; `inner` turns add each."""
    total = w.at(TOTAL)
    tested = If(
        (Condition(test, equal=True), at_least(J)),
        (Accumulate("sum", (total,), (w.at(X, I, J),)),),
    )
    return w.program(
        (X,),
        (Y,),
        w.loop(
            I,
            N,
            Allocate(TOTAL),
            Store(total, Constant(0, "float32")),
            w.loop(J, turns, tested if inner == 1 else w.loop(K, inner, tested)),
            Store(w.at(Y, I), total),
        ),
    )


@pytest.mark.parametrize("turns", [1, 2, 5, 13])
@pytest.mark.parametrize(
    ("test", "of"),
    [
        (J % 2, range(0, 13, 2)),
        ((J + I * 2 + 1) % 2, range(1, 13, 2)),
        ((J * 2 + 1) % 3, range(1, 13, 3)),
        ((J * 2 + 1) % 4, range(0)),
        (J - 3, range(3, 4)),
        (J + 1, range(0)),
    ],
)
def test_turns_in_which_a_test_holds(test: Index, of: range, turns: int) -> None:
    before = summed(test, turns)
    after = thin(before, "j")
    held = [one for one in of if one < turns]
    assert str(after.loop("j_thin").ends[0]) == str(len(held))
    assert not any(one.equal for x in walk(after.body) if isinstance(x, If) for one in x.conditions)
    same_meaning(before, after)


def test_a_test_inside_of_a_loop_holds_for_all_of_its_turns() -> None:
    before = summed((J + 1) % 3, inner=2)
    after = thin(before, "j")
    assert [str(one) for one in after.loop("j_thin").ends] == ["1"]
    same_meaning(before, after)


def test_what_depends_on_other_variables_is_refused() -> None:
    with pytest.raises(RewriteError, match=r"tests that are settled in each turn of j"):
        thin(summed((I + J) % 2), "j")


def test_a_test_of_an_unknown_size_is_refused() -> None:
    """In which turns it holds depends on the size: in even or odd ones."""
    with pytest.raises(RewriteError, match=r"tests that are settled in each turn of j"):
        thin(summed((J + N) % 2), "j")


def test_turns_that_are_not_equally_far_are_refused() -> None:
    with pytest.raises(RewriteError, match="hold in every so many"):
        thin(summed(J // 2 % 2), "j")


def test_a_loop_without_such_a_test_is_refused() -> None:
    with pytest.raises(RewriteError, match="found no test of equality"):
        thin(summed(I % 2), "j")


def test_unknown_and_many_turns_are_refused() -> None:
    for loop, turns in (("i", 5), ("j", MOST_TURNS + 1)):
        with pytest.raises(RewriteError, match=f"a known number of turns, at most {MOST_TURNS}"):
            thin(summed(J % 2, turns), loop)


@given(st.data())
def test_random_tests_mean_the_same(data: st.DataObject) -> None:
    """Of an affine index, perhaps divided, with or without a remainder."""
    number = st.integers(-3, 3)
    test = J * data.draw(number) + I * data.draw(number) + data.draw(number)
    if data.draw(st.booleans()):
        test = test // data.draw(st.integers(1, 3))
    if data.draw(st.booleans()):
        test = test % data.draw(st.integers(1, 4))
    before = summed(test, data.draw(st.integers(1, 13)), data.draw(st.integers(1, 2)))
    try:
        after = thin(before, "j")
    except RewriteError:
        return
    same_meaning(before, after)
