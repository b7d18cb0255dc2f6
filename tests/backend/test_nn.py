"""Dropout and normalisation; activations and losses are tested with the modules of that name."""

import numpy as np
import pytest

import graphc
from graphc import backend as K
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, IndexRangeError, ShapeError


def test_dropout_keeps_the_mean_and_scales_what_stays():
    value = K.eval(K.dropout(K.ones((400, 100)), 0.25, seed=3))
    kept = value != 0
    np.testing.assert_allclose(value[kept], 1 / 0.75, rtol=1e-6)
    # 40,000 draws: five standard deviations of the share are 0.011.
    assert kept.mean() == pytest.approx(0.75, abs=0.011)


def test_the_mask_is_of_the_seed_the_stream_and_the_call():
    x = K.ones((50,))
    f = K.function(
        [],
        [K.dropout(x, 0.5, seed=3), K.dropout(x, 0.5, seed=3), K.dropout(x, 0.5, seed=3, stream=1)],
    )
    first, same, other = f([])
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    assert (first != f([])[0]).any()
    np.testing.assert_array_equal(first, K.eval(K.dropout(x, 0.5, seed=3)))


def test_without_a_seed_numpys_generator_decides():
    x = K.ones((50,))
    np.random.seed(1)
    first, second = K.eval(K.dropout(x, 0.5)), K.eval(K.dropout(x, 0.5))
    assert (first != second).any()
    np.random.seed(1)
    np.testing.assert_array_equal(first, K.eval(K.dropout(x, 0.5)))


