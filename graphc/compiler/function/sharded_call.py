"""A call of a function that takes its batch in shards, and what follows from its sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler.function.api import Function
from graphc.compiler.function.divided_step import DividedStep
from graphc.compiler.function.own_rows import OwnRows
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
    """

    step: DividedStep
    bindings: Bindings
    ranges: Sequence[tuple[int, int]]
    feeds: dict[Node, np.ndarray]
    first: Layout
    sums: Layout
    rows: dict[Node, np.ndarray]
    calls: dict[tuple[Function, int], ShardCalls]


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
