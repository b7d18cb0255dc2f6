"""K's convolution, pooling, repetition and padding against sums written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.backend import conv
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.errors import ArgumentError, ShapeError
from tests.backend.window_sums import (
    channels_last,
    convolved,
    pooled,
    same_counts,
    up,
    valid_counts,
)
from tests.compiler.grad.differences import check_gradients

rng = np.random.default_rng(5)


CONVOLUTIONS = [
    # spatial, window, strides, border_mode
    ((5, 6), (3, 2), (1, 1), "valid"),
    ((7, 6), (2, 3), (2, 3), "valid"),
    ((5, 6), (3, 3), (1, 1), "same"),
    ((5, 6), (2, 4), (1, 1), "same"),
    ((7, 6), (4, 3), (2, 3), "same"),
    ((6, 7), (2, 1), (2, 2), "same"),
    ((2, 3), (5, 4), (1, 2), "same"),  # windows larger than the image
    ((4, 3, 5), (2, 3, 3), (1, 1, 1), "valid"),
    ((4, 5, 5), (2, 3, 1), (2, 1, 3), "valid"),
    ((4, 3, 4), (2, 3, 4), (1, 1, 1), "same"),
    ((4, 3, 5), (2, 3, 4), (2, 1, 2), "same"),
    ((5, 6), (2, 3), (1, 2), "full"),
    ((2, 3, 2), (2, 1, 3), (1, 2, 1), "full"),
]


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize(("spatial", "window", "strides", "border_mode"), CONVOLUTIONS)
def test_convolution(spatial, window, strides, border_mode, ordering):
    x = rng.normal(size=(2, 3, *spatial))
    W = rng.normal(size=(4, 3, *window))
    lows, counts = [0] * len(window), valid_counts(spatial, window, strides)
    if border_mode == "same":
        early = len(window) == 2 or max(strides) > 1
        lows = [k // 2 if early else (k - 1) // 2 for k in window]
        counts = same_counts(spatial, strides)
    if border_mode == "full":
        lows = [k - 1 for k in window]
        counts = [up(L + k - 1, s) for L, k, s in zip(spatial, window, strides, strict=True)]
    expected = convolved(x, W, strides, lows, counts)
    kernel = W
    if ordering == "tf":
        x, expected = channels_last(x), channels_last(expected)
        kernel = np.moveaxis(W, (0, 1), (-1, -2))
    conv = {2: K.conv2d, 3: K.conv3d}[len(window)]
    nodes = g.input(x.shape, "float64"), g.input(kernel.shape, "float64")
    output = conv(*nodes, strides, border_mode, ordering)
    (value,) = evaluate([output], dict(zip(nodes, (x, kernel), strict=True)))
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


POOLINGS = [
    ((5, 6), (2, 3), (1, 1), "valid"),
    ((7, 6), (3, 2), (2, 2), "valid"),
    ((7, 8), (2, 3), (2, 3), "same"),
    ((6, 7), (4, 5), (1, 2), "same"),
    ((6, 5), (1, 2), (2, 3), "same"),  # a window of 1 needs no padding
    ((2, 3), (3, 4), (1, 1), "same"),
    ((4, 5, 3), (2, 2, 3), (1, 2, 1), "valid"),
    ((4, 5, 3), (2, 1, 3), (1, 2, 2), "same"),
]


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize(("mode", "read"), [("max", np.max), ("avg", np.mean)])
@pytest.mark.parametrize(("spatial", "window", "strides", "border_mode"), POOLINGS)
def test_pooling(spatial, window, strides, border_mode, mode, read, ordering):
    x = rng.normal(size=(2, 3, *spatial)) - 5  # a zero of the padding would be the largest
    lows, counts = [0] * len(window), valid_counts(spatial, window, strides)
    if border_mode == "same":
        lows = [max(k - 2 if k % 2 else k - 1, 0) for k in window]
        counts = same_counts(spatial, strides)
    expected = pooled(x, window, strides, lows, counts, read)
    if ordering == "tf":
        x, expected = channels_last(x), channels_last(expected)
    node = g.input(x.shape, "float64")
    pool = {2: K.pool2d, 3: K.pool3d}[len(window)]
    (value,) = evaluate([pool(node, window, strides, border_mode, ordering, mode)], {node: x})
    np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.flags(image_dim_ordering="th")
def test_pooling_steps_by_one_by_default():
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    expected = [[[[5, 6, 7], [9, 10, 11]]]]
    np.testing.assert_array_equal(K.eval(K.pool2d(K.variable(x), (2, 2))), expected)
    volume = K.variable(x.reshape(1, 1, 1, 3, 4))
    np.testing.assert_array_equal(K.eval(K.pool3d(volume, (1, 2, 2))), [expected])


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_resizing_repeats_each_element(ordering):
    x = rng.normal(size=(2, 3, 2, 4, 3)).astype("float32")
    volumes = np.repeat(np.repeat(np.repeat(x, 2, 2), 3, 3), 2, 4)
    images = np.repeat(np.repeat(x[:, :, 0], 3, 2), 2, 3)
    if ordering == "tf":
        x, volumes, images = (channels_last(value) for value in (x, volumes, images))
    node = K.variable(x)
    np.testing.assert_array_equal(K.eval(K.resize_volumes(node, 2, 3, 2, ordering)), volumes)
    image = K.variable(x[:, :, 0] if ordering == "th" else x[:, 0])
    np.testing.assert_array_equal(K.eval(K.resize_images(image, 3, 2, ordering)), images)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_padding_puts_zeros_at_both_ends(ordering):
    x = rng.normal(size=(2, 3, 2, 4, 3)).astype("float32")
    around = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0), (2, 2)))
    flat, flat_around = x[:, :, 0], np.pad(x[:, :, 0], ((0, 0), (0, 0), (3, 3), (1, 1)))
    if ordering == "tf":
        x, around = channels_last(x), channels_last(around)
        flat, flat_around = channels_last(flat), channels_last(flat_around)
    padded = K.spatial_3d_padding(K.variable(x), (1, 0, 2), ordering)
    np.testing.assert_array_equal(K.eval(padded), around)
    padded = K.spatial_2d_padding(K.variable(flat), (3, 1), ordering)
    np.testing.assert_array_equal(K.eval(padded), flat_around)


def test_padding_of_sequences():
    x = rng.normal(size=(2, 3, 4)).astype("float32")
    for count, node in ((1, K.temporal_padding(K.variable(x))), (2, K.temporal_padding(x, 2))):
        np.testing.assert_array_equal(K.eval(node), np.pad(x, ((0, 0), (count, count), (0, 0))))


@pytest.mark.flags(image_dim_ordering="th")
@pytest.mark.parametrize(
    ("spatial", "window", "strides", "border_mode"),
    [CONVOLUTIONS[1], CONVOLUTIONS[3], CONVOLUTIONS[4], CONVOLUTIONS[9]],
)
def test_gradients_of_convolution(spatial, window, strides, border_mode):
    conv = {2: K.conv2d, 3: K.conv3d}[len(window)]
    arrays = rng.normal(size=(1, 1, *spatial)), rng.normal(size=(2, 1, *window))
    check_gradients(
        lambda x, W: conv(x, W, strides, border_mode), arrays, second_order=len(window) == 2
    )


@pytest.mark.parametrize("mode", ["max", "avg"])
@pytest.mark.parametrize(("window", "strides"), [((2, 3), (2, 1)), ((4, 1), (1, 2))])
def test_gradients_of_pooling_in_both_borders(window, strides, mode):
    x = rng.permutation(30).reshape(1, 1, 6, 5) / 7
    for border_mode in ("valid", "same"):
        check_gradients(
            lambda node, border=border_mode: K.pool2d(node, window, strides, border, "th", mode),
            [x],
            second_order=False,
        )


def test_gradients_of_resizing_and_padding():
    x = rng.normal(size=(1, 2, 3, 2))
    check_gradients(lambda node: K.resize_images(node, 2, 3, "th"), [x], second_order=False)
    check_gradients(lambda node: K.spatial_2d_padding(node, (2, 1), "tf"), [x], second_order=False)


@pytest.mark.flags(image_dim_ordering="th")
def test_shapes_that_the_caller_claims():
    x, kernel = K.placeholder((None, 3, None, 8)), K.ones((2, 3, 3, 3))
    output = K.conv2d(x, kernel, image_shape=(None, 3, 6, 8), filter_shape=(2, 3, 3, 3))
    assert output.shape[3] == 6
    with pytest.raises(ShapeError, match=r"conv2d: the image's shape.*argument says \(None, 1, 6"):
        K.conv2d(x, kernel, image_shape=(None, 1, 6, 8))
    with pytest.raises(ShapeError, match="conv2d: the filter's shape"):
        K.conv2d(x, kernel, filter_shape=(2, 3, 3))


IMAGE, KERNEL = K.ones((1, 2, 5, 5)), K.ones((3, 2, 3, 3))
VOLUME, KERNEL_3D = K.ones((1, 2, 5, 5, 5)), K.ones((3, 2, 3, 3, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: K.conv2d(IMAGE, KERNEL, border_mode="half"), "conv2d: border_mode: .*'half'"),
        (lambda: K.conv2d(IMAGE, KERNEL, dim_ordering="NCHW"), "conv2d: dim_ordering: .*'NCHW'"),
        (lambda: K.conv2d(IMAGE, KERNEL, strides=2), "conv2d: strides: expected 2 whole .*2"),
        (
            lambda: K.conv2d(IMAGE, KERNEL, strides=(1, 0)),
            r"conv2d: strides \(1, 0\): .*received 0",
        ),
        (lambda: K.pool2d(IMAGE, (2, 2.5)), r"pool2d: pool_size \(2, 2.5\): .*received 2.5"),
        (lambda: K.pool2d(IMAGE, (2, 2), None), "pool2d: strides: .*None"),
        (lambda: K.pool2d(IMAGE, (2, 2), border_mode="half"), "pool2d: border_mode"),
        (lambda: K.pool2d(IMAGE, (2, 2), pool_mode="sum"), "pool2d: pool_mode: .*'sum'"),
        (lambda: K.pool3d(VOLUME, (2, 2, 2), border_mode="full"), "pool3d: border_mode"),
        (
            lambda: K.conv2d(IMAGE, KERNEL, filter_dilation=(0, 1)),
            r"conv2d: dilation \(0, 1\): .*at least 1",
        ),
        (lambda: K.resize_images(IMAGE, 2, 0, "th"), "resize_images: factors .*at least 1"),
        (lambda: K.resize_images(IMAGE, 2, 2, "xy"), "resize_images: dim_ordering"),
        (lambda: K.spatial_2d_padding(IMAGE, (1, -1)), "spatial_2d_padding: padding .*least 0"),
        (lambda: K.spatial_3d_padding(VOLUME, 1), "spatial_3d_padding: padding: expected 3 whole"),
        (
            lambda: K.temporal_padding(K.ones((1, 2, 3)), True),
            "temporal_padding: padding: expected a whole",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: K.conv2d(VOLUME, KERNEL), "conv2d: expected 4 axes"),
        (lambda: K.conv2d(IMAGE, KERNEL_3D), "conv2d: kernel: expected 4 axes"),
        (lambda: K.pool3d(IMAGE, (1, 1, 1)), "pool3d: expected 5 axes"),
        (lambda: K.temporal_padding(IMAGE), "temporal_padding: expected 3 axes"),
        (lambda: K.resize_volumes(IMAGE, 1, 1, 1, "th"), "resize_volumes: expected 5 axes"),
        (lambda: K.conv2d(IMAGE, K.ones((3, 1, 3, 3))), "conv"),
        (lambda: K.conv2d(IMAGE, K.ones((3, 2, 6, 3))), "conv"),
    ],
)
def test_shapes_that_do_not_fit(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


@pytest.mark.parametrize("dim_ordering", ["th", "tf"])
@pytest.mark.parametrize("sizes", [(5,), (5, 6), (5, 6, 4)])
@pytest.mark.parametrize("pair", [(0, 0), (1, 2), (3, 0), (0, 3)])
def test_cropping_keeps_what_is_inside(dim_ordering, sizes, pair):
    cropping = [pair if axis != 2 else (1, 0) for axis in range(len(sizes))]
    shape = (2, 3, *sizes) if dim_ordering == "th" else (2, *sizes, 3)
    x = rng.normal(size=shape)
    inside = [slice(begin, size - end) for (begin, end), size in zip(cropping, sizes, strict=True)]
    keys = [slice(None), slice(None), *inside]
    if dim_ordering == "tf":
        keys = [slice(None), *inside, slice(None)]
    found = evaluate([conv.crop_spatial(g.constant(x), cropping, dim_ordering)])[0]
    np.testing.assert_array_equal(found, x[tuple(keys)])
    image = g.input(shape[:1] + (g.symbol("n"),) * (len(shape) - 1), "float64")
    by_default = [cropping] if dim_ordering == "th" else [cropping, dim_ordering]
    sizes_at_the_call = conv.crop_spatial(image, *by_default).shape
    assert len(sizes_at_the_call) == len(shape)


def test_cropping_leaves_an_element_at_least():
    x = g.constant(np.ones((1, 1, 3, 4)))
    assert conv.crop_spatial(x, [(1, 1), (3, 0)]).shape == (1, 1, 1, 1)
    for cropping, axis in (([(1, 2), (0, 0)], 2), ([(0, 0), (0, 4)], 3)):
        with pytest.raises(ShapeError, match=f"here: cropping .* leaves nothing .* axis {axis} of"):
            conv.crop_spatial(x, cropping, where="here")
