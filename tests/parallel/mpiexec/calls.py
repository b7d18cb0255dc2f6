"""The five calls on each rank, compared with what the formula of each part says."""

import json
import sys
import time

import numpy as np

from graphc.parallel import mpi
from graphc.parallel.agreement import agree, gather
from graphc.parallel.transport import as_bytes

ranks = mpi.join_mpi()


def part(sender: int, receiver: int, elements: int) -> np.ndarray:
    """Return the part that one rank sends to another: no two are alike."""
    return np.arange(elements, dtype="float32") + 1000 * sender + receiver


def elements(sender: int, receiver: int) -> int:
    """Different for each pair, and none from the last to the first."""
    if (sender, receiver) == (ranks.size - 1, 0):
        return 0
    return 3 + 5 * sender + 7 * receiver


def exchange(scale: int) -> tuple[object, np.ndarray, np.ndarray, np.ndarray]:
    """Begin an all_to_all; what is received, and what should be."""
    to = [scale * elements(ranks.rank, other) for other in range(ranks.size)]
    from_ = [scale * elements(other, ranks.rank) for other in range(ranks.size)]
    sent = np.concatenate([part(ranks.rank, other, n) for other, n in enumerate(to)])
    received = np.zeros(sum(from_), "float32")
    expected = np.concatenate([part(other, ranks.rank, n) for other, n in enumerate(from_)])
    begun = ranks.all_to_all(
        as_bytes(sent), [4 * n for n in to], as_bytes(received), [4 * n for n in from_]
    )
    return begun, sent, received, expected


# Several under way at once, small ones and ones of megabytes.
under_way = [exchange(scale) for scale in (1, 100_000, 1, 1000)]
for begun, _, received, expected in reversed(under_way):
    begun.wait()
    np.testing.assert_array_equal(received, expected)

# The bytes move without a call of this thread.
begun, sent, received, expected = exchange(100_000)
begun.go_on()
while ranks.progress.under_way:
    time.sleep(0.001)
np.testing.assert_array_equal(received, expected)
begun.wait()


def gather_parts(each: int) -> None:
    """Gather `each` elements of rank 1, twice as many of rank 2 and so on; rank 0 has none."""
    sizes = [4 * (rank * each) for rank in range(ranks.size)]
    whole = np.zeros(sum(sizes) // 4, "float32")
    start = sum(sizes[: ranks.rank]) // 4
    whole[start : start + sizes[ranks.rank] // 4] = ranks.rank
    ranks.all_gather(as_bytes(whole), sizes).wait()
    np.testing.assert_array_equal(
        whole, np.repeat(np.arange(ranks.size, dtype="float32"), [size // 4 for size in sizes])
    )


for each in (1000, 3000, 400_000):  # short parts, long ones beside short ones, long ones
    gather_parts(each)

for root in range(ranks.size):
    value = np.full(70_000, ranks.rank, "int64")
    ranks.broadcast(as_bytes(value), root).wait()
    assert (value == root).all()

texts = gather(ranks, f"rank {ranks.rank}".encode() * ranks.rank)
assert texts == [f"rank {rank}".encode() * rank for rank in range(ranks.size)]
agree("here", ranks, ranks.hosts[ranks.rank], {"version": "1"})
every = gather(ranks, json.dumps([ranks.rank, ranks.size, ranks.hosts]).encode())
if ranks.rank == 0:
    print(json.dumps([json.loads(one) for one in every]))
    sys.stdout.flush()
