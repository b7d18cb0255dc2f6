"""The memory that a program takes on its device, and for what; known before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from graphc.compiler.graph import BATCH, Node, State, toposort
from graphc.compiler.graph.dim import symbols
from graphc.compiler.program.launch import (
    Bindings,
    CallSizes,
    DeviceBuffer,
    DeviceProgram,
    launches,
    value_of,
)
from graphc.compiler.program.memory import (
    ALIGNMENT,
    PAGE,
    MemoryPlan,
    aligned,
    lifetimes,
    plan_memory,
)
from graphc.compiler.program.table import html_rows, quantity, wrapped
from graphc.errors import ShapeError

INPUT_SLOTS = {"cuda": 2, "cpu": 1, "numpy": 1}
"""While a GPU's kernels read a call's inputs, the next call's are copied: each has two places.
Native code reads them where the caller has them, and so does the interpreter."""

_STATUS_WORD = ALIGNMENT  # lies before the constants
_LARGEST = 10
_MOST_SAMPLES = 2**31 - 1

Planner = Callable[[DeviceProgram, Bindings], MemoryPlan]
Reporter = Callable[[Bindings], "MemoryReport"]


@dataclass(frozen=True)
class BufferUse:
    """One value in device memory.

    Attributes:
        name: the layer and op that made it, or what its user calls it.
        dtype, shape: its type, with the sizes bound.
        nbytes: its size; of an input, of one of its places.
        held: ``state``, ``constant`` and ``input`` have memory of their own; what is in the
            ``arena`` shares it with what is dead by then.
        steps: the first and the last step of the program that touch it.
        offset: bytes from the arena's start; None of what is held elsewhere.
        readers, writers: the launches that read and write it, in order.
        node: of `DeviceProgram.outputs`, whose whole value it is; None of a constant and of what a
            kernel keeps for itself.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    held: str
    steps: tuple[int, int]
    offset: int | None = None
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    node: Node | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.dtype}[{', '.join(map(str, self.shape))}]"


class MemoryReport:
    """The memory of a program at one set of sizes; printed, a table that fits 80 columns.

    Attributes:
        title: whose program it is.
        sizes: what the symbols stand for, by name.
        target: what the program is for, 'cuda' or 'cpu'; 'numpy' for the interpreter, of which the
            arrays are counted and not what a step takes while it runs.
        buffers: every value, the largest first.
        states, constants, inputs, arena: bytes; `inputs` are those of all slots.
        scratch: bytes, at most: what the threads of native code keep for tiles, each its own; none
            on a GPU. It is counted for vectors of 64 bytes, and for kernels that are all divided
            over the threads. All functions of a process share it.
        threads: how many threads it is counted for.
        peak: the sum of states, constants, inputs, arena and scratch: what a call needs at most.
            The pool that serves a GPU rounds each up by an eighth at most.
    """

    def __init__(
        self,
        title: str,
        sizes: dict[str, int],
        buffers: list[BufferUse],
        arena: int,
        target: str,
        scratch: int = 0,
        threads: int = 1,
    ):
        self.title = title
        self.target = target
        self.sizes = sizes
        self.buffers = sorted(buffers, key=lambda use: -use.nbytes)
        self.states = self._held("state")
        self.constants = self._held("constant") + _STATUS_WORD
        self.inputs = INPUT_SLOTS[target] * self._held("input")
        self.arena = arena
        self.scratch = scratch
        self.threads = threads

    def _held(self, where: str) -> int:
        return sum(aligned(use.nbytes) for use in self.buffers if use.held == where)

    @property
    def live(self) -> int:
        """The most bytes of the arena that are in use at one step; no plan has a smaller arena."""
        change: dict[int, int] = {}
        for use in self.buffers:
            if use.held == "arena":
                first, last = use.steps
                change[first] = change.get(first, 0) + aligned(use.nbytes)
                change[last + 1] = change.get(last + 1, 0) - aligned(use.nbytes)
        return max(accumulate(change[step] for step in sorted(change)), default=0)

    @property
    def peak(self) -> int:
        """Bytes that a call needs at most."""
        return self.states + self.constants + self.inputs + self.arena + self.scratch

    def largest(self, count: int = _LARGEST) -> list[BufferUse]:
        """The largest values."""
        return self.buffers[:count]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "title": self.title,
            "target": self.target,
            "sizes": self.sizes,
            "peak": self.peak,
            "states": self.states,
            "constants": self.constants,
            "inputs": self.inputs,
            "arena": self.arena,
            "live": self.live,
            "scratch": self.scratch,
            "threads": self.threads,
            "buffers": [
                {
                    "name": use.name,
                    "dtype": use.dtype,
                    "shape": list(use.shape),
                    "bytes": use.nbytes,
                    "held": use.held,
                    "steps": list(use.steps),
                    "offset": use.offset,
                    "readers": list(use.readers),
                    "writers": list(use.writers),
                }
                for use in self.buffers
            ],
        }

    @property
    def summary(self) -> str:
        """The peak and its parts."""
        sizes = ", ".join(f"{name} {value}" for name, value in self.sizes.items())
        where, scratch = f"{INPUT_SLOTS[self.target]} places each", ""
        if self.target == "cpu":
            count = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
            where, scratch = "the caller's own", f", scratch of {count} "
            scratch += quantity(self.scratch, "B")
        if self.target == "numpy":
            where = "the caller's own"
        bound = "at least" if self.target == "numpy" else "at most"
        return (
            f"{self.title}{f' ({sizes})' if sizes else ''}: {quantity(self.peak, 'B')} {bound}: "
            f"states {quantity(self.states, 'B')}, constants {quantity(self.constants, 'B')}, "
            f"inputs {quantity(self.inputs, 'B')} ({where}), arena "
            f"{quantity(self.arena, 'B')} ({quantity(self.live, 'B')} in use at once){scratch}"
        )

    def __str__(self) -> str:
        lines = [*wrapped(self.summary, ""), "", f"{'bytes':>8}  {'held':<8}  {'steps':>7}  value"]
        for use in self.buffers:
            head = f"{quantity(use.nbytes, 'B'):>8}  {use.held:<8}  {_steps(use):>7}  "
            first, *others = wrapped(str(use), " " * len(head))
            lines += [head + first.lstrip(), *others]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            (quantity(use.nbytes, "B"), use.held, _steps(use), str(use)) for use in self.buffers
        ]
        return html_rows(self.summary, ("bytes", "held", "steps", "value"), rows)


