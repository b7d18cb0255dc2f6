"""In which order models give their weights, and what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.engine import Input, Model
from graphc.layers import BatchNormalization, Dense, Merge, TimeDistributed, merge
from graphc.models import Sequential

NORM_TRAINED = ["n_gamma", "n_beta"]
NORM_RUNNING = ["n_running_mean", "n_running_std"]


def norm(**kwargs):
    return BatchNormalization(name="n", **kwargs)


def dense(name, **kwargs):
    return Dense(3, name=name, **kwargs)


def chain():
    """A Dense, a normalization and a Dense, one behind another."""
    return Sequential([dense("a", input_dim=3), norm(), dense("b")])


def functional(*layers):
    x = Input((3,))
    y = x
    for layer in layers:
        y = layer(y)
    return Model(x, y)


def side_by_side(*layers):
    x = Input((3,))
    return Model(x, [layer(x) for layer in layers])


def with_a_way_past(first, *others):
    """The output of the first goes to the end by two ways."""
    x = Input((3,))
    y = start = first(x)
    for layer in others:
        y = layer(y)
    return Model(x, merge([start, y]))


def twice(layer):
    return Sequential([dense("c", input_dim=3), layer, norm(), layer])


def order(model):
    """The names of the weights in the order of `get_weights`, found by marking each."""
    marks = {}
    for number, weight in enumerate(model.weights):
        weight.set_value(np.full(weight.shape, number))
        marks[number] = g.name_of(weight)
    return [marks[int(value.flat[0])] for value in model.get_weights()]


LAYER_BY_LAYER = ["a_W", "a_b", *NORM_TRAINED, *NORM_RUNNING, "b_W", "b_b"]
TRAINED_FIRST = ["a_W", "a_b", *NORM_TRAINED, "b_W", "b_b", *NORM_RUNNING]

MODELS = {
    "Sequential": (chain, LAYER_BY_LAYER),
    "Model": (lambda: functional(dense("a"), norm(), dense("b")), TRAINED_FIRST),
    "Sequential in a Sequential": (
        lambda: Sequential([chain(), dense("c")]),
        [*LAYER_BY_LAYER, "c_W", "c_b"],
    ),
    "Sequential behind others": (
        lambda: Sequential([dense("c", input_dim=3), chain()]),
        ["c_W", "c_b", *LAYER_BY_LAYER],
    ),
    "Sequential in a Model": (
        lambda: functional(chain(), dense("c")),
        ["a_W", "a_b", *NORM_TRAINED, "b_W", "b_b", "c_W", "c_b", *NORM_RUNNING],
    ),
    "Model in a Sequential": (
        lambda: Sequential([functional(dense("a"), norm(), dense("b")), dense("c")]),
        [*TRAINED_FIRST, "c_W", "c_b"],
    ),
    "Models merged in front": (
        lambda: Sequential(
            [
                Merge([Sequential([dense("l", input_dim=3)]), chain()], mode="sum"),
                dense("c"),
            ]
        ),
        ["l_W", "l_b", *LAYER_BY_LAYER, "c_W", "c_b"],
    ),
    "a layer in use twice": (
        lambda: twice(dense("a")),
        ["c_W", "c_b", "a_W", "a_b", *NORM_TRAINED, *NORM_RUNNING],
    ),
    # As texts: "d_10" is before "d_9".
    "layers of one depth by their names": (
        lambda: side_by_side(dense("d_9"), dense("d_10")),
        ["d_10_W", "d_10_b", "d_9_W", "d_9_b"],
    ),
    "whichever comes first": (
        lambda: side_by_side(dense("d_10"), dense("d_9")),
        ["d_10_W", "d_10_b", "d_9_W", "d_9_b"],
    ),
    "by the longest of several paths": (
        lambda: with_a_way_past(dense("z"), dense("y"), dense("x")),
        ["z_W", "z_b", "y_W", "y_b", "x_W", "x_b"],
    ),
    "a wrapped layer": (
        lambda: Sequential(
            [TimeDistributed(norm(), input_shape=(2, 3)), TimeDistributed(dense("a"))]
        ),
        [*NORM_TRAINED, *NORM_RUNNING, "a_W", "a_b"],
    ),
    "not trainable": (
        # It says what training changes, not what a weight is.
        lambda: functional(dense("a", trainable=False), norm(trainable=False), dense("b")),
        TRAINED_FIRST,
    ),
}


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(("make", "expected"), MODELS.values(), ids=list(MODELS))
def test_the_order(make, expected):
    model = make()
    assert order(model) == expected
    values = [np.full(value.shape, k + 7.0) for k, value in enumerate(model.get_weights())]
    model.set_weights(values)
    for got, value in zip(model.get_weights(), values, strict=True):
        np.testing.assert_array_equal(got, value)
