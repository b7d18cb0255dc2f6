"""`show_accuracy` and `accuracy` of Keras 0.3, with and without metrics of the model."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from graphc import optimizers
from graphc.config import config
from graphc.engine import Input, Model
from graphc.layers import Dense
from graphc.models import Sequential, load_model

X = np.ones((4, 3))
Y = np.array([0.0, 1.0, 1.0, 1.0])
LOSS = np.log(2.0)  # all outputs are 1/2, which rounds to 0: one of four is right


def classifier(optimizer="sgd", metrics=()):
    model = Sequential([Dense(1, input_dim=3, init="zero", activation="sigmoid")])
    model.compile(optimizer, "binary_crossentropy", metrics=metrics)
    return model


def feed():
    while True:
        yield X, Y


@pytest.mark.parametrize("metrics", [[], ["accuracy"]])
class TestCalls:
    def test_evaluate(self, metrics):
        loss, accuracy = classifier(metrics=metrics).evaluate(X, Y, verbose=0, show_accuracy=True)
        assert (loss, accuracy) == (pytest.approx(LOSS), 0.25)

    def test_evaluate_generator(self, metrics):
        loss, accuracy = classifier(metrics=metrics).evaluate_generator(
            feed(), 8, show_accuracy=True
        )
        assert (loss, accuracy) == (pytest.approx(LOSS), 0.25)

    def test_batches(self, metrics):
        model = classifier(metrics=metrics)
        tested = model.test_on_batch(X, Y, accuracy=True)
        trained = model.train_on_batch(X, Y, accuracy=True)
        assert trained == tested == [pytest.approx(LOSS), 0.25]

    def test_fit(self, metrics):
        for history in (
            classifier(metrics=metrics).fit(
                X, Y, nb_epoch=1, verbose=0, validation_data=(X, Y), show_accuracy=True
            ),
            classifier(metrics=metrics).fit_generator(
                feed(), 4, 1, verbose=0, validation_data=(X, Y), show_accuracy=True
            ),
        ):
            assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"}
            assert history.history["acc"] == [0.25]
            # After one step towards 1 all outputs round to 1.
            assert history.history["val_acc"] == [0.75]
            assert history.params["metrics"] == ["loss", "acc", "val_loss", "val_acc"]


def test_without_it_the_calls_are_as_before():
    model = classifier()
    model.evaluate(X, Y, verbose=0, show_accuracy=True)
    assert model.metrics_names == ["loss"]
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(LOSS)
    assert model.evaluate(X, Y, verbose=0, show_accuracy=False) == pytest.approx(LOSS)


def test_other_metrics_stay_in_front():
    model = classifier(metrics=["mse"])
    assert model.test_on_batch(X, Y, accuracy=True) == [pytest.approx(LOSS), 0.25, 0.25]


def test_both_ways_of_training_share_the_state_of_the_optimizer():
    """Steps with and without the accuracy, in turn, are the steps of one optimizer."""
    results = []
    with config.changed(floatX="float64"):
        for turns in ([False] * 4, [True, False, True, False], [False, True, True, False]):
            model = classifier(optimizers.Adam(lr=0.1))
            for accuracy in turns:
                model.train_on_batch(X, Y, accuracy=accuracy)
            results.append(model.get_weights()[0])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-13)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-13)


def test_compiling_again_makes_it_anew():
    model = classifier()
    model.evaluate(X, Y, verbose=0, show_accuracy=True)
    model.compile("sgd", "mse")
    assert model.evaluate(X, Y, verbose=0, show_accuracy=True) == [0.25, 0.25]


@pytest.mark.flags(keras="1.0")
def test_several_outputs_have_an_accuracy_each():
    x = Input(shape=(3,))
    outputs = [Dense(1, init="zero", name=name)(x) for name in ("a", "b")]
    model = Model(x, outputs)
    model.compile("sgd", "mse", metrics={"a": ["accuracy"]})
    assert model.metrics_names == ["loss", "a_acc"]
    values = model.evaluate(X, [Y, 1.0 - Y], verbose=0, show_accuracy=True)
    assert values == [1.0, 0.25, 0.75]


def test_reports_have_its_functions_too():
    model = classifier()
    model.evaluate(X, Y, verbose=0, show_accuracy=True)
    assert str(model.compile_report()).count(f"{model.name}.test") == 1
    model.evaluate(X, Y, verbose=0)
    assert str(model.compile_report()).count(f"{model.name}.test") == 2


def test_the_optimizer_makes_its_variables_once(tmp_path):
    model = classifier("adam")
    model.fit(X, Y, nb_epoch=1, verbose=0, show_accuracy=True)
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        names = file["optimizer_weights"].attrs["weight_names"]
    assert len(names) == 5  # the count of steps, two moments of a matrix and of a bias
    again = load_model(tmp_path / "model.h5")
    assert again.train_on_batch(X, Y) == model.train_on_batch(X, Y)
