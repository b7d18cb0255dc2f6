"""Images and sounds as the networks take them, and the names of what they predict."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from graphc.applications import audio_conv_utils, imagenet_utils, inception_v3, xception
from graphc.applications.audio_conv_utils import TAGS
from graphc.config import config
from graphc.errors import DataError, MissingPackageError, ShapeError

MEANS = np.array([103.939, 116.779, 123.68])


@pytest.mark.flags(image_dim_ordering="th")
def test_images_in_blue_green_red_less_their_means():
    images = np.random.RandomState(1).rand(2, 3, 4, 5) * 255
    before = images.copy()
    made = imagenet_utils.preprocess_input(images)
    np.testing.assert_allclose(made, images[:, ::-1] - MEANS.reshape(3, 1, 1))
    np.testing.assert_array_equal(images, before)
    last = np.moveaxis(images, 1, 3)
    with config.changed(image_dim_ordering="tf"):
        np.testing.assert_allclose(imagenet_utils.preprocess_input(last), last[..., ::-1] - MEANS)
    with pytest.raises(DataError, match="with 3 channels in the ordering 'th', received"):
        imagenet_utils.preprocess_input(last)


@pytest.mark.parametrize("module", [inception_v3, xception])
def test_images_from_minus_one_to_one(module):
    found = module.preprocess_input(np.array([0.0, 127.5, 255.0]))
    np.testing.assert_allclose(found, [-1.0, 0.0, 1.0])


def test_the_shape_of_images_for_networks_of_others():
    """In the way that Keras' own networks call it."""
    shape_of = imagenet_utils._obtain_input_shape
    assert shape_of(None, 224, 48, "th", True) == (3, 224, 224)
    assert shape_of(None, default_size=299, min_size=71, dim_ordering="tf", include_top=False) == (
        *(None, None, 3),
    )
    assert shape_of([3, 50, None], 224, 48, "th", False) == (3, 50, None)
    with pytest.raises(ShapeError, match=r"^_obtain_input_shape: input_shape: .* at least 48 rows"):
        shape_of((40, 60, 3), 224, 48, "tf", False)
    with pytest.raises(ShapeError, match=r"with include_top=True the images are \(224, 224, 3\)"):
        shape_of((60, 60, 3), 224, 48, "tf", True)


def test_the_names_of_the_largest_predictions(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHC_DATASETS", str(tmp_path / "datasets"))
    names = {str(k): [f"n{k:08d}", f"thing_{k}"] for k in range(1000)}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "imagenet_class_index.json").write_text(json.dumps(names))
    predictions = np.zeros((2, 1000), "float32")
    predictions[0, [7, 3]] = 0.75, 0.25
    predictions[1, 999] = 1.0
    first, second = imagenet_utils.decode_predictions(predictions, top=2)
    assert first == [("n00000007", "thing_7", 0.75), ("n00000003", "thing_3", 0.25)]
    assert second[0] == ("n00000999", "thing_999", 1.0)
    assert len(imagenet_utils.decode_predictions(predictions)[0]) == 5
    with pytest.raises(DataError, match=r"expected predictions of the shape \(n, 1000\)"):
        imagenet_utils.decode_predictions(predictions[0])


def test_tags():
    assert len(set(TAGS)) == 50
    predictions = np.zeros((1, 50))
    predictions[0, [9, 0]] = 0.5, 0.25
    found = audio_conv_utils.decode_predictions(predictions, top_n=2)
    assert found == [[("jazz", 0.5), ("rock", 0.25)]]
    with pytest.raises(DataError, match=r"expected predictions of the shape \(n, 50\)"):
        audio_conv_utils.decode_predictions(predictions[:, :40])


class TestSpectrograms:
    """The package that reads sounds is stood in for."""

    @pytest.fixture
    def made(self, monkeypatch):
        """The arguments of the stand-in, and the sound that it reads."""
        calls = SimpleNamespace(sound=np.zeros(0), given=None)

        def melspectrogram(y, **options):
            calls.given = y, options
            return np.array([[1.0, 10.0, 1e-9]])

        librosa = ModuleType("librosa")
        librosa.load = lambda path, sr: (calls.sound, sr)
        librosa.feature = SimpleNamespace(melspectrogram=melspectrogram)
        monkeypatch.setitem(sys.modules, "librosa", librosa)
        return calls

    def test_the_middle_of_a_long_sound(self, made):
        made.sound = np.arange(400_000.0)
        found = audio_conv_utils.preprocess_input("a.mp3", "th")
        sound, options = made.given
        first = (400_000 - 349_440) // 2
        np.testing.assert_array_equal(sound, np.arange(first, first + 349_440))
        assert options == {"sr": 12000, "hop_length": 256, "n_fft": 512, "n_mels": 96}
        # Decibels of the squares; 80 below the loudest is the least.
        np.testing.assert_allclose(found, [[[0.0, 20.0, -60.0]]])

    def test_silence_behind_a_short_sound(self, made):
        made.sound = np.ones(100)
        assert audio_conv_utils.preprocess_input("a.mp3", "tf").shape == (1, 3, 1)
        sound, _ = made.given
        assert len(sound) == 349_440
        assert sound.sum() == 100

    def test_without_the_package(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "librosa", None)
        with pytest.raises(MissingPackageError, match="needs the package librosa"):
            audio_conv_utils.preprocess_input("a.mp3")
