"""The one function that a runtime calls: all kernels in order, loops as loops.

Its last two arguments are of a watch (``kernels/host_watch.h``) that times each kernel and tells of
each step, null where nobody watches: so what is timed is what runs.

What moves between calls or with the sizes comes in three tables: `at`, the address of each buffer;
`size`, the extents; `word`, the seeds and streams of random draws, which are no part of the text so
that two models of one shape share their machine code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from graphc.compiler.graph import Node
from graphc.compiler.lowering.cpu.loop import LEAST, SharedLoop
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
from graphc.compiler.targets import page
from graphc.compiler.targets.c_text import C_TYPES, comment
from graphc.compiler.targets.marks import NAME
from graphc.compiler.targets.page import Code, Part, code
from graphc.compiler.targets.templates import environment

STEP = "graphc_step"
"""The name of the exported function."""

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


# ---- what is printed ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Operand:
    """An argument of a call: a number, a place in a table, or a name.

    Attributes:
        before, after: the text around its number, or all of it.
        number: what calls of one form differ in; None if there is none.
    """

    before: str
    number: int | None = None
    after: str = ""

    def code(self, number: object) -> Code:
        """Return it with a number."""
        return code(self.before if self.number is None else f"{self.before}{number}{self.after}")


@dataclass(frozen=True)
class Call:
    """A call of a kernel.

    Attributes:
        launch: whose call it is.
        arguments: what it is given; of a carry the choice between buffers.
    """

    launch: Launch
    arguments: tuple[Operand | Code, ...]

    @property
    def form(self) -> object:
        """Equal for calls that differ in numbers alone."""
        return self.launch.function, tuple(
            replace(one, number=None if one.number is None else 0)
            if isinstance(one, Operand)
            else one
            for one in self.arguments
        )

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of its arguments, in order."""
        operands = (one for one in self.arguments if isinstance(one, Operand))
        return tuple(one.number for one in operands if one.number is not None)

    def code(self, numbers: Sequence[object]) -> Code:
        """Return the call with these for its numbers."""
        rest = iter(numbers)
        operands = []
        for one in self.arguments:
            if isinstance(one, Code):
                operands.append(one)
            else:
                operands.append(one.code(None if one.number is None else next(rest)))
        return page.call(self.launch.function, *operands)


@dataclass(frozen=True)
class Called:
    """A call as it is printed.

    Attributes:
        call: the call.
        is_checked: True if its tests may fail, which ends the step ahead of every kernel that
            writes a state.
        end: what the watch is told behind it.
        is_step: True if that may end the step, too.
    """

    call: Code
    is_checked: bool
    end: Code
    is_step: bool


@dataclass(frozen=True)
class Rolled:
    """Calls that repeat: a loop over a table of what they differ in.

    Attributes:
        turn, table, row: names of the number of the turn, of the table and of one of its rows.
        columns: the numbers of a row.
        rows: each with the layers whose calls it is for.
        calls: those of a turn.
    """

    turn: str
    table: str
    row: str
    columns: int
    rows: tuple[tuple[tuple[int, ...], str], ...]
    calls: tuple[Called, ...]


@dataclass(frozen=True)
class Looped:
    """A loop of calls.

    Attributes:
        turn, step: names of the number of the turn, and of the step.
        count: how many there are.
        index: the number of the step.
        layers: whose loop it is.
        body: its calls, and loops.
        rows: if threads divide them, how many there are.
        work: with `rows`, the multiplications of all steps.
        number: which step of the program it is; None inside of another loop.
    """

    turn: str
    step: str
    count: Code
    index: Code
    layers: str
    body: tuple[Called | Looped, ...]
    rows: Code | None = None
    work: Code | None = None
    number: int | None = None


Printed: TypeAlias = Called | Rolled | Looped


