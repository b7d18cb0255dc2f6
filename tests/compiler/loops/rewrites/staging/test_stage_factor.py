"""stage_factor: values of coordinates that several loops make together; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.index import Index, as_index
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.staging.stage_factor import stage_factor
from graphc.compiler.loops.statement import Accumulate, Allocate, If, Let, Statement, Store
from graphc.compiler.loops.value import Condition, Local, Value, at_least, below
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.rewritten import lines_of
from tests.compiler.loops.written import I, J, K

X, W, Y, S = w.floats("x", N, 14), w.floats("w", 3), w.floats("y", N, 8), w.register("s")
T0, T1 = Local("t0", "float32"), Local("t1", "float32")
TERM = Accumulate("sum", (w.at(S),), (w.op("mul", T1, w.at(W, K)),))


def summed(
    value: Value, *tests: Condition, ahead: tuple[Statement, ...] = (), taps: int = 3
) -> LoopProgram:
    """Return sums over windows of values of a row."""
    body: tuple[Statement, ...] = (*ahead, Let(T1, value), TERM)
    terms = w.loop(K, taps, If(tests, body) if tests else body[0], *(() if tests else body[1:]))
    start = Allocate(S), Store(w.at(S), w.number(0))
    nest = w.loop(J, 8, *start, terms, Store(w.at(Y, I, J), w.at(S)))
    return w.program((X, W), (Y,), w.loop(I, N, nest))


def test_each_element_is_computed_once() -> None:
    before = summed(w.op("mul", T0, T0), ahead=(Let(T0, w.op("exp", w.at(X, I, J + K))),))
    after = stage_factor(before, "i", "t1", (J + K,), "image")
    assert lines_of(after)[1:4] == [
        "allocate image: float32[10] in thread",
        "for image_axis0 < 10:",
        "t0_2 = exp(x[i, image_axis0])",
    ]
    assert "t1 = image[j + k]" in lines_of(after)
    same_meaning(before, after)


def above_the_terms(*coords: Index) -> tuple[LoopProgram, LoopProgram]:
    """Return sums of values that are made of one that is named outside of the sum's loop, and a
    program that stages them by coordinates."""
    value = Let(T1, w.op("mul", T0, w.at(W, K)))
    start = Let(T0, w.op("exp", w.at(X, I, J))), Allocate(S), Store(w.at(S), w.number(0))
    nest = w.loop(J, 8, *start, w.loop(K, 3, value, TERM), Store(w.at(Y, I, J), w.at(S)))
    before = w.program((X, W), (Y,), w.loop(I, N, nest))
    return before, stage_factor(before, "i", "t1", coords, "image")


def test_what_is_named_outside_of_the_loop_over_terms_is_computed_with_it() -> None:
    before, after = above_the_terms(as_index(0) + K, as_index(0) + J)
    assert lines_of(after)[4:6] == [
        "t0_2 = exp(x[i, image_axis1])",
        "image[image_axis0, image_axis1] = mul(t0_2, w[image_axis0])",
    ]
    same_meaning(before, after)


def test_what_is_named_outside_of_other_coordinates_is_refused() -> None:
    with pytest.raises(RewriteError, match=r"a value of j \+ k alone"):
        above_the_terms(J + K)


def test_what_a_test_leaves_out_is_zero() -> None:
    place = J + K - 1
    value = w.op("exp", w.at(X, I, place // 2))
    before = summed(value, at_least(place), below(place, 7))
    after = stage_factor(before, "i", "t1", (J + K,), "image")
    tests = [one for one in walk(after.body) if isinstance(one, If)]
    assert len(tests) == 1  # of the copy
    same_meaning(before, after, is_finite=True)


def test_steps_leave_elements_between() -> None:
    before = summed(w.op("neg", w.at(X, I, J + K * 2)), taps=2)
    same_meaning(before, stage_factor(before, "i", "t1", (J + K * 2,), "image"))


@pytest.mark.parametrize("coord", [J, K, J + K * 2, J * 2 + K])
def test_values_of_other_coordinates_are_refused(coord: Index) -> None:
    before = summed(w.op("neg", w.at(X, I, J + K)))
    with pytest.raises(RewriteError, match="alone, found neg|coordinates that have a variable"):
        stage_factor(before, "i", "t1", (coord,), "image")


def test_coordinates_without_a_variable_of_their_own_are_refused() -> None:
    before = summed(w.op("neg", w.at(X, I, J + K)))
    with pytest.raises(RewriteError, match="expected coordinates that have a variable"):
        stage_factor(before, "i", "t1", (J + K, J + K * 3), "image")


def test_elements_that_might_not_exist_are_refused() -> None:
    far = w.op("neg", w.at(X, I, (J + K * 4) % 5 * 2))
    assert stage_factor(summed(far), "i", "t1", (J + K * 4,), "image")
    tested = summed(w.op("neg", w.at(X, I, J + K - 1)), at_least(J + K * 2 - 1))
    with pytest.raises(RewriteError, match=r"stage_factor of the value 't1'"):
        stage_factor(tested, "i", "t1", (J + K,), "image")
    beyond = summed(w.op("neg", w.at(X, I, J + K - 1)), below(J + K, 9))
    with pytest.raises(RewriteError, match="expected elements that exist for all coordinates"):
        stage_factor(beyond, "i", "t1", (J + K,), "image")


def test_divisions_by_what_may_be_zero_are_refused() -> None:
    x = w.ints("x", N, 14)
    divided = w.cast(w.op("floordiv", w.at(x, I, J + K), w.at(x, I, J + K)), "float32")
    program = summed(divided)
    with pytest.raises(RewriteError, match="no division of integers by what may be zero"):
        stage_factor(program, "i", "t1", (J + K,), "image")


def test_operands_that_the_body_writes_are_refused() -> None:
    program = summed(w.op("neg", w.at(Y, I, (J + K) % 8)))
    with pytest.raises(RewriteError, match="operands that the body does not write"):
        stage_factor(program, "i", "t1", (J + K,), "image")


def test_other_names_are_refused() -> None:
    with pytest.raises(RewriteError, match="a value that the body names"):
        stage_factor(summed(w.op("neg", w.at(X, I, J + K))), "i", "t2", (J + K,), "image")


def test_two_tests_around_are_refused() -> None:
    inner = If((at_least(J - 1),), (Let(T1, w.at(X, I, J + K)), TERM))
    start = Allocate(S), Store(w.at(S), w.number(0))
    terms = w.loop(K, 3, If((at_least(K - 1),), (inner,)))
    program = w.program(
        (X, W), (Y,), w.loop(I, N, w.loop(J, 8, *start, terms, Store(w.at(Y, I, J), w.at(S))))
    )
    with pytest.raises(RewriteError, match="loops alone around it, and perhaps one test"):
        stage_factor(program, "i", "t1", (J + K,), "image")


@given(st.data())
def test_random_values_mean_the_same(data: st.DataObject) -> None:
    """Of a coordinate with any step, shifted, divided, tested or not, at any loop around."""
    step, shift = data.draw(st.integers(1, 2)), data.draw(st.integers(-2, 1))
    divisor, taps = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    coord = J + K * step
    place = (coord + shift) // divisor
    value: Value = w.at(X, I, place)
    for _ in range(data.draw(st.integers(1, 2))):
        value = w.op(data.draw(st.sampled_from(("neg", "exp", "abs"))), value)
    tests = [at_least(coord + shift)] if shift < 0 or data.draw(st.booleans()) else []
    if data.draw(st.booleans()):
        tests.append(below(coord, data.draw(st.integers(1, 9))))
    if tests and data.draw(st.booleans()):
        tests.append(Condition((coord + shift) % divisor, equal=True))
    before = summed(value, *tests, taps=taps)
    same_meaning(before, stage_factor(before, "i", "t1", (coord,), "image"), is_finite=True)
