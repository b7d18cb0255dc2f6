"""Samples in the order of an epoch, in a temporary file; what was read, in a report."""

from __future__ import annotations

import errno
import os
import shutil
import threading

import h5py
import numpy as np
import pytest

from graphc.config import config
from graphc.engine import Input, merge
from graphc.engine.data.array_batches import ArrayBatches
from graphc.engine.data.shuffled_file import ShuffledFile
from graphc.engine.data.stored import StoredArray
from graphc.errors import ArgumentError, MissingFileError, StorageError
from graphc.layers import Dense
from graphc.models import Model, Sequential
from graphc.rows.stored import rows_of
from graphc.utils.io_utils import HDF5Matrix

COUNT = 203
random = np.random.RandomState(0)
ROWS = random.randn(COUNT, 6)
TARGETS = random.randn(COUNT, 1)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("shuffled") / "data.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=ROWS, chunks=(16, 4), compression="gzip")
        file["targets"] = TARGETS
    return path


def stored(value, what="input x"):
    return StoredArray(rows_of(value), value.shape[1:], lambda block, samples: block, what)


def model():
    made = Sequential([Dense(1, input_dim=6, init="zero")])
    made.compile("adam", "mse")
    return made


def trained(x, y=TARGETS, shuffle=True):
    np.random.seed(5)
    made = model()
    history = made.fit(x, y, 8, 3, 0, shuffle=shuffle).history
    return history, made.get_weights()[0].tobytes(), made


def open_files():
    return len(os.listdir("/proc/self/fd"))


class TestTheFile:
    @pytest.mark.parametrize("shuffle", [True, "batch"])
    def test_training_through_it_has_the_bits_of_training_in_memory(self, path, tmp_path, shuffle):
        HDF5Matrix(path, "x").close()  # the process that looks files through stays
        before = open_files()
        with (
            config.changed(read_window="4KB", shuffle_folder=tmp_path),
            HDF5Matrix(path, "x", 3) as x,
        ):
            found = trained(x, TARGETS[3:], shuffle=shuffle)
            part = found[2].read_report().arrays[0]
        with config.changed(read_window="4KB"), HDF5Matrix(path, "x", 3) as x:
            assert trained(x, TARGETS[3:], shuffle=shuffle)[:2] == found[:2]
        if shuffle is True:
            # 13 chunks of 16 rows, in two parts each: the file reads each once an epoch.
            assert (part.shuffled, part.chunks, part.chunks_read) == (True, 26, 3 * 26)
        assert found[:2] == trained(ROWS[3:], TARGETS[3:], shuffle=shuffle)[:2]
        assert list(tmp_path.iterdir()) == []
        assert open_files() == before

    def test_the_second_of_two_inputs_is_read_through_it(self, path, tmp_path):
        def losses(*inputs):
            first, second = Input((6,)), Input((6,))
            made = Model([first, second], merge([Dense(1)(first), second], mode="concat"))
            made.compile("sgd", "mse")
            made.set_weights([np.ones((6, 1)), np.zeros(1)])
            np.random.seed(5)
            found = made.fit(list(inputs), np.zeros((COUNT, 7)), 8, 1, 0).history["loss"]
            return found, [one.shuffled for one in made.read_report().arrays]

        with h5py.File(tmp_path / "rows.h5", "w") as file:
            file.create_dataset("x", data=ROWS + 1, chunks=(1, 6))  # no chunk is read twice
        with (
            config.changed(read_window="4KB", shuffle_folder=tmp_path),
            HDF5Matrix(tmp_path / "rows.h5", "x") as rows,
            HDF5Matrix(path, "x") as x,
        ):
            found, shuffled = losses(rows, x)
        assert shuffled == [False, True]
        assert found == losses(ROWS + 1, ROWS)[0]

    @pytest.mark.parametrize("most_bytes", [1, 5000, 1 << 20])
    def test_a_window_is_one_stretch_in_ascending_order(self, tmp_path, most_bytes):
        array = stored(np.memmap(tmp_path / "x", "int64", "w+", shape=(COUNT, 2)))
        array.rows._value[:, 0] = np.arange(COUNT)
        order = np.random.permutation(COUNT)
        file = ShuffledFile(array, str(tmp_path), "fit")
        file.write(order, np.array([*range(0, COUNT, 40), COUNT]), most_bytes)
        for start in range(0, COUNT, 40):
            samples = np.sort(order[start : start + 40])
            rows = np.empty((len(samples), 2), "int64")
            file.read_into(rows, start, lambda: False)
            np.testing.assert_array_equal(rows[:, 0], samples)
        file.close()

    def test_a_folder_that_is_not_there(self, path, tmp_path):
        with (
            config.changed(read_window="4KB", shuffle_folder=tmp_path / "none"),
            HDF5Matrix(path, "x") as x,
            pytest.raises(MissingFileError, match="fit: shuffle_folder=.*none: there is no such"),
        ):
            trained(x)

    def test_a_disk_that_has_no_room(self, path, tmp_path, monkeypatch):
        full = shutil.disk_usage(tmp_path)._replace(free=1000)
        with (
            config.changed(read_window="4KB", shuffle_folder=tmp_path),
            HDF5Matrix(path, "x") as x,
        ):
            with monkeypatch.context() as patch:
                patch.setattr(shutil, "disk_usage", lambda folder: full)
                with pytest.raises(
                    StorageError,
                    match=r"input dense.* takes 9.5 KB there .* the disk has 1000 B; name a folder",
                ):
                    trained(x)
            for refusing in ("posix_fallocate", "dup"):

                def refuse(*arguments):
                    raise OSError(errno.ENOSPC, "No space left")

                before = open_files()
                with monkeypatch.context() as patch:
                    patch.setattr(os, refusing, refuse)
                    with pytest.raises(StorageError, match=r"cannot be written .*No space left"):
                        trained(x)
                assert open_files() == before
        assert list(tmp_path.iterdir()) == []

    def test_an_interrupt_while_it_is_written(self, tmp_path):
        class Interrupting:
            shape = ROWS.shape

            def __len__(self):
                return COUNT

            def __getitem__(self, rows):
                if rows.stop > 100:
                    raise KeyboardInterrupt
                return ROWS[rows]

        before, running = open_files(), threading.active_count()
        with config.changed(read_window="4KB", shuffle_folder=tmp_path):
            batches = ArrayBatches([stored(Interrupting())], 8, True)
            with pytest.raises(KeyboardInterrupt):
                next(iter(batches))
        assert (open_files(), threading.active_count()) == (before, running)
        assert list(tmp_path.iterdir()) == []


