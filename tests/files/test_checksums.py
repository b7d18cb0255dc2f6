"""Checksums of arrays: each array of a file has one, and one that is not what it was is told."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from graphc.errors import DataError
from graphc.files.hdf5 import read_array, write_array
from graphc.layers import BatchNormalization, Dropout, SimpleRNN
from graphc.models import Sequential, load_model
from graphc.optimizers import SGD
from graphc.utils.io_utils import load_array, save_array


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    """A file with every kind of array: weights, moments, states, random draws, orders."""
    np.random.seed(3)
    model = Sequential(
        [
            SimpleRNN(2, batch_input_shape=(4, 3, 2), stateful=True),
            Dropout(0.5),
            BatchNormalization(),
        ]
    )
    model.compile(SGD(momentum=0.9), "mse")
    model.fit(np.random.rand(4, 3, 2), np.random.rand(4, 2), nb_epoch=1, batch_size=4, verbose=0)
    path = tmp_path_factory.mktemp("whole") / "model.h5"
    model.save(path)
    return path.read_bytes()


@pytest.fixture
def path(whole, tmp_path) -> Path:
    (tmp_path / "model.h5").write_bytes(whole)
    return tmp_path / "model.h5"


def arrays(path: Path) -> dict[str, tuple[int, int]]:
    """Where in the file the bytes of each array are."""
    found: dict[str, tuple[int, int]] = {}

    def note(name: str, one: object) -> None:
        if isinstance(one, h5py.Dataset):
            found[name] = (one.id.get_offset(), one.nbytes)

    with h5py.File(path) as file:
        file.visititems(note)
    return found


def test_they_are_those_of_the_bytes_in_the_file(path, whole):
    spans = arrays(path)
    groups = {name.rsplit("/", 1)[0].split("/")[0] for name in spans}
    assert groups == {"model_weights", "optimizer_weights", "graphc"}
    with h5py.File(path) as file:
        for name, (start, size) in spans.items():
            assert file[name].attrs["crc32"] == zlib.crc32(whole[start : start + size]), name


def test_each_array_with_one_bit_changed_is_named(path, whole):
    for name, (start, size) in arrays(path).items():
        changed = bytearray(whole)
        changed[start + size // 2] ^= 1
        path.write_bytes(changed)
        here = bytes(changed[start : start + size])
        before, after = zlib.crc32(whole[start : start + size]), zlib.crc32(here)
        with pytest.raises(
            DataError,
            match=f"model.h5: /{name}: expected numbers with the CRC-32 {before:08x}, as they were "
            f"written, received {after:08x}",
        ):
            load_model(path)


def test_equal_bytes_of_another_dtype(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_array(file, "a", np.array([1.5, -2], "<f4"))
        other = file.create_dataset("b", data=np.array([1.5, -2], "<f4").view("<u4"))
        for name, value in file["a"].attrs.items():
            other.attrs[name] = value
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(read_array(file["a"]), np.array([1.5, -2], "<f4"))
        with pytest.raises(DataError, match=r"/b: expected numbers of the dtype \['<f4'\].*'<u4'"):
            read_array(file["b"])


class TestTexts:
    @pytest.mark.parametrize(
        ("name", "added", "why"),
        [
            ("training_config", None, "there is none"),
            ("training_config", " ", "another text is there"),
            ("model_config", " ", "another text is there"),
        ],
    )
    def test_one_that_is_lost_or_changed_is_named(self, name, added, why, path):
        with h5py.File(path, "a") as file:
            text = file.attrs[name]
            del file.attrs[name]
            if added is not None:
                file.attrs[name] = text + added
        with pytest.raises(
            DataError,
            match=f"model.h5: /: the attribute {name}: expected the text with the CRC-32 "
            f"{zlib.crc32(text.encode()):08x}, as it was written; {why}",
        ):
            load_model(path)

    @pytest.mark.parametrize("wrong", [-1, 2**32])
    def test_a_number_that_no_checksum_can_be_is_refused_as_such(self, wrong, path):
        with h5py.File(path, "a") as file:
            file["graphc"].attrs["model_config_crc32"] = wrong
        with pytest.raises(
            DataError, match=rf"a whole number from 0 to {2**32 - 1}, received .*{wrong}"
        ):
            load_model(path)

    def test_the_error_says_how_to_accept_a_change_on_purpose(self, path):
        with h5py.File(path, "a") as file:
            text = file.attrs["training_config"]
            file.attrs["training_config"] = re.sub(r"\"momentum\": [\d.]+", '"momentum": 0.5', text)
        with pytest.raises(DataError) as caught:
            load_model(path)
        (statement,) = re.findall(r"del h5py\.File\(path, 'a'\)\S+", str(caught.value))
        exec(statement, {"h5py": h5py, "path": path})
        assert load_model(path).optimizer.get_config()["momentum"] == pytest.approx(0.5)


def test_variables_of_an_optimizer_that_are_lost(path):
    with h5py.File(path, "a") as file:
        del file["optimizer_weights"]
    with pytest.raises(DataError, match="expected an entry 'optimizer_weights', since 'graphc/tr"):
        load_model(path)


def test_weights_alone(path):
    model = load_model(path)
    model.save_weights(path, overwrite=True)
    name, (start, _) = next(iter(arrays(path).items()))
    content = bytearray(path.read_bytes())
    content[start] ^= 128
    path.write_bytes(content)
    before = model.get_weights()
    with pytest.raises(DataError, match=rf"model.h5 for .*: /{name}: expected numbers with"):
        model.load_weights(path)
    for mine, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_error_says_how_to_accept_changed_numbers(path):
    """The statement in the message works."""
    name = next(one for one in arrays(path) if one.startswith("model_weights/batch"))
    with h5py.File(path, "a") as file:
        file[name][...] = 7
    with pytest.raises(DataError) as caught:
        load_model(path)
    (statement,) = re.findall(r"del h5py\.File\(path, 'a'\)\S+", str(caught.value))
    exec(statement, {"h5py": h5py, "path": path})
    assert any((one == 7).all() for one in load_model(path).get_weights())


def test_files_without_them_load(path):
    before = load_model(path).get_weights()
    spans = arrays(path)
    with h5py.File(path, "a") as file:
        for name in spans:
            del file[name].attrs["crc32"]
    for mine, theirs in zip(load_model(path).get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    "value",
    [
        np.float32(2.5).reshape(()),
        np.zeros((0, 3), "f4"),
        np.array([True, False]),
        np.arange(12.0).reshape(3, 4).T[::2],
        np.arange(4, dtype=">i4"),
        np.array([np.nan, -0.0, np.inf], ">f8"),
    ],
    ids=["scalar", "empty", "bool", "strided", "big-endian", "not finite"],
)
def test_of_every_form(tmp_path, value):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_array(file, "a", value)
        file.create_dataset("other", data=value, chunks=True if value.size > 1 else None)
        file["other"].attrs["crc32"] = file["a"].attrs["crc32"]
    with h5py.File(tmp_path / "a.h5") as file:
        for name in ("a", "other"):
            np.testing.assert_array_equal(read_array(file[name]), value)
            assert file[name].attrs["crc32"] == zlib.crc32(value.tobytes())


@pytest.mark.parametrize("wrong", ["text", 1.5, [1, 2]])
def test_what_is_no_checksum(path, wrong):
    (name, *_) = arrays(path)
    with h5py.File(path, "a") as file:
        file[name].attrs["crc32"] = wrong
    with pytest.raises(DataError, match=f"{name}: the attribute crc32: expected a whole number"):
        load_model(path)


def test_a_single_array(tmp_path):
    path = tmp_path / "a.h5"
    save_array(np.arange(5.0), path)
    ((start, _),) = arrays(path).values()
    content = bytearray(path.read_bytes())
    content[start + 7] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="/data: expected numbers with the CRC-32"):
        load_array(path)
