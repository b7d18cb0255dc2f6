"""A group: the nodes that one kernel will compute, and the kind of that kernel."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.compiler.graph import Node, origin_of
from graphc.compiler.graph.dim import Dim, Shape, Size, product
from graphc.compiler.graph.ops import OPS
from graphc.compiler.schedule.relation import Split, reduction_split
from graphc.compiler.schedule.window_passes import WindowPass

ELEMENT, ROW, INLINED, WINDOWED = "element", "row", "inlined", "windowed"
"""Tags of a group's nodes. They have one value for each element of the group's extents; one for
each row, that is each result of its reductions; are inlined into a pooling, which computes the
elements of its windows; or have one value for each window of a pooling."""

# With fewer rows than this, one block a row leaves most of a GPU idle, so its kernel only reduces.
FEW_ROWS = 64

ELEMENTWISE = ("pointwise", "gather")
"""The kinds in which a thread owns an element and nothing else."""

_KINDS = {"matmul": "matmul", "conv": "conv", "scatter_add": "scatter"}


@dataclass
class Group:
    """Nodes that one kernel computes.

    Attributes:
        kind, extents, anchors, reduced: those of the kernel.
        split: of a reduction, its extents as kept and reduced runs of axes.
        nodes: in topological order, each with its tag.
        reads: the operands of the nodes, nodes of the group among them.
        number: the position of its own bit.
        bits: its own bit, and those of the groups that it absorbed.
        ancestors: the groups that it depends on, directly or not: at least one bit of each.
        readers: the numbers of groups that read it, and of some that were merged since.
        refusals: a node of each producer that it could not absorb, and the reason.
        reasons: the same as sentences, once all groups are complete.
    """

    kind: str
    extents: Shape
    nodes: dict[Node, str]
    anchors: tuple[Node, ...] = ()
    reduced: tuple[int, ...] = ()
    split: Split = ()
    reads: set[Node] = field(default_factory=set)
    number: int = 0
    bits: int = 0
    ancestors: int = 0
    readers: set[int] = field(default_factory=set)
    refusals: dict[Node, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    @property
    def elementwise(self) -> bool:
        """True if a thread owns an element and nothing else."""
        return self.kind in ELEMENTWISE

    @property
    def windows(self) -> Size | None:
        """The number of windows of a pooling fused after a convolution; None without one."""
        windowed = [node for node, tag in self.nodes.items() if tag == WINDOWED]
        return product(windowed[0].shape) if windowed else None

    @property
    def reduces(self) -> bool:
        """True if its anchors are reductions."""
        return self.kind in ("rows", "columns")

    @property
    def has_few_rows(self) -> bool:
        """True if blocks that own rows would be few, so that only reductions are worth fusing."""
        rows = product(size for size, stays in self.split if stays)
        return self.kind == "columns" or (not isinstance(rows, Dim) and rows < FEW_ROWS)


def alone(node: Node) -> Group:
    """Return a node in a group of its own."""
    family = OPS[node.op].family
    if family == "reduce":
        shape, axes = node.inputs[0].shape, node.attrs["axes"]
        split = reduction_split(node)
        # The runs that are reduced are the innermost one, or all.
        inner = all(not stays or k == 0 for k, (_, stays) in enumerate(split))
        kind = "rows" if inner else "columns"
        return Group(kind, shape, {node: ROW}, (node,), axes, split)
    if family == "window":
        return Group("window", node.shape, {node: ELEMENT}, (node,))
    if node.op in _KINDS:
        return Group(_KINDS[node.op], node.shape, {node: ELEMENT}, (node,))
    return Group("gather" if node.op == "gather" else "pointwise", node.shape, {node: ELEMENT})


def pass_group(window_pass: WindowPass) -> Group:
    """Return the nodes that one pass over the windows of a pooling computes, as a group."""
    return Group("window", window_pass[0].shape, dict.fromkeys(window_pass, ELEMENT), window_pass)


def title(group: Group) -> str:
    """Return the name of a group in reasons: the layer and op of its last anchor, or of its
    result."""
    node = group.anchors[-1] if group.anchors else next(reversed(group.nodes))
    origin = origin_of(node)
    return f"{origin}/{node.op}" if origin is not None else node.op
