"""The transport of one rank, and what any transport checks."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import ArgumentError
from graphc.parallel.transport import OneRank, as_bytes


def test_one_rank_sends_to_itself() -> None:
    sent, received = np.arange(3, dtype="float32"), np.zeros(3, "float32")
    OneRank().all_to_all(as_bytes(sent), [12], as_bytes(received), [12]).wait()
    assert received.tolist() == [0, 1, 2]
    OneRank().all_gather(as_bytes(received), [12]).wait()
    OneRank().broadcast(as_bytes(received), 0).wait()
    assert received.tolist() == [0, 1, 2]


def test_bytes_are_a_view_of_any_contiguous_array() -> None:
    for array in (np.zeros(()), np.zeros((0, 3)), np.zeros((2, 3), "int64")):
        as_bytes(array)[:1] = 7
        assert as_bytes(array).nbytes == array.nbytes
        assert not array.size or array.tobytes()[0] == 7
    with pytest.raises(ArgumentError, match=r"expected a contiguous array.*\(3, 2\)"):
        as_bytes(np.zeros((2, 3)).T)


def test_sizes_that_do_not_fit_are_errors() -> None:
    four = np.zeros(4, "uint8")
    with pytest.raises(ArgumentError, match="all_gather: expected sizes of 1 parts that sum to 4"):
        OneRank().all_gather(four, [3])
    with pytest.raises(ArgumentError, match=r"all_to_all: sent: .* received \[2, 2\]"):
        OneRank().all_to_all(four, [2, 2], four, [4])
    with pytest.raises(ArgumentError, match="itself, 4 bytes, received 3"):
        OneRank().all_to_all(four, [4], four[:3], [3])
    with pytest.raises(ArgumentError, match="root: expected a rank from 0 to 0, received 1"):
        OneRank().broadcast(four, 1)
