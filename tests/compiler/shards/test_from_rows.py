"""Sums over the batch that are computed from the rows of all shards."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import toposort
from graphc.compiler.shards import divide
from graphc.compiler.shards.analysis import statuses
from graphc.compiler.shards.from_rows import max_rows, sums_from_rows


def found(*outputs: g.Node) -> set[g.Node]:
    return sums_from_rows(toposort(outputs), statuses(outputs))


def variable(*shape: int) -> g.Node:
    return g.shared(np.zeros(shape, "float32"))


def test_gradients_of_large_weights() -> None:
    """256 x 256 elements are those of 128 rows of 256 + 256; 255 x 256 are fewer."""
    x, w, v = g.input((g.BATCH, 256)), variable(256, 256), variable(256, 255)
    a, b = (g.sum(g.tanh(g.dot(x, one))) for one in (w, v))
    of_w, of_v = grad(a, w), grad(b, v)
    assert found(of_w, of_v) == {of_w}


def test_the_gradient_of_an_embedding() -> None:
    """Of 8 numbers a step, and its index: 4 steps are 36 a row."""
    indices, table = g.input((g.BATCH, 4), "int32"), variable(8 * 128, 8)
    of_table = grad(g.sum(g.tanh(g.take(table, indices))), table)
    assert len(found(of_table)) == (8 * 128 * 8 >= 128 * 36)
    longer = g.input((g.BATCH, 8), "int32")
    assert not found(grad(g.sum(g.tanh(g.take(table, longer))), table))


def test_rows_of_unknown_length_are_added_up_in_shards() -> None:
    indices, table = g.input((g.BATCH, None), "int32"), variable(10_000, 8)
    assert not found(grad(g.sum(g.tanh(g.take(table, indices))), table))


def test_what_a_norm_reads_is_added_up_in_shards() -> None:
    x, w = g.input((g.BATCH, 256)), variable(256, 256)
    of_w = grad(g.sum(g.tanh(g.dot(x, w))), w)
    assert not found(of_w / g.sqrt(g.sum(g.square(of_w))))
    assert found(of_w / g.sqrt(g.sum(g.square(w)))) == {of_w}


def test_the_root_computes_them_from_what_is_fed_and_what_shards_give() -> None:
    x, w = g.input((g.BATCH, 256)), variable(256, 256)
    of_w = grad(g.sum(g.tanh(g.dot(x, w))), w)
    cut = divide([], [w - of_w], "test", from_rows=True)
    assert not cut.sums
    ((stand_in, product),) = cut.from_rows.items()
    assert stand_in.shape == product.shape == (256, 256)
    assert {node for node in toposort([product]) if node.op == "input"} == {x, *cut.rows}
    whole = divide([], [w - of_w], "test")
    assert not whole.from_rows
    assert [node.shape for node in whole.sums] == [(256, 256)]


@pytest.mark.parametrize(("shards", "rows"), [(1, 128), (2, 256), (3, 256), (4, 384), (16, 640)])
def test_rows_take_no_more_than_the_partial_sums_of_the_tree(shards: int, rows: int) -> None:
    """Which keeps that of a shard, and one for each power of two."""
    assert max_rows(shards) == rows
