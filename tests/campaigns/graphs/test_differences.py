"""Central differences find a wrong gradient of what is smooth, and excuse one at a kink alone."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import Node
from tests.campaigns.graphs import differences
from tests.campaigns.graphs.builder import Program
from tests.campaigns.graphs.differences import gradient_fault

SMOOTH = {
    "cube": lambda x: x * x * x,
    "fast": lambda x: g.sin(x * 30),
    "steep": lambda x: g.tanh(x * 20),
    "nearly bent": lambda x: g.sqrt(x * x + 1e-2),
    "growing": lambda x: g.exp(x * 8),
    "linear": lambda x: x * np.array([3, -1, 2, 0.5, 7, -2]),
}


def program(x: Node, y: Node, array: np.ndarray) -> Program:
    return Program([y], [], {x: array}, {})


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("factor", [1.0, 1.001])
@pytest.mark.parametrize("at", ["zero", "equal", "anywhere"])
def test_a_smooth_function(name, factor, at, monkeypatch):
    x = g.input((6,), "float64")
    array = {
        "zero": np.zeros(6),
        "equal": np.full(6, 0.5),
        "anywhere": np.array([0.3, -0.2, 0.7, -1.0, 0.1, 0.9]),
    }[at]

    def wrong(loss, inputs, disconnected):
        return [one * factor for one in grad(loss, inputs, disconnected=disconnected)]

    monkeypatch.setattr(differences, "grad", wrong)
    text = gradient_fault(program(x, SMOOTH[name](x), array))
    has_slope = not (at == "zero" and name in ("cube", "nearly bent"))
    assert text.startswith("wrong gradient") == (factor != 1 and has_slope), text


def test_equal_maxima_whose_slopes_agree():
    """Pairs of equal numbers, whose kinks cancel in some directions, not in all."""
    random = np.random.default_rng(0)
    for _ in range(100):
        x = g.input((2, 8), "float32")
        y = g.max(x, 0) * random.integers(-3, 4, 8).astype("float32")
        array = np.tile(random.integers(-2, 3, 8).astype("float32"), (2, 1))
        assert not gradient_fault(program(x, y, array))


def test_a_gradient_that_more_than_a_kink_puts_off(monkeypatch):
    """The kink of |x| / 1000 excuses no error of x^2."""
    x = g.input((3,), "float64")

    def wrong(loss, inputs, disconnected):
        return [one * 1.01 for one in grad(loss, inputs, disconnected=disconnected)]

    monkeypatch.setattr(differences, "grad", wrong)
    y = x * x + g.abs(x) * 1e-3
    assert gradient_fault(program(x, y, np.array([0.0, 1, -2])))


def test_a_point_that_is_a_branch_by_itself():
    """The gradient of where(x != 0, 3x, 0) at 0 is that of 0; beside it, 3."""
    x = g.input((3,), "float64")
    y = g.where(g.cast(x, "bool"), x * 3, x * 0)
    assert not gradient_fault(program(x, y, np.array([0.0, 1, -2])))


def test_a_gradient_that_is_wrong_beside_such_a_point_too(monkeypatch):
    x = g.input((3,), "float64")

    def wrong(loss, inputs, disconnected):
        return [one * 1.01 for one in grad(loss, inputs, disconnected=disconnected)]

    monkeypatch.setattr(differences, "grad", wrong)
    y = g.where(g.cast(x, "bool"), x * 3, x * 0)
    assert gradient_fault(program(x, y, np.array([0.0, 1, -2])))


@pytest.mark.parametrize("op", [g.mod, g.floordiv])
def test_a_quotient_whose_jumps_are_finer_than_a_step(op):
    x, y = g.input((2,), "float64"), g.input((2,), "float64")
    feeds = {x: np.array([-1e29, 0.4]), y: np.array([1.0, 3.0])}
    assert not gradient_fault(Program([op(x, y)], [], feeds, {}))
