"""The body of a scan, inlined: its arguments replaced by the values around it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphc.compiler.graph import Node, inherit, origin, origin_of, readers, substitute
from graphc.compiler.graph.dim import product
from graphc.compiler.graph.ops import OPS, make
from graphc.compiler.graph.walk import toposort
from graphc.compiler.schedule.kernel import Kernel, Step

# Serials of the leaves that stand for carries and steps; negative, so never those of a user's
# input.
_serials = itertools.count(-1, -1)


@dataclass(frozen=True, eq=False)
class InlinedBody:
    """An inlined body: the fields of the same names of `graphc.compiler.schedule.kernel.Loop`."""

    step: Node
    carries: tuple[Node, ...]
    outputs: tuple[Node, ...]


def inline_body(scan: Node) -> InlinedBody:
    """Replace the arguments of a scan's body by the outer values.

    A carry and the step's number become leaves of their own, so that the arguments of a loop inside
    of a loop are never taken for the outer ones.
    """
    carries, sequences = scan.attrs["carries"], scan.attrs["sequences"]
    outputs = split_products(scan.attrs["body"].outputs)
    step = new_counter()
    replacement: dict[Node, Node] = {}
    leaves = {}
    for k in range(carries):
        leaves[k] = _leaf(scan.inputs[k].shape, scan.inputs[k].dtype)
    for node in toposort(outputs):
        if node.op != "arg":
            continue
        k = node.attrs["index"]
        if k < carries:
            replacement[node] = leaves[k]
        elif k < carries + sequences:
            replacement[node] = make("gather", scan.inputs[k], step, axis=0)
        else:
            replacement[node] = scan.inputs[k]
    with origin(origin_of(scan)):  # a body is no layer's; what it computes here is the loop's
        new = substitute(outputs, replacement) if replacement else list(outputs)
    return InlinedBody(step, tuple(leaves.values()), tuple(new))


def split_products(outputs: Sequence[Node]) -> list[Node]:
    """Return a body in which each range of columns that is read by itself is a product of its own.

    Gates are often one product: z = h . U + b, i = z[:, :n], f = z[:, n:2 * n], ... What
    multiplies gates by each other reads z at several columns, and would have to wait for it;
    products of one size share a kernel with what follows.
    """
    current = list(outputs)
    while True:
        reading = readers(current)
        split = {
            node: slices
            for node, slices in reading.items()
            if (node.op == "matmul" or OPS[node.op].family == "pointwise")
            and node not in current
            and node.ndim == 2
            and slices
            and all(map(_takes_columns, slices))
        }
        found = {x: _columns_of(x, node) for node, slices in split.items() for x in slices}
        if not found:
            return current
        current = substitute(current, found)


def _takes_columns(node: Node) -> bool:
    """Return True if a node is a slice of contiguous columns with all their rows."""
    if node.op != "slice":
        return False
    rows = node.inputs[0].shape[0]
    return node.attrs["step"] == (1, 1) and node.attrs["start"][0] == 0 and node.shape[0] == rows


def _columns_of(part: Node, node: Node) -> Node:
    """Return the columns that the slice `part` reads of a node, computed by themselves."""
    start, stop = part.attrs["start"][1], part.attrs["stop"][1]

    def columns(x: Node) -> Node:
        rows = x.shape[0]
        return make("slice", x, start=(0, start), stop=(rows, stop), step=(1, 1))

    if node.op == "matmul":
        left, right = node.inputs
        new = make("matmul", left, columns(right))
    else:
        new = make(node.op, *map(columns, node.inputs), **node.attrs)
    return inherit(new, part)


def new_counter() -> Node:
    """Return a leaf that stands for the number of a step."""
    return _leaf((), "int32")


def _leaf(shape: tuple[Any, ...], dtype: str) -> Node:
    return make("input", serial=next(_serials), shape=shape, dtype=dtype)


def with_unchanged_results(
    steps: Sequence[Step], outputs: Sequence[Node], memory: Collection[Node]
) -> list[Step]:
    """Return the steps of a loop's body, whose kernels also store the results that the body passes
    through unchanged.

    A gradient reads each carry as its step found it, so such carries are stacked. The last kernel
    with as many elements stores them beside its own results, instead of a launch that copies.
    """
    result = list(steps)
    for node in dict.fromkeys(outputs):
        if node not in memory:
            continue
        for k in reversed(range(len(result))):
            if _has_room_for(result[k], node):
                kernel = result[k]
                inputs = tuple(dict.fromkeys((*kernel.inputs, node)))
                result[k] = replace(kernel, inputs=inputs, outputs=(*kernel.outputs, node))
                break
    return result


def _has_room_for(step: Step, node: Node) -> bool:
    if not isinstance(step, Kernel) or step.kind not in ("pointwise", "matmul", "conv"):
        return False
    return product(step.extents) == product(node.shape) and node not in step.outputs
