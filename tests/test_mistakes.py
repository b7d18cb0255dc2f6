"""Mistakes of beginners in layers and models: what each is told, and that it is told at once."""

from __future__ import annotations

import re

import numpy as np
import pytest

from graphc import backend as K
from graphc.callbacks import EarlyStopping
from graphc.engine.topology.layer import Input, Layer
from graphc.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    GraphcError,
    KeywordError,
    UnknownNameError,
)
from graphc.layers import LSTM, Activation, Dense, Embedding, Masking
from graphc.layers.advanced_activations import PReLU
from graphc.layers.convolutional import Convolution2D
from graphc.models import Model, Sequential
from graphc.optimizers import SGD, Optimizer
from graphc.regularizers import Regularizer, activity_l2, l2


def check(mistake, error: type[GraphcError], pattern: str) -> None:
    with pytest.raises(error, match=pattern):
        mistake()


class TestArgumentsOfLayers:
    @pytest.mark.parametrize(
        ("mistake", "error", "pattern"),
        [
            (
                lambda: Dense(4, activation="rellu"),
                UnknownNameError,
                r"^dense_\d+ \(Dense\): activation: unknown activation 'rellu'. Did you mean 're",
            ),
            (
                lambda: LSTM(4, inner_activation="sigmod"),
                UnknownNameError,
                r"^lstm_\d+ \(LSTM\): inner_activation: unknown activation 'sigmod'",
            ),
            (
                lambda: Dense(4, 3),  # Dense(input, output), as in the first versions of Keras
                ArgumentError,
                r"^dense_\d+ \(Dense\): init: expected the name of a known init.*received 3",
            ),
            (
                lambda: Convolution2D(4, 3, 3, init="glorot"),
                UnknownNameError,
                r"^convolution2d_\d+ \(Convolution2D\): init: unknown .*'glorot_normal' or 'g",
            ),
            (
                lambda: Dense(4, W_regularizer=0.01, name="head"),
                ArgumentError,
                r"^head \(Dense\): W_regularizer: expected a regularizer \(e.g. l2\(0.01\).*0.01",
            ),
            (
                lambda: Embedding(4, 3, W_constraint=2),
                ArgumentError,
                r"^embedding_\d+ \(Embedding\): W_constraint: expected a constraint.*received 2",
            ),
            (
                lambda: Dense(4, activity_regularizer=l2(0.1)),
                ArgumentError,
                r"activity_regularizer: expected .* e.g. activity_l2.*; give it as W_regularizer",
            ),
            (
                lambda: LSTM(4, U_regularizer=activity_l2(0.1)),
                ArgumentError,
                r"U_regularizer: expected a penalty on a weight, e.g. l2.*; give it as activity_",
            ),
            (
                lambda: Dense(4, activation=PReLU(name="slopes")),
                ArgumentError,
                r"activation: expected a name or a function, received the layer slopes \(PReLU\)",
            ),
            (
                lambda: Dense(4, trainable="no"),
                ArgumentError,
                "^Dense: trainable: expected True or False, received 'no'",
            ),
            (
                lambda: LSTM(4, return_sequences="False"),
                ArgumentError,
                r"\(LSTM\): return_sequences: expected True or False, received 'False'",
            ),
        ],
    )
    def test_name_the_layer_and_the_argument(self, mistake, error, pattern):
        check(mistake, error, pattern)


class NoInit(Layer):
    def __init__(self, count):
        self.count = count


class OfKeras03(Layer):
    def get_output(self, train=False):
        return self.get_input(train) * 2


class Weighted(Layer):
    """A layer whose `build` keeps what it makes where `listed` says."""

    def __init__(self, listed, weight=None, **kwargs):
        self.listed = listed
        self.weight = weight
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.W = K.variable(np.ones((input_shape[1], 3))) if self.weight is None else self.weight
        if self.listed:
            setattr(self, self.listed, [self.W])

    def call(self, x, mask=None):
        return K.dot(x, self.W)


class NumberAsMask(Layer):
    supports_masking = True

    def compute_mask(self, x, mask=None):
        return 3


