"""Sizes that a program computes as nodes: ``K.cast(K.round(K.cast(n, 'float32') / 2), 'int32')``.

A slice or a reshape needs its sizes when it is made. A scalar that is made of constants and sizes
by the operations below is a quotient of two sizes, which is followed exactly: no float rounds it.
So are the elements of a vector of sizes: ``K.prod(K.shape(x)[1:])``, ``K.stack([n, -1])``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import chain
from typing import NamedTuple

from graphc.compiler.graph.dim import (
    Dim,
    Shape,
    Size,
    as_size,
    exact_quotient,
    floor_divide,
    minimum_value,
)
from graphc.compiler.graph.expressions.operands import is_float
from graphc.compiler.graph.node import Node
from graphc.errors import DTypeError


class _Quotient(NamedTuple):
    """over / under."""

    over: Size
    under: int


class _NoSize(Exception):
    """A node that is no size."""


def as_shape(sizes: Iterable[object], what: str) -> Shape:
    """Sizes as a program writes them, nodes of integers among them, as a shape."""
    return tuple(
        size_of(size, f"{what}: axis {axis}")
        if isinstance(size, Node)
        else as_size(size, f"{what}: axis {axis}")
        for axis, size in enumerate(sizes)
    )


def size_of(node: Node, what: str) -> Size:
    """The size that a node of integers computes. DTypeError, which starts with `what`, where it is
    made of anything but constants, sizes, vectors of them, + - * /, rounding and casts."""
    try:
        values = _values(node) if node.ndim == 0 else []
    except _NoSize:
        values = []
    if not values or values[0].under != 1:
        raise DTypeError(
            f"{what}: expected an int or a size (K.shape(x)[axis], and what is computed from it by "
            f"+ - * /, K.round and K.cast to integers), received {node!r}, whose value no call "
            "knows before it runs; K.gather takes such positions"
        )
    return values[0].over


def _values(node: Node) -> Sequence[_Quotient]:
    """The elements of a scalar or of a vector."""
    if node.ndim > 1 or (node.ndim == 1 and not 0 < _length(node) <= _MOST_SIZES):
        raise _NoSize
    inputs = [_values(one) for one in node.inputs]
    if node.op in _OF_VECTORS:
        return _OF_VECTORS[node.op](node, *inputs)
    if node.op not in _RULES:
        raise _NoSize
    if not inputs:
        return [_RULES[node.op](node)]
    return [_RULES[node.op](node, *elements) for elements in zip(*inputs, strict=True)]


def _length(node: Node) -> int:
    size = node.shape[0]
    return size if isinstance(size, int) else 0


def _constant(node: Node) -> Sequence[_Quotient]:
    values = [Fraction(one) for one in node.attrs["value"].ravel().tolist()]
    return [_Quotient(one.numerator, one.denominator) for one in values]


def _slice(node: Node, values: Sequence[_Quotient]) -> Sequence[_Quotient]:
    bounds = [node.attrs[name][0] for name in ("start", "stop", "step")]
    if not all(isinstance(bound, int) for bound in bounds):
        raise _NoSize
    return values[slice(*bounds)]


def _sum(node: Node, a: _Quotient, b: _Quotient) -> _Quotient:
    return _reduced(a.over * b.under + b.over * a.under, a.under * b.under)


def _difference(node: Node, a: _Quotient, b: _Quotient) -> _Quotient:
    return _reduced(a.over * b.under - b.over * a.under, a.under * b.under)


def _product(node: Node, a: _Quotient, b: _Quotient) -> _Quotient:
    return _reduced(a.over * b.over, a.under * b.under)


def _quotient(node: Node, a: _Quotient, b: _Quotient) -> _Quotient:
    if isinstance(b.over, Dim) or b.over <= 0:
        raise _NoSize
    return _reduced(a.over * b.under, a.under * b.over)


def _floor(node: Node, a: _Quotient, b: _Quotient | None = None) -> _Quotient:
    whole = a if b is None else _quotient(node, a, b)
    return _Quotient(floor_divide(*whole), 1)


def _rounded(node: Node, a: _Quotient) -> _Quotient:
    """The nearest whole number; of two the even one: where half is rounded up, 1 less at odd
    results, which is at 2 over = under (mod 4 under)."""
    over, under = a
    up = floor_divide(2 * over + under, 2 * under)
    at_odd = [floor_divide(2 * over - under - k, 4 * under) for k in (0, 1)]
    return _Quotient(up - at_odd[0] + at_odd[1], 1)


def _cast(node: Node, a: _Quotient) -> _Quotient:
    if a.under == 1 or is_float(node.dtype):
        return a
    least = minimum_value(a.over)
    if least is None or least < 0:
        raise _NoSize  # towards 0, which is up for a negative one
    return _floor(node, a)


def _reduced(over: Size, under: int) -> _Quotient:
    if isinstance(over, Dim):
        whole = exact_quotient(over, under)
        return _Quotient(over, under) if whole is None else _Quotient(whole, 1)
    value = Fraction(over, under)
    return _Quotient(value.numerator, value.denominator)


_MOST_SIZES = 16
"""Elements of a vector: no tensor has as many axes."""

_OF_VECTORS: dict[str, Callable[..., Sequence[_Quotient]]] = {
    "constant": _constant,
    "reshape": lambda node, values: values,
    "concat": lambda node, *several: list(chain(*several)),
    "slice": _slice,
    "broadcast": lambda node, values: list(values) * (_length(node) if node.ndim else 1),
    "prod": lambda node, values: [reduce(lambda a, b: _product(node, a, b), values)],
    "sum": lambda node, values: [reduce(lambda a, b: _sum(node, a, b), values)],
}

_RULES: dict[str, Callable[..., _Quotient]] = {
    "dim": lambda node: _Quotient(node.attrs["size"], 1),
    "add": _sum,
    "sub": _difference,
    "mul": _product,
    "div": _quotient,
    "floordiv": _floor,
    "floor": _floor,
    "round": _rounded,
    "neg": lambda node, a: _Quotient(-a.over, a.under),
    "cast": _cast,
    "alias": lambda node, a: a,
}
