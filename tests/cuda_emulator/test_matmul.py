"""Matrix products on the device are the interpreter's.

Where the factors are small whole numbers every sum is exact in float32 and float64, so that the
results have to be equal to the last bit, in whatever order they are added.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen import lower
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.memory import launches
from graphc.compiler.graph import Node
from tests.cuda_emulator.graph_programs import both


class Cases:
    """Products of one program, with what feeds them."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.outputs: list[Node] = []
        self.feeds: dict[Node, np.ndarray] = {}

    def whole(self, shape: tuple, sizes: tuple | None = None, dtype: str = "float32") -> Node:
        """An input of small whole numbers; `sizes` are those of a symbolic shape."""
        node = g.input(shape, dtype)
        self.feeds[node] = self.random.integers(-4, 5, sizes or shape).astype(dtype)
        return node

    def matrix(self, rows: int, columns: int, turned: bool, dtype: str = "float32") -> Node:
        """A matrix, or the transpose of one that lies in memory."""
        if turned:
            return g.transpose(self.whole((columns, rows), dtype=dtype))
        return self.whole((rows, columns), dtype=dtype)

    def check(self, first: int = 0) -> list[Launch]:
        program = lower(self.outputs)
        for k, (ours, theirs) in enumerate(both(self.outputs, self.feeds, first, program)):
            different = np.argwhere(ours != theirs)
            assert not len(different), (
                f"output {k}, {self.outputs[k]!r}: at {different[0]} {ours[tuple(different[0])]} "
                f"is not {theirs[tuple(different[0])]}; {len(different)} in all"
            )
        return launches(program.steps)


SIZES = (
    (1, 1, 1),
    (2, 3, 1),
    (1, 40, 70),
    (33, 1, 300),
    (5, 7, 3),
    (31, 10, 50),
    (16, 16, 16),
    (9, 68, 24),
    (70, 36, 40),
    (66, 33, 131),
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sizes_and_transposes(dtype: str) -> None:
    cases = Cases(1)
    for (m, n, k), left, right in itertools.product(SIZES, (False, True), (False, True)):
        a, b = cases.matrix(m, k, left, dtype), cases.matrix(k, n, right, dtype)
        cases.outputs.append(g.matmul(a, b))
    cases.check()
