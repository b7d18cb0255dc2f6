"""Reductions: how what is carried and one more value become what is carried on."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from graphc.compiler.interpret import NUMPY
from graphc.compiler.loops.reduction import NO_PLACE, REDUCTIONS, Reduction

Carried: TypeAlias = tuple[Any, ...]
"""The values that a reduction carries: one, or several."""

Combination: TypeAlias = Callable[[Carried, Carried], Carried]
"""A function of what is carried, and as much of a new value."""


def combination(name: str) -> Combination:
    """Return a reduction as a function of what is carried and a new value."""
    reduction = REDUCTIONS[name]
    if reduction.is_placed:
        return _better_pair(reduction)
    if name in _JOINT:
        return _JOINT[name]
    combine = NUMPY[reduction.combine]
    return lambda carried, value: (combine({}, carried[0], value[0])[()],)


def _better_pair(reduction: Reduction) -> Combination:
    """Return a reduction that carries places as a function of two pairs: NaN goes before all, of
    ties the first place."""
    is_better = operator.gt if reduction.combine == "maximum" else operator.lt

    def better(carried: Carried, new: Carried) -> Carried:
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


def _exp_sum(carried: Carried, new: Carried) -> Carried:
    """Return the larger of two values, and the sums that were made from each, made from that one;
    without inf - inf."""
    largest = NUMPY["maximum"]({}, carried[0], new[0])[()]
    total = new[1] * 0
    for one, part in (carried, new):
        total = total + (part if one == largest else part * NUMPY["exp"]({}, one - largest)[()])
    return largest, total


def _moments(carried: Carried, new: Carried) -> Carried:
    """Return how many values there are in two sets, their mean, and the sum of their squared
    differences from it."""
    (ours, mean, squares), (theirs, other, more) = carried, new
    if ours == 0 or theirs == 0:
        return new if ours == 0 else carried
    count, difference = ours + theirs, other - mean
    share = theirs / count
    return (
        count,
        mean + difference * share,
        squares + more + difference * difference * (ours * share),
    )


_JOINT: dict[str, Combination] = {"exp_sum": _exp_sum, "moments": _moments}
