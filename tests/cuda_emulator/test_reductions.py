"""Reductions along rows and columns on the device are the interpreter's."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from tests.cuda_emulator.graph_programs import both

ROWS = 5
SUMS = ("sum", "prod")


class Cases:
    """Outputs of one program, with what feeds them."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.outputs: list[Node] = []
        self.feeds: dict[Node, np.ndarray] = {}
        self.tolerances: list[float] = []

    def fed(self, shape: tuple, array: np.ndarray) -> Node:
        node = g.input(shape, array.dtype.name)
        self.feeds[node] = array
        return node

    def normal(self, shape: tuple, *sizes: int, dtype: str = "float32") -> Node:
        """An input of random numbers, whose symbols are `sizes` in order."""
        left = iter(sizes)
        known = [size if isinstance(size, int) else next(left) for size in shape]
        return self.fed(shape, self.random.standard_normal(known).astype(dtype))

    def add(self, output: Node, tolerance: float = 0.0) -> None:
        self.outputs.append(output)
        self.tolerances.append(tolerance)

    def check(self) -> None:
        pairs = both(self.outputs, self.feeds)
        wrong = []
        for k, ((ours, theirs), tolerance) in enumerate(zip(pairs, self.tolerances, strict=True)):
            finite = theirs[np.isfinite(theirs)] if theirs.dtype.kind == "f" else theirs
            scale = np.abs(finite).max(initial=0) if tolerance else 0
            close = {"rtol": tolerance, "atol": tolerance * scale}
            if not np.allclose(ours, theirs, **close, equal_nan=True):
                wrong.append(f"{k}: {self.outputs[k].op}: {ours!r} is not {theirs!r}")
        assert not wrong, "\n".join(wrong)


def test_every_reduction_of_every_type_and_many_lengths() -> None:
    cases = Cases(1)
    special = [-1, 0, 1, 2, 2, 3]
    for dtype in ("float32", "float64", "int32", "int64", "uint32", "bool"):
        for length in (1, 3, 10, 12, 33, 64):
            values = cases.random.choice(special, (ROWS, length)).astype(dtype)
            if dtype.startswith("float"):
                values[1, length // 2] = np.nan
                values[2, 0] = np.inf
                values[3] = -np.inf
            x = cases.fed((BATCH, length), values)
            ops = ("any", "all") if dtype == "bool" else ("sum", "prod", "max", "min")
            for op in (*ops, *(() if dtype == "bool" else ("argmax", "argmin"))):
                # The numbers are small and whole, so sums and products are exact.
                cases.add(g.make(op, x, axes=(1,)))
    cases.check()
