"""Masks: where they come from, what passes them on, and what uses them up."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler.interpret import evaluate
from graphc.engine import Input, Model
from graphc.errors import ArgumentError, ShapeError
from graphc.layers import (
    ELU,
    GRU,
    LSTM,
    Activation,
    ActivityRegularization,
    BatchNormalization,
    Convolution1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    Lambda,
    LeakyReLU,
    MaskedLambda,
    Masking,
    MaxPooling1D,
    ParametricSoftplus,
    Permute,
    PReLU,
    Reshape,
    SimpleRNN,
    SReLU,
    ThresholdedLinear,
    ThresholdedReLU,
    TimeDistributedDense,
    TimeDistributedMerge,
    UpSampling1D,
    ZeroPadding1D,
)
from graphc.models import Sequential
from graphc.optimizers import SGD
from tests.compiler.grad.differences import check_gradients

X = np.array(
    [
        [[7.0, 7.0], [1.0, 7.0], [7.0, 7.0]],
        [[2.0, 3.0], [7.0, 7.0], [0.0, 0.0]],
    ]
)
COUNTS = [[False, True, False], [True, False, True]]
PASS_IT_ON = [
    lambda: Dropout(0.5),
    lambda: Activation("tanh"),
    lambda: ActivityRegularization(0.1),
    lambda: TimeDistributedDense(3),
    lambda: LeakyReLU(),
    lambda: PReLU(),
    lambda: ELU(),
    lambda: ParametricSoftplus(),
    lambda: ThresholdedLinear(),
    lambda: ThresholdedReLU(),
    lambda: MaskedLambda(lambda x: 2 * x),
    lambda: SReLU(),
    lambda: GaussianNoise(0.1),
    lambda: GaussianDropout(0.1),
    lambda: SimpleRNN(2, return_sequences=True),
    lambda: GRU(2, return_sequences=True),
    lambda: LSTM(2, return_sequences=True),
]
REFUSE_IT = [
    lambda: Flatten(),
    lambda: Reshape((6,)),
    lambda: Permute((2, 1)),
    lambda: BatchNormalization(),
    lambda: Lambda(lambda x: x),
    lambda: Convolution1D(2, 2),
    lambda: MaxPooling1D(),
    lambda: UpSampling1D(),
    lambda: ZeroPadding1D(),
    lambda: TimeDistributedMerge(),
]


def mask_of(tensor):
    return tensor.history.node.output_masks[0]


def run(inputs, outputs, *arrays):
    feeds = {x: np.asarray(value, x.dtype) for x, value in zip(inputs, arrays, strict=True)}
    return evaluate(outputs, feeds)


class TestMasking:
    def test_steps_of_mask_value_are_zeroed_and_masked(self):
        x = Input((3, 2))
        y = Masking(7.0)(x)
        values, counts = run([x], [y, mask_of(y)], X)
        np.testing.assert_array_equal(values, X * np.array(COUNTS)[:, :, None])
        np.testing.assert_array_equal(counts, COUNTS)

    def test_by_default_zeros(self):
        x = Input((None, 2))
        (counts,) = run([x], [mask_of(Masking()(x))], X)
        np.testing.assert_array_equal(counts, [[True, True, True], [True, True, False]])

    def test_a_number_that_float32_does_not_hold_is_found_all_the_same(self):
        x = Input((1, 1))
        (counts,) = run([x], [mask_of(Masking(0.1)(x))], [[[0.1]]])
        np.testing.assert_array_equal(counts, [[False]])

    def test_nan_counts_and_stays_where_it_is(self):
        x = Input((2, 2))
        y = Masking()(x)
        values, counts = run([x], [y, mask_of(y)], [[[np.nan, 0.0], [0.0, 0.0]]])
        np.testing.assert_array_equal(values, [[[np.nan, 0.0], [0.0, 0.0]]])
        np.testing.assert_array_equal(counts, [[True, False]])

    def test_a_mask_that_comes_in_is_replaced(self):
        x = Input((3, 2))
        (counts,) = run([x], [mask_of(Masking(0.0)(Masking(7.0)(x)))], X)
        np.testing.assert_array_equal(counts, [[False, True, False], [True, False, False]])

    def test_steps_of_several_axes(self):
        x = Input((2, 2, 2))
        y = Masking()(x)
        value = np.zeros((1, 2, 2, 2))
        value[0, 1, 1, 0] = 3.0
        (counts,) = run([x], [mask_of(y)], value)
        np.testing.assert_array_equal(counts, [[False, True]])

    def test_gradient(self):
        x = X.copy()
        x[x == 7.0] = 0.0
        layer = Masking(5.0)
        check_gradients(layer, [x], second_order=False)

    def test_no_gradient_comes_through_a_masked_step(self):
        x = Input((3, 2))
        y = Masking(7.0)(x)
        (gradient,) = run([x], [K.gradients(K.sum(y), [x])[0]], X)
        np.testing.assert_array_equal(gradient, np.repeat(np.array(COUNTS)[:, :, None], 2, 2))

    def test_features_are_needed(self):
        with pytest.raises(ShapeError, match=r"m \(Masking\): expected .*steps, features.*2 axes"):
            Masking(name="m")(Input((3,)))

    @pytest.mark.parametrize("value", [None, "0", float("nan")])
    def test_mask_value_is_a_number(self, value):
        with pytest.raises(ArgumentError, match="mask_value"):
            Masking(value)


class TestEmbedding:
    WORDS = np.array([[3, 0, 2], [0, 0, 1]])

    def test_zero_is_masked_and_keeps_its_row(self):
        x = Input((3,), dtype="int32")
        layer = Embedding(5, 2, mask_zero=True)
        y = layer(x)
        values, counts = run([x], [y, mask_of(y)], self.WORDS)
        np.testing.assert_array_equal(values, layer.get_weights()[0][self.WORDS])
        np.testing.assert_array_equal(counts, self.WORDS != 0)
        assert layer.W.shape == (5, 2)

    def test_open_steps_with_an_input_length(self):
        x = Input((None,), dtype="int32")
        y = Embedding(5, 2, input_length=3, mask_zero=True)(x)
        assert (y.shape[1:], mask_of(y).shape[1:]) == ((3, 2), (3,))

    def test_none_by_default(self):
        assert mask_of(Embedding(5, 2)(Input((3,), dtype="int32"))) is None


class TestWhatPassesOn:
    @pytest.mark.parametrize("make", PASS_IT_ON)
    def test_layers_that_support_masks(self, make):
        x = Input((3, 2))
        y = make()(Masking(7.0)(x))
        np.testing.assert_array_equal(run([x], [mask_of(y)], X)[0], COUNTS)

    @pytest.mark.parametrize("make", REFUSE_IT)
    def test_layers_that_do_not(self, make):
        layer = make()
        with pytest.raises(ArgumentError, match=f"{layer.name} .{type(layer).__name__}. does not"):
            layer(Masking()(Input((3, 2))))

    def test_a_dense_takes_no_sequence_and_no_mask(self):
        x, mask = Input((3,)), K.placeholder((None, 3), dtype="bool")
        with pytest.raises(ArgumentError, match="does not take a mask"):
            Dense(2)(x, mask=mask)

    def test_a_recurrent_layer_that_gives_its_last_output_uses_it_up(self):
        assert mask_of(SimpleRNN(2)(Masking()(Input((3, 2))))) is None

    def test_a_function_with_a_parameter_mask_uses_it_up(self):
        def last(x, mask, factor):
            return factor * K.sum(K.switch(K.expand_dims(mask), x, 0.0), axis=1)

        x = Input((3, 2))
        y = Lambda(last, arguments={"factor": 2.0})(Masking(7.0)(x))
        assert mask_of(y) is None
        (got,) = run([x], [y], X)
        np.testing.assert_array_equal(got, [[2.0, 14.0], [4.0, 6.0]])

    def test_other_functions_are_refused_one(self):
        with pytest.raises(ArgumentError, match=r"f \(Lambda\) does not .*a parameter `mask`"):
            Lambda(lambda x: x, name="f")(Masking()(Input((3, 2))))


class TestTheLoss:
    def test_of_a_stack_counts_the_steps_that_are_there(self):
        K.set_floatx("float64")
        model = Sequential(
            [
                Embedding(5, 2, mask_zero=True, input_length=3),
                Dropout(0.5),
                TimeDistributedDense(1),
            ]
        )
        model.compile("sgd", "mse")
        words = np.array([[3, 0, 2], [0, 0, 1]])
        y = np.random.default_rng(1).normal(size=(2, 3, 1))
        W, D, b = model.get_weights()
        errors = ((W[words] @ D + b - y) ** 2)[:, :, 0]
        expected = errors[words != 0].mean()
        np.testing.assert_allclose(model.test_on_batch(words, y), expected, rtol=1e-12)

    def test_a_step_of_words_at_steps_with_weights_of_their_own(self):
        """softmax(x . W + b) of a masked sequence, with class numbers: loss, accuracy, one step."""
        K.set_floatx("float64")
        model = Sequential(
            [Masking(input_shape=(4, 3)), TimeDistributedDense(5, activation="softmax")]
        )
        model.compile(
            SGD(lr=0.5), "sparse_categorical_crossentropy", ["acc"], sample_weight_mode="temporal"
        )
        rng = np.random.default_rng(3)
        x, labels = rng.normal(size=(6, 4, 3)), rng.integers(0, 5, (6, 4, 1))
        x[1, 2:] = x[3] = 0.0
        w = rng.integers(0, 3, (6, 4)).astype(float)
        W, b = model.get_weights()
        exponentials = np.exp(x @ W + b)
        p = exponentials / exponentials.sum(axis=-1, keepdims=True)
        wanted = np.eye(5)[labels[..., 0]]
        mask = np.any(x != 0.0, axis=-1)
        factors = mask / mask.mean() * w / np.count_nonzero(w)
        loss = np.sum(factors * -np.log(np.sum(wanted * p, axis=-1)))
        accuracy = np.mean(p.argmax(axis=-1) == labels[..., 0])
        got = model.train_on_batch(x, labels, sample_weight=w)
        np.testing.assert_allclose(got, [loss, accuracy], rtol=1e-12)
        slope = factors[..., None] * (p - wanted)  # of the loss by x . W + b
        stepped = W - 0.5 * np.einsum("ntf,ntc->fc", x, slope), b - 0.5 * slope.sum(axis=(0, 1))
        for ours, theirs in zip(model.get_weights(), stepped, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10)

    def test_a_step_of_training_moves_no_row_of_a_masked_word(self):
        model = Sequential([Embedding(5, 2, mask_zero=True, input_length=3), Activation("tanh")])
        model.compile("sgd", "mse")
        before = model.get_weights()[0]
        losses = [model.train_on_batch(np.array([[3, 0, 2]]), np.ones((1, 3, 2))) for _ in range(5)]
        moved = np.any(model.get_weights()[0] != before, axis=1)
        np.testing.assert_array_equal(moved, [False, False, True, True, False])
        assert losses[-1] < losses[0]
        assert len(model.kernels(2)) > 0

    def test_padding_does_not_change_what_a_recurrent_layer_says(self):
        model = Sequential([Masking(input_shape=(None, 2)), LSTM(3, return_sequences=True), GRU(2)])
        x = np.random.default_rng(2).normal(size=(2, 3, 2))
        padded = np.concatenate([np.zeros((2, 2, 2)), x, np.zeros((2, 1, 2))], axis=1)
        np.testing.assert_allclose(model.predict(padded), model.predict(x), rtol=1e-6)

    def test_a_mask_through_a_model_inside(self):
        inner = Sequential([Activation("linear", input_shape=(3, 2))])
        x = Input((3, 2))
        model = Model(x, inner(Masking(7.0)(x)))
        (counts,) = run([x], [model.output_masks[0]], X)
        np.testing.assert_array_equal(counts, COUNTS)
