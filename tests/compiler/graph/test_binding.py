"""The values of symbols from the arrays of a call."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.binding import bind
from graphc.compiler.graph.dim import evaluate, symbols
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


N, M = g.symbol("n"), g.symbol("m")


@pytest.mark.parametrize(
    "sizes",
    [
        (N * N,),
        (N * N * N,),
        (N * N + N,),
        (N * N - 3 * N,),
        ((N * N - N) // 2,),
        (N + N // 2,),
        (20 - N,),
        (N // 2, 3 * N),
        ((N + (N + 1) // 2) // 3 + N,),
        ((N // 2) // 2 + N,),
        ((N // 3 + 1) // 2 + N,),
        (N * M, N),
        (N + M, N),
        (N + M, N - M),
        (2 * N + 3 * M, N - M),
        (N * N, N * M),
    ],
    ids=str,
)
@pytest.mark.parametrize("n", [4, 7, 11])
def test_sizes_that_determine_their_symbols(sizes: tuple[g.Dim, ...], n: int):
    values = {of(N): n, of(M): 3}
    fed = np.zeros([evaluate(size, values) for size in sizes], "bool")
    bound = bind([g.input(sizes)], [fed])
    assert bound == {one: values[one] for one in bound}
    assert bound.keys() == {one for size in sizes for one in symbols(size)}


@pytest.mark.parametrize(
    ("sizes", "fed", "message"),
    [
        ((N * N,), 8, r"received 8, which n\*n is for no n$"),
        (
            (N // 2,),
            6,
            r"received 6, which n // 2 is for n = 12 and for n = 13; give",
        ),
        ((N + M,), 6, "the size n . m does not determine n and m; give another"),
        ((N * M, N + M), (6, 5), "does not determine n and m"),
        ((N + M, N - M), (6, 6), r"needs n - m == 6, which holds for no sizes of at least 1"),
        ((N * N - 9 * N,), 10, "is for a n that cannot"),
        ((20 - N,), 20, r"received 20, which -n \+ 20 is for no n$"),
    ],
)
def test_sizes_that_do_not(sizes: tuple[g.Dim, ...], fed: tuple[int, ...], message: str):
    with pytest.raises(ShapeError, match=message):
        bind([g.input(sizes)], [np.zeros(fed)])


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
