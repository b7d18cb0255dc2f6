"""Alias analysis of a program's outputs: those that share memory with no other value."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph import OPS, Node


def owned_outputs(outputs: Sequence[Node]) -> list[bool]:
    """Return, for each output, True if it shares memory with no feed, state, constant or earlier
    output."""
    claimed: set[Node] = set()
    owned = []
    for node in outputs:
        root = node
        while OPS[root.op].traits.is_view:
            root = root.inputs[0]
        owned.append(root not in claimed and _is_fresh(root))
        claimed.add(root)
    return owned


def _is_fresh(node: Node) -> bool:
    """Return True if an op that makes no view computes a new array.

    Final carries of a loop count as aliased, since they may be its initial values.
    """
    if node.op == "item":
        return bool(node.attrs["index"] >= node.inputs[0].attrs["carries"])
    return not OPS[node.op].traits.supplied
