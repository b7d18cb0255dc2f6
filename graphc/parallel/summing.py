"""Sums over shards that ranks compute parts of, with the bits that one rank alone gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from graphc.parallel.slices import Parameter, Piece, rounds, slices
from graphc.parallel.transport import Transfer, Transport, as_bytes
from graphc.parallel.tree import Span, TreeSum, shards_of_rank

Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Layout:
    """The shapes and dtypes of the arrays that are summed, equal on all ranks.

    The bytes of a rank's slice are its pieces, one behind the other.
    """

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]

    def slices(self, ranks: int) -> list[list[Piece]]:
        """Return the pieces of the arrays that each rank adds."""
        return _slices(tuple([int(np.prod(shape)) for shape in self.shapes]), ranks)

    def bytes_of(self, owned: Sequence[Piece]) -> int:
        """Return the bytes of a slice."""
        return sum(len(piece) * self.dtypes[piece.parameter].itemsize for piece in owned)

    def pack(self, arrays: Sequence[np.ndarray], owned: Sequence[Piece]) -> list[np.ndarray]:
        """Return the bytes of each piece."""
        return [
            as_bytes(np.ascontiguousarray(arrays[piece.parameter]))[self._within(piece)]
            for piece in owned
        ]

    def _within(self, piece: Piece) -> slice:
        size = self.dtypes[piece.parameter].itemsize
        return slice(piece.start * size, piece.stop * size)

    def values(self, packed: np.ndarray, owned: Sequence[Piece]) -> Arrays:
        """Return the pieces of a slice as arrays that share the memory of its bytes."""
        found, start = [], 0
        for piece in owned:
            dtype = self.dtypes[piece.parameter]
            stop = start + len(piece) * dtype.itemsize
            found.append(packed[start:stop].view(dtype))
            start = stop
        return found

    def unpack(self, whole: np.ndarray, owned: Sequence[Sequence[Piece]]) -> Arrays:
        """Return the arrays, of which `whole` has the slices of all ranks."""
        arrays = [
            np.empty(shape, dtype) for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
        ]
        pieces = [piece for of_rank in owned for piece in of_rank]
        for piece, value in zip(pieces, self.values(whole, pieces), strict=True):
            arrays[piece.parameter].reshape(-1)[piece.start : piece.stop] = value
        return arrays


@lru_cache(maxsize=64)  # a step asks for those of the step before
def _slices(sizes: tuple[int, ...], ranks: int) -> list[list[Piece]]:
    return slices([Parameter(size) for size in sizes], ranks)


def add_arrays(left: Arrays, right: Arrays) -> Arrays:
    """Add arrays to others, in place, and return these."""
    for one, other in zip(left, right, strict=True):
        np.add(one, other, out=one)
    return left


def sum_over_shards(
    transport: Transport[np.ndarray],
    layout: Layout,
    filled: int,
    shards: int,
    of_subtree: Callable[[Span], Arrays],
) -> Arrays:
    """Return the sums over all shards of a batch, on every rank.

    A rank computes its own shards. The sums of each complete subtree of them are sent, in slices,
    to the ranks that add these in the tree's order, while the next subtree is computed; then all
    gather the slices.

    Args:
        transport: the ranks.
        layout: of what a shard gives.
        filled: the number of shards that have rows.
        shards: the number of shards.
        of_subtree: returns the sums below a node of the tree. They stay as they are until its next
            call; on one rank the last ones are what is returned.
    """
    rank, size = transport.rank, transport.size
    owned = layout.slices(size)
    lengths = [layout.bytes_of(one) for one in owned]
    total = TreeSum(Span(0, filled), add_arrays)
    under_way: list[_Exchange] = []
    arrays: Arrays = []
    for nodes in rounds(filled, shards, size):
        own = nodes[rank]
        arrays = [] if own is None else of_subtree(own)
        if size > 1 and layout.shapes:
            parts = [] if own is None else [layout.pack(arrays, one) for one in owned]
            under_way.append(_Exchange(transport, nodes, parts, lengths))
    if not under_way:
        return arrays
    for exchange in under_way:
        for node, received in exchange.received():
            total.put(node, layout.values(received, owned[rank]))
    whole = np.empty(sum(lengths), "uint8")
    start = sum(lengths[:rank])
    summed = [as_bytes(piece) for piece in total.result()]
    np.concatenate([whole[:0], *summed], out=whole[start : start + lengths[rank]])
    transport.all_gather(whole, lengths).wait()
    return layout.unpack(whole, owned)


def sum_below(node: Span, of_shard: Callable[[int], Arrays]) -> Arrays:
    """Return the sums below a node of the tree. `of_shard` gives up the memory of what it
    returns."""
    total = TreeSum(node, add_arrays)
    for shard in range(node.start, node.stop):
        total.put(Span(shard, shard + 1), of_shard(shard))
    return total.result()


class _Exchange:
    """The transfer of one node of the tree from each rank, in slices, to those that add them."""

    def __init__(
        self,
        transport: Transport[np.ndarray],
        nodes: Sequence[Span | None],
        parts: Sequence[Sequence[np.ndarray]],
        lengths: Sequence[int],
    ) -> None:
        own = lengths[transport.rank]
        sent = np.concatenate([np.empty(0, "uint8"), *(one for part in parts for one in part)])
        from_ranks = [0 if node is None else own for node in nodes]
        self._nodes = [node for node in nodes if node is not None]
        self._received = np.empty(sum(from_ranks), "uint8")
        sizes = lengths if parts else [0] * transport.size
        self._transfer: Transfer = transport.all_to_all(sent, sizes, self._received, from_ranks)

    def received(self) -> Iterator[tuple[Span, np.ndarray]]:
        """Wait, and yield each node with the bytes of this rank's slice of it."""
        self._transfer.wait()
        parts = self._received.reshape(len(self._nodes), -1)
        yield from zip(self._nodes, parts, strict=True)


