"""The weights of a model from a file are not drawn first: loading is fast whatever their size."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.layers import LSTM, BatchNormalization, Dense
from graphc.models import Model, Sequential, load_model, model_from_config
from tests.files.described_models import of_each_layer


def side_by_side() -> Model:
    """A model of each layer, each with an input and an output of its own."""
    parts = [model_from_config(description) for description in of_each_layer()]
    return Model([part.input for part in parts], [part.output for part in parts])


def in_a_chain() -> Sequential:
    return Sequential([LSTM(3, input_shape=(4, 2)), BatchNormalization(), Dense(2)])


def refused(*args: object, **kwargs: object) -> None:
    raise AssertionError("numbers were drawn")


@pytest.mark.parametrize(("make", "with_weights"), [(side_by_side, 40), (in_a_chain, 3)])
def test_weights_are_those_of_the_file(make, with_weights, tmp_path, monkeypatch):
    model, values = make(), np.random.default_rng(0)
    # Such as no initialization gives.
    weights = [values.uniform(0.5, 1, one.shape) for one in model.get_weights()]
    model.set_weights([one.astype("float32") for one in weights])
    model.save(tmp_path / "model.h5")
    for name in ("uniform", "normal"):
        monkeypatch.setattr(np.random, name, refused)
    loaded = load_model(tmp_path / "model.h5")
    assert sum(len(layer.get_weights()) > 0 for layer in model.layers) >= with_weights
    for layer in model.layers:
        found = loaded.get_layer(layer.name).get_weights()
        for mine, theirs in zip(found, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_weights_of_a_description_are_drawn(monkeypatch):
    monkeypatch.setattr(np.random, "uniform", refused)
    dense = {"class_name": "Dense", "config": {"output_dim": 2, "batch_input_shape": [None, 3]}}
    with pytest.raises(AssertionError, match="numbers were drawn"):
        model_from_config({"class_name": "Sequential", "config": [dense]})
