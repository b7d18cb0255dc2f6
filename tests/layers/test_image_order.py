"""The ordering of images that layers have where none is given: by the flag, kept in the config."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphc import backend as K
from graphc.config import config
from graphc.engine import Input
from graphc.engine.configs.registry import layer_from_config
from graphc.layers import convolutional as images
from graphc.models import model_from_json
from graphc.preprocessing.image import ImageDataGenerator

# Of 2 x 4 x 4 numbers a sample: the shape of the output where they are 2 channels of 4 x 4, and
# where they are 2 x 4 pixels of 4 channels.
LAYERS = {
    "Convolution2D": (lambda **kw: images.Convolution2D(3, 2, 1, **kw), (3, 3, 4), (1, 4, 3)),
    "MaxPooling2D": (images.MaxPooling2D, (2, 2, 2), (1, 2, 4)),
    "AveragePooling2D": (images.AveragePooling2D, (2, 2, 2), (1, 2, 4)),
    "UpSampling2D": (images.UpSampling2D, (2, 8, 8), (4, 8, 4)),
    "ZeroPadding2D": (images.ZeroPadding2D, (2, 6, 6), (4, 6, 4)),
}


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize("name", LAYERS)
def test_the_flag_decides_when_the_layer_is_made(name):
    make, channels_first, channels_last = LAYERS[name]
    early = make()
    with config.changed(keras="1.2"):
        late = make()
        assert K.eval(early(K.zeros((1, 2, 4, 4)))).shape[1:] == channels_first
    assert K.eval(late(K.zeros((1, 2, 4, 4)))).shape[1:] == channels_last


@pytest.mark.parametrize("release", ["1.0", "1.2"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_config_says_it_under_either_flag(name, release):
    make, _, _ = LAYERS[name]
    with config.changed(keras=release):
        entry = {"class_name": name, "config": json.loads(json.dumps(make().get_config()))}
    expected = {"1.0": "th", "1.2": "tf"}[release]
    assert entry["config"]["dim_ordering"] == expected
    for other in ("1.0", "1.2"):
        with config.changed(keras=other):
            assert layer_from_config(entry).dim_ordering == expected


def test_what_is_given_and_what_is_set_come_before_the_flag():
    with config.changed(keras="1.2"):
        assert images.MaxPooling2D(dim_ordering="th").dim_ordering == "th"
        K.set_image_dim_ordering("th")
        assert images.MaxPooling2D().dim_ordering == "th"
        assert images.MaxPooling3D(dim_ordering="default").dim_ordering == "th"
    K.set_image_dim_ordering("tf")
    assert images.Convolution3D(1, 2, 2, 2).dim_ordering == "tf"
    assert ImageDataGenerator().dim_ordering == "tf"


def _json_of_keras(version: str | None) -> str:
    """A model whose layer says no ordering, as releases of Keras wrote it."""
    first = {"name": "up", "trainable": True, "batch_input_shape": [None, 2, 4, 4], "size": [2, 2]}
    entry = {"class_name": "UpSampling2D", "config": {**first, "input_dtype": "float32"}}
    stated = {} if version is None else {"keras_version": version}
    return json.dumps({"class_name": "Sequential", "config": [entry], **stated})


@pytest.mark.parametrize(
    ("version", "shape"),
    [(None, (2, 8, 8)), ("1.0.8", (2, 8, 8)), ("1.1.0", (4, 8, 4)), ("1.2.2", (4, 8, 4))],
)
@pytest.mark.parametrize("release", ["1.0", "1.2"])
def test_a_file_that_does_not_say_it_has_the_default_of_its_release(version, shape, release):
    with config.changed(keras=release):
        assert model_from_json(_json_of_keras(version)).output_shape == (None, *shape)


def test_a_setting_counts_for_files_of_releases_that_knew_it():
    K.set_image_dim_ordering("tf")
    assert model_from_json(_json_of_keras("1.0.3")).output_shape == (None, 2, 8, 8)
    assert model_from_json(_json_of_keras("1.0.4")).output_shape == (None, 4, 8, 4)


def test_fans_of_a_kernel_follow_the_layers_ordering():
    """glorot_uniform reaches sqrt(6 / (in + out)): of 2 channels or of 4, 32 filters, no window."""
    for release, channels in (("1.0", 2), ("1.2", 4)):
        with config.changed(keras=release):
            layer = images.Convolution2D(500, 1, 1)
            layer(Input((2, 4, 4)))
        found = np.abs(layer.get_weights()[0]).max()
        assert found == pytest.approx(np.sqrt(6 / (channels + 500)), rel=0.02)
