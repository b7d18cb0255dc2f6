"""The one function that a runtime calls: all kernels in order, loops as loops.

Its last two arguments are of a watch (``kernels/host_watch.h``) that times each kernel and tells of
each step, null where nobody watches: so what is timed is what runs.

What moves between calls or with the sizes comes in three tables: `at`, the address of each buffer;
`size`, the extents; `word`, the seeds and streams of random draws, which are no part of the text so
that two models of one shape share their machine code.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from graphc.compiler.codegen.native.loop import LEAST, SharedLoop
from graphc.compiler.codegen.render import render
from graphc.compiler.graph import Node
from graphc.compiler.program.launch import (
    Argument,
    CallNumber,
    CarryPointer,
    DeviceBuffer,
    DeviceLoop,
    DeviceStep,
    Formula,
    Launch,
    LoopStep,
    Pointer,
    ShareLimit,
    SizeArgument,
    StatusPointer,
    Word,
)
from graphc.compiler.targets.c_text import C_TYPES, comment
from graphc.compiler.targets.marks import NAME, noted
from graphc.compiler.targets.page import WIDTH

STEP = "graphc_step"
"""The name of the exported function."""

_CALL = WIDTH - 8
"""Columns of a call, which stands four levels deep in two loops."""

LEAST_ROLLED = 8
"""Calls that a loop over repeated ones spares at least: fewer are read more easily written out."""

MOST_PERIOD = 64
"""The most calls that are one turn of such a loop: those of a block of a residual network, forward
or backward, are fewer."""


@dataclass
class Tables:
    """What stands at each place of the three tables."""

    buffers: dict[DeviceBuffer, int] = field(default_factory=dict)
    sizes: dict[Formula, int] = field(default_factory=dict)
    words: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call of a kernel as text with its numbers apart: what calls of one form differ in.

    Attributes:
        launch: whose call it is.
        form: the function and its arguments, each with ``{}`` for its number.
        numbers: of the arguments, in order: places in the tables, and extents that are known.
    """

    launch: Launch
    form: str
    numbers: tuple[int, ...]

    def lines(self, numbers: Sequence[object]) -> list[str]:
        """The lines of the call with these for its numbers. A failed test ends the step ahead of
        every kernel that writes a state."""
        call = self.form.format(*numbers)
        lines = textwrap.wrap(call, _CALL, subsequent_indent="    ", break_long_words=False)
        if any(isinstance(one, StatusPointer) for one in self.launch.arguments):
            lines.append("if (!gc_ok(status)) return;")
        return lines


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
        """The text of the exported function, but for its name and notes."""
        units: list[Call | DeviceLoop] = [
            step if isinstance(step, DeviceLoop) else self._call(step) for step in steps
        ]
        forms: dict[object, int] = {}
        keys = [
            forms.setdefault(one.form if isinstance(one, Call) else one, len(forms))
            for one in units
        ]
        lines: list[str] = []
        number = 0
        while number < len(units):
            unit = units[number]
            if isinstance(unit, DeviceLoop):
                lines += [*self._loop(unit), f"if (watch.stops({number})) return;"]
                number += 1
                continue
            period, turns = tandem_repeat(keys, number)
            calls = [
                one for one in units[number : number + period * turns] if isinstance(one, Call)
            ]
            lines += self._rolled(calls, period, number)
            number += len(calls)
        return render("step.c.j2", name=NAME, kernels=self._calls, lines=lines)

    def _call(self, launch: Launch) -> Call:
        arguments = [self._argument(one) for one in launch.arguments]
        form = ", ".join(form for form, _ in arguments)
        numbers = [number for _, number in arguments if number is not None]
        return Call(launch, f"{launch.function}({form});", tuple(numbers))

    def _rolled(self, calls: Sequence[Call], period: int, step: int) -> list[str]:
        """Calls of which so many in a row repeat: those of one turn, in a loop over the numbers
        that differ between turns where there are several. `step` is the number of the first."""
        turns = [calls[k : k + period] for k in range(0, len(calls), period)]
        first, self._calls = self._calls, self._calls + len(calls)
        if len(turns) == 1:
            return [
                line
                for k, call in enumerate(calls)
                for line in (*call.lines(call.numbers), _end(first + k, step + k))
            ]
        turn, table, row = (f"{name}{self._count}" for name in ("turn", "table", "row"))
        self._count += 1
        columns: dict[tuple[int, ...], int] = {}
        body: list[str] = []
        for k, call in enumerate(turns[0]):
            numbers = [
                one[0] if len(set(one)) == 1 else f"{row}[{columns.setdefault(one, len(columns))}]"
                for one in zip(*(calls[k].numbers for calls in turns), strict=True)
            ]
            by = turn if period == 1 else f"{period} * {turn}"
            body += [*call.lines(numbers), _end(f"{first + k} + {by}", f"{step + k} + {by}")]
        rows = [
            f"  {{{', '.join(map(str, cells))}}},{_layers(call.launch for call in calls)}"
            for cells, calls in zip(zip(*columns, strict=True), turns, strict=True)
        ]
        return [
            f"static const int {table}[{len(turns)}][{len(columns)}] = {{",
            *rows,
            "};",
            f"for (int {turn} = 0; {turn} < {len(turns)}; ++{turn}) {{",
            f"  const int* {row} = {table}[{turn}];",
            *(f"  {line}" for line in body),
            "}",
        ]

    def _loop(self, loop: DeviceLoop) -> list[str]:
        turn, place = f"turn{self._count}", f"step{self._count}"
        self._count += 1
        count = self._size(loop.length)
        index = f"{count} - 1 - {turn}" if loop.reverse else turn
        self._loops.append((loop, turn, place))
        lines = [line for step in loop.steps for line in self._inside(step)]
        self._loops.pop()
        layers = _layers(step for step in loop.steps if isinstance(step, Launch))
        head = f"for (int {turn} = 0; {turn} < {count}; ++{turn}) {{{layers}"
        start = [f"const int {place} = {index};", "watch.begins();"]
        whole = [head, *(f"  {line}" for line in (*start, *lines)), "}"]
        return self._shared(loop, whole) if isinstance(loop, SharedLoop) else whole

    def _inside(self, step: DeviceStep) -> list[str]:
        """A step of a loop's body."""
        if isinstance(step, DeviceLoop):
            return self._loop(step)
        call = self._call(step)
        self._calls += 1  # as `memory.launches` counts
        return [*call.lines(call.numbers), f"watch.ends({self._calls - 1});"]

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

    def _argument(self, argument: Argument) -> tuple[str, int | None]:
        """The text of an argument, with ``{}`` for its number where it has one."""
        if isinstance(argument, Pointer):
            return self._address(argument.buffer)
        if isinstance(argument, SizeArgument):
            return self._extent(argument.size)
        if isinstance(argument, Word):
            return "word[{}]", self.tables.words.setdefault(argument.value, len(self.tables.words))
        if isinstance(argument, CarryPointer):
            return self._carried(argument), None
        if isinstance(argument, LoopStep):
            return self._place_of(argument.scan), None
        if isinstance(argument, ShareLimit):
            return "end" if argument.end else "begin", None
        return "call_step" if isinstance(argument, CallNumber) else "status", None

    def _address(self, buffer: DeviceBuffer) -> tuple[str, int]:
        number = self.tables.buffers.setdefault(buffer, len(self.tables.buffers))
        return f"({C_TYPES[buffer.dtype]}*)at[{{}}]", number

    def _extent(self, formula: Formula) -> tuple[str, int]:
        if isinstance(formula, int):
            return "{}", formula
        return "size[{}]", self.tables.sizes.setdefault(formula, len(self.tables.sizes))

    def _size(self, formula: Formula) -> str:
        form, number = self._extent(formula)
        return form.format(number)

    def _carried(self, argument: CarryPointer) -> str:
        """The buffer that this step of its loop reads a carry from, or writes it to."""
        carry = argument.carry
        loop, turn, _ = next(one for one in reversed(self._loops) if carry in one[0].carries)
        first, even, odd, last = (
            form.format(number) for form, number in map(self._address, carry.buffers)
        )
        if argument.write:
            end = f"{turn} == {self._size(loop.length)} - 1"
            return f"{end} ? {last} : {turn} % 2 ? {odd} : {even}"
        return f"{turn} == 0 ? {first} : {turn} % 2 ? {even} : {odd}"

    def _place_of(self, scan: Node) -> str:
        return next(place for loop, _, place in self._loops if loop.scan is scan)


def tandem_repeat(keys: Sequence[int], start: int) -> tuple[int, int]:
    """Count the keys from `start` on that are repeated right behind, and how often they are there:
    (1, 1) where writing them out takes fewer than `LEAST_ROLLED` more."""
    found, most = (1, 1), LEAST_ROLLED - 1
    for period in range(1, min(MOST_PERIOD, (len(keys) - start) // 2) + 1):
        turns, unit = 1, keys[start : start + period]
        while keys[start + turns * period : start + (turns + 1) * period] == unit:
            turns += 1
        if period * (turns - 1) > most:
            found, most = (period, turns), period * (turns - 1)
    return found


def _end(kernel: object, step: object) -> str:
    return f"if (watch.stops({kernel}, {step})) return;"


def _layers(of: Iterable[Launch]) -> str:
    """The layers of launches, as a note behind a line."""
    layers = dict.fromkeys(name for launch in of for name in launch.kernel.layers)
    return noted("", ", ".join(map(comment, layers)))
