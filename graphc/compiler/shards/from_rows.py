"""Sums over a batch that are computed once, from the rows of all shards.

The gradient of a large weight is a product over the rows of the batch, and these rows are fewer
bytes than the gradient. Added up shard by shard it is stored for each of them, read and written
again. Computed from the rows of all shards it is one product, as of a batch that is taken whole: an
update takes it tile by tile, and it is stored nowhere. Its order of additions is that of the rows,
whatever the number of shards and of ranks.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph import BATCH, Node, clip, scatter_add, toposort
from graphc.compiler.graph.dim import exact_quotient, product
from graphc.compiler.shards.analysis import Analysis
from graphc.compiler.shards.status import Kind

ROWS = 128
"""The rows of a batch that are no more elements than a gradient that is computed from them."""


def most_rows(shards: int) -> int:
    """Return the rows of the largest batch whose sums are computed from rows: these take no more
    memory than the partial sums that the tree would keep."""
    return ROWS * shards.bit_length()


def sums_from_rows(order: Sequence[Node], analysis: Analysis) -> set[Node]:
    """Return the sums over shards that may be computed from rows, among the nodes of a graph in
    topological order.

    Of those that add up at indices there are those whose indices the shards gather at, and so test.
    Of what a norm over all elements reads there is none: it would be computed for the norm, and for
    the update once more.
    """
    gathered = {
        (node.inputs[1], node.inputs[0].shape[node.attrs["axis"]])
        for node in order
        if node.op == "gather"
    }
    found = {
        node
        for node in order
        if _is_product_of_rows(node, analysis)
        and (node.op == "matmul" or (node.inputs[0], node.attrs["size"]) in gathered)
    }
    if not found:
        return found
    totals = [
        x
        for node in order
        if node.op == "sum" and node.shape == () and analysis.status(node).kind is Kind.TOTAL
        for x in node.inputs
    ]
    return found - set(toposort(totals))


def with_tested_indices(node: Node) -> Node:
    """Return one of `sums_from_rows` for the root, which need not test again the indices that
    shards have tested: its test could fail behind writes of states, which are copied for that."""
    if node.op != "scatter_add":
        return node
    indices, updates = node.inputs
    size = node.attrs["size"]
    return scatter_add(clip(indices, 0, size - 1), updates, size, node.attrs["axis"])


def _is_product_of_rows(node: Node, analysis: Analysis) -> bool:
    if node.op not in ("matmul", "scatter_add") or analysis.status(node).kind is not Kind.PARTIAL:
        return False
    if any(analysis.status(x).kind is not Kind.ROWS for x in node.inputs):
        return False
    elements = product(node.shape)
    of_a_row = [exact_quotient(product(x.shape), BATCH) for x in node.inputs]
    known = [one for one in of_a_row if isinstance(one, int)]
    if not isinstance(elements, int) or len(known) < len(of_a_row):
        return False
    return elements >= ROWS * sum(known)
