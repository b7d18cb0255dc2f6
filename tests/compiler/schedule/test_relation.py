"""Where a node reads another: at its own element, at its row, or elsewhere."""

from __future__ import annotations

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.schedule.inline import choose_materialised
from graphc.compiler.schedule.relation import (
    ELSEWHERE,
    SAME,
    Relation,
    readings,
    reduction_split,
    split_of,
)

X = g.input((BATCH, 10), "float32")
Y = g.input((BATCH, 10), "float32")
ROW = g.input((BATCH,), "float32")
COLUMN = g.input((10,), "float32")


def test_axes_of_one_kind_are_one_run_and_ones_do_not_count() -> None:
    assert split_of((2, 3, 1, 4), (0, 1)) == ((6, True), (4, False))
    assert split_of((2, 1, 3, 4), (0, 3)) == ((2, True), (3, False), (4, True))
    assert split_of((BATCH, 3), ()) == ((BATCH * 3, False),)
    assert split_of((1, 1), (0,)) == ()


def test_reductions_of_reshapes_of_one_another_have_equal_splits() -> None:
    flat, deep = g.input((BATCH, 6)), g.input((BATCH, 1, 2, 3))
    assert reduction_split(g.sum(flat, 1)) == reduction_split(g.max(deep, (2, 3)))
    assert reduction_split(g.sum(flat, 0)) != reduction_split(g.sum(flat, 1))


def relation(reader: Node, read: Node) -> list[Relation]:
    """Where `reader`, which is stored, reads a value in memory."""
    return [where for x, where in readings(reader, choose_materialised([reader])) if x is read]


@pytest.mark.parametrize(
    ("reader", "read", "expected"),
    [
        (g.maximum(X, Y), X, [SAME]),
        (g.tanh(g.exp(X)), X, [SAME]),
        (g.reshape(X, (-1,)) * 2.0, X, [SAME]),
        (g.reshape(X, (5, -1)), X, [SAME]),
        (X * g.broadcast_to(g.reshape(ROW, (-1, 1)), X.shape), ROW, [((BATCH, True), (10, False))]),
        (X + COLUMN, COLUMN, [((BATCH, False), (10, True))]),
        (g.maximum(X, g.flip(X, 0)), X, [SAME, ELSEWHERE]),
        (g.maximum(X, g.exp(g.flip(Y, 1))), Y, [ELSEWHERE]),
        (g.maximum(X, g.flip(-g.abs(Y), 1)), Y, [ELSEWHERE]),
        (g.transpose(X), X, [ELSEWHERE]),
        (X[1:], X, [ELSEWHERE]),
        (g.sum(X, 1), X, [SAME]),  # seen from an element of what is summed
        (g.sum(g.transpose(X), 1), X, [ELSEWHERE]),
        (g.dot(X, g.transpose(Y)), X, [ELSEWHERE]),
        (g.tanh(X + g.broadcast_to(g.broadcast_to(g.sum(Y), (10,)), X.shape)), Y, []),
    ],
)
def test_where(reader: Node, read: Node, expected: list[Relation]) -> None:
    assert relation(reader, read) == expected


def test_a_broadcast_of_a_broadcast_is_no_row() -> None:
    scalar = g.input((), "float32")
    twice = g.broadcast_to(g.exp(g.broadcast_to(scalar, (10,))), X.shape)
    assert relation(g.maximum(X, twice), scalar) == [ELSEWHERE]
