"""The analysis: what a shard has of each value."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.shards.analysis import statuses
from graphc.compiler.shards.batch_axis import BatchAxis
from graphc.compiler.shards.status import SAME, WHOLE, ZERO, Kind, Status, covering_status

X = g.input((g.BATCH, 3), "float64", "x")
W = g.shared([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "w", "float64")
SUM = g.sum(X, 0)

ROWS, PARTIAL, OWN, TOTAL = (
    lambda after=0, batch=None, kind=kind: Status(kind, after, batch)
    for kind in (Kind.ROWS, Kind.PARTIAL, Kind.OWN, Kind.TOTAL)
)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (W, SAME),
        (W * 2.0 + 1.0, SAME),
        (g.zeros((3,), "float64"), ZERO),
        (X, ROWS(batch=BatchAxis(0))),
        (g.dot(X, W), ROWS(batch=BatchAxis(0))),
        (g.transpose(X), ROWS(batch=BatchAxis(1))),
        (g.sum(X, 1), ROWS(batch=BatchAxis(0))),
        (g.max(X, 1), ROWS(batch=BatchAxis(0))),
        # Sums over the batch, and what is linear in them.
        (SUM, PARTIAL()),
        (g.mean(X), PARTIAL()),
        (-SUM * 2.0, PARTIAL()),
        (SUM + g.sum(X * X, 0), PARTIAL()),
        (g.matmul(g.transpose(X), X), PARTIAL()),
        (g.where(g.greater(W[:, 0], 2.0), SUM, 0.0), PARTIAL()),
        (g.concat([SUM, SUM]), PARTIAL()),
        (g.cast(g.sum(g.cast(X, "int32"), 0), "float64"), PARTIAL()),
        # What is not linear in them is known behind a pass over the shards.
        (SUM + 1.0, TOTAL(1)),
        (SUM * SUM, TOTAL(1)),
        (1.0 / SUM, TOTAL(1)),
        (g.sqrt(SUM), TOTAL(1)),
        (g.cast(SUM, "int32"), TOTAL(1)),
        (g.pad(SUM, [(1, 1)], 1.0), TOTAL(1)),
        (X - SUM, ROWS(1, BatchAxis(0))),
        (g.sum((X - SUM) * X, 0), PARTIAL(1)),
        (g.sqrt(g.sum((X - SUM) * X, 0)), TOTAL(2)),
        # What belongs to a shard.
        (g.own_batch(SUM), OWN()),
        (g.sqrt(g.own_batch(SUM)), OWN()),
        (X - g.own_batch(SUM), ROWS(0, BatchAxis(0))),
        (g.own_batch(SUM) * SUM, PARTIAL()),
        # What needs all rows at once.
        (g.max(X, 0), WHOLE),
        (X[1:], WHOLE),
        (g.flip(X, 0), WHOLE),
        (g.concat([X, X], 0), WHOLE),
        (g.reshape(X, (3, g.BATCH)), WHOLE),
        (g.dot(X, g.transpose(X)), WHOLE),
        (g.iota(g.BATCH), WHOLE),
        (g.max(X, 0) + 1.0, WHOLE),
    ],
    ids=str,
)
def test_statuses(node, expected):
    assert statuses([node]).status(node) == expected


def test_a_gradient_of_a_mean_needs_no_other_pass():
    """Of a count of weights one, since rows of the gradient depend on it."""
    weights = g.input((g.BATCH,), "float64")
    scores = g.mean(g.square(g.dot(X, W)), 1)
    loss = g.mean(scores)
    assert statuses([grad(loss, W)]).status(grad(loss, W)) == PARTIAL()
    counted = g.cast(g.maximum(g.sum(g.not_equal(weights, 0)), 1), "float64")
    weighted = grad(g.sum(scores * weights) / counted, W)
    assert statuses([weighted]).status(weighted) == PARTIAL(1)


SERIES = g.input((5, g.BATCH, 3), "float64", "series")


def scanned(step, init, sequences=(SERIES,)):
    finals, stacks = g.scan(step, init=init, sequences=sequences)
    return [*finals, *stacks]


def test_a_loop_over_rows():
    h = g.zeros((g.BATCH, 3), "float64")
    final, stack = scanned(lambda c, s: ((c[0] + s[0],), (c[0] * 2.0,)), [h])
    found = statuses([final, stack])
    assert found.status(final) == ROWS(batch=BatchAxis(0))
    assert found.status(stack) == ROWS(batch=BatchAxis(1))


def test_a_loop_that_adds_up_over_the_batch():
    """As the gradient of a recurrent layer's weights does."""
    final, stack = scanned(
        lambda c, s: ((c[0] + g.matmul(g.transpose(s[0]), s[0]),), (g.sum(s[0], 0),)),
        [g.zeros((3, 3), "float64")],
    )
    found = statuses([final, stack])
    assert found.status(final) == PARTIAL()
    assert found.status(stack) == PARTIAL()


def test_a_loop_that_reads_a_sum():
    h = g.zeros((g.BATCH, 3), "float64")
    (final,) = scanned(lambda c, s: ((c[0] + s[0] / SUM,), ()), [h])
    assert statuses([final]).status(final) == ROWS(1, BatchAxis(0))


