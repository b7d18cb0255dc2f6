"""Products with what may be around them, as plain programs of one kernel each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Size, Symbol, symbol, symbols
from graphc.compiler.loops.build import Storage, buffers_of, plain_program
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cuda.facts import any_card

T, N = symbol("time"), symbol("n")
SYMBOLS = tuple(symbols(size)[0] for size in (BATCH, T, N))
"""Of rows, terms and columns."""

ARGUMENTS = {"call_step": 2**33 + 5, "w0": 17, "w1": 2**31 + 5}
"""Numbers that a call gives to draws."""

SIZES: tuple[Mapping[Symbol, int], ...] = tuple(
    dict(zip(SYMBOLS, sizes, strict=True)) for sizes in [(1, 1, 1), (9, 7, 17)]
)
"""Sizes of a call: less than a tile of 8 x 16 and 4 terms, and a little more."""


def plain(*outputs: Node, in_place: Mapping[Node, Node] | None = None) -> LoopProgram:
    """Return the plain program of nodes that are one kernel.

    Args:
        outputs: the nodes.
        in_place: of outputs the input whose memory they are stored to.
    """
    (kernel,) = kernels(make_schedule(list(outputs), most_shared=any_card().shared_bytes))
    buffers = buffers_of(kernel)
    stored = {
        node: (Storage(buffers.inputs[state].buffer, guarded=True),)
        for node, state in (in_place or {}).items()
    }
    buffers = replace(buffers, outputs={**buffers.outputs, **stored})
    return plain_program(kernel, "k0", buffers)


def arrays(*shape: Size, dtype: str = "float32") -> Node:
    return g.input(shape, dtype)


def dense(rows: Size, terms: Size, columns: Size) -> Node:
    """Return the rectified sums of a product and a bias."""
    product = g.matmul(arrays(rows, terms), arrays(terms, columns))
    return g.maximum(product + arrays(columns), 0.0)


def dropped() -> Node:
    """Return a product of whose results a fifth is zero."""
    product = dense(BATCH, 8, 20)
    return g.where(g.random.bernoulli((BATCH, 20), 0.8, seed=3), product / 0.8, 0.0)


def heads(x: Node, width: int) -> Node:
    """Return rows of 2 heads as a matrix for each head."""
    return g.transpose(g.reshape(x, (*x.shape[:2], 2, width)), (0, 2, 1, 3))


def attention(width: int) -> Node:
    """Return how alike the rows of a head are to those of another array's."""
    queries, keys = arrays(2, BATCH, 2 * width), arrays(2, 20, 2 * width)
    transposed = g.transpose(heads(keys, width), (0, 1, 3, 2))
    return g.matmul(heads(queries, width), transposed) * 0.5


def of_times() -> Node:
    """Return the product of all rows of all times, for each time."""
    rows = g.reshape(arrays(2, BATCH, 8), (2 * BATCH, 8))
    return g.reshape(g.matmul(rows, arrays(8, 20)) + arrays(20), (2, BATCH, 20))


def long_epilogue() -> Node:
    """Return a product with more behind it than is written out for each result of a thread."""
    result = g.matmul(arrays(BATCH, 3), arrays(3, 20))
    for number in range(15):
        result = g.maximum(result * 0.5, -float(number))
    return result


def scaled() -> Node:
    """Return a product scaled by a value that is named ahead of all loops."""
    return g.matmul(arrays(BATCH, 6), arrays(6, 20)) * g.exp(arrays())


def gates() -> tuple[Node, ...]:
    """Return products of the same rows and several matrices."""
    x = arrays(BATCH, 7)
    one, other = (g.matmul(x, arrays(7, 18)) + arrays(18) for _ in range(2))
    return g.tanh(one), one * other


def summed() -> Node:
    """Return the sum of products of several arrays each, the terms a call knows."""
    one = g.matmul(arrays(BATCH, T), g.transpose(arrays(17, T), (1, 0)))
    return one + g.matmul(g.transpose(arrays(T, BATCH), (1, 0)), arrays(T, 17))


def computed() -> Node:
    """Return a product both of whose factors are computed, of terms that a call knows."""
    left = g.concat([arrays(BATCH, 3), arrays(BATCH, T)], axis=1)
    return g.matmul(left * arrays(BATCH, 1) + 1.0, -arrays(T + 3, 20))


def of_samples() -> Node:
    """Return the product of all rows of all samples, for each time."""
    rows = g.reshape(g.transpose(arrays(BATCH, 3, 6), (1, 0, 2)), (3 * BATCH, 6))
    one, other = (g.matmul(rows, arrays(6, 20)) for _ in range(2))
    return g.reshape(one * g.tanh(other), (3, BATCH, 20))


def over_samples() -> Node:
    """Return the sum over all times of all samples, of products of arrays in different orders."""
    left = g.reshape(g.transpose(arrays(BATCH, 3, 6), (1, 0, 2)), (3 * BATCH, 6))
    right = g.reshape(arrays(3, BATCH, 20), (3 * BATCH, 20))
    return g.matmul(g.transpose(left, (1, 0)), right)


