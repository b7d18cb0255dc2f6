"""Transposes sink behind arithmetic, and the values stay."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.interpret import evaluate
from graphc.compiler.schedule.layout import sink_transposes

X, Y = (g.input((2, 3, 4), "float64") for _ in range(2))
BIAS = g.shared(np.arange(2.0), "bias", "float64")
TRANSPOSED = g.input((4, 2, 3), "float64")
ORDER = (2, 0, 1)  # of (2, 3, 4): (4, 2, 3)
BACK = (1, 2, 0)
rng = np.random.default_rng(3)
FED = {node: rng.normal(size=node.shape) for node in (X, Y, TRANSPOSED)}
SMALL = g.broadcast_to(g.reshape(BIAS, (2, 1)), (4, 2, 3))


def transposed(node: Node, order=ORDER) -> Node:
    return g.transpose(node, order)


def computed(node: Node) -> Node:
    return g.exp(node)


def padded(node: Node, low, high, interior) -> Node:
    return g.make("pad", node, low=low, high=high, interior=interior, value=7.0)


def transposes(node: Node) -> list[tuple[Node, tuple[int, ...]]]:
    return [
        (one.inputs[0], one.attrs["order"]) for one in g.toposort([node]) if one.op == "transpose"
    ]


def same_values(before: Node, after: Node) -> None:
    fed = {x: FED[x] for x in g.toposort([before]) if x in FED}
    ours = {x: FED[x] for x in g.toposort([after]) if x in FED}
    np.testing.assert_allclose(evaluate([after], ours)[0], evaluate([before], fed)[0], rtol=1e-12)


@pytest.mark.parametrize(
    "before",
    [
        transposed(computed(X)) + SMALL,
        SMALL + transposed(computed(X)),
        transposed(computed(X)) * 2.0 + 1.0,
        transposed(computed(X)) * transposed(computed(Y)),
        transposed(computed(X)) + g.exp(SMALL * 2.0),  # computed from what is broadcast
        transposed(computed(X)) + g.cast(g.random.bits((4, 2, 3), 1), "float64") * 0.0,
        transposed(computed(X)) + transposed(X),
    ],
)
def test_arithmetic_is_in_the_order_of_what_is_stored(before: Node) -> None:
    [after] = sink_transposes([before])
    assert (after.op, after.attrs["order"]) == ("transpose", ORDER)
    assert after.inputs[0].shape == (2, 3, 4)
    same_values(before, after)
    [there_and_back] = sink_transposes([transposed(before, BACK)])
    assert there_and_back.op not in ("transpose", "broadcast")
    assert there_and_back.shape == (2, 3, 4)
    same_values(transposed(before, BACK), there_and_back)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (transposed(computed(X))[1:4:2, :, 1:], computed(X)[:, 1:, 1:4:2]),
        (
            padded(transposed(computed(X)), (0, 2, 4), (1, 3, 5), (1, 0, 2)),
            padded(computed(X), (2, 4, 0), (3, 5, 1), (0, 2, 1)),
        ),
        (
            g.concat([transposed(computed(X)), transposed(X), SMALL], axis=0),
            g.concat([computed(X), X, transposed(SMALL, BACK)], axis=2),
        ),
    ],
    ids=["slice", "pad", "concat"],
)
def test_movements_along_axes_are_ahead_of_a_transpose(before: Node, expected: Node) -> None:
    [after] = sink_transposes([before])
    assert (after.op, after.attrs["order"]) == ("transpose", ORDER)
    assert after.inputs[0].op == before.op
    assert after.inputs[0].attrs == expected.attrs
    same_values(before, after)


@pytest.mark.parametrize(
    "before",
    [
        g.concat([transposed(computed(X)), TRANSPOSED], axis=0),
        transposed(X)[1:],  # no kernel computes it
        g.flip(transposed(computed(X)), 0),
        transposed(computed(X)) + TRANSPOSED,  # which is read in its own order
        transposed(computed(X)) + g.exp(TRANSPOSED),
        transposed(computed(X)) + transposed(g.exp(g.reshape(Y, (3, 4, 2))), (1, 2, 0)),
        transposed(X) + SMALL,  # no kernel computes it
        g.dot(transposed(computed(X)), g.shared(np.ones((3, 5)), "w", "float64")),
    ],
)
def test_what_would_be_read_in_another_order_stays(before: Node) -> None:
    [after] = sink_transposes([before])
    assert after is before


def test_transposes_that_cancel_or_meet() -> None:
    [after] = sink_transposes([transposed(transposed(computed(X)), BACK)])
    assert after is computed(X)
    [after] = sink_transposes([transposed(transposed(computed(X)), (0, 2, 1))])
    assert after is transposed(computed(X), (2, 1, 0))


@pytest.mark.parametrize(
    ("op", "axes", "expected"),
    [
        ("sum", (0,), (2,)),
        ("max", (1, 2), (0, 1)),
        ("sum", (0, 1, 2), (0, 1, 2)),
        ("sum", (0, 2), (1, 2)),
        ("argmax", (0,), (2,)),
        ("argmax", (1, 2), (0, 1)),
    ],
)
def test_a_reduction_of_a_transpose_is_one_of_what_it_reads(op, axes, expected) -> None:
    before = g.make(op, transposed(computed(X)), axes=axes)
    [after] = sink_transposes([before])
    assert after is g.make(op, computed(X), axes=expected)
    same_values(before, after)


@pytest.mark.parametrize(
    ("op", "order", "axes"),
    [
        ("sum", (1, 0, 2), (2,)),  # what is kept is in another order
        ("argmax", ORDER, (0, 1)),  # positions count along 4, then 2
        ("argmin", (1, 0, 2), (0, 1)),
    ],
)
def test_a_reduction_whose_result_has_another_order_stays(op, order, axes) -> None:
    before = g.make(op, transposed(computed(X), order), axes=axes)
    assert sink_transposes([before]) == [before]
