"""The values of symbols from the arrays of a call."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.binding import bind
from graphc.compiler.graph.dim import symbols
from graphc.errors import DataError, ShapeError


def of(size: g.Dim) -> g.Symbol:
    (found,) = symbols(size)
    return found


def test_a_symbol_of_its_own_is_read_off():
    n = g.symbol("n")
    x, y = g.input((n, 3)), g.input((None, n))
    bound = bind([x, y], [np.zeros((4, 3)), np.zeros((7, 4))])
    assert bound == {of(n): 4, of(y.shape[0]): 7}


def test_two_values_of_one_symbol_name_both_inputs():
    x, y = g.input((g.BATCH, 3), name="images"), g.input((g.BATCH,), name="labels")
    message = "axis 0 of 'labels'.*expected batch = 5 by axis 0 of 'images'.*received 4"
    with pytest.raises(ShapeError, match=message):
        bind([x, y], [np.zeros((5, 3)), np.zeros(4)])


def test_expressions_are_solved_whatever_the_order():
    n, m = g.symbol("n"), g.symbol("m")
    x, y, z = g.input((2 * n + m,)), g.input((m // 2 + 1,)), g.input((m, 3 * n))
    assert bind([x, y, z], [np.zeros(13), np.zeros(4), np.zeros((7, 9))]) == {of(n): 3, of(m): 7}
    with pytest.raises(ShapeError, match=r"axis 1 .*expected 3\*n = 9, received 12"):
        bind([x, y, z], [np.zeros(13), np.zeros(4), np.zeros((7, 12))])
    with pytest.raises(ShapeError, match=r"received 12, which 2\*n \+ m is for no n \(m = 7\)"):
        bind([x, y, z], [np.zeros(12), np.zeros(4), np.zeros((7, 9))])


@pytest.mark.parametrize("received", [4, 1])
def test_an_expression_without_a_solution(received: int):
    n = g.symbol("n")
    with pytest.raises(ShapeError, match=rf"received {received}, which 2\*n \+ 1 is for no n$"):
        bind([g.input((2 * n + 1,))], [np.zeros(received)])


def test_a_symbol_that_nothing_determines():
    n, m = g.symbol("n"), g.symbol("m")
    with pytest.raises(ShapeError, match="does not determine n and m"):
        bind([g.input((n * m,))], [np.zeros(6)])


def test_arrays_that_do_not_fit():
    x = g.input((None, 3), name="x")
    with pytest.raises(ShapeError, match=r"'x'.*expected 2 axes, received 1: shape \(3,\)"):
        bind([x], [np.zeros(3)])
    with pytest.raises(ShapeError, match="axis 1 of 'x'.*expected 3, received 4"):
        bind([x], [np.zeros((2, 4))])
    with pytest.raises(DataError, match=r"axis 0 of 'x'.*is empty.*\(0, 3\)"):
        bind([x], [np.zeros((0, 3))])
