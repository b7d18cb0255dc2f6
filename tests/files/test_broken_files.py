"""Files of weights that are broken or hostile: refused with reason and place, nothing changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from graphc.errors import (
    ArgumentError,
    DataError,
    GraphcError,
    MissingFileError,
    OutOfMemoryError,
    ShapeError,
)
from graphc.files.inspection import why_not_numbers
from graphc.layers import Dense
from graphc.models import Sequential, load_model
from tests.files.small_files import set_text


def model() -> Sequential:
    return Sequential([Dense(3, input_dim=4, name="one"), Dense(2, name="two")])


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    model().save_weights(tmp_path / "w.h5")
    return tmp_path / "w.h5"


def check_refused(path: Path, error: type[GraphcError], message: str) -> None:
    """The file is refused with its name, and the weights are those before."""
    loading = model()
    before = loading.get_weights()
    with pytest.raises(error, match=rf"w\.h5.*{message}"):
        loading.load_weights(path)
    for old, new in zip(before, loading.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


class TestNoFile:
    def test_of_another_kind(self, tmp_path):
        for content in (b"", b"{}", b"\x89HDF\r\n\x1a\n", os.urandom(4000)):
            (tmp_path / "w.h5").write_bytes(content)
            check_refused(tmp_path / "w.h5", DataError, "cannot be read as an HDF5 file")

    def test_cut_short_anywhere(self, stored):
        whole = stored.read_bytes()
        for size in range(0, len(whole) - 1, 97):
            stored.write_bytes(whole[:size])
            check_refused(stored, DataError, "cannot be read as an HDF5 file")

    def test_a_folder_a_pipe_and_nothing(self, tmp_path):
        (tmp_path / "w.h5").mkdir()
        check_refused(tmp_path / "w.h5", DataError, "is not a regular file")
        (tmp_path / "w.h5").rmdir()
        check_refused(tmp_path / "w.h5", MissingFileError, "")
        os.mkfifo(tmp_path / "w.h5")  # opening it would wait for ever
        check_refused(tmp_path / "w.h5", DataError, "is not a regular file")


def other_links(file: h5py.File, link: object) -> None:
    del file["one"]["one_W"]
    file["one"]["one_W"] = link


class TestLinks:
    def test_out_of_the_file(self, stored, tmp_path):
        with h5py.File(tmp_path / "secret.h5", "w") as file:
            file["W"] = np.ones((4, 3), "float32")
        with h5py.File(stored, "a") as file:
            other_links(file, h5py.ExternalLink(str(tmp_path / "secret.h5"), "/W"))
        check_refused(stored, DataError, "/one: 'one_W' is a link to another place")

    @pytest.mark.parametrize("target", ["/two/two_W", "/one/one_W", "/nothing"])
    def test_within_the_file(self, stored, target):
        with h5py.File(stored, "a") as file:
            other_links(file, h5py.SoftLink(target))
        check_refused(stored, DataError, "'one_W' is a link to another place")

    def test_of_a_whole_layer(self, stored, tmp_path):
        with h5py.File(stored, "a") as file:
            del file["one"]
            file["one"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/one")
        check_refused(stored, DataError, "/: 'one' is a link to another place")

    def test_numbers_in_another_file(self, stored, tmp_path):
        (tmp_path / "raw").write_bytes(b"\1" * 48)
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            file["one"].create_dataset(
                "one_W", (4, 3), "float32", external=[(str(tmp_path / "raw"), 0, 48)]
            )
        check_refused(stored, DataError, "'one_W' lies in other files")

    def test_a_view_of_another_file(self, stored, tmp_path):
        layout = h5py.VirtualLayout((4, 3), "float32")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "W", (4, 3), "float32")
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            file["one"].create_virtual_dataset("one_W", layout)
        check_refused(stored, DataError, "'one_W' lies in other files")

    def test_a_group_in_itself_ends(self, stored):
        known = model()
        known.save_weights(stored, overwrite=True)
        with h5py.File(stored, "a") as file:
            file["one"]["one"] = file["one"]
            file.attrs["layer_names"] = [b"one/" * 2000 + b"one", b"two"]
        loaded = model()
        loaded.load_weights(stored)
        for value, expected in zip(loaded.get_weights(), known.get_weights(), strict=True):
            np.testing.assert_array_equal(value, expected)


def of_objects(group: h5py.Group) -> None:
    group.create_dataset("one_W", data=["a"] * 3, dtype=h5py.string_dtype())


def of_references(group: h5py.Group) -> None:
    group["one_W"] = np.array([group.ref] * 3, h5py.ref_dtype)


def of_lists(group: h5py.Group) -> None:
    group.create_dataset("one_W", (3,), h5py.vlen_dtype("float32"))


def of_records(group: h5py.Group) -> None:
    group["one_W"] = np.zeros((4, 3), [("a", "float32"), ("b", "float32")])


def of_arrays(group: h5py.Group) -> None:
    group.create_dataset("one_W", (4, 3), np.dtype(("float32", (10**4, 10**4))))


def of_complex(group: h5py.Group) -> None:
    group["one_W"] = np.zeros((4, 3), "complex64")


def empty(group: h5py.Group) -> None:
    group["one_W"] = h5py.Empty("float32")


def a_group(group: h5py.Group) -> None:
    group.create_group("one_W")


class TestArrays:
    @pytest.mark.parametrize(
        "made",
        [of_objects, of_references, of_lists, of_records, of_arrays, of_complex, empty, a_group],
    )
    def test_of_other_types(self, stored, made: Callable[[h5py.Group], None]):
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            made(file["one"])
        check_refused(stored, DataError, "'one_W'.*expected an array of numbers")

    @pytest.mark.parametrize("shape", [(3, 4), (12,), (), (4, 3, 1), (4, 0)])
    def test_of_other_shapes(self, stored, shape):
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            file["one"]["one_W"] = np.zeros(shape, "float32")
        check_refused(stored, ShapeError, r"needs \(4, 3\)")

    def test_a_huge_one_is_not_read(self, stored):
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            array = file["one"].create_dataset("one_W", (2**40, 2**10), "float32", chunks=(1, 1))
            array[0, 0] = 1
        assert stored.stat().st_size < 20_000
        check_refused(stored, DataError, "expected 1125899906842624 pieces, the file has 1")

    def test_whose_numbers_were_never_written(self, stored):
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            file["one"].create_dataset("one_W", (4, 3), "float32")
        check_refused(stored, DataError, "no numbers were written")

    def test_in_pieces_of_which_some_are_missing(self, stored):
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            array = file["one"].create_dataset("one_W", (4, 3), "float32", chunks=(2, 3))
            array[:2] = 1
        check_refused(stored, DataError, "expected 2 pieces, the file has 1")

    def test_in_pieces_far_larger_than_itself(self, stored):
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            file["one"].create_dataset(
                "one_W",
                data=np.ones((4, 3), "float32"),
                maxshape=(None, None),
                chunks=(2**13, 2**11),
                compression="gzip",
            )
        assert stored.stat().st_size < 100_000
        check_refused(stored, DataError, "48 bytes in pieces of 67108864")

    @pytest.mark.parametrize(("size", "fault"), [(0, ""), (1, "40 bytes in pieces of 65617")])
    def test_in_pieces_as_large_as_the_ends_of_axes_may_make_them(self, tmp_path, size, fault):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            piece = 2 * 40 + 2**16 + size
            array = file.create_dataset("a", (40,), "uint8", maxshape=(None,), chunks=(piece,))
            array[:] = 1
            assert fault in why_not_numbers(array)
            assert bool(fault) == bool(why_not_numbers(array))

    def test_filters_of_plug_ins(self, stored):
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            file["one"].create_dataset(
                "one_W", data=np.ones((4, 3), "float32"), scaleoffset=2, chunks=(4, 3)
            )
        check_refused(stored, DataError, "no other compression than gzip or lzf")

    @pytest.mark.parametrize("compression", ["gzip", "lzf"])
    def test_compressed_ones_are_read(self, stored, compression):
        rng = np.random.default_rng(3)
        wanted = rng.normal(size=(4, 3)).astype("float32")
        with h5py.File(stored, "a") as file:
            del file["one"]["one_W"]
            file["one"].create_dataset(
                "one_W", data=wanted, compression=compression, shuffle=True, chunks=(3, 2)
            )
        loading = model()
        loading.load_weights(stored)
        np.testing.assert_array_equal(loading.get_weights()[0], wanted)


class TestAttributes:
    @pytest.mark.parametrize(
        "value", [1, 2.5, [1, 2], np.zeros((2, 2)), np.array([True, False]), np.zeros(2, "V4")]
    )
    def test_that_are_no_texts(self, stored, value):
        with h5py.File(stored, "a") as file:
            file.attrs["layer_names"] = value
        check_refused(stored, DataError, "layer_names: expected texts, received values of type")

    def test_that_are_references(self, stored):
        with h5py.File(stored, "a") as file:
            file.attrs["layer_names"] = np.array([file.ref] * 2, h5py.ref_dtype)
        check_refused(stored, DataError, "layer_names: expected texts, received values of type")

    def test_that_are_not_in_utf_8(self, stored):
        with h5py.File(stored, "a") as file:
            file["one"].attrs["weight_names"] = np.array([b"\xff\xfe", b"one_b"])
        check_refused(
            stored, DataError, "/one: the attribute weight_names: expected texts in UTF-8"
        )

    def test_that_are_missing(self, stored):
        with h5py.File(stored, "a") as file:
            del file["one"].attrs["weight_names"]
        check_refused(stored, DataError, "weight_names: expected texts, there is no such attribute")

    def test_that_are_too_many(self, stored):
        with h5py.File(stored, "w", libver="latest") as file:
            file.attrs["layer_names"] = np.zeros(100_001, "S1")
        check_refused(stored, DataError, "expected at most 100000 texts")

    @pytest.mark.parametrize("name", ["nothing", "", "/", "one/one_W", "one/.."])
    def test_that_name_no_group(self, stored, name):
        with h5py.File(stored, "a") as file:
            names = np.array([name, "two"], h5py.string_dtype())
            file.attrs.create("layer_names", names)
        check_refused(stored, DataError, "")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A file of a compiled model that has been trained."""
    made = model()
    made.compile("adam", "mse", metrics=["accuracy"])
    made.fit(np.ones((4, 4)), np.ones((4, 2)), nb_epoch=1, verbose=0)
    made.save(tmp_path / "m.h5")
    return tmp_path / "m.h5"


