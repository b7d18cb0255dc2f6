"""Kernels of kind window; of these the gradient of max pooling in two passes over a plane.

Where windows do not overlap, the first pass finds the first maximum of each window of a plane (a
channel of a sample), and puts the window's cotangent there; everywhere else are zeros. The second
computes the results from that. So a window is searched once, not once for each of its elements, and
the loop over elements has no windows in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from graphc.compiler.codegen.c_text import C_TYPES, minus, times
from graphc.compiler.codegen.emit_windows import places_of_window
from graphc.compiler.codegen.emitter import Given
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.codegen.native.nest import Limits, NativeEmitter, Nest, parallel
from graphc.compiler.codegen.native.pointwise import lower_pointwise, store_elements
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product
from graphc.compiler.schedule.kernel import Kernel


def lower_window(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function."""
    (node, *others) = kernel.anchors
    if others or not _searches_once(node, kernel):
        return lower_pointwise(kernel, context)
    x, cotangents = node.inputs
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    context.program.includes["scratch.h"] = None
    size, scalar = signature.size, C_TYPES[node.dtype]
    planes, elements = product(node.shape[:2]), product(node.shape[2:])
    begin = times("plane", size(elements))

    def search(emitter: NativeEmitter, position: str) -> list[str]:
        window = Index(cotangents.shape, linear=position)
        sample, channel, *windows = emitter.coordinates(window)
        best, place = emitter.name("a"), emitter.name("a")
        emitter.line(f"{C_TYPES[x.dtype]} {best} = 0;")
        emitter.line(f"int {place} = -1;")
        with places_of_window(emitter, node, x.shape, windows) as places:
            element = Index(x.shape, coords=(sample, channel, *places))
            value, at = emitter.value(x, element), emitter.position(element)
            # Without branches: NaN stands above all numbers, and the first of equal ones stays.
            nan = f"(({value} != {value}) & ({best} == {best}))"
            ahead = emitter.define("bool", f"({place} < 0) | ({value} > {best}) | {nan}")
            emitter.line(f"{best} = {ahead} ? {value} : {best};")
            emitter.line(f"{place} = {ahead} ? {at} : {place};")
        return [f"spread[{minus(place, begin)}] = {emitter.value(cotangents, window)};"]

    limits = Limits(planes, "plane", "plane + 1")
    count = product(cotangents.shape)
    searching = Nest(signature, count, None, limits, threads=False, vector=False).lines(search)
    given = partial(_spread, node, begin)
    store = partial(store_elements, kernel.outputs, context)
    storing = Nest(signature, product(node.shape), given, limits, threads=False).lines(store)
    lines = [
        *parallel(node.shape, signature),
        f"for (int plane = 0; plane < {size(planes)}; ++plane) {{",
        f"  {scalar}* spread = gc_scratch<{scalar}>(0, (size_t)({size(elements)}));",
        f"  for (int i = 0; i < {size(elements)}; ++i) spread[i] = 0;",
        *(f"  {line}" for line in ["{", *(f"  {line}" for line in searching), "}"]),
        *(f"  {line}" for line in ["{", *(f"  {line}" for line in storing), "}"]),
        "}",
    ]
    how = f"{planes} planes of {elements}; each window is searched once for its first maximum"
    return [context.function(name, kernel, signature, lines, how)]


def _searches_once(node: Node, kernel: Kernel) -> bool:
    """Whether a pooling's gradient has windows that do not overlap, of values in memory; and each
    of them holds an element."""
    if node.op != "max_unpool" or 0 in (*node.shape, *node.inputs[1].shape):
        return False
    pairs = zip(node.attrs["window"], node.attrs["strides"], strict=True)
    sides = [side for padding in node.attrs["padding"] for side in padding]
    return (
        node.inputs[0] in kernel.inputs
        and all(product(output.shape) == product(node.shape) for output in kernel.outputs)
        and all(extent <= stride for extent, stride in pairs)
        and all(side == 0 for side in sides)
    )


def _spread(node: Node, begin: str, emitter: NativeEmitter) -> Mapping[Node, Given]:
    return {node: lambda index: f"spread[{minus(emitter.position(index), begin)}]"}
