"""`Files`: the rows of several files, one behind another."""

import os

import h5py
import numpy as np
import pytest

from graphc.errors import (
    ArgumentError,
    DataError,
    IndexRangeError,
    MissingFileError,
    UnknownNameError,
)
from graphc.utils.io_utils import Files, HDF5Matrix

ROWS = np.arange(120, dtype=np.uint8).reshape(30, 4)


@pytest.fixture
def folder(tmp_path):
    """Rows 0-9 in a.npy, none in none.npy, 10-11 in b.h5 and 12-29 in c.h5."""
    np.save(tmp_path / "a.npy", ROWS[:10])
    np.save(tmp_path / "none.npy", ROWS[:0])
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = ROWS[10:12]
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("x", data=ROWS[12:], chunks=(4, 3), compression="gzip")
        file["group/y"] = ROWS[12:]
    return tmp_path


def test_it_stands_for_the_rows_of_all_files(folder):
    given = [folder / "a.npy", str(folder / "none.npy"), (folder / "b.h5", "x"), folder / "c.h5"]
    with Files(given, "x") as files:
        assert (files.shape, files.ndim, files.dtype, len(files)) == ((30, 4), 2, ROWS.dtype, 30)
        np.testing.assert_array_equal(np.asarray(files), ROWS)
        for key in (
            slice(8, 13),
            slice(None, None, -7),
            slice(5, 5),
            [29, 9, 10, 9, -30],
            ROWS[:, 0] % 3 == 0,
            11,
            -1,
        ):
            np.testing.assert_array_equal(files[key], ROWS[key])


def test_one_file_and_a_normalizer(folder):
    with Files(folder / "a.npy", normalizer=lambda rows: rows / 2) as files:
        np.testing.assert_array_equal(files[2:4], ROWS[2:4] / 2)
        assert files.dtype == float


def test_few_of_many_files_are_open(tmp_path):
    paths = [tmp_path / f"{k:02}.npy" for k in range(30)]
    for k, path in enumerate(paths):
        np.save(path, ROWS[k : k + 1])
    before = len(os.listdir("/proc/self/fd"))
    with Files(paths) as files:
        np.testing.assert_array_equal(files[::-1], ROWS[::-1])
        assert len(os.listdir("/proc/self/fd")) - before <= 8
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(DataError, match=r"00.npy cannot be read: it was closed"):
        files[0]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (ROWS[:, :3], r"other.npy: expected samples of shape \(4,\) and type uint8, as in .*a.npy"),
        (ROWS.astype("int8"), r"other.npy: expected .* received \(4,\) and int8"),
        (np.asfortranarray(ROWS), r"other.npy .*rows do not lie one after another"),
        (np.float64(1), r"other.npy cannot be read as a .npy file \(it is not an array of rows"),
        (np.array([None]), r"other.npy cannot be read"),
    ],
)
def test_arrays_that_do_not_fit(folder, other, message):
    np.save(folder / "other.npy", other)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(DataError, match=message):
        Files([folder / "a.npy", folder / "other.npy"])
    assert len(os.listdir("/proc/self/fd")) == before


def test_files_that_are_not_there_or_of_another_kind(folder):
    with pytest.raises(MissingFileError, match="there is no file .*z.npy"):
        Files([folder / "a.npy", folder / "z.npy"])
    with pytest.raises(MissingFileError, match="there is no file .*z.h5"):
        Files([(folder / "z.h5", "x")])
    with pytest.raises(UnknownNameError, match=r"data set of .*b.h5 'z'. Known names: x"):
        Files([folder / "b.h5"], "z")
    with pytest.raises(DataError, match="'group' is not an array of rows"):
        Files([(folder / "c.h5", "group")])
    (folder / "text.npy").write_text("text")
    with pytest.raises(DataError, match="text.npy cannot be read as a .npy file"):
        Files([folder / "text.npy"])
    with pytest.raises(DataError, match="the arrays have no rows"):
        Files([folder / "none.npy"])


def test_bad_arguments(folder):
    with pytest.raises(ArgumentError, match="at least one file, received none"):
        Files([])
    with pytest.raises(ArgumentError, match=r"b.h5: which array of the file"):
        Files([folder / "b.h5"])
    with pytest.raises(ArgumentError, match=r"a pair of a path and the name .* received \('b', 3"):
        Files([("b", 3)])
    with pytest.raises(ArgumentError, match="Files: expected the path of a file"):
        Files([5])
    with pytest.raises(ArgumentError, match="Files: normalizer: expected a function"):
        Files([folder / "a.npy"], normalizer=2)
    with (
        Files([folder / "a.npy"]) as files,
        pytest.raises(IndexRangeError, match="Files: row 10 is not one of its 10 rows"),
    ):
        files[10]


def test_a_file_that_was_changed_is_named(folder):
    paths = [folder / f"{k}.npy" for k in range(9)]
    for path in paths:
        np.save(path, ROWS)
    with Files(paths) as files:
        np.save(paths[1], ROWS[:29])  # it was closed for the ninth one
        with pytest.raises(DataError, match=r"1.npy was changed since it was opened first"):
            files[30]
    with Files(paths[1:3]) as files:
        os.truncate(paths[2], 150)
        with pytest.raises(DataError, match=r"2.npy: samples 0 to 29 cannot be read \(it ends"):
            files[29:]


def test_a_subclass_reads_in_its_own_way(folder):
    class Doubled(HDF5Matrix):
        def __getitem__(self, key):
            return super().__getitem__(key) * 2

    with Doubled(folder / "c.h5", "x") as matrix:
        rows = matrix._graphc_rows().take(np.array([3, 1]))
        np.testing.assert_array_equal(rows, ROWS[[15, 13]] * 2)
