"""Hoist products out of a loop, or sink them below it: one matmul for all steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from graphc.compiler.graph.expressions.scan import item, items
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.walk import dependents, readers
from graphc.compiler.passes.open_scan import OpenScan, rewrite_scans
from graphc.compiler.passes.scan_batch import can_batch, is_product, liftable, over_steps


def hoist_products(outputs: Sequence[Node]) -> list[Node]:
    """Hoist products that depend on sequences and constants only.

    A product (b, d) @ (d, n) at each of T steps becomes one of (T*b, d) @ (d, n); pointwise work
    around it (a bias) comes along, and the result is a new sequence of the loop.
    """
    return rewrite_scans(outputs, _hoist)


def _hoist(loop: OpenScan, used: Sequence[int]) -> Mapping[int, Node] | None:
    movable = liftable(loop.results, loop.slices, loop.carries)
    reading = readers(loop.results)
    with_products = _nodes_with_products(reading, movable, movable)
    results = set(loop.results)
    roots: dict[Node, None] = {}
    for node in with_products:
        if node in results or any(reader not in with_products for reader in reading[node]):
            # A broadcast is free inside the loop, and takes memory outside.
            while node.op == "broadcast":
                node = node.inputs[0]
            roots[node] = None
    if not roots:
        return None
    known = dict(zip(loop.slices, loop.sequences, strict=True))
    values = over_steps(list(roots), known, loop.length)
    loop.replace(
        {root: loop.add_sequence(value) for root, value in zip(roots, values, strict=True)}
    )
    return dict(enumerate(items(loop.close())))


def sink_products(outputs: Sequence[Node]) -> list[Node]:
    """Sink products with a constant that no later step reads.

    The operand of the product is stacked in place of its result; pointwise work between the product
    and the stacked result (a bias, an activation) leaves the loop with it.
    """
    return rewrite_scans(outputs, _sink)


def _sink(loop: OpenScan, used: Sequence[int]) -> Mapping[int, Node] | None:
    varying = dependents(loop.results, [*loop.carries, *loop.slices])
    reading = readers(loop.results)
    arguments = {*loop.updates, *loop.carries, *loop.slices}
    free: set[Node] = set()  # read by nothing that stays in the loop
    for node in reversed(reading):
        if node in arguments or node not in varying:
            continue
        varies = [x in varying for x in node.inputs]
        if can_batch(node, varies) and all(reader in free for reader in reading[node]):
            free.add(node)
    leaving = _nodes_with_products(reading, free, varying)
    if not leaving:
        return None
    movable = liftable(loop.results, loop.slices, loop.carries)
    old = list(loop.stacks)
    loop.stacks = [node for node in old if node not in leaving]
    wanted = [node for node in old if node in leaving]
    loop.add_stacks(frontier(wanted, varying, movable, leaving.__contains__))
    closed = loop.close()
    finals = [item(closed, k) for k in range(len(loop.carries))]
    return dict(enumerate([*finals, *over_steps(old, loop.per_step(closed), loop.length)]))


def _nodes_with_products(
    order: Iterable[Node], free: Collection[Node], varying: Collection[Node]
) -> dict[Node, None]:
    """Return the free nodes that are a product or depend on a free one, in order."""
    found: dict[Node, None] = {}
    for node in order:
        if node in free and (is_product(node, varying) or any(x in found for x in node.inputs)):
            found[node] = None
    return found


def frontier(
    wanted: Sequence[Node],
    varying: Collection[Node],
    movable: Collection[Node],
    through: Callable[[Node], bool],
) -> list[Node]:
    """Return the values to stack so that `wanted` can be computed outside of the loop.

    Args:
        wanted: nodes of a step.
        varying: the nodes that change from step to step.
        movable: the nodes that can be computed outside from the sequences (`liftable`).
        through: returns True for a node that is computed outside from its inputs. Reshapes and
            transposes always are.
    """
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    pending = list(reversed(wanted))
    while pending:
        node = pending.pop()
        if node in seen or node not in varying or node in movable:
            continue
        seen.add(node)
        if through(node) or node.op in ("reshape", "transpose"):
            pending.extend(reversed(node.inputs))
        else:
            found[node] = None
    return list(found)
