"""The findings of an inspection: texts of variable length that many places share, or whose length
is a lie; loops in HDF5's own structures; numbers that inflate to more than they declare."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from graphc.errors import DataError
from graphc.files import inspection, inspector
from graphc.files.hdf5 import attribute_numbers, opened, texts
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


def test_what_they_are_without_looking_through(shared):
    """The file is what it is said to be: HDF5 gives the long text at each place."""
    with h5py.File(shared) as file:
        assert texts(file, "layer_names") == [LONG] * len(NAMES)


def check_refused(path: Path, words: str) -> None:
    """The file is refused with its name, and the weights are those before."""
    model = Sequential([Dense(2, input_dim=2)])
    before = model.get_weights()
    with pytest.raises(DataError, match=f"{path.name}.*{words}"):
        model.load_weights(path)
    for mine, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_text_that_many_values_share(shared):
    check_refused(shared, "layer_names: its 1000 texts take 100000000 bytes; .* most 67108864")


def test_texts_whose_stated_length_is_more_than_they_have(lying):
    check_refused(lying, "HDF5 library needed more than 1 GB to look through it")


@pytest.mark.parametrize("stated", [3_000_000_000, 1])
def test_a_single_text_that_lies(tmp_path, stated):
    path = saved(tmp_path)
    with h5py.File(path, "r+") as file:
        (config,) = texts(file, "model_config")
        del file.attrs["model_config"]
        file.attrs["model_config"] = config
    load_model(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, use_of(data, len(config)), stated)
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        load_model(path)


@pytest.fixture
def a_second(monkeypatch):
    """Limit the processor time of a file, so that the tests need not wait."""
    monkeypatch.setattr(inspection, "_SECONDS", 0.6)  # the system counts whole ones
    monkeypatch.setattr(inspector, "_TIMES_OF_THE_PROCESSOR", 100)


@pytest.fixture
def endless(tmp_path) -> Path:
    """A heap of texts that HDF5 would look through for ever: the room that is left in it tells a
    size of 0."""
    path = saved(tmp_path)
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    place, end = heap + 16, heap + struct.unpack_from("<Q", data, heap + 8)[0]
    while struct.unpack_from("<H", data, place)[0]:
        place += 16 + -(-struct.unpack_from("<Q", data, place + 8)[0] // 8) * 8
    assert struct.unpack_from("<Q", data, place + 8)[0] == end - place
    struct.pack_into("<Q", data, place + 8, 0)
    path.write_bytes(data)
    return path


@pytest.mark.usefixtures("a_second")
def test_what_takes_too_long(endless, monkeypatch):
    with pytest.raises(DataError, match="model.h5 .* took more than the 1 s of the processor's"):
        load_model(endless)
    monkeypatch.setattr(inspector, "_TIMES_OF_THE_PROCESSOR", 0.5)
    with pytest.raises(DataError, match="model.h5 .* took more than 0.3.* s; it was not opened"):
        load_model(endless)
    load_model(saved(endless.parent))


@pytest.fixture
def looped(tmp_path) -> Path:
    """A file in which the room that is left among the names of a group is followed by itself."""
    path = saved(tmp_path)
    with h5py.File(path) as file:
        first = file["model_weights"].name.encode()
    data = bytearray(path.read_bytes())
    heap = data.index(b"HEAP", data.index(first[1:] + b"\0"))
    _, free, names = struct.unpack_from("<QQQ", data, heap + 8)
    assert free > 1  # which stands for none
    struct.pack_into("<Q", data, names + free, free)
    path.write_bytes(data)
    return path


def test_a_group_that_hdf5_would_fill_all_memory_for(looped, monkeypatch):
    monkeypatch.setattr(inspection, "MOST_MEMORY", 1 << 27)
    with pytest.raises(DataError, match="model.h5 .* needed more than .* to look through it"):
        load_model(looped)


def test_a_piece_that_inflates_to_any_size(tmp_path, monkeypatch):
    """HDF5 makes room for all that comes out of it."""
    monkeypatch.setattr(inspection, "MOST_MEMORY", 1 << 26)
    bomb = zlib.compress(bytes(1 << 27), 1)
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        array = file.create_dataset(
            "a_W", (len(bomb), 1), "i1", chunks=(len(bomb), 1), compression=1
        )
        array.id.write_direct_chunk((0, 0), bomb)
    with pytest.raises(DataError, match="bomb.h5.* (damaged|more than)"):
        opened(path)
    opened(path, arrays=False).close()


def test_what_is_damaged_where_loading_does_not_look(tmp_path):
    path = saved(tmp_path)
    with h5py.File(path, "r+") as file:
        array = file.create_dataset("more", data=np.arange(4.0), chunks=(4,), fletcher32=True)
        place = array.id.get_chunk_info(0).byte_offset
    opened(path).close()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="model.h5: the file is damaged"):
        load_model(path)


KINDS = {
    "plain": {},
    "chunks": {"chunks": (7, 3)},
    "compressed": {"chunks": (64, 2), "compression": "gzip", "shuffle": True},
    "lzf": {"compression": "lzf"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (100, 10), (5, 3, 50, 4)])
def test_all_numbers_are_read_once(tmp_path, kind, shape, monkeypatch):
    """In blocks that do not overlap."""
    keywords = dict(KINDS[kind])
    if keywords and len(shape) != 2:
        keywords = {} if not shape or 0 in shape else {"chunks": True}
    read = np.zeros(shape, int)

    def noted(_: h5py.Dataset, block: tuple) -> None:
        read[block] += 1
        assert read[block].size or not read.size

    with h5py.File(tmp_path / "a.h5", "w") as file:
        array = file.create_dataset("a", shape, "f8", **keywords)
        monkeypatch.setattr(inspection, "_PIECE_BYTES", 2000)
        monkeypatch.setattr(h5py.Dataset, "__getitem__", noted)
        inspection._read_numbers(array)
    assert (read == 1).all()


def test_links_groups_in_themselves_and_other_types_are_whole(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/b"] = np.ones(3)
        file["a/a"] = file["a"]
        file["soft"] = h5py.SoftLink("/nothing")
        file["other"] = h5py.ExternalLink("nowhere.h5", "/a")
        file["type"] = np.dtype("f4")
        file["texts"] = np.array(["a", "b"], object)
        file["record"] = np.zeros(2, [("x", "f4"), ("y", "S3")])
        file["empty"] = h5py.Empty("f4")
        file.attrs["reference"] = file["a"].ref
        file.attrs["nothing"] = h5py.Empty("S4")
        lists = np.empty(2, object)
        lists[:] = [np.ones(3)] * 2
        file.attrs.create("lists", lists, dtype=h5py.vlen_dtype("f8"))
        file.create_dataset("far", (2**40, 2**10), "f4", chunks=(1, 1))
    assert inspection.inspect_file(str(tmp_path / "a.h5"), True)[:2] == ("whole", "")
    opened(tmp_path / "a.h5").close()


@pytest.mark.parametrize("count", [1, 3, 3000])
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_texts_that_are_used_once(tmp_path, count, libver):
    names = [f"layer_{k}" for k in range(count)]
    path = written(tmp_path / "whole.h5", names, libver=libver)
    with opened(path) as file:
        assert texts(file, "layer_names") == names
        assert texts(file, "long") == [LONG]


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
