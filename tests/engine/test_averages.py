"""Means over batches: by their size, whatever the weights of samples are. Each number by hand."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.config import config
from graphc.engine import Input, Model
from graphc.layers import Activation, Masking
from graphc.models import Sequential

X = np.arange(1.0, 6.0)  # the errors, for targets of 0
ZEROS = np.zeros(5)
WEIGHTS = np.array([2.0, 0.0, 1.0, 3.0, 4.0])
# Of the batches (1, 2), (3, 4), (5): sum(w * e^2) / count(w != 0) is 2 / 1, (9 + 48) / 2, 100 / 1.
WEIGHTED = (2 * 2.0 + 2 * 28.5 + 1 * 100.0) / 5
PLAIN = 11.0
ERROR = 3.0  # the mean error: no metric has weights

CLASSES = np.array([0.0, 1.0, 0.0, 1.0, 1.0])  # errors of 1, 1, 3, 3, 4
OF_CLASS = {0: 2.0, 1: 3.0}
TRAINED = (2 * 1 + 3 * 1 + 2 * 9) / 3  # on the first three


@pytest.fixture(autouse=True)
def _float64():
    with config.changed(floatX="float64"):
        yield


def same(metrics=("mean_absolute_error",)) -> Sequential:
    """A model that puts out what comes in, so that no step changes a loss."""
    model = Sequential([Activation("linear", input_shape=(1,))])
    model.compile("sgd", "mse", metrics=list(metrics))
    return model


def batches():
    while True:
        for rows in (slice(0, 2), slice(2, 4), slice(4, 5)):
            yield X[rows], ZEROS[rows], WEIGHTS[rows]


class TestALastBatchThatIsShort:
    def test_evaluate(self):
        assert same().evaluate(X, ZEROS, batch_size=2, verbose=0) == pytest.approx([PLAIN, ERROR])
        values = same().evaluate(X, ZEROS, batch_size=2, verbose=0, sample_weight=WEIGHTS)
        assert values == pytest.approx([WEIGHTED, ERROR])

    def test_training_and_validation(self):
        history = same().fit(
            *(X, ZEROS, 2, 2, 0),
            validation_data=(X, ZEROS, WEIGHTS),
            sample_weight=WEIGHTS,
            shuffle=False,
        )
        assert history.history == {
            "loss": pytest.approx([WEIGHTED] * 2),
            "mean_absolute_error": pytest.approx([ERROR] * 2),
            "val_loss": pytest.approx([WEIGHTED] * 2),
            "val_mean_absolute_error": pytest.approx([ERROR] * 2),
        }

    def test_generators(self):
        values = same().evaluate_generator(batches(), 5)
        assert values == pytest.approx([WEIGHTED, ERROR])
        history = same().fit_generator(
            batches(), 5, 1, verbose=0, validation_data=batches(), nb_val_samples=5
        )
        for prefix in ("", "val_"):
            assert history.history[f"{prefix}loss"] == pytest.approx([WEIGHTED])
            assert history.history[f"{prefix}mean_absolute_error"] == pytest.approx([ERROR])

    @pytest.mark.flags(keras="1.0")
    def test_several_outputs(self):
        x = Input((1,))
        outputs = [Activation("linear", name="one")(x), Activation(lambda v: 2 * v, name="two")(x)]
        model = Model(x, outputs)
        model.compile("sgd", ["mse", "mae"], {"two": "mse"}, loss_weights={"two": 10.0})
        assert model.metrics_names == ["loss", "two_mean_squared_error"]
        values = model.evaluate(X, [ZEROS, ZEROS], batch_size=2, verbose=0)
        # 10 times the mean of 2, 4, .. 10 beside the squares; the metric is 4 times the squares.
        assert values == pytest.approx([PLAIN + 60.0, 44.0])


class TestWeightsOfAValidation:
    def test_a_part_that_is_held_out_keeps_those_of_samples(self):
        history = same().fit(
            X, ZEROS, nb_epoch=1, verbose=0, validation_split=0.4, sample_weight=WEIGHTS,
        ).history  # fmt: skip
        assert history["loss"] == pytest.approx([(2 * 1 + 1 * 9) / 2])
        assert history["val_loss"] == pytest.approx([(3 * 16 + 4 * 25) / 2])
        assert history["val_mean_absolute_error"] == pytest.approx([4.5])

    def test_and_those_of_classes(self):
        history = same().fit(
            X, CLASSES, nb_epoch=1, verbose=0, validation_split=0.4,
            class_weight=OF_CLASS,
        ).history  # fmt: skip
        assert history["loss"] == pytest.approx([TRAINED])
        assert history["val_loss"] == pytest.approx([(3 * 9 + 3 * 16) / 2])

    def test_data_of_their_own_have_no_weights_of_classes(self):
        history = same().fit(
            X[:3], CLASSES[:3], nb_epoch=1, verbose=0, class_weight=OF_CLASS,
            validation_data=(X[3:], CLASSES[3:]),
        ).history  # fmt: skip
        assert history["loss"] == pytest.approx([TRAINED])
        assert history["val_loss"] == pytest.approx([(9 + 16) / 2])


def test_a_metric_counts_steps_that_are_masked():
    model = Sequential([Masking(input_shape=(3, 1)), Activation("linear")])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.array([[[1.0], [0.0], [2.0]]])
    y = np.array([[[0.0], [5.0], [0.0]]])
    assert model.test_on_batch(x, y) == pytest.approx([(1 + 4) / 2, (1 + 5 + 2) / 3])
