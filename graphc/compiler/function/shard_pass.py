"""A function of a shard, run on all shards of batches of one size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler.function.api import Function
from graphc.compiler.function.own_rows import Feed, rows_between
from graphc.compiler.function.roots import moved
from graphc.compiler.function.shard_calls import ShardCalls
from graphc.compiler.graph import BATCH, Node, Symbol
from graphc.compiler.graph.dim import evaluate, symbols
from graphc.compiler.shards import FIRST, RowDivision, joined_rows
from graphc.compiler.shards.batch_axis import BatchAxis
from graphc.compiler.shards.spread import Moved
from graphc.errors import IndexRangeError, NotFiniteError
from graphc.parallel.summing import Arrays, KeptMemory, Layout, ShardSums, gather_rows
from graphc.parallel.transport import Transfer, Transport, as_bytes
from graphc.parallel.tree import Interval, rows_of_rank

(_BATCH,) = symbols(BATCH)

Bindings = Mapping[Symbol, int]


@dataclass(frozen=True)
class ShardedBatch:
    """The division of batches of one size into shards.

    Attributes:
        bindings: the values of symbols.
        shards: how many there are.
        ranges: the rows of each shard that is not empty.
        axes: of inputs, the axis along which they are divided, or `FIRST`.
        feeds: by input, the sizes of the whole batch, and positions of draws at each row: what is
            the same for all batches.
    """

    bindings: Bindings
    shards: int
    ranges: Sequence[tuple[int, int]]
    axes: Mapping[Node, int]
    feeds: Mapping[Node, np.ndarray]

    @property
    def total(self) -> int:
        """The number of rows of all shards."""
        return self.bindings[_BATCH]


@dataclass(frozen=True)
class ShardResults:
    """The results of a function of a shard.

    Attributes:
        sums: the first ones, which are summed over the shards.
        wanted: what is wanted of these, moved as the root reads it.
        layout: of what is wanted.
        rows: the others, rows with their batch axes.
        returned: those of the rows that a call returns, in arrays that are new at each call.
    """

    sums: Sequence[Node]
    wanted: Mapping[Node, Moved]
    layout: Layout
    rows: Mapping[Node, BatchAxis]
    returned: Sequence[Node] = ()

    @property
    def are_wanted_as_they_are(self) -> bool:
        """True if what is wanted is the sums, in their order."""
        pairs = zip(self.wanted.values(), self.sums, strict=False)
        return len(self.wanted) == len(self.sums) and all(
            one.source is node and not one.moves for one, node in pairs
        )


@dataclass
class _SubtreeCalls:
    """The calls on the shards below a node of the tree.

    Attributes:
        first, behind: their rows.
        calls: of the function.
        inputs: of the function: each with its batch axis, None for one that is read whole, and the
            array that it is fed if that is the same in all calls.
        gathered, into: arrays of the rows of the batch, and their lines that the shards write.
    """

    first: int
    behind: int
    calls: ShardCalls
    inputs: Sequence[tuple[Node, int | None, np.ndarray | None]]
    gathered: Sequence[_GatheredRows] = ()
    into: Sequence[np.ndarray] | None = None


class _GatheredRows:
    """An array of the rows of all shards, which these write in place and all ranks gather.

    Attributes:
        node: whose value it is.
        array: the rows.
        lines: the same with one line for each row.
    """

    def __init__(self, node: Node, batch: ShardedBatch, ranks: Transport[np.ndarray]) -> None:
        shape, total = [evaluate(size, batch.bindings) for size in node.shape], batch.total
        self.node, self.array = node, np.empty(shape, node.dtype)
        self.lines = self.array.reshape(total, -1)
        parts = [rows_of_rank(total, batch.shards, ranks.size, rank) for rank in range(ranks.size)]
        self._ranks, self._bytes = ranks, as_bytes(self.array)
        self._sizes = [len(part) * self.lines[:1].nbytes for part in parts]

    def gather(self) -> Transfer:
        """Begin to gather the rows of all ranks."""
        return self._ranks.all_gather(self._bytes, self._sizes)


class ShardPass:
    """The calls of a function on all shards of batches of one size. What follows from the size is
    worked out once."""

    def __init__(
        self,
        function: Function,
        results: ShardResults,
        batch: ShardedBatch,
        ranks: Transport[np.ndarray],
        kept: KeptMemory,
        at_once: bool = False,
    ) -> None:
        """
        Args:
            function: of a shard.
            results: of the function.
            batch: what it runs on.
            ranks: that compute the shards.
            kept: memory for what moves between them.
            at_once: a call takes the rows of several shards at once.
        """
        self._function, self._results, self._batch = function, results, batch
        self._ranks, self._at_once = ranks, at_once
        self._sums = ShardSums(ranks, results.layout, len(batch.ranges), batch.shards, kept)
        self._are_wanted_as_they_are = results.are_wanted_as_they_are
        # Shards write their rows where those of all lie if there they are contiguous.
        self._writes_in_place = bool(results.rows) and not any(
            one.axis or one.outer not in (1, None) for one in results.rows.values()
        )
        self._gathered: list[_GatheredRows] = []
        self._subtrees = {node: self._calls_of(node) for node in self._sums.nodes}

    def _calls_of(self, node: Interval) -> _SubtreeCalls:
        batch, inputs = self._batch, self._function.inputs
        first, behind = batch.ranges[node.start][0], batch.ranges[node.stop - 1][1]
        each = behind - first if self._at_once else batch.ranges[0][1]
        axes = tuple([batch.axes.get(one) for one in inputs])
        same = [
            rows_between(batch.feeds[one], 0 if axis == FIRST else axis, first, behind)
            if one in batch.feeds
            else None
            for one, axis in zip(inputs, axes, strict=True)
        ]
        division = RowDivision(axes, each, behind - first)
        numbers = [number for number, array in enumerate(same) if array is not None]
        calls = ShardCalls(self._function, division, len(self._results.sums), numbers)
        return _SubtreeCalls(first, behind, calls, list(zip(inputs, axes, same, strict=True)))

    def __call__(self, feeds: dict[Node, Feed], number: int, to: int | None = None) -> Arrays:
        """Run on a batch, and return the sums over all shards, which may be overwritten by the next
        call. The rows of all of them are put into the feeds.

        Args:
            feeds: the arrays by input.
            number: the number of the call, from which random draws are made.
            to: the rank that gets the rows, all by default; the others get none.
        """
        results, own_rows, transfers = self._results, list[Arrays](), list[Transfer]()
        gathered = self._new_gathered() if to is None else []

        def of_subtree(node: Interval) -> Arrays:
            summed, rows = self._run(self._subtrees[node], feeds, number, gathered)
            own_rows.extend(rows)
            if self._are_wanted_as_they_are:
                return summed
            return moved(dict(zip(results.sums, summed, strict=True)), results.wanted)

        def gather() -> None:
            transfers.extend([one.gather() for one in gathered])

        summed = self._sums(of_subtree, gather)
        for transfer in transfers:
            transfer.wait()
        if gathered:
            feeds.update([(one.node, one.array) for one in gathered])
        elif results.rows:
            self._join(feeds, own_rows, to)
        return summed

    def _new_gathered(self) -> list[_GatheredRows]:
        """Return the arrays that shards write their rows into; none if rows are joined after the
        shards. Those that only the root reads are used again."""
        if not self._writes_in_place:
            return []
        returned = self._results.returned
        if returned or not self._gathered:
            kept = {one.node: one for one in self._gathered if one.node not in returned}
            self._gathered = [
                kept.get(node) or _GatheredRows(node, self._batch, self._ranks)
                for node in self._results.rows
            ]
        return self._gathered

    def _run(
        self,
        subtree: _SubtreeCalls,
        feeds: Mapping[Node, Feed],
        number: int,
        gathered: Sequence[_GatheredRows],
    ) -> tuple[Arrays, list[Arrays]]:
        """Return the sums below a node of the tree, and the rows of its shards unless these write
        them in place."""
        first, behind = subtree.first, subtree.behind
        arrays = [
            rows_between(feeds[node], axis, first, behind) if same is None else same
            for node, axis, same in subtree.inputs
        ]
        if gathered is not subtree.gathered:
            subtree.gathered = gathered
            subtree.into = [one.lines[first:behind] for one in gathered] or None
        self._function.call_step.value = number
        try:
            return subtree.calls(arrays, subtree.into)
        except (IndexRangeError, NotFiniteError):
            self._refuse(subtree, arrays, number)
            raise

    def _refuse(self, subtree: _SubtreeCalls, arrays: Sequence[np.ndarray], number: int) -> None:
        """Run the shards one by one to find the one that fails, and raise its error with its first
        row in the batch: the error itself names positions in the shard."""
        calls = subtree.calls
        for shard in range(calls.division.shards):
            calls.function.call_step.value = number
            try:
                calls.function(*calls.of_shard(arrays, shard))
            except (IndexRangeError, NotFiniteError) as error:
                row = subtree.first + shard * calls.division.each
                where = f"Positions are those in a shard: its row 0 is row {row} of the batch"
                raise type(error)(f"{error}\n{where}") from None

    def _join(self, feeds: dict[Node, Feed], own: Sequence[Arrays], to: int | None) -> None:
        """Put the rows of all shards into the feeds, on the ranks that get them."""
        batch, rows = self._batch, self._results.rows
        gathered = gather_rows(self._ranks, batch_layouts(rows, batch), batch.shards, own, to)
        if not gathered:
            return
        for (node, axis), several in zip(rows.items(), zip(*gathered, strict=True), strict=True):
            outer = 1 if axis.outer is None else evaluate(axis.outer, batch.bindings)
            feeds[node] = joined_rows(several, axis.axis, outer)


def batch_layouts(nodes: Iterable[Node], batch: ShardedBatch) -> list[Layout]:
    """Return the layout of the values of nodes in each shard that has rows."""
    several = list(nodes)
    return [
        layout_of(several, {**batch.bindings, _BATCH: behind - first})
        for first, behind in batch.ranges
    ]


def layout_of(nodes: Iterable[Node], bindings: Bindings) -> Layout:
    """Return the shapes and dtypes of nodes' values in a call."""
    several = list(nodes)
    return Layout(
        tuple([tuple([evaluate(size, bindings) for size in node.shape]) for node in several]),
        tuple([np.dtype(node.dtype) for node in several]),
    )
