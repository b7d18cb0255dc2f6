"""Indexing against NumPy's, for every slice of short axes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate

BOUNDS = (None, *range(-4, 5))


@pytest.mark.parametrize("size", [0, 1, 3])
def test_slices_of_known_sizes(size):
    """Empty ones too, forwards and backwards, with strides that do not divide the axis."""
    fed = np.arange(6.0).reshape(2, 3)
    values, whole = fed[:, :size], g.input(fed.shape, "float64")
    x = whole[:, :size]
    keys = [
        slice(start, stop, step)
        for start, stop, step in itertools.product(BOUNDS, BOUNDS, (-3, -2, -1, 1, 2, 3))
    ]
    nodes = [x[:, key] for key in keys]
    for key, node, found in zip(keys, nodes, evaluate(nodes, {whole: fed}), strict=True):
        assert node.shape == values[:, key].shape, key
        np.testing.assert_array_equal(found, values[:, key], err_msg=str(key))
