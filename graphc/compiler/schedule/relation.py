"""Where a node reads its operands: at its own element, at its own row, or elsewhere.

Two nodes can share a thread only if the one reads the other at the element that the thread owns, or
at the row of it. The path between them leads through inlined nodes, which change the element.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size
from graphc.compiler.graph.ops import OPS
from graphc.compiler.schedule.inline import Scope

Split: TypeAlias = tuple[tuple[Size, bool], ...]
"""The axes of a shape as runs of kept (True) and dropped ones: their sizes' products, without
axes of size 1. Two shapes that reshape into each other along their runs have equal splits."""

SAME = "same"
ELSEWHERE = "elsewhere"
Relation: TypeAlias = str | Split
"""`SAME`, `ELSEWHERE`, or, of a broadcast, how its elements are divided into rows."""


def split_of(shape: Shape, kept: tuple[int, ...]) -> Split:
    """Return the runs of kept and dropped axes of a shape."""
    runs: list[tuple[Size, bool]] = []
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        stays = axis in kept
        if runs and runs[-1][1] == stays:
            runs[-1] = (runs[-1][0] * size, stays)
        else:
            runs.append((size, stays))
    return tuple(runs)


def reduction_split(node: Node) -> Split:
    """Return the split of a reduction's input into axes that it keeps and axes that it sums
    over."""
    shape, axes = node.inputs[0].shape, node.attrs["axes"]
    return split_of(shape, tuple(axis for axis in range(len(shape)) if axis not in axes))


def readings(node: Node, scope: Scope) -> Iterator[tuple[Node, Relation]]:
    """Yield the values in memory that computing a node reads, each with its relation.

    Of a reduction the relation is that to an element of its input.
    """
    relation = SAME if OPS[node.op].family == "reduce" else _through(node, SAME)
    yield from _behind([(x, relation) for x in reversed(node.inputs)], scope)


def element_readings(node: Node, scope: Scope) -> Iterator[tuple[Node, Relation]]:
    """Yield the values in memory that an element of a node is computed from, the node itself if it
    is stored, each with its relation."""
    yield from _behind([(node, SAME)], scope)


def _behind(pending: list[tuple[Node, Relation]], scope: Scope) -> Iterator[tuple[Node, Relation]]:
    seen: set[tuple[Node, Relation]] = set()
    while pending:
        found = pending.pop()
        if found in seen:
            continue
        seen.add(found)
        at, relation = found
        if at not in scope.inline:
            yield found
            continue
        pending += [(x, _through(at, relation)) for x in reversed(at.inputs)]


def _through(node: Node, relation: Relation) -> Relation:
    """Return the relation to the inputs of `node`, which is itself read at `relation`."""
    if relation == ELSEWHERE:
        return ELSEWHERE
    if OPS[node.op].family == "pointwise" or node.op == "reshape":
        return relation
    if node.op == "broadcast":
        split = split_of(node.shape, node.attrs["axes"])
        if all(stays for _, stays in split):
            return relation  # only axes of size 1 are new
        return split if relation == SAME else ELSEWHERE
    return ELSEWHERE
