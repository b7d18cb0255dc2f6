"""The memory that the interpreter takes for a graph, as far as it is known before a call."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compiler.graph import OPS, Node, Symbol, toposort
from graphc.compiler.graph import dim as dims
from graphc.compiler.lowering.context import buffer_name
from graphc.compiler.program.memory_report import BufferUse, MemoryReport

_HELD = {"input": "input", "shared": "state", "constant": "constant"}


@dataclass
class _Value:
    """A node that has memory, and which steps it lives for."""

    node: Node
    first: int
    last: int

    @property
    def held(self) -> str:
        """As of `BufferUse`."""
        return _HELD.get(self.node.op, "arena")

    def arrays(self, bindings: Mapping[Symbol, int]) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The type and the shape of its array; of a loop, of each array."""
        node: Any = self.node  # a loop alone has several of each
        several = node.op == "scan"
        shapes = node.shape if several else (node.shape,)
        dtypes = node.dtype if several else (node.dtype,)
        for dtype, shape in zip(dtypes, shapes, strict=True):
            yield dtype, tuple(dims.evaluate(size, bindings) for size in shape)


class InterpretedMemory:
    """The arrays of a graph, each from the step that makes it to the last that reads it.

    What a step takes while it runs is not counted, nor what a loop's body does.
    """

    def __init__(self, outputs: Sequence[Node], name: str):
        self._name = name
        self._values = _values(outputs)

    def report(self, bindings: Mapping[Symbol, int]) -> MemoryReport:
        """Return the least memory that a call takes, value by value."""
        uses = [
            BufferUse(
                buffer_name(value.node),
                dtype,
                shape,
                _nbytes(dtype, shape),
                value.held,
                (value.first, value.last),
            )
            for value in self._values
            for dtype, shape in value.arrays(bindings)
        ]
        sizes = {symbol.name: number for symbol, number in bindings.items()}
        found = MemoryReport(self._name, sizes, uses, 0, "numpy")
        found.arena = found.live
        return found

    def total(self, bindings: Mapping[Symbol, int]) -> int:
        """The bytes of all that it computes, as if none died before the end."""
        return sum(
            _nbytes(dtype, shape)
            for value in self._values
            if value.held == "arena"
            for dtype, shape in value.arrays(bindings)
        )


def _nbytes(dtype: str, shape: tuple[int, ...]) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize


def _values(outputs: Sequence[Node]) -> list[_Value]:
    found: dict[Node, _Value] = {}
    made: list[_Value] = []
    order = toposort(outputs)
    for position, node in enumerate(order):
        for x in node.inputs:
            if x in found:
                found[x].last = position
        if OPS[node.op].traits.is_view or node.op == "item":
            if node.inputs[0] in found:
                found[node] = found[node.inputs[0]]
        elif node.op not in ("arg", "dim"):
            found[node] = _Value(node, position, position)
            made.append(found[node])
    for node in outputs:
        if node in found:
            found[node].last = len(order)
    return made
