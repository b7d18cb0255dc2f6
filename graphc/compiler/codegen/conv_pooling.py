"""The end of a convolution's tile where each four columns, or eight, are a window of a pooling.

A thread computes the four values of a window one after the other, stores them if anything reads
them, and has the window's result when it is done. Of a window of eight it has a half, its
neighbouring lane the other one; the even lane goes on with both. Where the place of the maximum is
wanted too, it is found on the way, and what is picked there is kept along with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emit_windows import take_larger
from graphc.compiler.codegen.emitter import Emitter, Pack, always
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Number,
    Variable,
    call,
    compare,
    either,
    expression,
    grouped,
    modulo,
    over,
    plus,
    times,
    when,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.product import Product
from graphc.compiler.codegen.statement import Define, Fold, Listing
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, product
from graphc.compiler.program.launch import Count
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES

# Variables: the filter; the lane of a pack; where the window has its first element, its walked one
# and its result; which half of it is the thread's; what it has come to.
_ROW, _LANE, _FIRST, _ELEMENT, _AT = map(Variable, ("row", "lane", "first", "element", "at"))
_HALF, _POOLED, _PLACE = map(Variable, ("half", "pooled", "place"))

_REDUCTIONS = {"max_pool": "max", "sum_pool": "sum", "argmax_pool": "max"}


def pooling_of(kernel: Kernel) -> Node | None:
    """The pooling that a convolution's kernel computes too: of a walk, the `argmax_pool`."""
    return next((node for node in kernel.body if node.op in _REDUCTIONS), None)


