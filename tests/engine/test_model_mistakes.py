"""Mistakes of beginners with models: what each is told, and that it is told at once."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest

from graphc import backend as K
from graphc.callbacks import EarlyStopping, ModelCheckpoint
from graphc.engine.topology.layer import Input
from graphc.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    GraphcError,
    KeywordError,
    UnknownNameError,
)
from graphc.layers import LSTM, Dense
from graphc.models import Model, Sequential
from graphc.optimizers import SGD, Optimizer
from graphc.regularizers import Regularizer


def check(mistake, error: type[GraphcError], pattern: str) -> None:
    with pytest.raises(error, match=pattern):
        mistake()


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
            (
                lambda: compiled(loss=lambda y_pred: y_pred),
                ArgumentError,
                r"loss of head: .* called with \(y_true, y_pred\), received one of \(y_pred\)",
            ),
            (
                lambda: compiled(metrics=[lambda y_true, y_pred, scale: y_pred]),
                ArgumentError,
                r"metrics: <lambda>: .* called with \(y_true, y_pred\), .*missing .*'scale'",
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
    def test_is_an_error_at_once(self, mistake, error, pattern):
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
                r"fit_generator: batch 1 of the generator: .* has 6, targets of head has 3",
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

    def test_a_loss_that_is_not_finite_is_logged_once(self, caplog):
        model = compiled(optimizer=SGD(lr=1e30))
        model.fit(X + 1e10, Y, nb_epoch=4, verbose=0)
        (record,) = caplog.records
        message = (
            rf"{model.name}.fit: the loss of epoch \d is (nan|inf), .*NanGuardMode.*TerminateOnNaN"
        )
        assert re.match(message, record.getMessage())

    def test_a_loss_that_is_finite_is_not(self, caplog):
        compiled().fit(X, Y, nb_epoch=1, verbose=0)
        assert not caplog.records


class TestModels:
    @pytest.mark.parametrize(
        "change",
        [
            lambda model: model.layers.remove(model.layers[0]),
            lambda model: model.layers.append(Dense(2)),
            lambda model: model.layers.__setitem__(0, Dense(2)),
            lambda model: model.layers.__delitem__(0),
        ],
    )
    def test_the_list_of_layers_is_not_changed_in_silence(self, change):
        model = compiled()
        pattern = (
            r"sequential_\d+.layers: the list .* cannot be changed.*Sequential\(model.layers\["
        )
        for one in (model, Model(model.input, model.output)):
            check(lambda one=one: change(one), ArgumentError, pattern.replace("sequential", r"\w+"))
        assert len(model.layers) == 1

    def test_parts_of_the_list_make_other_models(self):
        model = Sequential([Dense(3, input_dim=4), Dense(2)])
        assert type(model.layers[:-1]) is list
        inner = Model(model.input, model.layers[0].output)
        np.testing.assert_array_equal(
            Sequential(model.layers[:-1]).predict(X + 1), inner.predict(X + 1)
        )

    @pytest.mark.parametrize("use", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_models_and_layers_are_not_copied(self, use):
        model = compiled()
        for one in (model, model.layers[0]):
            check(lambda one=one: use(one), ArgumentError, "pickled nor copied.*set_weights")

    def test_a_model_without_outputs(self):
        check(lambda: Model(Input((4,)), []), ArgumentError, "output: expected at least one tensor")

    @pytest.mark.parametrize("path", [None, 5, ""])
    def test_a_path_that_is_none(self, path, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        model = compiled()
        received = f"received {type(path).__name__ if path != '' else repr(path)}"
        for mistake in (
            lambda: model.save_weights(path),
            lambda: model.save_weights(path, overwrite=True),
            lambda: model.load_weights(path),
            lambda: ModelCheckpoint(path),
        ):
            check(mistake, ArgumentError, f"expected the path of a file, .*{received}")
        assert not list(tmp_path.iterdir())

    def test_training_with_all_layers_frozen_is_logged(self, caplog):
        model = compiled(Dense(3, input_dim=4, trainable=False))
        before = model.get_weights()[0]
        model.fit(X + 1, Y, nb_epoch=1, verbose=0)
        (record,) = caplog.records
        assert re.match(
            rf"{model.name}: nothing is trained, .* trainable=False", record.getMessage()
        )
        np.testing.assert_array_equal(model.get_weights()[0], before)

    def test_trainable_that_is_set_too_late_is_logged(self, caplog):
        model = compiled(Dense(3, input_dim=4), Dense(3))
        model.train_on_batch(X, Y)
        assert not caplog.records
        model.layers[0].trainable = False
        for _ in range(2):
            model.train_on_batch(X, Y)
        (record,) = caplog.records
        assert re.match(
            rf"{model.name}: trainable was changed after .*; compile again", record.getMessage()
        )
        caplog.clear()
        model.compile("sgd", "mse")
        model.train_on_batch(X, Y)
        assert not caplog.records
