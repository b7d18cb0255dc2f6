"""Which nodes are computed together: groups of nodes, without a cycle between groups."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape
from graphc.compiler.graph.ops import OPS
from graphc.compiler.schedule.inline import Scope

_KINDS = {"matmul": "matmul", "conv": "conv", "gather": "gather", "scatter_add": "scatter"}


@dataclass
class Group:
    """Nodes that one kernel computes; the fields are those of the kernel to be."""

    kind: str
    extents: Shape
    nodes: list[Node]
    anchors: tuple[Node, ...] = ()
    reduced: tuple[int, ...] = ()
    reasons: list[str] = field(default_factory=list)


def groups(scope: Scope) -> list[Group]:
    """The stored nodes of a scope, divided into what each kernel computes."""
    return [alone(node) for node in scope.stored()]


def alone(node: Node) -> Group:
    """A node in a kernel of its own."""
    family = OPS[node.op].family
    if family == "reduce":
        shape, axes = node.inputs[0].shape, node.attrs["axes"]
        return Group(reduction_kind(shape, axes), shape, [node], (node,), axes)
    if family == "window":
        return Group("window", node.shape, [node], (node,))
    if node.op in _KINDS:
        return Group(_KINDS[node.op], node.shape, [node], (node,))
    return Group("pointwise", node.shape, [node])


def reduction_kind(shape: Shape, axes: tuple[int, ...]) -> str:
    """`rows` where the reduced axes are the innermost ones, else `columns`."""
    wide = [axis for axis, size in enumerate(shape) if size != 1]
    inner = wide[len(wide) - len([axis for axis in axes if shape[axis] != 1]) :]
    return "rows" if all(axis in axes for axis in inner) else "columns"
