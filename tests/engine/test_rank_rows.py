"""Ranks that read the rows of their own shards, and no others."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import sharded_function
from graphc.compiler.grad import grad
from graphc.compiler.shards import shard_ranges
from graphc.config import config
from graphc.engine.data.array_batches import ArrayBatches
from graphc.engine.data.batches import SampleOrder
from graphc.engine.data.rank_rows import RankRows, rank_rows
from graphc.engine.data.stored import StoredArray
from graphc.engine.ranks.comparison import digest_of_rows
from graphc.parallel.transport import OneRank
from graphc.rows.stored import rows_of
from graphc.utils.io_utils import Files, HDF5Matrix
from tests.parallel.threads import run_ranks

COUNT, BATCH, SHARDS = 58, 16, 4
WIDTH, PAGE = 1024, 4096  # a row has the bytes that a file is read by
ROWS = np.random.RandomState(0).randint(0, 99, (COUNT, WIDTH)).astype("float32")
TARGETS = np.arange(COUNT, dtype="float32")


def stored(value: object) -> StoredArray:
    return StoredArray(rows_of(value), (WIDTH,), lambda block, samples: block, "input x")


@pytest.mark.parametrize("shards", [3, 4, 8])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_rows_of_ranks_are_those_of_all_shards(shards: int, ranks: int) -> None:
    """Each row of a batch belongs to one rank, also where the last batch has other shards."""
    for count in (shards, 9, 12, 16, 17):
        found = [RankRows(shards, ranks, rank).of(count) for rank in range(ranks)]
        rows = [row for own in found for row in range(own.start, own.stop)]
        assert rows == list(range(count))
        for own in found:
            edges = {first for first, _ in shard_ranges(count, shards)} | {count, 0}
            assert {own.start, own.stop} <= edges


class Counted:
    """Rows in a file, which writes down those that are read."""

    def __init__(self) -> None:
        self.shape = ROWS.shape
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(ROWS)

    def __getitem__(self, rows: slice) -> np.ndarray:
        self.read += range(rows.start, rows.stop)
        return ROWS[rows]


@pytest.mark.parametrize("shuffle", [True, "batch", False])
@pytest.mark.parametrize(("samples", "batch", "shards"), [(58, 16, 4), (53, 9, 8), (58, 18, 4)])
def test_a_rank_reads_the_rows_of_its_shards_alone(
    shuffle: bool | str, samples: int, batch: int, shards: int
) -> None:
    """The last batches have 10, 8 and 4 rows: of 9 rows, five of eight shards have some, of 8
    rows all of them."""
    every, windows = [], 0
    for rank in range(3):
        value = Counted()
        array = stored(value).part(0, samples)
        value.read.clear()  # of the look at its type
        with config.changed(read_window=25 * PAGE):
            own = RankRows(shards, 3, rank)
            batches = ArrayBatches([array, TARGETS[:samples]], batch, shuffle, own=own)
            batches.order = SampleOrder(shuffle, np.arange(samples))
            np.random.seed(4)
            wanted = []
            for (size, (x, y)), start in zip(batches, range(0, samples, batch), strict=True):
                rows = batches.order.rows[start : start + batch]
                mine = own.of(size)
                assert (x.first, x.total) == (y.first, y.total) == (mine.start, len(rows))
                np.testing.assert_array_equal(x.array, ROWS[rows[mine]])
                np.testing.assert_array_equal(y.array, TARGETS[rows[mine]])
                wanted += rows[mine].tolist()
        # Each once, and no others; a rank without rows in a batch looks at one for its type.
        looked_at = [0] if batches.windows is None else []
        assert sorted(value.read) == sorted([*wanted, *looked_at])
        if batches.windows is not None:
            windows += 1
            assert batches.read_report().arrays[0].bytes_read == len(wanted) * PAGE
        every += wanted
    assert sorted(every) == list(range(samples))
    assert windows >= 2


def trained(array: StoredArray, ranks: object) -> tuple[list[bytes], int]:
    """The losses and the weights after two epochs, and the bytes that were read."""
    x, y = g.input((g.BATCH, WIDTH), name="x"), g.input((g.BATCH,), name="y")
    w = g.shared(np.linspace(-1, 1, WIDTH, dtype="float32"), "w")
    loss = g.mean(g.square(g.sum(x * w, 1) - y))
    step = sharded_function(
        [x, y], [loss], [(w, w - 1e-8 * grad(loss, w))], shards=SHARDS, ranks=ranks
    )
    order = np.random.RandomState(3).permutation(COUNT)
    batches = ArrayBatches([array, TARGETS], BATCH, own=rank_rows(ranks, SHARDS))
    batches.order = SampleOrder(False, order)
    found = [step(*arrays)[0].tobytes() for _ in range(2) for _, arrays in batches]
    return [*found, w.get_value().tobytes()], batches.read_report().arrays[0].bytes_read


@pytest.mark.parametrize("kind", ["HDF5Matrix", "memmap", "Files", "a file in order"])
def test_ranks_that_read_their_own_rows_have_the_bits_of_one(kind, tmp_path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=ROWS, chunks=(5, WIDTH))
    np.save(tmp_path / "x.npy", ROWS)
    np.save(tmp_path / "first.npy", ROWS[:21])
    np.save(tmp_path / "second.npy", ROWS[21:])

    def program(ranks: object) -> tuple[list[bytes], int]:
        if kind == "memmap":
            return trained(stored(np.load(tmp_path / "x.npy", mmap_mode="r")), ranks)
        if kind == "Files":
            with Files([tmp_path / "first.npy", tmp_path / "second.npy"]) as x:
                return trained(stored(x), ranks)
        with HDF5Matrix(tmp_path / "x.h5", "x") as x:
            return trained(stored(x), ranks)

    folder = tmp_path if kind == "a file in order" else ""
    with config.changed(cpu="numpy", read_window=40 * PAGE, shuffle_folder=folder):
        expected, whole = program(OneRank())
        for count in (2, 3):
            found = run_ranks(count, program)
            assert [bits for bits, _ in found] == [expected] * count
            if kind in ("memmap", "Files"):  # rows are read one by one
                assert sum(nbytes for _, nbytes in found) == whole == 2 * ROWS.nbytes
                assert max(nbytes for _, nbytes in found) < whole


def test_a_window_has_more_batches_where_a_rank_needs_less_of_each() -> None:
    """Its bytes are those of the rank."""
    with config.changed(read_window=80 * PAGE):
        alone = ArrayBatches([stored(Counted())], BATCH)
        one_of_four = ArrayBatches([stored(Counted())], BATCH, own=RankRows(SHARDS, 4, 1))
    assert alone.windows is not None
    assert one_of_four.windows is not None
    assert alone.windows.samples == 2 * BATCH
    assert one_of_four.windows.samples == 15  # all that it needs: 4, 4, 4 and 3 rows


def test_ranks_compare_a_few_rows_of_a_file() -> None:
    value = Counted()
    array = stored(value)
    value.read.clear()
    digest_of_rows(array)
    assert len(value.read) == 16
