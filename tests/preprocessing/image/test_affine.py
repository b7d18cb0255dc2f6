"""Changes of images by one affine map, whose results are known pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.config import config
from graphc.errors import ArgumentError, DataError
from graphc.preprocessing.image import (
    ImageDataGenerator,
    apply_transform,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
    transform_matrix_offset_center,
)
from tests.preprocessing.image.test_transforms import Largest, Smallest

ndimage = pytest.importorskip("scipy", reason="the extra 'image' is not installed").ndimage

IMAGE = np.random.RandomState(1).rand(2, 6, 8)


@pytest.fixture(autouse=True)
def _of_1_2():
    with config.changed(keras="1.2"):
        yield


def mapped(image, linear, row, column):
    """By the definition: the pixel at p shows what is at centre + linear (p - centre)."""
    centre = np.array([image.shape[1] / 2 + 0.5, image.shape[2] / 2 + 0.5])
    offset = centre - linear @ centre + linear @ [row, column]
    transform = ndimage.affine_transform
    return np.stack([transform(one, linear, offset, order=0, mode="nearest") for one in image])


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def sheared(angle):
    return np.array([[1, -np.sin(angle)], [0, np.cos(angle)]])


def test_a_map_takes_pixels_from_where_it_says():
    move = np.array([[1, 0, 2], [0, 1, -1], [0, 0, 1]])
    moved = apply_transform(IMAGE, move, fill_mode="constant", cval=7)
    np.testing.assert_array_equal(moved[:, :4, 1:], IMAGE[:, 2:, :7])
    assert np.all(moved[:, 4:] == 7)
    assert np.all(moved[:, :, 0] == 7)
    last = apply_transform(np.moveaxis(IMAGE, 0, 2), move, 2, "constant", 7)
    np.testing.assert_array_equal(np.moveaxis(last, 2, 0), moved)


def test_the_centre_stays():
    centred = transform_matrix_offset_center(np.diag([2.0, 3.0, 1.0]), 4, 10)
    np.testing.assert_allclose(centred @ [2.5, 5.5, 1], [2.5, 5.5, 1])
    np.testing.assert_allclose(centred @ [3.5, 6.5, 1], [4.5, 8.5, 1])


@pytest.mark.parametrize(
    ("change", "rng", "expected"),
    [
        (lambda x, **k: random_rotation(x, 30, **k), Largest, (turn(np.pi / 6), 0, 0)),
        (lambda x, **k: random_rotation(x, rg=30, **k), Smallest, (turn(-np.pi / 6), 0, 0)),
        (lambda x, **k: random_shift(x, 0.25, 0.5, **k), Largest, (np.eye(2), 3, 2)),
        (lambda x, **k: random_shear(x, 0.5, **k), Largest, (sheared(0.5), 0, 0)),
        (lambda x, **k: random_zoom(x, (0.5, 1), **k), Smallest, (np.eye(2) * 0.5, 0, 0)),
        (lambda x, **k: random_zoom(x, zoom_range=(1, 2), **k), Largest, (np.eye(2) * 2, 0, 0)),
    ],
)  # fmt: skip
def test_each_change_is_its_map(change, rng, expected):
    made = mapped(IMAGE, *expected)
    np.testing.assert_array_equal(change(IMAGE, rng=rng()), made)
    last = change(np.moveaxis(IMAGE, 0, 2), row_axis=0, col_axis=1, channel_axis=2, rng=rng())
    np.testing.assert_array_equal(np.moveaxis(last, 2, 0), made)


def test_positions_of_arguments():
    np.random.seed(1)
    by_position = random_rotation(IMAGE, 20, 1, 2, 0, "constant", 3.0)
    np.random.seed(1)
    by_name = random_rotation(IMAGE, 20, fill_mode="constant", cval=3.0)
    np.testing.assert_array_equal(by_position, by_name)
    shifted = random_channel_shift(IMAGE, intensity=0.25, channel_axis=0, rng=Largest())
    np.testing.assert_allclose(shifted, np.minimum(IMAGE + 0.25, IMAGE.max()))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: apply_transform(IMAGE, np.eye(2)), ArgumentError, r"expected a matrix \(3, 3\)"),
        (lambda: apply_transform(IMAGE[0], np.eye(3)), DataError, "one image of three axes"),
        (lambda: random_zoom(IMAGE, (2, 1)), ArgumentError, "zoom_range: .* two rising factors"),
        (lambda: random_zoom(IMAGE, (1, 2, 3)), ArgumentError, "zoom_range: expected a number or"),
        (lambda: ImageDataGenerator(zoom_range=1.5), ArgumentError, "spread from 0 to 1"),
        (lambda: ImageDataGenerator(fill_mode="near"), ArgumentError, "fill_mode: expected one"),
        (lambda: ImageDataGenerator(rescale="a"), ArgumentError, "rescale: expected a finite"),
        (
            lambda: ImageDataGenerator(preprocessing_function=3),
            ArgumentError,
            "preprocessing_function: expected a function",
        ),
    ],
)
def test_bad_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()


ALL = {
    "rotation_range": 40.0,
    "width_shift_range": 0.3,
    "height_shift_range": 0.2,
    "shear_range": 0.4,
    "zoom_range": 0.3,
    "channel_shift_range": 0.5,
    "horizontal_flip": True,
    "vertical_flip": True,
}


class TestGenerator:
    """The draws, their order, and the images that come of them."""

    def expected(self, rng, image):
        angle = np.pi / 180 * rng.uniform(-40, 40)
        rows, columns = rng.uniform(-0.2, 0.2) * 6, rng.uniform(-0.3, 0.3) * 8
        shear, zooms = rng.uniform(-0.4, 0.4), rng.uniform(0.7, 1.3, 2)
        made = mapped(
            image,
            turn(angle) @ sheared(shear) @ np.diag(zooms),
            *(np.linalg.inv(sheared(shear) @ np.diag(zooms)) @ [rows, columns]),
        )
        shifts = rng.uniform(-0.5, 0.5, (2, 1, 1))
        made = np.clip(made + shifts, made.min(), made.max())
        made = made[:, :, ::-1] if rng.random_sample() < 0.5 else made
        return made[:, ::-1] if rng.random_sample() < 0.5 else made

    @pytest.mark.parametrize("ordering", ["th", "tf"])
    def test_one_map_then_colours_then_flips(self, ordering):
        with config.changed(floatX="float64"):
            generator = ImageDataGenerator(dim_ordering=ordering, **ALL)
            images = np.stack([IMAGE + k for k in range(4)])
            given = images if ordering == "th" else np.moveaxis(images, 1, 3)
            batches = generator.flow(given, batch_size=3, seed=5)
            made = [next(batches) for _ in range(2)]
        found = [one if ordering == "th" else np.moveaxis(one, 3, 1) for one in made]
        rng = np.random.RandomState(5)
        order = rng.permutation(4)
        for image, number in zip(found[0], order[:3], strict=True):
            np.testing.assert_allclose(image, self.expected(rng, images[number]), rtol=1e-12)
        rng = np.random.RandomState(6)  # each batch draws from its own
        np.testing.assert_allclose(found[1][0], self.expected(rng, images[order[3]]), rtol=1e-12)

    def test_a_flow_is_an_iterator_of_its_own_that_shuffles(self):
        generator = ImageDataGenerator(dim_ordering="th")
        x, y = np.arange(5.0).reshape(5, 1, 1, 1), np.arange(5)
        first, second = (generator.flow(x, y, 2, seed=3) for _ in range(2))
        sizes, seen = [], []
        for _ in range(3):
            images, targets = next(first)
            other, _ = second.next()
            np.testing.assert_array_equal(images, other)
            np.testing.assert_array_equal(images.reshape(-1), targets)
            sizes.append(len(images))
            seen += targets.tolist()
        assert sizes == [2, 2, 1]
        assert seen == np.random.RandomState(3).permutation(5).tolist()
        assert (first.n, first.batch_size, first.total_batches_seen) == (5, 2, 3)
        in_order = generator.flow(x, y, 2, shuffle=False)
        assert next(in_order)[1].tolist() == [0, 1]
        in_order.reset()
        assert next(in_order)[1].tolist() == [0, 1]

    def test_without_a_seed_numpys_generator_draws(self):
        x = np.arange(5.0).reshape(5, 1, 1, 1)
        np.random.seed(7)
        made = next(ImageDataGenerator(dim_ordering="th").flow(x))
        np.random.seed(7)
        assert made.reshape(-1).tolist() == np.random.permutation(5).tolist()

    def test_nothing_is_normalised_by_default_and_statistics_are_of_channels(self):
        images = np.random.RandomState(2).rand(9, 3, 4, 5) * [[[1]], [[2]], [[3]]]
        assert not ImageDataGenerator().featurewise_center
        generator = ImageDataGenerator(
            featurewise_center=True, featurewise_std_normalization=True, dim_ordering="th"
        )
        generator.fit(x=images)
        np.testing.assert_allclose(generator.mean, images.mean((0, 2, 3)).reshape(3, 1, 1))
        np.testing.assert_allclose(generator.std, images.std((0, 2, 3)).reshape(3, 1, 1))
        made = generator.standardize(images[0])
        spread = images.std((0, 2, 3)).reshape(3, 1, 1)
        expected = (images[0] - images.mean((0, 2, 3)).reshape(3, 1, 1)) / spread
        np.testing.assert_allclose(made, expected, rtol=1e-5)

    def test_a_function_then_a_factor_and_statistics_of_what_they_give(self):
        images = np.random.RandomState(2).rand(9, 1, 2, 2)
        generator = ImageDataGenerator(
            featurewise_center=True,
            rescale=0.5,
            preprocessing_function=lambda image: image + 1,
            dim_ordering="th",
        )
        generator.fit(images)
        assert generator.mean.item() == pytest.approx(0.5 * (images.mean() + 1))
        made = generator.standardize(images[0])
        np.testing.assert_allclose(made, 0.5 * (images[0] + 1) - generator.mean, rtol=1e-6)
        generator.preprocessing_function = lambda image: image[:, :1]
        with pytest.raises(DataError, match=r"preprocessing_function: .*returned \(1, 1, 2\)"):
            generator.standardize(images[0])


def test_options_of_later_releases_in_the_meanings_of_1_0():
    with config.changed(keras="1.0"):
        plain = {"featurewise_center": False, "featurewise_std_normalization": False}
        generator = ImageDataGenerator(zoom_range=(0.5, 0.5), rescale=2.0, **plain)
    image = IMAGE.astype("float32")
    expected = 2 * mapped(image, np.eye(2) * 0.5, 0, 0)
    assert generator.flow(image[None], [0], seed=1) is generator
    np.testing.assert_allclose(next(generator)[0][0], expected, rtol=1e-6)
