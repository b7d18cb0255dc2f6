"""Convolution and pooling as the functions that build them take their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate

X = np.arange(1, 26, dtype="float64").reshape(1, 1, 5, 5) ** 1.5


def pooled(reduced, window, strides, padding) -> np.ndarray:
    """The windows one by one, of the elements that are there."""
    around = np.pad(X[0, 0], padding, constant_values=np.nan)
    counts = [(size - w) // s + 1 for size, w, s in zip(around.shape, window, strides, strict=True)]
    return np.array(
        [
            [
                reduced(around[i * strides[0] :, j * strides[1] :][: window[0], : window[1]])
                for j in range(counts[1])
            ]
            for i in range(counts[0])
        ]
    )


@pytest.mark.parametrize(
    ("window", "strides", "padding"),
    [
        ((2, 2), None, 0),
        ((2, 3), None, 0),
        ((3, 2), 1, 0),
        ((3, 3), (2, 1), 1),
        ((2, 2), (1, 3), ((0, 1), (0, 0))),
        ((3, 3), 2, ((0, 0), (1, 0))),
    ],
)
def test_pooling(window, strides, padding) -> None:
    x = g.input(X.shape, "float64")
    arguments = [window] if strides is None else [window, strides]
    by_name = {} if padding == 0 else {"padding": padding}
    nodes = [pool(x, *arguments, **by_name) for pool in (g.max_pool, g.average_pool)]
    steps = window if strides is None else strides if isinstance(strides, tuple) else (strides,) * 2
    pads = padding if isinstance(padding, tuple) else ((padding, padding),) * 2
    for node, found, reduced in zip(
        nodes, evaluate(nodes, {x: X}), (np.nanmax, np.nanmean), strict=True
    ):
        expected = pooled(reduced, window, steps, pads)
        assert node.shape == (1, 1, *expected.shape)
        np.testing.assert_allclose(found[0, 0], expected, rtol=1e-12)


def test_the_mean_of_integers_is_a_float() -> None:
    x = g.input((1, 1, 4), "int32")
    node = g.average_pool(x, (2,))
    assert node.dtype == "float32"
    [found] = evaluate([node], {x: np.array([[[1, 2, 3, 7]]], "int32")})
    assert found.tolist() == [[[1.5, 5.0]]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [5, 8, 11, 14]),  # k[0] x[i] + k[1] x[i + 1]
        ({"strides": 2}, [5, 11]),
        ({"padding": 1}, [2, 5, 8, 11, 14, 5]),
        ({"padding": ((0, 1),)}, [5, 8, 11, 14, 5]),
        ({"padding": ((-1, 0),)}, [8, 11, 14]),
        ({"kernel_dilation": 2}, [7, 10, 13]),
        ({"input_dilation": 2}, [1, 4, 2, 6, 3, 8, 4, 10]),
    ],
)
def test_a_convolution_by_hand(arguments, expected) -> None:
    x, kernel = g.input((1, 1, 5), "float64"), g.input((1, 1, 2), "float64")
    node = g.conv(x, kernel, **arguments)
    feeds = {x: np.arange(1.0, 6.0).reshape(1, 1, 5), kernel: np.array([[[1.0, 2.0]]])}
    assert evaluate([node], feeds)[0].ravel().tolist() == expected
