"""What the lowering of one kernel needs to know: where values lie, and where results go."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from graphc.compiler.graph import Node, name_of, origin_of
from graphc.compiler.loops.notes import notes_in, with_other_notes
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.lowering.place import Place
from graphc.compiler.program.launch import (
    DeviceBuffer,
    DeviceCheck,
    Formula,
    LoopStep,
    Pointer,
)
from graphc.compiler.schedule.kernel import Kernel, Loop
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.mapping import MappedProgram, Mapping, choose
from graphc.compiler.targets.printer import PrintedFunction
from graphc.compiler.targets.target import Target

_Choice = tuple[LoopProgram, Target, tuple[Mapping, ...]]
_Printed = TypeVar("_Printed", bound=PrintedFunction)


@dataclass
class Program:
    """What all kernels of a program share while it is lowered.

    Attributes:
        checks: what they test so far, by number.
        includes: the headers that they need beside those that every program has.
        numbers: of their functions.
        target: the GPU that they run on.
        mapped: what was chosen for plain programs without their notes, by these and the mappings to
            choose from; with the notes of the program that it was chosen for.
        printed: functions, by the programs that they were printed of, without names and notes.
    """

    checks: list[DeviceCheck] = field(default_factory=list)
    includes: dict[str, None] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    target: Target = field(default_factory=any_card)
    mapped: dict[_Choice, tuple[MappedProgram, tuple[str, ...]]] = field(default_factory=dict)
    printed: dict[LoopProgram, Any] = field(default_factory=dict)

    def choose(self, plain: LoopProgram, target: Target, table: Sequence[Mapping]) -> MappedProgram:
        """Return a plain program by the first mapping of a table that applies. Those of layers of
        one shape differ in their notes alone, and are mapped once."""
        notes = notes_in(plain)
        key = _without_notes(plain), target, tuple(table)
        if key not in self.mapped:
            self.mapped[key] = choose(plain, target, table), notes
        mapped, others = self.mapped[key]
        if others == notes:
            return mapped
        return mapped.with_notes(dict(zip(others, notes, strict=True)))

    def print_once(
        self, program: LoopProgram, print_program: Callable[[LoopProgram], _Printed]
    ) -> _Printed:
        """Return the function that a program becomes; that of an earlier one which differs in its
        name and its notes alone, as launches of functions that do the same share the first one."""
        key = replace(_without_notes(program), name="")
        if key not in self.printed:
            self.printed[key] = print_program(program)
        printed: _Printed = self.printed[key]
        return printed


def _without_notes(program: LoopProgram) -> LoopProgram:
    """Return a program with the numbers of its notes in their place."""
    numbered = {note: str(number) for number, note in enumerate(notes_in(program))}
    return with_other_notes(program, numbered)


@dataclass
class Context:
    """One scope of a program: the program itself, or the body of a loop.

    Attributes:
        program: what all scopes share.
        places: where each value lies that is in memory so far.
        sinks: where a value has to be stored: one or more places, the first for its readers. A
            value without an entry gets a buffer of its own when it is stored.
        counters: the leaves that count steps, of this loop and those around.
        inputs: of each kernel that is lowered, where its inputs lie; see `inputs_of`.
    """

    program: Program = field(default_factory=Program)
    places: dict[Node, Place] = field(default_factory=dict)
    sinks: dict[Node, list[Place]] = field(default_factory=dict)
    counters: dict[Node, LoopStep] = field(default_factory=dict)
    inputs: dict[Kernel | Loop, dict[Node, Place]] = field(default_factory=dict)

    def name(self, kind: str) -> str:
        """The next function's name."""
        return f"k{next(self.program.numbers)}_{kind}"

    def inputs_of(self, kernel: Kernel | Loop) -> dict[Node, Place]:
        """Return where a kernel reads its inputs: each of its launches where they lie ahead of all,
        though it may store one of them in another place, which those behind it read."""
        if kernel not in self.inputs:
            places = {node: self.places[node] for node in kernel.inputs if node in self.places}
            self.inputs[kernel] = places
        return self.inputs[kernel]

    def store(self, node: Node) -> list[Place]:
        """Where to store a value; from now on it is read at the first of these places, and each of
        packed bools there."""
        if node not in self.sinks:
            self.sinks[node] = [arena_place(buffer_name(node), node)]
        place = self.places[node] = self.sinks[node][0]
        if node.op == "pack_bools":
            for bit, packed in enumerate(node.inputs):
                self.places.setdefault(packed, replace(place, bit=bit))
        return self.sinks[node]


def arena_place(name: str, node: Node) -> Place:
    """A new buffer for a value, in the arena."""
    return Place(Pointer(DeviceBuffer(name, node.shape, node.dtype, node=node)), node.dtype)


def workspace(name: str, shape: tuple[Formula, ...], dtype: str) -> Place:
    """A new buffer for parts of results, in the arena."""
    return Place(Pointer(DeviceBuffer(name, shape, dtype)), dtype)


def buffer_name(node: Node) -> str:
    """What reports call a value: its user's name, or the layer and op that made it."""
    name = name_of(node)
    origin = origin_of(node)
    parts = [str(origin)] if origin is not None else []
    return "/".join([*parts, name or node.op])
