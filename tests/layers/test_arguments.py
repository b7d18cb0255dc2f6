"""Checks of arguments that several layers make, at their bounds."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.engine.topology.layer import InputLayer
from graphc.errors import ArgumentError, ShapeError
from graphc.layers import Dense
from graphc.layers.bases.arguments import (
    checked_length,
    fraction,
    only_input,
    option,
    output_penalty,
    weight_penalty,
    with_input_shape,
    with_length,
)
from graphc.regularizers import activity_l2, l2


@pytest.mark.parametrize("value", [0, 0.0, 0.5, np.float32(0.25), 1 - 1e-9])
def test_a_fraction(value):
    found = fraction(value, "p")
    assert (type(found), found) == (float, float(value))


@pytest.mark.parametrize("value", [1, 1.0, -1e-9, np.nan, "0.5", None])
def test_what_is_no_fraction(value):
    with pytest.raises(ArgumentError, match=r"^Dropout: p, expected 0 <= p < 1, received "):
        fraction(value, "Dropout: p")


@pytest.mark.parametrize(("value", "expected"), [(None, None), (1, 1), (2, 2), (np.int64(7), 7)])
def test_a_length(value, expected):
    assert checked_length(value, "Embedding") == expected


@pytest.mark.parametrize("value", [0, -1, 1.5, "3"])
def test_what_is_no_length(value):
    expected = "^Embedding: input_length: expected a whole number of at least 1, received"
    with pytest.raises(ArgumentError, match=expected):
        checked_length(value, "Embedding")


class TestWithLength:
    def test_of_any_length_and_of_the_right_one(self):
        x = InputLayer((7, 2)).output
        assert with_length(x, None, "layer") is x
        assert with_length(x, 7, "layer") is x

    def test_open_steps_become_the_length(self):
        x = InputLayer((None, 2, 3)).output
        assert with_length(x, 4, "layer").shape == (x.shape[0], 4, 2, 3)

    def test_of_another_length(self):
        with pytest.raises(ShapeError, match="layer: axis 1 of the input: expected 4, its input_"):
            with_length(InputLayer((7, 2)).output, 4, "layer")


class TestWithInputShape:
    def test_it_joins_the_keywords(self):
        kwargs = {"name": "first"}
        found = with_input_shape("Dense", kwargs, (3,), "input_dim")
        assert found == {"name": "first", "input_shape": (3,)}
        assert kwargs == {"name": "first"}

    def test_a_batch_shape_that_says_the_same(self):
        kwargs = {"batch_input_shape": [5, 3]}
        assert with_input_shape("Dense", kwargs, (3,), "input_dim") == kwargs

    @pytest.mark.parametrize("batched", [(5, 4), (5, 3, 1), (3,), 3])
    def test_a_batch_shape_that_says_something_else(self, batched):
        with pytest.raises(ArgumentError, match=r"but input_dim says \(None, 3\)"):
            with_input_shape("Dense", {"batch_input_shape": batched}, (3,), "input_dim")

    def test_both(self):
        with pytest.raises(ArgumentError, match="give input_dim or input_shape, not both"):
            with_input_shape("Dense", {"input_shape": (3,)}, (3,), "input_dim")


def test_only_one_input():
    x = InputLayer((3,)).output
    assert only_input([x], "f") is x
    for inputs in ([], [x, x]):
        with pytest.raises(ArgumentError, match=f"f: expected one input, received {len(inputs)}"):
            only_input(inputs, "f")


def test_a_layer_is_no_option():
    owner, other = Dense(3, name="owner"), Dense(3, name="other")
    with pytest.raises(
        ArgumentError, match=r"owner \(Dense\): activation: .* the layer other \(Dense\)"
    ):
        option(owner, "activation", lambda value: value, other)
    assert option(owner, "activation", lambda value, by: value * by, 3, by=2) == 6


@pytest.mark.flags(keras="1.0")  # in 1.2 they are of one class
def test_penalties_are_for_weights_or_for_outputs():
    layer, of_weights, of_outputs = Dense(3, name="owner"), l2(0.5), activity_l2(0.5)
    found = weight_penalty(layer, "W_regularizer", of_weights)
    assert found.get_config() == of_weights.get_config()
    assert output_penalty(layer, of_outputs).get_config() == of_outputs.get_config()
    assert weight_penalty(layer, "W_regularizer", None) is None
    assert output_penalty(layer, None) is None
    with pytest.raises(ArgumentError, match=r"owner \(Dense\): W_regularizer: .*give it as activ"):
        weight_penalty(layer, "W_regularizer", of_outputs)
    with pytest.raises(ArgumentError, match=r"owner \(Dense\): activity_regularizer: .*as W_reg"):
        output_penalty(layer, of_weights)
