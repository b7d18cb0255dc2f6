"""One pass over the windows of max pooling: argmax positions, and the values gathered there.

An `argmax_pool` and the `gather_pool`s of its argmax begin as one group: a kernel that passes over
the windows has each of them in its registers when it knows the argmax, so that the operands of the
gathers need not be stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from graphc.compiler.graph import Node, toposort

WindowPass = tuple[Node, ...]
"""An `argmax_pool`, then the `gather_pool`s of its argmax."""


def window_passes(order: Sequence[Node]) -> list[WindowPass]:
    """Return the passes of a program in topological order.

    The operand of a gather may depend on an earlier `argmax_pool`, not on its own or a later one:
    so no two passes need each other.
    """
    argmaxes = [node for node in order if node.op == "argmax_pool"]
    number = {node: k for k, node in enumerate(argmaxes)}
    found: dict[Node, list[Node]] = {node: [node] for node in argmaxes}
    latest: dict[Node, int] = {}
    known = set(order)
    # With what is left out of the order: views of what a loop reads.
    for node in toposort(order) if argmaxes else ():
        latest[node] = max((latest[x] for x in node.inputs), default=-1)
        if node in number:
            latest[node] = max(latest[node], number[node])
        elif node.op == "gather_pool" and node in known and node.inputs[0] in number:
            argmax, values = node.inputs
            if latest[values] < number[argmax] and in_one_pass(argmax, node):
                found[argmax].append(node)
    return [tuple(members) for members in found.values()]


def passes_first(
    order: Sequence[Node], outputs: Sequence[Node], around: Collection[Node]
) -> tuple[Node, ...]:
    """Return the order with the operands of each pass ahead of it, and its members adjacent."""
    first: list[Node] = []
    for argmax, *gathers in window_passes(order):
        first += [*(node.inputs[1] for node in gathers), argmax, *gathers]
    if not first:
        return tuple(order)
    return tuple(node for node in toposort([*first, *outputs], stop=around) if node not in around)


def in_one_pass(argmax: Node, gather: Node) -> bool:
    """Return True if a `gather_pool` reads the windows of its argmax, an `argmax_pool`."""
    return argmax.op == "argmax_pool" and all(
        argmax.attrs[name] == gather.attrs[name] for name in argmax.attrs
    )
