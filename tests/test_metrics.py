import numpy as np
import pytest

from graphc import backend as K
from graphc import metrics, objectives
from graphc.errors import ArgumentError, KeywordError, UnknownNameError

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


def test_a_keyword_that_a_metric_lacks_is_answered_with_those_that_it_has():
    with pytest.raises(KeywordError, match="'y_predicted'. Known names: y_true, y_pred"):
        metrics.mse(1.0, y_predicted=2.0)


def test_an_unknown_metric_names_the_near_ones():
    with pytest.raises(UnknownNameError, match="Did you mean 'binary_accuracy'"):
        metrics.get("binary_acuracy")


@pytest.mark.parametrize("name", ["", 3, None])
def test_the_name_of_a_metric_of_epochs_is_a_text(name):
    with pytest.raises(ArgumentError, match="^EpochMetric: name: expected a text, received"):
        metrics.EpochMetric(name)
    assert metrics.EpochMetric("auc").name == metrics.EpochMetric("auc").__name__ == "auc"


T = np.array([[1.0], [0.0], [1.0], [0.5], [0.4], [1.0]])
Q = np.array([[0.9], [0.8], [0.5], [0.6], [0.1], [0.3]])  # 0.9 and 0.6 are hits, 0.8 is none


def sums_of(metric, t=T, p=Q):
    return K.eval(metric(K.variable(t, "float64"), K.variable(p, "float64")))


@pytest.mark.parametrize(
    ("metric", "sums", "expected"),
    [
        (metrics.Precision(), [2, 3, 4], 2 / 3),
        (metrics.Recall(), [2, 3, 4], 2 / 4),
        (metrics.Precision(0.45), [3, 4, 4], 3 / 4),
        (metrics.FBeta(), [2, 3, 4], 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4)),
        (metrics.FBeta(2.0), [2, 3, 4], 5 * (2 / 3) * (2 / 4) / (4 * 2 / 3 + 2 / 4)),
        (metrics.FBeta(0.5, 0.45), [3, 4, 4], 3 / 4),
    ],
)
def test_metrics_of_counts(metric, sums, expected):
    found = sums_of(metric)
    assert found.tolist() == sums
    assert metric.value(found) == pytest.approx(expected, rel=1e-12)
    assert metric.value(np.zeros(3)) == 0.0


def test_sums_of_batches_make_the_value_of_an_epoch():
    metric = metrics.Recall()
    first, second = (metrics.BatchSums(metric, sums_of(metric, T[k], Q[k])) for k in (
        slice(0, 2), slice(2, 6)
    ))  # fmt: skip
    assert (float(first), float(second)) == (1.0, 1 / 3)
    assert first.added_to(None) is first
    both = second.added_to(first)
    assert (float(both), both.sums.tolist(), both.metric) == (0.5, [2, 3, 4], metric)


def test_the_area_under_the_curve_counts_pairs():
    t, p = np.round(np.random.default_rng(1).random((2, 60)), 1)
    p[:3] = [0.0, 1.0, 0.55]
    positive, negative = p[t >= 0.5], p[t < 0.5]
    above = (positive[:, None] > negative).sum() + 0.5 * (positive[:, None] == negative).sum()
    metric = metrics.AUC()
    found = sums_of(metric, t, p)
    assert found.shape == (4096,)
    assert metric.value(found) == pytest.approx(above / (positive.size * negative.size))
    assert np.isnan(metric.value(sums_of(metric, np.ones(3), p[:3])))
    assert np.isnan(metric.value(sums_of(metric, np.zeros(3), p[:3])))


@pytest.mark.parametrize(
    ("metric", "config"),
    [
        (metrics.Precision(), {"threshold": 0.5, "name": "precision"}),
        (metrics.Recall(0.25, "found"), {"threshold": 0.25, "name": "found"}),
        (metrics.FBeta(), {"beta": 1.0, "threshold": 0.5, "name": "fbeta"}),
        (metrics.FBeta(2, 0.5, "f2"), {"beta": 2.0, "threshold": 0.5, "name": "f2"}),
        (metrics.AUC(), {"name": "auc"}),
    ],
)
def test_a_metric_of_epochs_has_a_config_that_makes_an_equal_one(metric, config):
    assert metric.get_config() == config
    copy = type(metric)(**config)
    assert (copy.get_config(), copy.__name__) == (config, config["name"])


@pytest.mark.parametrize("beta", [0, -1.0, float("nan")])
def test_beta_is_above_zero(beta):
    with pytest.raises(ArgumentError, match="FBeta: beta"):
        metrics.FBeta(beta)
