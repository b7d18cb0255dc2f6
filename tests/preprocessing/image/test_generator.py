"""Batches of changed images: their order, statistics learnt from images, bad calls."""

from __future__ import annotations

import re
import threading

import h5py
import numpy as np
import pytest

from graphc.config import config
from graphc.errors import ArgumentError, DataError, MissingFileError, MissingPackageError
from graphc.preprocessing.image import (
    GraphImageDataGenerator,
    ImageDataGenerator,
    extra,
    img_to_array,
    load_img,
)
from graphc.utils.io_utils import HDF5Matrix

IMAGES = np.random.RandomState(1).rand(10, 3, 4, 5) * 5 + np.arange(4).reshape(4, 1)
TARGETS = np.arange(10) * 10
PLAIN = {"featurewise_center": False, "featurewise_std_normalization": False}


def plain(**options) -> ImageDataGenerator:
    return ImageDataGenerator(**(PLAIN | options))


def numbered(count: int) -> np.ndarray:
    return np.arange(float(count)).reshape(count, 1, 1, 1)


def epoch(generator: ImageDataGenerator, batches: int) -> tuple[np.ndarray, np.ndarray]:
    made = [next(generator) for _ in range(batches)]
    return tuple(np.concatenate(arrays) for arrays in zip(*made, strict=True))


@pytest.mark.flags(keras="1.0")
def test_batches_go_on_for_ever_and_the_last_of_an_epoch_is_short():
    generator = plain()
    assert generator.flow(IMAGES, TARGETS, batch_size=4) is generator
    made = [batch for batch, _ in zip(generator, range(6), strict=False)]
    assert [len(images) for images, _ in made] == [4, 4, 2, 4, 4, 2]
    assert made[0][0].dtype == config.floatX
    for start in (0, 3):
        images = np.concatenate([images for images, _ in made[start : start + 3]])
        np.testing.assert_allclose(images, IMAGES, rtol=1e-6)
        assert np.concatenate([y for _, y in made[start : start + 3]]).tolist() == TARGETS.tolist()


@pytest.mark.flags(keras="1.0")
def test_an_endless_flow_is_logged_where_a_loop_may_wait_for_its_end(caplog):
    loop = plain().flow(IMAGES, TARGETS, batch_size=5)
    epoch(loop, 2)
    assert not caplog.records
    epoch(loop, 4)
    [record] = caplog.records
    assert "in Keras 0.3 they ended here: a loop over them needs a break" in record.getMessage()
    training = plain().flow(IMAGES, TARGETS, batch_size=5)
    thread = threading.Thread(target=epoch, args=(training, 6))
    thread.start()
    thread.join()
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("ordering", "shape", "reported"),
    [
        ("th", (6, 28, 28, 1), "channels on axis 1, .* have 28 there, and 1 on axis 3"),
        ("th", (6, 8, 9, 3), "channels on axis 1, .* have 8 there, and 3 on axis 3"),
        ("th", (6, 8, 9, 4), "give dim_ordering='tf', or .*np.moveaxis\\(X, 3, 1\\)"),
        ("tf", (6, 3, 8, 9), "channels on axis 3, .* have 9 there, and 3 on axis 1"),
        ("th", (6, 3, 8, 9), None),
        ("th", (6, 1, 28, 28), None),
        ("th", (6, 3, 8, 1), None),
        ("th", (6, 8, 9, 9), None),
        ("tf", (6, 28, 28, 1), None),
        ("tf", (6, 8, 9, 7), None),
    ],
)
def test_channels_on_another_axis_are_logged(ordering, shape, reported, caplog):
    images = np.random.RandomState(0).rand(*shape)
    generator = ImageDataGenerator(dim_ordering=ordering)
    with caplog.at_level("WARNING", logger="graphc"):
        generator.fit(images)
        generator.flow(images, np.zeros(6))
    lines = [one.getMessage() for one in caplog.records]
    assert len(lines) == (2 if reported else 0)
    for line, method in zip(lines, ("fit", "flow"), strict=False):
        assert re.match(f"ImageDataGenerator.{method}: .*{reported}", line), line


def test_shuffled_epochs_hold_every_image_once_with_its_target():
    generator = plain().flow(numbered(10), list(TARGETS), batch_size=3, shuffle=True, seed=1)
    orders = []
    for _ in range(2):
        images, targets = epoch(generator, 4)
        np.testing.assert_array_equal(images.reshape(-1) * 10, targets)
        assert sorted(targets) == TARGETS.tolist()
        orders.append(targets.tolist())
    assert orders[0] != orders[1]
    again = plain().flow(numbered(10), TARGETS, batch_size=3, shuffle=True, seed=1)
    assert epoch(again, 4)[1].tolist() == orders[0]


