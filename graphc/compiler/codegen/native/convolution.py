"""Kernels of kind conv: for each sample a product of the weights with the image's windows.

The windows of a sample are written side by side as a matrix (im2col), which stays in the cache
while it is multiplied (Chellapilla, Puri and Simard, "High performance convolutional neural
networks for document processing", 2006). What follows the convolution, pooling too, is computed
from the sample's results before the next sample.
"""

from __future__ import annotations

from functools import partial

from graphc.compiler.codegen.c_text import C_TYPES, literal, times
from graphc.compiler.codegen.emit_loops import image_coordinates
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.nest import Limits, NativeEmitter, Nest
from graphc.compiler.codegen.native.pointwise import lower_pointwise, store_elements
from graphc.compiler.codegen.native.product import scratch_values
from graphc.compiler.codegen.reduction import typical
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product
from graphc.compiler.schedule.kernel import Kernel

_PARALLEL = 1 << 20


def lower_conv(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function: a loop over the samples."""
    (node,) = kernel.anchors
    weights = node.inputs[1]
    if 0 in (*node.shape, *weights.shape):
        return lower_pointwise(kernel, context)  # zeros, or nothing
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    context.program.includes["host_gemm.h"] = None
    size, scalar = signature.size, C_TYPES[node.dtype]
    filters, pixels = node.shape[1], product(node.shape[2:])
    k = product(weights.shape[1:])
    before: list[str] = []
    if weights in signature.places:
        place = signature.places[weights]
        offset = signature.offset(place, weights.shape)
        left = signature.load_pointer(place)
        left = left if offset == "0" else f"{left} + {offset}"
    else:
        left = "weights"
        before += [f"{scalar}* weights = gc_scratch<{scalar}>(2, (size_t)({size(filters * k)}));"]
        before += _weights(weights, signature)
    inside = [
        f"{scalar}* s0 = gc_scratch<{scalar}>(0, (size_t)({size(filters * pixels)}));",
        f"{scalar}* windows = gc_scratch<{scalar}>(1, (size_t)({times(size(k), size(pixels))}));",
        *_windows(node, signature),
        f"gc_gemm<{scalar}>({size(filters)}, {size(pixels)}, {size(k)}, {left}, {size(k)}, 1, "
        f"windows, {size(pixels)}, 1, s0, {size(pixels)});",
        *_after(kernel, context, signature),
    ]
    samples = node.shape[0]
    work = product((samples, filters, pixels, k))
    threads = typical(work) >= _PARALLEL and samples != 1
    pragma = ["#pragma omp parallel for schedule(static)"] if threads else []
    lines = [
        *before,
        *pragma,
        f"for (int sample = 0; sample < {size(samples)}; ++sample) {{",
        *(f"  {line}" for line in inside),
        "}",
    ]
    how = f"{samples} samples, each a product {filters} x {k} x {pixels} with its windows"
    return [context.function(name, kernel, signature, lines, how)]


def _weights(weights: Node, signature: NativeSignature) -> list[str]:
    def body(emitter: NativeEmitter, position: str) -> list[str]:
        value = emitter.value(weights, Index(weights.shape, linear=position))
        return [f"weights[{position}] = {value};"]

    lines = Nest(signature, product(weights.shape), threads=False).lines(body)
    return ["{", *(f"  {line}" for line in lines), "}"]


def _windows(node: Node, signature: NativeSignature) -> list[str]:
    """The loops that write a sample's windows, (channel, places of the kernel) x windows."""
    image, weights = node.inputs
    kernel, windows = weights.shape[1:], node.shape[2:]
    shape = (*kernel, *windows)

    def body(emitter: NativeEmitter, position: str) -> list[str]:
        channel, *rest = emitter.coordinates(Index(shape, linear=position))
        places, window = rest[: len(windows)], rest[len(windows) :]
        coords, conditions = image_coordinates(emitter, node, window, places)
        element = Index(image.shape, coords=("sample", channel, *coords))
        if not conditions:
            return [f"windows[{position}] = {emitter.value(image, element)};"]
        value = emitter.variable(image, literal(0, node.dtype))
        with emitter.block(f"if ({' && '.join(conditions)})"):
            emitter.line(f"{value} = {emitter.value(image, element)};")
        return [f"windows[{position}] = {value};"]

    lines = Nest(signature, product(shape), threads=False).lines(body)
    return ["{", *(f"  {line}" for line in lines), "}"]


def _after(kernel: Kernel, context: NativeContext, signature: NativeSignature) -> list[str]:
    """The outputs of a sample: those of the convolution's elements, and those that are pooled."""
    (node,) = kernel.anchors
    samples = node.shape[0]
    begin = times("sample", signature.size(product(node.shape[1:])))
    given = partial(scratch_values, (node,), begin)
    groups: dict[object, list[Node]] = {}
    for output in kernel.outputs:
        groups.setdefault(product(output.shape), []).append(output)
    lines: list[str] = []
    for outputs in groups.values():
        limits = Limits(samples, "sample", "sample + 1")
        elements = product(outputs[0].shape)
        nest = Nest(signature, elements, given, limits, threads=False)
        body = partial(store_elements, outputs, context)
        lines += ["{", *(f"  {line}" for line in nest.lines(body)), "}"]
    return lines