def of_parts() -> Node:
    """Return the sum of products of the same rows and parts of one array."""
    x, w = arrays(BATCH, 10), arrays(16, 54)
    one, other, last = (g.matmul(x[:, 2:9], w[3:10, k : k + 18]) for k in (18, 0, 36))
    return one * g.tanh(other) + last


def of_broadcasts() -> Node:
    """Return the sum of products of operands of which rows, columns or all share elements."""
    lefts = (g.broadcast_to(arrays(*shape), (BATCH, 7)) for shape in ((1, 7), (BATCH, 1), (1, 1)))
    w, of_terms = arrays(7, 18), g.broadcast_to(arrays(7, 1), (7, 18))
    return sum((g.matmul(one, w) for one in lefts), g.matmul(arrays(BATCH, 7), of_terms))


def of_whole_rows() -> Node:
    """Return a product scaled by values of a matrix and of its rows."""
    scale = arrays(3) * 0.5
    rows = arrays(3, BATCH) * g.reshape(scale, (3, 1))
    return g.matmul(arrays(3, BATCH, 6), arrays(3, 6, 20)) * g.reshape(rows, (3, BATCH, 1))


def numbered() -> Node:
    """Return a product of a matrix and a number, with another product."""
    number = g.broadcast_to(g.constant(np.float32(0.5)), (BATCH, 7))
    return g.matmul(number, arrays(7, 18)) * g.matmul(arrays(BATCH, 7), arrays(7, 18))


def with_found_rows() -> Node:
    """Return a product with rows that are found in a table added to it."""
    rows = g.take(arrays(7, 20), g.abs(arrays(BATCH, dtype="int32")))
    return g.matmul(arrays(BATCH, 6), arrays(6, 20)) + rows


def of_each_matrix() -> Node:
    """Return the product of rows of one array, each a matrix of one row, by each of many."""
    return g.matmul(arrays(3, 1, 1, 6), arrays(BATCH, 6, 20))


def updated() -> LoopProgram:
    """Return the update of a state by a product of transposed samples."""
    state = g.shared(np.zeros((20, 24), "float32"), "state")
    gradient = g.matmul(g.transpose(arrays(BATCH, 20), (1, 0)), arrays(BATCH, 24))
    new = state - gradient * 0.5
    return plain(new, in_place={new: state})


CASES: Mapping[str, Callable[[], LoopProgram]] = {
    "sizes of a call": lambda: plain(g.matmul(arrays(BATCH, T), arrays(T, N))),
    "known sizes": lambda: plain(g.matmul(arrays(24, 8), arrays(8, 32))),
    "known sizes that no tile divides": lambda: plain(g.matmul(arrays(17, 7), arrays(7, 21))),
    "packs at a border": lambda: plain(g.matmul(arrays(BATCH, 8), arrays(8, 20))),
    "few terms": lambda: plain(g.matmul(arrays(BATCH, 3), arrays(3, 20))),
    "a transposed left operand": lambda: plain(
        g.matmul(g.transpose(arrays(T, BATCH), (1, 0)), arrays(T, 20))
    ),
    "a transposed right operand": lambda: plain(
        g.matmul(arrays(BATCH, 12), g.transpose(arrays(20, 12), (1, 0)))
    ),
    "a value of all elements": lambda: plain(scaled()),
    "matrices": lambda: plain(g.matmul(arrays(T, BATCH, 6), arrays(T, 6, 20))),
    "heads": lambda: plain(attention(4)),
    "heads of fewer terms than a step": lambda: plain(attention(6)),
    "rows of several axes": lambda: plain(of_times()),
    "float64": lambda: plain(
        g.matmul(arrays(BATCH, 6, dtype="float64"), arrays(6, 20, dtype="float64"))
    ),
    "a bias": lambda: plain(dense(BATCH, 6, 20)),
    "a bias over steps": lambda: plain(dense(BATCH, 10, 20)),
    "a bias of sizes of a call": lambda: plain(dense(BATCH, T, N)),
    "dropout": lambda: plain(dropped()),
    "an update in place": updated,
    "computed operands": lambda: plain(computed()),
    "a computed operand of whole tiles": lambda: plain(
        g.matmul(g.maximum(arrays(16, 8), 0.0), arrays(8, 16))
    ),
    "computed matrices": lambda: plain(
        g.matmul(g.maximum(arrays(T, BATCH, 6), 0.0), g.transpose(arrays(T, 20, 6), (0, 2, 1)))
    ),
    "flipped operands": lambda: plain(
        g.matmul(g.flip(arrays(BATCH, 7), (0,)), g.flip(arrays(7, 20), (0, 1)))
    ),
    "rows of samples": lambda: plain(of_samples()),
    "terms of samples": lambda: plain(over_samples()),
    "products of the same rows": lambda: plain(*gates()),
    "products of several arrays": lambda: plain(summed()),
    "products of parts of an array": lambda: plain(of_parts()),
    "products of one array": lambda: plain(
        g.matmul(squared := arrays(BATCH, 7), g.transpose(squared, (1, 0)))
    ),
    "operands of fewer axes": lambda: plain(of_broadcasts()),
    "an operand of one number": lambda: plain(numbered()),
    "values of whole rows": lambda: plain(of_whole_rows()),
    "rows of a table": lambda: plain(with_found_rows()),
    "rows that matrices share": lambda: plain(of_each_matrix()),
}
