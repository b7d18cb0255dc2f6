"""Speculate: values and sums of a turn's own are computed in turns that a test leaves out, too.

for place < 221:                              for place < 221:
  if place % 17 < 13:                           allocate s: float32[] in register
    allocate s: float32[] in register           s[] = 0.0
    s[] = 0.0                                   for k < 5:
    for k < 5:                                    s[] = sum(s[], image[place + k])
      s[] = sum(s[], image[place + k])          if place % 17 < 13:
    y[place // 17, place % 17] = s[]              y[place // 17, place % 17] = s[]

Nobody reads what they are in such a turn. What they are computed from has to be there: elements
that exist, of what is given to the program, or filled ahead of the loop.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loads_of,
    path_to,
    values_of,
    walk,
    walk_in_ranges,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.rewrites.conditions.predicate import may_fault
from graphc.compiler.loops.rewrites.refusal import (
    only_test_of,
    ranges_at,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, Let, Statement, Store
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Apply, Load

_REWRITE = "speculate"


def speculate(program: LoopProgram, loop: str, count: int) -> LoopProgram:
    """Let the first statements under the test that a loop's body is stand ahead of it.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop whose body is one test, without another
            branch.
        count: how many statements: values, and what stores to buffers that they allocate alone.
            Each element that they read is proved to exist, and to have a value, in all turns.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    test = only_test_of(program, _REWRITE, found)
    if not 0 < count <= len(test.body):
        expected = f"at least {count} statements under its test, and of these at least one"
        raise refused(program, _REWRITE, where, expected, str(len(test.body)))
    ahead, behind = test.body[:count], test.body[count:]
    own = {one.buffer.memory for one in walk(ahead) if isinstance(one, Allocate)}
    filled: set[str] = set()
    for one, ranges in walk_in_ranges(ahead, ranges_at(program, test)):
        is_known = isinstance(one, Let | Allocate | Store | Accumulate | For | If)
        if not is_known or not written_memories((one,)) <= own:
            expected = "values, and stores to what is allocated among them"
            raise refused(program, _REWRITE, where, expected, head_line(one))
        for part in (part for value in values_of(one) for part in walk_value(value)):
            if isinstance(part, Apply) and may_fault(part):
                expected = "no division of integers by what may be zero"
                raise refused(program, _REWRITE, where, expected, str(part))
        for load in loads_of(one):
            buffer = load.buffer
            if buffer.memory in own:
                continue
            if not ranges.is_inside(load.coords, buffer.shape):
                expected = "elements that exist in turns that the test leaves out"
                raise refused(program, _REWRITE, where, expected, str(load))
            if buffer.memory not in filled and not _is_filled(program, found, buffer):
                expected = f"that {buffer.memory} has a value for each element ahead of the loop"
                raise refused(program, _REWRITE, where, expected, "no loops that store all")
            filled.add(buffer.memory)
    body = (*ahead, replace(test, body=behind)) if behind else ahead
    return program.with_loop(loop, lambda one: (replace(one, body=body),))


def _is_filled(program: LoopProgram, loop: For, buffer: Buffer) -> bool:
    """Return True if a buffer's memory has a value for each element where a loop begins."""
    if buffer.memory not in written_memories(program.body):
        return any(one.memory == buffer.memory for one in program.inputs)
    parts: dict[Size, Size] = {}
    whole: Size | None = None
    block = program.body
    for inside in path_to(program.body, loop):
        for one in block:
            if one is inside:
                break
            if isinstance(one, Allocate) and one.buffer.memory == buffer.memory:
                whole = one.buffer.elements
            parts |= _stored_parts(one, buffer.memory)
        block = next((x for x in inside.blocks if _has(x, loop)), ())
    reached: Size = 0
    while reached in parts:
        reached = reached + parts.pop(reached)
    return whole is not None and reached == whole


def _has(block: Body, loop: For) -> bool:
    return any(one is loop for one in walk(block))


def _stored_parts(statement: Statement, memory: str) -> dict[Size, Size]:
    """Return the first of the neighbouring elements of a memory that loops store, with how many
    they are: nothing of loops that do something else, or might not store one."""
    ends: dict[LoopVariable, Size] = {}
    block: Body = (statement,)
    while len(block) == 1 and isinstance(loop := block[0], For):
        (end, *others) = loop.ends
        if others or not end.is_constant:
            return {}
        ends[loop.variable] = end.constant
        block = loop.body
    target = _stored_element(block, memory)
    if target is None:
        return {}
    place = target.buffer.place(target.coords)
    terms = dict(place.terms)
    reached: Size = 1
    while terms:  # a number in mixed radix: each digit's weight is the count of those below
        digit = next((atom for atom, weight in terms.items() if weight == reached), None)
        if not isinstance(digit, LoopVariable) or digit not in ends:
            return {}
        reached = reached * ends[digit]
        del terms[digit]
    return {place.constant: reached}


def _stored_element(block: Body, memory: str) -> Load | None:
    """Return an element of a memory that statements store to in any case; None if there is none."""
    for one in block:
        if isinstance(one, Store) and one.target.buffer.memory == memory:
            if not one.conditions and not one.guarded:
                return one.target
        elif isinstance(one, If):
            first, second = (_stored_element(x, memory) for x in (one.body, one.otherwise))
            if first is not None and first == second:
                return first
    return None
