"""stage_sum: sums at coordinates that several loops make together; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.index import Index, IndexLike, variable
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.staging.stage_sum import stage_sum
from graphc.compiler.loops.statement import Accumulate, Allocate, If, Let, Statement, Store
from graphc.compiler.loops.value import Condition, Local, Select, Value, at_least, below
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.rewritten import lines_of
from tests.compiler.loops.written import I, J, K

T = variable("t")
X, Y = w.floats("x", N, 12), w.floats("y", N, 4)
S, BEST = w.register("s"), w.register("best")
T0 = Local("t0", "float32")


def pooled(
    place: Index,
    *tests: Condition,
    value: Value | None = None,
    ahead: tuple[Statement, ...] = (),
    between: tuple[Statement, ...] = (),
    places: int = 2,
    taps: IndexLike = 3,
) -> LoopProgram:
    """Return the maxima, over windows, of sums of a row's elements."""
    term = Accumulate("sum", (w.at(S),), (value or w.at(X, I, place),))
    body = (
        *ahead,
        Allocate(S),
        Store(w.at(S), w.number(0)),
        *between,
        w.loop(T, taps, term),
        Accumulate("max", (w.at(BEST),), (w.at(S),)),
    )
    inner = w.loop(K, places, *((If(tests, body),) if tests else body))
    begin = Allocate(BEST), Store(w.at(BEST), w.number(-5))
    nest = w.loop(J, 4, *begin, inner, Store(w.at(Y, I, J), w.at(BEST)))
    return w.program((X,), (Y,), w.loop(I, N, nest))


def test_each_sum_is_made_once() -> None:
    before = pooled(J * 2 + K + T)
    after = stage_sum(before, "i", "s", (J * 2 + K,), "sums")
    assert lines_of(after)[1:7] == [
        "allocate sums: float32[8] in thread",
        "for sums_axis0 < 8:",
        "allocate s_2: float32[] in register",
        "s_2[] = 0.0",
        "for t_2 < 3:",
        "s_2[] = sum(s_2[], x[i, sums_axis0 + t_2])",
    ]
    assert "best[] = max(best[], sums[2*j + k])" in lines_of(after)
    same_meaning(before, after)


def test_sums_that_a_test_leaves_out_have_the_terms_that_exist() -> None:
    before = pooled(J * 2 + K + T - 1, at_least(J * 2 + K - 1))
    after = stage_sum(before, "i", "s", (J * 2 + K,), "sums")
    tests = [one for one in walk(after.body) if isinstance(one, If)]
    assert [len(one.conditions) for one in tests] == [1, 1]  # of the terms, and of the reader
    same_meaning(before, after, is_finite=True)


def test_windows_that_overlap_share_sums() -> None:
    before = pooled(J + K + T, places=3)
    after = stage_sum(before, "i", "s", (J + K,), "sums")
    assert "allocate sums: float32[6] in thread" in lines_of(after)
    same_meaning(before, after)


def test_coordinates_may_be_separate() -> None:
    before = pooled(J * 2 + K + T)
    after = stage_sum(before, "i", "s", (K, J), "sums")
    assert "allocate sums: float32[2, 4] in thread" in lines_of(after)
    same_meaning(before, after)


def test_values_of_a_sum_go_with_it() -> None:
    named = Let(T0, w.op("neg", w.at(X, I, J * 2 + K)))
    value = w.op("mul", T0, w.at(X, I, J * 2 + K + T))
    before = pooled(J, value=value, ahead=(named,))
    same_meaning(before, stage_sum(before, "i", "s", (J * 2 + K,), "sums"))


def test_terms_that_a_select_chooses_are_read_under_its_tests() -> None:
    place = J * 2 + K
    chosen = Select((below(T, 2),), w.at(X, I, place + T), w.at(X, I, T - 2))
    before = pooled(place, value=chosen)
    after = stage_sum(before, "i", "s", (place,), "sums")
    assert not any(isinstance(one, If) for one in walk(after.body))
    same_meaning(before, after)


def test_a_chosen_term_that_might_be_missing_is_refused() -> None:
    place = J * 2 + K - 1
    chosen = Select((below(T, 2),), w.at(X, I, place + T), w.number(0))
    program = pooled(place, at_least(place), value=chosen)
    with pytest.raises(RewriteError, match="expected values that all coordinates have, found s"):
        stage_sum(program, "i", "s", (J * 2 + K,), "sums")


@pytest.mark.parametrize(
    ("coords", "reason"),
    [
        ((J + K,), "expected a sum of j \\+ k alone"),
        ((K,), "expected a sum of k alone"),
        ((J * 2 + K * 2,), "coordinates that have a variable of their own"),
        ((J, J * 2 + K), "coordinates that have a variable of their own"),
    ],
)
def test_sums_of_other_coordinates_are_refused(coords: tuple[Index, ...], reason: str) -> None:
    with pytest.raises(RewriteError, match=reason):
        stage_sum(pooled(J * 2 + K + T), "i", "s", coords, "sums")


def test_other_buffers_are_refused() -> None:
    program = pooled(J * 2 + K + T)
    with pytest.raises(RewriteError, match="a buffer of one element that the body allocates"):
        stage_sum(program, "i", "missing", (J,), "sums")
    with pytest.raises(RewriteError, match="operands that the body does not write"):
        stage_sum(pooled(J, value=w.at(Y, I, J)), "i", "s", (J * 2 + K,), "sums")
    with pytest.raises(RewriteError, match="that it is added up before it is read"):
        read = Store(w.at(BEST), w.at(S))
        stage_sum(pooled(J * 2 + K + T, between=(read,)), "i", "s", (J * 2 + K,), "sums")


def test_values_of_other_blocks_are_refused() -> None:
    program = pooled(J, value=T0)
    (outer,) = program.body
    named = Let(T0, w.op("neg", w.at(X, I, J)))
    (inner,) = outer.body  # type: ignore[union-attr]
    nest = w.loop(J, 4, named, *inner.body)  # type: ignore[union-attr]
    program = w.program((X,), (Y,), w.loop(I, N, nest))
    with pytest.raises(RewriteError, match="expected values of its own block, found the value"):
        stage_sum(program, "i", "s", (J * 2 + K,), "sums")


def test_terms_that_might_stop_the_program_are_refused() -> None:
    x, place = w.ints("z", N, 12), J * 2 + K + T
    divided = w.cast(w.op("floordiv", w.at(x, I, place), w.at(x, I, place)), "float32")
    program = pooled(place, value=divided)
    with pytest.raises(RewriteError, match="expected values that all coordinates have"):
        stage_sum(program, "i", "s", (J * 2 + K,), "sums")


@given(st.data())
def test_random_windows_mean_the_same(data: st.DataObject) -> None:
    step, places = data.draw(st.integers(1, 3)), data.draw(st.integers(2, 3))
    shift, taps = data.draw(st.integers(0, 2)), data.draw(st.integers(1, 3))
    coord = J * step + K
    tests = [at_least(coord - shift)] if shift else []
    if step * 3 + places + taps - 2 - shift >= 12:
        tests.append(below(coord, 13 - taps + shift))
    before = pooled(coord + T - shift, *tests, places=places, taps=taps)
    coords = (coord,) if data.draw(st.booleans()) else (K, J)
    same_meaning(before, stage_sum(before, "i", "s", coords, "sums"), is_finite=True)
