"""Convolution layers against sums written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.config import config
from graphc.constraints import maxnorm
from graphc.engine import InputLayer
from graphc.errors import ArgumentError, KeywordError, ShapeError, UnknownNameError
from graphc.layers import Dense, Flatten
from graphc.layers.convolutional import Convolution1D, Convolution2D, Convolution3D
from graphc.models import Sequential
from graphc.regularizers import activity_l2, l2
from tests.backend.window_sums import channels_last, convolved, same_counts, valid_counts
from tests.compiler.grad.differences import check_gradients
from tests.layers.kernels import layers_with_kernels
from tests.layers.spatial_layers import as_sequence_or, in_both_orderings, run

rng = np.random.default_rng(11)


@pytest.fixture
def double():
    config.floatX = "float64"


CONVOLUTIONS = {
    # layer, spatial, window, strides, border_mode
    "1D": (Convolution1D, (7,), (3,), (1,), "valid"),
    "1D strided": (Convolution1D, (8,), (3,), (2,), "valid"),
    "1D same, even": (Convolution1D, (7,), (4,), (2,), "same"),
    "2D": (Convolution2D, (5, 6), (3, 2), (1, 1), "valid"),
    "2D strided": (Convolution2D, (7, 6), (2, 3), (2, 3), "valid"),
    "2D same": (Convolution2D, (5, 6), (3, 4), (1, 2), "same"),
    "3D": (Convolution3D, (4, 3, 5), (2, 3, 2), (1, 1, 1), "valid"),
    "3D strided": (Convolution3D, (4, 5, 5), (2, 3, 1), (2, 1, 3), "valid"),
    "3D same": (Convolution3D, (4, 3, 4), (2, 3, 4), (1, 1, 1), "same"),
}


def convolution(layer_class, window, strides, border_mode, ordering, **kwargs):
    """A layer of 4 filters, and how its W comes from one that is (filters, channels, *window)."""
    if layer_class is Convolution1D:
        kwargs |= {"subsample_length": strides[0], "border_mode": border_mode}
        return Convolution1D(4, *window, **kwargs), lambda W: W[..., None]
    kwargs |= {"subsample": strides, "border_mode": border_mode, "dim_ordering": ordering}
    layer = layer_class(4, *window, **kwargs)
    return layer, lambda W: W if ordering == "th" else np.moveaxis(W, (0, 1), (-1, -2))


@in_both_orderings(CONVOLUTIONS)
class TestConvolutions:
    def test_true_convolution_bias_and_activation(self, case, ordering, double):
        layer_class, spatial, window, strides, border_mode = case
        x, W = rng.normal(size=(2, 3, *spatial)), rng.normal(size=(4, 3, *window))
        b = rng.normal(size=4)
        lows, counts = [0] * len(window), valid_counts(spatial, window, strides)
        if border_mode == "same":
            lows = [k // 2 if len(window) < 3 else (k - 1) // 2 for k in window]
            counts = same_counts(spatial, strides)
        expected = convolved(x, W, strides, lows, counts) + b.reshape(4, *(1,) * len(window))
        expected = as_sequence_or(ordering, layer_class, np.tanh(expected))
        layer, arranged = convolution(
            layer_class, window, strides, border_mode, ordering, activation="tanh"
        )
        layer.initial_weights = [arranged(W), b]
        value = run(layer, as_sequence_or(ordering, layer_class, x))
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
        assert layer.output_shape == (None, *expected.shape[1:])

    def test_gradients(self, case, ordering, double):
        layer_class, spatial, window, strides, border_mode = case
        layer, _ = convolution(
            layer_class, window, strides, border_mode, ordering, activation="tanh"
        )
        x = as_sequence_or(ordering, layer_class, rng.normal(size=(1, 1, *spatial)))
        layer(g.input(x.shape, "float64"))

        def output(node, W, b):
            layer.W, layer.b = W, b
            return layer.call(node)

        weights = [rng.normal(size=weight.shape) for weight in layer.weights]
        check_gradients(output, [x, *weights], second_order=False)

    def test_training_lowers_the_loss_and_the_step_has_kernels(self, case, ordering):
        layer_class, spatial, window, strides, border_mode = case
        x = as_sequence_or(ordering, layer_class, rng.normal(size=(16, 2, *spatial)))
        layer, _ = convolution(
            layer_class, window, strides, border_mode, ordering,
            activation="relu", input_shape=x.shape[1:], name="layer",
        )  # fmt: skip
        model = Sequential([layer, Flatten(), Dense(1)])
        model.compile("sgd", "mse")
        y = x.sum(axis=tuple(range(1, x.ndim)))[:, None] / 10
        losses = model.fit(x, y, nb_epoch=5, batch_size=8, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        if ordering == "tf":  # those of channels first, and transposes
            assert "layer" in layers_with_kernels(model)


class TestConvolutionArguments:
    def test_weights_are_given_as_keras_kept_them(self):
        W, b = np.zeros((2, 3, 1, 1)), [0.5, -1.0]
        W[:, :, 0, 0] = [[1, 2, 3], [4, 5, 6]]
        x = np.array([[[1.0, 1.0, 1.0], [0.0, 0.0, 2.0]]], "float32")
        layer = Convolution1D(2, 1, weights=[W, b], input_shape=(2, 3))
        np.testing.assert_array_equal(run(layer, x), [[[6.5, 14.0], [6.5, 11.0]]])
        with pytest.raises(ShapeError, match=r"_W'?: expected shape \(2, 3, 1, 1\).*\(2, 3, 1\)"):
            layer.set_weights([W[..., 0], b])

    @pytest.mark.flags(keras="1.0")
    @pytest.mark.parametrize(
        ("make", "shape", "kernel", "limit"),
        [
            (lambda: Convolution1D(5, 2), (9, 3), (5, 3, 2, 1), 0.05),
            (lambda: Convolution2D(5, 2, 3), (4, 8, 9), (5, 4, 2, 3), np.sqrt(6 / (4 * 2 * 3 + 5))),
            (
                lambda: Convolution2D(5, 2, 3, dim_ordering="tf"), (8, 9, 4), (2, 3, 4, 5),
                np.sqrt(6 / (4 * 2 * 3 + 5)),
            ),
            (
                lambda: Convolution3D(5, 2, 3, 1, dim_ordering="tf"), (8, 9, 4, 6), (2, 3, 1, 6, 5),
                np.sqrt(6 / (6 * 2 * 3 + 5)),
            ),
            (
                lambda: Convolution1D(5, 2, init="glorot_uniform"), (9, 3), (5, 3, 2, 1),
                np.sqrt(6 / (3 * 2 + 5)),
            ),
        ],
    )  # fmt: skip
    def test_initial_weights(self, make, shape, kernel, limit):
        layer = make()
        np.random.seed(1337)
        layer(InputLayer(input_shape=shape).output)
        np.random.seed(1337)
        expected = np.random.uniform(-limit, limit, kernel).astype("float32")
        np.testing.assert_array_equal(layer.get_weights()[0], expected)
        np.testing.assert_array_equal(layer.get_weights()[1], np.zeros(5))
        assert [g.name_of(weight) for weight in layer.weights] == [
            f"{layer.name}_W",
            f"{layer.name}_b",
        ]

    @pytest.mark.flags(keras="1.0")
    def test_penalties_and_constraints(self):
        x = rng.normal(size=(4, 1, 3, 3)).astype("float32")
        layer = Convolution2D(
            2, 2, 2, W_regularizer=l2(0.5), b_regularizer=l2(0.25),
            activity_regularizer=activity_l2(0.125), W_constraint=maxnorm(0.01),
            input_shape=(1, 3, 3), weights=[rng.normal(size=(2, 1, 2, 2)), [1.0, 2.0]],
        )  # fmt: skip
        model = Sequential([layer, Flatten()])
        model.compile("sgd", "mse")
        y = model.predict(x)
        W, b = layer.get_weights()
        penalty = 0.5 * (W**2).sum() + 0.25 * (b**2).sum() + 0.125 * (y**2).mean(0).sum()
        loss = model.train_on_batch(x, np.zeros_like(y))
        np.testing.assert_allclose(loss, (y**2).mean() + penalty, rtol=1e-5)
        norms = np.sqrt((layer.get_weights()[0] ** 2).sum(axis=0))
        assert (norms <= 0.01 * (1 + 1e-5)).all()

    def test_untrainable_weights_stay(self):
        layer = Convolution1D(2, 2, input_shape=(3, 1), trainable=False)
        model = Sequential([layer, Flatten(), Dense(1)])
        model.compile("sgd", "mse")
        before = layer.get_weights()
        model.train_on_batch(np.ones((4, 3, 1)), np.ones((4, 1)))
        for old, new in zip(before, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_sequences_of_any_length(self):
        layer = Convolution1D(4, 3, border_mode="same", subsample_length=2, input_dim=2)
        model = Sequential([layer])
        assert model.output_shape == (None, None, 4)
        W, _ = layer.get_weights()
        for steps in (2, 7, 10):
            x = rng.normal(size=(2, steps, 2)).astype("float32")
            expected = convolved(np.moveaxis(x, -1, 1), W[..., 0], (2,), (1,), (-(-steps // 2),))
            np.testing.assert_allclose(
                model.predict(x), channels_last(expected), rtol=1e-4, atol=1e-6
            )

    def test_a_step_over_sequences_of_any_length_has_kernels(self):
        model = Sequential([Convolution1D(4, 3, input_dim=2, name="layer")])
        model.compile("sgd", "mse")
        sizes = {str(model.inputs[0].shape[1]): 11}
        assert "layer" in layers_with_kernels(model, 8, sizes)
        with pytest.raises(ShapeError, match=r"holds no window.*= 2 and 3"):
            model.predict(np.zeros((1, 2, 2)))

    def test_input_length(self):
        layer = Convolution1D(4, 3, input_dim=2, input_length=9)
        assert Sequential([layer]).output_shape == (None, 7, 4)
        with pytest.raises(ShapeError, match="expected 9, its input_length, received 8"):
            Convolution1D(4, 3, input_length=9)(InputLayer(input_shape=(8, 2)).output)
        with pytest.raises(ArgumentError, match="input_dim or input_shape, not both"):
            Convolution1D(4, 3, input_dim=2, input_shape=(9, 2))

    @pytest.mark.flags(image_dim_ordering="th")
    def test_an_open_number_of_channels(self):
        with pytest.raises(ShapeError, match=r"conv \(Convolution2D\): axis 1 .*\(channels\) has"):
            Convolution2D(2, 2, 2, name="conv")(InputLayer(input_shape=(None, 5, 5)).output)

    def test_other_channels_at_a_second_call(self):
        layer = Convolution2D(2, 2, 2, name="conv", dim_ordering="tf")
        layer(InputLayer(input_shape=(5, 5, 3)).output)
        layer(InputLayer(input_shape=(9, 7, 3)).output)
        with pytest.raises(
            ShapeError, match=r"conv \(Conv.*axis 3.*expected 3 channels.*received 1"
        ):
            layer(InputLayer(input_shape=(5, 5, 1)).output)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Convolution1D(0, 3), "nb_filter: expected a whole number .*received 0"),
            (lambda: Convolution1D(4, 2.5), "filter_length: expected a whole number .*2.5"),
            (lambda: Convolution1D(4, 3, subsample_length=0), "subsample_length: "),
            (lambda: Convolution1D(4, 3, border_mode="half"), "border_mode: expected .*'half'"),
            (lambda: Convolution2D(4, 3, "3"), "nb_col: expected a whole number .*'3'"),
            (lambda: Convolution2D(4, True, 3), "nb_row: "),
            (lambda: Convolution2D(4, 3, 3, subsample=2), "subsample: expected 2 whole numbers"),
            (lambda: Convolution2D(4, 3, 3, dim_ordering="last"), "dim_ordering: .*'last'"),
            (lambda: Convolution3D(4, 3, 3, -1), "kernel_dim3: "),
        ],
    )
    def test_bad_arguments(self, make, message):
        with pytest.raises(ArgumentError, match=r"convolution\dd_\d+ \(Conv.*: " + message):
            make()

    def test_names_that_are_not_known(self):
        with pytest.raises(UnknownNameError, match="'rellu'.*Did you mean 'relu'"):
            Convolution2D(2, 3, 3, activation="rellu")
        with pytest.raises(KeywordError, match="'filters': here it is 'nb_filter'"):
            Convolution2D(filters=2, nb_row=3, nb_col=3)
        with pytest.raises(KeywordError, match="unknown keyword 'biased'"):
            Convolution2D(2, 3, 3, biased=False)