class TestTheReport:
    def test_each_chunk_of_a_window_is_read_once(self, path):
        np.random.seed(1)
        with config.changed(read_window="8KB"), h5py.File(path, rdcc_nbytes=0) as file:
            batches = ArrayBatches([stored(file["x"])], 8, True)
            for _ in batches:
                pass
            size, order = batches.windows.samples, batches.order.rows
            report = batches.read_report()
        chunks = [len(np.unique(order[k : k + size] // 16)) for k in range(0, COUNT, size)]
        assert len(chunks) > 2
        assert report.arrays[0].chunks == 26
        assert report.arrays[0].chunks_read == 2 * sum(chunks)
        assert report.arrays[0].times == pytest.approx(sum(chunks) / 13)
        assert str(report).startswith(f"input x: {2 * sum(chunks)} chunks by ")
        assert f"windows of {size} samples" in str(report)

    def test_bytes_of_an_array_without_chunks(self, path):
        with config.changed(read_window="64KB"), h5py.File(path) as file:
            made = model()
            made.fit(ROWS, file["targets"], 8, 2, 0)
            part = made.read_report().arrays[0]
        # It is small, and read once for both epochs.
        assert (part.what[:7], part.bytes_read, part.chunks, part.times) == (
            "targets",
            TARGETS.nbytes,
            0,
            0.5,
        )

    def test_a_line_in_the_log_offers_the_file(self, path, caplog):
        with config.changed(read_window="4KB"), HDF5Matrix(path, "x") as x:
            trained(x)
        offered = [one for one in caplog.messages if "shuffle_folder" in one]
        assert len(offered) == 1
        # Of 26 windows: 26 (1 - (25 / 26) ** 16) = 12.1.
        assert (
            "with read_window=4KB each chunk of 16 samples is read 12 times an epoch" in offered[0]
        )
        caplog.clear()
        with config.changed(read_window="1MB"), HDF5Matrix(path, "x") as x:
            trained(x)
        with config.changed(read_window="4KB"), HDF5Matrix(path, "x") as x:
            trained(x, shuffle=False)
        assert [one for one in caplog.messages if "shuffle_folder" in one] == []

    def test_nothing_was_read(self):
        made = model()
        with pytest.raises(ArgumentError, match="read_report: nothing was read yet"):
            made.read_report()
        made.fit(ROWS, TARGETS, 8, 1, 0)
        assert str(made.read_report()) == "no array in a file was read"
