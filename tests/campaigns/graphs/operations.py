"""Operations that a graph is drawn from: each takes a `Builder` and gives new values.

`INSIDE` and `OUTSIDE` are the tables that they are drawn from.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, Size
from tests.campaigns.graphs.bounded import is_float
from tests.campaigns.graphs.builder import DTYPES, FLOATS, INTS, Builder, Refused
from tests.campaigns.graphs.product_operations import contraction, conv, pooling, product

Operation = Callable[[Builder], Node | tuple[Node, ...]]

_NUMBERS = (*INTS, *FLOATS)

_UNARY_FLOAT = (
    g.floor, g.round, g.ceil, g.exp, g.log, g.log1p, g.expm1, g.sqrt, g.rsqrt, g.tanh, g.sigmoid,
    g.erf, g.sin, g.cos, g.softplus, g.isnan, g.isfinite, g.tanh, g.sigmoid,
)  # fmt: skip
_UNARY = (g.neg, g.abs, g.sign, g.square)
_ARITHMETIC = (g.add, g.sub, g.mul, g.maximum, g.minimum, g.add, g.mul, g.sub)
_DIVISIONS = (g.floordiv, g.mod, g.pow, g.div)
_COMPARISONS = (g.equal, g.not_equal, g.less, g.less_equal, g.greater, g.greater_equal)
_LOGIC = (g.logical_and, g.logical_or, g.logical_xor)
_WEAK = (0, 1, 2, -1, 0.5, 3, -0.25, 1.5)


# ---- pointwise ----------------------------------------------------------------------------------


def unary(b: Builder) -> Node:
    x = b.any_of(FLOATS)
    op = b.one_of((*_UNARY_FLOAT, *_UNARY))
    if op in (g.log, g.sqrt, g.rsqrt, g.log1p) and b.coin(0.7):
        x = g.abs(x) + b.one_of([0.0, 0.5, 1.0])
    return op(x)


def unary_of_ints(b: Builder) -> Node:
    x = b.any_of((*INTS, "bool"))
    if x.dtype == "bool":
        return g.logical_not(x)
    return b.one_of(_UNARY)(x)


def _pair(b: Builder, dtypes: tuple[str, ...]) -> tuple[Node, object]:
    """Two operands: of one shape, of shapes that broadcast, or a node and a Python number."""
    x = b.any_of(dtypes)
    kind = b.random.random()
    if kind < 0.15 and x.dtype != "bool":
        number = b.one_of(_WEAK)
        if not is_float(x.dtype) and (x.dtype == "uint32" or isinstance(number, float)):
            number = abs(int(number))
        return x, number
    shape = x.shape
    if kind < 0.45:
        # One or several axes of size 1, or none in front.
        shape = tuple(1 if b.coin(0.5) else size for size in shape)[b.number(0, len(shape)) :]
    return x, b.shaped(shape, x.dtype)


def arithmetic(b: Builder) -> Node:
    x, y = _pair(b, _NUMBERS)
    op = b.one_of(_ARITHMETIC)
    return op(y, x) if b.coin(0.3) else op(x, y)


def division(b: Builder) -> Node:
    x, y = _pair(b, _NUMBERS)
    op = b.one_of(_DIVISIONS)
    if op is g.pow:
        if is_float(x.dtype):
            return g.pow(x, b.one_of([2, 3, -1, 0.5, 0, 1, -2]))
        return g.pow(x, g.mod(g.as_node(y, None), 4) if isinstance(y, Node) else 3)
    if op is g.div and not is_float(x.dtype) and x.dtype != "int32":
        raise Refused
    return op(x, y)


def comparison(b: Builder) -> Node:
    x, y = _pair(b, DTYPES)
    return b.one_of(_COMPARISONS)(x, y)


def logic(b: Builder) -> Node:
    x, y = _pair(b, ("bool",))
    return b.one_of(_LOGIC)(x, y)


def where(b: Builder) -> Node:
    x, y = _pair(b, DTYPES)
    condition = b.shaped(x.shape, "bool")
    return g.where(condition, x, y) if b.coin(0.5) else g.where(condition, y, x)


def clip(b: Builder) -> Node:
    x = b.any_of(_NUMBERS)
    if b.coin(0.5):
        low = b.one_of([0, 1] if x.dtype == "uint32" else [-1, 0])
        return g.clip(x, low, b.one_of([1, 2]))
    return g.clip(x, b.shaped(x.shape, x.dtype), b.shaped(x.shape, x.dtype))


def cast(b: Builder) -> Node:
    return g.cast(b.any_of(), b.one_of(DTYPES))


def alias(b: Builder) -> Node:
    return g.alias(b.any_of())


# ---- reductions ---------------------------------------------------------------------------------


def reduction(b: Builder) -> Node:
    x = b.any_of(fits=lambda s: len(s) > 0)
    op = b.one_of((g.sum, g.sum, g.prod, g.max, g.min, g.any, g.all, g.argmax, g.argmin))
    axes = None if b.coin(0.15) else b.some_of(range(x.ndim))
    if 0 in b.concrete(x.shape) and op in (g.max, g.min, g.argmax, g.argmin):
        raise Refused
    return op(x, axes, b.coin(0.4))


def statistics(b: Builder) -> Node:
    x = b.any_of(FLOATS, lambda s: len(s) > 0 and 0 not in s)
    axes = b.some_of(range(x.ndim))
    op = b.one_of((g.mean, g.var, g.std, g.logsumexp, g.mean))
    if op is g.std:
        return g.sqrt(g.var(x, axes, b.coin(0.5)) + 0.1)
    return op(x, axes, b.coin(0.5))


def softmax(b: Builder) -> Node:
    x = b.any_of(FLOATS, lambda s: len(s) > 0 and 0 not in s)
    found = g.softmax(x, b.number(0, x.ndim - 1))
    return g.log(found) if b.coin(0.3) else found


# ---- movement -----------------------------------------------------------------------------------


def reshape(b: Builder) -> Node:
    x = b.any_of()
    kind = b.number(0, 5)
    if kind == 0:
        return g.reshape(x, (-1,))
    if kind == 1 and x.ndim >= 2:
        k = b.number(0, x.ndim - 2)
        shape = (*x.shape[:k], x.shape[k] * x.shape[k + 1], *x.shape[k + 2 :])
        return g.reshape(x, shape)
    if kind == 2 and x.ndim:
        k = b.number(0, x.ndim - 1)
        size = x.shape[k]
        if isinstance(size, int):
            divisors = [d for d in range(1, size + 1) if size % d == 0]
            d = b.one_of(divisors)
            return g.reshape(x, (*x.shape[:k], d, size // d, *x.shape[k + 1 :]))
    if kind == 3 and x.ndim:
        # A size that is equal in this call.
        k = b.number(0, x.ndim - 1)
        size = b.size_like(b.concrete(x.shape)[k])
        return g.reshape(x, (*x.shape[:k], size, *x.shape[k + 1 :]))
    if kind == 4:
        ones = [k for k, size in enumerate(x.shape) if size == 1]
        if ones:
            return g.squeeze(x, b.one_of(ones))
    return g.expand_dims(x, b.number(0, x.ndim))


def transpose(b: Builder) -> Node:
    x = b.any_of(fits=lambda s: len(s) > 1)
    return g.transpose(x, b.random.permutation(x.ndim).tolist())


def slices(b: Builder) -> Node:
    x = b.any_of(fits=lambda s: len(s) > 0)
    key: list[object] = []
    for size, count in zip(x.shape, b.concrete(x.shape), strict=True):
        kind = b.number(0, 6)
        if kind == 0 and count:
            key.append(b.number(0, count - 1))
        elif kind == 1 and count > 1:
            start = b.number(0, count - 1)
            key.append(slice(start, None if b.coin(0.5) else b.number(start, count)))
        elif kind == 2 and count > 1:
            key.append(slice(b.number(0, 1), None, b.number(2, 3)))
        elif kind == 3 and isinstance(size, int):
            key.append(slice(None, None, -b.number(1, 2)))
        elif kind == 4 and count > 1:
            key.append(slice(None, -1))
        else:
            key.append(slice(None))
    if b.coin(0.2):
        key.insert(b.number(0, len(key)), None)
    return x[tuple(key)]


def pad(b: Builder) -> Node:
    x = b.any_of(fits=lambda s: len(s) > 0)
    number = 0.0 if b.coin(0.6) else float(b.one_of([1, 2, -np.inf if is_float(x.dtype) else 3]))
    low, high = ([b.number(0, 2) for _ in x.shape] for _ in range(2))
    interior = [b.number(0, 1) if b.coin(0.3) else 0 for _ in x.shape]
    if 0 in b.concrete(x.shape):
        interior = [0] * x.ndim
    return g.make(
        "pad", x, low=tuple(low), high=tuple(high), interior=tuple(interior), value=number
    )


def concat(b: Builder) -> Node:
    x = b.any_of(fits=lambda s: len(s) > 0)
    axis = b.number(0, x.ndim - 1)
    parts = [x]
    for _ in range(b.number(1, 2)):
        size: Size = x.shape[axis]
        if b.coin(0.5):
            size = 0 if b.coin(0.2) and b.concrete(x.shape) == x.shape else b.size()
        parts.append(b.shaped((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype))
    if b.coin(0.5):
        parts = parts[::-1]
    return g.concat(parts, axis)


def stack(b: Builder) -> Node:
    x = b.any_of(fits=lambda s: len(s) < 4)
    return g.stack([x, b.shaped(x.shape, x.dtype)], b.number(0, x.ndim))


def flip(b: Builder) -> Node:
    x = b.any_of(fits=lambda s: len(s) > 0)
    return g.flip(x, b.some_of(range(x.ndim)))


def broadcast(b: Builder) -> Node:
    x = b.any_of(fits=lambda s: len(s) < 4)
    kind = b.number(0, 2)
    if kind == 0:
        shape = tuple(b.size() if size == 1 and b.coin(0.7) else size for size in x.shape)
        return g.broadcast_to(x, (*((b.size(),) if b.coin(0.5) else ()), *shape))
    if not x.ndim:
        return g.broadcast_to(x, (b.size(), b.size()))
    if kind == 1:
        return g.repeat(x, b.number(1, 3), b.number(0, x.ndim - 1))
    return g.tile(x, [b.number(1, 2) for _ in x.shape])


# ---- indexed access -----------------------------------------------------------------------------


def take(b: Builder) -> Node:
    x = b.any_of(fits=lambda s: len(s) > 0 and 0 not in s)
    axis = b.number(0, x.ndim - 1)
    shape = tuple(b.size() for _ in range(b.number(0, 2)))
    return g.take(x, b.indices(shape, x.shape[axis]), axis)


def scatter(b: Builder) -> Node:
    x = b.any_of(_NUMBERS, lambda s: len(s) > 0)
    axis = b.number(0, x.ndim - 1)
    rank = b.number(1, min(2, x.ndim - axis))
    size = b.size()
    indices = b.indices(x.shape[axis : axis + rank], size)
    return g.scatter_add(indices, x, size, axis)


def one_hot(b: Builder) -> Node:
    depth = b.number(1, 5)
    x = b.any_of(("int32", "int64"), lambda s: len(s) < 3)
    return g.one_hot(x, depth, b.one_of(FLOATS))


# ---- leaves -------------------------------------------------------------------------------------


def counting(b: Builder) -> Node:
    size = b.size()
    if b.coin(0.5):
        return g.cast(g.as_node(size), b.one_of(("int64", "float32", "int32")))
    return g.iota(size, b.one_of(("int32", "float32", "int64")))


def random_numbers(b: Builder) -> Node:
    shape = tuple(b.size() for _ in range(b.number(1, 2)))
    if math.prod(b.concrete(shape)) > 60:
        raise Refused
    drawn = _drawn(b, shape)
    return _part_of_a_draw(b, drawn) if b.coin(0.4) else drawn


def _drawn(b: Builder, shape: g.Shape) -> Node:
    seed, stream = b.number(0, 2**31), b.number(0, 9)
    kind = b.number(0, 3)
    if kind == 0:
        return g.random.bits(shape, seed, stream)
    if kind == 1:
        return g.random.bernoulli(shape, b.one_of([0.5, 0.2, 1.0, 0.0]), seed, stream)
    if kind == 2:
        return g.random.normal(shape, 0.0, 1.0, b.one_of(FLOATS), seed, stream)
    return g.random.uniform(shape, -1.0, 1.0, b.one_of(FLOATS), seed, stream)


def _part_of_a_draw(b: Builder, drawn: Node) -> Node:
    """The same of a draw that is part of a longer one, from near its begin on or far behind it."""
    (words,) = (node for node in g.toposort([drawn]) if node.op == "random")
    axis = b.number(0, len(words.shape) - 1)
    first = b.one_of([0, 1, 2, 3, 5, 2**33 + 1])
    whole = g.cast(g.as_node(words.shape[axis]), "int64") + (first + b.number(0, 9))
    return g.substitute([drawn], {words: g.random.range_of_draw(words, axis, whole, first)})[0]


INSIDE: tuple[tuple[Operation, int], ...] = (
    (unary, 4), (unary_of_ints, 1), (arithmetic, 6), (division, 2), (comparison, 2), (logic, 1),
    (where, 2), (clip, 1), (cast, 2), (reduction, 3), (statistics, 1), (softmax, 1), (reshape, 2),
    (transpose, 2), (slices, 2), (pad, 1), (concat, 1), (stack, 1), (flip, 1), (broadcast, 1),
    (take, 1), (scatter, 1), (product, 3), (pooling, 1), (conv, 1), (one_hot, 1),
)  # fmt: skip
"""With how often each is drawn: what a loop's step may do, too."""

OUTSIDE: tuple[tuple[Operation, int], ...] = (
    *INSIDE, (alias, 1), (take, 1), (scatter, 1), (contraction, 2), (conv, 2), (pooling, 1),
    (counting, 1), (random_numbers, 1),
)  # fmt: skip
