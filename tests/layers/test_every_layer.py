"""Checks of every layer: gradients, the shape it claims, weights that are set back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.engine.configs.config import arguments_from
from graphc.engine.topology.shapes import known_shape, may_be_equal
from graphc.keywords import constructor_parameters
from tests.compiler.grad.differences import assert_close, central_differences, weighted
from tests.layers.every_layer import EXAMPLES, applied, exported


def test_the_examples_are_all_layers():
    assert {label.split()[0] for label in EXAMPLES} == exported()


@pytest.mark.parametrize("label", EXAMPLES)
def test_gradients_in_training_equal_differences(label):
    with config.changed(floatX="float64"):
        one = applied(EXAMPLES[label], "float64")
    rng = np.random.default_rng(3)
    loss = weighted(one.outputs, one.values, rng)
    nodes = [node for node in (*one.inputs, *one.weights) if node.dtype == "float64"]
    # Along random directions: a wrong element shows in any, and each takes two values of the loss.
    directions = [rng.normal(size=one.values[node].shape) for node in nodes]
    gradients = evaluate(grad(loss, nodes, disconnected="zeros"), one.values)
    for node, direction, gradient in zip(nodes, directions, gradients, strict=True):
        along = g.input((), "float64")
        (moved,) = g.substitute([loss], {node: node + along * g.constant(direction)})
        feeds = {**one.values, along: np.zeros(())}
        expected = central_differences(moved, feeds, along)
        assert_close(np.asarray(np.sum(gradient * direction)), expected)


@pytest.mark.parametrize("label", EXAMPLES)
def test_the_shape_that_it_claims(label):
    example = EXAMPLES[label]
    one = applied(example, "float32")
    several = isinstance(example.shapes, list)
    shapes = [(None, *shape) for shape in (example.shapes if several else [example.shapes])]
    claimed = one.layer.get_output_shape_for(shapes if several else shapes[0])
    claims = claimed if isinstance(claimed, list) else [claimed]
    assert [tuple(claim) for claim in claims] == [known_shape(node) for node in one.outputs]
    values = evaluate(one.outputs, one.values)
    for claim, value in zip(claims, values, strict=True):
        assert len(value) == 3
        assert may_be_equal(claim, value.shape)


# What Keras calls the weights, in its order; a layer that is not here has none.
NAMES = {
    "BatchNormalization": "gamma beta running_mean running_std",
    "AtrousConvolution1D": "W b",
    "AtrousConvolution2D": "W b",
    "ConvLSTM2D": "W_i U_i b_i W_c U_c b_c W_f U_f b_f W_o U_o b_o",
    "Convolution1D": "W b",
    "Convolution2D": "W b",
    "Convolution3D": "W b",
    "Deconvolution2D": "W b",
    "Dense": "W b",
    "Embedding": "W",
    "GRU": "W_z U_z b_z W_r U_r b_r W_h U_h b_h",
    "Highway": "W b W_carry b_carry",
    "LSTM": "W_i U_i b_i W_c U_c b_c W_f U_f b_f W_o U_o b_o",
    "LocallyConnected1D": "W b",
    "LocallyConnected2D": "W b",
    "MaxoutDense": "W b",
    "PReLU": "alphas",
    "ParametricSoftplus": "alphas betas",
    "SeparableConvolution2D": "depthwise_kernel pointwise_kernel b",
    "SReLU": "t_left a_left t_right a_right",
    "SimpleRNN": "W U b",
    "TimeDistributedDense": "W b",
}


def keras_names(layer):
    """The names of a layer's weights: of one that holds others, theirs."""
    held = layer._graphc_held_layers()
    if held:
        return [name for one in held for name in keras_names(one)]
    names = NAMES.get(type(layer).__name__, "").split()
    if getattr(layer, "consume_less", None) == "gpu" and len(names) > 3:
        names = ["W", "U", "b"]
    if not getattr(layer, "bias", True):
        names = [name for name in names if not name.startswith("b")]
    return [f"{layer.name}_{name}" for name in names]


@pytest.mark.parametrize("label", EXAMPLES)
def test_the_names_and_the_order_of_weights(label):
    layer = applied(EXAMPLES[label], "float32").layer
    assert [g.name_of(weight) for weight in layer.weights] == keras_names(layer)


@pytest.mark.parametrize(
    "label",
    [key for key, one in EXAMPLES.items() if "weights" in constructor_parameters(type(one.make()))],
)
def test_it_starts_from_the_weights_that_it_is_given(label):
    example = EXAMPLES[label]
    layer = applied(example, "float32").layer
    values = [np.random.normal(size=w.shape).astype("float32") for w in layer.get_weights()]
    arguments = arguments_from(type(layer), layer.get_config())
    given = replace(example, make=lambda: type(layer)(**{**arguments, "weights": values}))
    for got, expected in zip(applied(given, "float32").layer.get_weights(), values, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("label", EXAMPLES)
def test_weights_are_set_back(label):
    layer = applied(EXAMPLES[label], "float32").layer
    values = [np.random.normal(size=w.shape).astype("float32") for w in layer.get_weights()]
    layer.set_weights(values)
    for value, got in zip(values, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(got, value)
