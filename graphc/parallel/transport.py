"""The interface of a transport between ranks, five calls, and its implementation for a single rank.

A transport moves bytes. It never adds: a library's reduction has an order that depends on the
number of ranks and on the length of the message, and so do its bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import numpy as np

from graphc.errors import ArgumentError

Bytes = TypeVar("Bytes", contravariant=True)
"""A contiguous range of memory: for MPI what `as_bytes` returns, for NCCL `nccl.DeviceBytes`."""


class Transfer(Protocol):
    """A transfer under way. Its memory is neither read nor written before `wait` has returned."""

    def go_on(self) -> None:
        """Progress while the caller computes; without it, bytes may only move in `wait`."""

    def wait(self) -> None:
        """Wait until this rank's part is done; raise `RankError` if another rank failed."""


class Transport(Protocol[Bytes]):
    """The ranks of a job. All of them begin the same transfers, with equal sizes, in one order."""

    @property
    def rank(self) -> int:
        """The number of this rank, from 0."""

    @property
    def size(self) -> int:
        """The number of ranks."""

    def all_to_all(
        self,
        sent: Bytes,
        sent_sizes: Sequence[int],
        received: Bytes,
        received_sizes: Sequence[int],
    ) -> Transfer:
        """Send a part of `sent` to each rank, and receive a part of `received` from each.

        The sizes are the bytes of the parts, in the order of the ranks; a part may be empty. What a
        rank sends to itself is copied.
        """

    def all_gather(self, whole: Bytes, sizes: Sequence[int]) -> Transfer:
        """Complete `whole` on every rank; each has written its own part before.

        The sizes are the bytes of the parts, in the order of the ranks.
        """

    def broadcast(self, whole: Bytes, root: int) -> Transfer:
        """Copy `whole` from the rank `root` to every other rank."""

    def failed(self, error: BaseException) -> None:
        """Tell the other ranks that an error ends this one, so that it ends them too."""


@contextmanager
def failing_together(transport: Transport[Any]) -> Iterator[None]:
    """Tell the other ranks about an error that leaves the block."""
    try:
        yield
    except BaseException as error:
        transport.failed(error)
        raise


def between_hosts(transport: Transport[np.ndarray]) -> Transport[np.ndarray]:
    """Return the transport between the ranks' host memories: the attribute `host_transport` of a
    transport between GPUs, else the transport itself."""
    return getattr(transport, "host_transport", transport)


class Done:
    """A transfer that is over."""

    def go_on(self) -> None:
        """Do nothing."""

    def wait(self) -> None:
        """Return at once."""


class OneRank:
    """The transport of a process that trains alone."""

    rank = 0
    size = 1

    def all_to_all(
        self,
        sent: np.ndarray,
        sent_sizes: Sequence[int],
        received: np.ndarray,
        received_sizes: Sequence[int],
    ) -> Transfer:
        """Copy what is sent."""
        check_exchange(self, sent.nbytes, sent_sizes, received.nbytes, received_sizes)
        received[:] = sent
        return Done()

    def all_gather(self, whole: np.ndarray, sizes: Sequence[int]) -> Transfer:
        """Do nothing: the only part is the whole."""
        check_parts("all_gather", self.size, whole.nbytes, sizes)
        return Done()

    def broadcast(self, whole: np.ndarray, root: int) -> Transfer:
        """Do nothing: there is no other rank."""
        check_root(self.size, root)
        return Done()

    def failed(self, error: BaseException) -> None:
        """Do nothing: there is no other rank."""


def as_bytes(array: np.ndarray) -> np.ndarray:
    """Return a view of the bytes of a contiguous array."""
    if not array.flags.c_contiguous:
        raise ArgumentError(
            f"as_bytes: expected a contiguous array, received one of shape {array.shape} and "
            f"strides {array.strides}; copy it with np.ascontiguousarray"
        )
    return array.reshape(-1).view(np.uint8)


def check_parts(call: str, ranks: int, whole: int, sizes: Sequence[int]) -> None:
    """Raise ArgumentError unless the sizes are one for each rank and their sum is `whole`."""
    if len(sizes) != ranks or min(sizes) < 0 or math.fsum(sizes) != whole:
        raise ArgumentError(
            f"{call}: expected sizes of {ranks} parts that sum to {whole} bytes, received "
            f"{list(sizes)}"
        )


def check_exchange(
    transport: Transport[Any],
    sent: int,
    sent_sizes: Sequence[int],
    received: int,
    received_sizes: Sequence[int],
) -> None:
    """Raise ArgumentError for sizes of an all_to_all that do not fit its memory or each other."""
    check_parts("all_to_all: sent", transport.size, sent, sent_sizes)
    check_parts("all_to_all: received", transport.size, received, received_sizes)
    rank = transport.rank
    if sent_sizes[rank] != received_sizes[rank]:
        raise ArgumentError(
            f"all_to_all: expected rank {rank} to receive from itself what it sends to itself, "
            f"{sent_sizes[rank]} bytes, received {received_sizes[rank]}"
        )


def check_root(ranks: int, root: int) -> None:
    """Raise ArgumentError for a root that is no rank."""
    if not 0 <= root < ranks:
        raise ArgumentError(
            f"broadcast: root: expected a rank from 0 to {ranks - 1}, received {root}"
        )
