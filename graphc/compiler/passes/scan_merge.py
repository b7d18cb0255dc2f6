"""Merge scans over the same steps: most of all a loop and the copy that its gradient extends."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph.expressions.scan import item
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.origin import inherit
from graphc.compiler.graph.walk import substitute, toposort
from graphc.compiler.passes.open_scan import fuse, open_scan, rewrite_bodies


def merge_scans(outputs: Sequence[Node]) -> list[Node]:
    """Merge scans of equal length and direction that do not depend on each other.

    Two merge if the sequences and initial carries of one are among those of the other. The step of
    the result is the union of theirs: what both compute is computed once.
    """
    merged = rewrite_bodies(outputs, merge_scans)
    # One group at a time: two groups, each free of dependence inside, can depend on each other.
    while group := _mergeable(merged):
        merged = _merge(merged, group)
    return merged


def _mergeable(outputs: Sequence[Node]) -> list[Node]:
    """Return the first group of scans that can be merged, or none."""
    order = toposort(outputs)
    bits = {node: 1 << k for k, node in enumerate(n for n in order if n.op == "scan")}
    if len(bits) < 2:
        return []
    behind: dict[Node, int] = {}  # the scans that a node depends on, itself included
    for node in order:
        reached = bits.get(node, 0)
        for x in node.inputs:
            reached |= behind[x]
        behind[node] = reached
    scans = list(bits)
    for k, seed in enumerate(scans):
        group = [seed]
        for other in scans[k + 1 :]:
            free = all(
                not behind[other] & bits[one] and not behind[one] & bits[other] for one in group
            )
            if free and _alike(seed, other):
                group.append(other)
        if len(group) > 1:
            return group
    return []


def _alike(left: Node, right: Node) -> bool:
    if any(left.attrs[name] != right.attrs[name] for name in ("length", "reverse")):
        return False
    starts, other_starts = (set(scan.inputs[: scan.attrs["carries"]]) for scan in (left, right))
    series, other_series = (_sequences(scan) for scan in (left, right))
    if starts <= other_starts and series <= other_series:
        return True
    return other_starts <= starts and other_series <= series


def _sequences(scan: Node) -> set[Node]:
    first = scan.attrs["carries"]
    return set(scan.inputs[first : first + scan.attrs["sequences"]])


def _merge(outputs: Sequence[Node], group: Sequence[Node]) -> list[Node]:
    fused, positions = fuse([open_scan(scan) for scan in group])
    merged = inherit(fused.close(), group[0])
    replacement = {
        item(scan, k): item(merged, position)
        for scan, where in zip(group, positions, strict=True)
        for k, position in enumerate(where)
    }
    return substitute(outputs, replacement)
