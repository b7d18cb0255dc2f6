"""Training on generated images is training on the same images in memory."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from graphc.layers import Dense, Flatten
from graphc.models import Sequential
from graphc.preprocessing.image import ImageDataGenerator
from graphc.utils.io_utils import HDF5Matrix

IMAGES = np.random.RandomState(1).rand(20, 1, 3, 4) * 255
CLASSES = np.eye(2)[np.arange(20) % 2]


def model() -> Sequential:
    built = Sequential([Flatten(input_shape=(1, 3, 4)), Dense(2, activation="softmax")])
    built.compile("sgd", "categorical_crossentropy")
    built.set_weights([np.linspace(-1, 1, 24).reshape(12, 2), np.zeros(2)])
    return built


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize("stored", [False, True])
def test_fit_generator(tmp_path, stored):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = IMAGES, CLASSES
    x = HDF5Matrix(tmp_path / "a.h5", "x", 0, 20) if stored else IMAGES
    y = HDF5Matrix(tmp_path / "a.h5", "y", 0, 20) if stored else CLASSES
    generator = ImageDataGenerator()
    generator.fit(x)
    generated = model().fit_generator(
        generator.flow(x, y, batch_size=8), samples_per_epoch=20, nb_epoch=2, verbose=0
    )
    standardised = (IMAGES - IMAGES.mean(axis=0)) / IMAGES.std(axis=0)
    in_memory = model().fit(
        standardised, CLASSES, batch_size=8, nb_epoch=2, shuffle=False, verbose=0
    )
    np.testing.assert_allclose(generated.history["loss"], in_memory.history["loss"], rtol=1e-5)


def test_an_error_in_the_generator_reaches_the_caller():
    class Failing(ImageDataGenerator):
        def random_transform(self, x):
            raise RuntimeError("no such image")

    generator = Failing(featurewise_center=False, featurewise_std_normalization=False)
    with pytest.raises(RuntimeError, match="no such image"):
        model().fit_generator(
            generator.flow(IMAGES, CLASSES), samples_per_epoch=20, nb_epoch=1, verbose=0
        )
