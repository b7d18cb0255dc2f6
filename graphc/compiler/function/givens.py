"""Replacements of nodes by other values of their type and their sizes: a function's `givens`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.compiler.graph import (
    Node,
    as_node,
    cast,
    label,
    promote,
    reshape,
    substitute,
)
from graphc.compiler.graph.checks import SizeChecks
from graphc.errors import DTypeError, ShapeError

Pairs = Mapping[Node, object] | Sequence[tuple[Node, object]]


def pairs_of(pairs: Pairs | None) -> list[tuple[Node, object]]:
    """(node, value) pairs as a list, however they were given."""
    if pairs is None:
        return []
    return list(pairs.items()) if isinstance(pairs, Mapping) else [(a, b) for a, b in pairs]


def of_type(
    value: object, shape: tuple[Any, ...], dtype: str, what: str, checks: SizeChecks
) -> Node:
    """The value as a node of a type; ints may become floats, nothing loses precision.

    That sizes of the two shapes are equal is claimed through `checks`.
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
    return reshape(cast(node, dtype), shape)


def apply_givens(
    roots: list[Node], givens: Pairs | None, name: str, checks: SizeChecks
) -> list[Node]:
    """The roots with nodes replaced.

    What is read keeps the shape as which it was read, so that the rest of the graph, the bodies of
    loops too, stays as it was made; that both sizes are one is claimed through `checks`.
    """
    replacement: dict[Node, Node] = {}
    for old, new in pairs_of(givens):
        if not isinstance(old, Node):
            raise DTypeError(f"{name}: givens replace nodes, received {old!r} to be replaced")
        what = f"{name}: what givens put for {label(old)}"
        replacement[old] = of_type(new, old.shape, old.dtype, what, checks)
    return substitute(roots, replacement)
