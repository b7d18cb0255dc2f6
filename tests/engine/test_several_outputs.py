"""Training of several outputs, of steps with weights of their own, and of fixed batches."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import optimizers
from graphc.config import config
from graphc.engine import Input, Model
from graphc.errors import ArgumentError, DataError, KeywordError
from graphc.layers import Activation, Dense, Reshape
from graphc.models import Sequential

A, B = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[1.0], [0.0], [1.0], [0.0]])
X = np.ones((4, 3))
# Of zero predictions: the mean of t^2 of each output.
LOSS_A, LOSS_B = 7.5, 0.5


@pytest.fixture(autouse=True)
def _float64():
    with config.changed(floatX="float64"):
        yield


def two_outputs(loss="mse", **keywords):
    x = Input(shape=(3,), name="x")
    model = Model(x, [Dense(1, init="zero", name=name)(x) for name in ("a", "b")])
    model.compile(optimizers.SGD(lr=0.1), loss, **keywords)
    return model


@pytest.mark.flags(keras="1.0")
class TestSeveralOutputs:
    @pytest.mark.parametrize("targets", [[A, B], (A, B), {"b": B, "a": A, "c": None}])
    def test_targets_by_list_or_dict(self, targets):
        assert two_outputs().evaluate(X, targets, verbose=0) == pytest.approx(LOSS_A + LOSS_B)
        assert two_outputs().train_on_batch({"x": X}, targets) == pytest.approx(LOSS_A + LOSS_B)

    def test_losses_and_their_factors(self):
        mae_b = 0.5
        for loss, factors in ((["mse", "mae"], [2.0, 3.0]), ({"a": "mse", "b": "mae"}, {"b": 3.0})):
            value = two_outputs(loss, loss_weights=factors).evaluate(X, [A, B], verbose=0)
            factor = 2.0 if isinstance(factors, list) else 1.0
            assert value == pytest.approx(factor * LOSS_A + 3.0 * mae_b)

    @pytest.mark.parametrize("as_dict", [False, True])
    def test_sample_weights_by_list_or_dict(self, as_dict):
        w = np.array([0.0, 0.0, 2.0, 1.0])
        weights = {"a": w} if as_dict else [w, np.ones(4)]
        expected = (2 * 9 + 16) / 2 + LOSS_B
        for value in (
            two_outputs().evaluate(X, [A, B], sample_weight=weights, verbose=0),
            two_outputs().test_on_batch(X, [A, B], weights),
            two_outputs().train_on_batch(X, [A, B], sample_weight=weights),
            two_outputs()
            .fit(X, [A, B], nb_epoch=1, verbose=0, sample_weight=weights)
            .history["loss"][0],
            two_outputs().evaluate_generator(iter([(X, [A, B], weights)]), 4),
        ):
            assert value == pytest.approx(expected)

    @pytest.mark.parametrize("weights", [{"b": {0: 1.0, 1: 3.0}}, [None, {0: 1.0, 1: 3.0}]])
    def test_class_weights_by_list_or_dict(self, weights):
        value = two_outputs().train_on_batch(X, [A, B], class_weight=weights)
        assert value == pytest.approx(LOSS_A + (3.0 + 3.0) / 4)

    def test_logs_name_the_outputs(self):
        model = two_outputs(metrics=["accuracy"])
        assert model.metrics_names == ["loss", "a_acc", "b_acc"]
        history = model.fit(X, [A, B], nb_epoch=1, verbose=0, validation_data=(X, [A, B]))
        names = ["loss", "a_acc", "b_acc"]
        assert set(history.history) == {*names, *(f"val_{name}" for name in names)}

    def test_predictions_are_a_list(self):
        first, second = two_outputs().predict(X, batch_size=3)
        assert first.shape == second.shape == (4, 1)
        first, second = two_outputs().predict_generator(iter([X]), 4)
        assert first.shape == second.shape == (4, 1)

    def test_what_does_not_fit(self):
        model = two_outputs()
        for call, error, message in (
            (lambda: model.fit(X, {"a": A}), DataError, "targets: the dict has no entry 'b'"),
            (lambda: model.fit(X, A), DataError, r"targets: expected a list of 2 arrays \(a, b\)"),
            (lambda: model.fit(X, [A, B[:3]]), DataError, "has 4, targets of b has 3"),
            (
                lambda: model.fit(X, [A, B], sample_weight=np.ones(4)),
                DataError,
                r"sample_weight: expected a list of 2 arrays \(a, b\), received one array",
            ),
            (
                lambda: model.fit(X, [A, B], sample_weight={"c": np.ones(4)}),
                KeywordError,
                "sample_weight: no output is named 'c'",
            ),
            (
                lambda: model.fit(X, [A, B], class_weight={0: 1.0}),
                ArgumentError,
                r"class_weight: expected a dict by output \(a, b\), .*received the keys 0",
            ),
            (lambda: two_outputs({"a": "mse"}), ArgumentError, "nothing for the output 'b'"),
            (lambda: two_outputs(["mse"]), ArgumentError, "loss: expected 2 values"),
            (
                lambda: two_outputs(loss_weights={"c": 1}),
                KeywordError,
                "loss_weights: no output is named 'c'",
            ),
            (
                lambda: two_outputs(loss_weights=2.0),
                ArgumentError,
                "loss_weights: expected a list or a dict",
            ),
        ):
            with pytest.raises(error, match=message):
                call()


class TestTemporalWeights:
    STEPS = np.arange(8.0).reshape(4, 2, 1)
    WEIGHTS = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0], [1.0, 1.0]])

    def model(self, mode="temporal", **keywords):
        model = Sequential([Dense(2, input_dim=3, init="zero"), Reshape((2, 1))])
        model.compile("sgd", "mse", sample_weight_mode=mode, **keywords)
        return model

    def test_each_step_has_a_weight(self):
        # Weights that are not zero: 4 of 8.
        expected = (0**2 + 2 * 3**2 + 6**2 + 7**2) / 4
        for value in (
            self.model().evaluate(X, self.STEPS, sample_weight=self.WEIGHTS, verbose=0),
            self.model().train_on_batch(X, self.STEPS, sample_weight=self.WEIGHTS),
        ):
            assert value == pytest.approx(expected)
        assert self.model().evaluate(X, self.STEPS, verbose=0) == pytest.approx(140 / 8)

    def test_without_the_mode_a_sample_has_a_weight(self):
        w = np.array([1.0, 0.0, 0.0, 3.0])
        value = self.model(None).evaluate(X, self.STEPS, sample_weight=w, verbose=0)
        assert value == pytest.approx(((0 + 1) / 2 + 3 * (36 + 49) / 2) / 2)

    def test_what_does_not_fit(self):
        with pytest.raises(
            DataError,
            match=r"expected 1 axes, .*received 2: \(4, 2\). A weight for each step needs",
        ):
            self.model(None).fit(X, self.STEPS, sample_weight=self.WEIGHTS, verbose=0)
        with pytest.raises(
            DataError, match=r"expected 2 axes, .*received 1: \(4,\). .*takes a weight for each"
        ):
            self.model().fit(X, self.STEPS, sample_weight=np.ones(4), verbose=0)
        with pytest.raises(DataError, match="class_weight of .*'temporal' give sample_weight of"):
            self.model().fit(X, self.STEPS, class_weight={0: 1.0}, verbose=0)
        with pytest.raises(ArgumentError, match="expected None or 'temporal', received 'steps'"):
            self.model("steps")


class TestFixedBatches:
    def model(self):
        model = Sequential([Activation("linear", batch_input_shape=(2, 3), name="same")])
        model.add(Dense(1, init="zero"))
        model.compile("sgd", "mse")
        return model

    def test_batches_of_that_size(self):
        model = self.model()
        assert model.fit(X, A, batch_size=2, nb_epoch=1, verbose=0).epoch == [0]
        assert model.fit(X, A, 2, 1, 0, validation_split=0.5).epoch == [0]
        assert model.predict(X, batch_size=2).shape == (4, 1)

    def test_as_many_samples_need_no_batch_size(self):
        model = self.model()
        assert model.fit(X[:2], A[:2], nb_epoch=1, verbose=0).epoch == [0]
        assert model.predict(X[:2]).shape == (2, 1)
        assert model.predict_on_batch(X[:2]).shape == (2, 1)

    def test_batches_of_another_size(self):
        model = self.model()
        for use in (
            lambda: model.fit(X, A, verbose=0),
            lambda: model.evaluate(X, A, verbose=0),
            lambda: model.predict(X),
        ):
            with pytest.raises(
                DataError,
                match="fixes the batch to 2, received 4 samples in batches of 32; pass batch_size",
            ):
                use()
        for use in (
            lambda: model.train_on_batch(X, A),
            lambda: model.test_on_batch(X, A),
            lambda: model.predict_on_batch(X),
        ):
            with pytest.raises(DataError, match="fixes the batch to 2, received a batch of 4"):
                use()
        with pytest.raises(DataError, match="received 3 samples in batches of 2"):
            model.fit(X[:3], A[:3], batch_size=2, verbose=0)


def test_what_fit_was_given_is_kept():
    model = Sequential([Dense(1, input_dim=3)])
    model.compile("sgd", "mse")
    assert not hasattr(model, "history")
    assert model.training_data is model.validation_data is None
    history = model.fit(X, A, nb_epoch=1, verbose=0, validation_split=0.25)
    assert model.history is history
    for kept, rows in ((model.training_data, slice(0, 3)), (model.validation_data, slice(3, 4))):
        inputs, targets, weights = kept
        np.testing.assert_array_equal(inputs, X[rows])
        np.testing.assert_array_equal(targets, A[rows])
        np.testing.assert_array_equal(weights, np.ones(4)[rows])
    model.fit(X, A, nb_epoch=1, verbose=0)
    assert model.validation_data is None