def test_changes_depend_on_the_seed_alone():
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    options = {
        "rotation_range": 20,
        "width_shift_range": 0.3,
        "height_shift_range": 0.3,
        "shear_range": 0.2,
        "horizontal_flip": True,
        "vertical_flip": True,
    }
    np.random.seed(0)
    first = epoch(plain(**options).flow(IMAGES, TARGETS, seed=3), 1)[0]
    following = np.random.rand()
    np.random.seed(0)
    assert np.random.rand() == following, "a seeded flow moved NumPy's global generator"
    second = epoch(plain(**options).flow(IMAGES, TARGETS, seed=3), 1)[0]
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, IMAGES)
    np.random.seed(4)
    third = epoch(plain(**options).flow(IMAGES, TARGETS), 1)[0]
    assert not np.array_equal(first, third)
    np.random.seed(4)
    np.testing.assert_array_equal(epoch(plain(**options).flow(IMAGES, TARGETS), 1)[0], third)


def test_both_orderings_make_the_same_images():
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    options = {
        "featurewise_center": True,
        "zca_whitening": True,
        "samplewise_std_normalization": True,
        "rotation_range": 20,
        "width_shift_range": 0.3,
        "height_shift_range": 0.3,
        "shear_range": 0.2,
        "horizontal_flip": True,
        "vertical_flip": True,
    }
    made = []
    for ordering, images in (("th", IMAGES), ("tf", np.moveaxis(IMAGES, 1, 3))):
        generator = plain(dim_ordering=ordering, **options)
        generator.fit(images, augment=True, rounds=4, seed=1)
        batch = next(generator.flow(images, TARGETS, seed=2))[0]
        made.append(batch if ordering == "th" else np.moveaxis(batch, 3, 1))
    np.testing.assert_allclose(made[0], made[1], rtol=1e-3, atol=1e-3)


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(("option", "axis"), [("horizontal_flip", 2), ("vertical_flip", 1)])
def test_one_half_is_flipped(option, axis):
    images = np.repeat(IMAGES[:1], 200, axis=0)
    made = next(plain(**{option: True}).flow(images, np.zeros(200), batch_size=200, seed=1))[0]
    kept = [np.allclose(image, IMAGES[0]) for image in made]
    flipped = [np.allclose(image, np.flip(IMAGES[0], axis)) for image in made]
    assert np.all(np.logical_xor(kept, flipped))
    assert 80 <= sum(flipped) <= 120


@pytest.mark.parametrize("option", ["rotation_range", "width_shift_range", "shear_range"])
def test_without_scipy(option, monkeypatch):
    monkeypatch.setattr(extra, "_ndimage", None)
    plain(horizontal_flip=True)
    with pytest.raises(MissingPackageError, match=rf"\({option}=...\) needs SciPy.*graphc\[image"):
        plain(**{option: 0.1})


@pytest.mark.flags(keras="1.0")
def test_each_range_changes_images_along_its_axis():
    pytest.importorskip("scipy", reason="the extra 'image' is not installed")
    rows = np.arange(6.0).reshape(1, 6, 1) * np.ones((1, 6, 6))
    for option, image, changes in [
        ("width_shift_range", rows, False),
        ("height_shift_range", rows, True),
        ("height_shift_range", rows.swapaxes(1, 2), False),
        ("width_shift_range", rows.swapaxes(1, 2), True),
    ]:
        made = next(plain(**{option: 0.9}).flow(image[None], [0], seed=1))[0]
        assert np.allclose(made[0], image) is not changes, option


@pytest.mark.flags(keras="1.0")
def test_images_standardised_by_pixel():
    generator = ImageDataGenerator()
    generator.fit(IMAGES)
    np.testing.assert_allclose(generator.mean, IMAGES.mean(axis=0))
    np.testing.assert_allclose(generator.std, IMAGES.std(axis=0))
    made = next(generator.flow(IMAGES, TARGETS))[0]
    np.testing.assert_allclose(made.mean(axis=0), np.zeros((3, 4, 5)), atol=1e-6)
    np.testing.assert_allclose(made.std(axis=0), np.ones((3, 4, 5)), rtol=1e-5)
    before = IMAGES[0].copy()
    generator.standardize(IMAGES[0])
    np.testing.assert_array_equal(IMAGES[0], before)


def test_a_constant_pixel_is_not_divided_by_zero():
    generator = ImageDataGenerator()
    generator.fit(np.ones((5, 1, 2, 2)))
    np.testing.assert_allclose(generator.standardize(np.full((1, 2, 2), 1 + 1e-7)), 1, rtol=1e-6)


