"""Walks over graphs. None recurses: a chain of 10,000 nodes works. None enters a scan's body.

Order is always topological position: the depth-first order from the outputs, inputs left to right.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import OPS, remake
from graphc.compiler.graph.ops.traits import Moves
from graphc.compiler.graph.origin import inherit

_MOVES_ALONG_AXES = (Moves.SELECTED, Moves.PADDED, Moves.JOINED)


def toposort(outputs: Iterable[Node], stop: Container[Node] = frozenset()) -> list[Node]:
    """All nodes that the outputs depend on, each after its inputs.

    Nodes of `stop` are listed, but what they read is not walked. It is not copied unless it is a
    sequence: a small part of a large graph takes no longer than its own nodes.
    """
    stopped = frozenset(stop) if isinstance(stop, Sequence) else stop
    order: list[Node] = []
    met: set[Node] = set()
    waiting: list[tuple[Node, Iterator[Node]]] = []  # for their inputs, and what comes after them
    ahead = iter(tuple(outputs))
    while True:
        for node in ahead:
            if node in met:
                continue
            met.add(node)
            if node.inputs and node not in stopped:
                waiting.append((node, ahead))
                ahead = iter(node.inputs)
                break
            order.append(node)
        else:
            if not waiting:
                return order
            node, ahead = waiting.pop()
            order.append(node)


def sweep(
    outputs: Sequence[Node], visit: Callable[[Node], Node], keep: Iterable[Node] = ()
) -> list[Node]:
    """Rebuild a graph bottom-up, each node once.

    `visit` receives a node rebuilt over its new inputs and returns it or what replaces it; the
    replacement takes its origin and name. Nodes of `keep` stay as they are, with all they read.
    """
    kept = set(keep)
    new: dict[Node, Node] = {}
    for node in toposort(outputs, stop=kept):
        if node in kept:
            new[node] = node
            continue
        rebuilt = remake(node, tuple(map(new.__getitem__, node.inputs)))
        new[node] = inherit(visit(rebuilt), node)
    return [new[node] for node in outputs]


def substitute(outputs: Sequence[Node], replacement: Mapping[Node, Node]) -> list[Node]:
    """The outputs with nodes replaced wherever they are read; replacements are not walked."""
    if not replacement:
        return list(outputs)
    new: dict[Node, Node] = dict(replacement)
    for node in toposort(outputs, stop=replacement):
        if node not in new:
            inputs = tuple(map(new.__getitem__, node.inputs))
            new[node] = inherit(remake(node, inputs), node)
    return [new[node] for node in outputs]


def readers(outputs: Sequence[Node]) -> dict[Node, list[Node]]:
    """For each node the nodes that read it, in topological order, once for each time they do."""
    found: dict[Node, list[Node]] = {}
    for node in toposort(outputs):
        found.setdefault(node, [])
        for x in node.inputs:
            found[x].append(node)
    return found


def dependents(
    outputs: Sequence[Node], leaves: Iterable[Node], stop: Container[Node] = frozenset()
) -> set[Node]:
    """The nodes among those the outputs depend on that read one of `leaves`; leaves included. What
    nodes of `stop` read is not walked, as by `toposort`."""
    leaves = set(leaves)
    found: set[Node] = set()
    for node in toposort(outputs, stop):
        if node in leaves or any(x in found for x in node.inputs):
            found.add(node)
    return found


def every_node(outputs: Sequence[Node]) -> list[Node]:
    """The nodes of a program, then those of its scans' bodies, each body in topological order."""
    found: list[Node] = []
    pending = [tuple(outputs)]
    while pending:
        order = toposort(pending.pop())
        found += order
        pending += [node.attrs["body"].outputs for node in order if node.op == "scan"]
    return found


def count_nodes(outputs: Sequence[Node]) -> int:
    """Return the number of nodes of a program, those of scan bodies included."""
    return len(every_node(outputs))


def transposes_behind(node: Node) -> Iterator[Node]:
    """Yield the transposes whose elements those of a node are computed of one by one, or selected,
    padded or joined of: where a node is stored in their order, it is stored as their operands
    are."""
    waiting, met = [node], {node}
    while waiting:
        one = waiting.pop()
        op = OPS[one.op]
        if one.op == "transpose":
            yield one
        elif op.family == "pointwise" or op.traits.moves in _MOVES_ALONG_AXES:
            waiting += (x for x in one.inputs if x not in met)
            met.update(one.inputs)
