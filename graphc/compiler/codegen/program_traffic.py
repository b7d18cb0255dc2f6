"""What the launch of a loop program moves between memory and its blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from graphc.compiler.graph.dim import Size, floor_divide, product
from graphc.compiler.loops.measure import Measure, measure
from graphc.compiler.loops.program import LoopProgram, loops_in
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.program.launch import Count, Traffic


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
        touched = _touched_by_blocks(self._mapped, measure(self._mapped))
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
