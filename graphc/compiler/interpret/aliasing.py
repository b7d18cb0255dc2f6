"""Which outputs of a program have memory of their own, decided before it runs."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph import OPS, Node


def owned_outputs(outputs: Sequence[Node]) -> list[bool]:
    """For each output, whether its memory is its own: no feed's, state's, constant's, and no
    earlier output's."""
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
    """Return True if an op that makes no view makes a new array. A loop's carry may be its
    start's."""
    if node.op == "item":
        return bool(node.attrs["index"] >= node.inputs[0].attrs["carries"])
    return not OPS[node.op].traits.supplied
