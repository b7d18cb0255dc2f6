"""Sink transposes below arithmetic and what selects, pads or joins elements.

A layer in a layout of its own (the channels last) transposes a convolution's result, adds a bias,
and transposes back. As written, each element is stored twice in another order. Behind the
arithmetic, the two transposes cancel, and the arithmetic reads the elements in the order in which
they were stored:

    op(transpose(x), b)   ->  transpose(op(x, transpose'(b)))      transpose' is the inverse
    slice(transpose(x))   ->  transpose(slice(x)) along the axes where they were
    sum(transpose(x))     ->  sum(x) over the axes where they were

Rows of a table that are only read in another order (time first, where words come batch first) are
gathered in that order:

    transpose(gather(table, i))  ->  gather(table, transpose(i))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.compiler.graph import Node, toposort
from graphc.compiler.graph.ops import OPS, make
from graphc.compiler.graph.walk import sweep
from graphc.compiler.schedule.inline import is_leaf, is_splat

Order = tuple[int, ...]


Attrs = Mapping[str, Any]


def _same(attrs: Attrs, order: Order) -> Attrs:
    return attrs


def _of_axis(attrs: Attrs, order: Order) -> Attrs:
    return {"axis": order[attrs["axis"]]}


def _along_axes(attrs: Attrs, order: Order) -> Attrs:
    """Return attributes that have a value for each axis."""
    back = _inverse(order)
    return {
        name: tuple(value[axis] for axis in back) if isinstance(value, tuple) else value
        for name, value in attrs.items()
    }


_ATTRS_BEFORE: dict[str, Callable[[Attrs, Order], Attrs]] = {
    "concat": _of_axis,
    "pad": _along_axes,
    "slice": _along_axes,
}
"""Movements that a transpose of their operands sinks below, each with a function of its attributes
and of the transpose's order, which returns those of the movement ahead of the transpose. A flip is
read in any order for nothing: below one, a gradient of weights would be stored once more, as its
update reads it in another order."""


def sink_transposes(outputs: Sequence[Node]) -> list[Node]:
    """Return the same program with fewer transposes between stored values."""
    cheap: dict[Node, bool] = {}
    transposed_gathers = _gathered_in_one_order(outputs)

    def visit(node: Node) -> Node:
        family = OPS[node.op].family
        if node.op == "transpose" and node.inputs[0] in transposed_gathers:
            return _gathered(node.inputs[0], node.attrs["order"])
        if node.op == "transpose":
            return _transpose(node.inputs[0], node.attrs["order"])
        if family == "reduce" and node.inputs[0].op == "transpose":
            return _reduced(node, node.inputs[0])
        if family != "pointwise" and node.op not in _ATTRS_BEFORE:
            return node
        orders = [x.attrs["order"] for x in node.inputs if _moves_work(x)]
        if not orders or not all(_is_free_transposed(x, orders[0], cheap) for x in node.inputs):
            return node
        order = orders[0]
        attrs_before = _ATTRS_BEFORE.get(node.op, _same)
        inputs = [_transpose(x, _inverse(order)) for x in node.inputs]
        sunk = make(node.op, *inputs, **attrs_before(node.attrs, order))
        return _transpose(sunk, order)

    return sweep(outputs, visit)


def _gathered_in_one_order(outputs: Sequence[Node]) -> set[Node]:
    """Return gathers of whole rows that only transposes of one order read, which keep the rows."""
    orders: dict[Node, set[Order | None]] = {node: {None} for node in outputs}
    for node in toposort(outputs):
        order = node.attrs["order"] if node.op == "transpose" else None
        for x in node.inputs:
            orders.setdefault(x, set()).add(order)
    return {node for node, found in orders.items() if _keeps_rows(node, found)}


def _keeps_rows(node: Node, orders: set[Order | None]) -> bool:
    if node.op != "gather" or node.attrs["axis"] != 0 or len(orders) != 1:
        return False
    (order,) = orders
    count = node.inputs[1].ndim
    return order is not None and order[count:] == tuple(range(count, node.ndim))


def _gathered(node: Node, order: Order) -> Node:
    table, indices = node.inputs
    transposed = make("transpose", indices, order=order[: indices.ndim])
    return make("gather", table, transposed, **node.attrs)


def _moves_work(node: Node) -> bool:
    """Return True for a transpose of a value that a kernel computes."""
    return node.op == "transpose" and not is_leaf(node.inputs[0])


def _is_free_transposed(node: Node, order: Order, cheap: dict[Node, bool]) -> bool:
    """Return True if reading a node transposed by `order` costs nothing more."""
    if node.op == "transpose":
        alike: bool = node.attrs["order"] == order
        return alike
    return _is_cheap(node, cheap)


def _is_cheap(node: Node, cheap: dict[Node, bool]) -> bool:
    """Return True if no element of a node is read from memory in its own order: constants,
    broadcasts, random bits and values computed from these."""
    pending = [node]
    while pending:
        at = pending[-1]
        if at in cheap:
            pending.pop()
        elif at.op in ("broadcast", "random", "iota") or is_splat(at):
            cheap[at] = True
        elif OPS[at.op].family != "pointwise" or not at.inputs:
            cheap[at] = False
        else:
            waiting = [x for x in at.inputs if x not in cheap]
            pending += waiting
            if not waiting:
                cheap[at] = all(cheap[x] for x in at.inputs)
    return cheap[node]


def _inverse(order: Order) -> Order:
    return tuple(order.index(axis) for axis in range(len(order)))


def _transpose(node: Node, order: Order) -> Node:
    """Return ``transpose(node)``; transposes that cancel are left out."""
    if node.op == "transpose":
        node, order = node.inputs[0], tuple(node.attrs["order"][axis] for axis in order)
    if order == tuple(range(len(order))):
        return node
    if node.op == "broadcast" and node.inputs[0].ndim <= 1:
        shape = tuple(node.shape[axis] for axis in order)
        axes = tuple(order.index(axis) for axis in node.attrs["axes"])
        return make("broadcast", node.inputs[0], shape=shape, axes=axes)
    return make("transpose", node, order=order)


def _reduced(node: Node, transposed: Node) -> Node:
    """Return a reduction over a transpose as one over the transpose's operand, where the result has
    the same order.

    argmax and argmin count positions in the order of the axes that they reduce.
    """
    order = transposed.attrs["order"]
    axes = tuple(order[axis] for axis in node.attrs["axes"])
    kept = [order[axis] for axis in range(len(order)) if axis not in node.attrs["axes"]]
    positions = node.op.startswith("arg") and list(axes) != sorted(axes)
    if positions or kept != sorted(kept):
        return node
    return make(node.op, transposed.inputs[0], axes=tuple(sorted(axes)))
