"""Staging of terms: what a loop reduces is computed by a loop of its own, ahead of it.

for k0 < 100:                       allocate s0_terms: float32[100] in register
  t0 = exp(x[k0])                   for k0 < 100:
  s0[] = sum(s0[], t0)                t0 = exp(x[k0])
                                      s0_terms[k0] = t0
                                    for k0_2 < 100:
                                      s0[] = sum(s0[], s0_terms[k0_2])

Then the terms are computed in the widest vectors, however few of them are added at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import Body, LoopProgram, buffers_of
from graphc.compiler.loops.rewrites.execution.bind import known_turns
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import Accumulate, Allocate, Check, For, If, Store
from graphc.compiler.loops.value import IndexValue, Load, Value

_REWRITE = "stage_terms"


def stage_terms(
    program: LoopProgram, loop: str, scope: BufferScope = BufferScope.REGISTER
) -> LoopProgram:
    """Store the terms that a loop accumulates, and accumulate them in a loop behind it.

    A value that the loop stores in a buffer of one thread anyway, an element a turn, is read from
    there. The second loop has the name of the first one with a number. Where the turns accumulate
    under a test, both loops make it, and read the known indices that it needs.

    Args:
        loop: its variable; a serial loop of a known number of turns.
        scope: of the buffers, which are named ``<accumulator>_terms``.
    """
    found = loop_of(program, _REWRITE, loop)
    turns = known_turns(program, _REWRITE, found)
    tests, body = _tests_of(found.body)
    sums = [one for one in body if isinstance(one, Accumulate)]
    others = tuple(one for one in body if not isinstance(one, Accumulate))
    if not sums:
        where = f"the loop {loop!r}"
        raise refused(program, _REWRITE, where, "a loop that accumulates", "none of its statements")
    _check_only_accumulated(program, found, sums, others)
    turn = index_of(found.variable)
    names = Names(program)
    stored = {
        one.value: one.target
        for one in others
        if isinstance(one, Store)
        and one.target.coords == (turn,)
        and one.target.buffer.scope in (BufferScope.REGISTER, BufferScope.THREAD)
        and not one.conditions
    }
    allocated: list[Allocate] = []
    stores: list[Store] = []

    def term(value: Value, name: str) -> Value:
        if isinstance(value, IndexValue):
            return value
        if value not in stored:
            buffer = new_buffer(names.new(f"{name}_terms"), value.dtype, (turns,), scope)
            allocated.append(Allocate(buffer))
            stored[value] = Load(buffer, (turn,))
            stores.append(Store(stored[value], value))
        return stored[value]

    read: Body = tuple(
        replace(one, values=tuple(term(value, one.targets[0].buffer.name) for value in one.values))
        for one in sums
    )
    ahead: Body = (*others, *stores)
    if tests and ahead:
        ahead, read = _under(tests, ahead), names.copied(_under(tests, read))
    staged: Body = (*allocated, replace(found, body=(*ahead, *read)))
    changed = program.with_loop(loop, lambda _: staged)
    return fission(changed, loop, len(ahead)) if ahead else program


_Tests: TypeAlias = tuple[tuple[Body, If], ...]


def _tests_of(body: Body) -> tuple[_Tests, Body]:
    """Return the tests that all of a body is under, each with the known indices that are named
    ahead of it, and what is under them."""
    tests: list[tuple[Body, If]] = []
    while body and isinstance(test := body[-1], If) and not test.otherwise:
        if not all(isinstance(one, Check) and not one.is_tested for one in body[:-1]):
            break
        tests.append((body[:-1], test))
        body = test.body
    return tuple(tests), body


def _under(tests: _Tests, body: Body) -> Body:
    for indices, test in reversed(tests):
        body = (*indices, replace(test, body=body))
    return body


def _check_only_accumulated(
    program: LoopProgram, loop: For, sums: list[Accumulate], others: Body
) -> None:
    """Refuse a loop that does something else with what it accumulates in."""
    carried = {target.buffer.memory for one in sums for target in one.targets}
    for one in others:
        for buffer in buffers_of(one):
            if buffer.memory in carried:
                expected = f"that the loop does nothing else with {buffer.memory}"
                where = f"the loop {loop.variable.name!r}"
                raise refused(program, _REWRITE, where, expected, "a statement that uses it")
