"""A model that is saved under one value of the flag `keras` goes on under the other, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.config import config
from graphc.engine import Input, Model
from graphc.engine.topology.merge import merge
from graphc.layers import BatchNormalization, Convolution2D, Dense, Dropout, Flatten, Highway
from graphc.models import load_model
from graphc.regularizers import activity_l2, l2


def _model() -> Model:
    """All whose meaning depends on the flag: images, normalization, gates, layers side by side,
    penalties, several outputs, an optimizer."""
    x = Input((4, 4, 4))
    h = Convolution2D(3, 2, 2, W_regularizer=l2(0.01), trainable=False)(x)
    h = Flatten()(BatchNormalization()(h))
    sides = [Dense(3, name="z", activity_regularizer=activity_l2(0.1))(h), Dense(3, name="b")(h)]
    h = Highway()(Dropout(0.5)(merge(sides, mode="concat")))
    model = Model(x, [Dense(2, activation="sigmoid")(h), Dense(1)(h)])
    model.compile("rmsprop", ["binary_crossentropy", "mse"], metrics=["accuracy"])
    return model


@pytest.mark.parametrize(("made", "read"), [("1.0", "1.2"), ("1.2", "1.0")])
def test_training_goes_on_alike(made, read, tmp_path):
    rng = np.random.RandomState(3)
    x, y = rng.rand(10, 4, 4, 4), [rng.randint(0, 2, (10, 2)), rng.rand(10, 1)]
    arguments = {"batch_size": 4, "verbose": 0, "validation_split": 0.2}
    with config.changed(keras=made):
        model = _model()
        model.fit(x, y, nb_epoch=1, **arguments)
        model.save(tmp_path / "m.h5")
        expected = model.fit(x, y, nb_epoch=2, initial_epoch=1, **arguments).history
    with config.changed(keras=read):
        loaded = load_model(tmp_path / "m.h5")
        assert loaded.fit(x, y, nb_epoch=2, initial_epoch=1, **arguments).history == expected
        loaded.save(tmp_path / "again.h5")
    again = load_model(tmp_path / "again.h5")
    for one in (loaded, again):
        for mine, theirs in zip(one.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert again.metrics_names == loaded.metrics_names == model.metrics_names
