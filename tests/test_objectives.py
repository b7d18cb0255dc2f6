"""Losses against NumPy written from the formulas."""

import numpy as np
import pytest

from graphc import backend as K
from graphc import objectives
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.errors import IndexRangeError, UnknownNameError

EPSILON = 1e-7
RNG = np.random.RandomState(3)
T = RNG.uniform(-2, 2, (4, 5))
P = RNG.uniform(-2, 2, (4, 5))
# Probabilities, some beyond the clip, and rows that do not sum to 1.
Q = np.array([[0.2, 0.8, 0.0], [0.3, 0.3, 0.3], [1.0, 1e-9, 1e-9], [2.0, 1.0, 1.0]])
ONE_HOT = np.eye(3)[[1, 2, 0, 1]]


def value(function, t, p):
    return K.eval(function(K.variable(t, "float64"), K.variable(p, "float64")))


def gradient(function, t, p):
    prediction = K.variable(p, "float64")
    loss = K.sum(function(K.variable(t, "float64"), prediction))
    return K.eval(K.gradients(loss, [prediction])[0])


def crossentropy(t, p):
    q = np.clip(p / p.sum(-1, keepdims=True), EPSILON, 1 - EPSILON)
    return -(t * np.log(q)).sum(-1)


def percentage(t, p):
    return 100 * (np.abs(t - p) / np.maximum(np.abs(t), EPSILON)).mean(-1)


def logarithmic(t, p):
    logs = np.log(np.maximum(p, EPSILON) + 1) - np.log(np.maximum(t, EPSILON) + 1)
    return (logs**2).mean(-1)


def divergence(t, p):
    t, p = np.clip(t, EPSILON, 1), np.clip(p, EPSILON, 1)
    return (t * np.log(t / p)).sum(-1)


def cosine(t, p):
    lengths = np.linalg.norm(t, axis=-1) * np.linalg.norm(p, axis=-1)
    return -(t * p).sum(-1) / lengths / t.shape[-1]


@pytest.mark.parametrize(
    ("name", "formula", "t", "p"),
    [
        ("mean_squared_error", lambda t, p: ((p - t) ** 2).mean(-1), T, P),
        ("root_mean_squared_error", lambda t, p: np.sqrt(((p - t) ** 2).mean(-1)), T, P),
        ("mean_absolute_error", lambda t, p: np.abs(p - t).mean(-1), T, P),
        ("mean_absolute_percentage_error", percentage, np.where(T > 1.5, 0.0, T), P),
        ("mean_squared_logarithmic_error", logarithmic, T, P),
        ("squared_hinge", lambda t, p: (np.maximum(1 - t * p, 0) ** 2).mean(-1), np.sign(T), P),
        ("hinge", lambda t, p: np.maximum(1 - t * p, 0).mean(-1), np.sign(T), P),
        ("categorical_crossentropy", crossentropy, ONE_HOT, Q),
        ("poisson", lambda t, p: (p - t * np.log(p + EPSILON)).mean(-1), np.abs(T), np.abs(P)),
        ("cosine_proximity", cosine, T, P),
        ("kullback_leibler_divergence", divergence, ONE_HOT, Q),
    ],
)
def test_a_loss_equals_its_formula(name, formula, t, p):
    result = value(objectives.get(name), t, p)
    assert result.shape == t.shape[:-1]
    np.testing.assert_allclose(result, formula(t, p), rtol=1e-12)


