"""Python's operators on nodes, installed here so that the node itself knows no operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from graphc.compiler.graph import contraction, movement, pointwise, state
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


Node.__neg__ = pointwise.neg
Node.__abs__ = pointwise.abs
Node.__invert__ = pointwise.logical_not
Node.__lt__ = pointwise.less
Node.__le__ = pointwise.less_equal
Node.__gt__ = pointwise.greater
Node.__ge__ = pointwise.greater_equal
Node.__getitem__ = movement.index
Node.__iter__ = _iterate
Node.T = property(movement.transpose)
Node.get_value = state.get_value
Node.set_value = state.set_value
