"""Pointwise ops where NumPy's function of that name has a meaning of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphc
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate

BASES = [-math.inf, math.inf, 4.0, -0.0]


@pytest.mark.parametrize("exponent", [0.5, -0.5])
@pytest.mark.parametrize("count", [1, 3])
def test_a_power_of_one_half_at_infinity(exponent: float, count: int) -> None:
    x = g.input((count,), "float64")
    expected = [math.pow(one, exponent) for one in BASES[:count]]
    for cpu in ("numpy", "native"):
        with graphc.config.changed(cpu=cpu):
            [power] = graphc.function([x], [g.pow(x, exponent)])(np.array(BASES[:count]))
        np.testing.assert_array_equal(power, expected)


@pytest.mark.parametrize("count", [1, 4])
def test_numpys_square_root_does_not_stand_for_a_power(count: int) -> None:
    bases = np.array(BASES[-count:])
    [power] = evaluate([g.pow(g.constant(bases), 0.5)])
    expected = [math.pow(one, 0.5) for one in bases]
    np.testing.assert_array_equal(power, expected)
    np.testing.assert_array_equal(np.signbit(power), np.signbit(expected))
