"""Penalties that a model adds to its training loss.

In Keras 1.0 a layer gives a regularizer what it penalises (`set_param`, `set_layer`), and the model
then calls it with the loss, to which it adds the penalty. In Keras 1.2 a regularizer is a function
of a tensor, a weight or an output, that returns the penalty. Both work, whatever the flag `keras`;
those of graphc do the one or the other by whether they watch something. The penalty counts in
training only: losses of evaluation and validation carry none.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError, ShapeError
from graphc.lookup import finite_number, get_instance, true_or_false
from graphc.lookup import get_from_module as get_from_module
from graphc.public.calls import public
from graphc.releases import at_least, since

GivenRegularizer = str | Mapping[str, Any] | Callable[[Node], Node] | None
"""A penalty as users give it: a key of `REGULARIZERS`, a config, a `Regularizer` or another
callable (see `get`), or None for none."""

_POWER = 9  # of EigenvalueRegularizer
_LEAST = 1e-30  # what a length of 0 is divided by


class Regularizer:
    """Base: adds nothing."""

    def set_param(self, p: Node) -> None:
        """Watch a weight."""

    def set_layer(self, layer: object) -> None:
        """Watch the output of a layer."""

    def __call__(self, loss: Node) -> Node:
        """The loss with the penalty, in training; the loss itself in testing."""
        return loss

    def get_config(self) -> dict[str, Any]:
        """The class name and the arguments."""
        return {"name": type(self).__name__}


class OfTensor(Regularizer):
    """Base of penalties that are functions of a tensor, whether a weight or an output."""

    p: Node | None = None
    layer: Any = None

    def set_param(self, p: Node) -> None:
        self.p = p

    def set_layer(self, layer: object) -> None:
        self.layer = layer

    @property
    def watches(self) -> bool:
        """Tell whether there is a weight or a layer to watch."""
        return self.p is not None or self.layer is not None

    def penalty(self, x: Node) -> Node:
        """Return the penalty of a tensor."""
        raise NotImplementedError(f"{type(self).__name__} does not define penalty")

    def __call__(self, loss: Node) -> Node:
        """Return, of one that watches nothing, the penalty of the tensor that it is given; of one
        that does, the loss with the penalty in training, and the loss itself in testing."""
        if not self.watches:
            return self.penalty(loss)
        penalty = self.penalty(self.p if self.p is not None else self.layer.output)
        return K.in_train_phase(loss + penalty, loss)


class OfFunction(OfTensor):
    """A penalty that a user's function of a tensor computes, whose attributes it has."""

    def __init__(self, function: Callable[[Node], Node]):
        self.function = function

    def penalty(self, x: Node) -> Node:
        found = self.function(x)
        if not isinstance(found, Node) or found.ndim:
            name = getattr(self.function, "__name__", type(self.function).__name__)
            raise ArgumentError(
                f"the regularizer {name}: expected its call with a weight or an output to return "
                f"the penalty, a scalar, returned {found!r}"
            )
        return found

    def __getattr__(self, name: str) -> Any:
        if name == "function":  # of one that is being copied
            raise AttributeError(name)
        return getattr(self.function, name)


class L1L2Regularizer(OfTensor):
    """l1 sum(|x|) + l2 sum(x^2) of a weight or an output x."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = finite_number(type(self).__name__, "l1", l1)
        self.l2 = finite_number(type(self).__name__, "l2", l2)

    def penalty(self, x: Node) -> Node:
        terms = []
        if self.l1:
            terms.append(self.l1 * self._sum(K.abs(x)))
        if self.l2:
            terms.append(self.l2 * self._sum(K.square(x)))
        return sum(terms[1:], terms[0]) if terms else K.sum(x) * 0.0

    def _sum(self, terms: Node) -> Node:
        return K.sum(terms)

    def get_config(self) -> dict[str, Any]:
        return {"name": type(self).__name__, "l1": self.l1, "l2": self.l2}


class WeightRegularizer(L1L2Regularizer):
    """l1 sum(|p|) + l2 sum(p^2) of a weight p."""


class ActivityRegularizer(L1L2Regularizer):
    """l1 sum(mean(|o|)) + l2 sum(mean(o^2)) of a layer's output o, the means over samples; with
    ``average=False`` the sums, as in Keras from 1.0.7 on.

    Args:
        average: by default True in the meanings of Keras 1.0, False in those of 1.2, and in a file
            by the release that wrote it.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, *, average: bool | None = None):
        super().__init__(l1, l2)
        average = not at_least("1.0.7") if average is None else average
        self.average = true_or_false(type(self).__name__, "average", average)

    def _sum(self, terms: Node) -> Node:
        return K.sum(K.mean(terms, axis=0)) if self.average else K.sum(terms)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average}


