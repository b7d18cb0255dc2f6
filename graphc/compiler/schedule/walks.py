"""One pass over the windows of max pooling: argmax positions, and the values gathered there.

A `max_place` and the `pick`s at its places begin as one group: a kernel that passes over the
windows has each of them in its registers when it knows the argmax, so that what is gathered there
need not be stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from graphc.compiler.graph import Node, toposort

Walk = tuple[Node, ...]
"""A `max_place`, then the picks at its places."""


def walks(order: Sequence[Node]) -> list[Walk]:
    """The walks of a program in topological order.

    What is picked may depend on places that come earlier, not on its own or later ones: so no two
    walks need each other.
    """
    places = [node for node in order if node.op == "max_place"]
    number = {node: k for k, node in enumerate(places)}
    found: dict[Node, list[Node]] = {node: [node] for node in places}
    latest: dict[Node, int] = {}
    for node in order if places else ():
        latest[node] = max((latest.get(x, -1) for x in node.inputs), default=-1)
        if node in number:
            latest[node] = max(latest[node], number[node])
        elif node.op == "pick" and node.inputs[0] in number:
            place, values = node.inputs
            if latest.get(values, -1) < number[place] and is_one_walk(place, node):
                found[place].append(node)
    return [tuple(members) for members in found.values()]


def walks_first(
    order: Sequence[Node], outputs: Sequence[Node], around: Collection[Node]
) -> tuple[Node, ...]:
    """The order, with all that a walk needs ahead of it, and its members side by side."""
    first: list[Node] = []
    for place, *picks in walks(order):
        first += [*(node.inputs[1] for node in picks), place, *picks]
    if not first:
        return tuple(order)
    return tuple(node for node in toposort([*first, *outputs], stop=around) if node not in around)


def is_one_walk(place: Node, pick: Node) -> bool:
    """Return whether a `pick` reads the windows that its places, a `max_place`, are of."""
    return place.op == "max_place" and all(
        place.attrs[name] == pick.attrs[name] for name in place.attrs
    )
