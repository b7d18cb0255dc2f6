"""The loop programs of a function's kernels, for people.

>>> print(f.loop_programs(batch=32))
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

from graphc.compiler.graph import Node, State, Symbol, name_of, toposort
from graphc.compiler.graph.dim import Size, evaluate
from graphc.compiler.loops.buffer import Buffer, new_buffer
from graphc.compiler.loops.build import (
    KernelBuffers,
    Storage,
    build_scan,
    plain_program,
    with_repeated_checks,
)
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.measure import Measure, measure
from graphc.compiler.loops.program import LoopProgram, new_name
from graphc.compiler.loops.text import program_text
from graphc.compiler.lowering.cpu.loop import SharedLoop
from graphc.compiler.lowering.mapped import rows_of_a_thread
from graphc.compiler.program.launch import DeviceLoop, DeviceProgram, DeviceStep, Launch, layouts
from graphc.compiler.program.table import quantity, wrapped
from graphc.compiler.schedule import Kernel, Loop
from graphc.compiler.schedule.persistent import is_literal
from graphc.compiler.targets.mapping import PLAIN, MappedProgram, choose
from graphc.compiler.targets.mapping import Mapping as TargetMapping
from graphc.compiler.targets.target import Target

Counters = Mapping[Node, tuple[LoopVariable, Size]]
MappingTable = Mapping[str, Sequence[TargetMapping]]


@dataclass(frozen=True)
class KernelLoops:
    """A kernel as a loop program.

    Attributes:
        kind, layers: of the kernel.
        times: how often one call of the function runs it.
        program: its plain program.
        measured: the measure of the program at the sizes of the call.
        mapped: the program as it runs on the target, if the target has mappings for the kind.
    """

    kind: str
    layers: tuple[str, ...]
    times: int
    program: LoopProgram
    measured: Measure
    mapped: MappedProgram | None = None

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
            "mapping": self._mapping,
            "refusals": dict(() if self.mapped is None else self.mapped.refusals),
            "mapped": None if self.mapped is None else program_text(self.mapped.program),
        }

    def __str__(self) -> str:
        lines = [*wrapped(self.head, ""), program_text(self.program)]
        if self.mapped is not None:
            is_mapped = self.mapped.names != (PLAIN,)
            how = f"as it runs, by the mapping {self._mapping}:" if is_mapped else "not mapped:"
            lines += wrapped(how, "")
            for name, reason in self.mapped.refusals:
                lines += wrapped(f"not by {name}: {reason}", "  ")
            if self.mapped.program is not self.program:
                lines.append(program_text(self.mapped.program))
        return "\n".join(lines)

    @property
    def _mapping(self) -> str | None:
        return None if self.mapped is None else " or ".join(self.mapped.names)


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
    bindings: Mapping[Symbol, int],
    title: str,
    machine: Target,
    tables: Sequence[MappingTable],
) -> LoopPrograms:
    """Return the kernels of a lowered program as loop programs.

    Args:
        program: the program; its kernels are named after their first launches.
        states: the states that it updates; their new values are its last outputs.
        bindings: a number for each symbol of the program's sizes.
        title: whose kernels they are.
        machine: what the program runs on.
        tables: the mappings of the target, by the kind of a kernel; then those of the rows of one
            thread, where threads divide those of a loop.
    """
    count = len(program.outputs) - len(states)
    names = _Names(dict(zip(program.outputs[count:], states, strict=True)))
    outside = layouts([one for one in program.steps if isinstance(one, Launch)])
    runs: dict[Kernel | Loop, _Run] = {}
    for run in _runs(program.steps, _Around(())):
        if run.kernel not in outside:  # panels are a layout that plain programs do not have
            runs.setdefault(run.kernel, run)
    found = []
    for kernel, run in runs.items():
        plain = _plain(run, names.buffers(kernel, run.counters))
        found.append(
            KernelLoops(
                kernel.kind,
                kernel.layers,
                math.prod(evaluate(length, bindings) for length in run.around.lengths),
                plain,
                measure(plain).at(bindings),
                _mapped(plain, run, machine, tables),
            )
        )
    sizes = {symbol.name: size for symbol, size in bindings.items()}
    return LoopPrograms(title, sizes, found)


def _plain(run: _Run, buffers: KernelBuffers) -> LoopProgram:
    """Return the plain program of a kernel, or of a loop that one launch runs whole."""
    if isinstance(run.kernel, Loop):
        return build_scan(run.kernel, run.name, buffers).program
    return with_repeated_checks(plain_program(run.kernel, run.name, buffers))


def _mapped(
    plain: LoopProgram, run: _Run, machine: Target, tables: Sequence[MappingTable]
) -> MappedProgram | None:
    """Return a program as it runs; None where no mapping is for it."""
    around, (whole, *of_rows) = run.around, tables
    if around.rows is None:
        table, program = whole.get(run.kernel.kind), plain
    else:
        table = of_rows[0].get(run.kernel.kind)
        of_a_thread = rows_of_a_thread(plain, around.rows)
        program = plain if of_a_thread is None else of_a_thread
    return None if table is None else choose(program, machine, table)


@dataclass(frozen=True)
class _Around:
    """The loops around a launch.

    Attributes:
        lengths: their numbers of steps, the outermost first.
        rows: of one of them whose rows threads divide, how many they have together.
    """

    lengths: tuple[Size, ...]
    rows: Size | None = None


@dataclass(frozen=True)
class _Run:
    """A kernel, or a loop that one launch runs whole, with the name of a launch that computes it
    and the loops around."""

    kernel: Kernel | Loop
    name: str
    around: _Around

    @property
    def counters(self) -> Counters:
        """The variable of each leaf that stands for the number of a step, and what it is below."""
        free = list(range(len(self.around.lengths)))
        found: dict[Node, tuple[LoopVariable, Size]] = {}
        body, own = self._body, None
        if isinstance(self.kernel, Loop):
            own = self.kernel.step
            length = self.kernel.scan.attrs["length"]
            found[own] = LoopVariable(f"step{len(free)}"), length
        for leaf in body:
            if leaf.op != "input" or leaf is own:
                continue
            sizes = [
                node.inputs[0].shape[node.attrs["axis"]]
                for node in body
                if node.op == "gather" and node.inputs[1] is leaf
            ]
            fitting = [depth for depth in free if self.around.lengths[depth] in sizes]
            depth = (fitting or free)[-1]
            free.remove(depth)
            found[leaf] = LoopVariable(f"step{depth}"), self.around.lengths[depth]
        return found

    @property
    def _body(self) -> Sequence[Node]:
        if not isinstance(self.kernel, Loop):
            return self.kernel.body
        outside = {*self.kernel.inputs, *self.kernel.carries}
        return [x for x in toposort(self.kernel.needed, stop=outside) if x not in outside]


def _runs(steps: Sequence[DeviceStep], around: _Around) -> Iterator[_Run]:
    for step in steps:
        if isinstance(step, DeviceLoop):
            rows = step.rows if isinstance(step, SharedLoop) else around.rows
            inside = replace(around, lengths=(*around.lengths, step.length), rows=rows)
            yield from _runs(step.steps, inside)
        else:
            yield _Run(step.kernel, step.name, around)


class _Names:
    """The names of the values that kernels read and write."""

    def __init__(self, updates: Mapping[Node, State]):
        self._updates = updates
        self._names: dict[Node, str] = {}
        self._bits: dict[Node, tuple[Node, int]] = {}
        self._values = 0

    def buffers(self, kernel: Kernel | Loop, counters: Counters) -> KernelBuffers:
        """Return a buffer for each value around a kernel, or a loop."""
        read = [node for node in kernel.inputs if not is_literal(node)]
        inputs = {node: self._storage(node) for node in read}
        outputs = {node: (self._stored(node, node in inputs),) for node in kernel.stores}
        return KernelBuffers(inputs, outputs, counters)

    def _stored(self, node: Node, is_copy: bool) -> Storage:
        if is_copy:
            state = self._updates.get(node)
            name = f"copy_of_{self._buffer(node).name}" if state is None else state.name
            return Storage(new_buffer(_identifier(name or "state"), node.dtype, node.shape))
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
            self._names[node] = new_name(set(self._names.values()), self._name(node))
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
