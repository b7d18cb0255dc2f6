"""The loop programs of a function's kernels, for people.

>>> print(f.loop_programs(batch=32))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

from graphc.compiler.codegen.launch import DeviceLoop, DeviceProgram, DeviceStep
from graphc.compiler.codegen.table import quantity, wrapped
from graphc.compiler.graph import Node, State, Symbol, name_of, toposort
from graphc.compiler.graph.dim import Size, evaluate
from graphc.compiler.loops.buffer import Buffer, new_buffer
from graphc.compiler.loops.build import KernelBuffers, Storage, plain_program
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.measure import Measure, measure
from graphc.compiler.loops.program import LoopProgram, new_name
from graphc.compiler.loops.text import program_text
from graphc.compiler.schedule import Kernel, Loop, Step, make_schedule

Counters = Mapping[Node, tuple[LoopVariable, Size]]


@dataclass(frozen=True)
class KernelLoops:
    """A kernel as a loop program.

    Attributes:
        kind, layers: of the kernel.
        times: how often one call of the function runs it.
        program: its plain program.
        measured: the measure of the program at the sizes of the call.
    """

    kind: str
    layers: tuple[str, ...]
    times: int
    program: LoopProgram
    measured: Measure

    @property
    def head(self) -> str:
        """The layers, and what one run of the program does."""
        measured = self.measured
        facts = [
            f"{self.times} times" if self.times != 1 else "",
            quantity(int(measured.flops), "FLOP"),
            f"{quantity(int(measured.requested_bytes), 'B')} loaded and stored",
            f"{quantity(int(measured.compulsory_bytes), 'B')} at the fewest",
        ]
        layers = f"{', '.join(self.layers)}; " if self.layers else ""
        return f"{self.program.name}: {layers}{', '.join(filter(None, facts))}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "name": self.program.name,
            "kind": self.kind,
            "layers": list(self.layers),
            "times": self.times,
            "flops": self.measured.flops,
            "requested": self.measured.requested_bytes,
            "fewest": self.measured.compulsory_bytes,
            "program": program_text(self.program),
        }

    def __str__(self) -> str:
        return "\n".join([*wrapped(self.head, ""), program_text(self.program)])


class LoopPrograms(Sequence[KernelLoops]):
    """The kernels of a function as loop programs, in the order in which they run; prints as text.

    Attributes:
        title: whose they are.
        sizes: the number for each symbol, by name, at which they are measured.
    """

    def __init__(self, title: str, sizes: Mapping[str, int], kernels: Sequence[KernelLoops]):
        self.title = title
        self.sizes = dict(sizes)
        self._kernels = tuple(kernels)

    @overload
    def __getitem__(self, index: int) -> KernelLoops: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[KernelLoops]: ...

    def __getitem__(self, index: int | slice) -> Any:
        return self._kernels[index]

    def __len__(self) -> int:
        return len(self._kernels)

    def as_dict(self) -> dict[str, Any]:
        """Return the list as JSON has it."""
        kernels = [kernel.as_dict() for kernel in self]
        return {"title": self.title, "sizes": self.sizes, "kernels": kernels}

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {value}" for name, value in self.sizes.items())
        number = f"{len(self)} loop program{'s' if len(self) != 1 else ''}"
        head = f"{self.title}{f' ({sizes})' if sizes else ''}: {number}"
        return "\n\n".join([head, *map(str, self)])

    __repr__ = __str__


def loop_programs(
    program: DeviceProgram,
    states: Sequence[State],
    most_shared: int | None,
    bindings: Mapping[Symbol, int],
    title: str,
) -> LoopPrograms:
    """Return the kernels of a lowered program as plain loop programs.

    Args:
        program: the program; its kernels are named after its launches.
        states: the states that it updates; their new values are its last outputs.
        most_shared: as of the lowering.
        bindings: a number for each symbol of the program's sizes.
        title: whose kernels they are.
    """
    count = len(program.outputs) - len(states)
    shared = {x.attrs["state"]: x for x in toposort(program.outputs) if x.op == "shared"}
    updates = dict(zip(program.outputs[count:], states, strict=True))
    overwritten = {value: shared[state] for value, state in updates.items() if state in shared}
    schedule = make_schedule(program.outputs, overwritten, most_shared)
    names = _Names(updates, _launch_names(program.steps))
    found = []
    for kernel, counters, times in _kernels(schedule, {}, 1, bindings):
        plain = plain_program(kernel, names.kernel(kernel), names.buffers(kernel, counters))
        measured = measure(plain).at(bindings)
        found.append(KernelLoops(kernel.kind, kernel.layers, times, plain, measured))
    return LoopPrograms(title, {one.name: size for one, size in bindings.items()}, found)


def _kernels(
    steps: Sequence[Step], counters: Counters, times: int, bindings: Mapping[Symbol, int]
) -> Iterator[tuple[Kernel, Counters, int]]:
    """Yield the kernels of a schedule, with the steps of the loops around and how often one call
    runs them."""
    for step in steps:
        if isinstance(step, Loop):
            length = step.scan.attrs["length"]
            inner = {**counters, step.step: (LoopVariable(f"step{len(counters)}"), length)}
            yield from _kernels(step.steps, inner, times * evaluate(length, bindings), bindings)
        else:
            yield step, counters, times


def _launch_names(steps: Sequence[DeviceStep]) -> dict[tuple[Node, ...], str]:
    """Return the name of the first launch of each kernel, by what the kernel stores."""
    found: dict[tuple[Node, ...], str] = {}
    for step in steps:
        if isinstance(step, DeviceLoop):
            inside = _launch_names(step.steps)
        else:
            inside = {step.kernel.outputs: step.name} if step.kernel is not None else {}
        for outputs, name in inside.items():
            found.setdefault(outputs, name)
    return found


class _Names:
    """The names of kernels, and of the values that they read and write."""

    def __init__(self, updates: Mapping[Node, State], launches: Mapping[tuple[Node, ...], str]):
        self._updates = updates
        self._launches = launches
        self._names: dict[Node, str] = {}
        self._bits: dict[Node, tuple[Node, int]] = {}
        self._values = 0

    def kernel(self, kernel: Kernel) -> str:
        """Return the name of a kernel: that of its first launch, or else of its kind."""
        return self._launches.get(kernel.outputs, kernel.kind)

    def buffers(self, kernel: Kernel, counters: Counters) -> KernelBuffers:
        """Return a buffer for each value around a kernel."""
        inputs = {node: self._storage(node) for node in kernel.inputs}
        outputs = {node: (self._stored(node),) for node in kernel.outputs}
        return KernelBuffers(inputs, outputs, counters)

    def _stored(self, node: Node) -> Storage:
        if node.op == "pack_bools":
            self._bits.update({x: (node, bit) for bit, x in enumerate(node.inputs)})
        return replace(self._storage(node), guarded=node in self._updates)

    def _storage(self, node: Node) -> Storage:
        if node in self._bits:
            byte, bit = self._bits[node]
            return replace(self._storage(byte), bit=bit)
        return Storage(self._buffer(node))

    def _buffer(self, node: Node) -> Buffer:
        if node not in self._names:
            self._names[node] = new_name(self._names.values(), self._name(node))
        return new_buffer(self._names[node], node.dtype, node.shape)

    def _name(self, node: Node) -> str:
        """Return what a value is called: by its user, or v0, v1, ... in the order of storing."""
        if node in self._updates:
            return f"new_{_identifier(self._updates[node].name or 'state')}"
        name = node.attrs["state"].name if node.op == "shared" else name_of(node)
        if node.op in ("input", "shared", "constant") and name:
            return _identifier(name)
        if node.op == "constant":
            return "constant"
        self._values += 1
        return f"v{self._values - 1}"


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