def test_a_loop_that_counts_beside_rows_has_a_count_of_its_own():
    h = g.zeros((g.BATCH, 3), "float64")
    final, count = scanned(
        lambda c, s: ((c[0] + s[0], c[1] + 1.0), ()), [h, g.zeros((), "float64")]
    )
    assert statuses([final, count]).status(count) == OWN()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            lambda: scanned(lambda c, s: ((c[0] + s[0] - g.mean(s[0], 0),), ()), [X * 1.0]),
            "each step of the loop needs a sum over the batch",
        ),
        (
            lambda: scanned(lambda c, s: ((c[0] + s[0],), ()), [g.zeros((3,), "float64")], [X]),
            "the loop goes along the batch",
        ),
        (
            lambda: scanned(lambda c, s: ((g.flip(c[0] + s[0], 0),), ()), [X * 1.0]),
            "a step of the loop cannot be divided: it flips the batch",
        ),
        (
            lambda: scanned(
                lambda c, s: ((g.sum(s[0] * c[0], 0),), ()), [g.shared(np.ones(3), "h")]
            ),
            "adds a sum over the batch to what is no sum",
        ),
    ],
)
def test_a_loop_that_cannot_be_divided(make, reason):
    (final,) = make()
    found = statuses([final])
    assert found.status(final) == WHOLE
    assert [reason in one for one in found.reasons.values()] == [True]


def test_carries():
    rows = ROWS(batch=BatchAxis(0))
    assert covering_status(ZERO, PARTIAL()) == PARTIAL()
    assert covering_status(ROWS(1, BatchAxis(0, None)), ROWS(0, BatchAxis(0, 3))) == ROWS(
        1, BatchAxis(0, 3)
    )
    assert covering_status(SAME, TOTAL(1)) == TOTAL(1)
    assert covering_status(TOTAL(1), OWN()) == OWN(1)
    assert covering_status(WHOLE, rows) == WHOLE


ONES = np.ones((2, 3, 4))
WEIGHTS = g.shared(ONES[:, :, :2], "kernel", "float64")  # (filters, channels, window)
IMAGES = g.input((g.BATCH, 3, 4), "float64")
OPEN_CHANNELS = g.input((2, g.BATCH, 4), "float64")
OPEN_WINDOWS = g.input((2, 3, g.BATCH), "float64")
OPEN_FILTERS = g.input((g.BATCH, 3, 2), "float64")
OPEN_KERNEL = g.input((2, g.BATCH, 2), "float64")
IDS = g.input((g.BATCH,), "int32")
PAIRS = g.input((2, g.BATCH), "int32")
TABLE = g.shared(ONES[0], "table", "float64")
POOL = {"window": (2,), "strides": (1,), "padding": ((0, 0),)}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (g.conv(IMAGES, WEIGHTS), ROWS(batch=BatchAxis(0))),
        (g.conv(g.constant(ONES), OPEN_FILTERS), ROWS(batch=BatchAxis(1))),
        (g.conv(OPEN_CHANNELS, OPEN_KERNEL), PARTIAL()),
        (g.conv(IMAGES, OPEN_FILTERS), "it pairs each row with all others"),
        (g.conv(OPEN_WINDOWS, WEIGHTS), "its windows go along the batch"),
        (g.make("max_pool", OPEN_CHANNELS, **POOL), ROWS(batch=BatchAxis(1))),
        (g.make("max_pool", OPEN_WINDOWS, **POOL), "its windows go along the batch"),
        (g.take(TABLE, IDS), ROWS(batch=BatchAxis(0))),
        (g.take(TABLE, PAIRS), ROWS(batch=BatchAxis(1))),
        (g.take(TABLE, IDS, 1), ROWS(batch=BatchAxis(1))),
        (g.take(X, [0, 2], 1), ROWS(batch=BatchAxis(0))),
        (g.take(g.transpose(X), [[0, 2]], 0), ROWS(batch=BatchAxis(2))),
        (g.take(X, [0, 1]), "it picks rows of the batch by their positions"),
        (g.take(X, IDS), "it picks rows of the batch by their positions"),
        (g.scatter_add(IDS, X, 5), PARTIAL()),
        (g.scatter_add([0, 1, 1], X, 5, 1), ROWS(batch=BatchAxis(0))),
        (g.scatter_add([[0, 1, 1]], g.transpose(X)[None], 5), ROWS(batch=BatchAxis(1))),
        (X[:, 1:], ROWS(batch=BatchAxis(0))),
        (X[1:], "it slices the batch"),
        (X[::2], "it slices the batch"),
        (g.pad(X, [(0, 0), (1, 2)], 1.0), ROWS(batch=BatchAxis(0))),
        (g.pad(X, [(1, 0), (0, 0)]), "it pads the batch"),
        (g.pad(X, [(0, 1), (0, 0)]), "it pads the batch"),
        (g.concat([X, X], 1), ROWS(batch=BatchAxis(0))),
        (g.concat([X, X], 0), "it concatenates along the batch"),
        (g.flip(X, 1), ROWS(batch=BatchAxis(0))),
        (g.flip(X, 0), "it flips the batch"),
        (g.matmul(g.transpose(X), X), PARTIAL()),
        (g.dot(X, g.transpose(X)), "along axis 0 of one operand and along axis 1"),
        (g.iota(g.BATCH), "it counts the rows of the batch"),
        (g.random.uniform((g.BATCH, 3), dtype="float64"), ROWS(batch=BatchAxis(0, 1))),
        (g.broadcast_to(W[0, 0], (g.BATCH, 3)), ROWS(batch=BatchAxis(0, 1))),
        (g.input((g.BATCH * 2, 3), "float64"), "its axis 0 has the size 2*batch"),
        (g.input((g.BATCH, g.BATCH), "float64"), "the batch enters 2 axes of the shape"),
        (g.input((g.BATCH + 1,), "float64"), "the size batch + 1 is no multiple of the batch"),
    ],
    ids=str,
)
def test_rows_through_each_kind_of_op(node, expected):
    found = statuses([node])
    if isinstance(expected, str):
        assert found.status(node) == WHOLE
        assert [expected in one for one in found.reasons.values()] == [True]
    else:
        assert (found.status(node), found.reasons) == (expected, {})
