"""From a graph to a schedule: groups of nodes become kernels, scans become loops, in order."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from graphc.compiler.graph import Node, toposort
from graphc.compiler.schedule.fusion import Group, groups
from graphc.compiler.schedule.inline import Scope, is_leaf, take_apart
from graphc.compiler.schedule.kernel import Kernel, Loop, Schedule, Step
from graphc.compiler.schedule.unlift import unlift


def make_schedule(outputs: Sequence[Node]) -> Schedule:
    """The steps that compute a program's outputs, in an order in which each finds what it reads."""
    return Schedule(tuple(outputs), tuple(_steps(outputs, frozenset(), frozenset())))


def _steps(
    outputs: Sequence[Node], around: frozenset[Node], counters: frozenset[Node]
) -> list[Step]:
    """The steps of a program or of a loop's body; `around` lies in memory already."""
    computed = [node for node in outputs if not is_leaf(node) and node not in around]
    scope = take_apart(computed, around, counters)
    memory = around | {node for node in scope.order if node not in scope.inline}
    found = groups(scope)
    stored = _stored(scope, found, computed)
    steps: list[Step] = [_kernel(group, stored, memory, counters) for group in found]
    for node in scope.order:
        if node.op == "scan":
            items = [x for x in scope.order if x.op == "item" and x.inputs[0] is node]
            steps.append(_loop(node, items, memory, counters))
    return _ordered(steps)


def _stored(scope: Scope, found: Sequence[Group], outputs: Collection[Node]) -> set[Node]:
    """The nodes that are read outside of their group, or are the scope's results."""
    group_of = {node: k for k, group in enumerate(found) for node in group.nodes}
    stored = set(outputs)
    for node in scope.order:
        if node not in scope.inline:
            own = group_of.get(node)
            stored.update(x for x in scope.reads[node] if group_of.get(x, own) != own)
            if own is None:  # a loop reads what it reads from memory
                stored.update(scope.reads[node])
    return stored


def _kernel(
    group: Group, stored: Collection[Node], memory: frozenset[Node], counters: frozenset[Node]
) -> Kernel:
    outputs = tuple(node for node in group.nodes if node in stored)
    inputs = _inputs(outputs, memory - set(group.nodes), counters)
    return Kernel(
        group.kind,
        inputs,
        outputs,
        group.extents,
        group.anchors,
        group.reduced,
        (),
        tuple(group.reasons),
    )


def _inputs(
    outputs: Sequence[Node], memory: frozenset[Node], counters: frozenset[Node]
) -> tuple[Node, ...]:
    """What computing the outputs reads from memory, in the order in which it is met."""
    return tuple(
        node for node in toposort(outputs, stop=memory) if node in memory and node not in counters
    )


def _loop(
    scan: Node, items: Sequence[Node], memory: frozenset[Node], counters: frozenset[Node]
) -> Loop:
    body = unlift(scan)
    around = (memory - {scan, *items}) | set(body.carries)
    inner = counters | {body.step}
    steps = _steps(body.outputs, around, inner)
    initial = scan.inputs[: scan.attrs["carries"]]
    leaves = set(body.carries) | inner
    read = [x for x in _inputs(body.outputs, around, inner) if x not in leaves]
    return Loop(
        scan,
        body.step,
        body.carries,
        initial,
        body.outputs,
        tuple(items),
        tuple(dict.fromkeys((*initial, *read))),
        tuple(steps),
    )


def _ordered(steps: Sequence[Step]) -> list[Step]:
    """The steps in an order in which each finds its inputs, otherwise as they are given."""
    producer = {node: step for step in steps for node in step.stores}
    order: list[Step] = []
    done: set[Step] = set()
    pending = list(steps)[::-1]
    while pending:
        step = pending[-1]
        waiting = []
        if step not in done:
            needed = (producer.get(node) for node in step.inputs)
            waiting = [x for x in needed if x is not None and x not in done and x is not step]
        if waiting:
            pending.extend(reversed(waiting))
            continue
        pending.pop()
        if step not in done:
            done.add(step)
            order.append(step)
    return order
