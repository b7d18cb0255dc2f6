"""Sums over the shards of all ranks, with the same bits as on one rank."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import groupby, zip_longest
from typing import Any

import numpy as np

from graphc.parallel.pages import large_pages
from graphc.parallel.slices import Parameter, Piece, rounds, slices
from graphc.parallel.transport import Done, Transfer, Transport, as_bytes
from graphc.parallel.tree import Interval, TreeSum, shards_of_rank

Arrays = list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Layout:
    """The layout of arrays that are divided into pieces, one on each rank. It is the same on all
    ranks, and compared by identity.

    A rank stores its pieces contiguously.

    Attributes:
        shapes, dtypes: those of the arrays.
        numbers: for each array the index of its parameter in `parameters`; None for an array that
            every rank has whole. Empty if all arrays are whole.
        parameters: the parameters whose elements are divided over the ranks.
    """

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]
    numbers: tuple[int | None, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    @lru_cache(maxsize=64)  # noqa: B019  # of few layouts, each used at every step
    def pieces(self, ranks: int) -> list[list[Piece]]:
        """Return the piece that each rank has of each array; some are empty."""
        owned = owned_pieces(self.parameters, ranks)
        numbers = self.numbers or (None,) * len(self.shapes)
        return [
            [
                Piece(array, 0, math.prod(self.shapes[array]))
                if number is None
                else replace(of_rank.get(number, _NOTHING), parameter=array)
                for array, number in enumerate(numbers)
            ]
            for of_rank in owned
        ]

    def bytes_of(self, pieces: Sequence[Piece]) -> int:
        """Return the number of bytes of pieces."""
        return sum(len(piece) * self.dtypes[piece.parameter].itemsize for piece in pieces)

    def pack(self, arrays: Sequence[np.ndarray], pieces: Sequence[Piece]) -> list[np.ndarray]:
        """Return the bytes of each piece."""
        return [
            as_bytes(np.ascontiguousarray(arrays[piece.parameter]))[self._within(piece)]
            for piece in pieces
            if len(piece)
        ]

    def _within(self, piece: Piece) -> slice:
        size = self.dtypes[piece.parameter].itemsize
        return slice(piece.start * size, piece.stop * size)

    def values(self, packed: np.ndarray, pieces: Sequence[Piece]) -> Arrays:
        """Return pieces as arrays that share the memory of their bytes; a piece that is a whole
        array has its shape."""
        found, start = [], 0
        for piece in pieces:
            dtype, shape = self.dtypes[piece.parameter], self.shapes[piece.parameter]
            stop = start + len(piece) * dtype.itemsize
            value = packed[start:stop].view(dtype)
            found.append(value.reshape(shape) if len(piece) == math.prod(shape) else value)
            start = stop
        return found

    def runs(self, packed: np.ndarray, pieces: Sequence[Piece]) -> Arrays:
        """Return the elements of pieces that share the memory of their bytes, an array for
        neighbours of one dtype."""
        found, start = [], 0
        for dtype, several in groupby(pieces, lambda piece: self.dtypes[piece.parameter]):
            stop = start + self.bytes_of(list(several))
            found.append(packed[start:stop].view(dtype))
            start = stop
        return found


_NOTHING = Piece(0, 0, 0)


@lru_cache(maxsize=64)  # each step uses those of the step before
def owned_pieces(parameters: tuple[Parameter, ...], ranks: int) -> list[dict[int, Piece]]:
    """Return, for each rank, its pieces of parameters, without empty ones."""
    return [{piece.parameter: piece for piece in of_rank} for of_rank in slices(parameters, ranks)]


def add_arrays(left: Arrays, right: Arrays) -> Arrays:
    """Add arrays to others in place, and return the sums."""
    for one, other in zip(left, right, strict=True):
        np.add(one, other, out=one)
    return left


class ShardSums:
    """Sums over all shards of a batch, for each array the piece of this rank. What follows from the
    number of shards is worked out once, for any number of batches.

    A rank computes its own shards. The sums of each complete subtree of them are sent, in pieces,
    to the ranks that add these in the tree's order, while the next subtree is computed.

    Attributes:
        nodes: those of the tree whose sums this rank computes, in order.
    """

    def __init__(
        self,
        transport: Transport[np.ndarray],
        layout: Layout,
        filled: int,
        shards: int,
        kept: KeptMemory | None = None,
    ) -> None:
        """
        Args:
            transport: the ranks.
            layout: of what a shard gives.
            filled: the number of shards that have rows.
            shards: the number of shards.
            kept: memory for what moves, by default new; the sums lie in it.
        """
        rank, size = transport.rank, transport.size
        self._is_alone = size == 1
        self._sums: Arrays = []
        nodes = rounds(filled, shards, size)
        own = [of_ranks[rank] for of_ranks in nodes]
        self.nodes = [node for node in own if node is not None]
        self._exchanges: list[_Exchange] = []
        if not self._is_alone and layout.shapes:
            kept = KeptMemory() if kept is None else kept
            self._exchanges = [
                _Exchange(transport, layout, of_ranks, kept, number)
                for number, of_ranks in enumerate(nodes)
            ]
            self._sums = self._added(layout, layout.pieces(size)[rank], filled)
        self._rounds = list(zip_longest(own, self._exchanges))

    def _added(self, layout: Layout, pieces: Sequence[Piece], filled: int) -> Arrays:
        """Set the additions that are made behind each exchange, and return the sums."""
        additions: list[tuple[np.ndarray, np.ndarray]] = []

        def add(left: np.ndarray, right: np.ndarray) -> np.ndarray:
            runs = [layout.runs(one, pieces) for one in (left, right)]
            additions.extend(zip(*runs, strict=True))
            return left

        total = TreeSum(Interval(0, filled), add)
        for exchange in self._exchanges:
            for node, packed in exchange.parts:
                total.put(node, packed)
            exchange.additions, additions = additions, []
        return layout.values(total.result(), pieces)

    def __call__(
        self, of_subtree: Callable[[Interval], Arrays], then: Callable[[], None] | None = None
    ) -> Arrays:
        """Compute the sums of a batch; on several ranks they stay until the next call.

        Args:
            of_subtree: returns the sums below a node of the tree. They stay as they are until its
                next call; on one rank the last ones are what is returned.
            then: called on one of several ranks when its shards are computed, ahead of waiting for
                sums.
        """
        arrays: Arrays = []
        before: _Exchange | None = None
        for own, exchange in self._rounds:
            if own is not None:
                if before is not None:
                    before.go_on()
                arrays = of_subtree(own)
            if exchange is not None:
                exchange.begin(arrays)
                before = exchange
        if self._is_alone:
            return arrays
        if then is not None:
            then()
        for one in self._exchanges:
            one.finish()
        return self._sums


def sum_below(node: Interval, of_shard: Callable[[int], Arrays]) -> Arrays:
    """Return the sums below a node of the tree; the arrays that `of_shard` returns may be
    overwritten."""
    total = TreeSum(node, add_arrays)
    for shard in range(node.start, node.stop):
        total.put(Interval(shard, shard + 1), of_shard(shard))
    return total.result()


class KeptMemory:
    """Memory that is kept from step to step: new memory of some megabytes takes longer to get than
    to fill."""

    def __init__(self) -> None:
        self._kept: dict[int, np.ndarray] = {}

    def take(self, number: int, nbytes: int) -> np.ndarray:
        """Return so many bytes of one of the memories, by its number; what lay there is lost if
        they are more than ever before."""
        found = self._kept.get(number)
        if found is None or len(found) < nbytes:
            found = self._kept[number] = large_pages(nbytes)
        return found[:nbytes]


class _Exchange:
    """The transfer of one node of the tree from each rank, slice by slice, to the ranks that add
    them.

    Attributes:
        parts: each node with the bytes of this rank's slice of it, which a call receives.
        additions: pairs of arrays: what has come is added, the right one to the left one.
    """

    def __init__(
        self,
        transport: Transport[np.ndarray],
        layout: Layout,
        nodes: Sequence[Interval | None],
        kept: KeptMemory,
        number: int,
    ) -> None:
        """`number`: among the exchanges of a step, each of which has memory of its own."""
        rank, size = transport.rank, transport.size
        self._transport, self._layout = transport, layout
        self._pieces = layout.pieces(size) if nodes[rank] is not None else []
        lengths = [layout.bytes_of(one) for one in layout.pieces(size)]
        self._to_ranks = lengths if self._pieces else [0] * size
        self._from_ranks = [0 if node is None else lengths[rank] for node in nodes]
        self._sent = kept.take(2 * number, sum(self._to_ranks))
        self._received = kept.take(2 * number + 1, sum(self._from_ranks))
        present = [node for node in nodes if node is not None]
        self.parts = list(zip(present, self._received.reshape(len(present), -1), strict=True))
        self.additions: Sequence[tuple[np.ndarray, np.ndarray]] = ()
        self._packed: Arrays | None = None
        self._line: Arrays = []
        self._transfer: Transfer = Done()

    def begin(self, arrays: Arrays) -> None:
        """Begin to send the sums of this rank's node, if it has one, and to receive those of
        others."""
        if self._pieces:
            if arrays is not self._packed:  # native code has its sums in the same memory
                stay = all(one.flags.c_contiguous for one in arrays)  # others would be copied
                self._packed = arrays if stay else None
                of_ranks = [self._layout.pack(arrays, one) for one in self._pieces]
                self._line = [self._sent[:0], *(one for parts in of_ranks for one in parts)]
            np.concatenate(self._line, out=self._sent)
        self._transfer = self._transport.all_to_all(
            self._sent, self._to_ranks, self._received, self._from_ranks
        )

    def go_on(self) -> None:
        """Let the transfer make progress while this rank computes."""
        self._transfer.go_on()

    def finish(self) -> None:
        """Wait for it, and add."""
        self._transfer.wait()
        for left, right in self.additions:
            np.add(left, right, out=left)


class Gathering:
    """Gathers whole arrays from the pieces of all ranks.

    Two buffers alternate, so that the arrays of a call stay valid until the call after the next.

    Attributes:
        turn: 0 or 1, the buffer that the next call completes.
    """

    def __init__(self, transport: Transport[np.ndarray], layout: Layout) -> None:
        self._transport, self._layout = transport, layout
        pieces = layout.pieces(transport.size)
        self._lengths = [layout.bytes_of(one) for one in pieces]
        self._buffers = [large_pages(sum(self._lengths)) for _ in range(2)]
        start = sum(self._lengths[: transport.rank])
        flat = replace(layout, shapes=tuple([(math.prod(shape),) for shape in layout.shapes]))
        own = [piece for piece in pieces[transport.rank] if len(piece)]
        self._own = [flat.values(one[start:], own) for one in self._buffers]
        line = [piece for of_rank in pieces for piece in of_rank if len(piece)]
        self._arrays = [list(self._arrays_in(one, line)) for one in self._buffers]
        self.turn = 0

    @property
    def own(self) -> Arrays:
        """This rank's pieces, flat and without empty ones, in the buffer of the next call. They
        may be written there before it."""
        return self._own[self.turn]

    def gather(self, own: Sequence[np.ndarray | None]) -> Arrays:
        """Return the whole arrays, on every rank. `own` has this rank's pieces, without empty ones;
        None for a piece that was written into the buffer.

        Arrays share the buffer's memory if their pieces are contiguous there.
        """
        for piece, value in zip(self.own, own, strict=True):
            if value is not None:
                piece[:] = value.reshape(-1)
        if not self._layout.shapes:
            return []
        turn = self.turn
        self._transport.all_gather(self._buffers[turn], self._lengths).wait()
        self.turn = 1 - turn
        return [one if isinstance(one, np.ndarray) else one() for one in self._arrays[turn]]

    def _arrays_in(
        self, whole: np.ndarray, line: Sequence[Piece]
    ) -> Iterator[np.ndarray | Callable[[], np.ndarray]]:
        """Yield each array, whose pieces lie in a buffer in this order, or a function that joins
        its pieces."""
        parts: list[list[np.ndarray]] = [[] for _ in self._layout.shapes]
        ends = [-1] * len(parts)
        neighbours, start = [True] * len(parts), 0
        for piece in line:
            array, size = piece.parameter, self._layout.dtypes[piece.parameter].itemsize
            neighbours[array] &= ends[array] in (-1, start) and start % size == 0
            ends[array] = start + len(piece) * size
            parts[array].append(whole[start : ends[array]])
            start = ends[array]
        for array, several in enumerate(parts):
            dtype, shape = self._layout.dtypes[array], self._layout.shapes[array]
            if neighbours[array] and several:
                value = whole[ends[array] - sum(map(len, several)) : ends[array]]
                yield value.view(dtype).reshape(shape)
            else:
                yield partial(_joined, [whole[:0], *several], dtype, shape)


def _joined(
    parts: Sequence[np.ndarray], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> np.ndarray:
    return np.concatenate(parts).view(dtype).reshape(shape)


def gather_rows(
    transport: Transport[np.ndarray],
    layouts: Sequence[Layout],
    shards: int,
    own: Sequence[Arrays],
    to: int | None = None,
) -> Sequence[Arrays]:
    """Return the arrays of all shards on every rank, or only on rank `to`: the others get none.

    Args:
        transport: the ranks.
        layouts: for each shard that has rows, the layout of its arrays.
        shards: the number of shards.
        own: the arrays of this rank's shards.
        to: the rank that gets the arrays; None for all.
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
