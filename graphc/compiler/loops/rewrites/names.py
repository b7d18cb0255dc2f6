"""Names of a program: new ones, and copies of statements that bind new ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import LoopVariable, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    kept,
    new_name,
    substitution,
    transformed,
    walk,
)
from graphc.compiler.loops.statement import (
    Allocate,
    AtomicAdd,
    Check,
    For,
    Let,
    Statement,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Load, Local, Value

_DIGITS = frozenset("0123456789")


def without_copy_number(name: str) -> str:
    """Return the name of what this is the name of a copy of: ``row`` of ``row_2``."""
    stem, _, number = name.rpartition("_")
    return stem if stem and number and _DIGITS.issuperset(number) else name


@kept
def names_in(program: LoopProgram) -> frozenset[str]:
    """Return the names that a program has given."""
    found = {buffer.name for buffer in (*program.inputs, *program.outputs)}
    found |= {argument.name for argument in program.arguments}
    found |= {variable.name for variable, _ in program.indices}
    return frozenset(found.union(*map(_names_in, program.body)))


@kept
def _names_in(statement: Statement) -> frozenset[str]:
    found: set[str] = set()
    if isinstance(statement, For | Check | AtomicAdd):
        found.add(statement.variable.name)
    elif isinstance(statement, Let):
        found.add(statement.local.name)
    blocks = statement.blocks
    if blocks:
        return frozenset(found.union(*map(_names_in, itertools.chain(*blocks))))
    return frozenset(found.union(buffer.name for buffer in buffers_of(statement)))


class Names:
    """The names that a program has given, and those that were made since."""

    def __init__(self, program: LoopProgram):
        self._taken = set(names_in(program))

    def new(self, name: str) -> str:
        """Return `name`, or it with a number if it is given already: ``row_2``. It is given from
        now on."""
        name = new_name(self._taken, name)
        self._taken.add(name)
        return name

    def copy(self, name: str) -> str:
        """Return a new name for a copy of what has this one: of ``row`` and of ``row_2`` alike the
        first of ``row_2``, ``row_3``, ... that is not given."""
        return self.new(without_copy_number(name))

    def variable(self, name: str) -> LoopVariable:
        """Return a variable with a new name."""
        return LoopVariable(self.new(name))

    def copy_of(self, local: Local) -> Local:
        """Return a local of a new name, which says what it is a copy of."""
        return Local(self.copy(local.name), local.dtype, local.first_name)

    def copied(self, body: Body) -> Body:
        """Return statements with new names for the variables, locals and buffers that they bind."""
        variables: dict[LoopVariable, LoopVariable] = {}
        locals_: dict[Local, Local] = {}
        memories: dict[str, str] = {}
        for statement in walk(body):
            if isinstance(statement, For | Check | AtomicAdd):
                variables[statement.variable] = LoopVariable(self.copy(statement.variable.name))
            elif isinstance(statement, Let):
                locals_[statement.local] = self.copy_of(statement.local)
            elif isinstance(statement, Allocate):
                memories[statement.buffer.memory] = self.copy(statement.buffer.memory)
        buffers: dict[Buffer, Buffer] = {}

        def buffer(old: Buffer) -> Buffer:
            if old.memory not in memories:
                return old
            if old not in buffers:
                memory = memories[old.memory]
                name = memory if old.name == old.memory else self.copy(old.name)
                buffers[old] = replace(old, name=name, memory=memory)
            return buffers[old]

        return _renamed(body, variables, locals_, buffer)


def _renamed(
    body: Body,
    variables: dict[LoopVariable, LoopVariable],
    locals_: dict[Local, Local],
    buffer: Callable[[Buffer], Buffer],
) -> Body:
    index = substitution({old: index_of(new) for old, new in variables.items()})

    def value(old: Value) -> Value:
        if isinstance(old, Load):
            return target(old)
        return locals_.get(old, old) if isinstance(old, Local) else old

    def target(old: Load) -> Load:
        return Load(buffer(old.buffer), old.coords)

    def bound(statement: Statement) -> Body:
        if isinstance(statement, For | Check | AtomicAdd):
            return (replace(statement, variable=variables[statement.variable]),)
        if isinstance(statement, Let):
            return (replace(statement, local=locals_[statement.local]),)
        if isinstance(statement, Allocate):
            return (Allocate(buffer(statement.buffer)),)
        if isinstance(statement, UseIntrinsic):
            windows = (replace(one, buffer=buffer(one.buffer)) for one in statement.windows)
            return (replace(statement, windows=tuple(windows)),)
        return (replace(statement),)  # one object has one place in a program

    return transformed(Parts(index=index, value=value, target=target).in_body(body), bound)
