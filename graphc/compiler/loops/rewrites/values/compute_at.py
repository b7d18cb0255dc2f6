"""Computation where it is read: a buffer's elements are computed in the loop that reads them.

allocate h: float32[2*n] in thread        for column < n:
for row < 2*n:                              allocate h_tile: float32[2] in register
  h[row] = 0.0                              for h_tile_axis0 < 2:
  for k < 9:                                  h_tile[h_tile_axis0] = 0.0
    h[row] = sum(h[row], x[row, k])           for k < 9:
for column < n:                                 h_tile[...] = sum(h_tile[...], x[...])
  y[column] = maximum(h[2*column], ...)     y[column] = maximum(h_tile[0], h_tile[1])
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    loads_of,
    path_to,
    replaced,
    substituted,
    transformed,
    walk,
    walk_in_ranges,
    with_note,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import Box, box_of
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import without_unused
from graphc.compiler.loops.rewrites.site import check_reached, check_same_for_all, site_of
from graphc.compiler.loops.rewrites.staging.filling import filling, in_copy
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout, c_order
from graphc.compiler.loops.rewrites.values.producer import (
    Producer,
    check_operands,
    producer_of,
    turn_of,
)
from graphc.compiler.loops.statement import Allocate, For, If, Statement
from graphc.compiler.loops.value import Condition, Load, Value, at_least, below

_REWRITE = "compute_at"


def compute_at(
    program: LoopProgram,
    buffer: str,
    loop: str,
    scope: BufferScope,
    layout: BufferLayout | None = None,
    name: str | None = None,
) -> LoopProgram:
    """Compute, at the head of a loop's body, the elements of a buffer that the body reads, in the
    place of computing all of them ahead.

    Each element is computed as before. One that several turns read is computed in each of them.

    Args:
        buffer: one that the program allocates.
        loop: the variable of a loop in whose body all reads of it are.
        scope: of the new buffer.
        layout: of the new buffer; by default the axes in order.
        name: of the new buffer; by default the old one's with ``_tile``.
    """
    producer = producer_of(program, _REWRITE, buffer)
    old, where = producer.buffer, f"the buffer {buffer!r}"
    nest, core = _nest(program, producer)
    site = site_of(program, _REWRITE, loop, scope)
    readers = [
        one
        for one in walk(program.body)
        if any(used is old for used in buffers_of(one))
        and not isinstance(one, Allocate)
        and not path_to((producer.statement,), one)
    ]
    if not readers or not all(path_to(site.body, one) for one in readers):
        expected = f"that the loop {loop!r} alone reads it"
        raise refused(program, _REWRITE, where, expected, "other reads, or none")
    if path_to(site.body, producer.statement):
        expected = "a loop that stands behind what computes it"
        raise refused(program, _REWRITE, where, expected, f"the loop {loop!r} around both")
    check_same_for_all(program, _REWRITE, site, buffer, (producer.statement,))
    check_reached(program, _REWRITE, site, scope, readers)
    layout = c_order(len(old.shape)) if layout is None else layout
    if layout.rank != len(old.shape):
        expected = f"a layout of its {len(old.shape)} axes"
        raise refused(program, _REWRITE, where, expected, f"one of {layout.rank}")
    reads = _reads(site.body, site.ranges, old.name)
    box = box_of(reads, site.ranges, site.own_variables)
    if not isinstance(box, Box):
        coords = ", ".join(dict.fromkeys(str(coords[box]) for coords, _ in reads))
        expected = f"coordinates along axis {box} that are a known number apart"
        raise refused(program, _REWRITE, where, expected, coords)
    names = Names(program)
    name = names.new(f"{buffer}_tile" if name is None else name)
    new = new_buffer(name, old.dtype, layout.shape(box.extents), scope)

    def element(place: tuple[Index, ...], target: Load, ranges: Ranges) -> Body:
        coords = tuple(start + one for start, one in zip(box.start, place, strict=True))
        turn = turn_of(producer, nest, coords)
        if turn is None or len(turn) != len(nest):
            expected = "that the element says in which turn of its loops it is computed"
            raise refused(program, _REWRITE, where, expected, str(Load(old, producer.coords)))
        turn = {variable: ranges.simplified(index) for variable, index in turn.items()}
        tests: list[Condition] = []
        for one in nest:
            number = turn[one.variable]
            tests += [at_least(number), *(below(number, end.substitute(turn)) for end in one.ends)]
        missing = tuple(one for one in tests if not ranges.is_never_negative(one.index))

        def in_new(one: Load) -> Load:
            return target if one.buffer is old else one

        def value(one: Value) -> Value:
            return in_new(one) if isinstance(one, Load) else one

        inside = Parts(index=ranges.simplified).in_body(substituted(core, turn))
        body = names.copied(Parts(value=value, target=in_new).in_body(inside))
        return (If(missing, body),) if missing else body

    limits = ((),) * len(old.shape)
    filled = filling(names, site, new, layout, box.extents, limits, element)
    filled = with_note(filled, f"compute what is read of {old.name} to {new.name}")
    computed = (*filled, *in_copy(site.body, site.ranges, old, new, layout, box))
    changed = site.with_body(program, computed)
    return replace(changed, body=without_unused(_without(changed.body, producer, old.memory)))


def _without(body: Body, producer: Producer, memory: str) -> Body:
    """Return statements without a producer, and without the allocation of what it wrote."""

    def kept(statement: Statement) -> Body:
        is_gone = isinstance(statement, Allocate) and statement.buffer.memory == memory
        return () if is_gone else (statement,)

    return transformed(replaced(body, producer.statement, ()), kept)


def _nest(program: LoopProgram, producer: Producer) -> tuple[list[For], Body]:
    """Return the loops over the elements of a producer, and the statements that compute one."""
    where = f"the buffer {producer.buffer.name!r}"
    used = {one for coord in producer.coords for one in coord.variables}
    loops: list[For] = []
    body: Body = (producer.statement,)
    while len(body) == 1 and isinstance(body[0], For) and body[0].variable in used:
        loops.append(body[0])
        body = body[0].body
    local = {one.buffer.memory for one in walk(body) if isinstance(one, Allocate)}
    written = written_memories(body) - local
    if written != {producer.buffer.memory}:
        expected = "a nest of loops that writes nothing else"
        raise refused(program, _REWRITE, where, expected, f"stores to {', '.join(sorted(written))}")
    read = [
        one
        for statement in walk(body)
        for one in buffers_of(statement)
        if one.memory not in local and one.memory != producer.buffer.memory
    ]
    check_operands(program, _REWRITE, producer, read)
    own = [coords for coords, _ in _reads(body, Ranges(), producer.buffer.name)]
    if any(coords != producer.coords for coords in own):
        expected = "elements that do not depend on each other"
        raise refused(program, _REWRITE, where, expected, "a read of another element")
    return loops, body


def _reads(body: Body, ranges: Ranges, buffer: str) -> list[tuple[tuple[Index, ...], Ranges]]:
    return [
        (load.coords, inside)
        for statement, inside in walk_in_ranges(body, ranges)
        for load in loads_of(statement)
        if load.buffer.name == buffer
    ]
