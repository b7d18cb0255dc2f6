"""Reductions: how what is carried and one more value become what is carried on."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from graphc.compiler.interpret import NUMPY
from graphc.compiler.loops.reduction import NO_PLACE, Reduction

Pair: TypeAlias = tuple[Any, Any]
"""A value and its place."""


def combination(reduction: Reduction) -> Callable[[Any, Any], Any]:
    """Return a reduction as a function of what is carried and a new value."""
    combine = NUMPY[reduction.combine]
    return lambda carried, value: combine({}, carried, value)[()]


def better_pair(reduction: Reduction) -> Callable[[Pair, Pair], Pair]:
    """Return a reduction that carries places as a function of two pairs: NaN goes before all, of
    ties the first place."""
    is_better = operator.gt if reduction.combine == "maximum" else operator.lt

    def better(carried: Pair, new: Pair) -> Pair:
        (best, place), (value, new_place) = carried, new
        if NO_PLACE in (place, new_place):
            return carried if new_place == NO_PLACE else new
        if np.isnan(best) or np.isnan(value):
            is_ahead = np.isnan(value) and not np.isnan(best)
            is_tie = np.isnan(value) and np.isnan(best)
        else:
            is_ahead, is_tie = is_better(value, best), value == best
        return new if is_ahead or (is_tie and new_place < place) else carried

    return better
