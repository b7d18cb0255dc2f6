"""The numbers of nodes in a document, and the phase of each."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.printer import attributes_text, type_text
from graphc.view.document import NodeView, Phase


class NodeTable:
    """Numbers nodes in the order in which they are met; nodes that several graphs share have one
    number, since they are one object."""

    def __init__(self) -> None:
        self._numbers: dict[Node, int] = {}
        self._views: list[NodeView] = []

    @property
    def views(self) -> tuple[NodeView, ...]:
        """The nodes by their numbers."""
        return tuple(self._views)

    def find(self, node: Node | None) -> int | None:
        """Return the number of a node that was added, else None."""
        return None if node is None else self._numbers.get(node)

    def add(self, outputs: Sequence[Node], fetched: int) -> tuple[int, ...]:
        """Add a graph, and return the numbers of its outputs, of which the first ones are fetched
        and the others new values of states."""
        order = g.toposort(outputs)
        phases = _phases(order, outputs[:fetched])
        for node in order:
            self._add(node, phases[node])
        return tuple(self._numbers[node] for node in outputs)

    def add_computed(self, nodes: Sequence[Node], loop: Node | None) -> None:
        """Add what a kernel computes and no graph has: the inlined body of a loop, which was added
        before, and what kernels keep for each other."""
        number = None if loop is None else self._numbers[loop]
        for node in g.toposort(nodes, self._numbers.keys()):
            origin = g.origin_of(node)
            phase: Phase = "gradient" if origin is not None and origin.backward else "forward"
            self._add(node, phase if number is None else self._views[number].phase, number)

    def _add(self, node: Node, phase: Phase, loop: int | None = None) -> None:
        if node in self._numbers:
            return
        body: tuple[int, ...] = ()
        if node.op == "scan":
            inside = node.attrs["body"].outputs
            for one in g.toposort(inside):
                self._add(one, phase, loop)
            body = tuple(self._numbers[one] for one in inside)
        origin = g.origin_of(node)
        self._numbers[node] = len(self._views)
        self._views.append(
            NodeView(
                op=node.op,
                type=type_text(node),
                attributes=attributes_text(node),
                inputs=tuple(self._numbers[x] for x in node.inputs),
                name=g.name_of(node),
                layer=None if origin is None else origin.layer,
                phase=phase,
                body=body,
                loop=loop,
            )
        )


def _phases(order: Sequence[Node], fetched: Sequence[Node]) -> dict[Node, Phase]:
    """The phase of each node of a graph in topological order.

    A layer's nodes say themselves whether they are of its gradient. Of the others those that what
    is fetched depends on are of the forward values, those that gradients read are of gradients.
    """
    forward = set(g.toposort(fetched))
    phases: dict[Node, Phase] = {}
    for_gradient: set[Node] = set()
    for node in reversed(order):
        origin = g.origin_of(node)
        if origin is not None:
            phases[node] = "gradient" if origin.backward else "forward"
        elif node in forward:
            phases[node] = "forward"
        else:
            phases[node] = "gradient" if node in for_gradient else "update"
        if phases[node] == "gradient":
            for_gradient.update(node.inputs)
    return phases