class TestOwnLayers:
    @pytest.mark.parametrize(
        ("mistake", "pattern"),
        [
            (lambda: Sequential([NoInit(3)]), r"NoInit: __init__ has to call super\(\).__init__"),
            (lambda: NoInit(3)(Input((4,))), r"NoInit: __init__ has to call super\(\).__init__"),
            (
                lambda: OfKeras03(input_shape=(4,)),
                r"OfKeras03: get_output\(train\) is how .* define call\(self, x, mask=None\)",
            ),
            (
                lambda: Sequential([Weighted("params", input_shape=(4,))]),
                r"weighted_\d+ \(Weighted\): params is how .*; set self.trainable_weights",
            ),
            (
                lambda: Sequential(
                    [Weighted("trainable_weights", np.ones((4, 3)), input_shape=(4,))]
                ),
                r"\(Weighted\): trainable_weights: expected shared variables, .*received ndarray",
            ),
            (
                lambda: Sequential([NumberAsMask(input_shape=(5, 4))]),
                r"\(NumberAsMask\): compute_mask\(\) returned: expected a node .*received int",
            ),
            (
                lambda: LSTM(3)(Input((5, 4)), mask=np.ones((2, 5))),
                r"\(LSTM\): mask: expected a node \(batch, steps\), .*received ndarray",
            ),
        ],
    )
    def test_are_refused_with_what_to_do(self, mistake, pattern):
        check(mistake, ArgumentError, pattern)

    def test_a_weight_that_is_in_no_list_is_told(self, caplog):
        Sequential([Weighted("", input_shape=(4,), name="own")])
        (record,) = caplog.records
        assert re.match(
            r"own \(Weighted\): the variables self.W are in neither trainable_weights nor",
            record.getMessage(),
        )

    @pytest.mark.parametrize("listed", ["trainable_weights", "non_trainable_weights"])
    def test_weights_in_a_list_are_not(self, listed, caplog):
        Sequential([Weighted(listed, input_shape=(4,)), Activation("relu"), Dense(2)])
        Sequential([Masking(input_shape=(5, 4)), LSTM(3)])
        assert not caplog.records


X, Y = np.zeros((6, 4)), np.zeros((6, 3))
STEPS = np.zeros((6, 5, 4))


def compiled(*layers, optimizer="sgd", loss="mse", **kwargs) -> Sequential:
    model = Sequential(layers or [Dense(3, input_dim=4, name="head")])
    model.compile(optimizer, loss, **kwargs)
    return model


class PairlessOptimizer(Optimizer):
    def get_updates(self, params, constraints, loss):
        return [p - 0.1 for p in params]


class SilentRegularizer(Regularizer):
    def set_param(self, p):
        self.p = p

    def __call__(self, loss):
        loss + 1.0


class TestCompile:
    @pytest.mark.parametrize(
        ("mistake", "error", "pattern"),
        [
            (
                lambda: compiled(optimizer="mse", loss="sgd"),
                ArgumentError,
                r"'mse' is a loss, and 'sgd' an optimizer: .* first, compile\('sgd', 'mse'\)",
            ),
            (
                lambda: compiled(loss="accuracy"),
                UnknownNameError,
                r"loss of head: 'accuracy' is a metric.* give metrics=\['accuracy'\] beside a loss",
            ),
            (lambda: compiled(loss=None), ArgumentError, "loss of head: expected the name of a"),
            (
                lambda: compiled(metrics=["acuracy"]),
                UnknownNameError,
                "unknown metric 'acuracy'. Did you mean 'accuracy'",
            ),
            (
                lambda: compiled(metrics=[lambda y_true, y_pred: None]),
                ArgumentError,
                r"metrics: <lambda>: expected a function \(y_true, y_pred\) .* returned None",
            ),
        ],
    )
    def test_is_told_at_once(self, mistake, error, pattern):
        check(mistake, error, pattern)

    @pytest.mark.parametrize(
        ("make", "pattern"),
        [
            (
                lambda: compiled(optimizer=PairlessOptimizer()),
                r"PairlessOptimizer.get_updates: expected a list of \(variable, new value\) pairs",
            ),
            (
                lambda: compiled(Dense(3, input_dim=4, name="d", W_constraint=lambda p: None)),
                r"the constraint of 'd_W'.*: expected a node of the shape \(4, 3\).*returned None",
            ),
            (
                lambda: compiled(Dense(3, input_dim=4, name="d", W_constraint=K.sum)),
                r"the constraint of 'd_W'.*: expected a node of the shape \(4, 3\).*<sum: float32",
            ),
        ],
    )
    def test_updates_are_looked_at_in_the_first_step(self, make, pattern):
        check(lambda: make().train_on_batch(X, Y), ArgumentError, pattern)

    def test_a_regularizer_that_returns_nothing(self):
        layer = Dense(3, input_dim=4, name="d", W_regularizer=SilentRegularizer())
        check(
            lambda: compiled(layer),
            ArgumentError,
            "the regularizer SilentRegularizer of 'd_W'.*: expected .* returned None",
        )

    def test_modern_spellings_of_arguments_that_have_no_default(self):
        generator = iter([(X, Y)])
        calls = [
            (
                lambda: compiled().fit_generator(generator, steps_per_epoch=1, epochs=2),
                r"fit_generator: .*'steps_per_epoch': here it is 'samples_per_epoch'",
            ),
            (
                lambda: compiled().evaluate_generator(generator, steps=2),
                "evaluate_generator: .*'steps': here it is 'val_samples'",
            ),
            (lambda: Model(inputs=1, outputs=2), "Model: .*'inputs': here it is 'input'"),
        ]
        for mistake, pattern in calls:
            check(mistake, KeywordError, pattern)