def _steps(use: BufferUse) -> str:
    first, last = use.steps
    return f"{first}" if first == last else f"{first}-{last}"


def memory_report(
    program: DeviceProgram,
    bindings: Bindings,
    title: str,
    plan: Planner = plan_memory,
    target: str = "cuda",
    threads: int = 1,
) -> MemoryReport:
    """Return the memory that a program takes at one set of sizes.

    Args:
        bindings: a number for each symbol of the program's sizes.
        title: whose program it is.
        plan: places the values that launches write.
        target: what the program is for: 'cuda', or 'cpu' (native code).
        threads: how many native code runs on.

    Raises ShapeError for a value with more elements than a kernel can count.
    """
    placed = plan(program, bindings)
    readers: dict[object, dict[str, None]] = {}
    writers: dict[object, dict[str, None]] = {}
    for launch in launches(program.steps):
        for buffers, found in ((launch.reads, readers), (launch.writes, writers)):
            for buffer in buffers:
                found.setdefault(_identity(buffer), {})[launch.name] = None
    shared = {x.attrs["state"]: x for x in toposort(program.outputs) if x.op == "shared"}
    uses: dict[object, BufferUse] = {}
    for buffer, steps in lifetimes(program).items():
        key, origin = _identity(buffer), buffer.origin
        node = shared.get(origin) if isinstance(origin, State) else buffer.node
        uses[key] = BufferUse(
            name=buffer.name,
            dtype=buffer.dtype,
            shape=tuple(value_of(size, bindings) for size in buffer.shape),
            nbytes=buffer.nbytes(bindings),
            held=_held(buffer),
            steps=steps,
            offset=placed.offsets.get(buffer),
            readers=tuple(readers.get(key, ())),
            writers=tuple(writers.get(key, ())),
            node=origin if isinstance(origin, Node) else node,
        )
    sizes = {symbol.name: value for symbol, value in bindings.items()}
    scratch = sum(scratch_blocks(program, CallSizes(bindings, threads)).values())
    return MemoryReport(title, sizes, list(uses.values()), placed.nbytes, target, scratch, threads)


def _identity(buffer: DeviceBuffer) -> object:
    """Return the value that a buffer stands for: several are of one input, or of one state."""
    return buffer.origin if isinstance(buffer.origin, Node | State) else buffer


def scratch_blocks(program: DeviceProgram, at: CallSizes) -> dict[tuple[int, int], int]:
    """Return the bytes, at most, of each block of the threads' scratch memory, by the numbers of
    thread and block; it is as large as the largest array that lay in it, in whole pages."""
    blocks: dict[tuple[int, int], int] = {}
    for launch in launches(program.steps):
        for one in launch.scratch:
            nbytes = one.elements(at) * np.dtype(one.dtype).itemsize
            pages = -(-nbytes // PAGE) * PAGE
            threads = at.threads if one.threads is None else min(at.threads, at(one.threads))
            for thread in range(threads):
                block = thread, one.block
                blocks[block] = max(blocks.get(block, 0), pages)
    return blocks


def _held(buffer: DeviceBuffer) -> str:
    if buffer.origin is None:
        return "arena"
    if isinstance(buffer.origin, np.ndarray):
        return "constant"
    return "state" if isinstance(buffer.origin, State) else "input"


def largest_batch(report_at: Reporter, nbytes: int, bindings: Bindings) -> int | None:
    """The largest batch whose peak is at most `nbytes`.

    By bisection, from above: a best fit may need less for a batch than for a smaller one, so it
    begins with what any plan needs, which grows with the batch.

    Args:
        report_at: gives the report of what runs, at given sizes; ShapeError for sizes that are too
            large.
        nbytes: the memory that there is.
        bindings: the sizes of the call; all but the batch stay.

    Returns:
        The number of samples, 0 where not even one fits; None where the batch is no symbol of the
        program, so no other batch would help.
    """
    (batch,) = symbols(BATCH)
    if batch not in bindings:
        return None

    def report(samples: int) -> MemoryReport | None:
        try:
            return report_at({**bindings, batch: samples})
        except ShapeError:  # more elements than a kernel can count
            return None

    def could_fit(samples: int) -> bool:
        found = report(samples)
        return found is not None and found.peak - found.arena + found.live <= nbytes

    def fits(samples: int) -> bool:
        found = report(samples)
        return found is not None and found.peak <= nbytes

    too_large = 1
    while too_large <= _MOST_SAMPLES and could_fit(too_large):
        too_large *= 2
    fitting = _last(could_fit, too_large // 2, too_large)
    too_large = fitting + 1
    while fitting and not fits(fitting):
        fitting, too_large = fitting - max(1, fitting // 16), fitting
    return _last(fits, fitting, too_large)


def _last(holds: Callable[[int], bool], first: int, end: int) -> int:
    """The last number before `end` for which a condition holds, if it holds from `first` to it."""
    while end - first > 1:
        middle = (first + end) // 2
        first, end = (middle, end) if holds(middle) else (first, middle)
    return first
