"""The verdict on the values that kernels leave in memory, and on those that states hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function.comparison import _Comparison

X = g.input((1000,), "float32")
VALUES = np.linspace(-4.0, 5.0, 1000, dtype="float32")
DOUBLED = X * 2.0
POSITIVE = g.greater(X, 1.0)


def changed(values: np.ndarray, *changes: tuple[int, float]) -> np.ndarray:
    found = values.copy()
    for place, value in changes:
        found[place] = value
    return found


def verdict(node: g.Node, values: np.ndarray, layers=("dense_1",), x=VALUES):
    comparison = _Comparison({X: x, node: values}, {}, 0)
    comparison.add("k0", list(layers), [node])
    return comparison.result()


def test_equal_values_agree() -> None:
    found = verdict(DOUBLED, VALUES * 2)
    assert (found.values, found.largest, found.limit) == (1, 0.0, 1e-4)
    assert (found.failures, found.unchecked) == ((), ())


@pytest.mark.parametrize(("off", "agrees"), [(0.0009, True), (0.0011, False)])
def test_floats_may_differ_by_a_part_of_the_largest(off: float, agrees: bool) -> None:
    found = verdict(DOUBLED, changed(VALUES * 2, (500, VALUES[500] * 2 + off)))  # of 10
    if agrees:
        assert found.failures == ()
        assert found.largest == pytest.approx(9e-5, rel=1e-2)
    else:
        [failure] = found.failures
        assert failure.startswith("k0 (dense_1): <mul: float32[1000]>: differs by 1.1e-04 of its ")
        assert failure.endswith("largest element, 10; expected at most 1e-04")
        assert found.largest == 0.0


def test_doubles_are_compared_more_closely() -> None:
    x = g.input((2,), "float64")
    node = g.exp(x)
    values = {x: np.array([0.0, 1.0]), node: np.array([1.0, np.e * (1 + 1e-11)])}
    comparison = _Comparison(values, {}, 0)
    comparison.add("k0", [], [node])
    found = comparison.result()
    assert found.limit == 1e-12
    assert [failure.startswith("k0: <exp: float64[2]>: ") for failure in found.failures] == [True]


@pytest.mark.parametrize(
    ("place", "value"), [(0, np.nan), (0, np.inf), (999, -np.inf), (999, np.nan)]
)
def test_values_that_are_not_finite_are_where_the_interpreters_are(
    place: int, value: float
) -> None:
    [failure] = verdict(DOUBLED, changed(VALUES * 2, (place, value))).failures
    assert ("NaN or infinities at other" if np.isnan(value) else "differs by inf of") in failure
    fed = changed(VALUES, (place, value))
    assert verdict(DOUBLED, fed * 2, x=fed).failures == ()
    [failure] = verdict(DOUBLED, changed(fed * 2, (place, 1.0)), x=fed).failures
    assert "NaN or infinities at other" in failure


def test_nothing_finite_and_nothing_but_zeros() -> None:
    lost = np.full(1000, np.nan, "float32")
    assert verdict(DOUBLED, lost, x=lost).failures == ()
    zeros = np.zeros(1000, "float32")
    assert verdict(DOUBLED, changed(zeros, (3, 9e-5)), x=zeros).failures == ()
    [failure] = verdict(DOUBLED, changed(zeros, (3, 2e-4)), x=zeros).failures
    assert "differs by 2.0e-04 of its largest element, 0;" in failure


@pytest.mark.parametrize(("flipped", "agrees"), [(1, True), (2, False)])
def test_a_thousandth_of_flags_may_be_on_the_other_side(flipped: int, agrees: bool) -> None:
    values = VALUES > 1.0
    values[:flipped] ^= True
    found = verdict(POSITIVE, values)
    if agrees:
        assert found.failures == ()
    else:
        assert found.failures == ("k0 (dense_1): <less: bool[1000]>: 2 of 1,000 elements differ",)


def test_flags_whose_sides_rounding_decides_agree() -> None:
    x = VALUES.copy()
    x[:5] = 1.0
    flipped = x > 1.0
    flipped[:5] = True
    assert verdict(POSITIVE, flipped, x=x).failures == ()
    x[:5] = 0.99
    assert len(verdict(POSITIVE, flipped, x=x).failures) == 1


def test_what_is_not_in_memory_is_counted_and_leaves_are_not() -> None:
    other = g.exp(X)
    comparison = _Comparison({X: VALUES, DOUBLED: VALUES * 2}, {}, 0)
    comparison.add("k0", ["dense_1", "dense_2"], [X, DOUBLED, other, g.log(X)])
    comparison.add("k1", [], [DOUBLED])  # a copy
    comparison.add("k2", [], [other])
    found = comparison.result()
    assert found.values == 1
    assert found.failures == ()
    assert found.unchecked == (
        "k0 (dense_1, dense_2): 2 of its values, not whole in memory at its end",
        "k2: 1 of its values, not whole in memory at its end",
    )


def test_a_run_that_nothing_could_be_compared_of_fails() -> None:
    assert _Comparison({}, {}, 0).result().failures == ("no value of any kernel could be compared",)


@pytest.mark.parametrize(
    ("known", "failures"),
    [
        (None, 0),
        (lambda value: value, 0),
        (lambda value: np.nextafter(value, np.float32(9)), 1),
    ],
)
def test_a_state_holds_the_bits_of_its_new_value(
    known: Callable[[np.ndarray], np.ndarray] | None, failures: int
) -> None:
    values = np.array([1.0, 2.0], "float32")
    state = g.state_of(g.shared(values, "w"))
    node = g.input((2,), "float32")
    found = {} if known is None else {node: known(values)}
    comparison = _Comparison(found, {}, 0)
    comparison.add_state(node, state)
    expected = ("w: it does not hold its new value, <input: float32[2]>",) * failures
    assert comparison.result().failures[:-1] == expected
    assert found[node].tobytes() == (values if known is None else known(values)).tobytes()
