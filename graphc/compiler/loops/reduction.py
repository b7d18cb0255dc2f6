"""The reductions of a loop program: what each starts from, and how two parts become one.

They are those of the graph. argmax and argmin carry a pair: the best value, and its place in the
order of the walk, -1 as long as there is none.
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
        combine: the op of the graph that makes one value of two; of a pair, of the best value.
        identity: returns what it starts from, of a dtype.
        is_placed: True if it carries the place of its value too.
    """

    combine: str
    identity: Callable[[str], Number]
    is_placed: bool = False


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


REDUCTIONS: dict[str, Reduction] = {
    "sum": Reduction("add", _zero),
    "prod": Reduction("mul", _one),
    "max": Reduction("maximum", _lowest),
    "min": Reduction("minimum", _highest),
    "any": Reduction("logical_or", lambda dtype: False),
    "all": Reduction("logical_and", lambda dtype: True),
    "argmax": Reduction("maximum", _lowest, is_placed=True),
    "argmin": Reduction("minimum", _highest, is_placed=True),
}
"""By the name of the op of the graph."""

NO_PLACE = -1
"""The place of a pair that has no value yet."""
