"""The expression surface: counter-based random numbers (Philox4x32-10).

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A word depends
on nothing but its position, its loop's step, the call's number, and the key (seed, stream): the
same on every target, whatever the order of computation.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from graphc.compiler.graph.dim import Shape
from graphc.compiler.graph.expressions import pointwise as pw
from graphc.compiler.graph.expressions.operands import as_node, cast
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import make
from graphc.compiler.graph.origin import inherit
from graphc.config import config
from graphc.errors import ArgumentError

_serials = itertools.count()


def draw_seed() -> int:
    """A seed from NumPy's global generator, as Keras took it: when the graph is made."""
    return int(np.random.randint(1, int(10e6)))


def bits(shape: Shape, seed: int | None = None, stream: int = 0, scan_step: object = 0) -> Node:
    """Uniform uint32 words, new ones at each call of the function that draws.

    Args:
        shape: of the result.
        seed: a 32-bit number; None takes one from NumPy's global generator, now.
        stream: a second 32-bit number that distinguishes uses of one seed.
        scan_step: inside the step of a `scan`: the int32 number of the step, for new words a step.
    """
    return make(
        "random",
        cast(as_node(scan_step), "int32"),
        seed=(draw_seed() if seed is None else int(seed)) & 0xFFFFFFFF,
        stream=int(stream) & 0xFFFFFFFF,
        serial=next(_serials),
        shape=tuple(shape),
        axis=None,
    )


def with_key(words: Node, seed: int, stream: int) -> Node:
    """A draw of `bits` as it would be with another seed and stream."""
    attrs = {**words.attrs, "seed": seed & 0xFFFFFFFF, "stream": stream & 0xFFFFFFFF}
    return inherit(make("random", *words.inputs, **attrs), words)


def range_of_draw(words: Node, axis: int, whole: object, first: object) -> Node:
    """Return a draw of `bits` as a range of a draw that is longer along one axis: each element has
    the word of its position there.

    Args:
        words: a draw of its own, with the shape of the range.
        axis: the axis that is longer in the whole draw.
        whole: the length of that axis there, an integer scalar or a size.
        first: where the range begins on it, an integer scalar or a size. That it ends within
            the whole axis is the caller's to see to.
    """
    if words.op != "random" or words.attrs["axis"] is not None:
        raise ArgumentError(
            "range_of_draw: expected a draw of `bits` that is no range of another yet, received "
            f"{words.op}{words.shape}; pass the draw itself, not what is computed from it"
        )
    scalars = [cast(as_node(x, "int64"), "int64") for x in (whole, first)]
    attrs = {**words.attrs, "axis": int(axis)}
    return inherit(make("random", *words.inputs, *scalars, **attrs), words)


def uniform(
    shape: Shape,
    low: float = 0.0,
    high: float = 1.0,
    dtype: str | None = None,
    seed: int | None = None,
    stream: int = 0,
    scan_step: object = 0,
) -> Node:
    """Uniform in [low, high): the upper 24 bits of a word times 2^-24, in any dtype."""
    dtype = dtype or config.floatX
    words = bits(shape, seed, stream, scan_step)
    unit = pw.mul(cast(pw.floordiv(words, 256), dtype), 2.0**-24)
    if (low, high) == (0.0, 1.0):
        return unit
    return pw.add(pw.mul(unit, high - low), low)


def bernoulli(
    shape: Shape,
    p: float,
    seed: int | None = None,
    stream: int = 0,
    scan_step: object = 0,
) -> Node:
    """True with probability p: a word below p * 2^32, so the same mask in every dtype."""
    if not 0.0 <= p <= 1.0:
        raise ArgumentError(f"bernoulli: a probability lies in [0, 1], received {p}")
    words = cast(bits(shape, seed, stream, scan_step), "int64")
    return pw.less(words, int(p * 2.0**32))


def normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: str | None = None,
    seed: int | None = None,
    stream: int = 0,
    scan_step: object = 0,
) -> Node:
    """Normal by Box and Muller (1958): sqrt(-2 log(1 - u)) cos(2 pi v) of two uniform numbers."""
    pair = uniform((2, *shape), 0.0, 1.0, dtype, seed, stream, scan_step)
    radius = pw.sqrt(pw.mul(pw.log1p(pw.neg(pair[0])), -2.0))
    unit = pw.mul(radius, pw.cos(pw.mul(pair[1], 2.0 * math.pi)))
    return pw.add(pw.mul(unit, std), mean)
