"""Batch a step's computation over all steps: each op gets one more leading axis, the steps.

A value that varies from step to step is stored stacked, (steps, *shape); one that does not is read
as it is, and repeated along the steps only where an op needs equal shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from graphc.compiler.graph.dim import Size
from graphc.compiler.graph.expressions.movement import reshape, transpose
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import OPS, make
from graphc.compiler.graph.origin import inherit, origin, origin_of
from graphc.compiler.graph.walk import toposort

# rule(node, inputs, varies, length): `inputs` are stacked where `varies` says so.
BatchRule = Callable[[Node, Sequence[Node], Sequence[bool], Size], Node]


def is_product(node: Node, varying: Collection[Node]) -> bool:
    """Batch a product of an operand that varies with one that does not."""
    if node.op != "matmul" or node.ndim != 2:
        return False
    return (node.inputs[0] in varying) != (node.inputs[1] in varying)


def can_batch(node: Node, varies: Sequence[bool]) -> bool:
    """Return True if an op with these varying inputs can be computed for all steps at once."""
    if node.op in ("gather", "scatter_add"):
        return list(varies) != [True, True] and (node.op == "gather" or varies[1])
    return node.op in _RULES


def liftable(
    results: Iterable[Node], slices: Collection[Node], carries: Iterable[Node]
) -> set[Node]:
    """Return the nodes that depend on slices, on no carry, and can be computed for all steps at
    once."""
    found, stuck = set(slices), set(carries)
    for node in toposort(results, stop=found | stuck):
        if node in found or node in stuck:
            continue
        varies = [x in found for x in node.inputs]
        if any(x in stuck for x in node.inputs) or (any(varies) and not can_batch(node, varies)):
            stuck.add(node)
        elif any(varies):
            found.add(node)
    return found


def over_steps(roots: Sequence[Node], per_step: Mapping[Node, Node], length: Size) -> list[Node]:
    """Return the values of nodes of a step at all steps, stacked along a new axis 0.

    Args:
        roots: what to compute; `can_batch` has to hold between them and `per_step`.
        per_step: nodes of the step and their stacked values.
        length: the number of steps.
    """
    stacked: dict[Node, Node] = dict(per_step)
    for node in toposort(roots, stop=per_step):
        varies = [x in stacked for x in node.inputs]
        if node in stacked or not any(varies):
            continue
        inputs = [stacked.get(x, x) for x in node.inputs]
        with origin(origin_of(node)):
            stacked[node] = inherit(_RULES[node.op](node, inputs, varies, length), node)
    return [stacked[root] if root in stacked else repeated(root, length) for root in roots]


def repeated(node: Node, length: Size) -> Node:
    """Repeat a value for each of `length` steps."""
    source, axes = node, tuple(range(node.ndim))
    if node.op == "broadcast":
        source, axes = node.inputs[0], node.attrs["axes"]
    return make("broadcast", source, shape=(length, *node.shape), axes=_behind(axes))


def _behind(axes: Iterable[int]) -> tuple[int, ...]:
    return tuple(axis + 1 for axis in axes)


def _all_stacked(inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> list[Node]:
    pairs = zip(inputs, varies, strict=True)
    return [x if stacked else repeated(x, length) for x, stacked in pairs]


def _pointwise(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    return make(node.op, *_all_stacked(inputs, varies, length), **node.attrs)


def _axes(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    return make(node.op, *inputs, axes=_behind(node.attrs["axes"]))


def _reshape(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    return reshape(inputs[0], (inputs[0].shape[0], *node.shape))


def _transpose(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    return make("transpose", inputs[0], order=(0, *_behind(node.attrs["order"])))


def _broadcast(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    shape, axes = (inputs[0].shape[0], *node.shape), (0, *_behind(node.attrs["axes"]))
    return make("broadcast", inputs[0], shape=shape, axes=axes)


def _slice(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    return make(
        "slice",
        inputs[0],
        start=(0, *node.attrs["start"]),
        stop=(inputs[0].shape[0], *node.attrs["stop"]),
        step=(1, *node.attrs["step"]),
    )


def _pad(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    widths = {name: (0, *node.attrs[name]) for name in ("low", "high", "interior")}
    return make("pad", inputs[0], value=node.attrs["value"], **widths)


def _concat(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    return make("concat", *_all_stacked(inputs, varies, length), axis=node.attrs["axis"] + 1)


def _matmul(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    left, right = inputs
    if node.ndim == 2 and not varies[1]:
        # The steps are further rows of the left matrix.
        steps, rows, inner = left.shape
        flat = make("matmul", reshape(left, (steps * rows, inner)), right)
        return reshape(flat, (steps, *node.shape))
    if node.ndim == 2 and not varies[0]:
        # The steps are further columns of the right matrix.
        steps, inner, columns = right.shape
        flat = reshape(transpose(right, (1, 0, 2)), (inner, steps * columns))
        product = reshape(make("matmul", left, flat), (node.shape[0], steps, columns))
        return transpose(product, (1, 0, 2))
    return make("matmul", *_all_stacked(inputs, varies, length))


def _gather(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    values, indices = inputs
    axis = node.attrs["axis"]
    if varies[0]:
        return make("gather", values, indices, axis=axis + 1)
    # The steps are the first axis of the indices, so they come out at the position of `axis`.
    taken = make("gather", values, indices, axis=axis)
    return transpose(taken, (axis, *range(axis), *range(axis + 1, taken.ndim)))


def _scatter_add(node: Node, inputs: Sequence[Node], varies: Sequence[bool], length: Size) -> Node:
    return make("scatter_add", *inputs, axis=node.attrs["axis"] + 1, size=node.attrs["size"])


_RULES: dict[str, BatchRule] = {
    **{op.name: _pointwise for op in OPS.values() if op.family == "pointwise"},
    **{op.name: _axes for op in OPS.values() if op.family == "reduce"},
    "flip": _axes,
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast": _broadcast,
    "slice": _slice,
    "pad": _pad,
    "concat": _concat,
    "matmul": _matmul,
    "gather": _gather,
    "scatter_add": _scatter_add,
}
