"""The memory that a call takes, known before it: what decides how many shards a batch needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.amounts import shown_size
from graphc.compiler.graph import Node, State, Symbol, toposort
from graphc.compiler.graph.dim import evaluate
from graphc.compiler.program.launch import Bindings, DeviceProgram
from graphc.compiler.program.memory import ALIGNMENT, aligned
from graphc.compiler.program.memory_report import BufferUse, MemoryReport, memory_report
from graphc.compiler.runtime.interpreted_memory import InterpretedMemory

_BATCHES = 2
"""Batches in host memory: that of the step, and the next one, made while it is still held."""


@dataclass(frozen=True)
class GraphMemory:
    """The bytes of one run of a graph, on one thread.

    Attributes:
        states: of each state that it reads or updates.
        arena: of what it computes; of the interpreter's arrays as if none died before the end,
            which stands for what NumPy takes within an op.
        report: the values, and the bytes of constants, inputs and scratch memory.
    """

    states: Mapping[State, int]
    arena: int
    report: MemoryReport


def graph_memory(
    outputs: Sequence[Node],
    updated: Sequence[State],
    program: DeviceProgram | None,
    target: str | None,
    bindings: Bindings,
    name: str,
) -> GraphMemory:
    """Return the memory of a graph at one set of sizes.

    Args:
        outputs: the graph, after the passes.
        updated: the states that it updates.
        program: its generated code for `target`; None where the interpreter runs it.
        bindings: the sizes.
        name: of the function.
    """
    read = [node.attrs["state"] for node in toposort(outputs) if node.op == "shared"]
    states = {one: aligned(_nbytes(one.shape, one.dtype)) for one in [*read, *updated]}
    if program is None or target is None:
        interpreted = InterpretedMemory(outputs, name)
        return GraphMemory(states, interpreted.total(bindings), interpreted.report(bindings))
    report = memory_report(program, bindings, name, target=target)
    return GraphMemory(states, report.arena + ALIGNMENT, report)


@dataclass(frozen=True)
class StepMemory:
    """The bytes that a call takes at most on one thread, by what takes them; on a GPU those of the
    device.

    The number of threads does not count, so that the number of shards does not follow from it.

    Attributes:
        shards: how many the batch is divided into.
        states: weights, the optimizer's variables, and what else is kept between calls.
        constants: of the programs.
        batches: the arrays that are fed, of this call and of the next.
        sums: gradients of a shard and those that the tree keeps, and rows of all shards.
        arena: activations, and whatever else lives for a part of a call.
        scratch: tiles of the thread.
        values: the values in the arena, the largest first.
    """

    shards: int
    states: int
    constants: int
    batches: int
    sums: int
    arena: int
    scratch: int
    values: tuple[BufferUse, ...]

    @property
    def total(self) -> int:
        """All of them."""
        fixed = self.states + self.constants + self.batches
        return fixed + self.sums + self.arena + self.scratch

    def __str__(self) -> str:
        names = ("states", "constants", "batches", "sums", "arena", "scratch")
        parts = [f"{name} {shown_size(getattr(self, name))}" for name in names]
        return f"{shown_size(self.total)} ({', '.join(parts)})"


def step_memory(
    graphs: Sequence[GraphMemory], target: str | None, shards: int, fed: int, sums: int = 0
) -> StepMemory:
    """Return the memory of a call that runs graphs one after the other.

    Args:
        graphs: which share the arena and the scratch memory.
        target: as of `Function.target`.
        shards: as of `StepMemory`.
        fed: the bytes of the arrays that a call is given.
        sums: the bytes of host memory that go between the graphs.
    """
    states: dict[State, int] = {}
    for one in graphs:
        states.update(one.states)
    largest = max(graphs, key=lambda one: one.arena)
    reports = [one.report for one in graphs]
    on_device = target == "cuda"
    return StepMemory(
        shards,
        sum(states.values()),
        sum(one.constants for one in reports),
        max(one.inputs for one in reports) if on_device else _BATCHES * fed,
        0 if on_device else sums,
        largest.arena,
        max(one.scratch for one in reports),
        tuple([use for use in largest.report.buffers if use.held == "arena"]),
    )


def nbytes_of(nodes: Sequence[Node], bindings: Mapping[Symbol, int]) -> int:
    """Return the bytes of the values of nodes."""
    return sum(
        _nbytes([evaluate(size, bindings) for size in node.shape], node.dtype) for node in nodes
    )


def of_shapes(shapes: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Return arrays of these shapes that take no memory, for what reads the shapes alone."""
    return [np.broadcast_to(np.empty((), "bool"), tuple(shape)) for shape in shapes]


def _nbytes(shape: Sequence[int], dtype: str) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize
