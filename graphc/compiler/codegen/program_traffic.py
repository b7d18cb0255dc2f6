"""What the launch of a loop program moves between memory and its blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from graphc.compiler.graph.dim import Size, floor_divide, product
from graphc.compiler.loops.index import as_index, index_of
from graphc.compiler.loops.measure import Measure, measure
from graphc.compiler.loops.program import Body, LoopProgram, loops_in, substituted, transformed
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import For, If, LoopKind, Statement
from graphc.compiler.loops.value import below
from graphc.compiler.program.launch import Count, Traffic
from graphc.compiler.targets.cuda.facts import GRID_THREADS


class ProgramTraffic(Sequence[Traffic]):
    """What a launch moves of each value, counted when it is asked for.

    A thread's loads are those of the plain program. Of one value a block moves no more than what
    its threads together touch: caches have the rest. What is stored is stored once.

    Args:
        plain: the plain program of the kernel.
        mapped: the program that runs.
        names: what reports call the memories of both.
    """

    def __init__(self, plain: LoopProgram, mapped: LoopProgram, names: Mapping[str, str]):
        self._plain = plain
        self._mapped = mapped
        self._names = names

    def __getitem__(self, index: Any) -> Any:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def _found(self) -> tuple[Traffic, ...]:
        asked = measure(self._plain)
        in_blocks = _in_blocks(self._mapped)
        touched = _touched_by_blocks(in_blocks, measure(in_blocks))
        found: list[Traffic] = []
        for traffic in dict.fromkeys((*asked.inputs, *asked.outputs)):
            buffer = traffic.buffer
            name, itemsize = self._names[buffer.memory], np.dtype(buffer.dtype).itemsize
            if traffic.loaded != 0:
                counts = [Count((floor_divide(traffic.loaded, itemsize),))]
                if buffer.memory in touched:
                    counts.append(Count((touched[buffer.memory],)))
                found.append(Traffic(name, buffer.dtype, tuple(counts)))
            if traffic.stored != 0:
                count = Count((floor_divide(traffic.stored, itemsize),))
                found.append(Traffic(name, buffer.dtype, (count,), written=True))
        return tuple(found)


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


def _touched_by_blocks(program: LoopProgram, measured: Measure) -> dict[str, Size]:
    """Return, for each memory, how many elements all blocks touch, each block's once."""
    found: dict[str, Size] = {}
    for loop in loops_in(program.body):
        if loop.kind is LoopKind.BLOCK:
            (end,) = loop.ends
            for footprint in measured.footprints:
                if footprint.loop is loop.variable:
                    memory = footprint.buffer.memory
                    touched = product(footprint.extents) * end.constant
                    found[memory] = found.get(memory, 0) + touched
    return found
