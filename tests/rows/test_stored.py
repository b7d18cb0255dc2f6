"""Rows of each kind of file are those of the array that was written."""

import os

import h5py
import numpy as np
import pytest

from graphc.errors import DataError
from graphc.rows.stored import Reads, rows_of

COUNT = 300
ARRAY = np.random.RandomState(0).randint(-99, 99, (COUNT, 4, 6)).astype("int16")
WANTED = np.array([0, 1, 2, 40, 41, 77, 150, 299])

LAYOUTS = {
    "contiguous": {},
    "chunked": {"chunks": (16, 4, 6)},
    "of parts of rows": {"chunks": (16, 2, 5)},
    "compressed": {"chunks": (32, 4, 6), "compression": "gzip"},
}


def read(rows, wanted=WANTED, most=1 << 20):
    buffer, reads = np.empty((len(wanted), *rows.shape[1:]), rows.dtype), Reads()
    rows.read_into(buffer, wanted, most, reads)
    return buffer, reads


@pytest.fixture(params=LAYOUTS)
def hdf5(request, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file.create_dataset("x", data=ARRAY, **LAYOUTS[request.param])
    with h5py.File(tmp_path / "a.h5") as file:
        yield file["x"]


class TestHDF5:
    def test_rows(self, hdf5):
        rows = rows_of(hdf5)
        assert (rows.shape, rows.dtype) == (ARRAY.shape, ARRAY.dtype)
        np.testing.assert_array_equal(read(rows)[0], ARRAY[WANTED])
        order = np.array([299, 0, 41, 0])
        np.testing.assert_array_equal(rows.take(order), ARRAY[order])

    @pytest.mark.parametrize("dtype", [">i4", "<f8", "u1", "?", "f2", ">f4"])
    def test_types(self, tmp_path, dtype):
        array = ARRAY.astype(dtype)
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["x"] = array
        with h5py.File(tmp_path / "a.h5") as file:
            found, _ = read(rows_of(file["x"]))
        np.testing.assert_array_equal(found, array[WANTED])

    def test_numbers_that_lie_otherwise_than_they_are_read(self, tmp_path):
        """16 bits of 32, from bit 8 on."""
        narrow = h5py.h5t.STD_I32LE.copy()
        narrow.set_precision(16)
        narrow.set_offset(8)
        with h5py.File(tmp_path / "a.h5", "w") as file:
            space = h5py.h5s.create_simple(ARRAY.shape)
            stored = h5py.Dataset(h5py.h5d.create(file.id, b"x", narrow, space))
            stored[...] = ARRAY
        with h5py.File(tmp_path / "a.h5") as file:
            found, _ = read(rows_of(file["x"]))
        assert found.dtype == "int32"
        np.testing.assert_array_equal(found, ARRAY[WANTED])

    def test_numbers_that_its_writer_has_not_written_out(self, tmp_path):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            stored = file.create_dataset("x", data=ARRAY)
            stored[40] = 7
            np.testing.assert_array_equal(read(rows_of(stored))[0][3], np.full((4, 6), 7))

    def test_calls_and_chunks_are_counted(self, tmp_path):
        row = ARRAY[0].nbytes
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("a", data=ARRAY, chunks=(16, 4, 6))
            file.create_dataset("parts", data=ARRAY, chunks=(16, 2, 5))
        with h5py.File(tmp_path / "a.h5") as file:
            # Chunks 0, 2, 4, 9, 18: rows 0-2, 40-41, 77, 150, 299.
            assert read(rows_of(file["a"]))[1] == Reads(5, 8 * row, 5)
            assert read(rows_of(file["parts"]))[1] == Reads(5, 8 * row, 5 * 4)

    def test_a_large_chunk_without_filters_is_read_in_part(self, tmp_path):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("x", data=ARRAY, chunks=ARRAY.shape)
            file.create_dataset("z", data=ARRAY, chunks=ARRAY.shape, compression="gzip")
        with h5py.File(tmp_path / "a.h5", rdcc_nbytes=4096) as file:
            found, reads = read(rows_of(file["x"]))
            np.testing.assert_array_equal(found, ARRAY[WANTED])
            assert reads.chunks == 0
            assert reads.nbytes < 0.6 * ARRAY.nbytes
            assert read(rows_of(file["z"]))[1].chunks == 1

    def test_a_file_that_is_closed(self, tmp_path):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("x", data=ARRAY, chunks=(16, 4, 6))
            file["y"] = ARRAY
        with h5py.File(tmp_path / "a.h5") as file:
            several = [rows_of(file["x"]), rows_of(file["y"])]
        for rows in several:
            with pytest.raises(DataError, match=r"samples 0 to .* cannot be read .*is closed, or"):
                read(rows)

    def test_a_file_that_is_cut(self, hdf5):
        rows = rows_of(hdf5)
        os.truncate(hdf5.file.filename, 2000)
        with pytest.raises(
            DataError, match="'/x' of .*a.h5: samples .*(cut from .* to 2000|ends before)"
        ):
            rows.take(np.arange(COUNT))


class TestMemoryMapped:
    def test_rows_and_changes_of_them(self, tmp_path):
        np.save(tmp_path / "a.npy", ARRAY)
        for mode in ("r", "r+", "c"):
            mapped = np.load(tmp_path / "a.npy", mmap_mode=mode)
            if mode != "r":
                mapped[40] = 7
            for value in (mapped, mapped[1:], mapped[::2]):
                expected = np.array(value)
                rows = rows_of(value)
                wanted = WANTED[len(value) > WANTED]
                np.testing.assert_array_equal(read(rows, wanted)[0], expected[wanted])
                np.testing.assert_array_equal(read(rows, wanted)[0], expected[wanted])

    def test_a_file_that_is_cut(self, tmp_path):
        np.save(tmp_path / "a.npy", np.zeros((3000, 8)))
        rows = rows_of(np.load(tmp_path / "a.npy", mmap_mode="r"))
        os.truncate(tmp_path / "a.npy", 5000)
        with pytest.raises(DataError, match=r"a.npy was cut to 5000 bytes while it was read"):
            rows.take(np.arange(3000))

    def test_a_file_that_was_replaced_is_still_read(self, tmp_path):
        np.save(tmp_path / "a.npy", ARRAY)
        rows = rows_of(np.load(tmp_path / "a.npy", mmap_mode="r"))
        np.save(tmp_path / "b.npy", ARRAY[:1])
        os.replace(tmp_path / "b.npy", tmp_path / "a.npy")
        np.testing.assert_array_equal(read(rows)[0], ARRAY[WANTED])


def test_what_gives_another_type_than_at_first():
    class Fickle:
        shape = ARRAY.shape

        def __len__(self):
            return COUNT

        def __getitem__(self, rows):
            return ARRAY[rows] if rows.start == 0 else ARRAY[rows].astype(float)

    with pytest.raises(DataError, match="expected .* type int16, received .* float64"):
        rows_of(Fickle()).take(np.array([9]))
