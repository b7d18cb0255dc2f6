"""Crossentropies against their formulas in NumPy: of probabilities and of logits, of any rank."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K

RNG = np.random.default_rng(0)


def softmax(x: np.ndarray) -> np.ndarray:
    exp = np.exp(x - x.max(-1, keepdims=True))
    return exp / exp.sum(-1, keepdims=True)


def outputs(shape: tuple[int, ...], from_logits: bool) -> tuple[np.ndarray, np.ndarray]:
    """The output of a network, and the probabilities that it stands for."""
    logits = RNG.normal(0, 2, shape).astype("float32")
    p = softmax(logits.astype("float64"))
    return (logits, p) if from_logits else (3 * p.astype("float32"), p)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 4), (2, 2, 3, 5)])
class TestOverTheLastAxis:
    def test_of_probabilities(self, shape, from_logits):
        output, p = outputs(shape, from_logits)
        target = softmax(RNG.normal(0, 1, shape)).astype("float32")
        loss = K.categorical_crossentropy(K.variable(output), K.variable(target), from_logits)
        np.testing.assert_allclose(K.eval(loss), -(target * np.log(p)).sum(-1), rtol=1e-5)

    @pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
    def test_of_classes(self, shape, from_logits, dtype):
        output, p = outputs(shape, from_logits)
        classes = RNG.integers(0, shape[-1], shape[:-1])
        target = K.variable(classes[..., None].astype(dtype), dtype)
        loss = K.sparse_categorical_crossentropy(K.variable(output), target, from_logits)
        expected = -np.log(np.take_along_axis(p, classes[..., None], -1)[..., 0])
        np.testing.assert_allclose(K.eval(loss), expected, rtol=1e-5)


@pytest.mark.parametrize("from_logits", [False, True])
def test_binary(from_logits):
    logits = RNG.normal(0, 2, (5, 3)).astype("float32")
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    target = RNG.uniform(0, 1, (5, 3)).astype("float32")
    output = K.variable(logits if from_logits else p.astype("float32"))
    loss = K.eval(K.binary_crossentropy(output, K.variable(target), from_logits))
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_outputs_of_zeros_are_not_scaled():
    loss = K.categorical_crossentropy(K.variable(np.zeros((1, 2))), K.variable([[0.25, 0.75]]))
    assert np.isfinite(K.eval(loss)).all()


@pytest.mark.parametrize(("p", "target"), [(0.0, 1.0), (1.0, 0.0)])
def test_what_is_certain_and_wrong_costs_the_log_of_epsilon(p, target):
    loss = K.eval(K.binary_crossentropy(K.variable([p]), K.variable([target])))
    epsilon = max(K.epsilon(), np.finfo("float32").eps / 2)
    np.testing.assert_allclose(loss, [-np.log(epsilon)], rtol=0.05)
