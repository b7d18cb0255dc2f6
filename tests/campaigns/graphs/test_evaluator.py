"""The evaluator gives what the op table's rows expect, which are computed without graphc."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from tests.campaigns.graphs.comparison import fault
from tests.campaigns.graphs.evaluator import Evaluator
from tests.compiler.arrangements import plain
from tests.compiler.graph.op_cases.table import CASES

OPS = sorted({case.op for case in CASES})


@pytest.mark.parametrize("op", OPS)
def test_rows(op):
    for case in (case for case in CASES if case.op == op):
        part = plain(case, 0)
        (found,) = Evaluator(part.feeds, {})(part.outputs)
        assert not fault(case.expected, found), str(case)
        # Only quotients by zeros and infinities are left open, and what meets a padding.
        assert found.known.sum() >= 0.6 * found.known.size or op in ("floordiv", "div"), str(case)


def test_no_elements_are_as_they_should_be() -> None:
    x, none = g.input((0, 2), "float32"), np.zeros((0, 2), "float32")
    (found,) = Evaluator({x: none}, {})([x**x])
    assert not fault(none, found)


def test_what_a_sum_loses_in_extended_precision_is_not_certain() -> None:
    x, tiny = g.input((1,), "float32"), np.array([1e-40], "float32")
    (found,) = Evaluator({x: tiny}, {}, passes=True)([g.log(x + np.float32(1))])
    for right in (tiny, np.zeros(1, "float32")):
        assert not fault(right, found)
    assert fault(np.array([1e-5], "float32"), found)


def test_subnormal_operands_and_results_may_be_zero() -> None:
    x, tiny = g.input((1,), "float32"), np.array([1e-40], "float32")
    found, scaled, normal = Evaluator({x: tiny}, {}, flushes=True)([x + x, x * 2.0**20, x + 1.0])
    for sum_of_two, product in ((2 * tiny, 2.0**20 * tiny), np.zeros((2, 1), "float32")):
        assert not fault(sum_of_two, found)
        assert not fault(product.astype("float32"), scaled)
    assert fault(np.zeros(1, "float32"), normal)
    kept = Evaluator({x: tiny}, {})([x + x, x * 2.0**20])
    assert all(fault(np.zeros(1, "float32"), one) for one in kept)


def test_subnormal_numbers_are_as_large_as_zero() -> None:
    x, pair = g.input((2,), "float32"), np.array([0, 1e-40], "float32")
    nodes = [g.minimum(x, g.flip(x, 0)), g.clip(x * 0, 0.0, x), g.max(x, 0), g.argmax(x, 0)]
    least, within, largest, place = Evaluator({x: pair}, {}, flushes=True)(nodes)
    for right in (0.0, 1e-40):
        assert not fault(np.full(2, right, "float32"), least)
        assert not fault(np.array([0, right], "float32"), within)
        assert not fault(np.array(right, "float32"), largest)
    assert fault(np.full(2, 1.0, "float32"), least)
    assert not place.known.any()
    least, _, largest, place = Evaluator({x: pair}, {})(nodes)
    assert fault(pair, least)
    assert fault(np.zeros((), "float32"), largest)
    assert place.known.all()


def test_both_choices_of_an_unknown_condition_are_right() -> None:
    """Their distance has more bits than a float64."""
    x, tiny = g.input((1,), "float32"), np.array([1e-40], "float32")
    yes, no = np.array([0.7887676056288069]), np.array([-2.0])
    chosen = g.where(g.cast(x, "bool"), g.as_node(yes), g.as_node(no))
    (found,) = Evaluator({x: tiny}, {}, flushes=True)([chosen])
    assert not fault(yes, found)
    assert not fault(no, found)
    assert fault(np.array([-2.001]), found)


def test_the_multiple_behind_a_whole_quotient_may_be_zero() -> None:
    x, tiny = g.input((1,), "float32"), np.array([3e-40], "float32")
    whole, normal = g.floordiv(x, x), g.floordiv(x + np.float32(3), x + np.float32(1))
    lost, kept = Evaluator({x: tiny}, {}, flushes=True)([whole, normal])
    for right in (1, 0):
        assert not fault(np.array([right], "float32"), lost)
    assert fault(np.zeros(1, "float32"), kept)
    (exact,) = Evaluator({x: tiny}, {})([whole])
    assert fault(np.zeros(1, "float32"), exact)


def test_every_op_is_in_a_row():
    assert set(g.OPS) - set(OPS) <= {"input", "shared", "arg", "item"}
