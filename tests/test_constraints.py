import numpy as np
import pytest

from graphc import backend as K
from graphc import constraints
from graphc.errors import ArgumentError, KeywordError, UnknownNameError

W = np.array([[3.0, 0.3, -1.0], [4.0, 0.4, 0.0]])  # columns of length 5, 0.5 and 1


def value(constraint):
    return K.eval(constraint(K.variable(W, "float64")))


def test_maxnorm_shortens_long_columns():
    result = value(constraints.maxnorm(2))
    np.testing.assert_allclose(np.linalg.norm(result, axis=0), [2.0, 0.5, 1.0], rtol=1e-6)
    factor = np.array([2.0, 0.5, 1.0]) / (1e-7 + np.array([5.0, 0.5, 1.0]))
    np.testing.assert_allclose(result, W * factor, rtol=1e-12)


def test_unitnorm_over_another_axis():
    lengths = np.linalg.norm(W, axis=1, keepdims=True)
    np.testing.assert_allclose(
        value(constraints.unitnorm(axis=1)), W / (1e-7 + lengths), rtol=1e-12
    )


@pytest.mark.parametrize("rate", [1.0, 0.25])
def test_minmaxnorm_brings_lengths_between_two(rate):
    norms = np.array([5.0, 0.5, 1.0])
    wanted = rate * np.array([2.0, 0.75, 1.0]) + (1 - rate) * norms
    found = value(constraints.MinMaxNorm(low=0.75, high=2.0, rate=rate))
    np.testing.assert_allclose(found, W * wanted / (1e-7 + norms), rtol=1e-12)
    with pytest.raises(ArgumentError, match="MinMaxNorm: high: expected a number of at least 3"):
        constraints.MinMaxNorm(low=3.0)


def test_norms_of_zeros_stay_zeros():
    zeros = K.variable(np.zeros((2, 2)))
    for constraint in (constraints.maxnorm(1), constraints.unitnorm()):
        np.testing.assert_array_equal(K.eval(constraint(zeros)), np.zeros((2, 2)))


def test_nonneg_clears_negative_elements():
    np.testing.assert_array_equal(value(constraints.nonneg()), np.where(W > 0, W, 0))


@pytest.mark.parametrize(
    ("identifier", "config"),
    [
        ("maxnorm", {"name": "MaxNorm", "m": 2, "axis": 0}),
        ({"name": "MaxNorm", "m": 3, "axis": 1}, {"name": "MaxNorm", "m": 3, "axis": 1}),
        ("unitnorm", {"name": "UnitNorm", "axis": 0}),
        ("nonneg", {"name": "NonNeg"}),
    ],
)
def test_config_makes_the_same_constraint_again(identifier, config):
    constraint = constraints.get(identifier)
    assert constraint.get_config() == config
    assert constraints.get(config).get_config() == config


class Between(constraints.Constraint):
    """A user's: every element between two bounds."""

    def __init__(self, low=0.0, high=1.0):
        self.low, self.high = low, high

    def __call__(self, p):
        p *= K.cast(p >= self.low, K.dtype(p))
        return K.minimum(p, self.high)

    def get_config(self):
        return {"name": self.__class__.__name__, "low": self.low, "high": self.high}


def test_a_users_constraint():
    own = Between(high=2.0)
    assert constraints.get(own) is own
    np.testing.assert_array_equal(value(own), np.clip(W, 0.0, 2.0))


def test_get_passes_none_and_functions_and_refuses_the_rest():
    assert constraints.get(None) is None
    assert constraints.get(K.abs) is K.abs
    assert constraints.get("maxnorm", {"m": 5}).m == 5
    with pytest.raises(UnknownNameError, match="Did you mean 'MaxNorm' or 'maxnorm'"):
        constraints.get("max_norm")
    with pytest.raises(
        KeywordError, match="the constraint 'maxnorm': unknown keyword 'n'. Known names: m"
    ):
        constraints.get("maxnorm", {"n": 5})
    with pytest.raises(ArgumentError, match="received 2"):
        constraints.get(2)
    with pytest.raises(ArgumentError, match="expected a constraint"):
        constraints.get(constraints.NonNeg)


@pytest.mark.parametrize(
    ("made", "config"),
    [
        (constraints.Constraint(), {"name": "Constraint"}),
        (constraints.MaxNorm(), {"name": "MaxNorm", "m": 2.0, "axis": 0}),
        (constraints.UnitNorm(), {"name": "UnitNorm", "axis": 0}),
        (
            constraints.MinMaxNorm(),
            {"name": "MinMaxNorm", "low": 0.0, "high": 1.0, "rate": 1.0, "axis": 0},
        ),
        (
            constraints.MinMaxNorm(0.5, 0.5, 0.25, 1),
            {"name": "MinMaxNorm", "low": 0.5, "high": 0.5, "rate": 0.25, "axis": 1},
        ),
    ],
)
def test_configs_and_defaults(made, config):
    assert made.get_config() == config


def test_the_base_changes_nothing():
    np.testing.assert_array_equal(value(constraints.Constraint()), W)
    with pytest.raises(ArgumentError, match="MinMaxNorm: high"):
        constraints.MinMaxNorm(0.5, 0.4)
