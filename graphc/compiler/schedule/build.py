"""From a graph to a schedule: groups of nodes become kernels, scans become loops, in order."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from graphc.compiler.graph import Node, toposort
from graphc.compiler.schedule.fusion import groups
from graphc.compiler.schedule.group import Group
from graphc.compiler.schedule.inline import Scope, choose_materialised, is_leaf
from graphc.compiler.schedule.kernel import Kernel, Loop, Step
from graphc.compiler.schedule.order import DynamicOrder
from graphc.compiler.schedule.packed_bools import with_packed_bools
from graphc.compiler.schedule.persistent import is_literal, persistent
from graphc.compiler.schedule.scan_body import inline_body, with_unchanged_results

# Limits of one launch of kind update; a kernel's parameters are limited.
MOST_PARTS = 8
MOST_POINTERS = 64


def make_schedule(
    outputs: Sequence[Node],
    overwritten: Mapping[Node, Node] = MappingProxyType({}),
    most_shared: int | None = None,
) -> tuple[Step, ...]:
    """Return the steps that compute a program's outputs, in an order that satisfies dependences.

    A step reads inputs, shared variables, constant arrays, and outputs of earlier steps, by
    themselves or packed with others (`packed_bools`). An output of the program may be one of those
    leaves itself.

    Args:
        outputs: the program's outputs.
        overwritten: for an output that is a shared variable's new value, that variable. Readers of
            the variable run before the new value is computed, where that is possible, so that it
            can be updated in place.
        most_shared: the bytes of shared memory that a block may have, which decides whether one
            launch runs all steps of a loop; None for what every card gives, 0 for a CPU, which
            runs every loop kernel by kernel (see `choose_materialised` for the rest).
    """
    steps = _steps(outputs, frozenset(), frozenset(), most_shared)
    steps = _ordered(list(_with_updates(steps)), overwritten)
    return tuple(with_packed_bools(steps, outputs))


def _steps(
    outputs: Sequence[Node],
    around: frozenset[Node],
    counters: frozenset[Node],
    most_shared: int | None,
) -> list[Step]:
    """Return the steps of a program or of a loop's body; `around` is in memory already."""
    computed = [node for node in outputs if not is_leaf(node) and node not in around]
    scope = choose_materialised(computed, around, counters, most_shared == 0)
    # A splat constant is a literal in its readers, also as the initial value of a carry.
    memory = around | {x for x in scope.order if x not in scope.inline and not is_literal(x)}
    loop_of = {}
    for node in scope.order:
        if node.op == "scan":
            items = [x for x in scope.order if x.op == "item" and x.inputs[0] is node]
            loop_of[node] = _loop(node, items, memory, counters, most_shared)
    scope = _without_dead_operands(scope, computed, loop_of)
    loops = [loop_of[node] for node in scope.order if node in loop_of]
    found = groups(scope, computed, most_shared == 0)
    stored = _stored(scope, found, computed, loops)
    needed = [group for group in found if not stored.isdisjoint(group.nodes)]
    return _ordered([*(_kernel(group, stored, memory, counters) for group in needed), *loops])


def _without_dead_operands(
    scope: Scope, outputs: Sequence[Node], loop_of: Mapping[Node, Loop]
) -> Scope:
    """Return a scope without the nodes that only results of a loop read which nothing reads."""
    live = set(outputs)
    for node in reversed(scope.order):
        if node in live:
            loop = loop_of.get(node)
            live.update(node.inputs if loop is None else loop.inputs)
    return replace(scope, order=tuple(node for node in scope.order if node in live))


