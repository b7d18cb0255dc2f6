"""Views of elements: what a loop's body reads of one element is read through a buffer of its own.

for k < 8:                                   for k < 8:
  s0[] = sum(s0[], mul(x[i, k],                s0[] = sum(s0[], mul(x[i, k],
                       y[k, j]))                                    y[k, j]))
  s1[] = sum(s1[], mul(x[i, k],                s1[] = sum(s1[], mul(x[i, k],
                       y[k, j + 4]))                                y_part[k, j]))

So each of several parts of an array can be staged by itself.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import view
from graphc.compiler.loops.index import Index, LoopVariable
from graphc.compiler.loops.program import LoopProgram, Parts, loads_of, walk
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at, refused
from graphc.compiler.loops.value import Load, Value

_REWRITE = "view_element"


def view_element(program: LoopProgram, loop: str, element: Load) -> LoopProgram:
    """Read an element, wherever a loop's body reads it, through a view of its buffer. Along an axis
    it begins at the number that a coordinate is never less than, and ends with the turns of the
    loop whose variable is added to that."""
    found = loop_of(program, _REWRITE, loop)
    if all(load is not element for one in walk(found.body) for load in loads_of(one)):
        expected = f"a body that reads {element}"
        where = f"the loop {loop!r}"
        raise refused(program, _REWRITE, where, expected, "no statement of it that does")
    ranges = ranges_at(program, found).within(found.variable, *found.ends)
    buffer = element.buffer
    first = tuple(_first(coord, ranges) for coord in element.coords)
    offset: Size = 0
    for start, stride in zip(first, buffer.strides, strict=True):
        offset = offset + start * stride
    coords = tuple(coord - start for coord, start in zip(element.coords, first, strict=True))
    shape = tuple(
        _extent(coord, size - start, ranges)
        for coord, size, start in zip(coords, buffer.shape, first, strict=True)
    )
    part = view(buffer, Names(program).new(f"{buffer.name}_part"), shape, buffer.strides, offset)
    same = Load(part, coords)

    def value(one: Value) -> Value:
        return same if one is element else one

    body = Parts(value=value).in_body(found.body)
    return program.with_loop(loop, lambda one: (replace(one, body=body),))


def _first(coord: Index, ranges: Ranges) -> Size:
    """Return the number that a coordinate is the sum of and variables, if it is never less."""
    constant = coord.constant
    is_least = ranges.is_never_negative(coord - constant) and ranges.is_never_negative(constant)
    return constant if is_least else 0


def _extent(coord: Index, rest: Size, ranges: Ranges) -> Size:
    """Return the end of a coordinate that is a loop's variable, if it is a size; else that of the
    buffer."""
    ends = ranges.ends.get(coord.atom, ()) if isinstance(coord.atom, LoopVariable) else ()
    return ends[0].constant if len(ends) == 1 and ends[0].is_constant else rest
