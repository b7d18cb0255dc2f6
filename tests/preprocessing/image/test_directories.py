"""Batches of the pictures in folders."""

from __future__ import annotations

import os

import numpy as np
import pytest

from graphc.config import config
from graphc.errors import ArgumentError, DataError, MissingFileError
from graphc.preprocessing.image import ImageDataGenerator, array_to_img, img_to_array, load_img

pytest.importorskip("PIL", reason="the extra 'image' is not installed")

PATHS = ["cats/b.png", "cats/a.PNG", "cats/deep/c.bmp", "dogs/x.png", "birds/y.png"]


@pytest.fixture
def folder(tmp_path):
    """Pictures of one colour each: 10 k in their k-th place in the sorted order."""
    for number, name in enumerate(sorted(PATHS)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((4, 6, 3), 10.0 * number)
        with open(path, "wb") as file:
            picture = array_to_img(pixels, scale=False, dim_ordering="tf")
            picture.save(file, "bmp" if name.endswith("bmp") else "png")
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    return tmp_path


def flow(folder, **arguments):
    generator = ImageDataGenerator(
        featurewise_center=False, featurewise_std_normalization=False, dim_ordering="th"
    )
    options = {"target_size": (4, 6), "batch_size": 5, "shuffle": False}
    return generator.flow_from_directory(folder, **{**options, **arguments})


def test_classes_are_folders_by_name(folder, capsys):
    batches = flow(folder)
    assert capsys.readouterr().out == "Found 5 images belonging to 3 classes.\n"
    assert batches.class_indices == {"birds": 0, "cats": 1, "dogs": 2}
    assert batches.filenames == sorted(PATHS)
    assert batches.classes.tolist() == [0, 1, 1, 1, 2]
    assert (batches.nb_sample, batches.nb_class, batches.n) == (5, 3, 5)
    images, targets = next(batches)
    assert images.shape == (5, 3, 4, 6)
    assert images.dtype == targets.dtype == config.floatX
    np.testing.assert_array_equal(images[:, 0, 0, 0], [0, 10, 20, 30, 40])
    np.testing.assert_array_equal(targets, np.eye(3)[[0, 1, 1, 1, 2]])


@pytest.mark.parametrize(
    ("class_mode", "expected"),
    [("sparse", [0, 1, 1, 1, 2]), ("binary", [0.0, 1.0, 1.0, 1.0, 2.0]), (None, None)],
)
def test_targets(folder, class_mode, expected):
    batch = next(flow(folder, class_mode=class_mode))
    if expected is None:
        assert batch.shape == (5, 3, 4, 6)
    else:
        assert batch[1].tolist() == expected
        assert batch[1].dtype == ("int32" if class_mode == "sparse" else config.floatX)


def test_some_classes_in_an_order(folder):
    batches = flow(folder, classes=["dogs", "birds"], color_mode="grayscale", batch_size=3)
    assert batches.class_indices == {"dogs": 0, "birds": 1}
    assert batches.image_shape == (1, 4, 6)
    images, targets = next(batches)
    assert images.shape == (2, 1, 4, 6)
    assert images[:, 0, 0, 0].tolist() == [40, 0]
    assert targets.tolist() == [[1, 0], [0, 1]]


def test_shuffled_by_a_seed(folder):
    made = next(flow(folder, shuffle=True, seed=4, class_mode="sparse"))[0]
    order = np.random.RandomState(4).permutation(5)
    np.testing.assert_array_equal(made[:, 0, 0, 0], 10.0 * order)


def test_sizes_by_the_nearest_pixel(folder):
    picture = array_to_img(np.arange(16.0).reshape(1, 4, 4), scale=False, dim_ordering="th")
    picture.save(folder / "four.png")
    found = img_to_array(load_img(folder / "four.png", True, (2, 8)), "th")
    assert found.shape == (1, 2, 8)
    np.testing.assert_array_equal(found[0, :, ::2], [[4, 5, 6, 7], [12, 13, 14, 15]])
    images = next(flow(folder, target_size=(2, 3)))[0]
    assert images.shape == (5, 3, 2, 3)


def test_links_are_followed_with_follow_links(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    os.rename(folder / "cats" / "deep", elsewhere / "deep")
    os.symlink(elsewhere / "deep", folder / "cats" / "deep")
    assert flow(folder).nb_sample == 4
    assert flow(folder, follow_links=True).filenames == sorted(PATHS)


def test_images_that_are_made_are_saved(folder, tmp_path_factory):
    saved = tmp_path_factory.mktemp("saved")
    next(flow(folder, save_to_dir=saved, save_prefix="p", save_format="png"))
    names = sorted(path.name.rsplit("_", 1)[0] for path in saved.iterdir())
    assert names == [f"p_{k}" for k in range(5)]
    # The largest value of each is the brightest; the first is black.
    assert [img_to_array(load_img(path)).max() for path in sorted(saved.iterdir())] == [
        0.0,
        *[255.0] * 4,
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"color_mode": "grey"}, ArgumentError, "color_mode: expected one of 'rgb', 'grayscale'"),
        ({"class_mode": "one"}, ArgumentError, "class_mode: expected one of 'categorical'"),
        ({"target_size": 4}, ArgumentError, r"target_size: expected \(rows, columns\)"),
        ({"classes": ["cows"]}, MissingFileError, "no folder 'cows' in .*'birds', 'cats', 'dogs'"),
        ({"batch_size": 0}, ArgumentError, "batch_size: expected a whole number"),
    ],
)
def test_bad_arguments(folder, arguments, error, words):
    with pytest.raises(error, match=words):
        flow(folder, **arguments)


def test_folders_without_pictures(tmp_path):
    with pytest.raises(MissingFileError, match="there is no folder"):
        flow(tmp_path / "nowhere")
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="found no pictures .*folders of 1 classes"):
        flow(tmp_path)


@pytest.mark.flags(keras="1.0")
def test_arguments_of_pictures_by_position(folder):
    pixels = np.full((1, 2, 3), 7.0)
    assert array_to_img(pixels, False, dim_ordering="th").size == (3, 2)
    with config.changed(keras="1.2"):
        assert array_to_img(pixels, "th", False).size == (3, 2)
