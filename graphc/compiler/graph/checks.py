"""Sizes that have to fit, at construction where they are known and at the call where they are not.

A shape rule states what it needs through a `SizeChecks`. Known sizes that disagree are an error at
once. A claim about symbols is kept: `graphc.function` runs the shape rules of its graph again to
collect the claims and tests them at each call, when the symbols are bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphc.compiler.graph.dim import Dim, Size, Symbol, evaluate, minimum_value, symbols
from graphc.compiler.graph.origin import current_origin
from graphc.errors import ShapeError

MOST_POSITIONS = 2**31
"""Of an axis whose positions are int32."""


@dataclass(frozen=True)
class SizeClaim:
    """``left == right`` or ``left >= right``, to be tested once the symbols are bound."""

    left: Size
    relation: str
    right: Size
    what: str

    def test(self, bindings: Mapping[Symbol, int]) -> None:
        """Raise ShapeError where the claim does not hold.

        A symbol that no input has is bound to nothing: a claim about it says nothing of this call.
        """
        if not all(one in bindings for size in (self.left, self.right) for one in symbols(size)):
            return
        left, right = evaluate(self.left, bindings), evaluate(self.right, bindings)
        if left == right if self.relation == "==" else left >= right:
            return
        raise ShapeError(
            f"{self.what}: needs {self.left} {self.relation} {self.right}, received "
            f"{_value(self.left, left)} and {_value(self.right, right)}"
        )


def _value(size: Size, value: int) -> str:
    return f"{size} = {value}" if isinstance(size, Dim) else str(value)


class SizeChecks:
    """Collects claims; refuses at once what can never hold.

    What a claim is about is given as a format with its values (`str.format`): most claims hold at
    once, and text is made for the others alone.
    """

    def __init__(self) -> None:
        self.claims: list[SizeClaim] = []

    def equal(self, left: Size, right: Size, what: str, *values: object) -> Size:
        """Both sizes are one; returns the more definite of the two."""
        if left == right:
            return left
        about = what.format(*values)
        if isinstance(left, int) and isinstance(right, int):
            fail(f"{about}: sizes differ, {left} and {right}")
        self.claims.append(SizeClaim(left, "==", right, _located(about)))
        return right if isinstance(right, int) else left

    def at_least(self, size: Size, bound: Size, what: str, *values: object) -> None:
        """``size >= bound``."""
        gap = size - bound
        least = minimum_value(gap)
        if least is not None and least >= 0:
            return
        about = what.format(*values)
        if isinstance(gap, int):
            fail(f"{about}: needs at least {bound}, received {size}")
        self.claims.append(SizeClaim(size, ">=", bound, _located(about)))

    def at_most(self, size: Size, bound: int, what: str, *values: object) -> None:
        """``size <= bound``."""
        if isinstance(size, int):
            if size > bound:
                fail(f"{what.format(*values)}: needs at most {bound}, received {size}")
            return
        self.claims.append(SizeClaim(bound, ">=", size, _located(what.format(*values))))


def _located(message: str) -> str:
    where = current_origin()
    return f"{where}: {message}" if where is not None else message


def fail(message: str) -> None:
    """Raise a ShapeError that names the layer at work."""
    raise ShapeError(_located(message))