@pytest.mark.flags(keras="1.0")
def test_a_constant_pixel_that_a_change_may_fill_is_named(caplog):
    images = np.concatenate([IMAGES, np.zeros((10, 3, 4, 2))], axis=3)
    ImageDataGenerator().fit(images)
    ImageDataGenerator(horizontal_flip=True).fit(IMAGES)
    assert caplog.text == ""
    ImageDataGenerator(horizontal_flip=True).fit(images)
    assert "24 of 84 pixels are the same in all images" in caplog.text
    assert "Fit with augment=True" in caplog.text
    caplog.clear()
    ImageDataGenerator(horizontal_flip=True).fit(images, augment=True, rounds=5)
    assert caplog.text == ""


def test_images_standardised_by_themselves():
    generator = plain(samplewise_center=True, samplewise_std_normalization=True)
    image = generator.standardize(IMAGES[0])
    np.testing.assert_allclose(image, (IMAGES[0] - IMAGES[0].mean()) / IMAGES[0].std(), rtol=1e-5)
    grey = plain(samplewise_center=True).standardize(IMAGES[0][:1])
    np.testing.assert_allclose(grey, IMAGES[0][:1] - IMAGES[0][:1].mean(), rtol=1e-6)


@pytest.mark.flags(keras="1.0")
def test_statistics_are_of_images_standardised_by_themselves():
    generator = ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True)
    generator.fit(IMAGES)
    made = next(generator.flow(IMAGES, TARGETS))[0]
    np.testing.assert_allclose(made.mean(axis=0), np.zeros((3, 4, 5)), atol=1e-6)
    np.testing.assert_allclose(made.std(axis=0), np.ones((3, 4, 5)), rtol=1e-4)


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize("options", [{}, PLAIN, {"featurewise_center": False}])
def test_whitened_pixels_are_not_correlated(options):
    rng = np.random.RandomState(3)
    mixed = (rng.rand(600, 6) @ rng.rand(6, 6) + 2).reshape(600, 1, 2, 3)
    generator = ImageDataGenerator(zca_whitening=True, **options)
    generator.fit(mixed)
    white = np.stack([generator.standardize(image) for image in mixed]).reshape(600, 6)
    scaled = mixed.reshape(600, 6) / (1 if options == PLAIN else mixed.reshape(600, 6).std(axis=0))
    covariance = np.cov(scaled.T, bias=True)
    # The identity, but for the 1e-6 that keep directions without variance from growing.
    expected = covariance @ np.linalg.inv(covariance + 1e-6 * np.eye(6))
    np.testing.assert_allclose(expected, np.eye(6), atol=0.01)
    np.testing.assert_allclose(np.cov(white.T, bias=True), expected, atol=1e-5)
    np.testing.assert_allclose(generator.principal_components, generator.principal_components.T)
    if not options:
        np.testing.assert_allclose(white.mean(axis=0), np.zeros(6), atol=1e-6)


@pytest.mark.flags(keras="1.0")
def test_statistics_of_changed_images():
    generator = ImageDataGenerator(horizontal_flip=True)
    generator.fit(IMAGES, augment=True, rounds=40, seed=1)
    both = (IMAGES + IMAGES[..., ::-1]) / 2
    assert np.abs(generator.mean - both.mean(axis=0)).max() < 0.3
    assert np.abs(generator.mean - IMAGES.mean(axis=0)).max() > 0.3
    first = generator.mean
    generator.fit(IMAGES, augment=True, rounds=40, seed=1)
    np.testing.assert_array_equal(generator.mean, first)


@pytest.mark.flags(keras="1.0")
def test_many_images_are_read_in_parts(tmp_path):
    images = np.random.RandomState(2).rand(600, 1, 2, 2).astype("float32") + 100
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = images, np.arange(600)
    x, y = HDF5Matrix(tmp_path / "a.h5", "x", 0, 600), HDF5Matrix(tmp_path / "a.h5", "y", 0, 600)
    with x, y:
        generator = ImageDataGenerator()
        generator.fit(x)
        np.testing.assert_allclose(generator.mean, images.mean(axis=0, dtype="float64"), rtol=1e-12)
        np.testing.assert_allclose(generator.std, images.std(axis=0, dtype="float64"), rtol=1e-9)
        made, targets = next(generator.flow(x, y, batch_size=20, shuffle=True, seed=1))
        expected = (images[targets] - generator.mean) / generator.std
        np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(("ordering", "channels"), [("th", 3), ("tf", 3), ("th", 1)])