class TestData:
    @pytest.mark.parametrize(
        ("mistake", "pattern"),
        [
            (
                lambda: compiled().fit([X, X], Y),
                r"received 3: \(2, 6, 4\). If this is a list of 2 arrays: a single one is expected",
            ),
            (
                lambda: compiled().fit("x.csv", Y),
                r"received dtype <U5 \(str\); read the file first",
            ),
            (
                lambda: compiled().fit(iter(X), Y),
                r"object \(.*\); a generator goes to fit_generator",
            ),
            (lambda: compiled().fit([[1, 2], [3]], Y), "different lengths .*pad_sequences"),
            (
                lambda: compiled().predict(np.array([[1, 2], [3]], object)),
                "received dtype object .*pad_sequences",
            ),
            (
                lambda: compiled().fit(X, Y, validation_data=(X, Y[:3])),
                r"sequential_\d+.fit: validation_data: .* has 6, targets of head has 3",
            ),
            (
                lambda: compiled().fit_generator(iter([(X, Y[:3])]), 6, 1),
                r"fit_generator: a batch of the generator: .* has 6, targets of head has 3",
            ),
            (
                lambda: compiled(LSTM(3, return_sequences=True, input_shape=(5, 4))).fit(STEPS, Y),
                r"expected \(None, 5, 3\), received \(6, 3\). .*layer without return_sequences",
            ),
            (
                lambda: compiled(LSTM(3, input_shape=(5, 4))).fit(STEPS, STEPS),
                r"expected \(None, 3\), received \(6, 5, 4\). .*return_sequences=True",
            ),
            (
                lambda: compiled(LSTM(3, batch_input_shape=(4, 5, 4))).train_on_batch(STEPS, Y),
                "fixes the batch to 4, received a batch of 6; pass batches of 4, or leave",
            ),
        ],
    )
    def test_says_what_was_meant(self, mistake, pattern):
        check(mistake, DataError, pattern)

    def test_a_callback_that_is_a_class(self):
        check(
            lambda: compiled().fit(X, Y, callbacks=[EarlyStopping]),
            ArgumentError,
            r"expected callbacks, received <class .*; make one: EarlyStopping\(...\)",
        )


class TestNumbersAndNodes:
    def test_a_loss_made_of_numpys_functions(self):
        check(
            lambda: compiled(loss=lambda y_true, y_pred: np.mean(np.square(y_true - y_pred))),
            DTypeError,
            "np.square: .* has no value before .* use K's on nodes",
        )

    def test_an_array_where_a_variable_is_expected(self):
        for mistake in (lambda: K.set_value(X, Y), lambda: K.get_value(X)):
            check(mistake, DTypeError, r"expected a shared variable, e.g. K.var.*received ndarray$")

    def test_a_loss_that_is_not_finite_is_told_once(self, caplog):
        model = compiled(optimizer=SGD(lr=1e30))
        model.fit(X + 1e10, Y, nb_epoch=4, verbose=0)
        (record,) = caplog.records
        told = (
            rf"{model.name}.fit: the loss of epoch \d is (nan|inf), .*NanGuardMode.*TerminateOnNaN"
        )
        assert re.match(told, record.getMessage())

    def test_a_loss_that_is_finite_is_not(self, caplog):
        compiled().fit(X, Y, nb_epoch=1, verbose=0)
        assert not caplog.records
