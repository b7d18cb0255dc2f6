import numpy as np
import pytest

from graphc.errors import ArgumentError, DataError, MissingFileError, MissingPackageError
from graphc.preprocessing.image import (
    array_to_img,
    extra,
    img_to_array,
    list_pictures,
    load_img,
)

pytest.importorskip("PIL", reason="the extra 'image' is not installed")

COLOURS = np.random.RandomState(1).randint(0, 256, (3, 4, 5))


@pytest.mark.flags(image_dim_ordering="th")
@pytest.mark.parametrize("channels", [1, 3])
def test_there_and_back(channels):
    pixels = COLOURS[:channels]
    picture = array_to_img(pixels, scale=False)
    assert picture.size == (5, 4)
    assert picture.mode == ("L" if channels == 1 else "RGB")
    back = img_to_array(picture)
    np.testing.assert_array_equal(back, pixels)
    assert back.dtype == np.float32
    last = np.moveaxis(pixels, 0, 2)
    picture = array_to_img(last, scale=False, dim_ordering="tf")
    np.testing.assert_array_equal(img_to_array(picture, dim_ordering="tf"), last)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, 0.25, 0.5], [0, 128, 255]),
        ([100.0, 400.0, 500.0], [51, 204, 255]),
        ([0.0, 0.0, 0.0], [0, 0, 0]),
    ],
)
def test_scaling_brings_the_largest_to_255(values, expected):
    array = np.array([[values]])
    before = array.copy()
    np.testing.assert_array_equal(img_to_array(array_to_img(array))[0, 0], expected)
    np.testing.assert_array_equal(array, before)


@pytest.mark.flags(image_dim_ordering="th")
def test_without_scaling_values_are_rounded_and_cut_off():
    array = np.array([[[-5.0, 0.6, 254.4, 300.0]]])
    np.testing.assert_array_equal(
        img_to_array(array_to_img(array, scale=False))[0, 0], [0, 1, 254, 255]
    )


@pytest.mark.flags(image_dim_ordering="th")
def test_a_file_is_loaded_as_colours_or_grey(tmp_path):
    array_to_img(COLOURS, scale=False).save(tmp_path / "a.png")
    np.testing.assert_array_equal(img_to_array(load_img(tmp_path / "a.png")), COLOURS)
    grey = img_to_array(load_img(tmp_path / "a.png", grayscale=True))
    assert grey.shape == (1, 4, 5)
    # ITU-R 601-2 luma
    np.testing.assert_allclose(grey[0], np.tensordot([0.299, 0.587, 0.114], COLOURS, 1), atol=1)
    array_to_img(COLOURS[:1], scale=False).save(tmp_path / "g.png")
    np.testing.assert_array_equal(
        img_to_array(load_img(tmp_path / "g.png")), np.repeat(COLOURS[:1], 3, axis=0)
    )


def test_pictures_of_a_folder(tmp_path):
    for name in ("b.png", "a-1.JPG", "c.txt", "d.pngx", ".png"):
        (tmp_path / name).touch()
    (tmp_path / "e.png").mkdir()
    names = [str(tmp_path / name) for name in ("a-1.JPG", "b.png")]
    assert list_pictures(tmp_path) == names
    assert list_pictures(tmp_path, ext="txt") == [str(tmp_path / "c.txt")]
    with pytest.raises(MissingFileError, match="there is no folder .*nowhere"):
        list_pictures(tmp_path / "nowhere")


@pytest.mark.flags(image_dim_ordering="th")
def test_bad_files(tmp_path):
    with pytest.raises(MissingFileError, match="there is no file .*a.png"):
        load_img(tmp_path / "a.png")
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(DataError, match="a.png is not a whole picture"):
        load_img(tmp_path / "a.png")
    array_to_img(np.random.rand(3, 50, 50)).save(tmp_path / "b.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:2000])
    with pytest.raises(DataError, match="b.png is not a whole picture"):
        load_img(tmp_path / "b.png")


@pytest.mark.flags(image_dim_ordering="th")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: array_to_img(np.ones((2, 4, 4))), DataError, r"1 or 3 channels.*\(2, 4, 4\)"),
        (lambda: array_to_img(np.ones((4, 4))), DataError, r"received the shape \(4, 4\)"),
        (lambda: array_to_img(np.full((1, 2, 2), np.nan)), DataError, "finite values"),
        (
            lambda: array_to_img(np.ones((1, 4, 4)), dim_ordering="xy"),
            ArgumentError,
            "dim_ordering: expected 'th' .* or 'tf' .*, received 'xy'",
        ),
        (lambda: img_to_array("a.png"), DataError, "a picture as load_img gives it, .* 'a.png'"),
        (lambda: img_to_array(5), DataError, "received 5"),
    ],
)
def test_bad_arrays(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_without_pillow(monkeypatch, tmp_path):
    monkeypatch.setattr(extra, "_pillow", None)
    for call in (lambda: array_to_img(COLOURS), lambda: load_img(tmp_path / "a.png")):
        with pytest.raises(MissingPackageError, match=r"needs Pillow.*graphc\[image\]"):
            call()
