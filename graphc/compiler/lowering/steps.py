"""The steps of a program for any target, and where what is fetched lies."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph import Node, State, every_node, toposort
from graphc.compiler.lowering.context import Context, buffer_name
from graphc.compiler.lowering.identical import fold_identical
from graphc.compiler.lowering.loops import LowerStep
from graphc.compiler.lowering.place import Place
from graphc.compiler.lowering.placing import Updates
from graphc.compiler.program.launch import DeviceBuffer, DeviceStep, Pointer
from graphc.compiler.schedule import make_schedule
from graphc.compiler.schedule.inline import is_leaf


def lower_all(
    outputs: Sequence[Node],
    states: Sequence[State],
    most_shared: int | None,
    context: Context,
    lower_step: LowerStep,
) -> tuple[tuple[DeviceStep, ...], tuple[DeviceBuffer, ...]]:
    """The steps of a program for any target, and where what is fetched lies.

    Args:
        outputs, states, most_shared: as of `lower`.
        context: of the program, empty.
        lower_step: what a step of the schedule becomes.
    """
    count = len(outputs) - len(states)
    shared = {x.attrs["state"]: x for x in toposort(outputs) if x.op == "shared"}
    pairs = zip(outputs[count:], states, strict=True)
    overwritten = {value: shared[state] for value, state in pairs if state in shared}
    schedule = make_schedule(outputs, overwritten, most_shared)
    for node in every_node(outputs):  # a loop's body may have constants of its own
        if is_leaf(node):
            context.places[node] = leaf_place(node)
    updates = Updates(schedule, outputs[:count], outputs[count:], states, context, lower_step)
    steps: list[DeviceStep] = list(updates.before())
    for step in schedule:
        steps += lower_step(step, context)
    steps += updates.after()
    fetches = tuple(updates.fetch(node) for node in outputs[:count])
    return fold_identical(steps), fetches


def leaf_place(node: Node) -> Place:
    """Where an input, a shared variable or a constant array lies."""
    origin = node
    if node.op == "shared":
        origin = node.attrs["state"]
    elif node.op == "constant":
        origin = node.attrs["value"]
    return Place(
        Pointer(DeviceBuffer(buffer_name(node), node.shape, node.dtype, origin)), node.dtype
    )
