"""Range checks of fed indices on the host, before they are uploaded.

A call whose indices are all fed and all fit need not wait for the tests on the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler.graph import Node, ops_with
from graphc.compiler.graph.dim import Size, evaluate
from graphc.compiler.program.launch import Bindings, DeviceCheck

# A cast keeps what fits, but for fractions.
_SAME_ELEMENTS = ops_with(lambda traits: traits.keeps_elements) | {"cast"}


@dataclass(frozen=True)
class FedIndices:
    """An input whose every element is an index, cast to int32, of an axis of this size."""

    node: Node
    size: Size

    def all_fit(self, feeds: Mapping[Node, np.ndarray], bindings: Bindings) -> bool:
        """Return True if all are in range. A NaN counts as out of it."""
        array = feeds[self.node]
        # A cast drops the fraction: -0.5 becomes 0.
        return bool(array.min() > -1 and array.max() < evaluate(self.size, bindings))


def fed_indices(checks: Sequence[DeviceCheck]) -> list[FedIndices] | None:
    """Return the fed indices that have to fit so that none of these tests on the device fails; None
    where one of them tests a value that the device computes."""
    found: list[FedIndices] = []
    for check in checks:
        fed = _fed(check.node)
        if fed is None:
            return None
        found.append(fed)
    return list(dict.fromkeys(found))


def _fed(node: Node) -> FedIndices | None:
    if node.op == "gather":
        values, indices = node.inputs
        size = values.shape[node.attrs["axis"]]
    elif node.op == "scatter_add":
        indices, _ = node.inputs
        size = node.attrs["size"]
    else:
        return None
    while indices.op in _SAME_ELEMENTS:
        (indices,) = indices.inputs
    return FedIndices(indices, size) if indices.op == "input" else None