def test_binary_crossentropy_clips():
    t, p = np.array([[1.0, 0.0, 1.0, 0.0]]), np.array([[0.9, 0.2, 0.0, 1.0]])
    q = np.array([0.9, 0.8, EPSILON, EPSILON])  # the probability of what came
    np.testing.assert_allclose(
        value(objectives.binary_crossentropy, t, p), [-np.log(q).mean()], rtol=1e-9
    )
    assert gradient(objectives.binary_crossentropy, t, p)[0, 2:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("labels", [[1, 2, 0, 1], [[1], [2], [0], [1]]])
def test_sparse_is_categorical_of_one_hot(labels):
    sparse = value(objectives.sparse_categorical_crossentropy, labels, Q)
    np.testing.assert_allclose(sparse, crossentropy(ONE_HOT, Q), rtol=1e-12)


def test_sparse_over_time():
    p = RNG.uniform(0.1, 1, (2, 3, 4))
    labels = RNG.randint(0, 4, (2, 3, 1))
    sparse = value(objectives.sparse_categorical_crossentropy, labels, p)
    np.testing.assert_allclose(sparse, crossentropy(np.eye(4)[labels[..., 0]], p), rtol=1e-12)


@pytest.mark.parametrize("label", [3, -1])
def test_a_label_outside_of_the_classes_is_an_error(label):
    with pytest.raises(IndexRangeError):
        value(objectives.sparse_categorical_crossentropy, [0, label, 1, 2], Q)


@pytest.mark.parametrize("loss", [K.categorical_crossentropy, K.sparse_categorical_crossentropy])
def test_from_logits_takes_the_softmax_first(loss):
    logits = K.variable(P[:, :3], "float64")
    exponentials = np.exp(P[:, :3])
    target = ONE_HOT if loss is K.categorical_crossentropy else [1, 2, 0, 1]
    result = K.eval(loss(logits, K.variable(target, "float64"), from_logits=True))
    np.testing.assert_allclose(result, crossentropy(ONE_HOT, exponentials), rtol=1e-12)


def test_binary_from_logits_takes_the_sigmoid_first():
    t = K.variable([[1.0, 0.0]], "float64")
    result = K.eval(K.binary_crossentropy(K.variable([[2.0, 3.0]], "float64"), t, from_logits=True))
    np.testing.assert_allclose(result, [[np.log(1 + np.exp(-2)), np.log(1 + np.exp(3))]], rtol=1e-9)


def test_predictions_of_zeros_give_a_finite_loss_and_gradient():
    t, zeros = np.array([[1.0, 0.0, 0.0]]), np.zeros((1, 3))
    np.testing.assert_allclose(
        value(objectives.categorical_crossentropy, t, zeros), [-np.log(EPSILON)], rtol=1e-12
    )
    assert value(objectives.cosine_proximity, t, zeros).tolist() == [0.0]
    for name in ("categorical_crossentropy", "cosine_proximity"):
        assert np.isfinite(gradient(objectives.get(name), t, zeros)).all()


def test_the_clip_stays_where_a_softmax_or_sigmoid_is_in_front():
    """log(softmax(x)) by itself would be -200 here."""
    for activation, loss in (
        (K.softmax, objectives.categorical_crossentropy),
        (K.sigmoid, objectives.binary_crossentropy),
    ):
        x = K.variable([[100.0, -100.0]], "float64")
        wrong = loss(K.variable([[0.0, 1.0]], "float64"), activation(x))
        run = K.function([], [wrong, K.gradients(K.sum(wrong), [x])[0]])
        value_of_it, slope = run([])
        np.testing.assert_allclose(value_of_it, [-np.log(EPSILON)], rtol=1e-9)
        assert slope.tolist() == [[0.0, 0.0]]


def test_the_gradient_of_the_root_is_zero_at_the_target():
    t, p = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(value(objectives.rmse, t, p), [0.0, np.sqrt(12.5)], rtol=1e-12)
    expected = [[0.0, 0.0], np.array([3.0, 4.0]) / (2 * np.sqrt(12.5))]
    np.testing.assert_allclose(gradient(objectives.rmse, t, p), expected, rtol=1e-12)


def test_the_gradient_of_crossentropy_is_the_formulas():
    t, p = ONE_HOT[:2], np.array([[0.2, 0.5, 0.4], [0.3, 0.3, 0.9]])
    # -log(p_k / s): 1/s in every place, less 1/p_k in the right one.
    expected = 1 / p.sum(-1, keepdims=True) - t / p
    np.testing.assert_allclose(
        gradient(objectives.categorical_crossentropy, t, p), expected, rtol=1e-10
    )


def test_the_renormalising_of_a_softmax_folds_away():
    x, t = K.placeholder((g.BATCH, 3)), K.placeholder((g.BATCH, 3))
    loss = objectives.categorical_crossentropy(t, K.softmax(x))
    ops = [node.op for node in g.toposort(function([x, t], loss).graph())]
    assert ops.count("div") == 1
    assert ops.count("sum") == 2
    assert "where" not in ops


def test_epsilon_is_a_setting():
    before = K.epsilon()
    try:
        K.set_epsilon(0.1)
        result = value(objectives.categorical_crossentropy, [[1.0, 0.0]], [[0.0, 1.0]])
    finally:
        K.set_epsilon(before)
    np.testing.assert_allclose(result, [-np.log(0.1)], rtol=1e-12)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("mse", "mean_squared_error"),
        ("MSE", "mean_squared_error"),
        ("rmse", "root_mean_squared_error"),
        ("RMSE", "root_mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("MAE", "mean_absolute_error"),
        ("mape", "mean_absolute_percentage_error"),
        ("MAPE", "mean_absolute_percentage_error"),
        ("msle", "mean_squared_logarithmic_error"),
        ("MSLE", "mean_squared_logarithmic_error"),
        ("cosine", "cosine_proximity"),
        ("kld", "kullback_leibler_divergence"),
        ("KLD", "kullback_leibler_divergence"),
    ],
)
def test_short_names(alias, name):
    assert objectives.get(alias) is objectives.get(name) is getattr(objectives, alias)
    assert objectives.get(alias).__name__ == name


def test_an_unknown_loss_names_the_near_ones():
    with pytest.raises(UnknownNameError, match="Did you mean 'categorical_crossentropy'"):
        objectives.get("categorical_crossentropi")
