"""Changes of images whose results are known: whole turns, moves by pixels, ramps of grey."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import ArgumentError, DataError, MissingPackageError
from graphc.preprocessing.image import extra
from graphc.preprocessing.image import transforms as t

IMAGE = np.random.RandomState(1).rand(2, 5, 5).astype("float32")
ROWS, COLUMNS = np.meshgrid(np.arange(21.0) - 10, np.arange(25.0) - 12, indexing="ij")


class Largest:
    """Draws the upper end of each range."""

    def uniform(self, low, high, size=None):
        return high if size is None else np.full(size, high)


class Smallest:
    """Draws the lower end of each range."""

    def uniform(self, low, high, size=None):
        return low if size is None else np.full(size, low)


def ramp(values: np.ndarray) -> np.ndarray:
    """Two channels that grow linearly: any interpolation is exact on them, far from the edges."""
    return np.stack([values, 3 * values])


def inside(image: np.ndarray) -> np.ndarray:
    return image[:, 7:-7, 7:-7]


NEEDS_SCIPY = {
    "random_rotation": (30.0,),
    "random_shift": (0.8, 0.8),
    "random_shear": (0.3,),
    "random_zoom": (0.3,),
    "random_barrel_transform": (0.3,),
}
ALL = NEEDS_SCIPY | {"random_channel_shift": (0.3,)}


@pytest.mark.parametrize("name", ALL)
def test_no_range_changes_nothing(name):
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    nothing = (0.0,) * len(ALL[name])
    np.testing.assert_allclose(getattr(t, name)(IMAGE, *nothing), IMAGE, rtol=1e-5, atol=1e-6)


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize("name", ALL)
def test_a_change_keeps_shape_and_type_and_draws_from_numpys_generator(name):
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    change = getattr(t, name)
    np.random.seed(3)
    first, second = change(IMAGE, *ALL[name]), change(IMAGE, *ALL[name])
    np.random.seed(3)
    np.testing.assert_array_equal(change(IMAGE, *ALL[name]), first)
    assert not np.array_equal(first, second)
    assert first.shape == IMAGE.shape
    assert first.dtype == np.float32
    assert change(np.ones((1, 4, 4), np.uint8), *ALL[name]).dtype == np.float32
    rng = np.random.RandomState(3)
    np.testing.assert_array_equal(change(IMAGE, *ALL[name], rng=rng), first)


@pytest.mark.parametrize("name", NEEDS_SCIPY)
def test_without_scipy(name, monkeypatch):
    monkeypatch.setattr(extra, "_ndimage", None)
    message = rf"{name} needs SciPy, which is not installed: pip install 'graphc\[image\]'"
    with pytest.raises(MissingPackageError, match=message):
        getattr(t, name)(IMAGE, *NEEDS_SCIPY[name])


@pytest.mark.flags(keras="1.0")
def test_a_quarter_turn():
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    rotated = t.random_rotation(IMAGE, 90, rng=Largest())
    np.testing.assert_allclose(rotated, np.rot90(IMAGE, axes=(1, 2)), atol=1e-5)
    last = np.moveaxis(IMAGE, 0, 2)
    rotated = t.random_rotation(last, 90, axes=(0, 1), rng=Smallest())
    np.testing.assert_allclose(rotated, np.rot90(last, -1, axes=(0, 1)), atol=1e-5)


@pytest.mark.flags(keras="1.0")
def test_a_shift_by_pixels():
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    moved = t.random_shift(IMAGE, 0.4, 0.2, fill_mode="constant", cval=7, rng=Largest())
    np.testing.assert_array_equal(moved[:, 1:, 2:], IMAGE[:, :-1, :-2])
    assert np.all(moved[:, 0] == 7)
    assert np.all(moved[:, :, :2] == 7)
    last = np.moveaxis(IMAGE, 0, 2)
    moved = t.random_shift(last, 0.4, 0, row_index=0, col_index=1, rng=Smallest())
    np.testing.assert_array_equal(moved[:, :-2], last[:, 2:])
    np.testing.assert_array_equal(moved[:, -2:], last[:, [4, 4]])


@pytest.mark.flags(keras="1.0")
def test_a_shear_of_a_ramp():
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    for values in (ROWS, COLUMNS):
        sheared = t.random_shear(ramp(values), 0.3, rng=Largest())
        expected = ROWS - np.sin(0.3) * COLUMNS if values is ROWS else np.cos(0.3) * COLUMNS
        np.testing.assert_allclose(inside(sheared), inside(ramp(expected)), atol=2e-3)
    last = np.moveaxis(ramp(ROWS), 0, 2)
    sheared = t.random_shear(last, 0.3, row_axis=0, col_axis=1, rng=Largest())
    np.testing.assert_array_equal(
        np.moveaxis(sheared, 2, 0), t.random_shear(ramp(ROWS), 0.3, rng=Largest())
    )


@pytest.mark.flags(keras="1.0")
def test_a_zoom_of_a_ramp():
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    shrunk = t.random_zoom(ramp(COLUMNS), 0.2, fill_mode="constant", cval=-9, rng=Smallest())
    np.testing.assert_allclose(inside(shrunk), inside(ramp(COLUMNS / 0.8)), atol=2e-3)
    assert np.all(shrunk[:, :, 0] == -9)
    assert np.all(shrunk[:, 0] == -9)


def test_a_barrel_of_a_ramp():
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    squared = (ROWS**2 + COLUMNS**2) / (10**2 + 12**2)
    for values in (ROWS, COLUMNS):
        bent = t.random_barrel_transform(ramp(values), 0.3, rng=Smallest())
        np.testing.assert_allclose(bent, ramp(values * (1 - 0.3 * squared)), atol=1e-9)
        bent = t.random_barrel_transform(ramp(values), 0.3, rng=Largest())
        np.testing.assert_allclose(
            inside(bent), inside(ramp(values * (1 + 0.3 * squared))), atol=1e-9
        )


def test_channels_are_shifted_within_the_range_of_values():
    image = np.array([[[0.0, 1.0]], [[2.0, 4.0]]])
    shifted = t.random_channel_shift(image, 1.5, rng=Largest())
    np.testing.assert_array_equal(shifted, [[[1.5, 2.5]], [[3.5, 4.0]]])
    middle = np.array([[[5.0, 6.0], [0.0, 9.0]], [[4.0, 3.0], [0.0, 9.0]]])
    change = t.random_channel_shift(middle, 0.5, channel_axis=2) - middle
    assert change[0, 0, 0] == pytest.approx(change[1, 0, 0])
    assert change[0, 0, 0] != pytest.approx(change[0, 0, 1])


def test_flip():
    np.testing.assert_array_equal(t.flip_axis([[1, 2], [3, 4]], 0), [[3, 4], [1, 2]])
    np.testing.assert_array_equal(t.flip_axis([[1, 2], [3, 4]], 1), [[2, 1], [4, 3]])


def test_flips_of_keras_0_3_are_in_the_image_itself():
    image = np.arange(12).reshape(2, 2, 3)  # two channels
    assert t.horizontal_flip(image) is image
    np.testing.assert_array_equal(image, [[[2, 1, 0], [5, 4, 3]], [[8, 7, 6], [11, 10, 9]]])
    assert t.vertical_flip(image) is image
    np.testing.assert_array_equal(image, [[[5, 4, 3], [2, 1, 0]], [[11, 10, 9], [8, 7, 6]]])


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: t.random_rotation(IMAGE[0], 5), DataError, r"one image of three axes.*\(5, 5\)"),
        (lambda: t.random_shear(IMAGE.astype(str), 1), DataError, "the type <U"),
        (lambda: t.random_rotation(IMAGE, -5), ArgumentError, "rg: expected a number of at"),
        (lambda: t.random_shift(IMAGE, 0, np.inf), ArgumentError, "hrg: expected a finite number"),
        (lambda: t.random_zoom(IMAGE, 1), ArgumentError, "rg: expected less than 1, received 1"),
        (
            lambda: t.random_zoom(IMAGE, 0.1, fill_mode="edge"),
            ArgumentError,
            "fill_mode is one of .*'nearest'.*, received 'edge'",
        ),
        (
            lambda: t.random_rotation(IMAGE, 20, 1, 2, 0),  # as from 1.0.2 on
            ArgumentError,
            "received 1; an axis is given by name, row_axis=1, or by position under keras=1.2",
        ),
    ],
)
def test_bad_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()
