"""Partial reductions: a loop's accumulators become several, which a fixed tree combines behind it.

    s0[] = 0.0                        s0[] = 0.0
    for k < 100:                      allocate s0_parts: float32[8] in register
      s0[] = sum(s0[], x0[k])         for s0_part < 8:
                                        s0_parts[s0_part] = 0.0
                                      for k_outer < 13:
                                        for k_inner < min(8, 100 - 8*k_outer):
                                          s0_parts[k_inner] = sum(s0_parts[k_inner], x0[...])
                                      for s0_part1 < 4:
                                        s0_parts[...] = sum(s0_parts[...], s0_parts[...])
                                      ...
                                      s0[] = sum(s0[], s0_parts[0])

The order of a sum is that of the statements of the program, whatever its loops are bound to later.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from graphc.compiler.graph.dim import Size, symbols
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import (
    Index,
    IndexLike,
    LoopVariable,
    as_index,
    index_of,
)
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    bound_variables,
    buffers_of,
    loads_of,
    substituted,
    transformed,
    walk,
    with_note,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.rewrites.elements import AccessedElements, elements_of
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    For,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Constant, Load

_REWRITE = "partial_sums"

_OfPart: TypeAlias = Callable[[tuple[Index, ...], Index], Body]
"""Returns statements about one part of an element: by its coordinates and the part's number."""


class Tree(Enum):
    """The order in which partial results are combined.

    Attributes:
        HALVES: each of the first half takes the one as far into the second half, again and again:
            what vector lanes and threads do at once.
        NEIGHBOURS: each takes its neighbour, then each second one, and so on.
        IN_ORDER: one after the other.
        AT_ONCE: in order, each as soon as it is complete, so that one part is there at a time; of
            parts that take turns in a row.
    """

    HALVES = "halves"
    NEIGHBOURS = "neighbours"
    IN_ORDER = "in order"
    AT_ONCE = "at once"


def partial_sums(
    program: LoopProgram,
    loop: str,
    *,
    lanes: int | None = None,
    chunks: int | None = None,
    length: Size | None = None,
    tree: Tree = Tree.HALVES,
    scope: BufferScope = BufferScope.REGISTER,
) -> LoopProgram:
    """Reduce in a fixed number of parts, and combine these.

    The loop becomes ``<loop>_outer`` and ``<loop>_inner``. With `lanes` a part has each turn of the
    inner loop; with `chunks` or `length` each turn of the outer one. Every accumulator that the
    body adds to and does not allocate gets parts, in a buffer ``<accumulator>_parts``.

    Args:
        loop: its variable; a serial or unrolled loop.
        lanes: how many parts, each of which takes every so many turns.
        chunks: how many parts, each of which takes about as many turns in a row.
        length: how many turns in a row each part takes.
        tree: the order of combination.
        scope: of the parts: what they are bound to has to reach them.
    """
    given = [one for one in (lanes, chunks, length) if one is not None]
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    if len(given) != 1 or (isinstance(given[0], int) and given[0] < 1):
        expected = "one of lanes, chunks and length, of at least 1"
        what = f"lanes={lanes}, chunks={chunks}, length={length}"
        raise refused(program, _REWRITE, where, expected, what)
    ranges = ranges_at(program, found)
    parts, step = _parts(program, found, lanes, chunks, length)
    is_lanes = lanes is not None
    is_at_once = tree is Tree.AT_ONCE
    if is_at_once and is_lanes:
        expected = "parts of turns in a row, if each is added as soon as it is complete"
        raise refused(program, _REWRITE, where, expected, f"lanes={lanes}")
    if tree not in (Tree.IN_ORDER, Tree.AT_ONCE) and not isinstance(parts, int):
        expected = "a known number of parts for a tree, or Tree.IN_ORDER"
        raise refused(program, _REWRITE, where, expected, f"{parts} parts")
    names = Names(program)
    carried = [
        _carried(program, names, found, accumulates, None if is_at_once else parts, scope, is_lanes)
        for accumulates in _accumulates(program, found)
    ]
    if not carried:
        raise refused(program, _REWRITE, where, "a loop that accumulates", "none of its statements")
    allocated = tuple(Allocate(buffer) for one in carried for buffer in one.parts)
    first = tuple(one for each in carried for one in each.cleared(names, None, parts))
    nest = _nest(names, found, ranges, parts, step, carried, is_lanes, chunks is not None)
    if is_at_once:
        inner = tuple(one for each in carried for one in each.cleared(names, nest, parts))
        end = tuple(one for each in carried for one in each.combined(names, 1, tree))
        nest = replace(nest, body=(*allocated, *inner, *nest.body, *end))
        return program.with_loop(loop, lambda _: (nest,))
    if not is_lanes:
        inner = tuple(one for each in carried for one in each.cleared(names, nest, parts))
        nest, first = replace(nest, body=(*inner, *nest.body)), ()
    last = tuple(one for each in carried for one in each.combined(names, parts, tree))
    return program.with_loop(loop, lambda _: (*allocated, *first, nest, *last))


