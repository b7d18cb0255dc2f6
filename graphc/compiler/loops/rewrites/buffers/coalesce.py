"""Coalesce: a buffer that is copied to another one when it is complete lies there from its
beginning.

allocate sums: float32[64, 256] in thread   for row < 64:
for row < 64:                                 for column < 256:
  for column < 256:                             y[64*strip + row, column] = 0.0
    sums[row, column] = 0.0                 ...y[64*strip + ..., ...]...
...sums...
for row_2 < 64:
  for column_2 < 256:
    y[64*strip + row_2, column_2] = sums[row_2, column_2]

Nothing else uses the memory of the other one, so nobody sees that its elements are not complete
yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    block_of,
    buffers_of,
    loads_of,
    replaced,
    targets_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.elements import is_one_for_each_turn
from graphc.compiler.loops.rewrites.refusal import allocation_of, ranges_at, refused
from graphc.compiler.loops.statement import PARALLEL_KINDS, Allocate, For, Statement, Store
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Load, Value


def coalesce(program: LoopProgram, buffer: str) -> LoopProgram:
    """Let the elements of a buffer lie where they are copied to.

    The copy is a nest of loops that stores all that the program accesses of the buffer, each
    element by its coordinates, which are the loops' variables, to an element of its own. It is the
    last statement of the allocation's block that uses the buffer.

    Args:
        program: the program.
        buffer: what is copied; one that the program allocates, with no views.
    """
    allocate = allocation_of(program, "coalesce", buffer)
    block, place = block_of(program, allocate)
    behind = block[place + 1 :]
    copy = _copy_of(program, allocate, behind)
    _check_target(program, allocate, copy)
    ranges = ranges_at(program, allocate)
    for statement, inside in walk_in_ranges(behind, ranges):
        if statement is not copy.store:
            _check_elements(program, copy, statement, inside)

    def target(old: Load) -> Load:
        return copy.place_of(old) if old.buffer is copy.source.buffer else old

    def value(old: Value) -> Value:
        return target(old) if isinstance(old, Load) else old

    body = replaced(replaced(program.body, copy.nest, ()), allocate, ())
    return replace(program, body=Parts(value=value, target=target).in_body(body))


@dataclass(frozen=True)
class _Copy:
    """A nest of loops that copies a buffer.

    Attributes:
        nest: the outermost loop.
        loops: all, from the outermost on.
        store: what they do.
    """

    nest: Statement
    loops: tuple[For, ...]
    store: Store

    @property
    def source(self) -> Load:
        """The element that is copied."""
        assert isinstance(self.store.value, Load)
        return self.store.value

    def loop_along(self, axis: int) -> For:
        """Return the loop whose variable is a coordinate of the element that is copied."""
        (variable,) = self.source.coords[axis].variables
        return next(one for one in self.loops if one.variable is variable)

    def place_of(self, element: Load) -> Load:
        """Return where an element of the buffer is copied to."""
        variables = (self.loop_along(axis).variable for axis in range(len(element.coords)))
        known = dict(zip(variables, element.coords, strict=True))
        coords = tuple(coord.substitute(known) for coord in self.store.target.coords)
        return replace(self.store.target, coords=coords)


def _copy_of(program: LoopProgram, allocate: Allocate, behind: Body) -> _Copy:
    """Return the copy that the statements behind an allocation end its use with."""
    buffer = allocate.buffer
    where = f"the buffer {buffer.name!r}"
    uses = [one for one in behind if any(buffer in buffers_of(inner) for inner in walk((one,)))]
    expected = "loops that copy it, each element by itself, as the last that uses it"
    if not uses:
        raise refused(program, "coalesce", where, expected, "no statement that uses it")
    nest = last = uses[-1]
    loops: list[For] = []
    while isinstance(last, For) and len(last.body) == 1:
        loops.append(last)
        (last,) = last.body
    if not isinstance(last, Store) or last.conditions or last.guarded:
        raise refused(program, "coalesce", where, expected, head_line(last))
    element = last.value
    if not isinstance(element, Load) or element.buffer is not buffer:
        raise refused(program, "coalesce", where, expected, head_line(last))
    variables = [one.variable for one in loops]
    coords = [coord.atom for coord in element.coords]
    if len(coords) != len(variables) or set(coords) != set(variables):
        raise refused(program, "coalesce", where, expected, f"a copy of {element}")
    for one in walk(behind):
        if isinstance(one, For) and one.kind in PARALLEL_KINDS:
            expected = "loops behind its allocation that one thread runs"
            raise refused(program, "coalesce", where, expected, head_line(one))
    return _Copy(nest, tuple(loops), last)


def _check_target(program: LoopProgram, allocate: Allocate, copy: _Copy) -> None:
    """Refuse a copy to a memory that anything else uses, to another type, or of two elements to
    one."""
    where, to = f"the buffer {allocate.buffer.name!r}", copy.store.target
    others = [
        one
        for one in walk(program.body)
        if one is not copy.store
        and any(used.memory == to.buffer.memory for used in buffers_of(one))
    ]
    if others or any(one.memory == to.buffer.memory for one in program.inputs):
        expected = f"that nothing else uses the memory of {to.buffer.name}"
        found = head_line(others[0]) if others else "an input"
        raise refused(program, "coalesce", where, expected, found)
    if to.buffer.dtype != allocate.buffer.dtype:
        expected = f"a copy of {allocate.buffer.dtype}"
        raise refused(program, "coalesce", where, expected, f"one to {to.buffer.dtype}")
    own = frozenset(loop.variable for loop in copy.loops)
    if not is_one_for_each_turn(to.coords, own, ranges_at(program, copy.store)):
        expected = "an element of its own for each of its elements where it is copied to"
        raise refused(program, "coalesce", where, expected, str(to))


def _check_elements(
    program: LoopProgram, copy: _Copy, statement: Statement, ranges: Ranges
) -> None:
    """Refuse a statement that accesses an element that is not copied."""
    buffer = copy.source.buffer
    where = f"the buffer {buffer.name!r}"
    elements = (*targets_of(statement), *loads_of(statement))
    if sum(one is buffer for one in buffers_of(statement)) != sum(
        one.buffer is buffer for one in elements
    ):
        expected = "that values and stores alone access it"
        raise refused(program, "coalesce", where, expected, head_line(statement))
    for element in elements:
        if element.buffer is not buffer:
            continue
        for axis, coord in enumerate(element.coords):
            loop = copy.loop_along(axis)
            if not all(ranges.is_never_negative(end - 1 - coord) for end in loop.ends):
                expected = f"coordinates below those of {loop.variable}, all of which are copied"
                raise refused(program, "coalesce", where, expected, str(element))
