"""The digits that ship with graphc: whole, correctly typed, always split the same way."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from graphc.datasets import digits
from graphc.errors import ArgumentError


@pytest.fixture(scope="module")
def everything() -> tuple[np.ndarray, np.ndarray]:
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    return np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])


def test_shapes_types_and_range() -> None:
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert (x_train.shape, y_train.shape) == ((1438, 64), (1438,))
    assert (x_test.shape, y_test.shape) == ((359, 64), (359,))
    assert {x_train.dtype, x_test.dtype} == {np.dtype("float32")}
    assert {y_train.dtype, y_test.dtype} == {np.dtype("int32")}


def test_counts_of_each_class_are_those_of_the_published_description(
    everything: tuple[np.ndarray, np.ndarray],
) -> None:
    """optdigits.names of the UCI archive, table of the test set, classes 0 to 9."""
    published = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(everything[1]).tolist() == published


def test_pixels_are_sixteenths_from_zero_to_one(everything: tuple[np.ndarray, np.ndarray]) -> None:
    sixteenths = everything[0] * 16
    assert np.array_equal(np.unique(sixteenths), np.arange(17))


def test_the_file_holds_the_published_bytes() -> None:
    """Digest of scikit-learn 1.9.1's digits.csv.gz: all images, then all labels, as uint8."""
    with np.load(digits._FILE) as stored:
        content = stored["images"].tobytes() + stored["labels"].tobytes()
    expected = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
    assert hashlib.sha256(content).hexdigest() == expected


def test_the_split_is_a_shuffle_of_the_file(everything: tuple[np.ndarray, np.ndarray]) -> None:
    """No image is lost or in both parts, and each keeps its label."""
    with np.load(digits._FILE) as stored:
        rows = np.column_stack([stored["images"].reshape(-1, 64), stored["labels"]])
    shuffled = np.column_stack([everything[0] * 16, everything[1]])
    assert sorted(map(tuple, rows)) == sorted(map(tuple, shuffled))
    assert not np.array_equal(rows, shuffled)


def test_the_split_depends_on_the_seed_alone() -> None:
    np.random.seed(0)
    first = digits.load_data()
    following = np.random.rand()
    np.random.seed(0)
    assert np.random.rand() == following, "load_data moved NumPy's global generator"
    again = digits.load_data()
    assert np.array_equal(first[1][0], again[1][0])
    assert first[1][1][:12].tolist() == [7, 4, 4, 8, 0, 6, 4, 2, 6, 8, 6, 3]
    assert not np.array_equal(first[1][1], digits.load_data(seed=7)[1][1])


def test_test_fraction() -> None:
    (x_train, _), (x_test, y_test) = digits.load_data(test_fraction=0.5)
    assert (len(x_train), len(x_test), len(y_test)) == (899, 898, 898)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.2, 1.5, 1e-9])
def test_a_part_without_images_is_refused(fraction: float) -> None:
    with pytest.raises(ArgumentError, match=f"test_fraction .* received {fraction}"):
        digits.load_data(test_fraction=fraction)
