import numpy as np
import pytest

from graphc import backend as K
from graphc import metrics, objectives
from graphc.errors import ArgumentError, UnknownNameError

ONE_HOT = np.eye(3)[[1, 2, 0, 1]]
P = np.array([[0.1, 0.7, 0.2], [0.4, 0.3, 0.3], [0.9, 0.1, 0.0], [0.3, 0.4, 0.3]])


def value(name, t, p):
    return K.eval(metrics.get(name)(K.variable(t, "float64"), K.variable(p, "float64")))


def test_binary_accuracy_counts_elements():
    t, p = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[0.9, 0.4], [0.2, 0.5]])
    # 0.5 rounds to the even 0.
    assert value("binary_accuracy", t, p) == 0.5


def test_categorical_accuracy_compares_the_largest():
    assert value("categorical_accuracy", ONE_HOT, P) == 0.75


@pytest.mark.parametrize("labels", [[1, 2, 0, 1], [[1], [2], [0], [1]]])
def test_sparse_accuracy_compares_labels(labels):
    assert value("sparse_categorical_accuracy", labels, P) == 0.75


def test_a_label_is_no_other_one_in_fewer_bits():
    labels = K.variable([2**32 + 1, 2, 0, 1], "int64")
    assert K.eval(metrics.sparse_categorical_accuracy(labels, K.variable(P))) == 0.5


@pytest.mark.parametrize("name", objectives.OBJECTIVES)
def test_objectives_are_metrics_as_means(name):
    function = metrics.get(name)
    assert function is getattr(metrics, name)
    assert function.__name__ == objectives.get(name).__name__
    t, p = (np.array([[1], [2], [0], [1]]) if "sparse" in name else ONE_HOT), P
    scores = objectives.get(name)(K.variable(t, "float64"), K.variable(p, "float64"))
    np.testing.assert_allclose(value(name, t, p), K.eval(scores).mean(), rtol=1e-12)


@pytest.mark.parametrize(("k", "expected"), [(1, 0.75), (2, 0.75), (3, 1.0)])
def test_top_k_counts_larger_predictions(k, expected):
    p = np.array([[0.1, 0.7, 0.2], [0.4, 0.3, 0.3], [0.9, 0.1, 0.0], [0.3, 0.4, 0.3]])
    t = np.eye(3)[[1, 0, 1, 1]]
    p[2] = [0.6, 0.1, 0.3]  # the target's is the least
    found = metrics.top_k_categorical_accuracy(K.variable(t), K.variable(p), k)
    assert K.eval(found) == expected
    over_time = [K.variable(one.reshape(2, 2, 3)) for one in (t, p)]
    assert K.eval(metrics.top_k_categorical_accuracy(*over_time, k)) == expected


# Of rounded elements: 3 true positives, 1 false, 2 missed, 4 true negatives.
T10 = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0.0]).reshape(5, 2)
P10 = np.array([0.9, 0.6, 1.7, 0.5, 0.1, 0.8, 0.3, -2.0, 0.5, 0.0]).reshape(5, 2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("precision", 3 / (4 + 1e-7)),
        ("recall", 3 / (5 + 1e-7)),
        ("fmeasure", 2 * 0.75 * 0.6 / (0.75 + 0.6)),
        ("fbeta_score", 2 * 0.75 * 0.6 / (0.75 + 0.6)),
        ("matthews_correlation", (3 * 4 - 1 * 2) / np.sqrt(4 * 5 * 5 * 6)),
    ],
)
def test_counts_of_positives(name, expected):
    assert value(name, T10, P10) == pytest.approx(expected, rel=1e-6)
    assert value(name, np.zeros((2, 2)), np.zeros((2, 2))) == 0.0


def test_fbeta_weighs_recall():
    t, p = (K.variable(one, "float64") for one in (T10, P10))
    found = K.eval(metrics.fbeta_score(t, p, beta=2))
    assert found == pytest.approx(5 * 0.75 * 0.6 / (4 * 0.75 + 0.6), rel=1e-6)
    with pytest.raises(ArgumentError, match="beta: expected a number of at least 0"):
        metrics.fbeta_score(t, p, beta=-1)
    assert metrics.f1score is metrics.fscore is metrics.fmeasure


def test_correlation_of_many_elements_in_float32():
    t = K.variable(np.arange(200_000) % 2, "float32")
    assert K.eval(metrics.matthews_correlation(t, t)) == pytest.approx(1.0, rel=1e-5)


def test_an_unknown_metric_names_the_near_ones():
    with pytest.raises(UnknownNameError, match="Did you mean 'binary_accuracy'"):
        metrics.get("binary_acuracy")


@pytest.mark.parametrize("name", ["", 3, None])
def test_the_name_of_a_metric_of_epochs_is_a_text(name):
    with pytest.raises(ArgumentError, match="^EpochMetric: name: expected a text, received"):
        metrics.EpochMetric(name)
    assert metrics.EpochMetric("auc").name == metrics.EpochMetric("auc").__name__ == "auc"
