"""The methods of Theano's tensors that programs for Keras call, on nodes: ``x.mean(axis=1)``, and
TensorFlow's `get_shape`."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backend import tensors as K
from graphc.backend.functions import function
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, AttributeMissingError, DTypeError, suggestion

Axis = int | Sequence[int] | None


def argmax(x: g.Node, axis: int | None = None) -> g.Node:
    """The position of the first largest element along an axis, or among all."""
    return K.argmax(K.flatten(x) if axis is None else x, -1 if axis is None else axis)


def argmin(x: g.Node, axis: int | None = None) -> g.Node:
    """The position of the first smallest element along an axis, or among all."""
    return K.argmin(K.flatten(x) if axis is None else x, -1 if axis is None else axis)


def flatten(x: g.Node, ndim: int = 1) -> g.Node:
    """The last axes as one, so that `ndim` are left."""
    if not 1 <= ndim <= x.ndim:
        raise ArgumentError(f"flatten: ndim: expected 1 to {x.ndim}, received {ndim}")
    return g.reshape(x, (*x.shape[: ndim - 1], -1))


def reshape(x: g.Node, *shape: Any) -> g.Node:
    """The same elements in another shape, given as one tuple or as sizes."""
    return g.reshape(x, _one_or_several(shape))


def transpose(x: g.Node, *axes: Any) -> g.Node:
    """Axis i of the result is axes[i]; without axes all are reversed."""
    return g.transpose(x, _one_or_several(axes) or None)


def dimshuffle(x: g.Node, *pattern: Any) -> g.Node:
    """The axes in another order, with a new one of size 1 for each 'x'; those left out are of
    size 1."""
    order = _one_or_several(pattern)
    kept = [axis for axis in order if axis != "x"]
    dropped = [axis for axis in range(x.ndim) if axis not in kept]
    y = g.transpose(x, [*kept, *dropped])
    y = g.squeeze(y, list(range(len(kept), x.ndim))) if dropped else y
    for position, axis in enumerate(order):
        if axis == "x":
            y = g.expand_dims(y, position)
    return y


def repeat(x: g.Node, repeats: int, axis: int | None = None) -> g.Node:
    """Each element `repeats` times in a row along an axis, or of all in one axis."""
    return g.repeat(K.flatten(x) if axis is None else x, repeats, axis or 0)


def norm(x: g.Node, L: float, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """The L-norm over axes."""
    return K.pow(K.sum(K.pow(K.abs(x), L), axis, keepdims), 1.0 / L)


class StaticShape(tuple[int | None, ...]):
    """The sizes of a tensor, None where only a call knows, as TensorFlow's tensors give them."""

    def as_list(self) -> list[int | None]:
        """Return the sizes as a list."""
        return list(self)

    @property
    def ndims(self) -> int:
        """The number of axes."""
        return len(self)


def get_shape(x: g.Node) -> StaticShape:
    """The sizes as ints, with None for what only a call knows, as `K.int_shape` gives them."""
    return StaticShape(size if isinstance(size, int) else None for size in x.shape)


def get_value(x: g.Node, borrow: bool = False, return_internal_type: bool = False) -> np.ndarray:
    """A copy of a shared variable's value, whatever is borrowed. DTypeError for an expression, and
    for `return_internal_type`, as there is no other type."""
    if return_internal_type:
        raise DTypeError("get_value: return_internal_type: expected False, received True")
    return g.get_value(x)


def set_value(x: g.Node, new_value: object, borrow: bool = False) -> None:
    """Replace a shared variable's value by a copy, whatever is borrowed."""
    g.set_value(x, new_value)


def evaluate(x: g.Node, inputs_to_values: Mapping[g.Node, object] | None = None) -> np.ndarray:
    """The value of an expression, by the values of the placeholders that it reads."""
    if x.op == "shared":
        return g.get_value(x)
    given = inputs_to_values or {}
    return function(list(given), [x])(list(given.values()))[0]


def _one_or_several(values: Sequence[Any]) -> Sequence[Any]:
    alone = len(values) == 1 and isinstance(values[0], list | tuple)
    return values[0] if alone else values


METHODS: dict[str, Callable[..., Any]] = {
    **{name: getattr(K, name) for name in ("sum", "mean", "max", "min", "prod", "std", "var")},
    **{name: getattr(K, name) for name in ("any", "all", "clip", "dot")},
    **{f.__name__: f for f in (argmax, argmin, flatten, reshape, transpose, dimshuffle)},
    **{f.__name__: f for f in (repeat, norm, get_shape)},
    "astype": K.cast,
    "round": K.round,
    "eval": evaluate,
    "get_value": get_value,
    "set_value": set_value,
}


def _missing(node: g.Node, name: str) -> Any:
    """The error for an attribute that nodes do not have, or a property's own error."""
    own = getattr(type(node), name, None)
    if isinstance(own, property) and own.fget is not None:
        return own.fget(node)
    if name.startswith("_"):
        raise AttributeError(name)
    known = [one for one in builtins.dir(type(node)) if not one.startswith("_")]
    raise AttributeMissingError(
        f"{g.label(node)}: a tensor here has no attribute {name!r}; K's functions (keras.backend) "
        f"take tensors. {suggestion(name, known)}"
    )


for _name, _method in {**METHODS, "__getattr__": _missing}.items():
    setattr(g.Node, _name, _method)
