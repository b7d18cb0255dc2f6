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
from graphc.compiler.loops.program import Body, LoopProgram, substituted
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import For, If
from graphc.compiler.loops.value import below


class Tail(Enum):
    """Who does the turns at the end that fill no whole inner loop.

    Attributes:
        GUARD: the inner loop, whose body is under a test.
        SHORT: the inner loop, which then has fewer turns.
        LOOP: a loop of its own, behind.
        NONE: there are none, or the split is refused.
    """

    GUARD = "guard"
    SHORT = "short"
    LOOP = "loop"
    NONE = "none"


def split(program: LoopProgram, loop: str, factor: Size, tail: Tail = Tail.GUARD) -> LoopProgram:
    """Divide a loop into `<loop>_outer` and `<loop>_inner`, which has `factor` turns.

    Where `factor` is proved to divide the number of turns, no remainder is there to be done.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop.
        factor: a size that is at least 1.
        tail: who does the turns at the end; a loop of its own is named `<loop>_rest`.
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
    if not uneven or tail is Tail.LOOP:
        outer_ends = [end // factor for end in found.ends]
        if uneven:
            rest = (_rest(program, found, factor, names),)
    elif tail is Tail.NONE:
        expected = f"a number of turns that {factor} divides"
        raise refused(program, "split", where, expected, f"{' and '.join(map(str, uneven))} turns")
    else:
        outer_ends = [(end + (factor - 1)) // factor for end in found.ends]
        if tail is Tail.SHORT:
            inner_ends += [end - index_of(outer) * factor for end in uneven]
        else:
            body = (If(tuple(below(turn, end) for end in uneven), body),)
    inside = replace(found, variable=inner, ends=tuple(inner_ends), body=body)
    outside = replace(found, variable=outer, ends=tuple(outer_ends), body=(inside,))
    return program.with_loop(loop, lambda _: settled((outside, *rest), ranges))


def _rest(program: LoopProgram, loop: For, factor: Size, names: Names) -> For:
    """Return the loop of the turns that fill no whole inner loop."""
    if len(loop.ends) > 1:
        where = f"the loop {loop.variable.name!r}"
        ends = ", ".join(map(str, loop.ends))
        expected = "one end, if the remainder is a loop of its own"
        raise refused(program, "split", where, expected, f"the least of {ends}")
    (end,) = loop.ends
    done = end // factor * factor
    (copy,) = names.copied((loop,))
    assert isinstance(copy, For)
    variable = names.variable(f"{loop.variable.name}_rest")
    body = substituted(copy.body, {copy.variable: index_of(variable) + done})
    return replace(copy, variable=variable, ends=(end - done,), body=body)
