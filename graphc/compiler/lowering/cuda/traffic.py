"""What the launch of a loop program moves between memory and its blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from graphc.compiler.graph.dim import Size, floor_divide, product
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import Index, LoopVariable, Remainder, as_index, index_of
from graphc.compiler.loops.measure import Measure, measure
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loads_of,
    loops_in,
    path_to,
    substituted,
    transformed,
    variables_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.ranges import Ranges, is_never_negative
from graphc.compiler.loops.rewrites.boxes import Box, box_of
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import Check, For, If, LoopKind, Statement, Store
from graphc.compiler.loops.value import Load, below
from graphc.compiler.program.launch import Count, Traffic
from graphc.compiler.targets.cuda.facts import GRID_THREADS


class ProgramTraffic(Sequence[Traffic]):
    """What a launch moves of each value, counted when it is asked for.

    A thread's loads are those of the plain program. What several of its results read, as a bias, is
    moved once a block: caches have the rest. What is stored is stored once.

    Args:
        plain: returns the plain program of the kernel, or another one whose loads are those of the
            threads: they read what they keep once, or are one launch of several.
        mapped: the program that runs.
        names: what reports call the memories of both.
    """

    def __init__(
        self, plain: Callable[[], LoopProgram], mapped: LoopProgram, names: Mapping[str, str]
    ):
        self._plain = plain
        self._mapped = mapped
        self._names = names

    def __getitem__(self, index: Any) -> Any:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def _found(self) -> tuple[Traffic, ...]:
        plain = self._plain()
        asked = measure(plain)
        in_blocks = _in_blocks(self._mapped)
        by_blocks = measure(in_blocks)
        touched = _touched_by_blocks(in_blocks, asked, by_blocks)
        staged: dict[str, Size] = {}
        for traffic in (*by_blocks.inputs, *by_blocks.outputs):
            memory = traffic.buffer.memory
            staged[memory] = staged.get(memory, 0) + traffic.loaded_once
        spread = _spread(plain)
        fixed = {
            load.buffer.memory
            for one in walk(plain.body)
            for load in loads_of(one)
            if not any(coord.variables for coord in load.coords)
        }
        found: list[Traffic] = []
        for traffic in dict.fromkeys((*asked.inputs, *asked.outputs)):
            buffer = traffic.buffer
            name, itemsize = self._names[buffer.memory], np.dtype(buffer.dtype).itemsize
            if traffic.loaded != 0:
                counts = [Count((floor_divide(traffic.loaded_once, itemsize),))]
                if buffer.memory in spread and buffer.memory in touched:
                    if buffer.memory in fixed:  # loops load it again that are not around it here
                        counts.clear()
                    own = spread[buffer.memory]
                    counts += [Count((elements + own,)) for elements in touched[buffer.memory]]
                    counts.append(Count((floor_divide(staged[buffer.memory], itemsize),)))
                found.append(Traffic(name, buffer.dtype, tuple(counts)))
            if traffic.stored != 0:
                count = Count((floor_divide(traffic.stored, itemsize),))
                found.append(Traffic(name, buffer.dtype, (count,), written=True))
        return tuple(found)


def _spread(program: LoopProgram) -> dict[str, Size]:
    """Return the memories of which each element is read for several results: a load of them does
    not move with all loops around a store of its nest, of those that are deepest. Each with the
    number of elements that others read, which move with them."""
    found: set[str] = set()
    moving: dict[str, Size | None] = {}
    for nest in program.body:
        stored = [one for one in walk((nest,)) if isinstance(one, Store) and _is_result(one)]
        paths = (path_to((nest,), one) for one in stored)
        loops = {frozenset(one.variable for one in path if isinstance(one, For)) for path in paths}
        kept = [one for one in loops if one and not any(one < other for other in loops)]
        behind: dict[LoopVariable, frozenset[LoopVariable]] = {}  # a checked index moves with these
        for one in walk((nest,)):
            for load in loads_of(one):
                memory = load.buffer.memory
                used = {variable for coord in load.coords for variable in coord.variables}
                used = used.union(*(behind.get(variable, ()) for variable in used))
                if any(one <= used for one in kept):
                    moving[memory] = _sum(moving.get(memory, 0), _turns(path_to((nest,), one)))
                else:
                    found.add(memory)
            if isinstance(one, Check):
                behind[one.variable] = variables_of(one)
    own = {memory: moving.get(memory, 0) for memory in found}
    return {memory: turns for memory, turns in own.items() if turns is not None}


def _turns(path: Body) -> Size | None:
    """Return how often the statement at the end of a path is run; None if that is not known."""
    ends = [one.ends for one in path if isinstance(one, For)]
    if any(len(each) != 1 or not each[0].is_constant for each in ends):
        return None
    return product(each[0].constant for each in ends)


def _sum(one: Size | None, other: Size | None) -> Size | None:
    return None if one is None or other is None else one + other


def _is_result(store: Store) -> bool:
    return store.target.buffer.scope is BufferScope.GLOBAL


def _in_blocks(program: LoopProgram) -> LoopProgram:
    """Return a program whose loops over all threads of the grid are loops over blocks, and over the
    threads of one; nested ones stay."""

    def divided(one: Statement) -> Body:
        if not isinstance(one, For) or one.kind is not LoopKind.GRID or len(one.ends) != 1:
            return (one,)
        if any(inner.kind is LoopKind.GRID for inner in loops_in(one.body)):
            return (one,)
        (end,) = one.ends
        block, thread = (names.variable(f"{one.variable}_{part}") for part in ("block", "thread"))
        turn = index_of(block) * GRID_THREADS + index_of(thread)
        body = (If((below(turn, end),), substituted(one.body, {one.variable: turn})),)
        threads = For(thread, (as_index(GRID_THREADS),), body, LoopKind.THREAD)
        blocks = (end + (GRID_THREADS - 1)) // GRID_THREADS
        return (For(block, (blocks,), (threads,), LoopKind.BLOCK),)

    names = Names(program)
    body = settled(transformed(program.body, divided), program.ranges)
    return replace(program, body=body)


def _touched_by_blocks(
    program: LoopProgram, asked: Measure, measured: Measure
) -> dict[str, tuple[Size, ...]]:
    """Return, for each memory, how many elements all blocks touch, each block's once: upper bounds.

    Args:
        program: what blocks run.
        asked: the measure of the plain program.
        measured: that of `program`.
    """
    nests = list(_nests_of_blocks(program))
    touched: dict[str, Size] = {}
    for nest in nests:
        blocks = product(loop.ends[0].constant for loop in nest)
        for footprint in measured.footprints:
            if footprint.loop is nest[-1].variable:
                memory = footprint.buffer.memory
                touched[memory] = touched.get(memory, 0) + product(footprint.extents) * blocks
    found: dict[str, tuple[Size, ...]] = {
        memory: (one,) if is_never_negative(one) else () for memory, one in touched.items()
    }
    if len(nests) != 1:
        return found
    times = _times_touched(program, nests[0], measured)
    for traffic in asked.inputs:
        memory, itemsize = traffic.buffer.memory, np.dtype(traffic.buffer.dtype).itemsize
        if memory in found and memory in times:
            distinct = (floor_divide(one, itemsize) for one in traffic.distinct_loaded)
            found[memory] += tuple(one * times[memory] for one in distinct)
    return found


def _nests_of_blocks(program: LoopProgram) -> Iterator[list[For]]:
    """Yield the loops over blocks that are inside of each other, the outermost first."""
    for loop in loops_in(program.body):
        inside = loops_in(loop.body)
        if loop.kind is LoopKind.BLOCK and all(one.kind is not LoopKind.BLOCK for one in inside):
            around = program.loops_to(loop.variable.name)
            yield [one for one in around if one.kind is LoopKind.BLOCK]


def _times_touched(program: LoopProgram, nest: Sequence[For], measured: Measure) -> dict[str, Size]:
    """Return, for each memory that is read, how often all of it is touched at most, by the only
    nest of loops over blocks: once in each turn of those loops that do not divide it."""
    extents = {
        one.buffer: one.extents
        for one in measured.footprints
        if one.loop is nest[-1].variable and one.buffer.scope is BufferScope.GLOBAL
    }
    dividing: dict[str, set[LoopVariable]] = {}
    innermost = nest[-1]
    around, kept = program.ranges, frozenset({one.variable for one in nest})
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if statement is innermost:
            around = ranges.within(innermost.variable, *innermost.ends)
        for load in loads_of(statement):
            if load.buffer not in extents:
                continue
            axes = list(zip(load.coords, extents[load.buffer], strict=True))
            for number in _numbers(load):
                box = box_of([((number,), ranges)], around, kept)
                if isinstance(box, Box):
                    axes.append((number, box.extents[0]))
            own = {
                loop.variable
                for loop in nest
                if any(_is_divided(ranges, *axis, loop) for axis in axes)
            }
            memory = load.buffer.memory
            dividing[memory] = dividing.get(memory, own) & own
    return {
        memory: product(loop.ends[0].constant for loop in nest if loop.variable not in own)
        for memory, own in dividing.items()
    }


def _numbers(load: Load) -> Iterator[Index]:
    """Yield the numbers whose quotients and remainders are the coordinates along two axes."""
    for axis, coord in enumerate(load.coords):
        remainders = {atom for atom, _ in coord.terms if isinstance(atom, Remainder)}
        for other in (*load.coords[:axis], *load.coords[axis + 1 :]) if remainders else ():
            number = other * load.buffer.shape[axis] + coord
            if remainders.isdisjoint(atom for atom, _ in number.terms):
                yield number


def _is_divided(ranges: Ranges, coord: Index, extent: Size, loop: For) -> bool:
    """Return True if no two turns of a loop, each of which touches so many coordinates of an axis,
    touch the same one."""
    step = ranges.step(coord, loop.variable)
    if step is None:
        return False
    if is_never_negative(step - extent):
        return True
    (turns,) = loop.ends if len(loop.ends) == 1 else (as_index(0),)
    if not turns.is_constant or not is_never_negative(step - 1):
        return False
    if not is_never_negative(turns.constant - 1):
        return False
    turn = coord // step % turns.constant  # a turn takes every so many-th run of coordinates
    return ranges.simplified(turn) is index_of(loop.variable)
