"""Layers from their configs, their kernels between Theano and TensorFlow, and their tables."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import models
from graphc.errors import UnknownNameError
from graphc.layers import Convolution1D, Convolution2D, Dense, Flatten
from graphc.models import Sequential
from graphc.utils.layer_utils import (
    container_from_config,
    convert_all_kernels_in_model,
    count_total_params,
    get_layer,
    model_summary,
    print_summary,
)


def test_the_kernels_of_all_convolutions_are_reversed():
    model = Sequential(
        [
            Convolution2D(2, 3, 2, dim_ordering="tf", input_shape=(4, 5, 1)),
            Convolution2D(2, 1, 2, dim_ordering="th"),
            Flatten(),
            Dense(2),
        ]
    )
    before = model.get_weights()
    convert_all_kernels_in_model(model)
    after = model.get_weights()
    np.testing.assert_array_equal(after[0], before[0][::-1, ::-1])
    np.testing.assert_array_equal(after[2], before[2][:, :, ::-1, ::-1])
    for k in (1, 3, 4, 5):
        np.testing.assert_array_equal(after[k], before[k])


def test_of_a_sequence_along_its_steps():
    model = Sequential([Convolution1D(2, 3, input_shape=(5, 4))])
    x = np.random.default_rng(2).normal(size=(2, 5, 4))
    before = model.predict(x)
    convert_all_kernels_in_model(model)
    np.testing.assert_allclose(model.predict(x[:, ::-1])[:, ::-1], before, rtol=1e-4, atol=1e-5)


def test_a_layer_of_a_config_of_keras_0_3():
    """Its class is under "name", its own name under "custom_name"; models hold such configs."""
    dense = {"name": "Dense", "output_dim": 3, "custom_name": "d", "input_dim": 2}
    dense["W_regularizer"] = {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5}
    layer = container_from_config(dense)
    assert (type(layer), layer.name, layer.output_dim) == (Dense, "d", 3)
    assert float(layer.W_regularizer.l2) == 0.5
    model = container_from_config({"name": "Sequential", "layers": [dense]})
    assert model.output_shape == (None, 3)
    with pytest.raises(UnknownNameError, match="Dens"):
        container_from_config({**dense, "name": "Dens"})


def test_a_layer_of_a_name_of_keras_0_3():
    layer = get_layer("Dense", {"output_dim": 3})
    assert (type(layer), layer.output_dim) == (Dense, 3)
    assert get_layer(layer) is layer
    with pytest.raises(UnknownNameError, match="'Dens'"):
        get_layer("Dens")


def test_models_has_what_keras_0_3_had_there():
    assert models.model_summary is model_summary
    assert models.container_from_config is container_from_config
    assert models.get_function_name("mse") == "mse"
    assert models.get_function_name(count_total_params) == "count_total_params"


def test_the_table_of_keras_0_3(capsys):
    model = Sequential([Dense(2, input_dim=3)])
    model.summary()
    expected = capsys.readouterr().out
    model_summary(model)
    assert capsys.readouterr().out == expected != ""


@pytest.mark.flags(keras="1.2")
def test_numbers_of_layers_are_counted_once():
    shared, frozen = Dense(2, input_dim=3), Dense(5, trainable=False)
    model = Sequential([shared, frozen])
    assert count_total_params(model.layers) == (3 * 2 + 2, 2 * 5 + 5)
    assert count_total_params([shared, shared]) == (8, 0)
    known = {shared}
    assert count_total_params(model.layers, known) == (0, 15)
    assert known == {shared, frozen}
    assert count_total_params(model.layers, known) == (0, 0)


def test_the_table_of_layers(capsys):
    model = Sequential([Dense(2, input_dim=3, name="first"), Dense(1, name="last")])
    print_summary(model.layers, line_length=60)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert [line.split()[:2] for line in lines if "Dense" in line] == [
        ["first", "(Dense)"],
        ["last", "(Dense)"],
    ]
    assert "Total params: 11" in lines
