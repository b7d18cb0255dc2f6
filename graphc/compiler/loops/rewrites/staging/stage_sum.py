"""Staging of a sum: what a loop's body adds up at coordinates that several loops make together is
added up at the body's head, once for each element.

for i < 4:                                      allocate sums: float32[8] in thread
  for k < 2:                                    for sums_axis0 < 8:
    if 2*i + k >= 1:                              allocate s: float32[] in register
      allocate s: float32[] in register           s[] = 0.0
      s[] = 0.0                                   for t < 3:
      for t < 3:                                    if sums_axis0 + t >= 1:
        s[] = sum(s[], x[2*i + k + t - 1])            s[] = sum(s[], x[sums_axis0 + t - 1])
      y[i] = max(y[i], s[])                       sums[sums_axis0] = s[]
                                                for i < 4:
                                                  for k < 2:
                                                    if 2*i + k >= 1:
                                                      y[i] = max(y[i], sums[2*i + k])

An element that a test leaves out is made, too, of those terms whose elements exist; nobody reads
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    facts,
    loads_of,
    path_to,
    replaced,
    substituted,
    transformed,
    values_of,
    variables_of,
    walk,
    walk_in_ranges,
    walk_value,
    with_note,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import Box, box_of
from graphc.compiler.loops.rewrites.conditions.predicate import may_fault
from graphc.compiler.loops.rewrites.elements import loads_in_ranges
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import settled, without_unused
from graphc.compiler.loops.rewrites.site import site_of
from graphc.compiler.loops.rewrites.staging.coordinates import variables_of_coordinates
from graphc.compiler.loops.rewrites.staging.filling import filling
from graphc.compiler.loops.rewrites.staging.layout import c_order
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, Let, Statement, Store
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Apply, Condition, Load, Local, Value, at_least, below

_REWRITE = "stage_sum"


@dataclass(frozen=True)
class _Sum:
    """A sum in its block.

    Attributes:
        total: what it is added up in.
        loops: those around the block, inside of the site, the outermost first.
        block: the statements of the block.
        made: of these those that make it, and the values that they are made of, in their order.
    """

    total: Buffer
    loops: tuple[For, ...]
    block: Body
    made: Body


def stage_sum(
    program: LoopProgram, loop: str, total: str, coords: Sequence[Index], name: str
) -> LoopProgram:
    """Add up at the head of a loop's body what it adds up at coordinates, and read it there.

    Args:
        program: the program.
        loop: the variable of the loop.
        total: the buffer of one element that the body allocates and adds up in, in a block that
            loops and tests are around.
        coords: of variables of these loops: each has a variable, once, that no other has. All that
            the sum depends on are these, and what is outside.
        name: of the buffer of all sums, in a thread's memory.
    """
    site = site_of(program, _REWRITE, loop, BufferScope.THREAD)
    where = f"the buffer {total!r}"
    found = _sum_of(program, site.body, total)
    made = variables_of_coordinates(program, _REWRITE, where, found.loops, coords)
    allocate = next(one for one in found.block if _allocates(one, found.total))
    known = {id(one): ranges for one, ranges in walk_in_ranges(site.body, site.ranges)}
    around = known[id(allocate)]
    box = box_of([(tuple(coords), around)], site.ranges, site.own_variables)
    if not isinstance(box, Box):
        expected = "coordinates that are a known number apart"
        raise refused(program, _REWRITE, where, expected, str(coords[box]))
    written = written_memories(site.body)
    for one in walk(found.made):
        for load in loads_of(one):
            if load.buffer.memory in written and load.buffer is not found.total:
                expected = "operands that the body does not write"
                raise refused(program, _REWRITE, where, expected, f"a read of {load.buffer.memory}")
    names = Names(program)
    copy = new_buffer(names.new(name), found.total.dtype, box.extents, BufferScope.THREAD)
    inner = {one.variable for one in found.loops}

    def element(place: tuple[Index, ...], target: Load, ranges: Ranges) -> Body:
        at = {
            variable: start + one - rest
            for (variable, rest), start, one in zip(made, box.start, place, strict=True)
        }
        body = (*found.made, Store(target, Load(found.total, ())))
        own = substituted(body, at)
        for one in walk(own):
            if not inner.isdisjoint(variables_of(one)):
                expected = f"a sum of {', '.join(map(str, coords))} alone"
                raise refused(program, _REWRITE, where, expected, head_line(one))
        own = _with_tests(program, where, settled(own, ranges), ranges)
        return names.copied(settled(own, ranges))

    filled = filling(
        names, site, copy, c_order(len(coords)), box.extents, ((),) * len(coords), element
    )
    filled = with_note(filled, f"add up all {total}, to {copy.name}")
    place = (coord - start for coord, start in zip(coords, box.start, strict=True))
    read = Load(copy, tuple(map(around.simplified, place)))
    body = site.body
    for one in found.made:
        if not isinstance(one, Let):
            body = replaced(body, one, ())

    def value(old: Value) -> Value:
        return read if isinstance(old, Load) and old.buffer is found.total else old

    changed = site.with_body(program, (*filled, *Parts(value=value).in_body(body)))
    return replace(changed, body=without_unused(changed.body))


def _allocates(one: Statement, total: Buffer) -> bool:
    return isinstance(one, Allocate) and one.buffer is total


def _sum_of(program: LoopProgram, body: Body, total: str) -> _Sum:
    """Return the sum that is added up in a buffer."""
    where = f"the buffer {total!r}"
    allocate = next(
        (x for x in walk(body) if isinstance(x, Allocate) and x.buffer.name == total), None
    )
    if allocate is None or allocate.buffer.shape:
        expected = "a buffer of one element that the body allocates"
        found = "no such statement" if allocate is None else str(allocate.buffer)
        raise refused(program, _REWRITE, where, expected, found)
    buffer = allocate.buffer
    *around, _ = path_to(body, allocate)
    loops = [one for one in around if isinstance(one, For)]
    tests = [one for one in around if isinstance(one, If)]
    if not loops or len(loops) + len(tests) < len(around) or any(one.otherwise for one in tests):
        expected = "loops and tests without another branch around it"
        raise refused(program, _REWRITE, where, expected, "other statements, or no loop")
    (block,) = (x for x in around[-1].blocks if any(one is allocate for one in x))
    makers = [one for one in block if buffer.memory in written_memories((one,))]
    for one in makers:
        own = {x.buffer.memory for x in walk((one,)) if isinstance(x, Allocate)}
        if written_memories((one,)) - own != {buffer.memory}:
            expected = "statements that write nothing else"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    last = max((k for k, one in enumerate(block) if any(one is x for x in makers)), default=-1)
    for one in block[: last + 1]:
        is_read = any(used.memory == buffer.memory for x in walk((one,)) for used in buffers_of(x))
        if is_read and one is not allocate and all(one is not x for x in makers):
            expected = "that it is added up before it is read"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    lets = _values_of(block[: last + 1], makers)
    made = [one for one in block if any(one is x for x in (allocate, *lets, *makers))]
    free = {x for one in walk(tuple(made)) for y in values_of(one) for x in walk_value(y)}
    bound = {one.local for one in walk(tuple(made)) if isinstance(one, Let)}
    named = {one.local for one in walk(body) if isinstance(one, Let)}
    outside = sorted(x.name for x in free if isinstance(x, Local) and x in named - bound)
    if outside:
        expected = "values of its own block"
        raise refused(program, _REWRITE, where, expected, f"the value {outside[0]!r}")
    return _Sum(buffer, tuple(loops), block, tuple(made))


def _values_of(block: Body, makers: Sequence[Statement]) -> list[Let]:
    """Return the values that a block names and statements of it are made of."""
    used = {x for one in walk(tuple(makers)) for y in values_of(one) for x in walk_value(y)}
    found: list[Let] = []
    for one in reversed(block):
        if isinstance(one, Let) and one.local in used:
            found.append(one)
            used.update(walk_value(one.value))
    return found


def _with_tests(program: LoopProgram, where: str, body: Body, ranges: Ranges) -> Body:
    """Return statements in which terms whose elements might not exist are under a test of that."""
    known = {id(one): inside for one, inside in walk_in_ranges(body, ranges)}

    def refuse(value: str) -> None:
        expected = "values that all coordinates have"
        raise refused(program, _REWRITE, where, expected, value)

    for one in walk(body):
        parts = (part for value in values_of(one) for part in walk_value(value))
        faulty = next((x for x in parts if isinstance(x, Apply) and may_fault(x)), None)
        if faulty is not None:
            refuse(str(faulty))

    def tested(one: Statement) -> Body:
        if one.blocks:
            return (one,)
        tests: list[Condition] = []
        for value in values_of(one):
            for load, ranges, is_chosen in loads_in_ranges(value, known[id(one)]):
                missing = list(_missing(load, ranges.given(facts(tests))))
                if missing and is_chosen:  # the term is there in any case
                    refuse(head_line(one))
                tests += missing
        if not tests:
            return (one,)
        if not isinstance(one, Accumulate):
            refuse(head_line(one))
        return (If(tuple(tests), (one,)),)

    return transformed(body, tested)


def _missing(load: Load, ranges: Ranges) -> Iterator[Condition]:
    """Yield the tests, of those under which an element exists, that are not proved."""
    for coord, size in zip(load.coords, load.buffer.shape, strict=True):
        for test in (at_least(coord), below(coord, size)):
            if not ranges.is_never_negative(test.index):
                yield test
                ranges = ranges.given(facts((test,)))
