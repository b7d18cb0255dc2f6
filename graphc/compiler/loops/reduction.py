"""The reductions of a loop program: what each starts from, and how two parts become one.

They are those of the graph, and two more. argmax and argmin carry a pair: the best value, and its
place in the order of the walk, -1 as long as there is none. exp_sum carries the largest x so far,
and the sum of ``exp(x - largest)``; one x is the pair (x, 1). moments carries how many x there are,
their mean, and the sum of their squared differences from it; one x is (1, x, 0). They are made by
a rewrite (`graphc.compiler.loops.rewrites.arithmetic.online`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Number = bool | int | float


@dataclass(frozen=True)
class Reduction:
    """A row of `REDUCTIONS`.

    Attributes:
        combine: the op of the graph that makes one value of two; of what carries several, of the
            first one.
        identity: returns what the first one starts from, of a dtype.
        is_placed: True if it carries the place of its value too.
        names: of what it carries.
        others: what the further ones start from.
    """

    combine: str
    identity: Callable[[str], Number]
    is_placed: bool = False
    names: tuple[str, ...] = ("total",)
    others: tuple[Number, ...] = ()

    def starts(self, dtype: str) -> tuple[Number, ...]:
        """Return what each of what it carries starts from, where the first one is of a dtype."""
        return (self.identity(dtype), *self.others)

    def dtypes(self, dtype: str) -> tuple[str, ...]:
        """Return the dtypes of what it carries, where the first one is of a dtype."""
        return (dtype, *("int32" if self.is_placed else dtype for _ in self.others))


def _lowest(dtype: str) -> Number:
    if np.dtype(dtype).kind == "f":
        return -np.inf
    return int(np.iinfo(dtype).min)


def _highest(dtype: str) -> Number:
    if np.dtype(dtype).kind == "f":
        return np.inf
    return int(np.iinfo(dtype).max)


def _zero(dtype: str) -> Number:
    return 0


def _one(dtype: str) -> Number:
    return 1


NO_PLACE = -1
"""The place of a pair that has no value yet."""

_PLACED = (True, ("best", "place"), (NO_PLACE,))

REDUCTIONS: dict[str, Reduction] = {
    "sum": Reduction("add", _zero),
    "prod": Reduction("mul", _one),
    "max": Reduction("maximum", _lowest),
    "min": Reduction("minimum", _highest),
    "any": Reduction("logical_or", lambda dtype: False),
    "all": Reduction("logical_and", lambda dtype: True),
    "argmax": Reduction("maximum", _lowest, *_PLACED),
    "argmin": Reduction("minimum", _highest, *_PLACED),
    "exp_sum": Reduction("maximum", _lowest, names=("largest", "total"), others=(0,)),
    "moments": Reduction("add", _zero, names=("count", "mean", "squares"), others=(0, 0)),
}
"""By the name of the op of the graph, but for the last two."""
