"""Checks of the dtypes of a call's arguments (`bind` checks their shapes)."""

from __future__ import annotations

import numpy as np

from graphc.compiler.graph import DTYPES, Node, label, refuse_foreign_array
from graphc.errors import DTypeError

_NATIVE_DTYPES = {name: np.dtype(name) for name in DTYPES}
"""The dtypes of arrays that need no conversion: those in this machine's byte order."""


def checked_feed(node: Node, value: object, name: str) -> np.ndarray:
    """Return the argument of a call as an array of the input's dtype.

    Args:
        node: the input.
        value: an array of its dtype; or a Python number or a list, which are converted, except
            from float to int.
        name: the name of the function, for messages.

    Raises:
        DTypeError: another dtype, or a number out of range.
    """
    if type(value) is np.ndarray and value.dtype == _NATIVE_DTYPES[node.dtype]:
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.name != node.dtype:
            raise DTypeError(
                f"{name}: {label(node)}: expected dtype {node.dtype}, received {value.dtype.name}; "
                f"convert with .astype({node.dtype!r})"
            )
        return np.asarray(value, node.dtype)  # a copy only from another byte order
    return _from_python(node, value, name)


def _from_python(node: Node, value: object, name: str) -> np.ndarray:
    if isinstance(value, Node):
        raise DTypeError(
            f"{name}: {label(node)}: expected an array, received the node {value!r}; put nodes in "
            "through `givens`"
        )
    refuse_foreign_array(value, f"{name}: {label(node)}")
    array = np.asarray(value)
    weak = isinstance(value, bool | int | float | list | tuple)
    kinds = {"bool": "b", "float32": "biuf", "float64": "biuf"}.get(node.dtype, "biu")
    if array.dtype.kind not in kinds or not (weak or array.dtype.name == node.dtype):
        raise DTypeError(
            f"{name}: {label(node)}: expected dtype {node.dtype}, received {array.dtype.name} "
            f"({type(value).__name__})"
        )
    if np.dtype(node.dtype).kind in "iu" and array.size:
        limits = np.iinfo(node.dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise DTypeError(
                f"{name}: {label(node)}: expected numbers from {limits.min} to {limits.max}, "
                f"received {array.min()} to {array.max()}"
            )
    return array.astype(node.dtype)
