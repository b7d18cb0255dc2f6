import gzip
import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.datasets import data_utils
from graphc.datasets.files import located, read_idx, read_npz
from graphc.errors import DataError
from graphc.utils.data_utils import get_file

CODES = {"uint8": 8, "int8": 9, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, CODES[array.dtype.name], array.ndim])
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


class Trap:
    """Its pickle makes a folder when it is read."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@given(
    st.sampled_from(list(CODES)),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.booleans(),
)
def test_idx_files_are_read(tmp_path_factory, dtype, shape, compressed):
    array = (np.arange(np.prod(shape)) - 3).astype(dtype).reshape(shape)
    path = tmp_path_factory.mktemp("idx") / "a"
    path.write_bytes(gzip.compress(idx(array)) if compressed else idx(array))
    read = read_idx(path)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype
    assert read.dtype.isnative


WHOLE = idx(np.arange(6, dtype=np.int32).reshape(2, 3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WHOLE[:-1], r"expected 36 bytes for the shape \(2, 3\), received 35; fetch it again"),
        (WHOLE + b"0", "received 37"),
        (WHOLE[:10], r"shape \(2, 0\)|shape \(2,"),
        (WHOLE[:3], "is not an idx file"),
        (b"", "is not an idx file"),
        (b"\x89PNG", r"expected two zero bytes and a type, received b'\\x89PN'"),
        (b"\0\0\x07\x01", "is not an idx file"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "received 16"),
        (gzip.compress(WHOLE, mtime=0)[:-5], "is not a whole gzip file"),
    ],
)
def test_damaged_idx_files(tmp_path, content, message):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "a")


def test_npz_files(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=np.ones(2))
    x, y = read_npz(tmp_path / "a.npz", ("x", "y"))
    assert x.tolist() == [0, 1, 2]
    assert y.tolist() == [1, 1]
    with pytest.raises(DataError, match="expected the arrays x, z, and z is not there; found x, y"):
        read_npz(tmp_path / "a.npz", ("x", "z"))


def test_a_pickle_within_a_file_is_not_read(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([Trap(tmp_path / "trap")], dtype=object))
    np.save(tmp_path / "b.npy", np.array([Trap(tmp_path / "trap")], dtype=object))
    (tmp_path / "c.npz").write_bytes(pickle.dumps(Trap(tmp_path / "trap")))
    with pytest.raises(DataError, match="'x' cannot be read .*allow_pickle"):
        read_npz(tmp_path / "a.npz", ("x",))
    for name in ("b.npy", "c.npz"):
        with pytest.raises(DataError, match="is not a whole .npz file of arrays"):
            read_npz(tmp_path / name, ("x",))
    assert not (tmp_path / "trap").exists()
    pickle.loads((tmp_path / "c.npz").read_bytes())
    assert (tmp_path / "trap").exists(), "the trap does not work"


def test_damaged_npz_files(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(3000))
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    with pytest.raises(DataError, match="is not a whole .npz file"):
        read_npz(path, ("x",))
    path.write_bytes(content[:500] + b"!" + content[501:])
    with pytest.raises(DataError, match="'x' cannot be read .*CRC"):
        read_npz(path, ("x",))
    np.save(tmp_path / "b.npy", np.arange(3))
    with pytest.raises(DataError, match="is not a .npz file, but one array"):
        read_npz(tmp_path / "b.npy", ("x",))


def test_a_name_of_keras_stands_for_a_file(folder):
    assert located("mnist.pkl.gz") == folder / "mnist.npz"
    assert located("imdb.pkl") == folder / "imdb.npz"
    assert located("words.pkl", ".json") == folder / "words.json"
    assert located("own.npz") == folder / "own.npz"
    assert located("/data/own.pkl") == (folder / "/data/own.npz")


def test_get_file_has_its_old_name_too():
    assert data_utils.get_file is get_file
