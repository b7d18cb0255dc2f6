"""Exchange of the operands of convolutions of long windows, as the gradients of weights are.

With x the images and y the cotangents of the results, samples and channels exchanged in both, the
gradient for filter f, channel c and tap i of k is a sum over the places t of all samples:

    sum over t of x[c, i + t - p] * y[f, t]
      =  sum over t of y[f, (k - 1 - i) + t - q] * x[c, t]        q = k - 1 - p

    conv(x, y)  ->  transpose(flip(conv(y, x)))

Vectors hold the filters of the convolution on the left, and the channels in that on the right. The
last layer of an autoencoder or a generator has one filter, or three, of many channels. Holes in x,
as of a transposed convolution with strides, are between the elements that y is read at.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph import Node, sweep
from graphc.compiler.graph.dim import Dim, product, typical
from graphc.compiler.graph.ops import OPS, make
from graphc.compiler.targets.cpu.products.panels import call_columns, whole_columns

_STEPS = ("strides", "kernel_dilation")

_UNPOOLINGS = ("max_unpool", "sum_unpool")

LEAST_MULTIPLICATIONS = 1 << 14
"""Multiplications of a sample from which on operands are exchanged. An element of x that is NaN or
infinite meets the zeros around y, so it reaches taps that do not read it: small convolutions, whose
time is little, stay exact."""


def exchange_operands(outputs: Sequence[Node]) -> list[Node]:
    """Return the same program, in which convolutions of long windows have filters and channels the
    other way round, where vectors are fuller so, or images are without holes."""
    return sweep(outputs, lambda node: _exchanged(node) if _is_exchanged(node) else node)


def _is_exchanged(node: Node) -> bool:
    """Return True for a convolution of long windows that has fewer filters than channels, and than
    vectors have room for; or whose image has holes, which are between what it is multiplied by
    then, if there are channels enough for vectors.

    An unpooling stays the right operand: it is computed for each place that a window reads, and
    never stored. What is gathered, as a concatenation, stays an image unless filters fill less than
    half a vector: windows of tiles transform an image with less work than what it is multiplied by.
    """
    if node.op != "conv" or any(step != 1 for key in _STEPS for step in node.attrs[key]):
        return False
    if isinstance(node.inputs[0].shape[0], Dim):  # samples of a batch, not channels
        return False
    image, kernel = (_behind_views(x) for x in node.inputs)
    channels, filters = (typical(x.shape[0]) for x in node.inputs)
    taps, places = (typical(product(x.shape[2:])) for x in (node, node.inputs[1]))
    if typical(product(node.shape)) * places < LEAST_MULTIPLICATIONS:
        return False
    vector, call = whole_columns(node.dtype), call_columns(node.dtype)
    if kernel.op in _UNPOOLINGS or taps >= places or (taps == 1 and channels < vector):
        return False
    if any(step != 1 for step in node.attrs["input_dilation"]):
        return channels > filters or channels >= call
    is_gathered = OPS[image.op].family == "movement"
    return filters < min(vector // 2 + 1 if is_gathered else call, channels)


def _exchanged(node: Node) -> Node:
    taps = node.shape[2:]
    padding = tuple(
        (k - 1 - low, k - 1 - high)
        for k, (low, high) in zip(taps, node.attrs["padding"], strict=True)
    )
    image, kernel = node.inputs
    found = make(
        "conv",
        kernel,
        image,
        strides=node.attrs["strides"],
        padding=padding,
        input_dilation=node.attrs["kernel_dilation"],
        kernel_dilation=node.attrs["input_dilation"],
    )
    spatial = tuple(range(2, node.ndim))
    return make("transpose", make("flip", found, axes=spatial), order=(1, 0, *spatial))


def _behind_views(node: Node) -> Node:
    """Return what a node reads through transposes and reshapes."""
    while node.op in ("transpose", "reshape"):
        (node,) = node.inputs
    return node
