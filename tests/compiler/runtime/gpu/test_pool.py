"""The pool of device memory, over memory that only counts."""

from __future__ import annotations

import gc
from itertools import count

import pytest

from graphc.compiler.runtime.gpu.pool import Pool, size_class


class Memory:
    """A driver's allocation: an address, and a list of those that were freed."""

    numbers = count(1)

    def __init__(self, nbytes: int, freed: list[int]):
        self.address = next(self.numbers) << 40
        self.nbytes = nbytes
        self._freed = freed

    def __int__(self) -> int:
        return self.address

    def free(self) -> None:
        self._freed.append(self.nbytes)


@pytest.fixture
def freed() -> list[int]:
    return []


@pytest.fixture
def pool(freed: list[int]) -> Pool:
    return Pool(lambda nbytes: Memory(nbytes, freed))


def test_a_freed_block_is_reused(pool: Pool) -> None:
    block = pool.take(5000)
    address = block.address
    assert pool.take(5000).address != address  # in use
    del block
    gc.collect()
    assert pool.take(4999).address == address
    assert pool.reserved == 2 * size_class(5000)


def test_another_size_class_is_another_block(pool: Pool) -> None:
    small = pool.take(1000).address
    assert pool.take(100_000).address != small
    assert pool.reserved == size_class(1000) + size_class(100_000)


def test_release_gives_back_what_is_not_in_use(pool: Pool, freed: list[int]) -> None:
    kept = pool.take(600)
    pool.take(100_000)
    gc.collect()
    assert pool.free == size_class(100_000)
    assert pool.release() == size_class(100_000)
    assert freed == [size_class(100_000)]
    assert (pool.reserved, pool.free) == (kept.nbytes, 0)


def test_what_the_driver_raises_goes_through_and_counts_nothing() -> None:
    def refuse(nbytes: int) -> Memory:
        raise MemoryError(nbytes)

    pool = Pool(refuse)
    with pytest.raises(MemoryError):
        pool.take(10)
    assert pool.reserved == 0


@pytest.mark.parametrize("nbytes", [0, 1, 512, 513, 4097, 5000, 65_537, 10**6, 2**30, 2**30 + 1])
def test_a_class_holds_its_requests_and_wastes_little(nbytes: int) -> None:
    size = size_class(nbytes)
    assert size >= max(nbytes, 1)
    assert size % 512 == 0
    assert size - nbytes <= min(max(512, nbytes / 8), 2**21)
    assert size_class(size) == size