@dataclass(frozen=True)
class StepSite:
    """A place of the function: prints what stands there. Its methods are what the templates call.

    Attributes:
        depth: in how many braces it is.
    """

    depth: int = 1

    def line(self, *parts: Part, note: str = "") -> str:
        """Return a statement's lines; `note` is the comment behind it."""
        return "\n".join(page.lines(parts, "  " * self.depth, note))

    def pragma(self, *parts: Part) -> str:
        """Return a directive's lines."""
        return "\n".join(page.lines(parts, "  " * self.depth, broken=" \\"))

    def team(self, loop: Looped) -> str:
        """Return the directive by which threads divide a loop's rows, if it has work for them."""
        assert loop.work is not None
        test = page.call("if ", page.compared(loop.work, ">=", code(str(LEAST))))
        return self.pragma("#pragma omp parallel", page.Fragment(" ", page.Break.COMMA), test)

    def body(self, printed: Sequence[Printed]) -> str:
        """Return the lines of calls and loops."""
        return "".join(_forms()[type(one).__name__](one, self) for one in printed)

    @property
    def deeper(self) -> StepSite:
        """The site inside of braces."""
        return StepSite(self.depth + 1)


def _forms() -> dict[str, Any]:
    """Return the macros of the template, by what each prints."""
    return vars(environment().get_template("cpu/step.c.j2").module)


# ---- from launches ------------------------------------------------------------------------------


