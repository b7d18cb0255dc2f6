"""One rank of the five calls over NCCL's stand-in. Arguments: the library, the rank, the number of
ranks, a folder that all share."""

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from graphc.parallel import nccl
from graphc.parallel.transport import Done

path, rank, size, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])


class Files:
    """Ranks that find each other by a file, which carries NCCL's id."""

    def __init__(self) -> None:
        self.rank, self.size = rank, size

    def broadcast(self, whole: np.ndarray, root: int) -> Done:
        """The only call that the start makes."""
        if rank == root:
            (folder / "part").write_bytes(whole.tobytes())
            (folder / "part").rename(folder / "id")
        while not (folder / "id").exists():
            time.sleep(0.01)
        whole[:] = np.frombuffer((folder / "id").read_bytes(), "uint8")
        return Done()


class Stream:
    """One whose work is done at the second look."""

    handle = 0

    def mark(self) -> Callable[[], bool]:
        looks = iter([False, True])
        return lambda: next(looks)


def on_device(array: np.ndarray) -> nccl.DeviceBytes:
    return nccl.DeviceBytes(array.ctypes.data, array.nbytes)


checks = []
ranks = nccl.Nccl(Files(), nccl.NcclLibrary(path), Stream(), lambda: checks.append(rank))


def elements(sender: int, receiver: int) -> int:
    return 0 if (sender, receiver) == (size - 1, 0) else 3 + 5000 * sender + 7 * receiver


def part(sender: int, receiver: int) -> np.ndarray:
    return np.arange(elements(sender, receiver), dtype="float32") + 1000 * sender + receiver


sent = np.concatenate([part(rank, other) for other in range(size)])
received = np.zeros(sum(elements(other, rank) for other in range(size)), "float32")
ranks.all_to_all(
    on_device(sent),
    [4 * elements(rank, other) for other in range(size)],
    on_device(received),
    [4 * elements(other, rank) for other in range(size)],
).wait()
np.testing.assert_array_equal(
    received, np.concatenate([part(other, rank) for other in range(size)])
)

for counts in ([1000] * size, [2000 * one for one in range(size)], [0] * size):
    whole = np.full(sum(counts), -1.0)
    start = sum(counts[:rank])
    whole[start : start + counts[rank]] = rank
    ranks.all_gather(on_device(whole), [8 * count for count in counts]).wait()
    np.testing.assert_array_equal(whole, np.repeat(np.arange(size, dtype="float64"), counts))

for root in range(size):
    value = np.full(70_000, rank, "int64")
    ranks.broadcast(on_device(value), root).wait()
    assert (value == root).all()

assert checks  # a wait looks at the others
ranks.close()
print("all right", ctypes.sizeof(ctypes.c_void_p))