def test_images_are_saved(tmp_path, ordering, channels):
    pytest.importorskip("PIL", reason="the extra 'image' is not installed")
    images = IMAGES[:, :channels]
    given = images if ordering == "th" else np.moveaxis(images, 1, 3)
    generator = plain(dim_ordering=ordering)
    generator.flow(given, TARGETS, 4, False, 1, tmp_path, "made", "png")
    epoch(generator, 3)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(f"made_{k}.png" for k in range(10))
    saved = img_to_array(load_img(tmp_path / "made_7.png", grayscale=channels == 1))
    np.testing.assert_allclose(saved, images[7] / images[7].max() * 255, atol=0.5001)


def test_saving_refused(tmp_path, monkeypatch):
    pytest.importorskip("PIL", reason="the extra 'image' is not installed")
    with pytest.raises(MissingFileError, match="there is no folder .*nowhere; make it first"):
        plain().flow(IMAGES, TARGETS, save_to_dir=tmp_path / "nowhere")
    with pytest.raises(ArgumentError, match="save_format is the ending .* received 'picture'"):
        plain().flow(IMAGES, TARGETS, save_to_dir=tmp_path, save_format="picture")
    monkeypatch.setattr(extra, "_pillow", None)
    with pytest.raises(MissingPackageError, match=r"save_to_dir=...\) needs Pillow"):
        plain().flow(IMAGES, TARGETS, save_to_dir=tmp_path)


@pytest.mark.flags(keras="1.0")
def test_batches_for_a_graph():
    generator = GraphImageDataGenerator(**PLAIN).flow(IMAGES, TARGETS, batch_size=4)
    batch = next(generator)
    assert set(batch) == {"input", "output"}
    assert batch["output"].tolist() == [0, 10, 20, 30]
    generator.output_name = "digit"
    assert set(next(iter(generator))) == {"input", "digit"}


@pytest.mark.flags(keras="1.0")
def test_a_subclass_may_change_images_its_own_way():
    class Doubled(ImageDataGenerator):
        def random_transform(self, x):
            return 2 * x

    made = next(Doubled(**PLAIN).flow(numbered(3), np.zeros(3)))[0]
    assert made.reshape(-1).tolist() == [0, 2, 4]


def test_threads_share_the_batches():
    generator = plain().flow(numbered(400), np.arange(400), batch_size=2)
    seen, threads = [], []
    for _ in range(4):
        threads.append(threading.Thread(target=lambda: seen.extend(epoch(generator, 50)[1])))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(400))


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"featurewise_center needs .* call fit\(X\) first, or give featurewise_center=False"),
        ({"featurewise_center": False}, "featurewise_std_normalization needs"),
        (PLAIN | {"zca_whitening": True}, "zca_whitening needs"),
    ],
)
def test_options_that_need_fit(options, message):
    generator = ImageDataGenerator(**options)
    for call in (
        lambda: generator.flow(IMAGES, TARGETS),
        lambda: generator.standardize(IMAGES[0]),
    ):
        with pytest.raises(DataError, match=message):
            call()


def test_images_of_another_shape_than_those_of_fit():
    generator = ImageDataGenerator(zca_whitening=True)
    generator.fit(IMAGES)
    with pytest.raises(DataError, match=r"was fit on images of another shape .*\(3, 4, 6\)"):
        generator.flow(np.ones((2, 3, 4, 6)), [0, 1])


@pytest.mark.flags(keras="1.0")
def test_a_mean_set_by_hand():
    generator = ImageDataGenerator(featurewise_std_normalization=False)
    generator.mean = np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    made = generator.standardize(np.full((3, 4, 5), 3.0))
    np.testing.assert_array_equal(made[:, 0, 0], [2, 1, 0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plain().next(), DataError, "there are no images yet; call flow first"),
        (lambda: plain().flow(IMAGES[0], TARGETS), DataError, r"received the shape \(3, 4, 5\)"),
        (lambda: plain().fit(IMAGES[:, 0]), DataError, r"fit: expected images .*\(10, 4, 5\)"),
        (lambda: plain().flow(IMAGES, TARGETS[:9]), DataError, "expected 10 targets.*received 9"),
        (lambda: plain().flow(IMAGES, 5), DataError, "expected 10 targets"),
        (lambda: plain().flow(IMAGES, TARGETS, 0), ArgumentError, "batch_size: expected a whole"),
        (lambda: plain().fit(IMAGES, rounds=0), ArgumentError, "rounds: expected a whole number"),
        (lambda: plain(rotation_range=-1), ArgumentError, "rotation_range: expected a number of"),
        (lambda: plain(shear_range="a"), ArgumentError, "shear_range: expected a finite number"),
        (lambda: plain(dim_ordering="theano"), ArgumentError, "dim_ordering: expected 'th'"),
    ],
)
def test_bad_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()
