"""Fission: a loop becomes two loops of the same turns, each with a part of the statements."""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.dependence import may_fission
from graphc.compiler.loops.index import LoopVariable, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    loads_of,
    substituted,
    values_of,
    variables_of,
    walk,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, refuse_if_synchronised, refused
from graphc.compiler.loops.statement import Allocate, Check, Let
from graphc.compiler.loops.value import Local, Value


def fission(program: LoopProgram, loop: str, at: int) -> LoopProgram:
    """Divide a loop into one with the first `at` statements of its body, and one with the others.

    Values that the first part names are computed again where the second part needs them, from what
    the loop doesn't write. The second loop has the name of the first one with a number.
    """
    found = loop_of(program, "fission", loop)
    where = f"the loop {loop!r}"
    if not 0 < at < len(found.body):
        expected = f"statements on both sides of number {at}"
        raise refused(program, "fission", where, expected, f"{len(found.body)} statements")
    ahead, behind = found.body[:at], found.body[at:]
    refuse_if_synchronised(program, "fission", where, found.body)
    again = _computed_again(program, where, ahead, behind)
    verdict = may_fission(program, found, at)
    if not verdict:
        expected = "no turn of the first part that needs an earlier one of the second"
        raise refused(program, "fission", where, expected, verdict.reason)
    names = Names(program)
    variable = LoopVariable(names.copy(loop))
    renamed = {one.local: names.copy_of(one.local) for one in again}
    lets = tuple(replace(one, local=renamed[one.local]) for one in again)

    def value(old: Value) -> Value:
        return renamed.get(old, old) if isinstance(old, Local) else old

    rest = Parts(value=value).in_body((*lets, *behind)) if renamed else behind
    rest = substituted(rest, {found.variable: index_of(variable)})
    first, second = replace(found, body=ahead), replace(found, variable=variable, body=rest)
    return program.with_loop(loop, lambda _: (first, second))


def _computed_again(program: LoopProgram, where: str, ahead: Body, behind: Body) -> list[Let]:
    """Return the `Let`s of the first part that the second one needs, refused if it needs more than
    can be computed again."""
    if not any(isinstance(one, Let | Allocate | Check) for one in ahead):
        return []
    needed = _needed_locals(behind)
    memories = {buffer.memory for one in walk(behind) for buffer in buffers_of(one)}
    variables = {one for statement in walk(behind) for one in variables_of(statement)}
    written = written_memories(ahead + behind)
    again: list[Let] = []
    for statement in reversed(ahead):
        if isinstance(statement, Let) and statement.local in needed:
            for load in loads_of(statement):
                if load.buffer.memory in written:
                    expected = f"that nothing in the loop writes what {statement.local} is made of"
                    raise refused(program, "fission", where, expected, f"a store to {load.buffer}")
            again.append(statement)
            needed |= _needed_locals((statement,))
            variables |= set(variables_of(statement))
        elif isinstance(statement, Allocate) and statement.buffer.memory in memories:
            expected = "no buffer of a turn that both parts use; expand allocates it ahead"
            raise refused(program, "fission", where, expected, str(statement.buffer))
        elif isinstance(statement, Check) and statement.variable in variables:
            expected = "no checked index that both parts use"
            raise refused(program, "fission", where, expected, str(statement.variable))
    return again[::-1]


def _needed_locals(body: Body) -> set[Local]:
    return {
        part
        for statement in walk(body)
        for value in values_of(statement)
        for part in walk_value(value)
        if isinstance(part, Local)
    }
