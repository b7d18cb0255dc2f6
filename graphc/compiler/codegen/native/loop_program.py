"""Kernels that run as loop programs: the plain program of a kernel, by a mapping, as a launch.

`graphc.compiler.loops.build` makes the program and `graphc.compiler.targets` the function. Here the
places of values become its buffers, and what its parameters mean becomes the launch's arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from graphc.compiler.codegen.launch import (
    Argument,
    Buffer,
    CallSizes,
    CallStep,
    Check,
    Extent,
    Launch,
    LoopStep,
    Scratch,
    StatusWord,
    Word,
)
from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.codegen.signature import Place
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Dim, Size, Symbol, evaluate, symbols
from graphc.compiler.loops import buffer as arrays
from graphc.compiler.loops import value as values
from graphc.compiler.loops.build import KernelBuffers, Storage, build
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import LoopProgram, Parts, loads_of, transformed, walk
from graphc.compiler.loops.statement import Check as CheckStatement
from graphc.compiler.loops.statement import Let, Statement
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES, comment
from graphc.compiler.targets.cpu import printer
from graphc.compiler.targets.cpu.facts import this_machine
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.mapping import Mapping as TargetMapping

_ONE = (1, 1, 1)


def lower_by_mapping(
    kernel: Kernel, context: NativeContext, table: Sequence[TargetMapping]
) -> Launch | None:
    """Return the launch of a kernel as a loop program, by the first mapping of a table that
    applies; None where none does."""
    memory = _Memory(kernel, context)
    built = build(kernel, kernel.kind, memory.buffers)
    mapped = choose(built.program, this_machine(), table)
    if mapped.is_plain:
        return None
    name = context.name(kernel.kind)
    first = len(context.program.checks)
    context.program.checks += [Check(node, what) for node, what in built.checks]
    program = _checks_from(replace(mapped.program, name=name), first)
    program, nodes = _numbered_locals(program, built.nodes)
    printed = printer.print_program(program)
    context.program.includes.update(dict.fromkeys(printed.headers))
    reads = {one.memory for one in program.inputs} | _outputs_read(program)
    return Launch(
        name,
        kernel,
        printed.text,
        tuple(memory.argument(one, built.words) for one in printed.parameters),
        _ONE,
        _ONE,
        0,
        memory.behind(reads),
        memory.behind({one.memory for one in program.outputs}),
        context.notes,
        scratch=tuple(map(_scratch, range(len(printed.arrays)), printed.arrays)),
        how=_how(kernel, mapped),
        legend=tuple(memory.legend(printed.parameters)),
        names=nodes,
        code=printed.code,
    )


class _Memory:
    """The places of the values around a kernel, as the buffers of its program.

    Attributes:
        buffers: for `build`.
    """

    def __init__(self, kernel: Kernel, context: NativeContext):
        read = {node: context.places[node] for node in kernel.inputs if node in context.places}
        written = {node: tuple(context.store(node)) for node in kernel.outputs}
        stored = {place.pointer for places in written.values() for place in places}
        self._steps = {
            step: LoopVariable(f"step{number}")
            for number, step in enumerate(dict.fromkeys(context.counters.values()))
        }
        self._places: dict[str, Place] = {}
        self._wholes: dict[object, arrays.Buffer] = {}
        self._counts = {"x": 0, "y": 0}
        self._stored = stored
        steps = {
            node: (self._steps[step], _length(step)) for node, step in context.counters.items()
        }
        outputs = {
            node: tuple(self._storage(node, place) for place in places)
            for node, places in written.items()
        }
        inputs = {node: self._storage(node, place) for node, place in read.items()}
        self.buffers = KernelBuffers(inputs, outputs, steps)

    def _storage(self, node: Node, place: Place) -> Storage:
        shape = node.shape if place.step is None else (_length(place.step), *node.shape)
        whole = self._wholes.get(place.pointer)
        if whole is None:
            prefix = "y" if place.pointer in self._stored else "x"
            name = f"{prefix}{self._counts[prefix]}"
            self._counts[prefix] += 1
            whole = self._wholes[place.pointer] = arrays.new_buffer(name, place.dtype, shape)
            self._places[name] = place
        buffer = whole
        if shape != whole.shape:
            buffer = arrays.view(whole, f"{whole.name}_{len(self._wholes)}", shape)
        step = None if place.step is None else self._steps[place.step]
        return Storage(buffer, step, place.bit, guarded=False)

    def behind(self, memories: set[str]) -> tuple[Buffer, ...]:
        """Return the buffers of a program that memories may be."""
        found = [
            buffer
            for name, place in self._places.items()
            if name in memories
            for buffer in place.buffers
        ]
        return tuple(dict.fromkeys(found))

    def argument(self, one: printer.FunctionParameter, words: Mapping[str, int]) -> Argument:
        """Return what a launch gives for a parameter."""
        given = one.given
        if isinstance(given, arrays.Buffer):
            return self._places[given.memory].pointer
        if isinstance(given, Symbol):
            return Extent(Dim((((given,), 1),)))
        if isinstance(given, LoopVariable):
            return next(step for step, variable in self._steps.items() if variable is given)
        if isinstance(given, values.Argument):
            return Word(words[given.name]) if given.name in words else CallStep()
        return StatusWord()

    def legend(self, parameters: Sequence[printer.FunctionParameter]) -> list[str]:
        """Return a line for each parameter whose name does not say what it is."""
        found = []
        for one in parameters:
            if isinstance(one.given, arrays.Buffer):
                buffer = self._places[one.name].buffers[-1]
                shape = ", ".join(map(str, buffer.shape))
                found.append(f"{one.name}: {comment(buffer.name)} {buffer.dtype}[{shape}]")
            elif isinstance(one.given, Symbol) and (one.given,) != symbols(BATCH):
                found.append(f"{one.name}: the size {comment(one.given.name)}")
            elif isinstance(one.given, values.Argument) and one.given.dtype == "uint32":
                found.append(f"{one.name}: a seed or a stream of random words")
        return found


def _outputs_read(program: LoopProgram) -> set[str]:
    """Return the memories that a program writes and reads, too."""
    written = {one.memory for one in program.outputs}
    read = {load.buffer.memory for one in walk(program.body) for load in loads_of(one)}
    return written & read


def _length(step: LoopStep) -> Size:
    length: Size = step.scan.attrs["length"]
    return length


def _checks_from(program: LoopProgram, first: int) -> LoopProgram:
    """Return a program whose checks are numbered from `first` on."""

    def renumbered(one: Statement) -> tuple[Statement, ...]:
        return (
            (replace(one, number=one.number + first),)
            if isinstance(one, CheckStatement)
            else (one,)
        )

    return replace(program, body=transformed(program.body, renumbered)) if first else program


def _numbered_locals(
    program: LoopProgram, nodes: Mapping[str, Node]
) -> tuple[LoopProgram, dict[str, tuple[Node, ...]]]:
    """Return a program whose names of values count in the order of the text, as copies of
    statements have made new ones, and the node of each."""
    old = [one.local for one in walk(program.body) if isinstance(one, Let)]
    new = {local: values.Local(f"t{number}", local.dtype) for number, local in enumerate(old)}
    known: dict[str, tuple[Node, ...]] = {
        new[local].name: (nodes[local.first_name],) for local in old if local.first_name in nodes
    }

    def value(one: values.Value) -> values.Value:
        return new.get(one, one) if isinstance(one, values.Local) else one

    def statement(one: Statement) -> tuple[Statement, ...]:
        return (replace(one, local=new[one.local]),) if isinstance(one, Let) else (one,)

    body = transformed(Parts(value=value).in_body(program.body), statement)
    return replace(program, body=body), known


def _scratch(block: int, buffer: arrays.Buffer) -> Scratch:
    return Scratch(block, C_TYPES[buffer.dtype], partial(_elements, buffer.elements))


def _elements(count: Size, at: CallSizes) -> int:
    return evaluate(count, at.bindings)


def _how(kernel: Kernel, mapped: MappedProgram) -> str:
    extents = " x ".join(map(str, kernel.extents)) or "one"
    return f"{extents} elements, {' or '.join(mapped.names)}"
