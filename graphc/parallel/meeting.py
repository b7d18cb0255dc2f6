"""A rendezvous of all ranks before each exchange, so that messages of different calls never mix.

Each rank states the purpose of its call, and all continue where the purposes agree. A rank may also
request, outside of a step, the whole of an array of which each rank has a piece (`SpreadArray`):
one rank alone writes a file, between two steps of the others. The others send their pieces at their
next rendezvous, and then repeat it.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np

from graphc.errors import RankError
from graphc.parallel.slices import Piece
from graphc.parallel.transport import Transport, as_bytes, between_hosts, failing_together

_SIGN = 1 << 63
"""The bit of a word that requests an array; the other bits are its number."""


class _Meetings:
    """The arrays that lie in pieces on the ranks, by number."""

    def __init__(self) -> None:
        self.numbers = itertools.count()
        self.arrays: WeakValueDictionary[int, SpreadArray] = WeakValueDictionary()


_meetings: WeakKeyDictionary[Transport[np.ndarray], _Meetings] = WeakKeyDictionary()


def meet(transport: Transport[np.ndarray], purpose: str) -> None:
    """Wait until all ranks have called this with the same purpose, and meanwhile send the pieces of
    arrays that others request. RankError, on all ranks, where the purposes differ."""
    if transport.size > 1:
        _meet(between_hosts(transport), _word_of(purpose), purpose)


@lru_cache(maxsize=64)  # each step has that of the step before
def _word_of(purpose: str) -> int:
    digest = hashlib.blake2b(purpose.encode(), digest_size=8).digest()
    return int.from_bytes(digest, sys.byteorder) & ~_SIGN


def _meet(transport: Transport[np.ndarray], own: int, purpose: str) -> np.ndarray | None:
    """Meet until this rank has the array that it requested, and return it."""
    memory = np.empty(transport.size, np.uint64)
    while True:
        memory[transport.rank] = own
        transport.all_gather(as_bytes(memory), [memory.itemsize] * transport.size).wait()
        words = memory.tolist()
        wishes = [word for word in words if word & _SIGN]
        if not wishes:
            if words.count(own) < len(words):
                _refuse(transport, purpose)
            return None
        wish = wishes[0]
        array = _meetings[transport].arrays.get(wish & ~_SIGN)
        if array is None:
            raise RankError(
                "ranks: one of them reads a state of an optimizer that this one has dropped: "
                "expected that all ranks run the same program, and read it, or save, together"
            )
        found = array._exchange([word == wish for word in words])
        if wish == own:
            return found


def _refuse(transport: Transport[np.ndarray], purpose: str) -> None:
    """Raise RankError with the purpose of each rank."""
    text = np.frombuffer(purpose.encode()[:_MOST].ljust(_MOST), "uint8")
    of_ranks = np.empty((transport.size, _MOST), "uint8")
    of_ranks[transport.rank] = text
    transport.all_gather(as_bytes(of_ranks), [_MOST] * transport.size).wait()
    calls = "; ".join(
        f"rank {rank}: {one.tobytes().decode(errors='replace').rstrip()}"
        for rank, one in enumerate(of_ranks)
    )
    raise RankError(
        f"ranks: expected all of them to make the same call, received {calls}. All ranks run the "
        "same program: what is done on one rank alone must not train, evaluate or predict"
    )


_MOST = 120
"""Bytes of a purpose in a message."""


class SpreadArray:
    """An array that lies in pieces on the ranks; `register` has all of them know it.

    Args:
        transport: the ranks.
        shape, dtype: of the whole.
        pieces: of each rank; empty ones among them.
        own: returns this rank's elements.
    """

    def __init__(
        self,
        transport: Transport[np.ndarray],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        pieces: Sequence[Piece],
        own: Callable[[], np.ndarray],
    ) -> None:
        self._transport = transport = between_hosts(transport)
        self.pieces = list(pieces)
        self._shape, self._dtype, self._own = shape, dtype, own
        self._number: int | None = None

    def register(self) -> None:
        """Give the array a number, by which ranks request it from each other. All ranks register
        their arrays in the same order; registering one again changes nothing."""
        if self._number is None:
            meetings = _meetings.setdefault(self._transport, _Meetings())
            self._number = next(meetings.numbers)
            meetings.arrays[self._number] = self

    def to_host(self) -> np.ndarray:
        """Return the whole array. The other ranks have to make the same call, or to meet for
        another purpose."""
        assert self._number is not None
        with failing_together(self._transport):
            found = _meet(self._transport, self._number | _SIGN, "")
        assert found is not None
        return found

    def _exchange(self, wanting: Sequence[bool]) -> np.ndarray | None:
        """Send this rank's piece to the ranks that request it; return the whole array if this rank
        does."""
        transport, size = self._transport, self._dtype.itemsize
        lengths = [len(piece) * size for piece in self.pieces]
        own = as_bytes(np.ascontiguousarray(self._own()))
        sent = [len(own) if wants else 0 for wants in wanting]
        wants = wanting[transport.rank]
        received = np.empty(sum(lengths) if wants else 0, "uint8")
        transport.all_to_all(
            np.tile(own, sum(wanting)),
            sent,
            received,
            lengths if wants else [0] * transport.size,
        ).wait()
        return received.view(self._dtype).reshape(self._shape) if wants else None
