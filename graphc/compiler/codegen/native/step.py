"""The one function that a runtime calls: all kernels in order, loops as loops.

Its last two arguments are of a watch (``kernels/host_watch.h``) that times each kernel and tells of
each step, null where nobody watches: so what is timed is what runs.

What moves between calls or with the sizes comes in three tables: `at`, the address of each buffer;
`size`, the extents; `word`, the seeds and streams of random draws, which are no part of the text so
that two models of one shape share their machine code.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc.compiler.codegen.c_text import C_TYPES, comment
from graphc.compiler.codegen.launch import (
    Argument,
    Buffer,
    CallStep,
    CarryPointer,
    DeviceLoop,
    DeviceStep,
    Extent,
    Formula,
    Launch,
    LoopStep,
    Pointer,
    ShareLimit,
    StatusWord,
    Word,
)
from graphc.compiler.codegen.native.loop import LEAST, SharedLoop
from graphc.compiler.codegen.page import fitted
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.table import WIDTH
from graphc.compiler.graph import Node

STEP = "graphc_step"
"""The name of the exported function."""

_CALL = WIDTH - 8
"""Columns of a call, which stands four levels deep in two loops."""


@dataclass
class Tables:
    """What stands at each place of the three tables."""

    buffers: dict[Buffer, int] = field(default_factory=dict)
    sizes: dict[Formula, int] = field(default_factory=dict)
    words: dict[int, int] = field(default_factory=dict)


class StepPrinter:
    """Prints the calls of a program's kernels.

    Attributes:
        tables: what the calls read so far.
    """

    def __init__(self) -> None:
        self.tables = Tables()
        self._loops: list[tuple[DeviceLoop, str, str]] = []  # with the turn's and the slice's name
        self._count = 0
        self._calls = 0

    def function(self, steps: Sequence[DeviceStep]) -> str:
        """The text of the exported function."""
        lines = []
        for number, step in enumerate(steps):
            lines += [*self._step(step), f"if (watch.stops({number})) return;"]
        return fitted(render("step.c.j2", name=STEP, kernels=self._calls, lines=lines))

    def _step(self, step: DeviceStep) -> list[str]:
        if isinstance(step, DeviceLoop):
            return self._loop(step)
        return self._call(step)

    def _call(self, launch: Launch) -> list[str]:
        arguments = ", ".join(self._argument(one) for one in launch.arguments)
        call = f"watch.run({self._calls}, [&] {{ {launch.name}({arguments}); }});"
        self._calls += 1  # as `memory.launches` counts
        lines = textwrap.wrap(call, _CALL, subsequent_indent="    ", break_long_words=False)
        # A failed test ends the step ahead of every kernel that writes a state.
        if any(isinstance(one, StatusWord) for one in launch.arguments):
            lines.append("if (!gc_ok(status)) return;")
        return lines

    def _loop(self, loop: DeviceLoop) -> list[str]:
        turn, place = f"turn{self._count}", f"step{self._count}"
        self._count += 1
        count = self._size(loop.length)
        index = f"{count} - 1 - {turn}" if loop.reverse else turn
        self._loops.append((loop, turn, place))
        lines = [f"  {line}" for step in loop.steps for line in self._step(step)]
        self._loops.pop()
        layers = dict.fromkeys(
            name for step in loop.steps if isinstance(step, Launch) for name in step.kernel.layers
        )
        note = f"  // {', '.join(map(comment, layers))}" if layers else ""
        head = f"for (int {turn} = 0; {turn} < {count}; ++{turn}) {{{note}"
        whole = [head, f"  const int {place} = {index};", *lines, "}"]
        return self._shared(loop, whole) if isinstance(loop, SharedLoop) else whole

    def _shared(self, loop: SharedLoop, lines: Sequence[str]) -> list[str]:
        """A loop that each thread runs for rows of its own."""
        work = " * ".join(f"(gc_int64){self._size(size)}" for size in loop.work)
        return [
            f"#pragma omp parallel if ({work} >= {LEAST})",
            "{",
            "  int begin, end;",
            f"  gc_share({self._size(loop.rows)}, &begin, &end);",
            *(f"  {line}" for line in lines),
            "}",
        ]

    def _argument(self, argument: Argument) -> str:
        if isinstance(argument, Pointer):
            return self._address(argument.buffer)
        if isinstance(argument, CarryPointer):
            return self._carried(argument)
        if isinstance(argument, Extent):
            return self._size(argument.size)
        if isinstance(argument, Word):
            number = self.tables.words.setdefault(argument.value, len(self.tables.words))
            return f"word[{number}]"
        if isinstance(argument, LoopStep):
            return self._place_of(argument.scan)
        if isinstance(argument, ShareLimit):
            return "end" if argument.end else "begin"
        return "call_step" if isinstance(argument, CallStep) else "status"

    def _address(self, buffer: Buffer) -> str:
        number = self.tables.buffers.setdefault(buffer, len(self.tables.buffers))
        return f"({C_TYPES[buffer.dtype]}*)at[{number}]"

    def _size(self, formula: Formula) -> str:
        if isinstance(formula, int):
            return str(formula)
        return f"size[{self.tables.sizes.setdefault(formula, len(self.tables.sizes))}]"

    def _carried(self, argument: CarryPointer) -> str:
        """The buffer that this step of its loop reads a carry from, or writes it to."""
        carry = argument.carry
        loop, turn, _ = next(one for one in reversed(self._loops) if carry in one[0].carries)
        even, odd = map(self._address, carry.pair)
        if argument.write:
            last = self._address(carry.final)
            end = f"{turn} == {self._size(loop.length)} - 1"
            return f"{end} ? {last} : {turn} % 2 ? {odd} : {even}"
        first = self._address(carry.initial)
        return f"{turn} == 0 ? {first} : {turn} % 2 ? {even} : {odd}"

    def _place_of(self, scan: Node) -> str:
        return next(place for loop, _, place in self._loops if loop.scan is scan)
