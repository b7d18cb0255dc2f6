"""The end of a convolution's tile where each four columns, or eight, are a window of a pooling.

A thread computes the four values of a window one after the other, stores them if anything reads
them, and has the window's result when it is done. Of a window of eight it has a half, its
neighbouring lane the other one; the even lane goes on with both.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.compiler.codegen.c_text import C_TYPES, modulo, over, plus, times
from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emit_loops import accumulator
from graphc.compiler.codegen.emitter import Emitter, Pack, always, note
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.launch import Count
from graphc.compiler.codegen.product import Product
from graphc.compiler.codegen.walk_text import mentions
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, product
from graphc.compiler.schedule.kernel import Kernel

_REDUCTIONS = {"max_pool": "max", "sum_pool": "sum"}


def pooling_of(kernel: Kernel) -> Node | None:
    """The pooling that a convolution's kernel computes too."""
    return next((node for node in kernel.body if node.op in _REDUCTIONS), None)


def at_filter(emitter: Emitter, shape: Shape, position: str, filter_: str) -> Index:
    """The element at a position of a value (n, f, *windows), of which the filter is known: a bias
    is read there without a division."""
    size = emitter.signature.size
    row = modulo(over(position, size(product(shape[2:]))), size(shape[1]))
    emitter.once(("int", row), lambda: filter_)
    return Index(shape, linear=position)


def finish_windows(
    kernel: Kernel, one: Product, context: Context, emitter: Emitter
) -> dict[str, Any]:
    """As `product_epilogue.finish`, for outputs that have an element for each result of a
    convolution, and for those that have one for each window of the pooling behind it.

    Returns, beside `lines` and `packs` for an element:
        head: lines ahead of a window.
        after: lines behind a window, which store what it has one of.
        pair_row: how many elements the two pairs of a pack are apart; "" of packs that are whole.
    """
    pooling = one.pooling
    assert pooling is not None
    x, conv = pooling.inputs[0], one.node
    carried, functions = accumulator(_REDUCTIONS[pooling.op], x.dtype)
    first, at = _positions(emitter, conv, pooling)
    emitter.line(f"const int first = {first};")
    emitter.line(f"const int at = {at};")
    emitter.line(f"{carried} pooled = {functions}::identity<{C_TYPES[x.dtype]}>();")
    head = emitter.take()

    at_filter(emitter, conv.shape, "element", "row")
    windows = product(pooling.shape)
    wide = [node for node in kernel.outputs if product(node.shape) != windows]
    values = [emitter.value(node, Index(node.shape, linear="element")) for node in (x, *wide)]
    emitter.line(f"pooled = {functions}::combine(pooled, {values[0]});")
    packs = []
    for node, value in zip(wide, values[1:], strict=True):
        for place in context.sinks[node]:
            pointer = emitter.signature.store_pointer(place)
            start = plus(emitter.signature.offset(place, node.shape), "first")
            address = f"{pointer} + {start if start == 'first' else f'({start})'}"
            guard = emitter.signature.guard(place)
            packs.append((C_TYPES[place.dtype], pointer, address, value, guard))
    lines = emitter.take()
    row = emitter.signature.size(_pair_row(conv, pooling))
    if mentions(lines, "element"):
        element = plus(plus("first", times("lane / 2", row)), "lane % 2")
        lines = f"const int element = {element};\n{lines}"

    after = Pack("element", "lane")
    result = f"{functions}::result(pooled)"
    with emitter.once_for(after):
        if _is_halved(pooling):
            emitter.line(f"pooled = {functions}::combine(pooled, gc_neighbour(pooled));")
        with emitter.block("if (half == 0)" if _is_halved(pooling) else "", Count(over=(2,))):
            _store_windows(kernel, pooling, context, emitter, result)
    return {
        "head": head,
        "lines": lines,
        "loads": [],
        "packs": packs,
        "stores": [],
        "after": "\n".join(after.lines),
        "pair_row": row,
    }


def _positions(emitter: Emitter, conv: Node, pooling: Node) -> tuple[str, str]:
    """Where the window, or its half, that begins at column `start` has its first element in the
    convolution's value, and its result in the pooling's, at the filter `row`."""
    halved = _is_halved(pooling)
    emitter.line(f"const int window = start / {8 if halved else 4};")
    if halved:
        emitter.line("const int half = (start / 4) % 2;")
    shape = (pooling.shape[0], *pooling.shape[2:])
    sample, *places = emitter.coordinates(Index(shape, linear="window"))
    coords = [
        times(place, str(extent))
        for place, extent in zip(places, pooling.attrs["window"], strict=True)
    ]
    if halved:
        coords[0] = plus(coords[0], "half")
    first = Index(conv.shape, coords=(sample, "row", *coords))
    result = Index(pooling.shape, coords=(sample, "row", *places))
    return emitter.place(first), emitter.place(result)


def _pair_row(conv: Node, pooling: Node) -> Size:
    """Elements from the first two of a window, or of a half of it, to the other two."""
    *_, axis, _ = (k for k, extent in enumerate(pooling.attrs["window"]) if extent == 2)
    return product(conv.shape[axis + 3 :])


def _is_halved(pooling: Node) -> bool:
    """Whether two threads have a half of a window each."""
    return math.prod(pooling.attrs["window"]) == 8


def _store_windows(
    kernel: Kernel, pooling: Node, context: Context, emitter: Emitter, result: str
) -> None:
    """The lines that compute and store what there is one of a window."""
    signature = emitter.signature
    at_filter(emitter, pooling.shape, "at", "row")
    name = emitter.define(C_TYPES[pooling.dtype], result, note=note(pooling))
    emitter.given[pooling] = always(name)
    windows = product(pooling.shape)
    narrow = [node for node in kernel.outputs if product(node.shape) == windows]
    values = [emitter.value(node, Index(node.shape, linear="at")) for node in narrow]
    for node, value in zip(narrow, values, strict=True):
        for place in context.sinks[node]:
            target, guard = signature.stored(place, node.shape, "at")
            emitter.line(f"{f'if ({guard}) ' if guard else ''}{target} = {value};")
