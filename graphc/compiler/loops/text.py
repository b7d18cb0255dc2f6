"""The printed form of a loop program, for dumps and errors. Nothing reads it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
from graphc.compiler.loops.value import Condition

_NOTE_COLUMN = 60


def program_text(program: LoopProgram) -> str:
    """Return a program as lines: its name, inputs and outputs, then its statements."""
    given = [f"{variable} < {end}" for variable, end in program.indices]
    inputs = ", ".join([*map(_declared, program.inputs), *map(str, program.arguments), *given])
    outputs = ", ".join(map(_declared, program.outputs))
    head = f"kernel {program.name}({inputs}) -> {outputs}"
    return "\n".join([head, *body_lines(program.body, "  ")])


def body_lines(body: Body, indent: str = "") -> Iterator[str]:
    """Yield the lines of statements."""
    for statement in body:
        yield from _lines(statement, indent)


def _lines(statement: Statement, indent: str) -> Iterator[str]:
    inner = indent + "  "
    if isinstance(statement, For):
        ends = [str(end) for end in statement.ends]
        end = ends[0] if len(ends) == 1 else f"min({', '.join(ends)})"
        kind = "" if statement.kind is LoopKind.SERIAL else f" ({statement.kind.value})"
        yield _noted(f"{indent}for {statement.variable} < {end}{kind}:", statement.note)
        yield from body_lines(statement.body, inner)
    elif isinstance(statement, If):
        yield f"{indent}if {_all(statement.conditions)}:"
        yield from body_lines(statement.body, inner)
        if statement.otherwise:
            yield f"{indent}else:"
            yield from body_lines(statement.otherwise, inner)
    else:
        yield _noted(indent + _line(statement), getattr(statement, "note", ""))


def _line(statement: Statement) -> str:
    if isinstance(statement, Let):
        return f"{statement.local} = {statement.value}"
    if isinstance(statement, Check):
        return (
            f"{statement.variable} = check {statement.number}: {statement.value} below "
            f"{statement.end}"
        )
    if isinstance(statement, Store):
        tests = [str(one) for one in statement.conditions]
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
    return f"{statement.intrinsic.name}({windows}{sizes})"


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


def _all(conditions: Iterable[Condition]) -> str:
    return " and ".join(map(str, conditions))


def _noted(line: str, note: str) -> str:
    return f"{line.ljust(_NOTE_COLUMN)}  # {note}" if note else line
