"""A call of a function that takes its batch in shards, and what follows from its sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphc.compiler.function.api import Function
from graphc.compiler.function.divided_step import DividedStep
from graphc.compiler.function.own_rows import OwnRows
from graphc.compiler.function.roots import Specialised
from graphc.compiler.function.shard_calls import ShardCalls
from graphc.compiler.graph import Node, Symbol
from graphc.compiler.graph.dim import evaluate
from graphc.parallel.summing import Layout

Feed = np.ndarray | OwnRows
Bindings = Mapping[Symbol, int]


@dataclass(frozen=True)
class SizedStep:
    """The facts that follow from the sizes of a call, kept for further calls of these sizes.

    Attributes:
        step: the division of the step.
        bindings: the values of symbols.
        ranges: the rows of each shard that is not empty.
        feeds: by input, the sizes of the whole batch, and positions of draws at each row.
        first, sums: the layouts of the sums of the first pass and of the shards.
        rows: arrays that shards write their rows into.
        calls: of the functions of shards, by the first row of these.
        specialised: what the functions of the root run at these sizes.
    """

    step: DividedStep
    bindings: Bindings
    ranges: Sequence[tuple[int, int]]
    feeds: dict[Node, np.ndarray]
    first: Layout
    sums: Layout
    rows: dict[Node, np.ndarray] = field(default_factory=dict)
    calls: dict[tuple[Function, int], SubtreeCalls] = field(default_factory=dict)
    specialised: Specialised = field(default_factory=dict)


@dataclass
class SubtreeCalls:
    """The calls of a function on the shards of some rows.

    Attributes:
        first, behind: these rows.
        calls: of the function.
        inputs: of the function: each with its batch axis, None for one that is read whole, and the
            array that it is fed if that is the same in all calls.
        into: the memory of the shards' rows if that is the same in all calls.
    """

    first: int
    behind: int
    calls: ShardCalls
    inputs: Sequence[tuple[Node, int | None, np.ndarray | None]]
    into: Sequence[np.ndarray] = ()

    def fed(self, feeds: Mapping[Node, Feed]) -> list[np.ndarray]:
        """Return the arrays that the inputs are fed."""
        return [
            rows_between(feeds[node], axis, self.first, self.behind) if array is None else array
            for node, axis, array in self.inputs
        ]

    def rows_of(self, lines: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the memory of the shards' rows in arrays with a line for each row of the batch."""
        return [one[self.first : self.behind] for one in lines]


def rows_between(value: Feed, axis: int | None, first: int, behind: int) -> np.ndarray:
    """Return the rows from `first` to `behind` of what is fed, along its batch axis if it has
    one."""
    if axis is None:
        assert isinstance(value, np.ndarray)
        return value
    if isinstance(value, OwnRows):
        return value.rows(axis, first, behind)
    return value[(slice(None),) * axis + (slice(first, behind),)]


@dataclass(frozen=True)
class ShardedCall:
    """A call that runs.

    Attributes:
        sized: the facts that follow from the sizes of its arguments.
        feeds: the arrays by input; sums and gathered rows are added as they are computed.
        number: the number of the call, from which random draws are made.
    """

    sized: SizedStep
    feeds: dict[Node, Feed]
    number: int

    @property
    def step(self) -> DividedStep:
        """The division of the step."""
        return self.sized.step

    @property
    def bindings(self) -> Bindings:
        """The values of symbols."""
        return self.sized.bindings

    @property
    def ranges(self) -> Sequence[tuple[int, int]]:
        """The rows of each shard that is not empty."""
        return self.sized.ranges


def layout_of(nodes: Iterable[Node], bindings: Bindings) -> Layout:
    """Return the shapes and dtypes of nodes' values in a call."""
    return Layout(
        tuple([tuple([evaluate(size, bindings) for size in node.shape]) for node in nodes]),
        tuple([np.dtype(node.dtype) for node in nodes]),
    )
