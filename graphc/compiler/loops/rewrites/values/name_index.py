"""Naming of indices: what several turns of a loop divide alike is divided once, and has a name.

    for step < n:                        allocate places: int32[4] in register
      for turn < 4 (unrolled):           for turn_2 < 4 (unrolled):
        s[] = sum(s[],                     places[turn_2] = (row + 8*turn_2) // w
          x[step + (row + 8*turn) // w]) for step < n:
                                           for turn < 4 (unrolled):
                                             index place = places[turn]
                                             s[] = sum(s[], x[step + place])

A compiler moves no division by a number that only a call knows out of a loop or a branch, as it
cannot prove that the number is not 0.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import (
    Index,
    LoopVariable,
    as_index,
    index_of,
    least_number,
    with_name,
)
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    path_to,
    replaced,
    substituted,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import most_turns
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at, refused
from graphc.compiler.loops.statement import Allocate, Check, For, LoopKind, Store
from graphc.compiler.loops.value import IndexValue, Load, Value

_REWRITE = "name_index"
_ONE_THREAD = (LoopKind.SERIAL, LoopKind.UNROLLED)


def name_index(
    program: LoopProgram, loop: str, part: Index, name: str, ahead_of: str | None = None
) -> LoopProgram:
    """Name a part of indices at the head of a loop's body, behind the indices that are named there.

    The part is a sum of terms of some index of the body, is at least 0, and at most a size.

    Args:
        program: the program.
        loop: the variable of the loop.
        part: what is named, of variables that are known at the head of the body.
        name: of the part, and with ``_of`` and the loops of what is computed ahead.
        ahead_of: a loop around, which one thread runs, ahead of which the part is computed for all
            turns of the loops inside that it depends on, to registers.
    """
    found = loop_of(program, _REWRITE, loop)
    where = f"the index {part}"
    ranges = ranges_at(program, found).within(found.variable, *found.ends)
    first, *_ = [number for number, one in enumerate(found.body) if not isinstance(one, Check)]
    head, rest = found.body[:first], found.body[first:]
    for one in head:
        assert isinstance(one, Check)
        ranges = ranges.within(one.variable, one.end)
    end = _end_of(program, where, part, ranges)
    names = Names(program)
    variable = names.variable(name)
    body = Parts(index=lambda one: with_name(one, part, variable)).in_body(rest)
    if body == rest:
        raise refused(program, _REWRITE, where, f"a part of an index in {loop!r}", "none")
    value: Value = IndexValue(part, "int32")
    if ahead_of is None:
        check = Check(variable, value, end, 0, as_index(0), is_tested=False)
        return program.with_loop(loop, lambda one: (replace(one, body=(*head, check, *body)),))
    outer = loop_of(program, _REWRITE, ahead_of)
    between = _between(program, where, outer, found, part)
    sizes = tuple(one.ends[0].constant for one in between)
    copies = {one.variable: LoopVariable(names.copy(one.variable.name)) for one in between}
    table = new_buffer(names.new(f"{name}_of_turns"), "int32", sizes, BufferScope.REGISTER)
    turns = tuple(index_of(one.variable) for one in between)
    check = Check(variable, Load(table, turns), end, 0, as_index(0), is_tested=False)
    store: Body = (Store(Load(table, turns), value),)
    moved = {old: index_of(new) for old, new in copies.items()}
    store = substituted(store, moved)
    for one in reversed(between):
        store = (replace(one, variable=copies[one.variable], body=store, note=""),)
    changed = replace(found, body=(*head, check, *body))
    inside = replace(outer, body=replaced(outer.body, found, (changed,)))
    whole = replaced(program.body, outer, (Allocate(table), *store, inside))
    return replace(program, body=whole)


def _end_of(program: LoopProgram, where: str, part: Index, ranges: Ranges) -> Size:
    unknown = sorted(map(str, part.variables - ranges.ends.keys()))
    if unknown:
        expected = "variables that are known at the head of the body"
        raise refused(program, _REWRITE, where, expected, unknown[0])
    most = most_turns((part,), ranges)
    if most is None or not ranges.is_never_negative(part):
        raise refused(program, _REWRITE, where, "one of at least 0, below a size", "no such bound")
    return most + 1


def _between(
    program: LoopProgram, where: str, first: For, found: For, part: Index
) -> tuple[For, ...]:
    """Return the loops from inside of one down to another one that a part depends on."""
    around = path_to(program.body, found)
    place = next((number for number, one in enumerate(around) if one is first), None)
    if place is None:
        expected = f"a loop around that over {found.variable}"
        raise refused(program, _REWRITE, where, expected, f"{first.variable}")
    inside = [one for one in around[place:] if isinstance(one, For)]
    between = []
    for one in inside:
        if one.kind not in _ONE_THREAD:
            kind = f"{one.variable} ({one.kind.value})"
            raise refused(program, _REWRITE, where, "loops of one thread", kind)
        if one.variable not in part.variables:
            continue
        if one is first:
            expected = f"a part that is the same in all turns of {first.variable}"
            raise refused(program, _REWRITE, where, expected, "one that is not")
        if len(one.ends) != 1 or least_number(one.ends) is None:
            ends = ", ".join(map(str, one.ends))
            expected = "loops of known numbers of turns"
            raise refused(program, _REWRITE, where, expected, f"{one.variable} < {ends}")
        between.append(one)
    return tuple(between)
