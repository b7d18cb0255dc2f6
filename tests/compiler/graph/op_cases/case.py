"""A row of the op table's test: an op, arrays, and what it has to give, computed without graphc."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.compiler import graph as g


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        op: the op under test.
        arrays: what its inputs are fed.
        expected: the result, dtype and shape included.
        attrs: the op's attributes.
        rounding: the relative error allowed, 0 where the result is exact.
        build: the node from its inputs and attributes, where it is not just the op.
        note: tells rows of one op apart.
    """

    op: str
    arrays: tuple[np.ndarray, ...]
    expected: np.ndarray
    attrs: dict[str, Any] = field(default_factory=dict)
    rounding: float = 0.0
    build: Callable[..., g.Node] | None = None
    note: str = ""

    def node(self, *inputs: g.Node, attrs: dict[str, Any] | None = None) -> g.Node:
        attrs = self.attrs if attrs is None else attrs
        if self.build is not None:
            return self.build(*inputs, **attrs)
        return g.make(self.op, *inputs, **attrs)

    def __str__(self) -> str:
        types = "-".join(array.dtype.name for array in self.arrays)
        return "-".join(part for part in (self.op, types, self.note) if part)


ROUNDING = {"float32": 1e-6, "float64": 4e-15}
"""A few units in the last place, for what a mathematical library computes."""


def indices(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every index of a shape in C order."""
    return itertools.product(*map(range, shape))


def filled(
    shape: Sequence[int], dtype: Any, element: Callable[[tuple[int, ...]], Any]
) -> np.ndarray:
    """The array with ``element(index)`` at each index."""
    array = np.empty(shape, dtype)
    for index in indices(shape):
        array[index] = element(index)
    return array


def numbers(shape: Sequence[int], dtype: str = "float64", seed: int = 0) -> np.ndarray:
    """Repeatable numbers of both signs, with ties among ints."""
    generator = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return generator.normal(size=shape).astype(dtype)
    low = 0 if dtype in ("bool", "uint32") else -3
    return generator.integers(low, 2 if dtype == "bool" else 4, size=shape).astype(dtype)
