"""Activation functions: node -> node of the same shape."""

from __future__ import annotations

import logging
from collections.abc import Callable

from graphc import backend as K
from graphc.compiler.graph import Node, current_origin
from graphc.errors import ShapeError
from graphc.lookup import get_function
from graphc.public.calls import public

_log = logging.getLogger("graphc")

Activation = Callable[[Node], Node]

GivenActivation = str | Activation | None
"""An activation as users give it: a key of `ACTIVATIONS`, a function, or None for `linear`."""


def softmax(x: Node) -> Node:
    """exp(x) / sum(exp(x)) over the last axis of (samples, classes) or (samples, time, classes).

    Raises:
        ShapeError: another number of axes.
    """
    if K.ndim(x) not in (2, 3):
        layer = current_origin()
        raise ShapeError(
            f"{f'{layer}: ' if layer else ''}softmax: expected (samples, classes) or (samples, "
            f"time, classes), received the shape {K.shape(x)}"
        )
    if x.shape[-1] == 1:
        layer = current_origin()
        _log.warning(
            "%ssoftmax over one class is always 1, and nothing trains through it; for one output "
            "that is yes or no use sigmoid, with binary_crossentropy",
            f"{layer}: " if layer else "",
        )
    return K.softmax(x)


def elu(x: Node, alpha: float = 1.0) -> Node:
    """x where it is positive, else alpha * (exp(x) - 1)."""
    return K.elu(x, alpha)


def softplus(x: Node) -> Node:
    """log(1 + exp(x))."""
    return K.softplus(x)


def softsign(x: Node) -> Node:
    """x / (1 + |x|)."""
    return K.softsign(x)


def relu(x: Node, alpha: object = 0.0, max_value: object = None) -> Node:
    """x where it is positive, else alpha * x; at most max_value. See `backend.relu`."""
    return K.relu(x, alpha=alpha, max_value=max_value)


def tanh(x: Node) -> Node:
    """The hyperbolic tangent."""
    return K.tanh(x)


def sigmoid(x: Node) -> Node:
    """1 / (1 + exp(-x))."""
    return K.sigmoid(x)


def hard_sigmoid(x: Node) -> Node:
    """0.2 x + 0.5 between 0 and 1."""
    return K.hard_sigmoid(x)


def linear(x: Node) -> Node:
    """x itself."""
    return x


ACTIVATIONS: dict[str, Activation] = {
    function.__name__: function
    for function in (
        *(softmax, elu, softplus, softsign, relu, tanh, sigmoid, hard_sigmoid, linear),
    )
}


def get(identifier: GivenActivation) -> Activation:
    """An activation by its name; a function is returned as it is, and None is `linear`.

    Raises:
        UnknownNameError: the name is not in `ACTIVATIONS`.
        ArgumentError: neither a name nor a function.
    """
    if identifier is None:
        return linear
    return get_function("activation", identifier, ACTIVATIONS, {"identity": "linear"})


public(__name__)
