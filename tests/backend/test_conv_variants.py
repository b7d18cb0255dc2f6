"""Dilated, transposed, separable and correlated convolutions against sums in NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphc
from graphc import backend as K
from graphc.backend.conv_variants import depthwise, patches
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.errors import ArgumentError, ShapeError
from tests.backend.window_sums import channels_last, convolved, same_counts, valid_counts
from tests.compiler.grad.differences import check_gradients

rng = np.random.default_rng(6)


def value_of(build, *arrays):
    nodes = [g.input(one.shape, "float64") for one in arrays]
    return evaluate([build(*nodes)], dict(zip(nodes, arrays, strict=True)))[0]


def in_ordering(ordering, image, kernel):
    if ordering == "th":
        return image, kernel
    return channels_last(image), np.moveaxis(kernel, (0, 1), (-1, -2))


def stuffed(kernel, rates):
    """A kernel with zeros between its taps."""
    window = [r * (k - 1) + 1 for r, k in zip(rates, kernel.shape[2:], strict=True)]
    full = np.zeros((*kernel.shape[:2], *window))
    full[(..., *(slice(None, None, r) for r in rates))] = kernel
    return full


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize(("rates", "border"), [((2, 1), "valid"), ((3, 2), "same")])
def test_a_dilated_kernel_is_one_with_zeros_between(rates, border, ordering):
    x, W = rng.normal(size=(2, 3, 7, 6)), rng.normal(size=(4, 3, 2, 3))
    full = stuffed(W, rates)
    window = full.shape[2:]
    lows = [0, 0] if border == "valid" else [k // 2 for k in window]
    counts = valid_counts((7, 6), window, (1, 1)) if border == "valid" else (7, 6)
    expected = convolved(x, full, (1, 1), lows, counts)
    image, kernel = in_ordering(ordering, x, W)
    found = value_of(
        lambda a, b: K.conv2d(a, b, (1, 1), border, ordering, filter_dilation=rates), image, kernel
    )
    expected = expected if ordering == "th" else channels_last(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


DECONVOLUTIONS = [
    # spatial sizes of the output, window, strides, border_mode
    ((6, 7), (3, 2), (1, 1), "valid"),
    ((7, 8), (3, 4), (2, 3), "valid"),
    ((6, 8), (3, 2), (2, 2), "same"),
    ((5, 7), (4, 3), (2, 3), "same"),
    ((4, 5), (3, 2), (1, 2), "full"),
]


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize(("sizes", "window", "strides", "border"), DECONVOLUTIONS)
def test_a_deconvolution_is_the_gradient_of_a_convolution(sizes, window, strides, border, ordering):
    lows = {
        "valid": [0, 0],
        "same": [k // 2 for k in window],
        "full": [k - 1 for k in window],
    }[border]
    counts = same_counts(sizes, strides)
    if border != "same":
        padded = [size + 2 * low for size, low in zip(sizes, lows, strict=True)]
        counts = valid_counts(padded, window, strides)
    x, W = rng.normal(size=(2, 3, *counts)), rng.normal(size=(4, 3, *window))
    expected = np.zeros((2, 4, *sizes))
    for i in itertools.product(*map(range, counts)):
        for j in itertools.product(*map(range, sizes)):
            taps = [
                k - 1 - (b + low - a * s)
                for k, a, b, s, low in zip(window, i, j, strides, lows, strict=True)
            ]
            if all(0 <= tap < k for tap, k in zip(taps, window, strict=True)):
                expected[(..., *j)] += x[(..., *i)] @ W[(..., *taps)].T
    image, kernel = in_ordering(ordering, x, W)
    shape = (None, 4, *sizes) if ordering == "th" else (None, *sizes, 4)
    found = value_of(lambda a, b: K.deconv2d(a, b, shape, strides, border, ordering), image, kernel)
    expected = expected if ordering == "th" else channels_last(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def tensorflows(x, W, strides, border):
    """A correlation with the padding of TensorFlow."""
    sizes, window = x.shape[2:], W.shape[2:]
    flipped = np.flip(W, tuple(range(2, W.ndim)))
    if border == "valid":
        counts = valid_counts(sizes, window, strides)
        return convolved(x, flipped, strides, [0] * len(window), counts)
    counts = same_counts(sizes, strides)
    rows = zip(counts, strides, window, sizes, strict=True)
    lows = [max((n - 1) * s + k - size, 0) // 2 for n, s, k, size in rows]
    return convolved(x, flipped, strides, lows, counts)


SEPARABLE = [
    ((5, 6), (3, 2), (1, 1), "valid"),
    ((5, 6), (2, 3), (1, 1), "same"),
    ((7, 6), (3, 3), (2, 2), "same"),
    ((7, 5), (1, 2), (2, 3), "same"),
]


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize(("sizes", "window", "strides", "border"), SEPARABLE)
def test_a_separable_convolution(sizes, window, strides, border, ordering):
    x = rng.normal(size=(2, 3, *sizes))
    depth, point = rng.normal(size=(2, 3, *window)), rng.normal(size=(4, 6, 1, 1))
    spread = [
        tensorflows(x[:, c : c + 1], depth[j : j + 1, c : c + 1], strides, border)
        for c in range(3)
        for j in range(2)
    ]
    expected = np.einsum("nchw,fc->nfhw", np.concatenate(spread, 1), point[:, :, 0, 0])
    image, kernel = in_ordering(ordering, x, depth)
    pointwise = in_ordering(ordering, x, point)[1]
    found = value_of(
        lambda a, b, c: K.separable_conv2d(a, b, c, strides, border, ordering),
        *(image, kernel, pointwise),
    )
    expected = expected if ordering == "th" else channels_last(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_sizes_that_the_call_knows_have_the_same_padding():
    kernel = g.constant(rng.normal(size=(2, 3, 3, 2)))
    strides = (2, 3)
    x = g.input((None, 3, None, None), "float64")
    with config.changed(cpu="numpy"):
        f = graphc.function([x], depthwise(x, kernel, strides, "same"))
    for sizes in ((7, 6), (6, 8), (5, 5)):
        image = rng.normal(size=(1, 3, *sizes))
        expected = value_of(lambda a: depthwise(a, kernel, strides, "same"), image)
        np.testing.assert_allclose(f(image), expected, rtol=1e-12)


def test_what_tensorflow_alone_had_correlates():
    x, W = rng.normal(size=(2, 7, 3)), rng.normal(size=(3, 3, 4))
    image, kernel = np.moveaxis(x, -1, 1), np.moveaxis(W, (-1, -2), (0, 1))
    for stride, border in ((1, "valid"), (2, "same")):
        expected = channels_last(tensorflows(image, kernel, (stride,), border))
        found = value_of(lambda a, b, s=stride, m=border: K.conv1d(a, b, s, m), x, W)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    image, kernel = rng.normal(size=(2, 3, 7, 6)), rng.normal(size=(4, 3, 2, 3))
    expected = tensorflows(image, stuffed(kernel, (2, 2)), (1, 1), "same")
    found = value_of(lambda a, b: K.atrous_conv2d(a, b, 2, "same", "th"), image, kernel)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_windows_as_rows(ordering):
    x = rng.normal(size=(2, 3, 5, 6))
    image = x if ordering == "th" else channels_last(x)
    found = value_of(lambda a: patches(a, (2, 3), (2, 1), ordering), image)
    rows = [(a, b) for a in (0, 2) for b in range(4)]
    for place, (a, b) in enumerate(rows):
        window = x[:, :, a : a + 2, b : b + 3]
        window = window if ordering == "th" else channels_last(window)
        np.testing.assert_array_equal(found[:, place], window.reshape(2, -1))


def test_gradients():
    x, W = rng.normal(size=(1, 2, 4, 5)), rng.normal(size=(3, 2, 2, 3))
    for build in (
        lambda a, b: K.conv2d(a, b, (1, 1), "same", "th", filter_dilation=(2, 1)),
        lambda a, b: K.deconv2d(a, b, (None, 3, 8, 10), (2, 2), "same", "th"),
        lambda a, b: depthwise(a, b, (2, 1), "same"),
    ):
        check_gradients(build, [x, W], second_order=False)


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ((None, 3, 8), ArgumentError, "output_shape: expected 4 sizes"),
        ((None, 3, None, 8), ArgumentError, "output_shape: expected 4 sizes"),
        ((None, 2, 8, 10), ShapeError, r"axis 1: expected 3, received 2"),
        ((7, 3, 8, 10), ShapeError, r"axis 0: expected 1, received 7"),
        ((None, 3, 9, 10), ShapeError, "axis 0: 9 elements have 5 windows of 2 at the stride 2"),
    ],
)
def test_an_output_shape_that_does_not_fit(shape, error, message):
    with pytest.raises(error, match=message):
        K.deconv2d(K.ones((1, 2, 4, 5)), K.ones((3, 2, 2, 3)), shape, (2, 2), "same", "th")


def test_kernels_that_do_not_fit():
    with pytest.raises(ShapeError, match="expected one for each of 2 channels"):
        depthwise(K.ones((1, 2, 4, 5)), K.ones((1, 3, 2, 2)), (1, 1))
    with pytest.raises(ArgumentError, match="border_mode: expected 'valid' or 'same'"):
        K.conv1d(K.ones((1, 4, 2)), K.ones((2, 2, 3)), border_mode="full")


def test_padding_of_each_side():
    x = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    around = np.pad(x, ((0, 0), (0, 0), (1, 0), (2, 3)))
    for ordering in ("th", "tf"):
        image, expected = (one if ordering == "th" else channels_last(one) for one in (x, around))
        found = K.asymmetric_spatial_2d_padding(K.variable(image), 1, 0, 2, 3, ordering)
        np.testing.assert_array_equal(K.eval(found), expected)
    steps = K.asymmetric_temporal_padding(K.variable(x[0]), 0, 2)
    np.testing.assert_array_equal(K.eval(steps), np.pad(x[0], ((0, 0), (0, 2), (0, 0))))
