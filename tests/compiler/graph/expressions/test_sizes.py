"""Sizes that a program computes as nodes, for all small sizes, against exact fractions."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.dim import evaluate
from graphc.compiler.graph.expressions.sizes import as_shape, size_of
from graphc.errors import DTypeError

BATCH = g.input((None, 4, 6)).shape[0]
(SYMBOL,) = g.dim.symbols(BATCH)
N = g.as_node(BATCH)
FLOAT = g.cast(N, "float32")
VECTOR = g.concat([g.reshape(N, (1,)), g.constant(np.array([4, 6], "int64"))], 0)

CASES: dict[str, tuple[g.Node, Callable[[int], float]]] = {
    "itself": (N, lambda n: n),
    "sum": (N + 3, lambda n: n + 3),
    "difference": (2 * N - 1, lambda n: 2 * n - 1),
    "product": (N * N, lambda n: n * n),
    "negative": (-N, lambda n: -n),
    "whole quotient": (6 * N // 3, lambda n: 2 * n),
    "floor": (N // 3, lambda n: n // 3),
    "floor of a float": (g.floor(FLOAT / 4.0), lambda n: n // 4),
    "cast": (g.cast(FLOAT / 2.0, "int32"), lambda n: n // 2),
    "rounded half": (g.round(FLOAT / 2.0), lambda n: round(Fraction(n, 2))),
    "rounded quarter": (g.round(FLOAT / 4.0), lambda n: round(Fraction(n, 4))),
    "rounded thirds": (g.round(2.0 * FLOAT / 3.0), lambda n: round(Fraction(2 * n, 3))),
    "rounded sum": (g.round(FLOAT / 2.0 + FLOAT / 4.0), lambda n: round(Fraction(3 * n, 4))),
    "rounded difference": (g.round(FLOAT - FLOAT / 6.0), lambda n: round(Fraction(5 * n, 6))),
    "ceiling": (-(-N // 4), lambda n: math.ceil(n / 4)),
    "element": (VECTOR[1] * N, lambda n: 4 * n),
    "last element": (VECTOR[-1], lambda n: 6),
    "product of a vector": (g.prod(VECTOR), lambda n: 24 * n),
    "product of a slice": (g.prod(VECTOR[1:]), lambda n: 24),
    "sum of a vector": (g.sum(VECTOR), lambda n: n + 10),
    "sum of a broadcast vector": (g.sum(VECTOR - 1), lambda n: n + 7),
    "reversed sum": (g.sum(g.concat([VECTOR, VECTOR], 0)[::2]), lambda n: n + 6 + 4),
    "alias": (g.alias(N), lambda n: n),
}


@pytest.mark.parametrize("case", CASES)
def test_a_size_is_followed_exactly(case: str) -> None:
    node, expected = CASES[case]
    size = size_of(node, "here")
    for n in range(1, 26):
        assert evaluate(size, {SYMBOL: n}) == expected(n), n


def test_a_shape_has_ints_sizes_and_nodes() -> None:
    assert as_shape([3, BATCH, N, 2 * N], "reshape") == (3, BATCH, BATCH, 2 * BATCH)


@pytest.mark.parametrize(
    "node",
    [
        FLOAT / 2.0,  # a half may be left
        g.input((), "int32"),
        g.cast(g.input((), "float32"), "int32"),
        FLOAT / FLOAT,
        N // 0,
        g.round(FLOAT / -2.0),
        g.cast((FLOAT - 9.0) / 2.0, "int32"),  # towards 0, so up or down
        g.sqrt(FLOAT),
        VECTOR,
    ],
)
def test_what_no_call_knows_is_refused(node: g.Node) -> None:
    with pytest.raises(DTypeError, match=r"^here: expected an int or a size .*, received <"):
        size_of(node, "here")