def _parts(
    program: LoopProgram,
    loop: For,
    lanes: int | None,
    chunks: int | None,
    length: Size | None,
) -> tuple[Size, Size]:
    """Return how many parts there are, and how many turns the inner loop has."""
    if lanes is not None:
        return lanes, lanes
    where = f"the loop {loop.variable.name!r}"
    ends = ", ".join(map(str, loop.ends))
    if len(loop.ends) != 1 or not loop.ends[0].is_constant:
        expected = "a trip count that depends on sizes alone, for chunks"
        raise refused(program, _REWRITE, where, expected, ends)
    count = loop.ends[0].constant
    if chunks is not None:
        return chunks, (count + (chunks - 1)) // chunks
    assert length is not None
    other = set(symbols(length)) - set(symbols(count))
    if other:
        expected = f"a length that depends on the loop's own size, {count}, alone"
        raise refused(program, _REWRITE, where, expected, f"{length}")
    return (count + length - 1) // length, length


def _accumulates(program: LoopProgram, loop: For) -> list[list[Accumulate]]:
    """Return the statements of a loop's body that add to what is allocated outside of it: a list
    for each buffer, or pair of buffers, that carries a reduction."""
    allocated = {one.buffer for one in walk(loop.body) if isinstance(one, Allocate)}
    found: dict[tuple[Buffer, ...], list[Accumulate]] = {}
    where = f"the loop {loop.variable.name!r}"
    for statement in walk(loop.body):
        if not isinstance(statement, Accumulate):
            continue
        buffers = tuple(target.buffer for target in statement.targets)
        if allocated.issuperset(buffers):
            continue
        line = ", ".join(map(str, statement.targets))
        if len({target.coords for target in statement.targets}) > 1:
            raise refused(program, _REWRITE, where, "one place of a pair of accumulators", line)
        others = found.setdefault(buffers, [])
        others.append(statement)
        if others[0].reduction != statement.reduction:
            expected = f"{others[0].reduction} alone on {line}"
            raise refused(program, _REWRITE, where, expected, statement.reduction)
    for buffers in found:
        _check_only_accumulated(program, loop, buffers)
    return list(found.values())


def _check_only_accumulated(program: LoopProgram, loop: For, buffers: tuple[Buffer, ...]) -> None:
    memories = {one.memory for one in buffers}
    for statement in walk(loop.body):
        loads = loads_of(statement) if isinstance(statement, Accumulate) else None
        used = buffers_of(statement) if loads is None else (load.buffer for load in loads)
        targets = statement.targets if isinstance(statement, Accumulate) else ()
        is_other = targets and tuple(one.buffer for one in targets) != buffers
        others = (one.buffer for one in targets) if is_other else ()
        for buffer in (*used, *others):
            if buffer.memory in memories:
                expected = f"that the loop does nothing else with {buffer.memory}"
                found = "another statement that reads or writes it"
                where = f"the loop {loop.variable.name!r}"
                raise refused(program, _REWRITE, where, expected, found)


