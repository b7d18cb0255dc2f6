"""Convolutions and their gradients, as plain programs of one kernel each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphc.compiler import graph as g
from graphc.compiler.grad.table import RULES
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Size, symbol
from graphc.compiler.loops.program import LoopProgram
from tests.compiler.targets.cuda.products.cases import arrays, plain

WIDTH = symbol("width")


def convolution(
    filters: int,
    channels: int,
    *axes: tuple[Size, int],
    samples: Size = BATCH,
    dtype: str = "float32",
    **attributes: Any,
) -> Node:
    """Return the result of a convolution of arrays.

    Args:
        axes: along each the size of the image and of the kernel.
        attributes: of the op.
    """
    sizes, taps = zip(*axes, strict=True)
    image = arrays(samples, channels, *sizes, dtype=dtype)
    kernel = arrays(filters, channels, *taps, dtype=dtype)
    return g.conv(image, kernel, **attributes)


def biased(result: Node) -> Node:
    """Return a result with a bias for each filter, rectified."""
    ones = (1,) * (result.ndim - 2)
    return g.maximum(result + g.reshape(arrays(result.shape[1]), (1, result.shape[1], *ones)), 0.0)


def gradient(of: int, result: Node, cotangents: Node | None = None) -> Node:
    """Return the gradient of the image of a convolution (0), or of its kernel (1), given that of
    its result; by default an array."""
    wanted = [number == of for number in range(2)]
    if cotangents is None:
        cotangents = arrays(*result.shape, dtype=result.dtype)
    found = RULES["conv"](cotangents, result, wanted)[of]
    assert isinstance(found, Node)
    return found if of == 0 else found.inputs[0]


def normalised() -> LoopProgram:
    """Return a convolution of an image that is rectified, with a scale for each channel."""
    image = g.maximum(arrays(BATCH, 3, 5, 4), 0.0) * g.reshape(arrays(3), (1, 3, 1, 1))
    return plain(g.conv(image, arrays(5, 3, 3, 3), padding=1))


def dropped() -> LoopProgram:
    """Return a convolution of whose results a fifth is zero."""
    result = biased(convolution(5, 2, (6, 3), (4, 3)))
    kept = g.random.bernoulli((BATCH, *result.shape[1:]), 0.8, seed=3)
    return plain(g.where(kept, result / 0.8, 0.0))


def joined() -> LoopProgram:
    """Return a convolution of the channels of two arrays."""
    image = g.concat([arrays(BATCH, 2, 5, 4), arrays(BATCH, 1, 5, 4)], axis=1)
    return plain(g.conv(image, arrays(5, 3, 3, 2)))


def joined_filters() -> LoopProgram:
    """Return a convolution with the filters of two kernels."""
    kernel = g.concat([arrays(2, 3, 3, 2), arrays(3, 3, 3, 2)], axis=0)
    return plain(g.conv(arrays(BATCH, 3, 5, 4), kernel, padding=1))


def rows() -> LoopProgram:
    """Return a convolution of images that are rows of a matrix: only the tests of its axes tell
    that an element is in the row."""
    image = g.reshape(arrays(BATCH, 16), (BATCH, 2, 4, 2))
    return plain(g.conv(image, arrays(3, 2, 2, 3), padding=1, kernel_dilation=(2, 1)))


def last_channels() -> LoopProgram:
    """Return a convolution of an image and a kernel whose channels are neighbours."""
    image = g.transpose(arrays(BATCH, 5, 4, 3), (0, 3, 1, 2))
    kernel = g.transpose(arrays(3, 3, 3, 6), (3, 2, 0, 1))
    return plain(g.conv(image, kernel, padding=1))


CASES: Mapping[str, Callable[[], LoopProgram]] = {
    "one axis": lambda: plain(biased(convolution(5, 3, (9, 4)))),
    "two axes": lambda: plain(biased(convolution(5, 3, (6, 3), (5, 2)))),
    "three axes": lambda: plain(convolution(4, 2, (4, 2), (3, 3), (5, 2), padding=1)),
    "padding": lambda: plain(biased(convolution(9, 3, (5, 3), (4, 3), padding=1))),
    "strides": lambda: plain(convolution(4, 2, (9, 3), (8, 3), strides=2, padding=1)),
    "dilation": lambda: plain(convolution(4, 2, (9, 3), (8, 2), kernel_dilation=2)),
    "cropped": lambda: plain(convolution(4, 2, (9, 3), padding=((-2, 1),))),
    "taps of one element": lambda: plain(convolution(6, 5, (4, 1), (4, 1))),
    "one sample": lambda: plain(convolution(6, 2, (5, 3), (6, 3), samples=1)),
    "known samples": lambda: plain(convolution(6, 2, (4, 3), samples=3, padding=1)),
    "a width of a call": lambda: plain(convolution(6, 2, (WIDTH + 2, 3), padding=1)),
    "two unknown axes": lambda: plain(biased(convolution(5, 2, (WIDTH + 1, 2), (WIDTH + 2, 3)))),
    "float64": lambda: plain(convolution(4, 3, (5, 3), (4, 3), dtype="float64")),
    "a computed image": normalised,
    "dropout": dropped,
    "channels last": last_channels,
    "images in rows": rows,
    "channels of two arrays": joined,
    "filters of two kernels": joined_filters,
    "gradient of an image": lambda: plain(gradient(0, convolution(6, 3, (5, 3), (4, 3)))),
    "gradient of a kernel": lambda: plain(
        gradient(1, convolution(3, 2, (6, 3), (4, 3), padding=1))
    ),
    "gradient of a kernel of three axes": lambda: plain(
        gradient(1, convolution(3, 2, (4, 2), (3, 2), (4, 2), padding=((0, 0), (1, 0), (1, 1))))
    ),
    "gradient of an unknown kernel": lambda: plain(
        gradient(1, convolution(3, 2, (WIDTH + 2, 3), (WIDTH + 1, 2)))
    ),
    "gradient of a kernel of strides": lambda: plain(
        gradient(1, convolution(3, 2, (7, 3), (5, 3), strides=2))
    ),
}
"""By name; each is a product of filters and windows."""
