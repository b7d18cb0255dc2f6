"""The cost of a node: floating-point operations and bytes of memory, from its shapes.

Conventions, for rates that can be compared:

- A pointwise op on floats is one operation an element, whatever it computes; on ints and bools
  none. A product with an addition is two. A reduction is one an element that it reads.
- Bytes are the compulsory traffic: each input is read once, the result written once. What only
  looks at its input in another order or shape (a view) moves nothing.
- A scan costs its body, once a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphc.compiler.graph.dim import Shape, Symbol, evaluate
from graphc.compiler.graph.expressions.operands import is_float
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import OPS, ops_with
from graphc.compiler.graph.walk import toposort

Bindings = Mapping[Symbol, int]

# Values that are in memory before the program runs, or a part of a loop's own traffic, and views.
_FREE = ops_with(lambda traits: traits.supplied or traits.is_view) | {"dim", "item"}


@dataclass(frozen=True)
class Cost:
    """Floating-point operations and bytes moved."""

    flops: int
    bytes: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.bytes + other.bytes)

    def __mul__(self, times: int) -> Cost:
        return Cost(self.flops * times, self.bytes * times)


def multiply_adds(node: Node, bindings: Bindings) -> int:
    """Return how many pairs of `cost(node).flops` are a product and the addition of it: those of
    matrix products and convolutions."""
    if node.op == "scan":
        body = toposort(node.attrs["body"].outputs)
        step = sum(multiply_adds(inner, bindings) for inner in body)
        return step * evaluate(node.attrs["length"], bindings)
    family = None if node.op in _FREE else OPS[node.op].family
    return cost(node, bindings).flops // 2 if family == "contraction" else 0


def elements(shape: Shape, bindings: Bindings) -> int:
    """Return the number of elements of a shape once its symbols are bound."""
    return math.prod(evaluate(size, bindings) for size in shape)


def is_operation(op: str, dtype: str) -> bool:
    """Return True if an element of a pointwise op of inputs of a dtype is an operation."""
    return op not in ("cast", "where") and is_float(dtype)


def _pointwise(node: Node, bindings: Bindings) -> int:
    return elements(node.shape, bindings) if is_operation(node.op, node.inputs[0].dtype) else 0


def _reduce(node: Node, bindings: Bindings) -> int:
    return elements(node.inputs[0].shape, bindings) if is_float(node.inputs[0].dtype) else 0


def _contraction(node: Node, bindings: Bindings) -> int:
    """Two for each element of the result and of what is summed into it."""
    left, right = (x.shape for x in node.inputs)
    summed = left[-1:] if node.op == "matmul" else right[1:]
    return 2 * elements(node.shape, bindings) * elements(summed, bindings)


def _window(node: Node, bindings: Bindings) -> int:
    """One for each element of each window that is compared or added."""
    if node.op in ("gather_pool", "max_unpool"):
        return 0 if node.op == "gather_pool" else elements(node.inputs[1].shape, bindings)
    windows = node.inputs[0] if node.op == "sum_unpool" else node
    return elements(windows.shape, bindings) * int(math.prod(node.attrs["window"]))


def _index(node: Node, bindings: Bindings) -> int:
    return elements(node.inputs[1].shape, bindings) if node.op == "scatter_add" else 0


_FLOPS: dict[str, Callable[[Node, Bindings], int]] = {
    "pointwise": _pointwise,
    "reduce": _reduce,
    "contraction": _contraction,
    "window": _window,
    "index": _index,
}


def cost(node: Node, bindings: Bindings) -> Cost:
    """The cost of one node, its inputs' own costs excluded; `bindings` are the symbols' values."""
    if node.op in _FREE:
        return Cost(0, 0)
    if node.op == "scan":
        body = toposort(node.attrs["body"].outputs)
        step = sum((cost(inner, bindings) for inner in body), Cost(0, 0))
        return step * evaluate(node.attrs["length"], bindings)
    flops = _FLOPS.get(OPS[node.op].family)
    # A gather reads as much of its values as it gives.
    read = (node, node.inputs[1]) if node.op == "gather" else dict.fromkeys(node.inputs)
    moved = _bytes(node, bindings) + sum(_bytes(x, bindings) for x in read)
    return Cost(flops(node, bindings) if flops else 0, moved)


def _bytes(node: Node, bindings: Bindings) -> int:
    while node.op == "broadcast":  # repeats a value that is in memory once
        node = node.inputs[0]
    return elements(node.shape, bindings) * np.dtype(node.dtype).itemsize
