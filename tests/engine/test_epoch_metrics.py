"""Metrics of a whole epoch: whatever the batches, they are those of all samples at once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphc import backend as K
from graphc import metrics
from graphc.callbacks import Callback, EarlyStopping
from graphc.compiler import graph as g
from graphc.errors import ArgumentError
from graphc.layers import Activation, Dense
from graphc.metrics import AUC, EpochMetric, FBeta, Precision, Recall
from graphc.models import Sequential, load_model

RNG = np.random.default_rng(4)
X = RNG.normal(size=(31, 2)).astype("float32")
Y = (X[:, :1] + RNG.normal(size=(31, 1)) > 0.3).astype("float32")


def model(*wanted, outputs=1):
    """Its output is the sigmoid of the first feature, and training does not change it."""
    made = Sequential([Dense(outputs, input_dim=2), Activation("sigmoid")])
    weights = np.zeros((2, outputs), "float32")
    weights[0] = 1.0
    made.set_weights([weights, np.zeros(outputs, "float32")])
    made.compile("sgd", "binary_crossentropy", metrics=list(wanted))
    made.optimizer.lr.set_value(np.float32(0.0))
    return made


def counted(y, p, threshold=0.5):
    hits = np.sum((p > threshold) & (y == 1))
    return hits / max(np.sum(p > threshold), 1), hits / max(y.sum(), 1)


def area(y, p):
    """By definition: over all pairs of a positive and a negative."""
    differences = p[y == 1][:, None] - p[y == 0][None, :]
    return np.mean((differences > 0) + 0.5 * (differences == 0))


P = 1 / (1 + np.exp(-X[:, :1].astype("float64")))
PRECISION, RECALL = counted(Y, P)
EXPECTED = {
    "precision": PRECISION,
    "recall": RECALL,
    "fbeta": 5 * PRECISION * RECALL / (4 * PRECISION + RECALL),
    "auc": area(Y, P),
}
ALL = [Precision(), Recall(), FBeta(beta=2.0), AUC()]


@pytest.mark.parametrize("batch_size", [1, 4, 31])
def test_every_way_of_going_through_the_samples(batch_size):
    made = model(*ALL)
    assert made.metrics_names == ["loss", *EXPECTED]
    history = made.fit(X, Y, batch_size, 2, 0, validation_data=(X[::-1], Y[::-1])).history
    evaluated = made.evaluate(X, Y, batch_size, verbose=0)
    for k, (name, value) in enumerate(EXPECTED.items(), start=1):
        assert history[name] == pytest.approx([value, value], rel=1e-6)
        assert history[f"val_{name}"] == pytest.approx([value, value], rel=1e-6)
        assert evaluated[k] == pytest.approx(value, rel=1e-6)
        assert type(history[name][0]) is float


def test_of_one_batch():
    made = model(Precision(0.7), AUC(name="area"))
    precision, _ = counted(Y[:9], P[:9], 0.7)
    for found in (made.train_on_batch(X[:9], Y[:9]), made.test_on_batch(X[:9], Y[:9])):
        assert found[1:] == pytest.approx([precision, area(Y[:9], P[:9])], rel=1e-6)


def test_batches_of_a_generator():
    made = model("auc", Recall())

    def batches():
        while True:
            for start in range(0, 31, 10):
                yield X[start : start + 10], Y[start : start + 10]

    history = made.fit_generator(batches(), 31, 1, verbose=0).history
    assert history["auc"] == pytest.approx([EXPECTED["auc"]], rel=1e-6)
    found = made.evaluate_generator(batches(), 31)
    assert found[1:] == pytest.approx([EXPECTED["auc"], RECALL], rel=1e-6)


def test_callbacks_read_those_of_the_batch_and_of_the_epoch():
    read = []

    class Reads(Callback):
        def on_batch_end(self, batch, logs=None):
            read.append(logs["auc"])

    made = model(AUC())
    stopping = EarlyStopping("auc", patience=0)
    history = made.fit(X, Y, 20, 5, 0, [Reads(), stopping], shuffle=False)
    assert read[:2] == pytest.approx([area(Y[:20], P[:20]), area(Y[20:], P[20:])], rel=1e-6)
    assert stopping.best == pytest.approx(EXPECTED["auc"])
    assert len(history.epoch) == 2  # the second is no better


def test_beside_means_and_show_accuracy():
    made = model("mae", Precision())
    found = made.fit(X, Y, 7, 1, 0, show_accuracy=True).history
    assert found["mean_absolute_error"] == pytest.approx([np.abs(P - Y).mean()], rel=1e-5)
    assert found["acc"] == pytest.approx([np.mean((P > 0.5) == Y)], rel=1e-6)
    assert found["precision"] == pytest.approx([PRECISION], rel=1e-6)


def test_saved_with_the_model(tmp_path):
    made = model(FBeta(2.0, 0.25, "score"), AUC())
    made.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert loaded.metrics_names == ["loss", "score", "auc"]
    assert loaded.evaluate(X, Y, 5, verbose=0) == pytest.approx(
        made.evaluate(X, Y, 31, verbose=0), rel=1e-6
    )


@pytest.mark.parametrize(
    ("y", "p", "expected"),
    [
        ([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1], 1.0),
        ([0, 1], [0.5, 0.5], 0.5),
        ([0, 1, 1], [0.5, 0.5, 0.6], 0.75),
        ([1, 0, 1, 0], [0.0, 1.0, 1.0, 0.0], 0.5),
        ([0, 1], [1 - 1e-3, 1 - 1e-4], 1.0),  # near to 1 the parts are finer
        ([1, 1], [0.5, 0.6], float("nan")),
    ],
)
def test_areas_of_a_few(y, p, expected):
    sums = AUC().sums(g.constant(np.array(y, "float32")), g.constant(np.array(p, "float32")))
    found = AUC().value(K.eval(sums))
    assert math.isnan(found) if math.isnan(expected) else found == expected


def test_without_positives_there_is_no_division_by_zero():
    assert Precision().value(np.array([0.0, 0.0, 3.0])) == 0.0
    assert Recall().value(np.array([0.0, 3.0, 0.0])) == 0.0
    assert FBeta().value(np.zeros(3)) == 0.0


class Largest(EpochMetric):
    """A user's own."""

    def __init__(self, name="spread"):
        super().__init__(name)

    def sums(self, y_true, y_pred):
        return g.stack([g.sum(y_pred), g.sum(g.mul(y_pred, y_pred)), g.sum(y_pred * 0.0 + 1.0)])

    def value(self, sums):
        total, squares, count = sums
        return float(squares / count - (total / count) ** 2)


def test_one_of_the_users_own():
    assert model(Largest()).evaluate(X, Y, 4, verbose=0)[1] == pytest.approx(P.var(), rel=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Precision(threshold="a"), "Precision: threshold: expected a finite number"),
        (lambda: FBeta(beta=0), "FBeta: beta: expected a number above 0"),
        (lambda: AUC(name=""), "AUC: name: expected a text"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


def test_class_numbers_are_refused():
    made = Sequential([Dense(3, input_dim=2), Activation("softmax")])
    with pytest.raises(ArgumentError, match="precision compares numbers.*class numbers"):
        made.compile("sgd", "sparse_categorical_crossentropy", metrics=[Precision()])
    assert metrics.get("auc").name == "auc"
