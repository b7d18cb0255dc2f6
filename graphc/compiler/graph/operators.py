"""Python's operators on nodes, and how notebooks show them.

Installed here so that the node itself knows no operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from graphc.compiler.graph import contraction, drawing, movement, pointwise, state
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


_OTHERS = {
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
