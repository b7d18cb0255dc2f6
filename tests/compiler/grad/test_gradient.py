"""The API `grad`: what it takes, what it refuses, origins, depth."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import LEAVES, NON_DIFFERENTIABLE, RULES, grad
from graphc.compiler.interpret import evaluate
from graphc.errors import ArgumentError, GradientError


def test_every_op_is_in_exactly_one_list():
    lists = [*RULES, *NON_DIFFERENTIABLE, *LEAVES]
    assert sorted(lists) == sorted(g.OPS)


def test_one_node_gives_a_node_and_a_list_gives_a_list():
    x = g.input((2,), "float64")
    loss = g.sum(x * 3.0)
    assert isinstance(grad(loss, x), g.Node)
    (gradient,) = grad(loss, [x])
    assert evaluate([gradient], {x: np.ones(2)})[0].tolist() == [3.0, 3.0]


def test_with_respect_to_a_value_on_the_way_and_to_the_loss_itself():
    x = g.input((), "float64")
    y = x * x
    loss = y * y + x
    to_y, to_x, to_loss = evaluate(grad(loss, [y, x, loss]), {x: np.float64(3.0)})
    assert (to_y, to_x, to_loss) == (18.0, 4 * 27.0 + 1.0, 1.0)


def test_third_derivative():
    x = g.input((), "float64")
    value = x * x * x * x
    for _ in range(3):
        value = grad(value, x)
    assert evaluate([value], {x: np.float64(2.0)})[0] == 48.0


def test_a_deep_chain():
    x = g.input((), "float64")
    y = x
    for _ in range(10_000):
        y = g.sin(y)
    gradient = grad(y, x)
    expected, value = 1.0, 0.5
    for _ in range(10_000):
        expected *= np.cos(value)
        value = np.sin(value)
    assert evaluate([gradient], {x: np.float64(0.5)})[0] == pytest.approx(expected, rel=1e-9)


def test_gradient_nodes_carry_the_layer_they_belong_to():
    x = g.input((2,), "float64")
    with g.origin("dense_1"):
        y = g.tanh(x)
    with g.origin("dense_2"):
        loss = g.sum(g.exp(y))
    made = grad(loss, x)
    assert made.op == "mul"
    assert g.origin_of(made) == g.Origin("dense_1", backward=True)
    assert g.origin_of(made.inputs[0]) == g.Origin("dense_2", backward=True)
    assert g.origin_of(y) == g.Origin("dense_1")


def test_a_missing_rule_names_the_op(monkeypatch):
    x = g.input((2,), "float64")
    with g.origin("dense_1"):
        loss = g.sum(g.erf(x))
    monkeypatch.delitem(RULES, "erf")
    with pytest.raises(GradientError, match="op 'erf' has no gradient rule.*dense_1"):
        grad(loss, x)


def test_a_rule_that_is_not_needed_may_be_missing(monkeypatch):
    x, y = g.input((2,), "float64"), g.input((2,), "float64")
    loss = g.sum(g.erf(x) * y)
    monkeypatch.delitem(RULES, "erf")
    assert evaluate([grad(loss, y)], {x: np.zeros(2), y: np.ones(2)})[0].tolist() == [0.0, 0.0]


def test_the_loss_has_to_be_a_float_scalar():
    x = g.input((2,), "float64")
    with pytest.raises(GradientError, match="float scalar.*sum or mean"):
        grad(x, x)
    with pytest.raises(GradientError, match="float scalar.*int32"):
        grad(g.sum(g.argmax(x)), x)
    with pytest.raises(GradientError, match="has to be a node, received 3.0"):
        grad(3.0, x)


def test_wrt_has_to_be_float_nodes():
    x = g.set_name(g.input((2,), "int32"), "labels")
    loss = g.sum(x * 0.5)
    with pytest.raises(GradientError, match=r"wrt\[0\] is 'labels'.*int32.*cast"):
        grad(loss, x)
    with pytest.raises(GradientError, match=r"wrt\[0\] has to be a node.*None"):
        grad(loss, [None])


def test_not_connected_is_an_error_unless_zeros_are_allowed():
    x = g.set_name(g.input((2,), "float64"), "x")
    other = g.set_name(g.input((3,), "float64"), "other")
    loss = g.sum(x)
    with pytest.raises(GradientError, match="does not depend on 'other'.*disconnected='zeros'"):
        grad(loss, [x, other])
    zeros = grad(loss, other, disconnected="zeros")
    assert evaluate([zeros], {})[0].tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ArgumentError, match="'raise' or 'zeros', received 'ignore'"):
        grad(loss, x, disconnected="ignore")


def test_connected_through_steps_alone_says_which():
    x = g.set_name(g.input((2,), "float64"), "x")
    with pytest.raises(GradientError, match="no gradient reaches 'x'.*only through floor"):
        grad(g.sum(g.floor(x)), x)
    y = g.set_name(g.input((), "float64"), "y")
    with pytest.raises(GradientError, match="no gradient reaches 'y'.*only through floor"):
        grad(g.floor(y), y)
    with pytest.raises(GradientError, match="only through cast"):
        grad(g.sum(g.cast(g.cast(x, "int32"), "float64")), x)


def test_random_draws_are_constants():
    x = g.input((4,), "float64")
    noise = g.random.uniform((4,), dtype="float64", seed=3)
    gradient, drawn = evaluate([grad(g.sum(x * noise), x), noise], {x: np.ones(4)})
    assert gradient.tolist() == drawn.tolist()


def test_formulas_are_stabilised_before_they_are_differentiated():
    """d/dz log(softmax(z))[0] = 1 - softmax(z)[0], finite where exp(z) is not."""
    logits = g.input((1, 3), "float64")
    value = np.array([[-1000.0, 1000.0, 0.0]])
    gradient = grad(g.sum(g.log(g.softmax(logits))[:, 0]), logits)
    assert evaluate([gradient], {logits: value})[0].tolist() == [[1.0, -1.0, 0.0]]
