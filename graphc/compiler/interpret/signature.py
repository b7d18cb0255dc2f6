"""The signature of a row of the NumPy table: ``function(attrs, *arrays) -> array``.

`attrs` are the node's attributes with sizes worked out to ints. Arrays may be NumPy scalars where
the shape is (). A function never writes into its inputs, its result has the dtype that the op's
rule gives, and it runs under ``np.errstate(all="ignore")``: NaN and infinities are values here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Attrs = Mapping[str, Any]
Function = Callable[..., Any]


def ufunc(function: np.ufunc) -> Function:
    """The row of an op that NumPy computes alike, dtypes included."""

    def row(attrs: Attrs, *arrays: np.ndarray) -> np.ndarray:
        result: np.ndarray = function(*arrays)
        return result

    return row
