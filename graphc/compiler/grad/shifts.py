"""Maxima that only keep exp from overflowing: no gradient flows through them.

softmax and logsumexp subtract m = max(x) first, and their value is the same for any other m. So
dL/dm is 0, but reverse mode would compute it as a sum of terms that cancel, and scatter it to the
position of the maximum. This module proves the cancellation on the graph: if m is replaced by
m + t, each value that depends on m is shifted by k t (x - m, log), or scaled by e^(k t) (exp, sum),
or unchanged. If every path from m reaches an unchanged value before an output, m is a constant to
the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.graph import Node, readers


@dataclass(frozen=True)
class _Change:
    """Effect of adding t to the maximum: value + degree * t, or value * e^(degree * t).

    `axes[i]` is the axis of the value along which t has its own axis i.
    """

    kind: str  # "shift" or "scale"
    degree: int
    axes: tuple[int, ...]


class _UnknownChange(Exception):
    """The effect on a value is neither a shift nor a scale."""


def cancelling_maxima(outputs: Sequence[Node], order: Sequence[Node]) -> set[Node]:
    """Return the `max` nodes, and `clip` nodes of a `max`, whose value cancels in all outputs.

    logsumexp clips its maximum to the finite numbers, so that a reader of the maximum may shift by
    another amount than a reader of the clipped one: the two are analysed separately.

    Args:
        outputs: of the program.
        order: its nodes in topological order.
    """
    maxima = [
        node
        for node in order
        if node.op == "max" or (node.op == "clip" and node.inputs[0].op == "max")
    ]
    if not maxima:
        return set()
    read_by = readers(outputs)
    position = {node: k for k, node in enumerate(order)}
    ends = set(outputs)
    return {node for node in maxima if _cancels(node, read_by, position, ends)}


def _cancels(
    maximum: Node, read_by: dict[Node, list[Node]], position: dict[Node, int], ends: set[Node]
) -> bool:
    changes = {maximum: _Change("shift", 1, tuple(range(maximum.ndim)))}
    pending = {maximum}
    while pending:
        node = min(pending, key=position.__getitem__)
        pending.remove(node)
        if node is not maximum:
            try:
                change = _follow(node, [changes.get(x) for x in node.inputs])
            except _UnknownChange:
                return False
            if change is None:
                continue
            changes[node] = change
        if node in ends:
            return False
        pending.update(read_by[node])
    return True


def _follow(node: Node, inputs: list[_Change | None]) -> _Change | None:
    """Return how a node changes, given how its inputs do; None if it does not."""
    if node.op in ("add", "sub", "mul", "div"):
        return _combine(node.op, *inputs)
    change = inputs[0]
    if change is None or len(inputs) != 1:
        raise _UnknownChange
    kind, degree, axes = change.kind, change.degree, change.axes
    if node.op == "broadcast":
        return _Change(kind, degree, tuple(node.attrs["axes"][axis] for axis in axes))
    if node.op == "sum" and kind == "scale" and not set(axes) & set(node.attrs["axes"]):
        kept = [axis for axis in range(node.inputs[0].ndim) if axis not in node.attrs["axes"]]
        return _Change(kind, degree, tuple(kept.index(axis) for axis in axes))
    if node.op == "exp" and kind == "shift":
        return _Change("scale", degree, axes)
    if node.op == "log" and kind == "scale":
        return _Change("shift", degree, axes)
    if node.op == "neg":
        return _Change(kind, -degree if kind == "shift" else degree, axes)
    raise _UnknownChange


def _combine(op: str, left: _Change | None, right: _Change | None) -> _Change | None:
    """Return the change of an elementwise `op` of two values, None if the changes cancel.

    Degrees of shifts add up under + and -, those of scales under * and /. The sum or difference of
    two values of the same scale has that scale.
    """
    known = [change for change in (left, right) if change is not None]
    if len({(change.kind, change.axes) for change in known}) != 1:
        raise _UnknownChange
    kind, axes = known[0].kind, known[0].axes
    if kind == ("shift" if op in ("mul", "div") else "scale"):
        if kind == "scale" and len(known) == 2 and left == right:
            return left
        raise _UnknownChange
    sign = -1 if op in ("sub", "div") else 1
    degree = (left.degree if left else 0) + sign * (right.degree if right else 0)
    return _Change(kind, degree, axes) if degree else None