@since("1.0.5")
class EigenvalueRegularizer(OfTensor):
    """k sqrt(v' A v / v' v) of a matrix W, with A = W' W and v = A^9 (1, ..., 1)': about k times
    the largest singular value."""

    def __init__(self, k: float):
        self.k = finite_number(type(self).__name__, "k", k)

    def penalty(self, x: Node) -> Node:
        if x.ndim != 2:
            raise ShapeError(
                f"EigenvalueRegularizer: expected a weight of two axes, received {x!r}; give it to "
                "a Dense or another layer with a matrix"
            )
        products = K.dot(K.transpose(x), x)
        v = K.dot(products, K.ones_like(x[:1]).T)
        for _ in range(_POWER - 1):
            # The quotient does not depend on the length, which else grows beyond a float.
            v = K.dot(products, v / K.maximum(K.max(K.abs(v)), _LEAST))
        quotient = K.sum(v * K.dot(products, v)) / K.maximum(K.sum(K.square(v)), _LEAST)
        return self.k * K.sqrt(quotient)

    def get_config(self) -> dict[str, Any]:
        return {"name": type(self).__name__, "k": self.k}


def _of_weight(l1: float, l2: float) -> L1L2Regularizer:
    return (L1L2Regularizer if at_least("1.2.0") else WeightRegularizer)(l1=l1, l2=l2)


def _of_output(l1: float, l2: float) -> L1L2Regularizer:
    return (L1L2Regularizer if at_least("1.2.0") else ActivityRegularizer)(l1=l1, l2=l2)


def l1(l: float = 0.01) -> L1L2Regularizer:  # noqa: E741  (the name in Keras' signature)
    """The penalty l sum(|p|) of a weight."""
    return _of_weight(l, 0.0)


def l2(l: float = 0.01) -> L1L2Regularizer:  # noqa: E741
    """The penalty l sum(p^2) of a weight."""
    return _of_weight(0.0, l)


def l1l2(l1: float = 0.01, l2: float = 0.01) -> L1L2Regularizer:
    """The penalty l1 sum(|p|) + l2 sum(p^2) of a weight."""
    return _of_weight(l1, l2)


def activity_l1(l: float = 0.01) -> L1L2Regularizer:  # noqa: E741
    """The penalty l sum(mean(|o|)) of an output; in Keras 1.2 l sum(|o|)."""
    return _of_output(l, 0.0)


def activity_l2(l: float = 0.01) -> L1L2Regularizer:  # noqa: E741
    """The penalty l sum(mean(o^2)) of an output; in Keras 1.2 l sum(o^2)."""
    return _of_output(0.0, l)


def activity_l1l2(l1: float = 0.01, l2: float = 0.01) -> L1L2Regularizer:
    """The penalty l1 sum(mean(|o|)) + l2 sum(mean(o^2)) of an output; in Keras 1.2 sums of all."""
    return _of_output(l1, l2)


REGULARIZERS: dict[str, Callable[..., Regularizer]] = {
    maker.__name__: maker
    for maker in (
        WeightRegularizer,
        ActivityRegularizer,
        L1L2Regularizer,
        EigenvalueRegularizer,
        l1,
        l2,
        l1l2,
        activity_l1,
        activity_l2,
        activity_l1l2,
    )
}


def get(identifier: GivenRegularizer, kwargs: Mapping[str, Any] | None = None) -> Any:
    """A regularizer by its name or its config; None stays None.

    Users' own are objects that override `set_param` or `set_layer` and are called with the loss, as
    in Keras 1.0, or functions of a tensor, as in Keras 1.2, which become an `OfFunction`; they need
    not derive from `Regularizer`. An object given is copied, so one that is shared by two weights
    penalises both.

    Raises:
        UnknownNameError: the name is not in `REGULARIZERS`.
        ArgumentError: neither a name, a config, a regularizer nor None.
    """
    regularizer = get_instance("regularizer", identifier, REGULARIZERS, kwargs)
    if regularizer is None:
        return None
    if isinstance(regularizer, type) or not callable(regularizer):
        raise ArgumentError(
            "expected a regularizer (e.g. l2(0.01), a function of a weight, or an object with "
            "set_param or set_layer that is called with the loss), its name or None, received "
            f"{identifier!r}"
        )
    return copy.copy(regularizer) if _watches(regularizer) else OfFunction(regularizer)


def _watches(regularizer: object) -> bool:
    """Return True if a regularizer has a method of its own that takes what it watches."""
    return any(
        hasattr(regularizer, name)
        and getattr(type(regularizer), name, None) is not getattr(Regularizer, name)
        for name in ("set_param", "set_layer")
    )


identity = Regularizer  # as Keras 0.3 named it

public(__name__)
