"""Index maps over memory that are strides: transposes, slices, reshapes and broadcasts.

Where an operand of a product is one of these it needs no copy and no index arithmetic per element.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, product


@dataclass(frozen=True)
class Strided:
    """A strided view: the element at ``coords`` is that of `node` at ``offset + sum(coords *
    strides)``, plus ``step * elements`` for each counter of a loop around in `steps`."""

    node: Node
    shape: Shape
    strides: Shape
    offset: Size = 0
    steps: tuple[tuple[Node, Size], ...] = ()

    @property
    def is_matrix(self) -> bool:
        """True if elements are contiguous along one of the last two axes."""
        pairs = zip(self.shape[-2:], self.strides[-2:], strict=True)
        return any(size == 1 or stride == 1 for size, stride in pairs)


def strided(node: Node, memory: Collection[Node], counters: Collection[Node]) -> Strided | None:
    """Return the value as a strided view of one of `memory`; None where it is none.

    Args:
        node: the value.
        memory: the nodes in memory.
        counters: the leaves that count the steps of the loops around.
    """
    if node in memory:
        return contiguous(node)
    if node.op == "gather" and node.attrs["axis"] == 0 and node.inputs[1] in counters:
        x = strided(node.inputs[0], memory, counters)
        if x is None:
            return None
        step = (node.inputs[1], x.strides[0])
        return Strided(x.node, node.shape, x.strides[1:], x.offset, (*x.steps, step))
    if node.op not in ("transpose", "slice", "broadcast", "reshape"):
        return None
    x = strided(node.inputs[0], memory, counters)
    if x is None:
        return None
    strides, offset = _moved(node, x)
    return None if strides is None else Strided(x.node, node.shape, strides, offset, x.steps)


def contiguous(node: Node) -> Strided:
    """Return the view of a contiguous value."""
    strides = tuple(product(node.shape[axis + 1 :]) for axis in range(len(node.shape)))
    return Strided(node, node.shape, strides)


def _moved(node: Node, x: Strided) -> tuple[Shape | None, Size]:
    """Return the strides and the offset of an index map over `x`."""
    if node.op == "transpose":
        return tuple(x.strides[axis] for axis in node.attrs["order"]), x.offset
    if node.op == "slice":
        offset = x.offset
        for start, stride in zip(node.attrs["start"], x.strides, strict=True):
            offset = offset + start * stride
        steps = zip(node.attrs["step"], x.strides, strict=True)
        return tuple(by * stride for by, stride in steps), offset
    if node.op == "broadcast":
        given = dict(zip(node.attrs["axes"], x.strides, strict=True))
        return tuple(given.get(axis, 0) for axis in range(len(node.shape))), x.offset
    return _reshaped(x, node.shape), x.offset


def _reshaped(x: Strided, shape: Shape) -> Shape | None:
    """Return the strides of the view reshaped, in C order; None where there are none.

    Axes are split and joined within groups that both shapes have: between positions where the
    sizes that follow multiply to the same. Joined axes have to be contiguous.
    """
    old = [(size, stride) for size, stride in zip(x.shape, x.strides, strict=True) if size != 1]
    new = [axis for axis, size in enumerate(shape) if size != 1]
    strides: list[Size] = [0] * len(shape)
    i, j = len(old), len(new)
    while i > 0 and j > 0:
        # The shortest run of axes from the right that is as large in both.
        behind_old = [product(size for size, _ in old[a:i]) for a in range(i)]
        behind_new = [product(shape[axis] for axis in new[b:j]) for b in range(j)]
        common = ((a, b) for a in reversed(range(i)) for b in reversed(range(j)))
        found = next(((a, b) for a, b in common if behind_old[a] == behind_new[b]), None)
        if found is None:
            return None
        a, b = found
        for (_, outer), (size, inner) in zip(old[a : i - 1], old[a + 1 : i], strict=True):
            if outer != size * inner:
                return None
        stride = old[i - 1][1]
        for axis in reversed(new[b:j]):
            strides[axis] = stride
            stride = stride * shape[axis]
        i, j = a, b
    return tuple(strides) if i == j == 0 else None
