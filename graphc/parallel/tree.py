"""The binary tree in which the values of shards are added, and the part of it that a rank computes.

tree(n) = tree(2^k) + tree(n - 2^k), 2^k the largest power of two below n. The leaves
of the tree are the shards that have rows. These are the first ones, since shards are filled in
order; empty shards at the end are not in the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from graphc.errors import ArgumentError

Value = TypeVar("Value")


@dataclass(frozen=True, order=True)
class Interval:
    """The shards from `start` up to, not including, `stop`."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def shards_of_rank(shards: int, ranks: int, rank: int) -> Interval:
    """Return the shards that a rank computes: consecutive ones, evenly divided, with counts that
    differ by at most one."""
    if not 1 <= ranks <= shards:
        raise ArgumentError(
            f"ranks: expected at most one rank for each of {shards} shards, received {ranks} "
            f"ranks; raise shards to {ranks} or start {shards} ranks"
        )
    return Interval(rank * shards // ranks, (rank + 1) * shards // ranks)


def rows_of_rank(rows: int, shards: int, ranks: int, rank: int) -> Interval:
    """Return the rows of a batch in the shards of a rank: ceil(rows / shards) in each shard, the
    last ones fewer or none."""
    each = -(-rows // shards)
    own = shards_of_rank(shards, ranks, rank)
    return Interval(min(own.start * each, rows), min(own.stop * each, rows))


def halves(span: Interval) -> tuple[Interval, Interval]:
    """Return the two children of a node of the tree, given as the shards below it."""
    middle = span.start + _largest_power_below(len(span))
    return Interval(span.start, middle), Interval(middle, span.stop)


def complete_subtrees(filled: int, part: Interval) -> list[Interval]:
    """Return the largest nodes of the tree over `filled` shards that lie in `part`, from the first
    to the last. Their values are all that others need of these shards."""
    return list(_inside(Interval(0, filled), part))


def _inside(node: Interval, part: Interval) -> Iterator[Interval]:
    if node.stop <= part.start or part.stop <= node.start:
        return
    if part.start <= node.start and node.stop <= part.stop:
        yield node
        return
    for half in halves(node):
        yield from _inside(half, part)


def _largest_power_below(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def _parent(root: Interval, node: Interval) -> Interval:
    while node not in (found := halves(root)):
        root = found[node.start >= found[1].start]
    return root


class TreeSum(Generic[Value]):
    """The sum below a node of the tree, from the values of nodes that arrive in any order: two
    halves are added as soon as both are there.

    Of shards that arrive in order, at most log2(n) + 1 values are kept.

    Args:
        root: the node whose value is wanted: for that of the whole tree `Interval(0, filled)`.
        add: returns the sum of a left and a right half. It may reuse the memory of the left one.
    """

    def __init__(self, root: Interval, add: Callable[[Value, Value], Value]) -> None:
        self._root = root
        self._add = add
        self._values: dict[Interval, Value] = {}

    def put(self, node: Interval, value: Value) -> None:
        """Add the value of a node, and then all sums that are complete."""
        while node != self._root:
            parent = _parent(self._root, node)
            left, right = halves(parent)
            if node == left and right in self._values:
                value = self._add(value, self._values.pop(right))
            elif node == right and left in self._values:
                value = self._add(self._values.pop(left), value)
            else:
                break
            node = parent
        self._values[node] = value

    @property
    def kept(self) -> int:
        """The number of values that wait for their other half."""
        return len(self._values)

    def result(self) -> Value:
        """Return the sum, once the values of all shards are there."""
        if list(self._values) != [self._root]:
            raise ArgumentError(
                f"tree sum: expected the values of all shards from {self._root.start} to "
                f"{self._root.stop - 1}, received {sorted(self._values)}"
            )
        return self._values[self._root]
