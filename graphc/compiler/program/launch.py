"""A lowered program, for a runtime: source text, and the launches that use it.

All data: nothing here knows a device. Sizes are formulas of the program's symbols, so one program
serves every batch size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from graphc.compiler.graph import Node, State, Symbol
from graphc.compiler.graph.dim import Size, evaluate
from graphc.compiler.schedule.kernel import Kernel, Loop

Bindings = Mapping[Symbol, int]


@dataclass(frozen=True)
class Within:
    """A formula where a size is at most `most` (or, with `above`, where it is more), else 0.

    Several launches whose grids are such formulas serve one kernel: all but one have empty grids,
    and the sizes of the call alone decide which.
    """

    formula: Formula
    size: Size
    most: int
    above: bool = False

    @property
    def condition(self) -> str:
        """The sizes at which it is the formula."""
        return f"{self.size} {'>' if self.above else '<='} {self.most}"

    def __str__(self) -> str:
        return f"{self.formula} where {self.condition}"


Formula: TypeAlias = Size | Within


def value_of(formula: Formula, bindings: Bindings) -> int:
    """Return the number that a formula is once the symbols are bound."""
    if isinstance(formula, Within):
        fits = evaluate(formula.size, bindings) <= formula.most
        return value_of(formula.formula, bindings) if fits != formula.above else 0
    return evaluate(formula, bindings)


@dataclass(frozen=True, eq=False)
class DeviceBuffer:
    """One value in device memory.

    Attributes:
        name: for reports: the layer and op that made it, or what its user calls it.
        shape: its extents, in C order without gaps.
        dtype: one of graphc's types.
        origin: what it holds: an `input` node (fed at each call), a `State`, an array (a constant,
            uploaded once), or None where a launch writes it (an arena's memory).
        node: the node whose whole value it holds, for those who look at values between launches
            (NanGuardMode, profiles); None for a workspace, a part, a state.
    """

    name: str
    shape: tuple[Formula, ...]
    dtype: str
    origin: Node | State | np.ndarray | None = None
    node: Node | None = None

    def elements(self, bindings: Bindings) -> int:
        """Return the number of its elements once the symbols are bound."""
        return math.prod(value_of(size, bindings) for size in self.shape)

    def nbytes(self, bindings: Bindings) -> int:
        """Return the number of its bytes once the symbols are bound."""
        return self.elements(bindings) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, eq=False)
class Carry:
    """A value that a loop passes from step to step, double-buffered.

    Step number i (counted in the order of running) of n reads `initial` where i = 0, else
    ``pair[(i - 1) % 2]``; it writes `final` where i = n - 1, else ``pair[i % 2]``.
    """

    initial: DeviceBuffer
    pair: tuple[DeviceBuffer, DeviceBuffer]
    final: DeviceBuffer

    @property
    def buffers(self) -> tuple[DeviceBuffer, ...]:
        """All that a step may read it from or write it to."""
        return (self.initial, *self.pair, self.final)


@dataclass(frozen=True)
class Count:
    """A number of elements: the product of the sizes `of`, divided by those in `over`."""

    of: tuple[Formula, ...] = ()
    over: tuple[Formula, ...] = ()

    def __mul__(self, other: Count) -> Count:
        return Count(self.of + other.of, self.over + other.over)

    def elements(self, bindings: Bindings) -> int:
        """The number once the symbols are bound."""
        above, below = (
            math.prod(value_of(size, bindings) for size in sizes) for sizes in (self.of, self.over)
        )
        return -(-above // below)


ONCE = Count()


@dataclass(frozen=True)
class Traffic:
    """The bytes of one value that one launch moves between memory and its blocks.

    Attributes:
        what: the value's name in reports.
        dtype: one of graphc's types.
        counts: upper bounds of the elements that are moved; the least holds.
        written: whether it is stored, not read.
    """

    what: str
    dtype: str
    counts: tuple[Count, ...]
    written: bool = False

    def nbytes(self, bindings: Bindings) -> int:
        """The bytes once the symbols are bound."""
        elements = min(count.elements(bindings) for count in self.counts)
        return elements * np.dtype(self.dtype).itemsize


# ---- arguments of a launch, in the order of the kernel's parameters -----------------------------


@dataclass(frozen=True)
class Pointer:
    """The address of a buffer."""

    buffer: DeviceBuffer


@dataclass(frozen=True)
class CarryPointer:
    """The address that a step of a loop reads a carry from, or writes it to."""

    carry: Carry
    write: bool


@dataclass(frozen=True)
class SizeArgument:
    """An int32: a size, worked out by the host."""

    size: Formula


@dataclass(frozen=True)
class Word:
    """A uint32 known now that does not enter the text (the seed or stream of a random draw)."""

    value: int


@dataclass(frozen=True)
class CallNumber:
    """A uint64: the number of the call."""


@dataclass(frozen=True)
class LoopStep:
    """An int32: which slice the loop is at (n - 1 - i at step i of a reversed loop)."""

    scan: Node  # of the loop whose steps it counts


@dataclass(frozen=True)
class StatusPointer:
    """The address of the function's sticky status word (kernels/status.cuh)."""


@dataclass(frozen=True)
class ShareLimit:
    """An int32, for native code: the first of the rows that a thread owns in a loop, or (`end`) the
    one behind the last."""

    end: bool


Argument: TypeAlias = (
    Pointer
    | CarryPointer
    | SizeArgument
    | Word
    | CallNumber
    | LoopStep
    | StatusPointer
    | ShareLimit
)


# ---- scratch memory of native code --------------------------------------------------------------


@dataclass(frozen=True)
class CallSizes:
    """Evaluates formulas for one call.

    Attributes:
        bindings: a number for each symbol.
        threads: how many threads native code runs on.
    """

    bindings: Bindings
    threads: int

    def __call__(self, formula: Formula) -> int:
        return value_of(formula, self.bindings)


@dataclass(frozen=True, eq=False)
class Scratch:
    """An array in the scratch memory of threads (`kernels/scratch.h`), which is kept from call to
    call.

    Attributes:
        block: the number of the thread's block that it lies in, which all functions share.
        dtype: one of graphc's types.
        elements: returns an upper bound of their number.
        threads: the most threads that have such an array, the calling thread first; None where all
            do.
    """

    block: int
    dtype: str
    elements: Callable[[CallSizes], int]
    threads: Formula | None = None


@dataclass(frozen=True, eq=False)
class Launch:
    """One kernel function and how it is launched.

    Attributes:
        name: ``k3_rows``; unique in its program.
        kernel: what it computes; several launches may serve one kernel. Of a persistent loop, the
            `Loop`.
        text: the function; in a program with its header comment.
        arguments: one for each parameter.
        grid, block: blocks and threads, in x, y and z. An empty grid is not launched.
        shared: bytes of dynamic shared memory.
        reads, writes: the buffers of `arguments` that it reads and writes, for the memory plan and
            for reports.
        notes: sentences for reports: a slow path and why it is taken.
        traffic: what it moves of each value, for reports.
        scratch: arrays of threads' scratch memory that native code takes, for the memory report.
        how: how the work is spread over blocks and threads, or what loops go over.
        legend: what the parameters are, a line each.
        repeats: the name of the first launch of the same function, where that is not this one.
        names: the nodes of which the text's variables hold elements, by variable: several where
            parts of the text have names of their own.
        code: the function without its name and notes: equal for functions that do the same.
        lines: the variable that a line of the text gives a value, or goes on with, by the numbers
            of the lines, from 0.
        declared: its parameters, as they are declared.
    """

    name: str
    kernel: Kernel | Loop
    text: str
    arguments: tuple[Argument, ...]
    grid: tuple[Formula, Formula, Formula]
    block: tuple[int, int, int]
    shared: Formula = 0
    reads: tuple[DeviceBuffer, ...] = ()
    writes: tuple[DeviceBuffer, ...] = ()
    notes: tuple[str, ...] = ()
    traffic: Sequence[Traffic] = ()
    scratch: tuple[Scratch, ...] = ()
    how: str = ""
    legend: tuple[str, ...] = ()
    repeats: str | None = None
    names: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)
    code: str = ""
    lines: Mapping[int, str] = field(default_factory=dict)
    declared: tuple[str, ...] = ()

    @property
    def function(self) -> str:
        """The name of the function in the text."""
        return self.name if self.repeats is None else self.repeats

    def runs(self, bindings: Bindings) -> bool:
        """Return True if its grid is not empty once the symbols are bound."""
        return all(value_of(size, bindings) for size in self.grid)