def _nest(
    names: Names,
    loop: For,
    ranges: Ranges,
    parts: Size,
    step: Size,
    carried: Sequence[_Carried],
    is_lanes: bool,
    is_even: bool,
) -> For:
    """Return the loop as two, which accumulate in parts: of about equally many turns if it is even,
    so that a few turns are not all in the first parts."""
    outer = names.variable(f"{loop.variable.name}_outer")
    inner = names.variable(f"{loop.variable.name}_inner")
    turns = (
        tuple((end + (step - 1)) // step for end in loop.ends) if is_lanes else (as_index(parts),)
    )
    done = index_of(outer) * step
    around = ranges.within(outer, *turns)
    left = [end - done for end in loop.ends if not around.is_never_negative(end - done - step)]
    ends = (as_index(step), *left)
    if is_even and left:
        (end,) = loop.ends
        done = index_of(outer) * end.constant // parts
        ends = ((index_of(outer) + 1) * end.constant // parts - done, end - done)
    around = around.within(inner, *ends)
    part = index_of(inner if is_lanes else outer)
    body = substituted(loop.body, {loop.variable: done + index_of(inner)})
    body = Parts(index=around.simplified).in_body(body)
    for one in carried:
        body = one.in_parts(body, part)
    return For(outer, turns, (For(inner, ends, body),), note=loop.note)


def _elements(program: LoopProgram, loop: For, statement: Accumulate) -> AccessedElements:
    """Return the elements that a statement of a loop's body adds to; refused if they differ from
    turn to turn."""
    found = elements_of((loop,), statement, statement.targets[0].coords)
    own = {one.variable for one in found.loops} - {loop.variable}
    if found.variables & {loop.variable, *bound_variables(loop.body)} - own:
        line = ", ".join(map(str, statement.targets))
        where = f"the loop {loop.variable.name!r}"
        raise refused(program, _REWRITE, where, "the same accumulators in each turn", line)
    return found


def _carried(
    program: LoopProgram,
    names: Names,
    loop: For,
    accumulates: list[Accumulate],
    parts: Size | None,
    scope: BufferScope,
    is_last: bool,
) -> _Carried:
    """Return a reduction with new buffers of parts, without the axes along which the loop has one
    element, and, if `parts` is None, without one of parts."""
    elements = {
        found.key: found for found in (_elements(program, loop, one) for one in accumulates)
    }
    for one, other in itertools.combinations(elements.values(), 2):
        if not one.is_disjoint(other):
            coords = f"{list(map(str, one.coords))} and {list(map(str, other.coords))}"
            expected = "statements that add to the same accumulators, or to separate ones"
            where = f"the loop {loop.variable.name!r}"
            raise refused(program, _REWRITE, where, expected, coords)
    whole = tuple(target.buffer for target in accumulates[0].targets)
    axes = tuple(
        axis
        for axis in range(len(whole[0].shape))
        if len({one.coords[axis] for one in elements.values()}) > 1
        or any(not one.is_fixed(axis) for one in elements.values())
    )

    def of_parts(buffer: Buffer) -> Buffer:
        shape = tuple(buffer.shape[axis] for axis in axes)
        if parts is not None:
            shape = (*shape, parts) if is_last else (parts, *shape)
        return new_buffer(names.new(f"{buffer.name}_parts"), buffer.dtype, shape, scope)

    return _Carried(
        accumulates[0].reduction,
        whole,
        tuple(map(of_parts, whole)),
        tuple(elements.values()),
        axes,
        is_last,
        parts is not None,
    )


@dataclass(frozen=True)
class _Carried:
    """A reduction, the buffers that carry it, and those of its parts.

    Attributes:
        reduction: its name.
        whole: what carries it.
        parts: one for each of `whole`.
        elements: those of `whole` that the loop adds to, each once.
        axes: those of `whole` that `parts` have.
        is_last: True if the last axis of `parts` is the number of the part, else it is the first.
        is_numbered: True if `parts` have an axis of the number of the part.
    """

    reduction: str
    whole: tuple[Buffer, ...]
    parts: tuple[Buffer, ...]
    elements: tuple[AccessedElements, ...]
    axes: tuple[int, ...]
    is_last: bool
    is_numbered: bool

    def _part(self, coords: Sequence[Index], part: IndexLike) -> tuple[Load, ...]:
        place: tuple[IndexLike, ...] = tuple(coords[axis] for axis in self.axes)
        if self.is_numbered:
            place = (*place, part) if self.is_last else (part, *place)
        return tuple(Load(one, tuple(map(as_index, place))) for one in self.parts)

    def in_parts(self, body: Body, part: Index) -> Body:
        """Return statements that accumulate in one part."""

        def changed(statement: Statement) -> Body:
            if not isinstance(statement, Accumulate):
                return (statement,)
            if tuple(one.buffer for one in statement.targets) != self.whole:
                return (statement,)
            return (replace(statement, targets=self._part(statement.targets[0].coords, part)),)

        return transformed(body, changed)

    def cleared(self, names: Names, chunk: For | None, parts: Size) -> Body:
        """Return the statements that give each part, or that of a chunk, its first value."""
        reduction = REDUCTIONS[self.reduction]
        starts = reduction.starts(self.whole[0].dtype)
        values = [Constant(x, one.dtype) for x, one in zip(starts, self.whole, strict=True)]

        def stores(coords: tuple[Index, ...], part: Index) -> Body:
            targets = self._part(coords, part)
            return tuple(Store(one, value) for one, value in zip(targets, values, strict=True))

        part = None if chunk is None else index_of(chunk.variable)
        cleared = self._for_each(names, as_index(parts), part, stores)
        return with_note(cleared, f"start the parts of {self.whole[0].name}")

    def combined(self, names: Names, parts: Size, tree: Tree) -> Body:
        """Return the statements that make one of all parts, and add it to the whole."""

        def level(count: Size, distance: int, stride: int) -> Body:
            def step(coords: tuple[Index, ...], number: Index) -> Body:
                part = number * stride
                values = self._part(coords, part + distance)
                return (Accumulate(self.reduction, self._part(coords, part), values),)

            return self._for_each(names, as_index(count), None, step)

        def end(coords: tuple[Index, ...], part: Index) -> Body:
            whole = tuple(Load(one, coords) for one in self.whole)
            return (Accumulate(self.reduction, whole, self._part(coords, part)),)

        if tree in (Tree.IN_ORDER, Tree.AT_ONCE):
            combined = self._for_each(names, as_index(parts), None, end)
        else:
            assert isinstance(parts, int)
            levels = [level(*one) for one in _levels(parts, tree)]
            last = self._for_each(names, as_index(1), as_index(0), end)
            combined = tuple(statement for one in (*levels, last) for statement in one)
        return with_note(combined, f"combine the parts of {self.whole[0].name}")

    def _for_each(self, names: Names, count: Index, part: Index | None, inside: _OfPart) -> Body:
        """Return loops over the elements of the whole, and over parts unless one is given; where
        the elements of a part are contiguous, these loops are inside."""
        number = LoopVariable(f"{self.whole[0].name}_part")
        loops = []
        if part is None:
            loops = [] if count is as_index(1) else [(number, count)]
            part = index_of(number) if loops else as_index(0)
        return tuple(
            statement
            for one in self.elements
            for statement in one.each(names, inside(one.coords, part), loops, not self.is_last)
        )


def _levels(parts: int, tree: Tree) -> Iterator[tuple[int, int, int]]:
    """Yield, for each level of a tree, how many parts take another one, how far that is, and how
    far they are from each other."""
    if tree is Tree.HALVES:
        while parts > 1:
            half = (parts + 1) // 2
            yield parts - half, half, 1
            parts = half
    else:
        distance = 1
        while distance < parts:
            yield (parts - distance + 2 * distance - 1) // (2 * distance), distance, 2 * distance
            distance *= 2
