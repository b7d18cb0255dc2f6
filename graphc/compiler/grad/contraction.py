"""Gradients of products: matmul, and convolution in 1 to 3 dimensions. c is the cotangent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graphc.compiler import graph as g
from graphc.compiler.grad.table import define
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size
from graphc.compiler.graph.ops.contraction import dilated

define(
    "matmul",
    lambda c, node, x, y: g.make("matmul", c, g.swap_axes(y, -2, -1)),
    lambda c, node, x, y: g.make("matmul", g.swap_axes(x, -2, -1), c),
)

# In one dimension, with input dilation h, stride s, kernel dilation d and padding (low, high):
#     y[f, o] = sum over c, k of  x~[c, o s + k d - low] w[f, c, k],  x~[c, i h] = x[c, i]
# and x~ is 0 elsewhere. Both gradients solve the index equation i h = o s + k d - low for another
# index, so each is such a convolution again (Dumoulin and Visin, "A guide to convolution arithmetic
# for deep learning", 2016, chapter 4).


class _Axis(NamedTuple):
    """A spatial axis of a convolution: extents with the holes of dilations, in elements.

    Attributes:
        input, kernel: of the image and the kernel.
        output: of the windows, with the strides' holes between them.
        low: the padding in front.
    """

    input: Size
    kernel: Size
    output: Size
    low: int


def _axes(node: Node, x: Node, kernel: Node) -> Iterator[_Axis]:
    attrs = node.attrs
    sizes = zip(x.shape[2:], kernel.shape[2:], node.shape[2:], attrs["padding"], strict=True)
    holes = zip(attrs["input_dilation"], attrs["kernel_dilation"], attrs["strides"], strict=True)
    for (size, extent, windows, (low, _)), (hole, kernel_hole, stride) in zip(
        sizes, holes, strict=True
    ):
        yield _Axis(
            dilated(size, hole), dilated(extent, kernel_hole), dilated(windows, stride), low
        )


def _input_cotangent(c: Node, node: Node, x: Node, kernel: Node) -> Node:
    """Sum over o: c dilated by s, the kernel flipped and f, c exchanged, windows h apart.

    The padding in front makes the indices meet; the one at the end gives as many windows as x has
    elements, where the last windows of the forward pass left some of x unread.
    """
    attrs = node.attrs
    padding = []
    for axis in _axes(node, x, kernel):
        before = axis.kernel - 1 - axis.low
        after = axis.input + axis.low - axis.output
        padding.append((before, after))
    spatial = range(2, x.ndim)
    return g.make(
        "conv",
        c,
        g.flip(g.swap_axes(kernel, 0, 1), spatial),
        strides=attrs["input_dilation"],
        padding=tuple(padding),
        input_dilation=attrs["strides"],
        kernel_dilation=attrs["kernel_dilation"],
    )


def _kernel_cotangent(c: Node, node: Node, x: Node, kernel: Node) -> Node:
    """Sum over n and o: x and c with batch and channels exchanged, c dilated by s, windows d apart.

    The padding at the end is changed to give as many windows as the kernel has elements.
    """
    attrs = node.attrs
    padding = []
    for axis in _axes(node, x, kernel):
        reach = axis.kernel - 1 + axis.output
        padding.append((axis.low, reach - axis.input - axis.low))
    swapped = g.make(
        "conv",
        g.swap_axes(x, 0, 1),
        g.swap_axes(c, 0, 1),
        strides=attrs["kernel_dilation"],
        padding=tuple(padding),
        input_dilation=attrs["input_dilation"],
        kernel_dilation=attrs["strides"],
    )
    return g.swap_axes(swapped, 0, 1)


define("conv", _input_cotangent, _kernel_cotangent)
