"""From a graph to a device program: each kernel becomes launches, each loop a loop of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.compiler.codegen.context import Context, buffer_name
from graphc.compiler.codegen.launch import (
    Buffer,
    Carry,
    CarryPointer,
    DeviceLoop,
    DeviceProgram,
    DeviceStep,
    Launch,
    Pointer,
)
from graphc.compiler.codegen.memory import launches
from graphc.compiler.codegen.placing import Updates
from graphc.compiler.codegen.pointwise import lower_pointwise
from graphc.compiler.codegen.render import INCLUDES, unit
from graphc.compiler.codegen.scatter import lower_scatter
from graphc.compiler.codegen.rows import lower_rows
from graphc.compiler.codegen.signature import Place
from graphc.compiler.codegen.update import lower_update
from graphc.compiler.graph import Node, State, toposort
from graphc.compiler.schedule import Kernel, Loop, Step, make_schedule
from graphc.compiler.schedule.inline import is_leaf
from graphc.compiler.schedule.layout import sink_transposes

LOWERINGS: dict[str, Callable[[Kernel, Context], list[Launch]]] = {
    "pointwise": lower_pointwise,
    "rows": lower_rows,
    "columns": lower_pointwise,
    "matmul": lower_pointwise,
    "conv": lower_pointwise,
    "window": lower_pointwise,
    "gather": lower_pointwise,
    "scatter": lower_scatter,
    "update": lower_update,
}
"""How each kind of kernel becomes launches."""


def lower(outputs: Sequence[Node], states: Sequence[State] = ()) -> DeviceProgram:
    """The device program of a graph.

    Args:
        outputs: what is fetched, then one new value for each of `states`.
        states: the states that the program updates, each once. All new values are computed from
            the old ones. A value is written over the old one where nothing reads that any more;
            else the last launch copies it there.
    """
    outputs = sink_transposes(outputs)
    count = len(outputs) - len(states)
    shared = {x.attrs["state"]: x for x in toposort(outputs) if x.op == "shared"}
    pairs = zip(outputs[count:], states, strict=True)
    overwritten = {value: shared[state] for value, state in pairs if state in shared}
    schedule = make_schedule(outputs, overwritten)
    context = Context()
    for node in toposort(outputs):
        if is_leaf(node):
            context.places[node] = _leaf_place(node)
    updates = Updates(schedule.steps, outputs[:count], outputs[count:], states, context)
    steps: list[DeviceStep] = list(updates.before())
    for step in schedule.steps:
        steps += lower_step(step, context)
    steps += updates.after()
    fetches = tuple(updates.fetch(node) for node in outputs[:count])
    texts = [launch.text for launch in launches(tuple(steps))]
    includes = (*INCLUDES, *context.program.includes)
    checks = tuple(context.program.checks)
    return DeviceProgram(unit(texts, includes), tuple(steps), fetches, checks)


def _leaf_place(node: Node) -> Place:
    """Where an input, a shared variable or a constant array lies."""
    origin = node
    if node.op == "shared":
        origin = node.attrs["state"]
    elif node.op == "constant":
        origin = node.attrs["value"]
    return Place(Pointer(Buffer(buffer_name(node), node.shape, node.dtype, origin)), node.dtype)


def lower_step(step: Step, context: Context) -> list[DeviceStep]:
    """The launches of a step."""
    if isinstance(step, Loop):
        return [lower_loop(step, context)]
    return list(LOWERINGS[step.kind](step, context))


def lower_loop(loop: Loop, context: Context) -> DeviceLoop:
    """A loop of launches: at each step those of the body."""
    stacks, finals = {}, {}
    for item in loop.items:
        (place,) = context.store(item)
        index = item.attrs["index"]
        (finals if index < len(loop.carries) else stacks)[index] = place.buffers[0]
    inner = Context(context.program, dict(context.places), loop=loop.scan)
    inner.counters = {**context.counters, loop.step: inner.step()}
    carries = []
    for k, (leaf, start) in enumerate(zip(loop.carries, loop.initial, strict=True)):
        name = f"{buffer_name(loop.scan)}/carry {k}"
        first, second, last = (Buffer(name, leaf.shape, leaf.dtype) for _ in range(3))
        initial = context.places[start].buffers[0]
        carry = Carry(initial, (first, second), finals.get(k, last))
        carries.append(carry)
        inner.places[leaf] = Place(CarryPointer(carry, write=False), leaf.dtype)
        new = Place(CarryPointer(carry, write=True), leaf.dtype)
        inner.sinks.setdefault(loop.outputs[k], []).append(new)
    for k, stack in stacks.items():
        place = Place(Pointer(stack), stack.dtype, step=inner.step())
        inner.sinks.setdefault(loop.outputs[k], []).append(place)
    steps: list[DeviceStep] = []
    for step in loop.steps:
        steps += lower_step(step, inner)
    # What a body hands on without computing it (an outer value, another carry).
    stored = {node for step in loop.steps for node in step.stores}
    for node in dict.fromkeys(loop.outputs):
        if node not in stored and node in inner.sinks:
            copy = Kernel("pointwise", (node,), (node,), node.shape)
            steps += lower_pointwise(copy, inner)
    attrs = loop.scan.attrs
    return DeviceLoop(loop.scan, attrs["length"], attrs["reverse"], tuple(carries), tuple(steps))
