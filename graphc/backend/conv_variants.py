"""K: convolutions with another arrangement of their kernel: transposed, depthwise and separable
ones, windows with kernels of their own, and what TensorFlow alone had.

`convolve` of `graphc.backend.conv` flips kernels, as Theano does. The functions that Keras had on
TensorFlow only, `conv1d`, `atrous_conv2d` and `separable_conv2d`, mean what they meant there: no
kernel is flipped, and border_mode='same' pads (k - 1) // 2 before and the rest after, less what a
stride leaves over.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from graphc.backend.conv import (
    BORDERS,
    CONVOLUTION_BORDERS,
    channels_first,
    check_border_mode,
    check_claim,
    check_rank,
    from_channels_first,
    whole_numbers,
)
from graphc.backend.settings import check_dim_ordering
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, ShapeError
from graphc.lookup import whole_number
from graphc.releases import since


def deconvolve(
    x: object,
    kernel: object,
    output_shape: Sequence[g.Size | None],
    strides: Sequence[int],
    border_mode: str = "valid",
    dim_ordering: str = "th",
    where: str = "deconvolve",
) -> g.Node:
    """The gradient of a true convolution to its image, as a layer of its own.

    out[n, f, j] = sum over c and i of x[n, c, i] kernel[f, c, k - 1 - (j + low - i * stride)]

    Args:
        x: an image: one channel for each c.
        kernel: (filters, channels, *window) in 'th', (*window, channels, filters) in 'tf'.
        output_shape: of the result, the samples first (None for those of x), in the ordering; a
            convolution of it with such windows has to have the spatial sizes of x.
        strides: the step from window to window of that convolution.
        border_mode: of that convolution: low is 0 for 'valid', k // 2 for 'same', k - 1 for 'full'.
        where: starts the messages.

    Raises:
        ArgumentError: an argument out of its range.
        ShapeError: x, kernel and output_shape do not fit each other.
    """
    image, weights = g.as_node(x), g.as_node(kernel)
    dims = len(strides)
    steps = whole_numbers(strides, dims, f"{where}: strides")
    check_border_mode(border_mode, where, CONVOLUTION_BORDERS)
    check_rank(image, dims, where)
    check_rank(weights, dims, f"{where}: kernel")
    dim_ordering = check_dim_ordering(dim_ordering, where)
    if dim_ordering == "tf":
        weights = g.transpose(weights, (dims + 1, dims, *range(dims)))
    image = channels_first(image, dim_ordering)
    sizes = _output_sizes(output_shape, image, weights, dim_ordering, where)
    padding: list[tuple[g.Size, g.Size]] = []
    axes = zip(image.shape[2:], sizes, weights.shape[2:], steps, strict=True)
    for axis, (count, size, extent, step) in enumerate(axes):
        before = {"valid": 0, "same": extent // 2, "full": extent - 1}[border_mode]
        windows = {"valid": size - extent, "same": size - 1, "full": size + extent - 2}[border_mode]
        expected = windows // step + 1
        if isinstance(expected, int) and isinstance(count, int) and expected != count:
            raise ShapeError(
                f"{where}: output_shape {tuple(output_shape)}: spatial axis {axis}: {size} "
                f"elements have {expected} windows of {extent} at the stride {step} "
                f"(border_mode={border_mode!r}), and the input has {count} elements"
            )
        # The image with step - 1 zeros between its elements, under windows at each place.
        low = extent - 1 - before
        padding.append((low, size - 1 + extent - ((count - 1) * step + 1) - low))
    result = g.conv(image, weights, 1, padding, input_dilation=steps)
    return from_channels_first(result, dim_ordering)


def _output_sizes(
    output_shape: Sequence[g.Size | None],
    image: g.Node,
    weights: g.Node,
    dim_ordering: str,
    where: str,
) -> tuple[g.Size, ...]:
    """The spatial sizes of an output_shape whose other sizes fit."""
    shape = tuple(output_shape) if isinstance(output_shape, list | tuple) else ()
    if len(shape) != image.ndim or any(size is None for size in shape[1:]):
        raise ArgumentError(
            f"{where}: output_shape: expected {image.ndim} sizes in the ordering {dim_ordering!r}, "
            f"the samples first (None for any), received {output_shape!r}"
        )
    channel_axis = 1 if dim_ordering == "th" else image.ndim - 1
    expected = {0: image.shape[0], channel_axis: weights.shape[0]}
    for axis, size in expected.items():
        if isinstance(shape[axis], int) and isinstance(size, int) and shape[axis] != size:
            raise ShapeError(
                f"{where}: output_shape {shape}: axis {axis}: expected {size}, received "
                f"{shape[axis]}"
            )
    first = 2 if dim_ordering == "th" else 1
    return tuple(size for size in shape[first : first + image.ndim - 2] if size is not None)


def correlate(
    x: object,
    kernel: object,
    strides: Sequence[int],
    border_mode: str = "valid",
    dim_ordering: str = "th",
    where: str = "correlate",
    dilation: Sequence[int] | None = None,
) -> g.Node:
    """A convolution as TensorFlow has it: out[n, f, p] = sum over c and q of
    x[n, c, p * stride - low + r * q] kernel[f, c, q].

    Args and errors: those of `convolve`, without 'full'. 'same' pads as TensorFlow does.
    """
    image, weights = g.as_node(x), g.as_node(kernel)
    dims = len(strides)
    steps = whole_numbers(strides, dims, f"{where}: strides")
    rates = whole_numbers([1] * dims if dilation is None else dilation, dims, f"{where}: dilation")
    check_rank(image, dims, where)
    check_rank(weights, dims, f"{where}: kernel")
    dim_ordering = check_dim_ordering(dim_ordering, where)
    if dim_ordering == "tf":
        weights = g.transpose(weights, (dims + 1, dims, *range(dims)))
    image = channels_first(image, dim_ordering)
    window = [r * (k - 1) + 1 for r, k in zip(rates, weights.shape[2:], strict=True)]
    padding = _padding(image.shape[2:], window, steps, border_mode, where)
    result = g.conv(image, weights, steps, padding, kernel_dilation=rates)
    return from_channels_first(result, dim_ordering)


def depthwise(
    x: object,
    kernel: object,
    strides: Sequence[int],
    border_mode: str = "valid",
    dim_ordering: str = "th",
    where: str = "depthwise",
) -> g.Node:
    """`correlate` of each channel with `multiplier` kernels of its own: channel c * multiplier + j
    of the result is that of channel c with kernel j.

    Args:
        kernel: (multiplier, channels, *window) in 'th', (*window, channels, multiplier) in 'tf'.
    """
    image, weights = g.as_node(x), g.as_node(kernel)
    dims = len(strides)
    steps = whole_numbers(strides, dims, f"{where}: strides")
    check_rank(image, dims, where)
    check_rank(weights, dims, f"{where}: kernel")
    dim_ordering = check_dim_ordering(dim_ordering, where)
    if dim_ordering == "tf":
        weights = g.transpose(weights, (dims + 1, dims, *range(dims)))
    image = channels_first(image, dim_ordering)
    samples, channels = image.shape[:2]
    multiplier, own_channels, *window = weights.shape
    if isinstance(channels, int) and channels != own_channels:
        raise ShapeError(
            f"{where}: kernel: expected one for each of {channels} channels, received the shape "
            f"{weights.shape}"
        )
    padding = _padding(image.shape[2:], window, steps, border_mode, where)
    # One term for each tap of the window: shifted images are read where they lie.
    by_channel = g.swap_axes(weights, 0, 1)  # (channels, multiplier, *window)
    total: g.Node | None = None
    for tap, shifted in _taps(image, window, steps, padding):
        factor = by_channel[(slice(None), slice(None), *tap)]
        factor = g.reshape(factor, (own_channels, multiplier, *(1,) * dims))
        term = g.expand_dims(shifted, 2) * factor
        total = term if total is None else total + term
    assert total is not None  # a window has a tap
    sizes = (samples, own_channels * multiplier, *total.shape[3:])
    return from_channels_first(g.reshape(total, sizes), dim_ordering)


def patches(x: g.Node, window: Sequence[int], strides: Sequence[int], dim_ordering: str) -> g.Node:
    """The windows inside an image, row by row: (n, windows, elements).

    The elements of a window are in the order of the image's axes: channels first in 'th', last in
    'tf'.
    """
    image = channels_first(x, dim_ordering)
    dims = len(window)
    shifted = [one for _, one in _taps(image, window, strides, [(0, 0)] * dims)]
    stacked = g.stack(shifted, 2)  # (n, channels, taps, *windows)
    samples, channels, taps, *counts = stacked.shape
    count = counts[0]
    for one in counts[1:]:
        count = count * one
    stacked = g.reshape(stacked, (samples, channels, taps, count))
    order = (0, 3, 1, 2) if dim_ordering == "th" else (0, 3, 2, 1)
    return g.reshape(g.transpose(stacked, order), (samples, count, channels * taps))


def _taps(
    image: g.Node,
    window: Sequence[g.Size],
    strides: Sequence[int],
    padding: Sequence[tuple[g.Size, g.Size]],
) -> list[tuple[tuple[int, ...], g.Node]]:
    """Each tap of a window, and the elements of the image (n, channels, *spatial) under it."""
    padded = g.pad(image, [(0, 0), (0, 0), *padding])
    counts = [
        (size - extent) // step + 1
        for size, extent, step in zip(padded.shape[2:], window, strides, strict=True)
    ]
    found = []
    extents = [size for size in window if isinstance(size, int)]  # of weights, so numbers
    for tap in itertools.product(*map(range, extents)):
        keys = [
            slice(first, first + (count - 1) * step + 1, step)
            for first, count, step in zip(tap, counts, strides, strict=True)
        ]
        found.append((tap, padded[(slice(None), slice(None), *keys)]))
    return found


def _padding(
    sizes: Sequence[g.Size],
    window: Sequence[g.Size],
    strides: Sequence[int],
    border_mode: str,
    where: str,
) -> list[tuple[g.Size, g.Size]]:
    """(before, after) each axis. TensorFlow pads at the end as much as the last window needs; here
    it is as much as any window may need, which adds no window."""
    check_border_mode(border_mode, where, BORDERS)
    if border_mode == "valid":
        return [(0, 0)] * len(window)
    found: list[tuple[g.Size, g.Size]] = []
    for size, extent, step in zip(sizes, window, strides, strict=True):
        total: g.Size
        low: g.Size
        if step == 1:
            total = extent - 1
        else:
            total = ((size + step - 1) // step - 1) * step + extent - size
        if isinstance(total, int):
            low = max(total // 2, 0)
        elif isinstance(extent, int) and extent < step and extent > 2:
            raise ShapeError(
                f"{where}: border_mode='same' with a window of {extent} and a larger stride, "
                f"{step}, needs images whose sizes are known before the call, received {size}"
            )
        else:
            low = 0 if isinstance(extent, int) and extent < step else total // 2
        found.append((low, extent - 1 - low))
    return found


@since("1.0.6")
def deconv2d(
    x: object,
    kernel: object,
    output_shape: Sequence[g.Size | None],
    strides: Sequence[int] = (1, 1),
    border_mode: str = "valid",
    dim_ordering: str = "default",
    image_shape: Sequence[int | None] | None = None,
    filter_shape: Sequence[int | None] | None = None,
) -> g.Node:
    """`deconvolve` over two spatial axes.

    Args:
        image_shape, filter_shape: as of `conv2d`.
    """
    _check_claims("deconv2d", x, kernel, image_shape, filter_shape)
    steps = whole_numbers(strides, 2, "deconv2d: strides")
    return deconvolve(x, kernel, output_shape, steps, border_mode, dim_ordering, "deconv2d")


@since("1.2.0")
def conv1d(
    x: object,
    kernel: object,
    stride: int = 1,
    border_mode: str = "valid",
    image_shape: Sequence[int | None] | None = None,
    filter_shape: Sequence[int | None] | None = None,
) -> g.Node:
    """`correlate` of sequences (n, steps, features) with a kernel (length, features, filters)."""
    _check_claims("conv1d", x, kernel, image_shape, filter_shape)
    step = whole_number("conv1d: stride", stride, 1)
    return correlate(x, kernel, (step,), border_mode, "tf", "conv1d")


@since("1.2.0")
def atrous_conv2d(
    x: object,
    kernel: object,
    rate: int = 1,
    border_mode: str = "valid",
    dim_ordering: str = "default",
    image_shape: Sequence[int | None] | None = None,
    filter_shape: Sequence[int | None] | None = None,
) -> g.Node:
    """`correlate` over two spatial axes, with `rate` from tap to tap along both."""
    _check_claims("atrous_conv2d", x, kernel, image_shape, filter_shape)
    step = whole_number("atrous_conv2d: rate", rate, 1)
    rates = (step, step)
    return correlate(x, kernel, (1, 1), border_mode, dim_ordering, "atrous_conv2d", rates)


@since("1.0.6")
def separable_conv2d(
    x: object,
    depthwise_kernel: object,
    pointwise_kernel: object,
    strides: Sequence[int] = (1, 1),
    border_mode: str = "valid",
    dim_ordering: str = "default",
) -> g.Node:
    """`depthwise` over two spatial axes, and then a kernel of one pixel over all channels.

    Args:
        depthwise_kernel: (multiplier, channels, rows, columns) in 'th', else (rows, columns,
            channels, multiplier).
        pointwise_kernel: (filters, channels * multiplier, 1, 1) in 'th', else (1, 1,
            channels * multiplier, filters).
    """
    where = "separable_conv2d"
    steps = whole_numbers(strides, 2, f"{where}: strides")
    spread = depthwise(x, depthwise_kernel, steps, border_mode, dim_ordering, where)
    return correlate(spread, pointwise_kernel, (1, 1), "valid", dim_ordering, where)


def _check_claims(
    where: str,
    x: object,
    kernel: object,
    image_shape: Sequence[int | None] | None,
    filter_shape: Sequence[int | None] | None,
) -> None:
    check_claim(g.as_node(x), image_shape, f"{where}: the image's shape")
    check_claim(g.as_node(kernel), filter_shape, f"{where}: the filter's shape")
