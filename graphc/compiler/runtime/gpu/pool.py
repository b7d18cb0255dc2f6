"""A pool of device memory: freed blocks are kept by size class and reused."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

_SMALLEST = 512
_STEPS_AN_OCTAVE = 8
_LARGEST_STEP = 2 << 20


class Memory(Protocol):
    """An allocation of the driver's: ``int(memory)`` is its address."""

    def __int__(self) -> int: ...

    def free(self) -> None: ...


class PoolBlock:
    """Device memory that goes back to its pool when nothing refers to it any more.

    Attributes:
        address: where it starts on the device.
        nbytes: its size, at least the requested one.
    """

    __slots__ = ("_memory", "_returned", "address", "nbytes")

    def __init__(self, memory: Memory, nbytes: int, returned: deque[tuple[int, Memory]]):
        self.address = int(memory)
        self.nbytes = nbytes
        self._memory = memory
        self._returned = returned

    def __del__(self) -> None:
        # Runs in any thread, maybe with no context there, so the driver is not called.
        self._returned.append((self.nbytes, self._memory))


class Pool:
    """Blocks of one device.

    A block may be reused while launches that read it are still waiting to run: all work
    on pool memory has to be in one stream, or waited for.
    """

    def __init__(self, allocate: Callable[[int], Memory]):
        """`allocate` takes bytes and returns memory; it raises what the driver raises."""
        self._allocate = allocate
        self._free: dict[int, list[Memory]] = {}
        self._returned: deque[tuple[int, Memory]] = deque()
        self.reserved = 0  # bytes taken from the driver, in use or not

    def take(self, nbytes: int) -> PoolBlock:
        """A block of at least this size. Raises what the driver raises where there is none."""
        self._collect()
        size = size_class(nbytes)
        free = self._free.get(size)
        if free:
            return PoolBlock(free.pop(), size, self._returned)
        memory = self._allocate(size)
        self.reserved += size
        return PoolBlock(memory, size, self._returned)

    @property
    def free(self) -> int:
        """The bytes that are reserved and not in use."""
        self._collect()
        return sum(size * len(memories) for size, memories in self._free.items())

    def release(self) -> int:
        """Give unused blocks back to the driver. Return their bytes.

        Work that was launched on it has to be done.
        """
        self._collect()
        released = 0
        for size, memories in self._free.items():
            while memories:
                memories.pop().free()
                released += size
        self.reserved -= released
        return released

    def _collect(self) -> None:
        while self._returned:
            size, memory = self._returned.popleft()
            self._free.setdefault(size, []).append(memory)


def size_class(nbytes: int) -> int:
    """The size that a request is rounded up to: at most an eighth more from 4 KB on, and at most
    2 MB more.

    Eight classes between one power of two and the next, so that a size that changes a little finds
    a block that was freed; more of them above 16 MB, where an eighth would be missed.
    """
    octave = 1 << max(nbytes - 1, 0).bit_length()
    step = min(max(_SMALLEST, octave // (2 * _STEPS_AN_OCTAVE)), _LARGEST_STEP)
    return max(_SMALLEST, -(-nbytes // step) * step)