def test_the_gradient_of_dropout_uses_its_mask():
    x = K.variable(np.linspace(1, 2, 50))
    dropped = K.dropout(x, 0.5, seed=3)
    value, gradient = K.function([], [dropped, K.gradients(K.sum(dropped), [x])[0]])([])
    np.testing.assert_allclose(value, gradient * K.get_value(x), rtol=1e-6)
    assert set(gradient.tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("level", [-0.1, 1.0])
def test_dropout_refuses_a_level_outside(level):
    with pytest.raises(ArgumentError, match=r"lies in \[0, 1\)"):
        K.dropout(K.ones((2,)), level)
    with pytest.raises(ArgumentError, match="level: expected a finite number, received None"):
        K.dropout(K.ones((2,)), None)


def test_dropout_of_nothing_changes_nothing():
    assert K.eval(K.dropout(K.ones((100,)), 0.0)).tolist() == [1.0] * 100


@pytest.mark.parametrize(
    ("dtype", "label"), [("int64", 2**32 + 1), ("uint32", 2**31), ("int32", 3)]
)
def test_a_label_outside_of_the_classes_is_no_other_label(dtype: str, label: int):
    labels, output = g.input((2,), dtype), K.softmax(g.constant(np.zeros((2, 3), "float32")))
    loss = graphc.function([labels], K.sparse_categorical_crossentropy(output, labels))
    np.testing.assert_allclose(loss(np.array([0, 2], dtype)), np.log([3, 3]), rtol=1e-6)
    with pytest.raises(IndexRangeError, match=f"index {label} at position .1,."):
        loss(np.array([0, label], dtype))


def test_l2_normalize():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    node = K.variable(x, "float64")
    value = K.l2_normalize(node, axis=-1)
    np.testing.assert_allclose(K.eval(value), [[0.6, 0.8], [0.0, 0.0]], rtol=1e-12)
    np.testing.assert_allclose(
        K.eval(K.l2_normalize(node, axis=0)), [[1.0, 1.0], [0.0, 0.0]], rtol=1e-12
    )
    # Of x1/|x| at (3, 4): (1/|x| - x1^2/|x|^3, -x1 x2/|x|^3).
    gradient = K.eval(K.gradients(K.sum(value[:, 0]), [node])[0])
    np.testing.assert_allclose(gradient[0], [1 / 5 - 9 / 125, -12 / 125], rtol=1e-12)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("sizes", [(1, 4, 1), (3, 1, None), (None, None, None)])
def test_a_noise_shape_shares_the_mask(sizes):
    x = np.random.default_rng(2).normal(size=(3, 4, 5)) + 9
    value = K.eval(K.dropout(K.variable(x, "float64"), 0.4, seed=7, noise_shape=sizes))
    kept = value != 0
    np.testing.assert_allclose(value[kept], (x / 0.6)[kept])
    for axis, size in enumerate(sizes):
        varies = (kept != kept.take([0], axis)).any()
        assert varies == (size != 1)


@pytest.mark.parametrize("sizes", [(3, 4), (3, 2), 3, ("a", 1)])
def test_a_noise_shape_has_to_broadcast(sizes):
    with pytest.raises(ShapeError, match="noise_shape"):
        K.dropout(K.ones((3, 5)), 0.5, noise_shape=sizes)


def test_activations_of_later_releases():
    x = np.array([-800.0, -1.5, 0.0, 2.0, 800.0])
    node = K.variable(x, "float64")
    expected = np.where(x > 0, x, 0.3 * np.expm1(np.minimum(x, 0)))
    np.testing.assert_allclose(K.eval(K.elu(node, 0.3)), expected)
    np.testing.assert_allclose(K.eval(K.softsign(node)), x / (1 + np.abs(x)))
    slopes = K.gradients(K.sum(K.softsign(node)), [node])[0]
    np.testing.assert_allclose(K.eval(slopes), 1 / (1 + np.abs(x)) ** 2)


def test_normalizing_a_batch():
    rng = np.random.default_rng(3)
    x, gamma, beta = rng.normal(size=(4, 3, 5)), rng.normal(size=3), rng.normal(size=3)
    mean, var = x.mean((0, 2)), x.var((0, 2))
    nodes = [K.variable(one, "float64") for one in (x, gamma, beta)]
    found = K.normalize_batch_in_training(*nodes, [0, 2], epsilon=0.1)
    spread = [one.reshape(1, 3, 1) for one in (mean, var, gamma, beta)]
    expected = (x - spread[0]) / np.sqrt(spread[1] + 0.1) * spread[2] + spread[3]
    for node, value in zip(found, (expected, mean, var), strict=True):
        np.testing.assert_allclose(K.eval(node), value, rtol=1e-12)
    alone = K.batch_normalization(nodes[0], spread[0], spread[1], spread[3], spread[2], 0.1)
    np.testing.assert_allclose(K.eval(alone), expected, rtol=1e-12)
    plain = K.batch_normalization(nodes[0], spread[0], spread[1], None, None, 0.1)
    np.testing.assert_allclose(K.eval(plain), (x - spread[0]) / np.sqrt(spread[1] + 0.1))


def test_in_top_k_counts_the_classes_above():
    predictions = np.array([[0.1, 0.5, 0.4], [0.3, 0.3, 0.4], [np.nan, 0.1, 0.2]])
    for k, expected in ((1, [0, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 0])):
        found = K.in_top_k(K.variable(predictions, "float64"), np.array([2, 0, 0], "int32"), k)
        assert K.eval(found).tolist() == [bool(one) for one in expected]
    with pytest.raises(IndexRangeError):
        K.eval(K.in_top_k(K.variable(predictions), np.array([3, 0, 0], "int32"), 1))
    with pytest.raises(ShapeError, match="in_top_k: expected predictions"):
        K.in_top_k(K.variable(predictions), np.array([[1]], "int32"), 1)


X = np.array([-4.0, -2.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.5, 4.0, 7.0])


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (K.relu(X), np.maximum(X, 0)),
        (K.relu(X, 0.25), np.where(X > 0, X, 0.25 * X)),
        (K.relu(X, max_value=2), np.clip(X, 0, 2)),
        (K.relu(X, 0.25, 2.0), np.minimum(np.where(X > 0, X, 0.25 * X), 2)),
        (K.relu(X, K.variable(0.5, "float64")), np.where(X > 0, X, 0.5 * X)),
        (K.elu(X), np.where(X > 0, X, np.expm1(X))),
        (K.elu(X, 0.5), np.where(X > 0, X, 0.5 * np.expm1(X))),
        (K.softplus(X), np.log(1 + np.exp(X))),
        (K.softsign(X), X / (1 + np.abs(X))),
        (K.sigmoid(X), 1 / (1 + np.exp(-X))),
        (K.hard_sigmoid(X), np.clip(0.2 * X + 0.5, 0, 1)),
        (K.tanh(X), np.tanh(X)),
        (K.softmax(X[None]), np.exp(X)[None] / np.exp(X).sum()),
    ],
)
def test_activations_as_formulas(node, expected) -> None:
    np.testing.assert_allclose(K.eval(node), expected, rtol=1e-9, atol=1e-12)