def check_model_refused(path: Path, error: type[GraphcError], message: str) -> None:
    """The file is refused with its name, and NumPy's generator stands as before."""
    before = np.random.get_state()[1:3]
    with pytest.raises(error, match=rf"m\.h5.*{message}"):
        load_model(path)
    after = np.random.get_state()[1:3]
    assert (before[0] == after[0]).all()
    assert before[1] == after[1]


def entries(path: Path) -> list[str]:
    names: list[str] = []
    with h5py.File(path, "r") as file:
        file.visit(names.append)
    return names


class TestWholeModels:
    def test_cut_short_anywhere(self, whole):
        content = whole.read_bytes()
        for size in range(0, len(content) - 1, 997):
            whole.write_bytes(content[:size])
            check_model_refused(whole, DataError, "cannot be read as an HDF5 file")

    def test_links_in_place_of_any_entry(self, whole):
        content, names = whole.read_bytes(), entries(whole)
        assert len(names) > 10
        for name in names:
            whole.write_bytes(content)
            with h5py.File(whole, "a") as file:
                file.move(name, "elsewhere")
                file[name] = h5py.SoftLink("/elsewhere")
            check_model_refused(whole, DataError, "is a link to another place")

    def test_texts_in_place_of_any_array(self, whole):
        content = whole.read_bytes()
        for name in entries(whole):
            whole.write_bytes(content)
            with h5py.File(whole, "a") as file:
                if isinstance(file[name], h5py.Group):
                    continue
                del file[name]
                file.create_dataset(name, data=["a"] * 3, dtype=h5py.string_dtype())
            check_model_refused(whole, DataError, "expected an array of numbers")

    def test_a_large_array_in_place_of_any_group(self, whole):
        """Element by element it would take minutes."""
        content, groups = whole.read_bytes(), 0
        for name in entries(whole):
            whole.write_bytes(content)
            with h5py.File(whole, "a") as file:
                if not isinstance(file[name], h5py.Group):
                    continue
                del file[name]
                file[name] = np.zeros(10**6, "bool")
            what = "a group of layers, found an array" if name == "model_weights" else ""
            check_model_refused(whole, DataError, f"expected {what}")
            groups += 1
        assert groups > 4

    @pytest.mark.parametrize("name", ["model_config", "training_config"])
    @pytest.mark.parametrize(
        ("value", "error", "message"),
        [
            (1, DataError, "expected texts, received values of type"),
            ("{", ArgumentError, "not JSON"),
            ("[" * 10_000, ArgumentError, "not JSON|too deep"),
            ("null", ArgumentError, "received None"),
            ("[]", ArgumentError, r"received \[\]"),
        ],
    )
    def test_descriptions_that_are_none(self, whole, name, value, error, message):
        with h5py.File(whole, "a") as file:
            set_text(file, name, value)
        check_model_refused(whole, error, f"{name}.*({message})")

    def test_an_order_that_inflates(self, whole):
        with h5py.File(whole, "a") as file:
            del file["graphc/order"]
            zeros = np.zeros(1 << 20, "i8")
            file["graphc"].create_dataset("order", data=zeros, compression="gzip")
        check_model_refused(whole, DataError, "order: expected numbers that are not compressed")

    def test_weights_of_other_shapes(self, whole):
        with h5py.File(whole, "a") as file:
            del file["model_weights/two/two_W"]
            file["model_weights/two/two_W"] = np.zeros((2, 3), "float32")
        check_model_refused(whole, ShapeError, r"\(2, 3\); 'two_W' .* needs \(3, 2\)")


def test_memory_that_does_not_suffice_is_no_damage(stored, monkeypatch):
    def refused(*_: object) -> None:
        raise MemoryError("Unable to allocate 48 bytes")

    monkeypatch.setattr(h5py.Dataset, "__getitem__", refused)
    check_refused(
        stored, OutOfMemoryError, "memory does not suffice for its contents .Unable to allocate 48"
    )
