"""Loops of launches that run once a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphc.compiler.graph import Node
from graphc.compiler.lowering.context import Context, arena_place, buffer_name
from graphc.compiler.lowering.place import Place
from graphc.compiler.program.launch import (
    Carry,
    CarryPointer,
    DeviceBuffer,
    DeviceLoop,
    DeviceStep,
    LoopStep,
    Pointer,
)
from graphc.compiler.schedule import Kernel, Loop, Step
from graphc.compiler.schedule.persistent import is_literal

LowerStep = Callable[[Step, Context], list[DeviceStep]]


def lower_scan(loop: Loop, context: Context, lower_step: LowerStep) -> list[DeviceStep]:
    """A loop of launches: at each step those of the body. Around it copies, where what the loop
    reads or writes lies within something else. `lower_step` lowers the steps of the body."""
    before: list[DeviceStep] = []
    starts = [_whole(node, context, before, lower_step) for node in loop.initial]
    values = {item: _result(item, context) for item in loop.items}
    buffers = {item.attrs["index"]: place.buffers[0] for item, place in values.items()}
    outside = {node: place for node, place in context.places.items() if not is_literal(node)}
    step_number = LoopStep(loop.scan)
    counters = {**context.counters, loop.step: step_number}
    inner = replace(context, places=outside, sinks={}, counters=counters, inputs={})
    carries = []
    for k, (leaf, start) in enumerate(zip(loop.carries, starts, strict=True)):
        name = f"{buffer_name(loop.scan)}/carry {k}"
        first, second, last = (DeviceBuffer(name, leaf.shape, leaf.dtype) for _ in range(3))
        carry = Carry(start, (first, second), buffers.get(k, last))
        carries.append(carry)
        inner.places[leaf] = Place(CarryPointer(carry, write=False), leaf.dtype)
        new = Place(CarryPointer(carry, write=True), leaf.dtype)
        inner.sinks.setdefault(loop.outputs[k], []).append(new)
    for k, stack in buffers.items():
        if k >= len(carries):
            place = Place(Pointer(stack), stack.dtype, step=step_number)
            inner.sinks.setdefault(loop.outputs[k], []).append(place)
    steps: list[DeviceStep] = []
    for step in loop.steps:
        steps += lower_step(step, inner)
    # What a body hands on without computing it (an outer value, another carry).
    stored = {node for step in loop.steps for node in step.stores}
    for node in dict.fromkeys(loop.outputs):
        if node not in stored and node in inner.sinks:
            steps += _copy(node, inner, lower_step)
    after: list[DeviceStep] = []
    for item, place in values.items():
        if context.sinks[item] != [place]:
            context.places[item] = place
            after += _copy(item, context, lower_step)
    attrs = loop.scan.attrs
    device_loop = DeviceLoop(
        loop.scan, attrs["length"], attrs["reverse"], tuple(carries), tuple(steps)
    )
    return [*before, device_loop, *after]


def _copy(node: Node, context: Context, lower_step: LowerStep) -> list[DeviceStep]:
    """A value from its place to its sinks."""
    return lower_step(Kernel("pointwise", (node,), (node,), node.shape), context)


def _is_whole(place: Place) -> bool:
    """Whether a place is a buffer of its own: no slice of a stack, no carry, no state."""
    return isinstance(place.pointer, Pointer) and place.step is None and not place.guarded


def _whole(
    node: Node, context: Context, copies: list[DeviceStep], lower_step: LowerStep
) -> DeviceBuffer:
    """The buffer that holds a value alone, a copy of it where there is none."""
    place = context.places[node]
    if not _is_whole(place):
        sinks = context.sinks.get(node)
        context.sinks[node] = [arena_place(buffer_name(node), node)]
        copies += _copy(node, context, lower_step)
        (copied,) = context.sinks.pop(node)
        context.places[node] = place
        if sinks is not None:
            context.sinks[node] = sinks
        place = copied
    return place.buffers[0]


def _result(item: Node, context: Context) -> Place:
    """Where the loop writes one of its values: the item's sink, or if that is not a buffer of its
    own (it belongs to the loop around) one to copy from."""
    sinks = context.store(item)
    if len(sinks) == 1 and _is_whole(sinks[0]):
        return sinks[0]
    return arena_place(buffer_name(item), item)
