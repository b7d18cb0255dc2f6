"""Python's operators on nodes, and how notebooks show them.

Installed here so that the node itself knows no operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from graphc.compiler.graph import drawing, state
from graphc.compiler.graph.expressions import contraction, movement, pointwise
from graphc.compiler.graph.node import Node
from graphc.errors import DTypeError


def _reflected(function: Callable[[object, object], Node]) -> Callable[[Node, object], Node]:
    return lambda self, other: function(other, self)


_BINARY = {
    "add": pointwise.add,
    "sub": pointwise.sub,
    "mul": pointwise.mul,
    "truediv": pointwise.div,
    "floordiv": pointwise.floordiv,
    "mod": pointwise.mod,
    "pow": pointwise.pow,
    "matmul": contraction.matmul,
    "and": pointwise.logical_and,
    "or": pointwise.logical_or,
    "xor": pointwise.logical_xor,
}

for _name, _function in _BINARY.items():
    setattr(Node, f"__{_name}__", _function)
    setattr(Node, f"__r{_name}__", _reflected(_function))


def _iterate(self: Node) -> Iterator[Node]:
    if self.ndim == 0 or not isinstance(self.shape[0], int):
        raise DTypeError(f"{self!r} cannot be iterated: the size of its axis 0 is not known")
    return (self[k] for k in range(self.shape[0]))


# NumPy's function for an operator with an array on the left -> the node's method for it.
_OF_UFUNC = {
    "add": "__radd__",
    "subtract": "__rsub__",
    "multiply": "__rmul__",
    "divide": "__rtruediv__",
    "floor_divide": "__rfloordiv__",
    "remainder": "__rmod__",
    "power": "__rpow__",
    "matmul": "__rmatmul__",
    "bitwise_and": "__rand__",
    "bitwise_or": "__ror__",
    "bitwise_xor": "__rxor__",
    "less": "__gt__",
    "less_equal": "__ge__",
    "greater": "__lt__",
    "greater_equal": "__le__",
}


_COMPARISONS = ("__gt__", "__ge__", "__lt__", "__le__")


def _array_ufunc(
    self: Node, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: Any
) -> object:
    """An array on the left of an operator leaves the operation to the node; ``array += node`` too,
    which rebinds the name. DTypeError for other functions of NumPy."""
    if ufunc in (np.equal, np.not_equal):
        return ufunc is np.not_equal  # nodes are equal to themselves alone
    name = _OF_UFUNC.get(ufunc.__name__)
    left = inputs[0]
    if name in _COMPARISONS and isinstance(left, np.ndarray) and not left.ndim:
        left = left[()]  # a scalar, of which NumPy makes an array for comparisons alone
    in_place = kwargs.keys() == {"out"} and kwargs["out"][0] is left
    if method == "__call__" and name and not isinstance(left, Node) and (in_place or not kwargs):
        return getattr(self, name)(left)
    function = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    raise DTypeError(
        f"np.{function}: {self!r} has no value before a function is called, and NumPy's functions "
        "take values; use K's on nodes, e.g. K.exp for np.exp, K.sum for np.sum"
    )


# What NumPy's functions of these names read is known before a call.
_KNOWN = ("shape", "ndim")


def _array_function(
    self: Node,
    function: Callable[..., object],
    types: object,
    arguments: tuple[Any, ...],
    keywords: dict[str, object],
) -> object:
    """The shape or the rank; DTypeError for all else. Without this NumPy would call a method of the
    node that has the function's name, with arguments of its own."""
    name = function.__name__
    if name in _KNOWN and arguments:
        return getattr(arguments[0], name)
    raise DTypeError(
        f"np.{name}: {self!r} has no value before a function is called, and NumPy's functions "
        "take values; use K's on nodes, e.g. K.exp for np.exp, K.sum for np.sum"
    )


_OTHERS = {
    "__array_ufunc__": _array_ufunc,
    "__array_function__": _array_function,
    "__neg__": pointwise.neg,
    "__abs__": pointwise.abs,
    "__invert__": pointwise.logical_not,
    "__lt__": pointwise.less,
    "__le__": pointwise.less_equal,
    "__gt__": pointwise.greater,
    "__ge__": pointwise.greater_equal,
    "__getitem__": movement.index,
    "__iter__": _iterate,
    "T": property(movement.transpose),
    "get_value": state.get_value,
    "set_value": state.set_value,
    "_repr_html_": lambda self: drawing.draw([self]),
}

for _name, _method in _OTHERS.items():
    setattr(Node, _name, _method)
