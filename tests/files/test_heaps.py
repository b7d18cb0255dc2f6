"""Texts of variable length that many places share, or whose length is a lie: a small file of them
would take any memory."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from graphc.errors import DataError
from graphc.files import heaps
from graphc.files.hdf5 import attribute_numbers, texts
from graphc.layers import Dense
from graphc.models import Sequential, load_model
from tests.files.small_files import saved

LONG = "z" * 100_000


def written(path: Path, names: list[str], **keywords: object) -> Path:
    """A file with a long text, and many short ones in an attribute."""
    with h5py.File(path, "w", **keywords) as file:
        file.attrs["long"] = LONG
        file.attrs["layer_names"] = np.array(names, dtype=object)
    return path


def use_of(data: bytes, length: int) -> int:
    """Where the first use of a text of this length is: the length, the heap's address, a number."""
    heaps_of_file = _all(data, b"GCOL")
    return min(
        one for heap in heaps_of_file for one in _all(data, struct.pack("<IQ", length, heap))
    )


def _all(data: bytes, wanted: bytes) -> list[int]:
    found = [data.find(wanted)]
    while found[-1] >= 0:
        found.append(data.find(wanted, found[-1] + 1))
    return found[:-1]


def with_uses(path: Path, names: list[str], use: bytes) -> Path:
    """The file with this use at the places of those of the names, which lie side by side."""
    data = bytearray(path.read_bytes())
    first = use_of(data, len(names[0]))
    data[first : first + 16 * len(names)] = use * len(names)
    path.write_bytes(data)
    return path


NAMES = [f"{k:07}" for k in range(1000)]


@pytest.fixture
def shared(tmp_path) -> Path:
    """1000 names that are one text of 100,000 bytes: 100 MB of a file of 0.2 MB."""
    path = written(tmp_path / "shared.h5", NAMES)
    data = path.read_bytes()
    long = use_of(data, len(LONG))
    return with_uses(path, NAMES, data[long : long + 16])


@pytest.fixture
def lying(tmp_path) -> Path:
    """Names that tell a length of 3 GB each."""
    path = written(tmp_path / "lying.h5", NAMES)
    data = path.read_bytes()
    long = use_of(data, len(LONG))
    return with_uses(path, NAMES, struct.pack("<I", 3_000_000_000) + data[long + 4 : long + 16])


def test_what_they_are_without_the_check(shared, monkeypatch):
    """The file is what it is said to be: HDF5 gives the long text at each place."""
    monkeypatch.setattr("graphc.files.hdf5.check_texts", lambda *_: None)
    with h5py.File(shared) as file:
        assert texts(file, "layer_names") == [LONG] * len(NAMES)


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("shared", "layer_names: the texts .* in the file take 100100000 bytes; .* most 67108864"),
        ("lying", "layer_names: the texts .* tell a length of 3000000000, where 100000 are stored"),
    ],
)
def test_it_is_refused_before_it_is_read(which, words, request):
    path = request.getfixturevalue(which)
    model = Sequential([Dense(2, input_dim=2)])
    before = model.get_weights()
    with pytest.raises(DataError, match=words):
        model.load_weights(path)
    for mine, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_single_text_that_lies(tmp_path):
    path = saved(tmp_path)
    with h5py.File(path, "r+") as file:
        (config,) = texts(file, "model_config")
        del file.attrs["model_config"]
        file.attrs["model_config"] = config
    load_model(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, use_of(data, len(config)), 3_000_000_000)
    path.write_bytes(data)
    with pytest.raises(DataError, match="model_config: .* tell a length of 3000000000"):
        load_model(path)


def test_a_heap_that_hdf5_would_look_through_for_ever(tmp_path):
    """The room that is left in it tells a size of 0."""
    path = saved(tmp_path)
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    place, end = heap + 16, heap + struct.unpack_from("<Q", data, heap + 8)[0]
    while struct.unpack_from("<H", data, place)[0]:
        place += 16 + -(-struct.unpack_from("<Q", data, place + 8)[0] // 8) * 8
    assert struct.unpack_from("<Q", data, place + 8)[0] == end - place
    struct.pack_into("<Q", data, place + 8, 0)
    path.write_bytes(data)
    with pytest.raises(DataError, match="model_config: the texts .* are in a damaged heap"):
        load_model(path)


def test_texts_without_a_heap(tmp_path):
    path = written(tmp_path / "without.h5", ["a"])
    path.write_bytes(path.read_bytes().replace(b"GCOL", b"GONE"))
    with h5py.File(path) as file, pytest.raises(DataError, match="are in none of its places"):
        texts(file, "layer_names")


@pytest.mark.parametrize("count", [1, 3, 3000])
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_texts_that_are_used_once(tmp_path, count, libver):
    names = [f"layer_{k}" for k in range(count)]
    path = written(tmp_path / "whole.h5", names, libver=libver)
    with h5py.File(path) as file:
        assert texts(file, "layer_names") == names
        assert texts(file, "long") == [LONG]


def test_what_is_not_looked_through(tmp_path, monkeypatch):
    path = written(tmp_path / "block.h5", ["a"], userblock_size=512)
    with h5py.File(path) as file, pytest.raises(DataError, match="texts of a fixed length"):
        texts(file, "layer_names")
    path = written(tmp_path / "uses.h5", NAMES)
    monkeypatch.setattr(heaps, "_MOST_USES", 999)
    with (
        h5py.File(path) as file,
        pytest.raises(DataError, match="seem to be used more than 999 times"),
    ):
        texts(file, "layer_names")
    path = written(tmp_path / "heaps.h5", NAMES)
    monkeypatch.setattr(heaps, "_MOST_USES", 10**6)
    monkeypatch.setattr(heaps, "_HEAPS_OF_LARGE_FILES", 0)
    monkeypatch.setattr(heaps, "_MOST_SEARCHED", 1)
    with h5py.File(path) as file, pytest.raises(DataError, match="are in too many heaps"):
        texts(file, "layer_names")


def test_numbers_are_read_where_they_are_numbers(tmp_path):
    with h5py.File(tmp_path / "numbers.h5", "w") as file:
        file.attrs["one"], file.attrs["two"] = 3, np.array([1.5, 2.5])
        file.attrs["text"] = "3"
        kinds = h5py.vlen_dtype("int32")
        several = np.empty(2, object)
        several[:] = [np.arange(3, dtype="int32")] * 2
        file.attrs.create("several", several, dtype=kinds)
        file.attrs["nothing"] = h5py.Empty("f4")
        assert attribute_numbers(file, "one") == 3
        assert attribute_numbers(file, "two").tolist() == [1.5, 2.5]
        for name in ("text", "several", "nothing", "absent"):
            assert attribute_numbers(file, name).tolist() is None
