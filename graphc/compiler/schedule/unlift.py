"""The body of a scan written over the values around it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from graphc.compiler.graph import Node, substitute
from graphc.compiler.graph.ops import make
from graphc.compiler.graph.walk import toposort

# Of the leaves that stand for carries and steps; negative, so never an input's of a user.
_serials = itertools.count(-1, -1)


@dataclass(frozen=True, eq=False)
class Body:
    """See `graphc.compiler.schedule.kernel.Loop`, whose fields of these names it gives."""

    step: Node
    carries: tuple[Node, ...]
    outputs: tuple[Node, ...]


def unlift(scan: Node) -> Body:
    """Put the outer values in the places of a body's arguments.

    A carry and the step's number become leaves of their own, so that the arguments of a loop inside
    of a loop are never taken for the outer ones.
    """
    carries, sequences = scan.attrs["carries"], scan.attrs["sequences"]
    outputs = scan.attrs["body"].outputs
    step = _leaf((), "int32")
    replacement: dict[Node, Node] = {}
    leaves = {}
    for k in range(carries):
        leaves[k] = _leaf(scan.inputs[k].shape, scan.inputs[k].dtype)
    for node in toposort(outputs):
        if node.op != "arg":
            continue
        k = node.attrs["index"]
        if k < carries:
            replacement[node] = leaves[k]
        elif k < carries + sequences:
            replacement[node] = make("gather", scan.inputs[k], step, axis=0)
        else:
            replacement[node] = scan.inputs[k]
    new = substitute(outputs, replacement) if replacement else list(outputs)
    return Body(step, tuple(leaves.values()), tuple(new))


def _leaf(shape: tuple, dtype: str) -> Node:
    return make("input", serial=next(_serials), shape=shape, dtype=dtype)
