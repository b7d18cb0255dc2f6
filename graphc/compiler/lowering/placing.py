"""Where the new values of states are written: over the old ones where that is safe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.compiler.graph import Node, State
from graphc.compiler.graph.dim import product
from graphc.compiler.graph.ops import OPS
from graphc.compiler.lowering.context import Context, arena_place, buffer_name
from graphc.compiler.lowering.loops import LowerStep
from graphc.compiler.lowering.place import Place
from graphc.compiler.program.launch import DeviceBuffer, DeviceStep, Pointer
from graphc.compiler.schedule import Kernel, Step, kernels
from graphc.compiler.schedule.clipped import in_any_order, is_clipped


class Updates:
    """The states that a program updates.

    All right sides read old values. A new value is written over the old one by the kernel that
    computes it if no later kernel reads the old one, and that one reads no more of it than each
    thread its own element; and if neither this kernel nor a later one tests an index that was not
    tested before, since the test could fail after the write. Else a last launch copies it.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        fetched: Sequence[Node],
        values: Sequence[Node],
        states: Sequence[State],
        context: Context,
        lower_step: LowerStep,
    ):
        """`lower_step` makes the launches of the kernels that copy."""
        self._context = context
        self._lower_step = lower_step
        self._copies: list[tuple[Node, Place]] = []
        shared = {node.attrs["state"]: node for node in context.places if node.op == "shared"}
        places = {state: _state_place(state, shared, context) for state in states}
        last_reader: dict[Node, int] = {}
        producer: dict[Node, int] = {}
        for position, step in enumerate(steps):
            last_reader.update(dict.fromkeys(step.inputs, position))
            producer.update(dict.fromkeys(step.stores, position))
        # The old value of a state that is fetched, or that becomes another state's new one.
        old = {shared[state] for state in states if state in shared}
        self._staged = [node for node in dict.fromkeys((*fetched, *values)) if node in old]
        self._fetched = {node: arena_place(buffer_name(node), node) for node in self._staged}
        tested: list[set[tuple[Any, ...]]] = [set()]  # what the steps before each one have tested
        for step in steps:
            tested.append(tested[-1].union(*map(_tests, kernels([step]))))
        for value, state in zip(values, states, strict=True):
            node = shared.get(state)
            made = producer.get(value, -1)  # the step that makes it; a leaf has none
            writer = steps[made] if made >= 0 else None
            over = (
                isinstance(writer, Kernel)
                and (node is None or last_reader.get(node, -1) <= made)
                and value not in fetched
                and tested[-1] <= tested[made]
                and not (writer.kind == "gather" and _tests(writer))
                and _writes_safely(writer, value, node)
            )
            if over:
                context.sinks.setdefault(value, []).append(places[state])
            else:
                self._copies.append((value, places[state]))

    def before(self) -> list[DeviceStep]:
        """Copies of old values that are needed after they are overwritten."""
        found: list[DeviceStep] = []
        for node in self._staged:
            copy = Kernel("pointwise", (node,), (node,), node.shape)
            read = self._context.places[node]
            self._context.sinks[node] = [self._fetched[node]]
            found += self._lower_step(copy, self._context)
            self._context.places[node] = read
        return found

    def after(self) -> list[DeviceStep]:
        """The copies of new values to their states."""
        parts: dict[Node, Kernel] = {}
        for value, place in self._copies:
            if value in self._fetched:
                self._context.places[value] = self._fetched[value]
            if value not in parts:
                parts[value] = Kernel("pointwise", (value,), (value,), value.shape)
                self._context.sinks[value] = []
            self._context.sinks[value].append(place)
            self._fetched.setdefault(value, self._context.places[value])
        if not parts:
            return []
        values = tuple(parts)
        whole = Kernel("update", values, values, (), parts=tuple(parts.values()))
        return self._lower_step(whole, self._context)

    def fetch(self, node: Node) -> DeviceBuffer:
        """Where an output of the program lies when all is done."""
        return self._fetched.get(node, self._context.places[node]).buffers[0]


def _state_place(state: State, shared: dict[State, Node], context: Context) -> Place:
    if state in shared:
        place = context.places[shared[state]]
        return Place(place.pointer, place.dtype, guarded=True)
    buffer = DeviceBuffer(state.name or "shared", state.shape, state.dtype, state)
    return Place(Pointer(buffer), state.dtype, guarded=True)


def _tests(kernel: Kernel) -> set[tuple[Any, ...]]:
    """The indices whose range a kernel tests, each with the range."""
    gathers = {
        (in_any_order(node.inputs[1]), node.inputs[0].shape[node.attrs["axis"]])
        for node in kernel.body
        if node.op == "gather"
    }
    scatters = {
        (in_any_order(node.inputs[0]), node.attrs["size"])
        for node in kernel.body
        if node.op == "scatter_add"
    }
    return {test for test in gathers | scatters if not is_clipped(*test)}


def _writes_safely(kernel: Kernel, value: Node, old: Node | None) -> bool:
    """Whether each thread reads of `old` only the element that it overwrites with `value`, and not
    after it has: where several passes go over a row, a later one may read it again."""
    for part in kernel.parts or (kernel,):
        if old not in part.inputs:
            continue
        if value not in part.outputs:
            return False
        by_element = part.reduced and product(value.shape) == product(part.extents)
        passes = _passes_before(part) if by_element else {}
        touched = {old}
        for node in part.body:
            if any(x in touched for x in node.inputs):
                if OPS[node.op].family != "pointwise" and node.op != "reshape":
                    return False
                if passes.get(node, 0) > passes.get(value, 0):
                    return False
                touched.add(node)
    return True


def _passes_before(kernel: Kernel) -> dict[Node, int]:
    """How many passes over a row end before each node of a kernel's body can be computed."""
    found: dict[Node, int] = {}
    for node in kernel.body:
        before = max((found.get(x, 0) for x in node.inputs), default=0)
        found[node] = before + (node in kernel.anchors)
    return found
