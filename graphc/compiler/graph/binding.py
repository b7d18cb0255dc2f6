"""From the arrays of a call to the values of the symbols in its inputs' shapes."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from graphc.compiler.graph.checks import SizeClaim
from graphc.compiler.graph.dim import (
    Dim,
    FloorQuotient,
    Size,
    Symbol,
    evaluate,
    minimum_value,
    substitute,
    symbols,
)
from graphc.compiler.graph.equations import settle
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.origin import label
from graphc.errors import DataError, ShapeError

_MOST = 1 << 62
"""Where the search for a symbol's value ends."""
_MOST_REMAINDERS = 1 << 12
"""Of so many remainders each is searched."""


def bind(inputs: Sequence[Node], arrays: Sequence[np.ndarray]) -> dict[Symbol, int]:
    """Return the value of each symbol in the shapes of the inputs, given an array for each input.

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
    """Sizes such as ``2*n + 1``: each gives the value of its one unknown symbol, or is checked.
    Where each has several, as ``n + m`` and ``n - m``, they are equations."""
    while waiting:
        unsolved, doubts = [], []
        root: int | str
        for size, value, where in waiting:
            known = substitute(size, bound)
            unknown = symbols(known)
            if not unknown:
                _agree(size, evaluate(known, bound), value, where, "")
                continue
            if len(unknown) == 1:
                what = f"{where}: received {value}, which {size} is for"
                root = _root(known, unknown[0], value, what, _given(size, bound))
            else:
                root = f"{where}: the size {size} does not determine "
                root += " and ".join(map(str, unknown))
            if isinstance(root, int):
                bound[unknown[0]] = root
            else:
                unsolved.append((size, value, where))
                doubts.append(root)
        if len(unsolved) == len(waiting):
            claims = [
                SizeClaim(substitute(size, bound), "==", value, where)
                for size, value, where in unsolved
            ]
            found = {one: by for one, by in settle(claims, ()).items() if isinstance(by, int)}
            if not found:
                raise ShapeError(
                    f"{doubts[0]}; give another input a shape that has an unknown size as one of "
                    "its own"
                )
            bound.update(found)
        waiting = unsolved


def _given(size: Dim, bound: dict[Symbol, int]) -> str:
    values = ", ".join(f"{found} = {bound[found]}" for found in symbols(size) if found in bound)
    return f" ({values})" if values else ""


def _root(known: Size, one: Symbol, value: int, what: str, given: str) -> int | str:
    """The value of the one unknown symbol, at least 1, for which a size is `value`; or, in words,
    why it is not determined. ShapeError where there is none."""
    # A quotient by d of an integer polynomial moves by another one where the symbol moves by d, so
    # that among the values with one remainder a size mostly grows, or falls, all the way.
    stride = _period(known)
    step = substitute(known, {one: Dim((((one,), 1),)) + stride}) - known
    sign = 1 if _is_never_negative(step) else -1 if _is_never_negative(-step) else 0
    if not sign or stride > _MOST_REMAINDERS:
        return f"{what} a {one} that cannot be worked out{given}"
    roots = []
    for first in range(1, stride + 1):

        def at(turn: int, first: int = first) -> int:
            return sign * evaluate(known, {one: first + turn * stride})

        most = 1
        while at(most) < sign * value and most < _MOST:
            most *= 2
        turn = bisect_left(range(most), sign * value, key=at)
        roots += [first + k * stride for k in (turn, turn + 1) if at(k) == sign * value]
    if not roots:
        raise ShapeError(f"{what} no {one}{given}")
    if len(roots) > 1:
        return f"{what} {' and for '.join(f'{one} = {root}' for root in sorted(roots)[:2])}{given}"
    return roots[0]


def _is_never_negative(size: Size) -> bool:
    least = minimum_value(size)
    return least is not None and least >= 0


def _period(size: Size) -> int:
    """By how much a symbol moves so that quotients by numbers move by whole polynomials."""
    quotients = [
        atom
        for atoms, _ in (size.terms if isinstance(size, Dim) else ())
        for atom in atoms
        if isinstance(atom, FloorQuotient)
    ]
    return math.lcm(
        *[
            _period(one.numerator) * (one.denominator if isinstance(one.denominator, int) else 1)
            for one in quotients
        ]
    )
