"""Split: a loop becomes two, of which the inner one does a number of turns that follow each other.

for row < n:          for row_outer < (n + 15) // 16:
  ...[row]              for row_inner < 16:
                          if row_outer*16 + row_inner < n:
                            ...[row_outer*16 + row_inner]
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.index import Index, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    loads_of,
    substituted,
    targets_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges, is_never_negative
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, Let, Statement, Store
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Load, below


class Tail(Enum):
    """Who does the turns at the end that fill no whole inner loop.

    Attributes:
        GUARD: the inner loop, whose body is under a test.
        SHORT: the inner loop, which then has fewer turns.
        LOOP: a loop of its own, behind.
        AGAIN: a loop of its own, behind, that begins earlier: it does turns again that are done
            already, so as to have a number of turns that is given, or as many as the inner loop.
        NONE: there are none, or the split is refused.
    """

    GUARD = "guard"
    SHORT = "short"
    LOOP = "loop"
    AGAIN = "again"
    NONE = "none"


def split(
    program: LoopProgram,
    loop: str,
    factor: Size,
    tail: Tail = Tail.GUARD,
    again: Size | None = None,
) -> LoopProgram:
    """Divide a loop into `<loop>_outer` and `<loop>_inner`, which has `factor` turns.

    Where `factor` is proved to divide the number of turns, no remainder is there to be done.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop.
        factor: a size that is at least 1.
        tail: who does the turns at the end; a loop of its own is named `<loop>_rest`.
        again: the turns of that loop, with `Tail.AGAIN`.
    """
    found = unbound_loop_of(program, "split", loop)
    where = f"the loop {loop!r}"
    if not is_never_negative(factor - 1):
        raise refused(program, "split", where, "a factor of at least 1", str(factor))
    names, ranges = Names(program), ranges_at(program, found)
    outer = names.variable(f"{loop}_outer")
    inner = names.variable(f"{loop}_inner")
    turn = index_of(outer) * factor + index_of(inner)
    body = substituted(found.body, {found.variable: turn})
    uneven = [end for end in found.ends if not ranges.divides(factor, end)]
    inner_ends: list[Index] = [as_index(factor)]
    rest: Body = ()
    if not uneven or tail in (Tail.LOOP, Tail.AGAIN):
        outer_ends = [end // factor for end in found.ends]
        if uneven:
            least = None if tail is Tail.LOOP else factor if again is None else again
            rest = (_rest(program, found, factor, names, least, ranges),)
    elif tail is Tail.NONE:
        expected = f"a number of turns that {factor} divides"
        raise refused(program, "split", where, expected, f"{' and '.join(map(str, uneven))} turns")
    else:
        outer_ends = [(end + (factor - 1)) // factor for end in found.ends]
        if tail is Tail.SHORT:
            inner_ends += [end - index_of(outer) * factor for end in uneven]
        else:
            body = (If(tuple(below(turn, end) for end in uneven), body),)
    inside = replace(found, variable=inner, ends=tuple(inner_ends), body=body, note="")
    outside = replace(found, variable=outer, ends=tuple(outer_ends), body=(inside,))
    return program.with_loop(loop, lambda _: settled((outside, *rest), ranges))


def _rest(
    program: LoopProgram,
    loop: For,
    factor: Size,
    names: Names,
    least: Size | None,
    ranges: Ranges,
) -> For:
    """Return the loop of the turns that fill no whole inner loop, and of as many ahead of them as
    make them `least`, unless that is None."""
    where = f"the loop {loop.variable.name!r}"
    if len(loop.ends) > 1:
        ends = ", ".join(map(str, loop.ends))
        expected = "one end, if the remainder is a loop of its own"
        raise refused(program, "split", where, expected, f"the least of {ends}")
    (end,) = loop.ends
    first, turns = end // factor * factor, end - end // factor * factor
    if least is not None:
        _check_repeatable(program, where, loop, turns, least, ranges)
        first, turns = end - least, as_index(least)
    (copy,) = names.copied((loop,))
    assert isinstance(copy, For)
    variable = names.variable(f"{loop.variable.name}_rest")
    body = substituted(copy.body, {copy.variable: index_of(variable) + first})
    return replace(copy, variable=variable, ends=(turns,), body=body)


def _check_repeatable(
    program: LoopProgram, where: str, loop: For, rest: Index, least: Size, ranges: Ranges
) -> None:
    """Refuse a loop with fewer turns than `least`, or more than that to be done at its end, or with
    a turn that would do something else if it were done again, behind others."""
    (end,) = loop.ends
    for more, what in ((end - least, f"{end} turns"), (least - rest, f"{rest} turns at the end")):
        if not ranges.is_never_negative(more):
            expected = f"at least {least} turns, and no more of them at the end"
            raise refused(program, "split", where, expected, what)
    own = {one.buffer.memory for one in walk(loop.body) if isinstance(one, Allocate)}
    for memory in written_memories(loop.body) - own:
        elements: set[Load] = set()
        for statement in walk(loop.body):
            if not isinstance(statement, For | If | Let | Store | Accumulate | Allocate):
                expected = "values, loops, tests and stores, if turns are done again"
                raise refused(program, "split", where, expected, head_line(statement))
            used = (*targets_of(statement), *loads_of(statement))
            elements.update(one for one in used if one.buffer.memory == memory)
        first = next(one for one in loop.body if memory in _used_memories(one))
        if not (
            isinstance(first, Store)
            and elements == {first.target}
            and not first.conditions
            and not first.guarded
            and all(one.buffer.memory != memory for one in loads_of(first))
        ):
            expected = "that a turn that is done again begins with a store to all that it changes"
            raise refused(program, "split", where, expected, head_line(first))


def _used_memories(statement: Statement) -> set[str]:
    return {one.memory for inner in walk((statement,)) for one in buffers_of(inner)}