def _with_updates(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield the steps, with the elementwise kernels that no step reads merged into few launches."""
    read = {node for step in steps for node in step.inputs}
    parts: list[Kernel] = []
    for step in steps:
        is_read = any(node in read for node in step.stores)
        if isinstance(step, Loop) or step.kind != "pointwise" or is_read:
            yield step
            continue
        full = len(parts) == MOST_PARTS or _pointers([*parts, step]) > MOST_POINTERS
        if parts and full:  # a kernel that has too many by itself stays alone
            yield _together(parts)
            parts = []
        parts.append(step)
    if parts:
        yield _together(parts)


def _pointers(parts: Sequence[Kernel]) -> int:
    return len({node for part in parts for node in (*part.inputs, *part.outputs)})


def _together(parts: Sequence[Kernel]) -> Kernel:
    if len(parts) == 1:
        return parts[0]
    inputs = dict.fromkeys(node for part in parts for node in part.inputs)
    outputs = tuple(node for part in parts for node in part.outputs)
    reasons = dict.fromkeys(reason for part in parts for reason in part.reasons)
    return Kernel("update", tuple(inputs), outputs, (), (), (), tuple(parts), tuple(reasons))


def _stored(
    scope: Scope, found: Sequence[Group], outputs: Collection[Node], loops: Sequence[Loop]
) -> set[Node]:
    """Return the nodes that are read outside of their group, or are the scope's results."""
    group_of = {node: k for k, group in enumerate(found) for node in group.nodes}
    stored = set(outputs)
    for node in scope.order:
        if node in group_of:
            own = group_of[node]
            stored.update(x for x in scope.reads[node] if group_of.get(x, own) != own)
    for loop in loops:
        stored.update(loop.inputs)
    return stored


def _kernel(
    group: Group, stored: Collection[Node], memory: frozenset[Node], counters: frozenset[Node]
) -> Kernel:
    outputs = tuple(node for node in group.nodes if node in stored)
    outside = _Others(memory, group.nodes)
    inputs = _inputs(outputs, outside, counters)
    return Kernel(
        group.kind,
        inputs,
        outputs,
        group.extents,
        group.anchors,
        group.reduced,
        (),
        group.reasons,
    )


class _Others(Container[Node]):
    """The difference of two sets, the nodes in memory and a kernel's own, not computed: it would
    take time in the size of the program for each kernel."""

    def __init__(self, memory: Container[Node], own: Container[Node]):
        self._memory = memory
        self._own = own

    def __contains__(self, node: object) -> bool:
        return node in self._memory and node not in self._own


def _inputs(
    outputs: Sequence[Node], memory: Container[Node], counters: frozenset[Node]
) -> tuple[Node, ...]:
    """Return the values that computing the outputs reads from memory, in the order of first use."""
    return tuple(
        node for node in toposort(outputs, stop=memory) if node in memory and node not in counters
    )


def _loop(
    scan: Node,
    items: Sequence[Node],
    memory: frozenset[Node],
    counters: frozenset[Node],
    most_shared: int | None,
) -> Loop:
    body = inline_body(scan)
    constants = {node for node in toposort(body.outputs) if is_leaf(node)}
    # A constant of the body may be stored by another kernel; reading that would add a dependence.
    reads = set(toposort(scan.inputs, stop=memory))
    around = (memory & reads) | constants | set(body.carries)
    inner = counters | {body.step}
    initial = scan.inputs[: scan.attrs["carries"]]
    leaves = set(body.carries) | inner
    loop = Loop(scan, body.step, body.carries, initial, body.outputs, tuple(items), (), ())
    steps = _steps(loop.needed, around, inner, most_shared)
    steps = with_unchanged_results(steps, loop.needed, around)
    read = [x for x in _inputs(loop.needed, around, inner) if x not in leaves]
    loop = replace(loop, inputs=tuple(dict.fromkeys((*initial, *read))), steps=tuple(steps))
    if most_shared == 0:
        return loop
    plan = persistent(loop, most_shared)
    if isinstance(plan, str):
        for_reports = [replace(x, reasons=(*x.reasons, plan)) for x in steps[:1]]
        return replace(loop, steps=(*for_reports, *steps[1:]), reasons=(plan,))
    in_memory = tuple(x for x in loop.inputs if not is_literal(x))
    return replace(loop, persistent=plan, inputs=in_memory)


def _ordered(
    steps: Sequence[Step], overwritten: Mapping[Node, Node] = MappingProxyType({})
) -> list[Step]:
    """Return the steps in an order that satisfies dependences, otherwise as they are given.

    A step that overwrites a variable comes after its readers, unless they need the step.
    """
    producer = {node: step for step in steps for node in step.stores}
    before: dict[Step, list[Step]] = {
        step: [producer[node] for node in step.inputs if node in producer] for step in steps
    }
    readers: dict[Node, list[Step]] = {old: [] for old in overwritten.values()}
    for step in steps:
        for node in step.inputs:
            if node in readers:
                readers[node].append(step)
    known = DynamicOrder(_depth_first(steps, before), before)
    for value, old in overwritten.items():
        writer = producer.get(value)
        if writer is None:
            continue
        for reader in readers[old]:
            if reader is not writer and known.add(reader, writer):
                before[writer].append(reader)
    return _depth_first(steps, before)


def _depth_first(steps: Sequence[Step], before: Mapping[Step, Sequence[Step]]) -> list[Step]:
    """Return the steps, each after those that it waits for, otherwise as they are given."""
    order: list[Step] = []
    done: set[Step] = set()
    opened: set[Step] = set()
    pending = list(steps)[::-1]
    while pending:
        step = pending[-1]
        waiting = [] if step in done else [x for x in before[step] if x not in done]
        if waiting:
            opened.add(step)
            assert opened.isdisjoint(waiting), "two steps of a schedule wait for each other"
            pending.extend(reversed(waiting))
            continue
        pending.pop()
        if step not in done:
            done.add(step)
            order.append(step)
    return order
