"""The nodes that every reader computes for itself, and those that are stored."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.schedule.inline import (
    MOST_INLINED,
    MOST_RECOMPUTED,
    choose_materialised,
    is_leaf,
    is_splat,
)

X = g.input((BATCH, 10), "float32")
Y = g.input((BATCH, 10), "float32")
COLUMN = g.input((10,), "float32")
SQUARE = g.shared(np.zeros((10, 10), "float32"))
INDEX = g.input((BATCH,), "int32")


def test_a_constant_of_one_number_is_text_and_others_are_memory() -> None:
    assert is_splat(g.constant(np.full((2, 3), 7.0)))
    assert is_splat(g.constant(np.full(3, np.nan)))
    assert not is_splat(g.constant(np.array([0.0, -0.0])))
    assert not is_splat(g.constant(np.zeros(0)))
    assert not is_leaf(g.constant(3.0))
    assert all(map(is_leaf, (X, g.shared(1.0), g.constant(np.arange(3)))))
    assert not is_leaf(X + 1)


def is_inlined(node: Node) -> bool:
    """Return True if a reader computes the node, which is no output, for itself."""
    scope = choose_materialised([g.sum(node), g.max(node)])
    return node in scope.inline


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (g.transpose(X), True),
        (g.concat([X, Y], 0), True),
        (g.cast(X, "float64"), True),
        (g.random.bits((5,), seed=1, stream=2), True),
        (g.tanh(X) * 2.0, True),  # reads as many bytes as it has
        (g.cast(X, "float64") * g.cast(X, "float64"), True),
        (X * Y, False),  # twice as many
        (X + COLUMN, True),  # what is small beside it costs nothing
        # Two values read by each of two readers; stored, they are read, written, and read twice.
        (g.maximum(X - g.broadcast_to(g.sum(X, 0), X.shape), Y), True),
        (X - g.broadcast_to(g.sum(X, 0), X.shape), True),
        (g.dot(X, SQUARE) + COLUMN, False),  # the product's kernel adds the bias
        (g.dot(X, SQUARE) - g.broadcast_to(g.sum(g.dot(X, SQUARE), 0), X.shape), True),
        (g.cast(g.cast(X, "float64") * 3.0, "bool"), True),  # a cast, whatever it reads
        (g.take(X, INDEX), False),
        (g.sum(X, 1), False),
        (g.dot(X, g.transpose(Y)), False),
    ],
)
def test_what_is_computed_again(node: Node, expected: bool) -> None:
    assert is_inlined(node) is expected


def test_outputs_and_the_starts_of_loops_are_stored() -> None:
    out, start = g.tanh(X), g.exp(X)
    (final,), _ = g.scan(lambda c, _: ((g.sin(c[0]),), ()), [start], [], length=3)
    scope = choose_materialised([out, g.flip(out, 0), final])
    assert {out, start} <= set(scope.stored())


def test_chains_are_cut_where_they_are_long() -> None:
    chain = [X]
    for _ in range(4 * MOST_RECOMPUTED):
        chain.append(g.tanh(chain[-1]))
    scope = choose_materialised([chain[-1]])
    stored = [k for k, node in enumerate(chain) if node in scope.stored()]
    assert np.diff([0, *stored]).max() <= MOST_RECOMPUTED + 1
    assert scope.reads[chain[-1]] == (chain[stored[-2]],)
    maps = [X]
    for k in range(3 * MOST_INLINED):
        maps.append(g.flip(maps[-1], k % 2))
    scope = choose_materialised([maps[-1]])
    stored = [k for k, node in enumerate(maps) if node in scope.stored()]
    assert 2 < len(stored) <= 4


def test_a_product_does_not_compute_its_operands_again_and_again() -> None:
    weights = g.shared(np.zeros((10, 4), "float32"))
    for operand, stored in (
        (g.tanh(X), True),
        (X * 2.0, False),
        (g.cast(X > 0.0, "float32"), True),
    ):
        scope = choose_materialised([g.dot(operand, weights), g.dot(g.transpose(X), operand)])
        assert any(x in scope.stored() for x in (operand, *operand.inputs)) is stored, operand


_PARTS = (g.input((BATCH, 4, 6), "float32"), g.input((BATCH, 16), "float32"))
_MERGED = g.concat([g.reshape(g.transpose(_PARTS[0], (0, 2, 1)), (BATCH, 24)), _PARTS[1]], 1)
_WEIGHTS = [g.shared(np.zeros((40, n), "float32")) for n in (5, 5, 7)]
_COTANGENT = g.input((BATCH, 5), "float32")


@pytest.mark.parametrize(
    ("factor", "products", "stored"),
    [
        (_MERGED, [g.dot(_MERGED, _WEIGHTS[0])], False),
        # Forward, and the gradient of the weights.
        (_MERGED, [g.dot(_MERGED, _WEIGHTS[0]), g.dot(g.transpose(_MERGED), _COTANGENT)], True),
        (_MERGED, [g.dot(_MERGED, _WEIGHTS[0]), g.dot(_MERGED, _WEIGHTS[2])], True),
        # Two of one size, as gates: one kernel.
        (_MERGED, [g.dot(_MERGED, x) for x in _WEIGHTS[:2]], False),
        # What lies in memory as a matrix, either way round.
        (g.transpose(X), [g.dot(g.transpose(X), _COTANGENT), g.dot(X, SQUARE)], False),
        (X[:, 2:], [g.dot(X[:, 2:], SQUARE[2:]), g.dot(g.transpose(X[:, 2:]), X)], False),
    ],
)
def test_a_factor_that_several_products_would_put_in_order_is_stored(
    factor: Node, products: list[Node], stored: bool
) -> None:
    assert (factor in choose_materialised(products, cpu=True).stored()) is stored
    assert factor not in choose_materialised(products).stored()


def test_elements_with_holes_between_them_are_stored_on_a_cpu() -> None:
    holes = g.make("pad", X, low=(0, 0), high=(0, 1), interior=(0, 1), value=0.0)
    edges = g.pad(X, [(0, 0), (0, 1)])
    sums = [g.sum(x * 2.0, 0) for x in (holes, edges)]
    assert holes in choose_materialised(sums, cpu=True).stored()
    assert edges in choose_materialised(sums, cpu=True).inline
    assert holes in choose_materialised(sums).inline


def test_a_strided_image_is_stored_where_several_convolutions_read_it() -> None:
    image = g.input((BATCH, 4, 8, 8), "float32")[:, :, ::2, ::2]
    filters, others = (g.input((count, 4, 1, 1), "float32") for count in (3, 5))
    both = [g.conv(image, filters), g.conv(image, others)]
    weights = g.conv(g.transpose(image, (1, 0, 2, 3)), g.input((3, BATCH, 4, 4), "float32"))
    for outputs in (both, [both[0], weights]):
        assert image in choose_materialised(outputs, cpu=True).stored()
        assert image in choose_materialised(outputs).inline
    assert image in choose_materialised(both[:1], cpu=True).inline


def test_rows_that_a_scatter_would_read_crosswise_are_stored_on_a_cpu() -> None:
    """As the gradient of an embedding that a convolution reads, whose channels are stored first."""
    stored, words = g.input((BATCH, 5, 9), "float32"), g.input((BATCH, 9), "int32")
    crosswise = g.transpose(stored, (0, 2, 1))
    kept = g.random.uniform(crosswise.shape, seed=1, stream=2) < 0.5
    for rows in (crosswise, g.where(kept, crosswise, 0.0)):
        added = [g.scatter_add(words, rows, 7)]
        assert rows in choose_materialised(added, cpu=True).stored()
        assert rows in choose_materialised(added).inline
    in_order = g.transpose(g.input((9, BATCH, 5), "float32"), (1, 0, 2)) * 2.0
    assert in_order in choose_materialised([g.scatter_add(words, in_order, 7)], cpu=True).inline


def test_a_transposed_mask_is_stored_on_a_cpu_behind_a_product_alone() -> None:
    """As of dropout ahead of `Flatten` with channels last, whose bits are drawn channels first."""
    rows, weights = g.input((BATCH, 4), "float32"), g.input((4, 10), "float32")
    kept = g.random.bernoulli((BATCH, 2, 5), 0.5, seed=1, stream=2)
    crosswise = g.transpose(kept, (0, 2, 1))
    images = g.input(crosswise.shape, "float32")
    product = g.reshape(g.dot(rows, weights), crosswise.shape)
    behind, alone = (g.where(crosswise, values, 0.0) for values in (product * 2.0, images))
    assert kept in choose_materialised([behind], cpu=True).stored()
    assert kept in choose_materialised([behind, alone], cpu=True).stored()
    assert kept in choose_materialised([alone], cpu=True).inline
    assert kept in choose_materialised([behind]).inline


def test_a_multiple_of_what_is_stored_in_any_case_is_computed_again() -> None:
    product = g.dot(X, SQUARE)
    multiple = product * g.broadcast_to(COLUMN, product.shape)
    readers = [g.sum(multiple), g.max(multiple)]
    assert multiple in choose_materialised(readers).stored()  # the product's kernel computes it
    assert multiple in choose_materialised([*readers, g.sum(product)]).inline


def test_a_slice_by_the_step_of_a_loop_is_an_index_map() -> None:
    step = g.input((), "int32")
    row = g.take(X, step)
    other = g.max(row)
    assert row in choose_materialised([other], counters=frozenset([step])).inline
    assert row not in choose_materialised([other]).inline
