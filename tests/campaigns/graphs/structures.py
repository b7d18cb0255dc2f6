"""The operations that a graph is drawn from beside single ops: loops, gradients, updates of shared
variables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import Node
from graphc.errors import GradientError
from tests.campaigns.graphs.builder import FLOATS, Builder, Refused
from tests.campaigns.graphs.operations import INSIDE, Operation
from tests.campaigns.graphs.product_operations import conv, pooling

_DEEPEST = 2


def drawn_operation(b: Builder, table: Sequence[tuple[Operation, int]]) -> Operation:
    weights = np.array([weight for _, weight in table], float)
    return table[int(b.random.choice(len(table), p=weights / weights.sum()))][0]


def loop(b: Builder) -> tuple[Node, ...]:
    """A scan with one to three carries, sequences or none, stacked outputs; scans in its step."""
    carries = [b.taken(x) for x in _some(b, b.values(FLOATS, _small), 1, 2)]
    if b.coin(0.3):
        counter = g.constant(np.array(b.number(0, 3), "int32"))
        carries.append(counter)
    series = [b.taken(x) for x in _some(b, b.values(FLOATS, _steps), 0, 2)]
    length = None
    if series:
        steps = b.concrete(series[0].shape)[0]
        series = [x for x in series if b.concrete(x.shape)[0] == steps]
    else:
        length = b.one_of([size for size in b.vocabulary if b.concrete((size,))[0] <= 4])

    def step(held: tuple[Node, ...], slices: tuple[Node, ...]) -> tuple[list[Node], list[Node]]:
        inner = Builder(b.random, b.sizes, b.vocabulary, blind=True, depth=b.depth + 1)
        outer = [x for x in b.pool if _small(b.concrete(x.shape))]
        inner.pool = [*held, *slices, *(_some(b, outer, 0, 2) if outer else [])]
        grow(inner, b.number(1, 5))
        new = [_back(inner, x) for x in held]
        stacked = _some(inner, inner.pool[len(held) :], 0, 2) if len(inner.pool) > len(held) else []
        return new, stacked

    finals, stacks = g.scan(step, carries, series, length, b.coin(0.3))
    return (*finals, *stacks)


def _back(inner: Builder, carry: Node) -> Node:
    """A new value of a carry: of its shape and dtype, and of the step."""
    if carry.dtype == "int32":
        return carry + 1
    x = inner.shaped(carry.shape, carry.dtype)
    return g.tanh(x + carry * 0.5) if inner.coin(0.7) else x * 0.5 + carry


def _small(shape: tuple[int, ...]) -> bool:
    return len(shape) <= 3 and 0 not in shape and int(np.prod(shape)) <= 48


def _steps(shape: tuple[int, ...]) -> bool:
    return 0 < len(shape) <= 4 and 0 < shape[0] <= 6 and 0 not in shape


def _some(b: Builder, values: Sequence[Node], least: int, most: int) -> list[Node]:
    if len(values) < least:
        raise Refused
    count = b.number(least, min(most, len(values)))
    return [values[k] for k in b.random.choice(len(values), count, replace=False).tolist()]


def gradient(b: Builder) -> tuple[Node, ...]:
    """Gradients of a scalar by some of the floats that it reads; sometimes second ones."""
    x = b.taken(b.one_of([x for x in b.values(FLOATS) if x.inputs]))
    targets = [
        node
        for node in g.toposort([x])
        if node.dtype in FLOATS and node is not x and node.op in ("input", "shared", *_INNER)
    ]
    wrt = _some(b, targets, 1, 3)
    loss = g.sum(x * b.shaped(x.shape, x.dtype)) if b.coin(0.5) else g.mean(x)
    found = grad(loss, wrt, disconnected="zeros")
    if b.coin(0.25):
        again = [node for node in found if node.dtype == loss.dtype]
        if again:
            found += grad(g.sum(g.square(b.one_of(again))), wrt, disconnected="zeros")
    return tuple(found)


def gradient_of_windows(b: Builder) -> tuple[Node, ...]:
    """A convolution or a pooling with its gradients; sometimes with second ones."""
    found = b.one_of((conv, pooling, pooling))(b)
    if not found.inputs:
        raise Refused
    wrt = [x for x in g.toposort([found]) if x.dtype == found.dtype and x is not found][-3:]
    loss = g.sum(found * b.shaped(found.shape, found.dtype))
    first = grad(loss, wrt, disconnected="zeros")
    if b.coin(0.4):
        weighted = g.sum(first[-1] * g.sin(wrt[-1]))
        first += grad(weighted, wrt, disconnected="zeros")
    return (found, *first)


_INNER = ("add", "mul", "tanh", "matmul", "conv", "exp", "sub")


def grow(b: Builder, count: int) -> None:
    """Draw so many operations in a loop's step."""
    for _ in range(4 * count):
        if count <= 0:
            return
        chosen = drawn_operation(b, INSIDE)
        if b.depth < _DEEPEST and b.coin(0.08):
            chosen = loop
        if attempt(b, chosen):
            count -= 1


def attempt(b: Builder, operation: Operation) -> bool:
    """Draw an operation. Return False, and leave the pool as it was, for one that does not fit
    here."""
    read = set(b.read)
    try:
        found = operation(b)
        b.add(*(found if isinstance(found, tuple) else (found,)))
    except (Refused, GradientError):
        b.read = read
        return False
    return True
