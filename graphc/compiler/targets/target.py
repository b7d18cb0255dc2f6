"""The facts of a target by which mappings choose."""

from __future__ import annotations

from dataclasses import dataclass

_USUAL_SECOND_CACHE = 1 << 19


@dataclass(frozen=True)
class Target:
    """A machine, or a kind of machine, that programs are printed for.

    All is read from the system or from a table of hardware, never timed: equal machines make equal
    text. A fact that a kind of target does not have is 0.

    Attributes:
        name: "cpu" or "cuda".
        vector_bytes: the bytes of a vector register; of a warp's, those of one thread's.
        vector_registers: how many of them one thread has.
        cache_bytes: the sizes of the data caches that a core has or shares, the first level first.
        threads: of a CPU, that a loop is divided over.
        multiprocessors: of a GPU.
        shared_bytes: of a GPU, the shared memory of a block.
        most_shared_bytes: of a GPU, that of a block which asks for more.
        lanes: of a GPU, the threads of a warp.
    """

    name: str
    vector_bytes: int
    vector_registers: int
    cache_bytes: tuple[int, ...] = ()
    threads: int = 0
    multiprocessors: int = 0
    shared_bytes: int = 0
    most_shared_bytes: int = 0
    lanes: int = 0

    @property
    def second_cache_bytes(self) -> int:
        """The size of a core's second data cache, a usual one where the system does not say."""
        return self.cache_bytes[1] if len(self.cache_bytes) > 1 else _USUAL_SECOND_CACHE

    def lanes_of(self, nbytes: int) -> int:
        """Return how many elements of so many bytes a vector register holds."""
        return max(1, self.vector_bytes // nbytes)
