"""Choose the sums over a batch that the root computes at once, from the rows of all shards.

The gradient of a large weight is a product whose operands have the rows of the batch, and in a
small batch these operands take fewer bytes than the gradient. If each shard computes its part of
the sum, the partial gradients are stored, read and added. If the shards hand their rows to the root
instead, the root computes one product, as without shards, and the update reads it tile by tile, so
it is not materialised. The order of additions is that of the rows, so its bits depend neither on
the number of shards nor on that of ranks.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph import BATCH, Node, clip, scatter_add, toposort
from graphc.compiler.graph.dim import exact_quotient, product
from graphc.compiler.shards.analysis import Analysis
from graphc.compiler.shards.status import Kind

_ROWS_PER_GRADIENT = 128
"""The number of batch rows whose operands, taken together, have at most as many elements as their
product, in each product that `sums_from_rows` returns."""


def max_rows(shards: int) -> int:
    """Return the number of rows of the largest batch whose sums are computed from rows.

    The operands then take no more memory than the partial sums that the tree over the shards would
    keep, which are `shards.bit_length()` at most.
    """
    return _ROWS_PER_GRADIENT * shards.bit_length()


def sums_from_rows(order: Sequence[Node], analysis: Analysis) -> set[Node]:
    """Return the sums over shards that may be computed from rows, among the nodes of a graph in
    topological order.

    A `scatter_add` qualifies only if the shards `gather` at the same indices along an axis of the
    same size: this gather has checked their range. A sum that a total over all elements reads (the
    norm of `clipnorm`) does not qualify: it would be computed twice, for the norm and the update.
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


def with_clipped_indices(node: Node) -> Node:
    """Return a sum of `sums_from_rows` for the root, with indices clipped to their range.

    The gathers of the shards have checked the indices. A check in the root would cost copies of the
    states, since it could fail after some of them were written; a clipped index needs no check.
    """
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
    elements_per_row = [exact_quotient(product(x.shape), BATCH) for x in node.inputs]
    known = [one for one in elements_per_row if isinstance(one, int)]
    if not isinstance(elements, int) or len(known) < len(elements_per_row):
        return False
    return elements >= _ROWS_PER_GRADIENT * sum(known)