class StepPrinter:
    """Prints the calls of a program's kernels.

    Attributes:
        tables: what the calls read so far.
    """

    def __init__(self) -> None:
        self.tables = Tables()
        self._loops: list[tuple[DeviceLoop, str, str]] = []  # with the turn's and the step's name
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
        printed: list[Printed] = []
        number = 0
        while number < len(units):
            unit = units[number]
            if isinstance(unit, DeviceLoop):
                printed.append(replace(self._loop(unit), number=number))
                number += 1
                continue
            period, turns = tandem_repeat(keys, number)
            calls = [
                one for one in units[number : number + period * turns] if isinstance(one, Call)
            ]
            printed += self._rolled(calls, period, number)
            number += len(calls)
        text: str = _forms()["function"](NAME, self._calls, printed, StepSite())
        return text

    def _call(self, launch: Launch) -> Call:
        return Call(launch, tuple(map(self._argument, launch.arguments)))

    def _rolled(self, calls: Sequence[Call], period: int, step: int) -> list[Printed]:
        """Calls of which so many in a row repeat: those of one turn, in a loop over the numbers
        that differ between turns where there are several. `step` is the number of the first."""
        turns = [calls[k : k + period] for k in range(0, len(calls), period)]
        first, self._calls = self._calls, self._calls + len(calls)
        if len(turns) == 1:
            return [
                _called(call, call.numbers, code(str(first + k)), code(str(step + k)))
                for k, call in enumerate(calls)
            ]
        turn, table, row = (f"{name}{self._count}" for name in ("turn", "table", "row"))
        self._count += 1
        columns: dict[tuple[int, ...], int] = {}
        body = []
        for k, call in enumerate(turns[0]):
            numbers = [
                one[0] if len(set(one)) == 1 else f"{row}[{columns.setdefault(one, len(columns))}]"
                for one in zip(*(calls[k].numbers for calls in turns), strict=True)
            ]
            by = code(turn) if period == 1 else page.product([code(str(period)), code(turn)])
            ends = (page.total([(True, code(str(one + k))), (True, by)]) for one in (first, step))
            body.append(_called(call, numbers, *ends))
        rows = tuple(
            (cells, _layers(call.launch for call in calls))
            for cells, calls in zip(zip(*columns, strict=True), turns, strict=True)
        )
        return [Rolled(turn, table, row, len(columns), rows, tuple(body))]

    def _loop(self, loop: DeviceLoop) -> Looped:
        turn, step = f"turn{self._count}", f"step{self._count}"
        self._count += 1
        count = self._size(loop.length)
        index = code(turn)
        if loop.reverse:
            index = page.total([(True, count), (False, code("1")), (False, index)])
        self._loops.append((loop, turn, step))
        body = tuple(map(self._inside, loop.steps))
        self._loops.pop()
        layers = _layers(one for one in loop.steps if isinstance(one, Launch))
        looped = Looped(turn, step, count, index, layers, body)
        if not isinstance(loop, SharedLoop):
            return looped
        factors = [code("(gc_int64)", self._size(size)) for size in loop.work]
        return replace(looped, rows=self._size(loop.rows), work=page.product(factors))

    def _inside(self, step: DeviceStep) -> Called | Looped:
        """A step of a loop's body."""
        if isinstance(step, DeviceLoop):
            return self._loop(step)
        call = self._call(step)
        self._calls += 1  # as `memory.launches` counts
        return _called(call, call.numbers, code(str(self._calls - 1)))

    def _argument(self, argument: Argument) -> Operand | Code:
        if isinstance(argument, Pointer):
            return self._address(argument.buffer)
        if isinstance(argument, SizeArgument):
            return self._extent(argument.size)
        if isinstance(argument, Word):
            words = self.tables.words
            return Operand("word[", words.setdefault(argument.value, len(words)), "]")
        if isinstance(argument, CarryPointer):
            return self._carried(argument)
        if isinstance(argument, LoopStep):
            return Operand(self._step_of(argument.scan))
        if isinstance(argument, ShareLimit):
            return Operand("end" if argument.end else "begin")
        return Operand("call_step" if isinstance(argument, CallNumber) else "status")

    def _address(self, buffer: DeviceBuffer) -> Operand:
        number = self.tables.buffers.setdefault(buffer, len(self.tables.buffers))
        return Operand(f"({C_TYPES[buffer.dtype]}*)at[", number, "]")

    def _extent(self, formula: Formula) -> Operand:
        if isinstance(formula, int):
            return Operand("", formula)
        return Operand("size[", self.tables.sizes.setdefault(formula, len(self.tables.sizes)), "]")

    def _size(self, formula: Formula) -> Code:
        extent = self._extent(formula)
        return extent.code(extent.number)

    def _carried(self, argument: CarryPointer) -> Code:
        """The buffer that this step of its loop reads a carry from, or writes it to."""
        carry = argument.carry
        loop, turn, _ = next(one for one in reversed(self._loops) if carry in one[0].carries)
        buffers = map(self._address, carry.buffers)
        first, even, odd, last = (one.code(one.number) for one in buffers)
        is_odd = page.quotient(code(turn), code("2"), "%")
        if argument.write:
            end = page.total([(True, self._size(loop.length)), (False, code("1"))])
            is_last = page.compared(code(turn), "==", end)
            return page.choice(is_last, last, page.choice(is_odd, odd, even))
        is_first = page.compared(code(turn), "==", code("0"))
        return page.choice(is_first, first, page.choice(is_odd, even, odd))

    def _step_of(self, scan: Node) -> str:
        return next(step for loop, _, step in self._loops if loop.scan is scan)


def declaration(name: str, parameters: Sequence[str]) -> str:
    """The declaration of a kernel, for a translation unit that calls it and does not have it."""
    text: str = _forms()["declaration"](name, parameters)
    return text


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


def _called(call: Call, numbers: Sequence[object], *ends: Code) -> Called:
    """Return a call as it is printed, with these for its numbers; `ends` are the number of its
    kernel, and, of one that is no part of a loop, that of its step."""
    is_checked = any(isinstance(one, StatusPointer) for one in call.launch.arguments)
    is_step = len(ends) > 1
    end = page.call("watch.stops" if is_step else "watch.ends", *ends)
    return Called(call.code(numbers), is_checked, end, is_step)


def _layers(of: Iterable[Launch]) -> str:
    """The layers of launches, for a note behind a line."""
    layers = dict.fromkeys(name for launch in of for name in launch.kernel.layers)
    return ", ".join(map(comment, layers))
