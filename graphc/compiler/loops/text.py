"""The printed form of a loop program, for dumps and errors. Nothing reads it back."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.program import Body, LoopProgram
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AsyncCopy,
    AtomicAdd,
    Barrier,
    BufferWindow,
    Check,
    Fence,
    For,
    If,
    Let,
    LoopKind,
    Prefetch,
    Statement,
    Store,
    UseIntrinsic,
    Wait,
)
from graphc.compiler.loops.value import conditions_text

_WIDTH = 100
_NOTES_FROM = 40
_NOTES_TO = 60
"""The columns between which notes begin, below each other."""


def program_text(program: LoopProgram) -> str:
    """Return a program as lines: its name, inputs and outputs, then its statements."""
    given = [f"{variable} < {end}" for variable, end in program.indices]
    inputs = ", ".join([*map(_declared, program.inputs), *map(str, program.arguments), *given])
    outputs = ", ".join(map(_declared, program.outputs))
    head = _wrapped(f"kernel {program.name}({inputs}) -> {outputs}", "")
    return "\n".join([*head, *body_lines(program.body, "  ")])


def head_line(statement: Statement) -> str:
    """Return the first line of a statement, without its note."""
    return next(_lines((statement,), "")).code


def body_lines(body: Body, indent: str = "") -> Iterator[str]:
    """Yield the lines of statements; notes are below each other, and long lines broken."""
    lines = list(_lines(body, indent))
    noted = [len(line.indent) + len(line.code) for line in lines if line.note]
    column = max([_NOTES_FROM, *(length for length in noted if length <= _NOTES_TO)])
    for line in lines:
        yield from line.text(column)


@dataclass(frozen=True)
class _Line:
    """A line, before it is laid out."""

    indent: str
    code: str
    note: str = ""

    def text(self, column: int) -> Sequence[str]:
        """Return it as lines with a note from a column on, or behind the code if that is longer, or
        in a line of its own ahead of code that is too long for both."""
        parts = _wrapped(self.code, self.indent)
        if not self.note:
            return parts
        whole = f"{parts[0].ljust(column)}  # {self.note}"
        if len(parts) == 1 and len(whole) <= _WIDTH:
            return [whole]
        return [f"{self.indent}# {self.note}", *parts]


def _wrapped(code: str, indent: str) -> list[str]:
    """Return code as lines, broken after commas and ahead of what joins conditions; where that is
    not enough, ahead of the signs of sums, too."""
    lines = _broken(code, indent, _JOINTS)
    if max(map(len, lines), default=0) > _WIDTH:
        lines = _broken(code, indent, (*_JOINTS, "+", "-"))
    return lines


_JOINTS = ("and", "if", "else", "where", "->")


def _broken(code: str, indent: str, joints: Sequence[str]) -> list[str]:
    kept = code.replace(" ", "\0").replace(",\0", ", ")
    for joint in joints:
        kept = kept.replace(f"\0{joint}\0", f" {joint}\0")
    lines = textwrap.wrap(
        kept,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\0", " ") for line in lines]


def _lines(body: Body, indent: str) -> Iterator[_Line]:
    inner = indent + "  "
    for statement in body:
        if isinstance(statement, For):
            ends = [str(end) for end in statement.ends]
            end = ends[0] if len(ends) == 1 else f"min({', '.join(ends)})"
            kind = "" if statement.kind is LoopKind.SERIAL else f" ({statement.kind.value})"
            yield _Line(indent, f"for {statement.variable} < {end}{kind}:", statement.note)
            yield from _lines(statement.body, inner)
        elif isinstance(statement, If):
            yield _Line(indent, f"if {conditions_text(statement.conditions)}:")
            yield from _lines(statement.body, inner)
            if statement.otherwise:
                yield _Line(indent, "else:")
                yield from _lines(statement.otherwise, inner)
        else:
            yield _Line(indent, _line(statement), getattr(statement, "note", ""))


def _line(statement: Statement) -> str:
    if isinstance(statement, Let):
        return f"{statement.local} = {statement.value}"
    if isinstance(statement, Check):
        again = " again" if statement.is_repeated else ""
        what = f"check {statement.number}{again}" if statement.is_tested else "index"
        return f"{statement.variable} = {what}: {statement.value} below {statement.end}"
    if isinstance(statement, Store):
        tests = [conditions_text(statement.conditions)] if statement.conditions else []
        tests += ["no check has failed"] if statement.guarded else []
        where = f" where {' and '.join(tests)}" if tests else ""
        return f"{statement.target} = {statement.value}{where}"
    if isinstance(statement, Accumulate):
        targets = ", ".join(map(str, statement.targets))
        values = ", ".join(map(str, statement.values))
        return f"{targets} = {statement.reduction}({targets}, {values})"
    if isinstance(statement, Allocate):
        return f"allocate {_declared(statement.buffer)} in {statement.buffer.scope.value}"
    if isinstance(statement, Barrier | Fence):
        name = "barrier" if isinstance(statement, Barrier) else "fence"
        return f"{name} ({statement.scope.value})"
    if isinstance(statement, AtomicAdd):
        return f"{statement.variable} = {statement.target}, which grows by 1 (atomic)"
    if isinstance(statement, AsyncCopy):
        return f"copy {statement.count} from {statement.source} to {statement.target} (async)"
    if isinstance(statement, Wait):
        return f"wait until {statement.pending} are pending"
    if isinstance(statement, Prefetch):
        return f"prefetch {statement.element}"
    assert isinstance(statement, UseIntrinsic)
    windows = ", ".join(map(_window, statement.windows))
    sizes = "".join(f", {symbol}={size}" for symbol, size in statement.sizes.items())
    pairs = zip(statement.intrinsic.arguments, statement.arguments, strict=True)
    arguments = "".join(f", {argument}={value}" for argument, value in pairs)
    constants = ", ".join(map(str, statement.intrinsic.constants))
    name = f"{statement.intrinsic.name}{f'<{constants}>' if constants else ''}"
    return f"{name}({windows}{sizes}{arguments})"


def _window(window: BufferWindow) -> str:
    """A rectangle as its first element; an axis that it moves along has a colon."""
    coords = [
        f"{start}:" if axis in window.axes else str(start)
        for axis, start in enumerate(window.start)
    ]
    return f"{window.buffer}[{', '.join(coords)}]"


def _declared(buffer: Buffer) -> str:
    shape = ", ".join(map(str, buffer.shape))
    inside = "" if buffer.memory == buffer.name else f" inside {buffer.memory}"
    return f"{buffer.name}: {buffer.dtype}[{shape}]{inside}"
