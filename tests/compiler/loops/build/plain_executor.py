"""Runs a schedule by the plain programs of its kernels, which the evaluator computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from graphc.compiler.graph import CallStep, Node, Symbol, every_node
from graphc.compiler.graph.binding import bind
from graphc.compiler.graph.dim import Size
from graphc.compiler.graph.dim import evaluate as evaluate_size
from graphc.compiler.interpret.program import Program
from graphc.compiler.interpret.sequential import sequential
from graphc.compiler.loops.buffer import new_buffer
from graphc.compiler.loops.build import (
    BuiltKernel,
    KernelBuffers,
    Storage,
    buffers_of,
    build,
    build_scan,
)
from graphc.compiler.loops.evaluate import FailedCheck, TurnOrder, evaluate
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.schedule import Kernel, Loop, Step, kernels, make_schedule
from graphc.errors import IndexRangeError

Counters: TypeAlias = Mapping[Node, tuple[LoopVariable, Size]]


@dataclass
class Memory:
    """The values that are there: arrays, and of bools that share a byte that one and a bit."""

    arrays: dict[Node, np.ndarray] = field(default_factory=dict)
    bits: dict[Node, tuple[Node, int]] = field(default_factory=dict)

    def store(self, node: Node, array: np.ndarray) -> None:
        self.arrays[node] = array
        if node.op == "pack_bools":
            self.bits.update({x: (node, bit) for bit, x in enumerate(node.inputs)})


class PlainExecutor:
    """A graph as plain programs.

    Attributes:
        kernels: those of its schedule.
        order: who of several agents is run first.
    """

    def __init__(self, outputs: Sequence[Node], most_shared: int | None = 0):
        self.order = TurnOrder.FORWARD
        self._outputs = tuple(outputs)
        self._steps = make_schedule(outputs, most_shared=most_shared)
        self.kernels = kernels(self._steps)
        self._programs: dict[Kernel | Loop, BuiltKernel] = {}

    def run(
        self, feeds: Mapping[Node, np.ndarray], bindings: Mapping[Symbol, int], call_step: CallStep
    ) -> list[np.ndarray]:
        """Return the outputs."""
        memory = Memory(dict(feeds))
        for node in every_node(self._outputs):
            if node.op == "constant":
                memory.arrays[node] = node.attrs["value"]
            elif node.op == "shared":
                memory.arrays[node] = node.attrs["state"].get()
        self._run(self._steps, memory, {}, {}, bindings, call_step.value)
        return [memory.arrays[node] for node in self._outputs]

    def _run(
        self,
        steps: Iterable[Step],
        memory: Memory,
        counters: Counters,
        indices: Mapping[str, int],
        sizes: Mapping[Symbol, int],
        call_step: int,
    ) -> None:
        for step in steps:
            if isinstance(step, Loop) and not step.persistent:
                self._run_loop(step, memory, counters, indices, sizes, call_step)
            else:
                self._run_kernel(step, memory, counters, indices, sizes, call_step)

    def _run_loop(
        self,
        loop: Loop,
        memory: Memory,
        counters: Counters,
        indices: Mapping[str, int],
        sizes: Mapping[Symbol, int],
        call_step: int,
    ) -> None:
        length = evaluate_size(loop.scan.attrs["length"], sizes)
        variable = LoopVariable(f"step{len(counters)}")
        inner = {**counters, loop.step: (variable, loop.scan.attrs["length"])}
        order = range(length - 1, -1, -1) if loop.scan.attrs["reverse"] else range(length)
        stacks: dict[int, dict[int, np.ndarray]] = {}
        carried = [memory.arrays[node] for node in loop.initial]
        for step in order:
            own = Memory({**memory.arrays}, {**memory.bits})
            own.arrays.update(zip(loop.carries, carried, strict=True))
            self._run(loop.steps, own, inner, {**indices, variable.name: step}, sizes, call_step)
            carried = [own.arrays[node] for node in loop.outputs[: len(loop.carries)]]
            for k, node in enumerate(loop.outputs[len(loop.carries) :], len(loop.carries)):
                if node in own.arrays:
                    stacks.setdefault(k, {})[step] = own.arrays[node]
        for item in loop.items:
            k = item.attrs["index"]
            value = (
                carried[k] if k < len(carried) else np.stack([stacks[k][s] for s in range(length)])
            )
            memory.store(item, value)

    def _mapped(self, kernel: Kernel | Loop, program: LoopProgram) -> LoopProgram:
        """Return what is evaluated in the place of the plain program of a kernel."""
        return program

    def _run_kernel(
        self,
        kernel: Kernel | Loop,
        memory: Memory,
        counters: Counters,
        indices: Mapping[str, int],
        sizes: Mapping[Symbol, int],
        call_step: int,
    ) -> None:
        if isinstance(kernel, Loop):
            variable = LoopVariable(f"step{len(counters)}")
            counters = {**counters, kernel.step: (variable, kernel.scan.attrs["length"])}
        buffers = packed(buffers_of(kernel, counters), memory.bits)
        if kernel not in self._programs:
            name = f"k{len(self._programs)}"
            made = (
                build_scan(kernel, name, buffers)
                if isinstance(kernel, Loop)
                else build(kernel, name, buffers)
            )
            self._programs[kernel] = replace(made, program=self._mapped(kernel, made.program))
        built = self._programs[kernel]
        arrays = {}
        for node, storage in buffers.inputs.items():
            source = memory.bits[node][0] if storage.bit is not None else node
            arrays[storage.buffer.memory] = memory.arrays[source]
        names = {one.name for one in built.program.arguments}
        arguments = {**built.words, **({"call_step": call_step} if "call_step" in names else {})}
        read = {buffer.memory for buffer in built.program.inputs}
        given = {one.name: indices[one.name] for one, _ in built.program.indices}
        arrays = {name: array for name, array in arrays.items() if name in read}
        found = evaluate(
            built.program, arrays, sizes, arguments=arguments, indices=given, order=self.order
        )
        if found.status is not None:
            raise self._index_error(built, found.status, memory, sizes)
        for node, (storage,) in buffers.outputs.items():
            name = storage.buffer.memory
            assert found.stored[name].all(), f"{kernel.kind}: elements of {name} are not stored"
            shape = tuple(evaluate_size(size, sizes) for size in node.shape)
            memory.store(node, found.outputs[name].reshape(shape))

    def _index_error(
        self,
        built: BuiltKernel,
        status: FailedCheck,
        memory: Memory,
        sizes: Mapping[Symbol, int],
    ) -> IndexRangeError:
        node, _ = built.checks[status.number]
        indices, size = (
            (node.inputs[1], node.inputs[0].shape[node.attrs["axis"]])
            if node.op == "gather"
            else (node.inputs[0], node.attrs["size"])
        )
        array = memory.arrays[indices]
        place = tuple(map(int, np.unravel_index(status.position, array.shape)))
        last = evaluate_size(size, sizes) - 1
        return IndexRangeError(
            f"index {array[place]} at position {place} of the indices is outside of the axis; "
            f"expected 0 to {last}"
        )


def scheduled_kernels(
    steps: Iterable[Step], counters: Counters = MappingProxyType({})
) -> Iterator[tuple[Kernel, Counters]]:
    """Yield all kernels of a schedule, each with the counters of the loops around it."""
    for step in steps:
        if isinstance(step, Loop):
            variable = LoopVariable(f"step{len(counters)}")
            inner = {**counters, step.step: (variable, step.scan.attrs["length"])}
            yield from scheduled_kernels(step.steps, inner)
        else:
            yield step, counters


def packed(buffers: KernelBuffers, bits: Mapping[Node, tuple[Node, int]]) -> KernelBuffers:
    """Return where values lie if some are bits of a byte, which one buffer has."""
    bytes_: dict[Node, Storage] = {}
    inputs = {}
    for node, storage in buffers.inputs.items():
        if node not in bits:
            inputs[node] = storage
            continue
        byte, bit = bits[node]
        whole = bytes_.setdefault(
            byte, Storage(new_buffer(storage.buffer.name, "uint8", byte.shape))
        )
        inputs[node] = replace(whole, bit=bit)
    return replace(buffers, inputs=inputs)


def both(
    outputs: Sequence[Node],
    feeds: Mapping[Node, np.ndarray],
    call_step: int = 0,
    program: PlainExecutor | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each output what its plain programs give, and what the interpreter does whose sums add
    one term after the other, as theirs do."""
    bindings = bind(list(feeds), list(feeds.values()))
    executor = program or PlainExecutor(outputs)
    ours = executor.run(feeds, bindings, CallStep(call_step))
    theirs = Program(outputs, table=sequential(0)).run(feeds, bindings, call_step)
    for one, another in zip(ours, theirs, strict=True):
        assert (one.shape, one.dtype) == (another.shape, another.dtype)
    return list(zip(ours, theirs, strict=True))
