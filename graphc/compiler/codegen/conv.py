"""Convolution as a matrix product over index maps (implicit GEMM): nothing is copied or unfolded.

With filters as rows, pixels (sample, window along each axis) as columns, and k = (channel, place
in the kernel along each axis), ``result[filter, pixel] = sum over k of weights[filter, k] *
image[k, pixel]`` (Chetlur et al., "cuDNN: Efficient primitives for deep learning", 2014). Filters
are the rows, not the columns, since then neighbouring columns are neighbouring windows, which lie
side by side in the result (n, f, *windows) and, with stride 1, in the image: loads and stores are
whole lines. The gradients are convolutions again (`graphc.compiler.grad.contraction`): in the one
of the kernel, k runs over samples and windows, is long, and is cut into parts by the product's own
rule.

k counts the places in the order in which the weights lie in memory, backwards along an axis that a
flip reverses, so that most weights are read as the plain matrix that they are (`conv_weights`). The
image is read through index arithmetic (`conv_image`), or, where windows of one element, or one
window as large as the image, make a plain matrix of it too, as that.

An image with holes between its elements (the gradient of a strided convolution) is cut into classes
of windows by where they meet the holes (`conv_classes`). Each class is a product of its own, a
launch each, over the places of the kernel that meet elements: none multiplies by a hole. (A weight
that is NaN or infinite reaches the windows that meet an element with it, not those that would meet
a hole, where the interpreter multiplies it by 0.)

Where a pooling of 2 x 2 or 2 x 2 x 2 is computed behind the convolution, the pixels are counted
window by window, so that each four or eight columns are one (`conv_pooling`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.conv_classes import Axis, classes
from graphc.compiler.codegen.conv_image import Image
from graphc.compiler.codegen.conv_pooling import at_filter, pooling_of
from graphc.compiler.codegen.conv_tiles import conv_tile, table_bytes
from graphc.compiler.codegen.conv_walk import affine, total
from graphc.compiler.codegen.conv_weights import Weights
from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import Expression, literal, over, plus, times
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.lower_mapped import lower_by_elements, lower_where_mapped
from graphc.compiler.codegen.lower_product import lower_product
from graphc.compiler.codegen.product import Operand, Product, Pulled
from graphc.compiler.codegen.tiles import choose_tile, is_vector
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, product
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.schedule.kernel import Kernel


def lower_conv(kernel: Kernel, context: Context) -> list[Launch]:
    """The launches of a convolution: of a loop program by the mappings of convolutions, or of one
    product, or of one for each class of windows.

    A convolution with one filter is computed by a thread a result instead, unless its windows are
    long (the gradient of a kernel): no element of the image is read by two rows, so there is
    nothing to share. So is one whose classes are not known.
    """
    (node,) = kernel.anchors
    mapped = lower_where_mapped(kernel, context)
    if mapped:
        return mapped
    found = classes(node)
    if 0 in (*node.shape, *node.inputs[1].shape):
        return lower_by_elements(kernel, context)  # zeros, or nothing
    if found is None:
        return _by_result(kernel, context, "where windows meet holes is known at the call only")
    if node.shape[1] == 1 and not _has_long_windows(node):
        return _by_result(kernel, context, "there is one filter")
    launches: list[Launch] = []
    for axes in itertools.product(*found):
        if not any(axis.windows == 0 for axis in axes):
            launches += _launches(node, axes, kernel, context)
    return launches


def _has_long_windows(node: Node) -> bool:
    """Whether there are more places than windows along the innermost axis."""
    places, windows = node.inputs[1].shape[-1], node.shape[-1]
    return not isinstance(windows, Dim) and (isinstance(places, Dim) or places > windows)


def _by_result(kernel: Kernel, context: Context, reason: str) -> list[Launch]:
    """A thread computes a result, walking its window alone."""
    note = f"a thread walks the window of its result, which is no product: {reason}"
    return [replace(launch, notes=(note,)) for launch in lower_by_elements(kernel, context)]


def _launches(node: Node, axes: tuple[Axis, ...], kernel: Kernel, context: Context) -> list[Launch]:
    """The launches of one class of windows."""
    memory = [x for x in kernel.inputs if x in context.places]
    maps = [affine(x, memory, context.counters) for x in node.inputs]
    stored = [x is not None and x.node in memory for x in maps]
    filters = Weights(node.inputs[1], axes, maps[1], stored[1])
    order = filters.order()
    pooling = pooling_of(kernel)
    pooled = None if pooling is None else pooling.attrs["window"]
    image = Image(node.inputs[0], axes, order, maps[0], stored[0], pooled)
    plain = image.direct() if pooling is None else None
    apart = plain is not None and len(plain.batch_strides) == 1  # a product for each sample
    batch = image.pixels[:1] if apart else ()
    m, n = node.shape[1], product(image.pixels[1:] if apart else image.pixels)
    k = product(one.extent for one in order)
    whole = all(axis.every == 1 for axis in axes)
    vector = whole and is_vector(m, n)
    tile = None if vector else conv_tile(m, n, k, node.dtype)
    if not whole or pooling is not None:
        # The sums of parts, and those of warps, go over all results: those of other classes, too;
        # and one by one, not by windows.
        matrices = product(batch)
        tile = tile or choose_tile(m, n, k, matrices, (1, 1), 1, node.dtype)
        tile = replace(tile, wanted=1)
    table = 0 if vector else table_bytes(tile, node.dtype)
    left: Operand = filters.operand(order, len(batch))
    right: Operand = plain or image.elementwise_operands(table)
    if k == 0:  # windows that meet nothing but holes: one zero is summed
        k, left, right = 1, _zeros(node.inputs[1]), _zeros(node.inputs[0])
    windows = product(node.shape[2:])
    packs = whole and not isinstance(windows, Dim) and windows % PACK == 0
    result = _Result(node, axes, whole)
    one = Product(node, batch, m, n, k, left, right, result, packs, pooling)
    return lower_product(kernel, [one], context, tile)


def _zeros(node: Node) -> Pulled:
    return Pulled(node, "outer", lambda *at: literal(0, node.dtype))


@dataclass(frozen=True)
class _Result:
    """Where the product's element of filter i and pixel j lies in the convolution's value."""

    node: Node
    axes: tuple[Axis, ...]
    whole: bool  # all windows are of one class

    def __call__(self, emitter: Emitter, batch: Coordinates, i: Expression, j: Expression) -> Index:
        shape, size = self.node.shape, emitter.signature.size
        if not self.whole:
            counts = tuple(axis.windows for axis in self.axes)
            pixel = Index(counts if batch else (shape[0], *counts), linear=j)
            sample, *numbers = (*batch, *emitter.coordinates(pixel))
            coords = [
                emitter.integer(total(emitter, [(number, axis.every)], axis.first))
                for number, axis in zip(numbers, self.axes, strict=True)
            ]
            return Index(shape, coords=(sample, i, *coords))
        windows = size(product(shape[2:]))
        if emitter.pack is not None:  # the position is known already
            position = emitter.pack.element
        elif batch:
            position = plus(times(plus(times(batch[0], size(shape[1])), i), windows), j)
        else:  # of sample s: (s * filters + i) * windows + j - s * windows
            rows = plus(times(over(j, windows), size(shape[1] - 1)), i)
            position = plus(times(rows, windows), j)
        return at_filter(emitter, shape, emitter.integer(position), i)
