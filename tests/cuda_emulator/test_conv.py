"""Convolutions as implicit matrix products are the interpreter's."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from tests.cuda_emulator.graph_programs import both

RANDOM = np.random.default_rng(11)
SAMPLES = 3

# (channels, filters, spatial, kernel, attributes): each in float32 and float64.
CASES = [
    # one dimension
    (2, 3, (17,), (4,), {}),
    (3, 5, (21,), (3,), {"strides": 2, "padding": ((1, 2),)}),
    (1, 2, (19,), (3,), {"padding": ((-2, -1),), "kernel_dilation": 3}),
    (4, 2, (8,), (8,), {}),  # one window: a plain product
    # two dimensions
    (1, 4, (9, 8), (3, 3), {}),
    (3, 18, (7, 10), (3, 2), {"padding": ((1, 1), (1, 0))}),
    (5, 33, (9, 7), (1, 1), {}),  # a plain product for each pixel
    (4, 20, (12, 8), (1, 1), {}),  # and for each sample
    (2, 3, (11, 12), (3, 4), {"strides": (2, 3), "padding": ((2, 1), (-1, 2))}),
    (2, 2, (8, 9), (2, 3), {"kernel_dilation": (3, 2), "padding": ((2, 2), (0, 1))}),
    # images with holes
    (2, 3, (5,), (4,), {"input_dilation": 3, "padding": ((2, 3),)}),
    (2, 3, (4, 5), (3, 3), {"input_dilation": 2, "padding": ((1, 2), (2, 2))}),
    (2, 3, (5, 4), (1, 2), {"input_dilation": (3, 2), "padding": ((0, 1), (1, 1))}),
    (1, 2, (6,), (3,), {"input_dilation": 4, "strides": 2, "kernel_dilation": 2}),
    (1, 2, (6, 5), (3, 2), {"input_dilation": (4, 3), "strides": (6, 3), "padding": ((1, 2),) * 2}),
    # three dimensions
    (2, 4, (4, 5, 6), (2, 3, 2), {}),
    (1, 3, (5, 4, 6), (3, 2, 3), {"strides": (2, 1, 2), "padding": ((1, 1), (0, 1), (1, 0))}),
    (2, 1, (3, 4, 3), (2, 2, 2), {}),  # one filter
]


def check(outputs: list[Node], feeds: dict[Node, np.ndarray], terms: int) -> None:
    """A sum of n terms is off by n roundings of the largest magnitudes at most."""
    for ours, theirs in both(outputs, feeds):
        eps = np.finfo(ours.dtype).eps
        scale = max(1.0, float(np.abs(theirs).max()))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=terms * eps * scale)


def fed(feeds: dict[Node, np.ndarray], shape: tuple, dtype: str = "float32") -> Node:
    node = g.input(shape, dtype)
    numbers = tuple(SAMPLES if size is BATCH else size for size in shape)
    feeds[node] = RANDOM.standard_normal(numbers).astype(dtype)
    return node


def convolutions(dtype: str) -> tuple[list[Node], dict[Node, np.ndarray]]:
    feeds: dict[Node, np.ndarray] = {}
    outputs = []
    for channels, filters, spatial, window, attrs in CASES:
        x = fed(feeds, (BATCH, channels, *spatial), dtype)
        kernel = fed(feeds, (filters, channels, *window), dtype)
        outputs.append(g.conv(x, kernel, **attrs))
    return outputs, feeds


def test_float32() -> None:
    check(*convolutions("float32"), terms=40)


def test_float64() -> None:
    check(*convolutions("float64"), terms=40)
