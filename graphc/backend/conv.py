"""K: convolution, pooling, repetition and zero padding over the spatial axes of images.

Images are (n, channels, *spatial) in the ordering 'th' and (n, *spatial, channels) in 'tf'.
`convolve`, `pool`, `repeat_spatial` and `pad_spatial` take any number of spatial axes; the
functions of K, named as in Keras, are these for two and for three; their ordering is by default
`image_dim_ordering`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.backend.settings import check_dim_ordering
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, ShapeError
from graphc.lookup import is_whole, whole_number
from graphc.releases import since

BORDERS = ("valid", "same")
CONVOLUTION_BORDERS = (*BORDERS, "full")


def convolve(
    x: object,
    kernel: object,
    strides: Sequence[int],
    border_mode: str = "valid",
    dim_ordering: str = "th",
    where: str = "convolve",
    dilation: Sequence[int] | None = None,
) -> g.Node:
    """True convolution, as on Theano: the kernel is flipped along its spatial axes.

    out[n, f, p] = sum over c and q of x[n, c, p * stride - low + r * q] kernel[f, c, last - q]

    Args:
        x: an image with as many spatial axes as there are strides.
        kernel: (filters, channels, *window) in 'th', (*window, channels, filters) in 'tf'.
        strides: the step from window to window, one a spatial axis.
        border_mode: with k the extent of the dilated window, 'valid', the windows inside x:
            low = 0, and an axis of L elements gives (L - k) // stride + 1; 'same':
            ceil(L / stride), with low = k // 2, but (k - 1) // 2 for three axes with a stride of 1;
            'full', all windows that touch x: ceil((L + k - 1) / stride), with low = k - 1.
        where: starts the messages.
        dilation: r, the step from tap to tap in the image, one a spatial axis; 1 by default. A
            window of k taps then has the extent r (k - 1) + 1.

    Returns:
        (n, filters, *windows) in 'th', (n, *windows, filters) in 'tf'.

    Raises:
        ArgumentError: an argument out of its range.
        ShapeError: x and kernel do not fit each other, or no window fits.
    """
    image, weights = g.as_node(x), g.as_node(kernel)
    dims = len(strides)
    steps = whole_numbers(strides, dims, f"{where}: strides")
    rates = whole_numbers([1] * dims if dilation is None else dilation, dims, f"{where}: dilation")
    check_border_mode(border_mode, where, CONVOLUTION_BORDERS)
    check_rank(image, dims, where)
    check_rank(weights, dims, f"{where}: kernel")
    dim_ordering = check_dim_ordering(dim_ordering, where)
    if dim_ordering == "tf":
        weights = g.transpose(weights, (dims + 1, dims, *range(dims)))
    window = [r * (k - 1) + 1 for r, k in zip(rates, weights.shape[2:], strict=True)]
    padding: list[tuple[g.Size, g.Size]] = [(0, 0)] * dims
    if border_mode == "full":
        padding = [(k - 1, k - 1) for k in window]
    elif border_mode == "same":
        padding = [(k // 2, (k - 1) // 2) for k in window]
        # Keras 1.0 knew no other stride, and began the windows of even sizes one later.
        if dims == 3 and set(steps) == {1}:
            padding = [(low, high) for high, low in padding]
    flipped = g.flip(weights, range(2, dims + 2))
    image = channels_first(image, dim_ordering)
    result = g.conv(image, flipped, steps, padding, kernel_dilation=rates)
    return from_channels_first(result, dim_ordering)


def pool(
    x: object,
    window: Sequence[int],
    strides: Sequence[int],
    border_mode: str = "valid",
    dim_ordering: str = "th",
    pool_mode: str = "max",
    where: str = "pool",
) -> g.Node:
    """The largest element, or the mean, of each window of an image.

    Args:
        x: an image.
        window, strides: one number a spatial axis.
        border_mode: 'valid', as in `convolve`; or 'same': an axis of L elements gives
            ceil(L / stride), and windows of k elements start k - 2 (odd k) or k - 1 (even k) before
            the first element; only elements of x count.
        pool_mode: 'max' or 'avg'.
        where: starts the messages.

    Raises:
        ArgumentError: an argument out of its range.
        ShapeError: another number of axes, or no window fits.
    """
    image = g.as_node(x)
    dims = len(window)
    extents = whole_numbers(window, dims, f"{where}: pool_size")
    steps = whole_numbers(strides, dims, f"{where}: strides")
    check_border_mode(border_mode, where)
    if pool_mode not in ("max", "avg"):
        raise ArgumentError(f"{where}: pool_mode: expected 'max' or 'avg', received {pool_mode!r}")
    check_rank(image, dims, where)
    dim_ordering = check_dim_ordering(dim_ordering, where)
    padding = [(0, 0)] * dims
    if border_mode == "same":
        # Keras pads the end like the start and cuts the surplus windows off. k - 1 zeros in all
        # give ceil(L / stride) windows at once.
        lows = [max(k - 1 - k % 2, 0) for k in extents]
        padding = [(low, k - 1 - low) for low, k in zip(lows, extents, strict=True)]
    pooled = {"max": g.max_pool, "avg": g.average_pool}[pool_mode]
    result = pooled(channels_first(image, dim_ordering), extents, steps, padding)
    return from_channels_first(result, dim_ordering)


def repeat_spatial(
    x: object, factors: Sequence[int], dim_ordering: str = "th", where: str = "repeat_spatial"
) -> g.Node:
    """Each element of an image `factors` times in a row, one factor a spatial axis."""
    node = g.as_node(x)
    dims = len(factors)
    check_rank(node, dims, where)
    first = _first_spatial_axis(dim_ordering, where)
    for axis, factor in enumerate(whole_numbers(factors, dims, f"{where}: factors"), start=first):
        node = g.repeat(node, factor, axis)
    return node


def pad_spatial(
    x: object,
    padding: Sequence[tuple[int, int]],
    dim_ordering: str = "th",
    where: str = "pad_spatial",
) -> g.Node:
    """Zeros (before, after) each spatial axis of an image."""
    node = g.as_node(x)
    dims = len(padding)
    check_rank(node, dims, where)
    widths = [(0, 0)] * node.ndim
    first = _first_spatial_axis(dim_ordering, where)
    widths[first : first + dims] = [pair_of_counts(pair, f"{where}: padding") for pair in padding]
    return g.pad(node, widths)


def crop_spatial(
    x: object,
    cropping: Sequence[tuple[int, int]],
    dim_ordering: str = "th",
    where: str = "crop_spatial",
) -> g.Node:
    """An image without elements (at the beginning, at the end) of each spatial axis."""
    node = g.as_node(x)
    dims = len(cropping)
    check_rank(node, dims, where)
    keys = [slice(None)] * node.ndim
    first = _first_spatial_axis(dim_ordering, where)
    for axis, pair in enumerate(cropping, start=first):
        begin, end = pair_of_counts(pair, f"{where}: cropping")
        size = node.shape[axis]
        if isinstance(size, int) and begin + end >= size:
            raise ShapeError(
                f"{where}: cropping {(begin, end)} leaves nothing of the {size} elements of axis "
                f"{axis} of {node.shape}"
            )
        keys[axis] = slice(begin, size - end)
    return node[tuple(keys)]


def conv2d(
    x: object,
    kernel: object,
    strides: Sequence[int] = (1, 1),
    border_mode: str = "valid",
    dim_ordering: str = "default",
    image_shape: Sequence[int | None] | None = None,
    filter_shape: Sequence[int | None] | None = None,
    filter_dilation: Sequence[int] = (1, 1),
) -> g.Node:
    """`convolve` over two spatial axes.

    Args:
        filter_dilation: the step from tap to tap in the image, along rows and columns.
        image_shape, filter_shape: the shapes of x and kernel as far as the caller knows them; not
            needed. ShapeError where a size differs from one that the graph knows.
    """
    return _convolution(
        *("conv2d", 2, x, kernel, strides, border_mode, dim_ordering, image_shape, filter_shape),
        filter_dilation,
    )


def conv3d(
    x: object,
    kernel: object,
    strides: Sequence[int] = (1, 1, 1),
    border_mode: str = "valid",
    dim_ordering: str = "default",
    volume_shape: Sequence[int | None] | None = None,
    filter_shape: Sequence[int | None] | None = None,
    filter_dilation: Sequence[int] = (1, 1, 1),
) -> g.Node:
    """`convolve` over three spatial axes. See `conv2d`."""
    return _convolution(
        *("conv3d", 3, x, kernel, strides, border_mode, dim_ordering, volume_shape, filter_shape),
        filter_dilation,
    )


def pool2d(
    x: object,
    pool_size: Sequence[int],
    strides: Sequence[int] = (1, 1),
    border_mode: str = "valid",
    dim_ordering: str = "default",
    pool_mode: str = "max",
) -> g.Node:
    """`pool` over two spatial axes. The strides are 1 by default, not the pool size."""
    sizes = whole_numbers(pool_size, 2, "pool2d: pool_size")
    steps = whole_numbers(strides, 2, "pool2d: strides")
    return pool(x, sizes, steps, border_mode, dim_ordering, pool_mode, "pool2d")


def pool3d(
    x: object,
    pool_size: Sequence[int],
    strides: Sequence[int] = (1, 1, 1),
    border_mode: str = "valid",
    dim_ordering: str = "default",
    pool_mode: str = "max",
) -> g.Node:
    """`pool` over three spatial axes. The strides are 1 by default."""
    sizes = whole_numbers(pool_size, 3, "pool3d: pool_size")
    steps = whole_numbers(strides, 3, "pool3d: strides")
    return pool(x, sizes, steps, border_mode, dim_ordering, pool_mode, "pool3d")


def resize_images(X: object, height_factor: int, width_factor: int, dim_ordering: str) -> g.Node:
    """Each pixel of images `height_factor` times in a column and `width_factor` times in a row."""
    return repeat_spatial(X, (height_factor, width_factor), dim_ordering, "resize_images")


def resize_volumes(
    X: object, depth_factor: int, height_factor: int, width_factor: int, dim_ordering: str
) -> g.Node:
    """`resize_images` over three spatial axes."""
    factors = (depth_factor, height_factor, width_factor)
    return repeat_spatial(X, factors, dim_ordering, "resize_volumes")


def temporal_padding(x: object, padding: int = 1) -> g.Node:
    """`padding` steps of zeros before and after sequences (n, steps, features)."""
    zeros = whole_number("temporal_padding: padding", padding, 0)
    return pad_spatial(x, [(zeros, zeros)], "tf", "temporal_padding")


@since("1.1.1")
def asymmetric_temporal_padding(x: object, left_pad: int = 1, right_pad: int = 1) -> g.Node:
    """`left_pad` steps of zeros before sequences (n, steps, features), `right_pad` after them."""
    return pad_spatial(x, [(left_pad, right_pad)], "tf", "asymmetric_temporal_padding")


def spatial_2d_padding(
    x: object, padding: Sequence[int] = (1, 1), dim_ordering: str = "default"
) -> g.Node:
    """Zeros around images: padding[0] rows above and below, padding[1] columns at both sides."""
    zeros = whole_numbers(padding, 2, "spatial_2d_padding: padding", least=0)
    return pad_spatial(x, [(n, n) for n in zeros], dim_ordering, "spatial_2d_padding")


@since("1.1.1")
def asymmetric_spatial_2d_padding(
    x: object,
    top_pad: int = 1,
    bottom_pad: int = 1,
    left_pad: int = 1,
    right_pad: int = 1,
    dim_ordering: str = "default",
) -> g.Node:
    """Zeros around images: rows above and below, columns to the left and right."""
    pairs = [(top_pad, bottom_pad), (left_pad, right_pad)]
    return pad_spatial(x, pairs, dim_ordering, "asymmetric_spatial_2d_padding")


def spatial_3d_padding(
    x: object, padding: Sequence[int] = (1, 1, 1), dim_ordering: str = "default"
) -> g.Node:
    """`spatial_2d_padding` over three spatial axes."""
    zeros = whole_numbers(padding, 3, "spatial_3d_padding: padding", least=0)
    return pad_spatial(x, [(n, n) for n in zeros], dim_ordering, "spatial_3d_padding")


def whole_numbers(value: object, count: int, what: str, least: int = 1) -> tuple[int, ...]:
    """`count` whole numbers of at least `least`, as ints. ArgumentError for anything else."""
    numbers = tuple(value) if isinstance(value, Sequence | np.ndarray) else ()
    if len(numbers) != count:
        alike = f", e.g. ({', '.join([repr(value)] * count)})" if is_whole(value) else ""
        raise ArgumentError(
            f"{what}: expected {count} whole numbers of at least {least}, received {value!r}{alike}"
        )
    return tuple(whole_number(f"{what} {value!r}", number, least) for number in numbers)


def pair_of_counts(value: object, what: str) -> tuple[int, int]:
    """Two whole numbers of at least 0, as ints. ArgumentError for anything else."""
    before, after = whole_numbers(value, 2, what, least=0)
    return before, after


def check_border_mode(border_mode: object, where: str, allowed: Sequence[str] = BORDERS) -> None:
    """ArgumentError for a border_mode that is not allowed."""
    if border_mode not in allowed:
        raise ArgumentError(
            f"{where}: border_mode: expected {' or '.join(map(repr, allowed))}, received "
            f"{border_mode!r}"
        )


def check_rank(node: g.Node, dims: int, where: str) -> None:
    """ShapeError unless a node has `dims` spatial axes and two more."""
    if node.ndim != dims + 2:
        raise ShapeError(f"{where}: expected {dims + 2} axes, received the shape {node.shape}")


def _convolution(
    where: str,
    dims: int,
    x: object,
    kernel: object,
    strides: Sequence[int],
    border_mode: str,
    dim_ordering: str,
    image_shape: Sequence[int | None] | None,
    filter_shape: Sequence[int | None] | None,
    dilation: Sequence[int],
) -> g.Node:
    for value, claimed, name in ((x, image_shape, "image"), (kernel, filter_shape, "filter")):
        check_claim(g.as_node(value), claimed, f"{where}: the {name}'s shape")
    steps = whole_numbers(strides, dims, f"{where}: strides")
    return convolve(x, kernel, steps, border_mode, dim_ordering, where, dilation)


def check_claim(node: g.Node, claimed: Sequence[int | None] | None, what: str) -> None:
    """ShapeError where a caller says another size than a node has."""
    if claimed is None:
        return
    sizes = tuple(claimed)
    differ = len(sizes) != node.ndim or any(
        isinstance(own, int) and size not in (None, own)
        for own, size in zip(node.shape, sizes, strict=True)
    )
    if differ:
        raise ShapeError(f"{what}: it is {node.shape}, but the argument says {sizes}")


def _first_spatial_axis(dim_ordering: str, where: str) -> int:
    return 2 if check_dim_ordering(dim_ordering, where) == "th" else 1


def channels_first(image: g.Node, dim_ordering: str) -> g.Node:
    """An image with its channels in front."""
    if dim_ordering == "th":
        return image
    return g.transpose(image, (0, image.ndim - 1, *range(1, image.ndim - 1)))


def from_channels_first(image: g.Node, dim_ordering: str) -> g.Node:
    """An image (n, channels, *spatial) in an ordering."""
    return image if dim_ordering == "th" else g.transpose(image, (0, *range(2, image.ndim), 1))
