"""Reductions: how what is carried and one more value become what is carried on."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from graphc.compiler.interpret import NUMPY
from graphc.compiler.loops.reduction import NO_PLACE, REDUCTIONS

Combination: TypeAlias = Callable[[list[Any], list[Any]], list[Any]]


def combination(name: str) -> Combination:
    """Return a reduction as a function of what is carried and of what is new."""
    reduction = REDUCTIONS[name]
    if not reduction.is_placed:
        combine = NUMPY[reduction.combine]
        return lambda old, new: [combine({}, old[0], new[0])[()]]
    is_better = operator.gt if name == "argmax" else operator.lt

    def better_pair(old: list[Any], new: list[Any]) -> list[Any]:
        """NaN goes before all; of ties the first place."""
        (best, place), (value, new_place) = old, new
        if NO_PLACE in (place, new_place):
            return old if new_place == NO_PLACE else new
        if np.isnan(best) or np.isnan(value):
            better = np.isnan(value) and not np.isnan(best)
            tie = np.isnan(value) and np.isnan(best)
        else:
            better, tie = is_better(value, best), value == best
        return new if better or (tie and new_place < place) else old

    return better_pair
