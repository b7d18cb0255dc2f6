"""What a function puts for nodes: values of their type, and what that says of open sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.graph import (
    Node,
    Size,
    Symbol,
    as_node,
    cast,
    label,
    promote,
    reshape,
    substitute,
)
from graphc.compiler.graph.binding import lone_symbol
from graphc.compiler.graph.checks import SizeChecks
from graphc.compiler.graph.dim import evaluate, symbols
from graphc.errors import DTypeError, ShapeError

Pairs = Mapping[Node, object] | Sequence[tuple[Node, object]]
GivenSizes = dict[Symbol, Size]
"""Symbols that no input has, and the sizes of what was put for the nodes that had them."""


def pairs_of(pairs: Pairs | None) -> list[tuple[Node, object]]:
    """(node, value) pairs as a list, however they were given."""
    if pairs is None:
        return []
    return list(pairs.items()) if isinstance(pairs, Mapping) else [(a, b) for a, b in pairs]


def of_type(value: object, shape: tuple, dtype: str, what: str, checks: SizeChecks) -> Node:
    """The value as a node of a type; ints may become floats, nothing loses precision.

    That symbols in the two shapes are equal is claimed through `checks`.
    """
    node = as_node(value) if isinstance(value, Node | np.ndarray) else as_node(value, dtype)
    if node.dtype != dtype and promote(node.dtype, dtype) != dtype:
        raise DTypeError(
            f"{what} has dtype {node.dtype}, expected {dtype}; cast(x, {dtype!r}) converts"
        )
    same = len(node.shape) == len(shape) and not any(
        isinstance(a, int) and isinstance(b, int) and a != b
        for a, b in zip(node.shape, shape, strict=True)
    )
    if not same:
        raise ShapeError(f"{what} has shape {node.shape}, expected {shape}")
    for axis, (received, expected) in enumerate(zip(node.shape, shape, strict=True)):
        about = "{}: axis {} of shapes {} and {}"
        checks.equal(received, expected, about, what, axis, node.shape, shape)
    return cast(node, dtype)


def apply_givens(
    roots: list[Node],
    givens: Pairs | None,
    inputs: Sequence[object],
    name: str,
    checks: SizeChecks,
) -> tuple[list[Node], GivenSizes]:
    """The roots with nodes replaced, and the sizes that `bind_given` takes from the replacements.

    What is read keeps its shape, so that the rest of the graph, the bodies of loops too, stays as
    it was made: a size there may be a symbol of the node that is gone.
    """
    replacement: dict[Node, Node] = {}
    for old, new in pairs_of(givens):
        if not isinstance(old, Node):
            raise DTypeError(f"{name}: givens replace nodes, received {old!r} to be replaced")
        what = f"{name}: what givens put for {label(old)}"
        replacement[old] = of_type(new, old.shape, old.dtype, what, checks)
    known = {
        symbol
        for node in inputs
        if isinstance(node, Node)
        for size in node.shape
        for symbol in symbols(size)
    }
    sizes: GivenSizes = {}
    for old, new in replacement.items():
        for axis, (size, received) in enumerate(zip(old.shape, new.shape, strict=True)):
            symbol = lone_symbol(size)
            if symbol is not None and symbol not in known and size != received:
                about = "{}: what givens put for {}: axis {} of shape {}"
                checks.at_least(received, 1, about, name, label(old), axis, new.shape)
                sizes.setdefault(symbol, received)
    known.update(sizes)
    for old, new in replacement.items():
        shape = [
            size if known.issuperset(symbols(size)) else received
            for size, received in zip(old.shape, new.shape, strict=True)
        ]
        replacement[old] = reshape(new, shape)
    return substitute(roots, replacement), sizes


def bind_given(sizes: GivenSizes, bound: dict[Symbol, int]) -> dict[Symbol, int]:
    """The values of the symbols of inputs, and of those whose sizes are said by them."""
    given = {
        symbol: evaluate(size, bound)
        for symbol, size in sizes.items()
        if bound.keys() >= set(symbols(size))
    }
    return {**bound, **given}
