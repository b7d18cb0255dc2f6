"""Predicates of constant nodes, for passes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.compiler.graph import Node, ops_with

_LARGEST = 64  # elements: a constant is text in the kernels

STRETCHED = ops_with(lambda traits: traits.keeps_elements) | {"cast"}
"""The ops of one number, at all positions, of an operand that is one number at all positions."""
SCALARS = STRETCHED | {"constant"}
"""The ops of nodes that may have a `scalar_value`."""


def is_small(shape: tuple[Any, ...]) -> bool:
    """Few enough elements, whatever the call, to be kept as a constant."""
    sizes = [size for size in shape if isinstance(size, int)]
    return len(sizes) == len(shape) and math.prod(sizes) <= _LARGEST


def scalar_value(node: Node) -> int | float | bool | None:
    """The number that every element of a node is known to be, or None.

    Looks through `STRETCHED`, where casts preserve the value, at a constant of one element.
    """
    dtypes = []
    while node.op in STRETCHED:
        if node.op == "cast":
            dtypes.append(node.dtype)
        node = node.inputs[0]
    if node.op != "constant" or node.attrs["value"].size != 1:
        return None
    value = node.attrs["value"].reshape(())
    for dtype in reversed(dtypes):
        with np.errstate(all="ignore"):
            converted = value.astype(dtype)
        if converted != value:
            return None
        value = converted
    number: int | float | bool = value.item()
    return number


def any_constant(node: Node) -> bool:
    """A node whose elements are all one known number."""
    return scalar_value(node) is not None
