"""The values of a graph that is being drawn: what is there, what an op may take, what it gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, Shape, Size, Symbol
from tests.campaigns.graphs.arrays import drawn_array
from tests.campaigns.graphs.bounded import is_float
from tests.campaigns.graphs.evaluator import Evaluator, size_of

MOST_ELEMENTS = 300
FLOATS = ("float32", "float64")
INTS = ("int32", "int64", "uint32")
DTYPES = ("bool", *INTS, *FLOATS)

Concrete = tuple[int, ...]
T = TypeVar("T")


class Refused(Exception):
    """A draw that cannot be made here; another one may be."""


@dataclass
class Program:
    """A graph and one call of it.

    Attributes:
        outputs: what is fetched, then one new value for each of `states`.
        states: shared variables that the call sets.
        feeds: an array for each input.
        sizes: what the symbols are in this call.
        made: the number of nodes that were made for it, live or not.
        grown: the same graph in a second call, where some symbols are larger; None where the graph
            allows none.
    """

    outputs: list[Node]
    states: list[Node]
    feeds: dict[Node, np.ndarray]
    sizes: dict[Symbol, int]
    made: int = 0
    grown: Program | None = None


@dataclass
class Builder:
    """Draws operands and keeps what ops give.

    Attributes:
        random: where all choices come from.
        sizes: the value of each symbol.
        vocabulary: the sizes that inputs have: symbols and numbers.
        blind: inside of a loop's step, whose values are not known while it is drawn.
    """

    random: np.random.Generator
    sizes: Mapping[Symbol, int]
    vocabulary: Sequence[Size]
    blind: bool = False
    feeds: dict[Node, np.ndarray] = field(default_factory=dict)
    pool: list[Node] = field(default_factory=list)
    read: set[Node] = field(default_factory=set)
    states: list[Node] = field(default_factory=list)
    depth: int = 0

    def __post_init__(self) -> None:
        self.evaluator = Evaluator(self.feeds, self.sizes)

    # ---- choices ----

    def coin(self, chance: float) -> bool:
        return bool(self.random.random() < chance)

    def number(self, low: int, high: int) -> int:
        """Return one of low, ..., high."""
        return int(self.random.integers(low, high + 1))

    def one_of(self, values: Sequence[T]) -> T:
        if not len(values):
            raise Refused
        return values[int(self.random.integers(len(values)))]

    def some_of(self, values: Sequence[T], least: int = 1) -> list[T]:
        """Return some of the values, in their order."""
        if len(values) < least:
            raise Refused
        count = self.number(least, len(values))
        chosen = sorted(self.random.choice(len(values), count, replace=False).tolist())
        return [values[k] for k in chosen]

    # ---- sizes ----

    def concrete(self, shape: Shape) -> Concrete:
        return size_of(tuple(shape), self.sizes)

    def size(self) -> Size:
        return self.one_of(self.vocabulary)

    def size_like(self, value: int) -> Size:
        """Return a number, or what is equal to it in this call."""
        equal = [size for size in self.vocabulary if size_of(size, self.sizes) == value]
        return self.one_of(equal) if equal and self.coin(0.5) else value

    # ---- values ----

    def values(
        self, dtypes: Sequence[str], fits: Callable[[Concrete], bool] = lambda shape: True
    ) -> list[Node]:
        """Return what the pool has of some dtypes and shapes."""
        return [x for x in self.pool if x.dtype in dtypes and fits(self.concrete(x.shape))]

    def any_of(
        self,
        dtypes: Sequence[str] = DTYPES,
        fits: Callable[[Concrete], bool] = lambda shape: True,
    ) -> Node:
        """Return a value that is there, one that nothing reads yet where that can be."""
        found = self.values(dtypes, fits)
        fresh = [x for x in found if x not in self.read]
        return self.taken(self.one_of(fresh if fresh and self.coin(0.8) else found))

    def taken(self, node: Node) -> Node:
        self.read.add(node)
        return node

    def shaped(self, shape: Shape, dtype: str) -> Node:
        """Return a value of a dtype and of this shape, in this call: one that is there, or cast,
        or stretched to it, or a new one."""
        wanted = self.concrete(shape)
        same = [x for x in self.values([dtype], lambda s: s == wanted) if _stretches(x, shape)]
        fresh = [x for x in same if x not in self.read]
        if fresh and self.coin(0.7):
            return self.taken(self.one_of(fresh))
        if same and self.coin(0.6):
            return self.taken(self.one_of(same))
        if self.coin(0.35):
            small = self.values(DTYPES, lambda s: s in ((), wanted))
            small = [x for x in small if not x.shape or _stretches(x, shape)]
            if small:
                x = g.cast(self.taken(self.one_of(small)), dtype)
                return x if x.shape or not wanted else g.broadcast_to(x, tuple(shape))
        return self.leaf(shape, dtype)

    def leaf(self, shape: Shape, dtype: str) -> Node:
        """Return a new input, shared variable or constant."""
        wanted = self.concrete(shape)
        array = drawn_array(self.random, wanted, dtype)
        if self.blind or 0 in wanted or self.coin(0.15):
            if wanted != tuple(shape):
                scalar = drawn_array(self.random, (), dtype)
                return g.full(shape, scalar[()], dtype)
            return g.constant(array)
        if self.coin(0.2):
            return self.shared(array)
        node = g.input(tuple(shape), dtype)
        return self.feed(node, array)

    def feed(self, node: Node, array: np.ndarray) -> Node:
        """Return an input, which is fed this array."""
        self.feeds[node] = array
        self.evaluator.feed(node, array)
        return node

    def shared(self, array: np.ndarray) -> Node:
        node = g.shared(array, f"v{len(self.states)}")
        self.states.append(node)
        return node

    def indices(self, shape: Shape, below: Size) -> Node:
        """Return int32 values of a shape in 0, ..., below - 1."""
        count = size_of(below, self.sizes)
        if count < 1:
            raise Refused
        wanted = self.concrete(shape)
        if 0 in wanted:
            return g.constant(np.zeros(wanted, "int32"))
        if self.coin(0.5) and not self.blind:
            array = self.random.integers(0, count, wanted).astype("int32")
            if self.coin(0.3) and wanted == tuple(shape):
                return g.constant(array)
            node = g.input(tuple(shape), "int32")
            return self.feed(node, array)
        x = self.shaped(shape, "int32")
        limit = g.cast(g.as_node(below), "int32")
        return g.mod(x, g.broadcast_to(limit, x.shape))

    def tame(self, x: Node) -> Node:
        """Return a float value drawn together, so that what follows does not overflow."""
        return g.tanh(x) if self.coin(0.5) else x

    def add(self, *nodes: Node) -> None:
        """Keep what an op gave. Refused where it is too large, or little is known of it."""
        for node in nodes:
            if isinstance(node.dtype, tuple) or node in self.pool:
                continue
            shape = self.concrete(node.shape)
            if len(shape) > 5 or math.prod(shape) > MOST_ELEMENTS:
                raise Refused
            if not self.blind and not self._is_telling(node) and not self.coin(0.05):
                raise Refused
        self.pool += [x for x in nodes if x not in self.pool]

    def _is_telling(self, node: Node) -> bool:
        (found,) = self.evaluator([node])
        if not found.value.size:
            return True
        useful = found.known
        if is_float(found.dtype):
            with np.errstate(all="ignore"):
                size = np.abs(found.value)
                # A sum that cancels is no test of more than its sign.
                useful = useful & ~(found.error > 0.05 * np.maximum(size, 1e-3))
        return bool(useful.mean() > 0.5)


def _stretches(x: Node, shape: Shape) -> bool:
    """Return whether x has a number where the shape has a 1: a symbol that is 1 never stretches."""
    return all(size == 1 for size, wanted in zip(x.shape, shape, strict=True) if wanted == 1)
