"""Permute, RepeatVector and TimeDistributedMerge against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.function import function
from graphc.engine import InputLayer
from graphc.errors import ArgumentError, KeywordError, ShapeError
from graphc.layers.core import (
    Dense,
    Flatten,
    Masking,
    Permute,
    RepeatVector,
    TimeDistributedDense,
    TimeDistributedMerge,
)
from graphc.models import Sequential
from tests.compiler.grad.differences import check_gradients
from tests.layers.kernels import layers_with_kernels

X = np.random.default_rng(7).normal(size=(2, 3, 4, 5)).astype("float32")


def run(layer, x, shape=None):
    node = InputLayer(input_shape=shape or x.shape[1:]).output
    return function([node], layer(node))(x)


class TestPermute:
    @pytest.mark.parametrize("dims", [(1, 2, 3), (3, 1, 2), [2, 3, 1], (3, 2, 1)])
    def test_axes_count_from_1_and_the_batch_stays(self, dims):
        layer = Permute(dims)
        y = run(layer, X)
        for sample, permuted in zip(X, y, strict=True):
            expected = np.moveaxis(sample, [dim - 1 for dim in dims], range(3))
            np.testing.assert_array_equal(permuted, expected)
        assert layer.output_shape == (None, *y.shape[1:])

    def test_an_open_size_moves_along(self):
        layer = Permute((2, 1))
        x = X[:, :, :, 0]
        np.testing.assert_array_equal(run(layer, x, (None, 4)), x.transpose(0, 2, 1))
        assert layer.output_shape == (None, 4, None)

    @pytest.mark.parametrize(
        "dims", [(), (0, 1), (1, 1), (2, 3), (1, 2.0), (True, 2), "12", 1, None, (-1, 1)]
    )
    def test_dims_are_each_axis_once(self, dims):
        with pytest.raises(ArgumentError, match=r"turn \(Permute\): dims: expected each axis"):
            Permute(dims, name="turn")

    def test_an_input_of_another_rank(self):
        with pytest.raises(ShapeError, match=r"turn \(Permute\): dims \(2, 1\) is for .* 3 axes"):
            Permute((2, 1), name="turn")(InputLayer(input_shape=(3, 4, 5)).output)


class TestRepeatVector:
    @pytest.mark.parametrize("n", [1, 3, np.int64(2)])
    def test_each_step_is_the_sample(self, n):
        layer = RepeatVector(n)
        x = X[:, 0, 0]
        y = run(layer, x)
        assert y.shape == (2, n, 5)
        assert layer.output_shape == (None, n, 5)
        for step in range(n):
            np.testing.assert_array_equal(y[:, step], x)

    def test_gradient(self):
        check_gradients(RepeatVector(3), [np.random.default_rng(1).normal(size=(2, 4))])

    @pytest.mark.parametrize("n", [0, -1, 2.5, None, True, "2"])
    def test_n(self, n):
        with pytest.raises(ArgumentError, match=r"often \(RepeatVector\): n: expected a whole"):
            RepeatVector(n, name="often")

    def test_only_2d(self):
        with pytest.raises(
            ShapeError, match=r"often \(RepeatVector\): expected an input of 2 axes"
        ):
            RepeatVector(2, name="often")(InputLayer(input_shape=(3, 4)).output)


class TestTimeDistributedMerge:
    @pytest.mark.parametrize(
        ("mode", "merged"), [("sum", np.sum), ("ave", np.mean), ("mul", np.prod)]
    )
    @pytest.mark.parametrize("steps", [4, None])
    def test_the_steps_are_one(self, mode, merged, steps):
        layer = TimeDistributedMerge(mode)
        x = X[0]
        y = run(layer, x, (steps, 5))
        np.testing.assert_allclose(y, merged(x, axis=1), rtol=1e-5)
        assert layer.output_shape == (None, 5)

    def test_the_default_is_the_sum(self):
        np.testing.assert_allclose(run(TimeDistributedMerge(), X[0]), X[0].sum(1), rtol=1e-5)

    @pytest.mark.parametrize("mode", ["max", "mean", "", None, 1, ["sum"]])
    def test_other_modes(self, mode):
        with pytest.raises(
            ArgumentError, match=r"over \(TimeDistributedMerge\): mode: expected 's"
        ):
            TimeDistributedMerge(mode, name="over")

    def test_an_input_of_another_rank(self):
        with pytest.raises(ShapeError, match=r"over \(TimeDistributedMerge\): expected .* 3 axes"):
            TimeDistributedMerge(name="over")(InputLayer(input_shape=(5,)).output)

    def test_a_mask_is_refused(self):
        x = Masking()(InputLayer(input_shape=(4, 5)).output)
        with pytest.raises(ArgumentError, match=r"over \(TimeDistributedMerge\).*mask"):
            TimeDistributedMerge(name="over")(x)


@pytest.mark.parametrize("layer_class", [Permute, RepeatVector])
def test_unknown_keywords(layer_class):
    with pytest.raises(KeywordError, match="unknown keyword 'axis'"):
        layer_class(1, axis=3)


def test_training_through_both_and_kernels():
    model = Sequential(
        [
            Dense(4, input_dim=3),
            RepeatVector(5),
            TimeDistributedDense(2),
            Permute((2, 1)),
            Flatten(),
            Dense(1),
        ]
    )
    assert [layer.output_shape for layer in model.layers[1:4]] == [
        (None, 5, 4), (None, 5, 2), (None, 2, 5),
    ]  # fmt: skip
    model.compile("sgd", "mse")
    x, y = np.random.normal(size=(8, 3)), np.random.normal(size=(8, 1))
    losses = [model.train_on_batch(x, y) for _ in range(5)]
    assert losses[-1] < losses[0]
    assert {one.name for one in model.layers if one.weights} <= layers_with_kernels(model)
