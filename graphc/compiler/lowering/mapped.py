"""Kernels that run as loop programs: what all targets share between a kernel and its launch.

`graphc.compiler.loops.build` makes the plain program of a kernel, a mapping of the target the one
that runs, and the target's printer the function. Here the places of values become its buffers, and
what its parameters mean becomes the launch's arguments.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Dim, Size, Symbol, exact_quotient, symbols
from graphc.compiler.loops import buffer as arrays
from graphc.compiler.loops import value as values
from graphc.compiler.loops.build import (
    BuiltKernel,
    KernelBuffers,
    Storage,
    build,
    build_scan,
    with_repeated_checks,
)
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.launches import launches_of, workspaces_of
from graphc.compiler.loops.program import LoopProgram, Parts, loads_of, transformed, walk
from graphc.compiler.loops.rewrites.loops.enclose import enclose
from graphc.compiler.loops.rewrites.loops.part import part
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import Allocate, Check, For, Let, Statement
from graphc.compiler.lowering.context import Context, buffer_name, workspace
from graphc.compiler.lowering.place import Place
from graphc.compiler.program.launch import (
    Argument,
    CallNumber,
    DeviceBuffer,
    DeviceCheck,
    Formula,
    Launch,
    LoopStep,
    Scratch,
    ShareLimit,
    SizeArgument,
    StatusPointer,
    Traffic,
    Within,
    Word,
)
from graphc.compiler.schedule.kernel import Kernel, Loop
from graphc.compiler.targets.c_text import comment
from graphc.compiler.targets.mapping import MappedProgram
from graphc.compiler.targets.mapping import Mapping as TargetMapping
from graphc.compiler.targets.printer import PrintedFunction
from graphc.compiler.targets.signature import FunctionParameter
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError


@dataclass(frozen=True)
class MappedKernel:
    """A kernel as it runs on a target.

    Attributes:
        kernel: the kernel.
        plain: its plain program.
        mapped: the program by a mapping, and which mapping that is.
        program: the same under its name, with checks and values numbered as in the text.
        memory: the places of its buffers.
        words: the values of arguments that are known.
        nodes: of each value that the program names, the nodes that it is an element of.
        runs: of a program for some sizes of a call alone, the grid of its launch in x: 1 at these
            and else 0.
    """

    kernel: Kernel | Loop
    plain: LoopProgram
    mapped: MappedProgram
    program: LoopProgram
    memory: Memory
    words: Mapping[str, int]
    nodes: Mapping[str, tuple[Node, ...]]
    runs: Within | None = None

    def launch(
        self,
        printed: PrintedFunction,
        grid: tuple[Formula, Formula, Formula],
        block: tuple[int, int, int],
        notes: Sequence[str] = (),
        traffic: Sequence[Traffic] = (),
        scratch: Sequence[Scratch] = (),
        shared: int = 0,
    ) -> Launch:
        """Return the launch of the function that the program has become; arguments as of it."""
        program, memory = self.program, self.memory
        given = set(printed.lines.values())
        reads = {one.memory for one in program.inputs} | _outputs_read(program)
        return Launch(
            program.name,
            self.kernel,
            printed.text,
            tuple(memory.argument(one, self.words) for one in printed.parameters),
            grid,
            block,
            shared,
            memory.behind(reads),
            memory.behind({one.memory for one in program.outputs}),
            tuple(notes),
            traffic,
            tuple(scratch),
            how=self._how,
            legend=tuple(memory.legend(printed.parameters)),
            names={name: nodes for name, nodes in self.nodes.items() if name in given},
            code=printed.code,
            lines=printed.lines,
            declared=tuple(one.declared for one in printed.parameters),
        )

    def in_launches(self, context: Context) -> list[MappedKernel]:
        """Return the same as a kernel for each launch, in their order: one ends at a barrier of all
        blocks. What one leaves for another in global memory has buffers in the arena from now on.

        Args:
            context: of the program; the names of further functions are taken there.
        """
        first, *others = launches_of(self.program)
        if not others:
            return [self]
        for buffer in workspaces_of(self.program):
            self.memory.add_workspace(buffer)
        named = (replace(one, name=context.name(self.kernel.kind)) for one in others)
        return [replace(self, program=one) for one in (first, *named)]

    @property
    def _how(self) -> str:
        by = " or ".join(self.mapped.names)
        if isinstance(self.kernel, Loop):
            return f"all {self.kernel.scan.attrs['length']} steps in one launch, {by}"
        if self.kernel.parts:
            return f"{len(self.kernel.parts)} parts, {by}"
        extents = " x ".join(map(str, self.kernel.extents)) or "one"
        sizes = "" if self.runs is None else f", where {self.runs.condition}"
        return f"{extents} elements, {by}{sizes}"


def mapped_kernel(
    kernel: Kernel,
    context: Context,
    target: Target,
    table: Sequence[TargetMapping],
    rows: Size | None = None,
) -> MappedKernel | None:
    """Return a kernel as a loop program by the first mapping of a table that applies; None where
    none does.

    A program whose check fails returns, so no state is guarded.

    Args:
        kernel: the kernel.
        context: of the program; the function's name and its checks are taken there.
        target: what it runs on.
        table: of the target, for the kind of the kernel.
        rows: in a loop that threads divide, how many rows they have together: the program computes
            those of one thread. None where it computes all.
    """
    memory = Memory(kernel, context, is_guarded=False)
    built = build(kernel, kernel.kind, memory.buffers)
    plain = built.program if rows is None else rows_of_a_thread(built.program, rows)
    if plain is None:
        return None
    mapped = context.program.choose(plain, target, table)
    if mapped.is_plain:
        return None
    first = _with_checks(built, context)
    program, nodes = _numbered(built, first, mapped.program, context.name(kernel.kind))
    return MappedKernel(kernel, plain, mapped, program, memory, built.words, nodes)


def mapped_kernels(
    kernel: Kernel | Loop, context: Context, target: Target, table: Sequence[TargetMapping]
) -> list[MappedKernel]:
    """Return a kernel as a loop program by the first mapping of a table that applies; nothing where
    none does. Of one for some sizes of a call, and one for the others, each is a kernel of its own.

    A state is written only while no check has failed. Args are as of `mapped_kernel`.
    """
    memory = Memory(kernel, context, is_guarded=True)
    if isinstance(kernel, Loop):
        built = build_scan(kernel, kernel.kind, memory.buffers)
    else:
        built = build(kernel, kernel.kind, memory.buffers)
        built = replace(built, program=with_repeated_checks(built.program))
    mapped = context.program.choose(built.program, target, table)
    if mapped.is_plain:
        return []
    first = _with_checks(built, context)
    found = []
    for one, runs in _variants(mapped) if mapped.conditions else ((mapped, None),):
        program, nodes = _numbered(built, first, one.program, context.name(kernel.kind))
        found.append(
            MappedKernel(kernel, built.program, one, program, memory, built.words, nodes, runs)
        )
    return found


def _with_checks(built: BuiltKernel, context: Context) -> int:
    """Add the checks of a kernel to those of its program; return the number of the first one."""
    first = len(context.program.checks)
    context.program.checks += [DeviceCheck(node, what) for node, what in built.checks]
    return first


def _numbered(
    built: BuiltKernel, first: int, program: LoopProgram, name: str
) -> tuple[LoopProgram, dict[str, tuple[Node, ...]]]:
    """Return a program under its name, with checks and values numbered, and the node of each."""
    program = replace(program, name=name)
    return _numbered_locals(_checks_from(program, first), built.nodes)


_BEGIN, _END = "begin", "end"
"""The variables of a part: the first row of a thread, and the one behind its last."""


def rows_of_a_thread(program: LoopProgram, rows: Size) -> LoopProgram | None:
    """Return a program that computes the rows from one to another of all; None where its loop is
    not over rows, or over the elements of all of them."""
    if not any(isinstance(one, For) for one in program.body):
        program = enclose(program, 0, len(program.body), "row")
    outermost = program.body[-1]
    if not isinstance(outermost, For) or len(outermost.ends) != 1:
        return None
    name = outermost.variable.name
    elements = exact_quotient(outermost.ends[0].constant, rows)
    if elements is None or not outermost.ends[0].is_constant:
        return None
    try:
        if elements != 1:
            program = split(program, name, elements, Tail.NONE)
            name = f"{name}_outer"
        return part(program, name, _BEGIN, _END)
    except RewriteError:
        return None


def _variants(mapped: MappedProgram) -> tuple[tuple[MappedProgram, Within], ...]:
    """Return the first and the second variant, each with a formula that is 1 for the sizes that it
    is for, and 0 for the others."""
    (condition,) = mapped.conditions
    assert condition.index.is_constant
    least = condition.index.constant
    most = least if isinstance(least, int) else dict(least.terms).get((), 0)
    runs = Within(1, most - least, most)
    both = zip(mapped.variants, mapped.names, (runs, replace(runs, above=True)), strict=True)
    return tuple((replace(mapped, program=one, names=(name,)), where) for one, name, where in both)


class Memory:
    """The places of the values around a kernel, as the buffers of its program.

    Attributes:
        buffers: for `build`.
    """

    def __init__(self, kernel: Kernel | Loop, context: Context, is_guarded: bool):
        read = context.inputs_of(kernel)
        written = {node: tuple(context.store(node)) for node in kernel.stores}
        stored = {place.pointer for places in written.values() for place in places}
        self._steps = {
            step: LoopVariable(f"step{number}")
            for number, step in enumerate(dict.fromkeys(context.counters.values()))
        }
        self._kernel = kernel
        self._places: dict[str, Place] = {}
        self._wholes: dict[object, arrays.Buffer] = {}
        self._counts = {"x": 0, "y": 0}
        self._stored = stored
        self._is_guarded = is_guarded
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
        return Storage(buffer, step, place.bit, place.guarded and self._is_guarded)

    def add_workspace(self, buffer: arrays.Buffer) -> None:
        """Give a buffer that a program allocates in global memory a place in the arena."""
        assert isinstance(self._kernel, Kernel)
        name = f"{buffer_name(self._kernel.anchors[0])}/{buffer.name}"
        self._places[buffer.memory] = workspace(name, buffer.shape, buffer.dtype)

    def names(self) -> dict[str, str]:
        """Return what reports call each memory."""
        return {name: place.buffers[-1].name for name, place in self._places.items()}

    def behind(self, memories: set[str]) -> tuple[DeviceBuffer, ...]:
        """Return the buffers of a program that memories may be."""
        found = [
            buffer
            for name, place in self._places.items()
            if name in memories
            for buffer in place.buffers
        ]
        return tuple(dict.fromkeys(found))

    def argument(self, one: FunctionParameter, words: Mapping[str, int]) -> Argument:
        """Return what a launch gives for a parameter."""
        given = one.given
        if isinstance(given, arrays.Buffer):
            return self._places[given.memory].pointer
        if isinstance(given, Symbol):
            return SizeArgument(Dim((((given,), 1),)))
        if isinstance(given, LoopVariable):
            steps = (step for step, variable in self._steps.items() if variable is given)
            return next(steps, ShareLimit(end=given.name == _END))
        if isinstance(given, values.Argument):
            return Word(words[given.name]) if given.name in words else CallNumber()
        return StatusPointer()

    def legend(self, parameters: Sequence[FunctionParameter]) -> list[str]:
        """Return a line for each parameter whose name does not say what it is."""
        found = []
        for one in parameters:
            if isinstance(one.given, arrays.Buffer) and one.name in self._places:
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
            if isinstance(one, Check) and one.is_tested
            else (one,)
        )

    return replace(program, body=transformed(program.body, renumbered)) if first else program


def _numbered_locals(
    program: LoopProgram, nodes: Mapping[str, Node]
) -> tuple[LoopProgram, dict[str, tuple[Node, ...]]]:
    """Return a program whose names of values count in the order of the text, as copies of
    statements have made new ones, and the node of each name. What buffers are called is left out;
    those that carry a reduction, or a part of it, are called after its first one."""
    old = [one.local for one in walk(program.body) if isinstance(one, Let)]
    taken = {one.buffer.name for one in walk(program.body) if isinstance(one, Allocate)}
    free = (name for name in map("t{}".format, itertools.count()) if name not in taken)
    new = {local: values.Local(name, local.dtype) for local, name in zip(old, free, strict=False)}
    known: dict[str, tuple[Node, ...]] = {
        new[local].name: (nodes[local.first_name],) for local in old if local.first_name in nodes
    }
    carriers = nodes.keys() - {local.first_name for local in old}
    for name in taken:
        first, *_ = name.split("_")
        if first in carriers:
            known[name] = (nodes[first],)

    def value(one: values.Value) -> values.Value:
        return new.get(one, one) if isinstance(one, values.Local) else one

    def statement(one: Statement) -> tuple[Statement, ...]:
        return (replace(one, local=new[one.local]),) if isinstance(one, Let) else (one,)

    body = transformed(Parts(value=value).in_body(program.body), statement)
    return replace(program, body=body), known
