import numpy as np
import pytest

from graphc import backend as K
from graphc import metrics, objectives
from graphc.errors import UnknownNameError

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


def test_objectives_are_metrics():
    assert metrics.get("mse") is objectives.mean_squared_error
    assert metrics.get("cosine_proximity") is objectives.cosine_proximity
    np.testing.assert_allclose(value("mae", ONE_HOT, P), np.abs(ONE_HOT - P).mean(-1), rtol=1e-12)


def test_an_unknown_metric_names_the_near_ones():
    with pytest.raises(UnknownNameError, match="Did you mean 'binary_accuracy'"):
        metrics.get("binary_acuracy")
