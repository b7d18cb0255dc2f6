"""Find loops whose batch rows are independent: row i of each value depends on row i of the carries
only.

Then a block of a GPU (`graphc.compiler.schedule.persistent`) or a thread of a CPU runs all steps
for its own rows without synchronising with the others.
"""

from __future__ import annotations

from collections.abc import Collection

from graphc.compiler.graph import Node, label, toposort
from graphc.compiler.graph.dim import Dim, Size, product
from graphc.compiler.graph.ops import OPS
from graphc.compiler.schedule.kernel import Loop

HEAVY = ("reduce", "contraction")
"""Families of ops whose results are computed once and stored, not again by each reader."""

_OTHER_KINDS = ("conv", "scatter_add", "scan", "item")


class Unfit(Exception):
    """The reason why a loop does not qualify."""


class RowAnalysis:
    """The values of a loop's body that vary by row, checked to depend on their own row only.

    Attributes:
        batch: the size of the axis 0 of all that varies by row.
        order: the nodes of the body, each after its inputs.
        by_row: the nodes that vary by row: the carries, the nodes of `HEAVY` ops, `stored`, and all
            nodes that are computed from them.
    """

    def __init__(self, loop: Loop, stored: Collection[Node] = ()):
        """Raise `Unfit` where rows are not independent.

        Args:
            loop: its fields `persistent`, `steps` and `reasons` are not read.
            stored: the values that one kernel of a step stores for another.
        """
        self._loop = loop
        self._stored = stored
        if not loop.carries:
            raise Unfit("no value is carried from step to step")
        if not loop.carries[0].shape:
            raise Unfit("carry 0 is a scalar, without a batch axis")
        self.batch: Size = loop.carries[0].shape[0]
        outside = {*loop.inputs, *loop.carries, loop.step}
        order = toposort(loop.needed, stop=outside)
        self.order = [node for node in order if node not in outside]
        self._by_step = self._dependents([loop.step])
        heavy = [x for x in self.order if OPS[x.op].family in HEAVY]
        self.by_row = self._dependents([*loop.carries, *heavy, *stored])
        for node in [*loop.carries, *self.order, *loop.needed]:
            self._check(node)

    def _dependents(self, seeds: Collection[Node]) -> set[Node]:
        found = set(seeds)
        for node in self.order:
            if any(x in found for x in node.inputs):
                found.add(node)
        return found

    def _check(self, node: Node) -> None:
        if node.op in _OTHER_KINDS or OPS[node.op].family == "window":
            raise Unfit(f"its body has a {node.op} ({label(node)})")
        if node in self.by_row or node in self._loop.needed:
            self.check_shape(node)
        if node in self.by_row and node not in self._loop.carries and not self._keeps_rows(node):
            raise Unfit(f"{label(node)} reads other rows of the batch than its own")

    def check_shape(self, node: Node) -> None:
        """Raise `Unfit` for a value without a row of a known size for each row of the batch."""
        elements = product(node.shape[1:])
        if not node.shape or node.shape[0] != self.batch or isinstance(elements, Dim):
            raise Unfit(
                f"{label(node)} has the shape ({', '.join(map(str, node.shape))}), expected "
                f"{self.batch} rows of a known size"
            )
        if elements == 0 or self.batch == 0:
            raise Unfit(f"{label(node)} has no elements")

    def _keeps_rows(self, node: Node) -> bool:
        """Return True if a row of the node reads only the same row of the values that vary by
        row."""
        attrs = node.attrs
        inputs = [x in self.by_row for x in node.inputs]
        family = OPS[node.op].family
        if node in self._stored and node.op != "matmul" and not any(inputs):
            return True
        if family == "pointwise":
            return True
        if node.op in ("reshape", "random"):
            return True
        if node.op == "broadcast":
            return bool(attrs["axes"][0] == 0)
        if node.op == "transpose":
            return bool(attrs["order"][0] == 0)
        if node.op == "slice":
            return bool(attrs["start"][0] == 0 and attrs["step"][0] == 1)
        if node.op == "pad":
            return bool(attrs["low"][0] == attrs["high"][0] == attrs["interior"][0] == 0)
        if node.op == "concat":
            return bool(attrs["axis"] != 0)
        if node.op == "flip" or family == "reduce":
            return 0 not in attrs["axes"]
        if node.op == "gather":
            return inputs == [False, True] if attrs["axis"] == 0 else inputs == [True, False]
        if node.op == "matmul":
            right = node.inputs[1]
            if node.ndim == 2 and right not in self.by_row and right in self._by_step:
                raise Unfit(
                    f"the right operand of a product, {label(right)}, changes from step to step"
                )
            return node.ndim == 2 and right not in self.by_row
        return False
