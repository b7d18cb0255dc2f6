"""Indices that are known to exist: their test never fails."""

from __future__ import annotations

import numpy as np

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size


def is_clipped(indices: Node, size: Size) -> bool:
    """Return True for indices that are clipped to what is below a size."""
    indices = in_any_order(indices)
    if indices.op != "clip" or not isinstance(size, int):
        return False
    bounds = [one.inputs[0] if one.op == "broadcast" else one for one in indices.inputs[1:]]
    if any(one.op != "constant" for one in bounds):
        return False
    low, high = (one.attrs["value"] for one in bounds)
    return bool(np.all(low >= 0) and np.all(high < size))


def in_any_order(indices: Node) -> Node:
    """Return indices ahead of what only moves them."""
    while indices.op in ("transpose", "reshape"):
        (indices,) = indices.inputs
    return indices
