"""From the arrays of a call to the values of the symbols in its inputs' shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.compiler.graph.dim import Dim, Size, Symbol, evaluate, substitute, symbols
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.origin import label
from graphc.errors import DataError, ShapeError


def bind(inputs: Sequence[Node], arrays: Sequence[np.ndarray]) -> dict[Symbol, int]:
    """What each symbol in the shapes of the inputs is, given an array for each input.

    Raises ShapeError for a rank or size that does not fit, naming the input and axis, and the
    input that gave a symbol its value; DataError for an axis without elements.
    """
    bound: dict[Symbol, int] = {}
    source: dict[Symbol, str] = {}
    waiting: list[tuple[Dim, int, str]] = []
    for node, array in zip(inputs, arrays, strict=True):
        shape = np.shape(array)
        if len(shape) != len(node.shape):
            raise ShapeError(
                f"{label(node)}: expected {len(node.shape)} axes, received {len(shape)}: "
                f"shape {shape}"
            )
        for axis, (size, value) in enumerate(zip(node.shape, shape, strict=True)):
            where = f"axis {axis} of {label(node)}"
            if value == 0:
                raise DataError(f"{where} is empty: received an array of shape {shape}")
            lone = lone_symbol(size)
            if lone is not None and lone not in bound:
                bound[lone], source[lone] = value, where
            elif lone is not None:
                _agree(size, bound[lone], value, where, f" by {source[lone]}")
            elif isinstance(size, Dim):
                waiting.append((size, value, where))
            else:
                _agree(size, size, value, where, "")
    _solve(waiting, bound)
    return bound


def lone_symbol(size: Size) -> Symbol | None:
    """The symbol that a size is, without a factor or a summand."""
    if not isinstance(size, Dim) or len(size.terms) != 1:
        return None
    ((atoms, factor),) = size.terms
    return atoms[0] if factor == 1 and len(atoms) == 1 and isinstance(atoms[0], Symbol) else None


def _agree(size: Size, expected: int, received: int, where: str, by: str) -> None:
    if expected != received:
        named = f"{size} = {expected}{by}" if isinstance(size, Dim) else str(expected)
        raise ShapeError(f"{where}: expected {named}, received {received}")


def _solve(waiting: list[tuple[Dim, int, str]], bound: dict[Symbol, int]) -> None:
    """Sizes such as ``2*n + 1``: each gives the value of its one unknown symbol, or is checked."""
    while waiting:
        rest = []
        for size, value, where in waiting:
            known = substitute(size, bound)
            unknown = symbols(known)
            if not unknown:
                _agree(size, evaluate(known, bound), value, where, "")
            elif len(unknown) == 1:
                (one,) = unknown
                refusal = f"{where}: received {value}, which {size} is for no {one}"
                bound[one] = _root(known, one, value, refusal + _given(size, bound))
            else:
                rest.append((size, value, where))
        if len(rest) == len(waiting):
            size, _, where = rest[0]
            names = " and ".join(map(str, symbols(substitute(size, bound))))
            raise ShapeError(
                f"{where}: the size {size} does not determine {names}; give another input a shape "
                "that has one of them as a size of its own"
            )
        waiting = rest


def _given(size: Dim, bound: dict[Symbol, int]) -> str:
    values = ", ".join(f"{found} = {bound[found]}" for found in symbols(size) if found in bound)
    return f" ({values})" if values else ""


def _root(known: Size, unknown: Symbol, value: int, refusal: str) -> int:
    """The value of the one unknown symbol, at least 1, for which a linear size is `value`."""
    at_one, at_two = evaluate(known, {unknown: 1}), evaluate(known, {unknown: 2})
    slope = at_two - at_one
    root = 1 + (value - at_one) // slope if slope else 0
    if root < 1 or evaluate(known, {unknown: root}) != value:
        raise ShapeError(refusal)
    return root
