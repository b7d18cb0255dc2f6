"""Divide concatenations of many operands into concatenations of concatenations.

A kernel has a parameter for each value that it reads, and text for each operand of a concatenation:
g++ took 9 s of processor time for one of 250 operands, and 78 s for 500. Divided, no kernel has
more than `MOST_CONCATENATED`; each element is stored once more for each level.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph import Node, sweep
from graphc.compiler.graph.ops import make
from graphc.compiler.schedule.inline import MOST_CONCATENATED


def divide_concatenations(outputs: Sequence[Node]) -> list[Node]:
    """Return the same program, with no concatenation of more than `MOST_CONCATENATED` operands."""
    return sweep(outputs, _divided)


def _divided(node: Node) -> Node:
    while node.op == "concat" and len(node.inputs) > MOST_CONCATENATED:
        groups = [
            node.inputs[first : first + MOST_CONCATENATED]
            for first in range(0, len(node.inputs), MOST_CONCATENATED)
        ]
        joined = (group[0] if len(group) == 1 else _join(node, group) for group in groups)
        node = _join(node, list(joined))
    return node


def _join(node: Node, parts: Sequence[Node]) -> Node:
    return make("concat", *parts, axis=node.attrs["axis"])
