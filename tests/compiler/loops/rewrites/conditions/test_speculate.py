"""speculate: values and sums of turns that a test leaves out; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.speculate import speculate
from graphc.compiler.loops.rewrites.conditions.widen import widen
from graphc.compiler.loops.statement import Accumulate, Allocate, If, Let, Statement, Store
from graphc.compiler.loops.value import Local, below
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, loops_of, plain_programs, same_meaning
from tests.compiler.loops.written import I, J, K

X, Y, S = w.floats("x", N + 8), w.floats("y", N), w.register("s")
SUM = (
    Allocate(S),
    Store(w.at(S), w.number(0)),
    w.loop(K, 5, Accumulate("sum", (w.at(S),), (w.at(X, I + K),))),
)
STORE = Store(w.at(Y, I), w.at(S))


def guarded(*body: Statement, read: Buffer = X) -> LoopProgram:
    test = If((below(I, N),), body or (*SUM, STORE))
    return w.program((read,), (Y,), w.loop(I, N + 3, test))


def test_sums_are_added_in_all_turns() -> None:
    before = guarded()
    after = speculate(before, "i", 3)
    *ahead, test = after.loop("i").body
    assert tuple(ahead) == SUM
    assert isinstance(test, If)
    assert test.body == (STORE,)
    same_meaning(before, after)


def test_no_test_is_left_around_nothing() -> None:
    local = Let(Local("t0", "float32"), w.at(X, I))
    before = guarded(local)
    after = speculate(before, "i", 1)
    assert after.loop("i").body == (local,)


IMAGE = new_buffer("image", "float32", (18,), BufferScope.THREAD)


def filled(*fills: Statement) -> LoopProgram:
    y, local = w.floats("y", 12), Local("t0", "float32")
    body = (Let(local, w.at(IMAGE, I + 1)), Store(w.at(y, I), local))
    around = w.loop(I, 17, If((below(I, 12),), body))
    return w.program((w.floats("x", 18),), (y,), Allocate(IMAGE), *fills, around)


ROWS = w.loop(J, 3, w.loop(K, 5, Store(w.at(IMAGE, J * 5 + K), w.at(w.floats("x", 18), J * 5 + K))))
BEHIND = w.loop(J, 3, Store(w.at(IMAGE, J + 15), w.number(0)))


def test_what_loops_have_filled_is_read() -> None:
    before = filled(BEHIND, ROWS)
    same_meaning(before, speculate(before, "i", 1))


@pytest.mark.parametrize("fills", [(ROWS,), (BEHIND,)])
def test_what_may_have_no_value_is_refused(fills: tuple[Statement, ...]) -> None:
    with pytest.raises(RewriteError, match="image has a value for each element ahead of the loop"):
        speculate(filled(*fills), "i", 1)


def test_elements_that_do_not_exist_are_refused() -> None:
    short = w.floats("x", N + 5)
    total = Accumulate("sum", (w.at(S),), (w.at(short, I + K),))
    body = (*SUM[:2], w.loop(K, 5, total), STORE)
    with pytest.raises(RewriteError, match="elements that exist in turns that the test leaves out"):
        speculate(guarded(*body, read=short), "i", 3)


def test_stores_that_others_see_are_refused() -> None:
    with pytest.raises(RewriteError, match="stores to what is allocated among them"):
        speculate(guarded(), "i", 4)


def test_divisions_by_what_may_be_zero_are_refused() -> None:
    x = w.ints("x", N + 8)
    let = Let(Local("t0", "int32"), w.op("floordiv", w.at(x, I), w.at(x, I + 1)))
    with pytest.raises(RewriteError, match="no division of integers"):
        speculate(guarded(let, read=x), "i", 1)


@pytest.mark.parametrize("count", [0, 5])
def test_other_numbers_of_statements_are_refused(count: int) -> None:
    with pytest.raises(RewriteError, match=f"expected at least {count} statements under its test"):
        speculate(guarded(), "i", count)


def test_a_body_that_is_no_test_is_refused() -> None:
    program = w.program((X,), (Y,), w.loop(I, N, *SUM, STORE))
    with pytest.raises(RewriteError, match="one test, without another branch, as its body"):
        speculate(program, "i", 3)


@given(plain_programs(), st.data())
def test_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    """Of a loop that is widened, all statements that may be computed in all turns."""
    name = data.draw(st.sampled_from(loops_of(program)))
    loop = program.loop(name)
    (end,) = loop.ends
    before = widen(program, name, end.constant + data.draw(st.integers(1, 4)))
    count = data.draw(st.integers(1, len(loop.body)))
    try:
        after = speculate(before, name, count)
    except RewriteError:
        return
    same_meaning(before, after)
