"""DebugMode finds a pass that lies; NanGuardMode names the first value that is not finite."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler import passes
from graphc.compiler.function import function
from graphc.errors import NotFiniteError, PassError


def wrong_pass(outputs):
    return g.sweep(outputs, lambda node: g.abs(node.inputs[0]) if node.op == "neg" else node)


def test_debug_mode_names_the_pass_that_changed_a_value(monkeypatch):
    pipeline = (*passes.PIPELINE, ("wrong", wrong_pass))
    monkeypatch.setitem(passes.pipeline._PASSES, "FAST_RUN", pipeline)
    x = g.input((3,))
    f = function([x], -x, mode="DebugMode")
    f(np.array([-1, -2, 0], "float32"))
    with pytest.raises(PassError, match=r"pass 'wrong'.*output 0 at \(1,\).*-5.*5"):
        f(np.array([-1, 5, 0], "float32"))


def test_debug_mode_agrees_on_a_training_step():
    np.random.seed(0)
    x, w = g.input((g.BATCH, 3)), g.shared(np.random.randn(3, 4).astype("float32"), "w")
    mask = g.random.bernoulli((g.BATCH, 4), 0.5, seed=1)
    p = g.softmax(g.where(mask, g.dot(x, w), 0.0))
    loss = -g.mean(g.log(g.clip(p / g.sum(p, -1, keepdims=True), 1e-7, 1 - 1e-7)))
    from_debug = function([x], loss, updates=[(w, w * 0.5)], mode="DebugMode")
    value = np.random.randn(5, 3).astype("float32")
    expected = function([x], loss)(value)
    np.testing.assert_allclose(from_debug(value), expected, rtol=1e-6)


def test_the_nan_guard_names_node_layer_and_index_and_keeps_parameters():
    x, w = g.input((2, 2), name="x"), g.shared(np.ones((2, 2), "float32"), "w")
    with g.origin("dense_7"):
        y = g.sqrt(x * w)
    f = function([x], g.sum(y), updates=[(w, w + 1.0)], mode="NanGuardMode")
    assert f(np.ones((2, 2), "float32")) == 4
    with pytest.raises(NotFiniteError, match=r"nan.*index \(1, 0\) of .*sqrt.*dense_7"):
        f(np.array([[1, 1], [-1, 1]], "float32"))
    assert w.get_value().tolist() == [[2, 2], [2, 2]]


def test_the_nan_guard_says_when_the_gradient_did_it():
    x = g.input((2,), name="x")
    with g.origin(g.Origin("dense_2", backward=True)):
        y = 1.0 / x
    with pytest.raises(NotFiniteError, match="inf.*gradient of dense_2"):
        function([x], y, mode="NanGuardMode")(np.array([1, 0], "float32"))


def test_infinite_bounds_are_no_accident():
    x = g.input((2,))
    f = function([x], g.maximum(x, -np.inf), mode="NanGuardMode")
    assert f(np.array([1, 2], "float32")).tolist() == [1, 2]


def test_the_nan_guard_says_that_what_was_fed_is_not_finite():
    x = g.input((2,), name="x")
    f = function([x], x + 1.0, mode="NanGuardMode")
    with pytest.raises(NotFiniteError, match=r"nan was given at index \(1,\) of 'x'"):
        f(np.array([1, np.nan], "float32"))


def test_debug_mode_tells_rounding_that_cancels_from_an_error(monkeypatch):
    x = g.input((50, 1000))
    values = np.random.default_rng(0).standard_normal((50, 1000)).astype("float32")
    noise = g.sum(x) - g.sum(g.sum(x, 0))
    assert function([x], noise, mode="FAST_RUN")(values) == 0
    assert abs(function([x], noise, mode="DebugMode")(values)) < 1e-3

    def shift(outputs):
        return [node + 0.1 for node in outputs]

    pipeline = (*passes.PIPELINE, ("wrong", shift))
    monkeypatch.setitem(passes.pipeline._PASSES, "FAST_RUN", pipeline)
    with pytest.raises(PassError, match="pass 'wrong' changed"):
        function([x], noise, mode="DebugMode")(values)
