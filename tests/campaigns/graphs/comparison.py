"""Comparing what a target gives with what the evaluator knows."""

from __future__ import annotations

import numpy as np

from tests.campaigns.graphs.bounded import EXTENDED, Bounded, is_float


def fault(received: np.ndarray, expected: Bounded) -> str:
    """Return what is wrong with an array, in one line; empty where nothing is."""
    if (received.dtype.name, received.shape) != (expected.dtype, expected.shape):
        return (
            f"expected {expected.dtype} {expected.shape}, received {received.dtype} "
            f"{received.shape}"
        )
    with np.errstate(all="ignore"):
        if is_float(expected.dtype):
            ours, theirs = received.astype(EXTENDED), expected.value
            same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
            wrong = expected.known & ~same & ~(np.abs(ours - theirs) <= expected.error)
        else:
            wrong = expected.known & (received != expected.value)
    if not wrong.any():
        return ""
    first = tuple(int(k) for k in np.argwhere(wrong)[0])
    bound = f" within {expected.error[first]:.3g}" if is_float(expected.dtype) else ""
    return (
        f"{int(wrong.sum())} of {wrong.size} elements are wrong; at {first} expected "
        f"{_shown(expected.value[first])}{bound}, received {_shown(received[first])}"
    )


def _shown(value: object) -> str:
    return repr(float(value)) if isinstance(value, np.floating) else str(value)
