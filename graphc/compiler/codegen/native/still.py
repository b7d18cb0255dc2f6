"""Which updates leave an element as it is where a gradient is zero.

Signs of zeros apart: -0.0 + 0.0 is 0.0, and such an element stays -0.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphc.compiler.codegen.context import Context
from graphc.compiler.graph import OPS, Node
from graphc.compiler.graph.walk import toposort
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import comment

_ZERO = "zero"


@dataclass(frozen=True)
class Still:
    """All results stay as they are where the gradient is zero.

    Attributes:
        factors: scalars by which zeros are multiplied: if one of them is no finite number, nothing
            stays as it is.
        why: for reports.
    """

    factors: tuple[Node, ...]
    why: str


def still_outputs(kernel: Kernel, context: Context) -> Still | str:
    """Whether each result of a kernel of kind scatter is a state's new value, written over the old
    one, and is the old one where the sum is zero; if not, why."""
    factors: dict[Node, None] = {}
    values: dict[Node, Node | str | None] = {node: node for node in kernel.inputs}
    values[kernel.anchors[0]] = _ZERO
    for node in toposort(kernel.outputs, stop=values):
        if node not in values:
            values[node] = _value(node, values, factors)
    names = []
    for output in kernel.outputs:
        old = values[output]
        if not isinstance(old, Node) or old.op != "shared":
            return f"{_name(output, context)} may change where the gradient is zero"
        kept = context.places[old]
        if any(place.pointer != kept.pointer for place in context.sinks[output]):
            return f"{_name(output, context)} is not written over the old value"
        names.append(_name(output, context))
    return Still(tuple(factors), f"a gradient of zero does not change {', '.join(names)}")


def _name(output: Node, context: Context) -> str:
    return comment(context.sinks[output][0].buffers[0].name)


def _value(
    node: Node, values: Mapping[Node, Node | str | None], factors: dict[Node, None]
) -> Node | str | None:
    """What a node is where the gradient is zero: zero, another node's value, or something else
    (None)."""
    known = [values.get(x) for x in node.inputs]
    zeros = [value is _ZERO for value in known]
    if not any(zeros):
        return None
    if all(zeros):
        return _ZERO if OPS[node.op].traits.keeps_zero else None
    if node.op == "add" or (node.op == "sub" and zeros[1]):
        return known[zeros.index(False)]
    factor = _scalar(node.inputs[zeros.index(False)]) if node.op == "mul" else None
    if factor is None:
        return None
    factors[factor] = None
    return _ZERO


def _scalar(node: Node) -> Node | None:
    """The scalar that a node spreads; None where its elements may differ."""
    while node.op == "broadcast" and node.shape != ():
        node = node.inputs[0]
    return node if node.shape == () else None