def at_filter(emitter: Emitter, shape: Shape, position: Expression, filter_: Expression) -> Index:
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

    Returns, beside `statements` and `packs` for an element:
        head: lines ahead of a window.
        after: lines behind a window, which store what it has one of.
        pair_row: how many elements the two pairs of a pack are apart; "" of packs that are whole.
    """
    pooling = one.pooling
    assert pooling is not None
    x, conv = pooling.inputs[0], one.node
    held = _Held(kernel, pooling)
    first, at = _positions(emitter, conv, pooling)
    emitter.add(Define("int", _AT, at))
    held.start(emitter)
    head = [*emitter.take()]

    at_filter(emitter, conv.shape, _ELEMENT, _ROW)
    windows = product(pooling.shape)
    wide = [node for node in kernel.outputs if product(node.shape) != windows]
    values = [emitter.value(node, Index(node.shape, linear=_ELEMENT)) for node in (x, *wide)]
    held.element(emitter, values[0], lambda y: emitter.value(y, Index(y.shape, linear=_ELEMENT)))
    packs = []
    for node, value in zip(wide, values[1:], strict=True):
        for place in context.sinks[node]:
            pointer = emitter.signature.store_pointer(place)
            start = plus(emitter.signature.offset(place, node.shape), _FIRST)
            address = expression("{} + {}", pointer, grouped(start))
            guard = emitter.signature.guard(place)
            packs.append((C_TYPES[place.dtype], pointer, address, value, guard))
    statements = emitter.take()
    row = emitter.signature.size(_pair_row(conv, pooling))
    if _ELEMENT in statements.reads:
        rows = times(over(_LANE, 2), row)
        own = plus(plus(_FIRST, rows), modulo(_LANE, 2))
        statements = Listing((Define("int", _ELEMENT, own), *statements))
    if packs or _FIRST in statements.reads:
        head.append(Define("int", _FIRST, first))

    after = Pack(_ELEMENT, _LANE)
    with emitter.once_for(after):
        if _is_halved(pooling):
            held.neighbour(emitter)
        conditions = [compare(_HALF, "==", 0)] if _is_halved(pooling) else []
        with emitter.block(when(conditions), Count(over=(2,))):
            _store_windows(kernel, pooling, context, emitter, held.results(emitter))
    return {
        "head": Listing(head),
        "statements": statements,
        "loads": [],
        "packs": packs,
        "stores": [],
        "after": Listing(after.statements),
        "pair_row": row,
    }


def _positions(emitter: Emitter, conv: Node, pooling: Node) -> tuple[Expression, Expression]:
    """Where the window, or its half, that begins at column `start` has its first element in the
    convolution's value, and its result in the pooling's, at the filter `row`."""
    halved = _is_halved(pooling)
    start, window = Variable("start"), Variable("window")
    emitter.add(Define("int", window, over(start, 8 if halved else 4)))
    if halved:
        emitter.add(Define("int", _HALF, modulo(over(start, 4), 2)))
    shape = (pooling.shape[0], *pooling.shape[2:])
    sample, *places = emitter.coordinates(Index(shape, linear=window))
    coords = [
        times(place, extent) for place, extent in zip(places, pooling.attrs["window"], strict=True)
    ]
    if halved:
        coords[0] = plus(coords[0], _HALF)
    first = Index(conv.shape, coords=(sample, _ROW, *coords))
    result = Index(pooling.shape, coords=(sample, _ROW, *places))
    return emitter.place(first), emitter.place(result)


def _pair_row(conv: Node, pooling: Node) -> Size:
    """Elements from the first two of a window, or of a half of it, to the other two."""
    *_, axis, _ = (k for k, extent in enumerate(pooling.attrs["window"]) if extent == 2)
    return product(conv.shape[axis + 3 :])


def _is_halved(pooling: Node) -> bool:
    """Whether two threads have a half of a window each."""
    return bool(math.prod(pooling.attrs["window"]) == 8)


class _Held:
    """What a thread holds of a window while it walks its elements."""

    def __init__(self, kernel: Kernel, pooling: Node):
        self._pooling = pooling
        self._scalar = C_TYPES[pooling.inputs[0].dtype]
        self._functions = f"gc_reduce_{_REDUCTIONS[pooling.op]}"
        self._picks = [x for x in kernel.body if x.op == "gather_pool" and x.inputs[0] is pooling]
        # What is picked beside the maximum itself, each in a variable.
        self._beside = {
            pick: Variable(f"picked{number}")
            for number, pick in enumerate(self._picks)
            if pick.inputs[1] is not pooling.inputs[0]
        }

    @property
    def _is_placed(self) -> bool:
        return self._pooling.op == "argmax_pool"

    def start(self, emitter: Emitter) -> None:
        """Lines ahead of a window."""
        if not self._is_placed:
            identity = call(f"{self._functions}::identity<{self._scalar}>")
            emitter.add(Define(self._scalar, _POOLED, identity, constant=False))
            return
        emitter.add(Define(self._scalar, _POOLED, ZERO, constant=False))
        emitter.add(Define("int", _PLACE, Number(-1), constant=False))
        for pick, name in self._beside.items():
            emitter.add(Define(C_TYPES[pick.dtype], name, ZERO, constant=False))

    def element(self, emitter: Emitter, x: Expression, value: Callable[[Node], Expression]) -> None:
        """Lines that go on with the element `x`; `value` prints what else is picked there."""
        if not self._is_placed:
            emitter.add(Fold(_POOLED, self._functions, x))
            return
        beside = [(name, value(pick.inputs[1])) for pick, name in self._beside.items()]
        number = plus(times(_HALF, 4), _LANE) if _is_halved(self._pooling) else _LANE
        self._take(emitter, x, number, beside)

    def neighbour(self, emitter: Emitter) -> None:
        """Lines that go on with the half of the neighbouring lane."""
        if not self._is_placed:
            emitter.add(Fold(_POOLED, self._functions, call("gc_neighbour", _POOLED)))
            return
        names = [_POOLED, _PLACE, *self._beside.values()]
        types = [self._scalar, "int", *(C_TYPES[pick.dtype] for pick in self._beside)]
        others = [
            emitter.define(scalar, call("gc_neighbour", name))
            for name, scalar in zip(names, types, strict=True)
        ]
        x, number, *values = others
        self._take(emitter, x, number, list(zip(names[2:], values, strict=True)))

    def _take(
        self,
        emitter: Emitter,
        x: Expression,
        number: Expression,
        beside: Sequence[tuple[Expression, Expression]],
    ) -> None:
        ahead = take_larger(emitter, _POOLED, _PLACE, x, number)
        for name, value in beside:
            emitter.assign(name, either(ahead, value, name))

    def results(self, emitter: Emitter) -> dict[Node, Expression]:
        """The expressions of what the window has."""
        if not self._is_placed:
            return {self._pooling: call(f"{self._functions}::result", _POOLED)}
        picked = {pick: self._beside.get(pick, _POOLED) for pick in self._picks}
        return {self._pooling: _PLACE, **picked}


def _store_windows(
    kernel: Kernel,
    pooling: Node,
    context: Context,
    emitter: Emitter,
    results: Mapping[Node, Expression],
) -> None:
    """The lines that compute and store what there is one of a window."""
    signature = emitter.signature
    at_filter(emitter, pooling.shape, _AT, _ROW)
    for node, result in results.items():
        name = emitter.element(node, result)
        emitter.given[node] = always(name)
    windows = product(pooling.shape)
    narrow = [node for node in kernel.outputs if product(node.shape) == windows]
    values = [emitter.value(node, Index(node.shape, linear=_AT)) for node in narrow]
    for node, value in zip(narrow, values, strict=True):
        for place in context.sinks[node]:
            target, guard = signature.stored(place, node.shape, _AT)
            emitter.assign(target, value, guard)
