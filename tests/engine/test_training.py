"""Training, validation and their weights against gradient descent in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import objectives, optimizers, regularizers
from graphc.callbacks import Callback
from graphc.compiler import graph as g
from graphc.config import config
from graphc.engine import Layer
from graphc.layers import Dense, Dropout
from graphc.models import Sequential
from tests.linear_model import data, linear


class LinearReference:
    """Gradient descent on sum(w (x.W + b - y)^2) / count(w != 0), one output, in float64."""

    def __init__(self, features, lr=0.1):
        self.W, self.b, self.lr = np.zeros((features, 1)), np.zeros(1), lr

    def loss(self, x, y, w=None):
        w = np.ones(len(x)) if w is None else w
        error = (x @ self.W + self.b - y)[:, 0]
        return float((w * error**2).sum() / np.count_nonzero(w))

    def step(self, x, y, w=None):
        w = np.ones(len(x)) if w is None else w
        loss = self.loss(x, y, w)
        slope = 2.0 * w[:, None] * (x @ self.W + self.b - y) / np.count_nonzero(w)
        self.W = self.W - self.lr * x.T @ slope
        self.b = self.b - self.lr * slope.sum(axis=0)
        return loss

    def epoch(self, x, y, batch_size, order=None, w=None):
        """The mean loss of an epoch, each batch counted by its size."""
        order = np.arange(len(x)) if order is None else order
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            weights = None if w is None else w[rows]
            total += len(rows) * self.step(x[rows], y[rows], weights)
        return total / len(x)


@pytest.fixture
def float64():
    with config.changed(floatX="float64"):
        yield


@pytest.mark.usefixtures("float64")
class TestTraining:
    def test_fit_in_order_with_a_short_last_batch(self):
        x, y = data(7)
        model, reference = linear(), LinearReference(3)
        history = model.fit(x, y, batch_size=3, nb_epoch=4, shuffle=False, verbose=0)
        expected = [reference.epoch(x, y, 3) for _ in range(4)]
        np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-12)
        assert history.epoch == [0, 1, 2, 3]
        np.testing.assert_allclose(model.get_weights()[0], reference.W, rtol=1e-12)
        np.testing.assert_allclose(model.get_weights()[1], reference.b, rtol=1e-12)

    def test_shuffling_goes_on_from_the_order_of_the_epoch_before(self):
        x, y = data(8)
        model, reference = linear(), LinearReference(3)
        np.random.seed(5)
        history = model.fit(x, y, batch_size=3, nb_epoch=3, verbose=0)
        np.random.seed(5)
        order, expected = np.arange(8), []
        for _ in range(3):
            np.random.shuffle(order)
            expected.append(reference.epoch(x, y, 3, order))
        np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-12)

    def test_shuffling_whole_batches_goes_on_too_and_leaves_the_rest_last(self):
        x, y = data(14)
        model, reference = linear(), LinearReference(3)
        np.random.seed(5)
        history = model.fit(x, y, batch_size=3, nb_epoch=3, shuffle="batch", verbose=0)
        np.random.seed(5)
        order, expected = np.arange(14), []
        for _ in range(3):
            whole = order[:12].reshape(4, 3)
            np.random.shuffle(whole)
            order = np.append(whole.flatten(), order[12:])
            expected.append(reference.epoch(x, y, 3, order))
        np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-12)

    def test_sample_weights(self):
        x, y = data(7)
        w = np.array([1.0, 0.0, 2.0, 0.5, 0.0, 3.0, 1.0])
        model, reference = linear(), LinearReference(3)
        history = model.fit(
            x, y, batch_size=3, nb_epoch=3, shuffle=False, sample_weight=w, verbose=0
        )
        expected = [reference.epoch(x, y, 3, w=w) for _ in range(3)]
        np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-12)
        for given in (w, [w], {model.output_names[0]: w}):
            value = model.evaluate(x, y, batch_size=7, sample_weight=given, verbose=0)
            assert value == pytest.approx(reference.loss(x, y, w), rel=1e-12)

    def test_class_weights_stand_for_sample_weights(self):
        x, _ = data(6)
        labels = np.array([0, 1, 1, 0, 1, 0])
        results = []
        for weights in (
            {"class_weight": {0: 1.0, 1: 4.0}},
            {"sample_weight": np.where(labels == 1, 4.0, 1.0)},
        ):
            model = linear(loss="binary_crossentropy", activation="sigmoid")
            model.fit(x, labels, nb_epoch=2, batch_size=4, shuffle=False, verbose=0, **weights)
            results.append(model.get_weights()[0])
        np.testing.assert_array_equal(*results)

    def test_class_weights_by_the_column_of_one_hot_rows(self):
        model = linear(outputs=3, loss="categorical_crossentropy", activation="softmax")
        y = np.eye(3)[[0, 2, 1, 2]]
        loss = model.train_on_batch(np.zeros((4, 3)), y, class_weight={0: 1.0, 1: 2.0, 2: 0.0})
        # All probabilities are 1/3; two of the four weights are not zero.
        assert loss == pytest.approx((1.0 + 2.0) * np.log(3.0) / 2, rel=1e-6)

    def test_validation_split_takes_the_last_samples_before_shuffling(self):
        x, y = data(10)
        model, reference = linear(), LinearReference(3)
        np.random.seed(9)
        history = model.fit(x, y, batch_size=4, nb_epoch=3, validation_split=0.25, verbose=0)
        np.random.seed(9)
        order, expected, validated = np.arange(7), [], []  # int(10 * .75) = 7
        for _ in range(3):
            np.random.shuffle(order)
            expected.append(reference.epoch(x[:7], y[:7], 4, order))
            validated.append(reference.loss(x[7:], y[7:]))
        np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-12)
        np.testing.assert_allclose(history.history["val_loss"], validated, rtol=1e-12)

    def test_validation_data_wins_and_may_have_weights(self):
        x, y = data(6)
        held_x, held_y = data(5, seed=3)
        w = np.array([1.0, 2.0, 0.0, 1.0, 1.0])
        model, reference = linear(), LinearReference(3)
        history = model.fit(
            *(x, y),
            nb_epoch=1,
            shuffle=False,
            verbose=0,
            validation_split=0.5,
            validation_data=(held_x, held_y, w),
        )
        assert history.history["loss"] == pytest.approx([reference.epoch(x, y, 32)], rel=1e-12)
        expected = reference.loss(held_x, held_y, w)
        assert history.history["val_loss"] == pytest.approx([expected], rel=1e-12)

    def test_on_batch_methods_return_the_loss_before_the_update(self):
        x, y = data(5)
        model, reference = linear(), LinearReference(3)
        for _ in range(3):
            tested = model.test_on_batch(x, y)
            trained = model.train_on_batch(x, y)
            assert trained == pytest.approx(reference.step(x, y), rel=1e-12)
            assert tested == trained
        np.testing.assert_allclose(model.predict_on_batch(x), x @ reference.W + reference.b)

    def test_metrics_come_behind_the_loss(self):
        model = Sequential([Dense(1, input_dim=3, init="zero", activation="sigmoid")])
        model.compile(
            "sgd", "binary_crossentropy", metrics=["accuracy", objectives.mean_absolute_error]
        )
        assert model.metrics_names == ["loss", "acc", "mean_absolute_error"]
        y = np.array([0, 1, 1, 1])
        loss, accuracy, error = model.evaluate(np.ones((4, 3)), y, verbose=0)
        # p = 0.5 rounds to 0 (halves to even), so one of four is right.
        assert (loss, accuracy, error) == (pytest.approx(np.log(2.0)), 0.25, 0.5)
        history = model.fit(np.ones((4, 3)), y, nb_epoch=1, validation_split=0.5, verbose=0)
        assert set(history.history) == {
            *("loss", "acc", "mean_absolute_error"),
            *("val_loss", "val_acc", "val_mean_absolute_error"),
        }

    @pytest.mark.flags(keras="1.0")
    def test_penalties_count_in_training_only(self):
        x, y = data(5)
        model = linear(W_regularizer=regularizers.l2(0.5))
        model.set_weights([np.array([[1.0], [-2.0], [3.0]]), np.zeros(1)])
        plain = float(np.mean((x @ np.array([[1.0], [-2.0], [3.0]]) - y) ** 2))
        assert model.evaluate(x, y, verbose=0) == pytest.approx(plain, rel=1e-12)
        assert model.train_on_batch(x, y) == pytest.approx(plain + 0.5 * 14.0, rel=1e-12)

    def test_constraints_hold_after_each_update(self):
        x, y = data(5)
        free, bound = linear(lr=1.0), linear(lr=1.0, W_constraint="nonneg")
        free.train_on_batch(x, y)
        bound.train_on_batch(x, y)
        stepped = free.get_weights()[0]
        assert stepped.min() < 0.0
        np.testing.assert_array_equal(bound.get_weights()[0], np.maximum(stepped, 0.0))

    def test_frozen_layers_stay(self):
        x, y = data(5)
        frozen = Dense(4, input_dim=3, trainable=False)
        model = Sequential([frozen, Dense(1)])
        model.compile("sgd", "mse")
        before = model.get_weights()
        model.train_on_batch(x, y)
        after = model.get_weights()
        np.testing.assert_array_equal(before[0], after[0])
        assert np.any(before[2] != after[2])

    def test_penalties_of_a_frozen_layer_stay_in_the_loss(self):
        x, y = data(5)
        model = linear(W_regularizer=regularizers.l2(0.5), trainable=False)
        model.add(Dense(1, init="one"))
        model.compile("sgd", "mse")
        model.layers[0].set_weights([np.array([[1.0], [-2.0], [3.0]]), np.zeros(1)])
        plain = float(np.mean((x @ np.array([[1.0], [-2.0], [3.0]]) - y) ** 2))
        assert model.train_on_batch(x, y) == pytest.approx(plain + 0.5 * 14.0, rel=1e-12)

    @pytest.mark.flags(keras="1.0")
    def test_trainable_is_read_when_the_first_step_is_made(self):
        x, y = data(5)
        model = Sequential([Dense(4, input_dim=3), Dense(1)])
        model.compile("sgd", "mse")
        first = model.layers[0]
        first.trainable = False  # behind compile, before the first step
        before = first.get_weights()[0]
        model.train_on_batch(x, y)
        np.testing.assert_array_equal(first.get_weights()[0], before)
        first.trainable = True
        model.train_on_batch(x, y)
        np.testing.assert_array_equal(first.get_weights()[0], before)
        model.compile("sgd", "mse")
        model.train_on_batch(x, y)
        assert np.any(first.get_weights()[0] != before)

    def test_updates_of_layers_run_in_training_only(self):
        class Counter(Layer):
            def call(self, x, mask=None):
                self.count = g.shared(0.0, name="count")
                self.updates.append((self.count, self.count + 1.0))
                return x

        counter = Counter(input_shape=(3,))
        model = Sequential([counter, Dense(1)])
        model.compile("sgd", "mse")
        x, y = data(5)
        model.fit(x, y, batch_size=2, nb_epoch=2, verbose=0)
        model.evaluate(x, y, verbose=0)
        assert counter.count.get_value() == 6.0

    def test_epochs_start_at_initial_epoch(self):
        x, y = data(5)
        history = linear().fit(x, y, initial_epoch=2, nb_epoch=5, verbose=0)
        assert history.epoch == [2, 3, 4]

    def test_a_callback_ends_training_behind_the_epoch(self):
        class Stop(Callback):
            def on_batch_begin(self, batch, logs=None):
                self.model.stop_training = True

        x, y = data(5)
        model = linear()
        assert model.fit(x, y, nb_epoch=5, verbose=0, callbacks=[Stop()]).epoch == [0]
        assert len(model.fit(x, y, nb_epoch=2, verbose=0).epoch) == 2

    def test_the_learning_rate_can_be_changed_without_compiling_again(self):
        x, y = data(5)
        model, reference = linear(lr=0.1), LinearReference(3)
        model.train_on_batch(x, y)
        step = model._graphc_trainer.compiled.train()
        reference.step(x, y)
        model.optimizer.lr.set_value(0.01)
        reference.lr = 0.01
        model.train_on_batch(x, y)
        reference.step(x, y)
        assert model._graphc_trainer.compiled.train() is step
        np.testing.assert_allclose(model.get_weights()[0], reference.W, rtol=1e-12)


class TestPhases:
    def test_dropout_works_in_training_alone_and_all_functions_share_the_weights(self):
        model = Sequential([Dropout(0.5, input_shape=(50,)), Dense(1, init="one")])
        model.compile(optimizers.SGD(lr=0.0), "mse")
        x, y = np.ones((4, 50)), np.zeros((4, 1))
        tested = [model.test_on_batch(x, y) for _ in range(2)]
        trained = [model.train_on_batch(x, y) for _ in range(2)]
        assert tested == [2500.0, 2500.0]
        assert trained[0] != trained[1]
        np.testing.assert_array_equal(model.predict(x), np.full((4, 1), 50.0))
        model.set_weights([np.full((50, 1), 2.0), np.zeros(1)])
        assert model.test_on_batch(x, y) == 10_000.0
        np.testing.assert_array_equal(model.predict(x), np.full((4, 1), 100.0))

    def test_the_same_seed_trains_the_same_model(self):
        results = []
        for _ in range(2):
            np.random.seed(1337)
            model = Sequential([Dense(8, input_dim=3), Dropout(0.5), Dense(1)])
            model.compile("adam", "mse")
            x, y = data(40)
            model.fit(x, y, batch_size=8, nb_epoch=3, verbose=0)
            results.append(model.predict(x))
        np.testing.assert_array_equal(*results)