def gather_rows(
    transport: Transport[np.ndarray],
    layouts: Sequence[Layout],
    shards: int,
    own: Sequence[Arrays],
    to: int | None = None,
) -> Sequence[Arrays]:
    """Return the arrays of every shard, from those of the shards of each rank: on every rank, or on
    rank `to` alone, and none on others.

    Args:
        transport: the ranks.
        layouts: of the arrays of each shard that has rows.
        shards: the number of shards.
        own: the arrays of this rank's shards.
        to: the rank that has them.
    """
    if transport.size == 1:
        return own
    owners = [shards_of_rank(shards, transport.size, rank) for rank in range(transport.size)]
    of_shards = [
        sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in _rows(layout))
        for layout in layouts
    ]
    lengths = [sum(of_shards[part.start : part.stop]) for part in owners]
    given = [as_bytes(np.ascontiguousarray(array)) for arrays in own for array in arrays]
    sent = np.concatenate([np.empty(0, "uint8"), *given])
    whole = np.empty(sum(lengths) if to in (None, transport.rank) else 0, "uint8")
    if to is None:
        start = sum(lengths[: transport.rank])
        whole[start : start + len(sent)] = sent
        transport.all_gather(whole, lengths).wait()
    else:
        to_ranks = [len(sent) if rank == to else 0 for rank in range(transport.size)]
        from_ranks = lengths if transport.rank == to else [0] * transport.size
        transport.all_to_all(sent, to_ranks, whole, from_ranks).wait()
        if transport.rank != to:
            return []
    found, start = [], 0
    for layout in layouts:
        arrays = []
        for shape, dtype in _rows(layout):
            stop = start + int(np.prod(shape)) * dtype.itemsize
            arrays.append(whole[start:stop].view(dtype).reshape(shape))
            start = stop
        found.append(arrays)
    return found


def _rows(layout: Layout) -> Iterator[tuple[tuple[int, ...], np.dtype[Any]]]:
    return zip(layout.shapes, layout.dtypes, strict=True)