@dataclass(frozen=True, eq=False)
class DeviceLoop:
    """Launches that run once for each step of a scan.

    Attributes:
        scan: whose steps they are.
        length: how many steps; from the last one to the first if `reverse`.
        carries: what is handed from step to step.
        steps: what runs in each; a loop inside of the loop is one of them.
    """

    scan: Node
    length: Size
    reverse: bool
    carries: tuple[Carry, ...]
    steps: tuple[DeviceStep, ...]


DeviceStep: TypeAlias = Launch | DeviceLoop


def launches(steps: Sequence[DeviceStep]) -> list[Launch]:
    """All launches of a program, those of loops once, in order."""
    found: list[Launch] = []
    for step in steps:
        found += launches(step.steps) if isinstance(step, DeviceLoop) else [step]
    return found


def layouts(steps: Sequence[DeviceStep]) -> frozenset[Kernel | Loop]:
    """Return the kernels that leave nothing but workspaces: they lay out what others read."""
    every = launches(steps)
    leaving = {
        one.kernel
        for one in every
        if any(buffer.node is not None or buffer.origin is not None for buffer in one.writes)
    }
    return frozenset(one.kernel for one in every) - leaving


def layers_of_functions(steps: Sequence[DeviceStep]) -> dict[str, str]:
    """Return the layers that each function computes for any launch, for messages."""
    found: dict[str, dict[str, None]] = {}
    for launch in launches(steps):
        found.setdefault(launch.function, {}).update(dict.fromkeys(launch.kernel.layers))
    return {name: ", ".join(layers) for name, layers in found.items()}


@dataclass(frozen=True)
class DeviceCheck:
    """A test that a node makes on the device, and what it tests; its number is its place in
    `DeviceProgram.checks`."""

    node: Node
    what: str


@dataclass(frozen=True, eq=False)
class DeviceProgram:
    """A schedule as device code.

    Attributes:
        source: the one translation unit: includes, then every launch's text.
        steps: what runs, in order.
        fetches: where the program's outputs lie when all steps have run, in order, without those
            that are states' new values.
        checks: what the status word's numbers mean.
        outputs: the graph that the launches compute, after the last rewrites: what is fetched, then
            the new values of states. `DeviceBuffer.node` is one of its nodes. Empty where a program
            is made by hand.
        given: that graph ahead of those rewrites: where an index is out of range, the error tells
            its position here.
        code: the source without what names layers: notes and comments on functions. Programs of one
            code are compiled to the same; empty where it is not known.
    """

    source: str
    steps: tuple[DeviceStep, ...]
    fetches: tuple[DeviceBuffer, ...]
    checks: tuple[DeviceCheck, ...] = ()
    outputs: tuple[Node, ...] = ()
    given: tuple[Node, ...] = ()
    code: str = ""
