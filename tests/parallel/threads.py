"""Ranks as threads of one process: the transport that tests of its callers use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from graphc.parallel.transport import Done, Transfer, check_exchange, check_parts

T = TypeVar("T")

_LIMIT_SECONDS = 30
"""Of waiting for others: a test that hangs fails."""


class _Late(Done):
    """A transfer whose values come when it is waited for, and not before."""

    def __init__(self, received: np.ndarray, value: np.ndarray) -> None:
        self._received, self._value = received, value

    def wait(self) -> None:
        self._received[:] = self._value


class ThreadRank:
    """A rank that is a thread; `run_ranks` makes all of them."""

    def __init__(self, rank: int, size: int, barrier: threading.Barrier, board: list) -> None:
        self.rank = rank
        self.size = size
        self._barrier = barrier
        self._board = board

    def _exchange(self, given: Any) -> list:
        self._board[self.rank] = given
        self._barrier.wait()
        taken = list(self._board)
        self._barrier.wait()
        return taken

    def all_to_all(
        self,
        sent: np.ndarray,
        sent_sizes: Sequence[int],
        received: np.ndarray,
        received_sizes: Sequence[int],
    ) -> Transfer:
        check_exchange(self, sent.nbytes, sent_sizes, received.nbytes, received_sizes)
        parts = np.split(sent.copy(), np.cumsum(sent_sizes)[:-1])
        return _Late(received, np.concatenate([one[self.rank] for one in self._exchange(parts)]))

    def all_gather(self, whole: np.ndarray, sizes: Sequence[int]) -> Transfer:
        check_parts("all_gather", self.size, whole.nbytes, sizes)
        own = np.split(whole, np.cumsum(sizes)[:-1])[self.rank].copy()
        return _Late(whole, np.concatenate(self._exchange(own)))

    def broadcast(self, whole: np.ndarray, root: int) -> Transfer:
        return _Late(whole, self._exchange(whole.copy())[root])

    def failed(self, error: BaseException) -> None:
        self._barrier.abort()


def run_ranks(size: int, program: Callable[[ThreadRank], T]) -> list[T]:
    """Run a program on so many ranks at once, and return what each of them returned."""
    barrier, board = threading.Barrier(size, timeout=_LIMIT_SECONDS), [None] * size
    ranks = [ThreadRank(rank, size, barrier, board) for rank in range(size)]
    with ThreadPoolExecutor(size) as pool:
        futures = [pool.submit(program, rank) for rank in ranks]
        return [future.result(timeout=_LIMIT_SECONDS) for future in futures]
