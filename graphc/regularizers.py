"""Penalties that a model adds to its training loss.

A layer tells a regularizer what it watches (`set_param`, `set_layer`); the model then calls it with
the loss. The penalty counts in training only: losses of evaluation and validation carry none.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError
from graphc.lookup import finite_number, get_instance


class Regularizer:
    """Base: adds nothing."""

    def set_param(self, p: Node) -> None:
        """Watch a weight."""

    def set_layer(self, layer: object) -> None:
        """Watch the output of a layer."""

    def __call__(self, loss: Node) -> Node:
        """The loss with the penalty, in training; the loss itself in testing."""
        return loss

    def get_config(self) -> dict:
        """The class name and the arguments."""
        return {"name": type(self).__name__}


class WeightRegularizer(Regularizer):
    """l1 sum(|p|) + l2 sum(p^2) of a weight p."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = finite_number(type(self).__name__, "l1", l1)
        self.l2 = finite_number(type(self).__name__, "l2", l2)
        self.p: Node | None = None

    def set_param(self, p: Node) -> None:
        self.p = p

    def __call__(self, loss: Node) -> Node:
        if self.p is None:
            raise ArgumentError("a WeightRegularizer needs set_param(weight) before it is called")
        penalised = loss
        if self.l1:
            penalised = penalised + self.l1 * K.sum(K.abs(self.p))
        if self.l2:
            penalised = penalised + self.l2 * K.sum(K.square(self.p))
        return K.in_train_phase(penalised, loss)

    def get_config(self) -> dict:
        return {"name": type(self).__name__, "l1": self.l1, "l2": self.l2}


class ActivityRegularizer(Regularizer):
    """l1 sum(mean(|o|)) + l2 sum(mean(o^2)) of a layer's output o, the means over samples."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = finite_number(type(self).__name__, "l1", l1)
        self.l2 = finite_number(type(self).__name__, "l2", l2)
        self.layer: object | None = None

    def set_layer(self, layer: object) -> None:
        self.layer = layer

    def __call__(self, loss: Node) -> Node:
        if self.layer is None:
            raise ArgumentError("an ActivityRegularizer needs set_layer(layer) before it is called")
        output = self.layer.output
        penalised = loss
        if self.l1:
            penalised = penalised + self.l1 * K.sum(K.mean(K.abs(output), axis=0))
        if self.l2:
            penalised = penalised + self.l2 * K.sum(K.mean(K.square(output), axis=0))
        return K.in_train_phase(penalised, loss)

    def get_config(self) -> dict:
        return {"name": type(self).__name__, "l1": self.l1, "l2": self.l2}


def l1(l: float = 0.01) -> WeightRegularizer:  # noqa: E741  (the name in Keras' signature)
    """The penalty l sum(|p|) of a weight."""
    return WeightRegularizer(l1=l)


def l2(l: float = 0.01) -> WeightRegularizer:  # noqa: E741
    """The penalty l sum(p^2) of a weight."""
    return WeightRegularizer(l2=l)


def l1l2(l1: float = 0.01, l2: float = 0.01) -> WeightRegularizer:
    """The penalty l1 sum(|p|) + l2 sum(p^2) of a weight."""
    return WeightRegularizer(l1=l1, l2=l2)


def activity_l1(l: float = 0.01) -> ActivityRegularizer:  # noqa: E741
    """The penalty l sum(mean(|o|)) of an output."""
    return ActivityRegularizer(l1=l)


def activity_l2(l: float = 0.01) -> ActivityRegularizer:  # noqa: E741
    """The penalty l sum(mean(o^2)) of an output."""
    return ActivityRegularizer(l2=l)


def activity_l1l2(l1: float = 0.01, l2: float = 0.01) -> ActivityRegularizer:
    """The penalty l1 sum(mean(|o|)) + l2 sum(mean(o^2)) of an output."""
    return ActivityRegularizer(l1=l1, l2=l2)


REGULARIZERS: dict[str, Callable[..., Regularizer]] = {
    maker.__name__: maker
    for maker in (
        WeightRegularizer,
        ActivityRegularizer,
        l1,
        l2,
        l1l2,
        activity_l1,
        activity_l2,
        activity_l1l2,
    )
}


def get(
    identifier: str | Mapping | Regularizer | None, kwargs: Mapping | None = None
) -> Regularizer | None:
    """A regularizer by its name or its config; None stays None.

    Users' own are objects with `set_param` or `set_layer`, called with the loss; they need not
    derive from `Regularizer`. An object given is copied, so one that is shared by two weights
    penalises both.

    Raises:
        UnknownNameError: the name is not in `REGULARIZERS`.
        ArgumentError: neither a name, a config, a regularizer nor None.
    """
    regularizer = get_instance("regularizer", identifier, REGULARIZERS, kwargs)
    if regularizer is None:
        return None
    told = hasattr(regularizer, "set_param") or hasattr(regularizer, "set_layer")
    if isinstance(regularizer, type) or not (callable(regularizer) and told):
        raise ArgumentError(
            "expected a regularizer (e.g. l2(0.01), or an object with set_param or set_layer that "
            f"is called with the loss), its name or None, received {identifier!r}"
        )
    return copy.copy(regularizer)
