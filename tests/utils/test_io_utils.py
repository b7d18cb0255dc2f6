import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.errors import (
    ArgumentError,
    DataError,
    IndexRangeError,
    MissingFileError,
    UnknownNameError,
)
from graphc.utils.io_utils import HDF5Matrix, load_array, save_array

STORED = np.arange(36, dtype=np.int16).reshape(12, 3)
ROWS = STORED[2:10]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("hdf5") / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = STORED
        file["group/y"] = STORED[:, 0]
        file["number"] = 5
    return path


@pytest.fixture(scope="module")
def matrix(path):
    with HDF5Matrix(path, "x", 2, 10) as matrix:
        yield matrix


def test_all_rows_by_default(path):
    with HDF5Matrix(path, "x") as whole, HDF5Matrix(path, "x", 9) as last:
        np.testing.assert_array_equal(whole[:], STORED)
        np.testing.assert_array_equal(last[:], STORED[9:])


def test_the_data_set_has_the_other_rows_too(path):
    matrix = HDF5Matrix(path, "x", 2, 10)
    assert isinstance(matrix.data, h5py.Dataset)
    np.testing.assert_array_equal(matrix.data[:], STORED)


def test_it_stands_for_its_rows(matrix):
    assert matrix.shape == (8, 3)
    assert len(matrix) == 8
    assert matrix.ndim == 2
    assert matrix.dtype == np.int16
    np.testing.assert_array_equal(np.asarray(matrix), ROWS)
    np.testing.assert_array_equal(list(matrix), list(ROWS))
    assert np.asarray(matrix, "float32").dtype == np.float32


NUMBERS = st.integers(-8, 7)
BOUNDS = st.none() | st.integers(-12, 12)
STEPS = st.none() | st.integers(-3, 3).filter(bool)


@settings(max_examples=200)
@given(
    st.builds(slice, BOUNDS, BOUNDS, STEPS)
    | NUMBERS
    | NUMBERS.map(np.int64)
    | st.lists(NUMBERS, max_size=9)
    | st.lists(NUMBERS, max_size=9).map(lambda numbers: np.array(numbers, np.int32))
    | st.lists(st.booleans(), min_size=8, max_size=8).map(np.array)
)
def test_it_is_indexed_like_an_array(matrix, key):
    np.testing.assert_array_equal(matrix[key], ROWS[key])
    assert matrix[key].dtype == np.int16


def test_a_normalizer_sees_what_is_read(path):
    seen = []

    def halved(x):
        seen.append(x.shape)
        return (x / 2).astype("float32")[..., None]

    matrix = HDF5Matrix(path, "x", 2, 10, normalizer=halved)
    assert matrix.shape == (8, 3, 1)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix[[3, 1]][..., 0], ROWS[[3, 1]] / 2)
    assert seen == [(1, 3), (2, 3)]
    matrix.close()


def test_a_data_set_in_a_group(path):
    with HDF5Matrix(path, "group/y", 0, 12) as matrix:
        assert matrix.shape == (12,)
        assert matrix[-1] == 33


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (8, IndexRangeError, "row 8 is not one of its 8 rows"),
        (-9, IndexRangeError, "row -9"),
        ([0, 9], IndexRangeError, "row 9"),
        ((0, 1), ArgumentError, r"received \(0, 1\); read rows first"),
        (0.5, ArgumentError, "expected a row number, a slice or an array"),
        ([0.5], ArgumentError, "whole row numbers, received one of shape .1,. and type float64"),
        ([[0]], ArgumentError, "1-D array"),
        ([True], ArgumentError, "type bool"),
    ],
)
def test_bad_rows(matrix, key, error, message):
    with pytest.raises(error, match=message):
        matrix[key]


@pytest.mark.parametrize(
    ("name", "rows", "error", "message"),
    [
        ("z", (0, 1), UnknownNameError, "unknown data set of .*a.h5 'z'. Known names: .*x"),
        ("group", (0, 1), DataError, "'group' is not an array of rows"),
        ("number", (0, 1), DataError, "'number' is not an array of rows"),
        ("x", (0, 13), ArgumentError, "start < end <= 12, the rows of 'x' .* end=13"),
        ("x", (5, 5), ArgumentError, "received start=5 and end=5"),
        ("x", (-1, 5), ArgumentError, "start: expected a whole number of at least 0"),
    ],
)
def test_bad_matrices(path, name, rows, error, message):
    with pytest.raises(error, match=message):
        HDF5Matrix(path, name, *rows)


def test_only_indexed_rows_are_read(tmp_path):
    """A file may have far more of them than anybody wants to wait for. One is damaged here."""
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        rows = file.create_dataset("x", data=STORED, chunks=(4, 3), fletcher32=True)
        damaged = rows.id.get_chunk_info(2).byte_offset
    content = bytearray((tmp_path / "rows.h5").read_bytes())
    content[damaged] ^= 1
    (tmp_path / "rows.h5").write_bytes(content)
    with HDF5Matrix(tmp_path / "rows.h5", "x", 0, 8) as matrix:
        np.testing.assert_array_equal(matrix[:], STORED[:8])
    with HDF5Matrix(tmp_path / "rows.h5", "x") as matrix:
        np.testing.assert_array_equal(matrix[7], STORED[7])
        with pytest.raises(DataError, match="rows.h5"):
            matrix[8]


def test_bad_files(path, tmp_path):
    with pytest.raises(MissingFileError, match="there is no file .*nothing.h5"):
        HDF5Matrix(tmp_path / "nothing.h5", "x", 0, 1)
    (tmp_path / "text").write_text("text")
    with pytest.raises(DataError, match="cannot be read as an HDF5 file"):
        HDF5Matrix(tmp_path / "text", "x", 0, 1)
    with pytest.raises(ArgumentError, match="normalizer: expected a function"):
        HDF5Matrix(path, "x", 0, 1, normalizer=255)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64", "complex64"])
def test_an_array_is_stored(tmp_path, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    save_array(np.ones(1), tmp_path / "a.h5")
    save_array(array, tmp_path / "a.h5")
    loaded = load_array(tmp_path / "a.h5")
    np.testing.assert_array_equal(loaded, array)
    assert loaded.dtype == dtype
    with h5py.File(tmp_path / "a.h5") as file:
        assert list(file) == ["data"]


def test_what_is_not_stored_or_loaded(path, tmp_path):
    for array in (np.array(["a"]), np.array([None])):
        with pytest.raises(DataError, match="expected numbers or bools, received the type"):
            save_array(array, tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="name 'data' .* found .'group', 'number', 'x'."):
        load_array(path)
    with pytest.raises(MissingFileError, match="there is no file"):
        load_array(tmp_path / "a.h5")
