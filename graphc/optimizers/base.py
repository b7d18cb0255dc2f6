"""The base of optimizers: arguments, gradients and their clipping, state, config."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypedDict, Unpack

import numpy as np

from graphc import backend as K
from graphc.compiler.graph import Node, label, name_of
from graphc.errors import ArgumentError, ShapeError
from graphc.keywords import refuse_unknown
from graphc.later.attributes import OF_OPTIMIZERS
from graphc.lookup import finite_number
from graphc.public.attributes import explain_missing
from graphc.releases import RELEASES, meanings

_log = logging.getLogger("graphc")

Updates = list[tuple[Node, Node]]
Constraints = Mapping[Node, Callable[[Node], Node]]

_CLIPPING = ("clipnorm", "clipvalue")


class OptimizerKeywords(TypedDict, total=False):
    """The keyword arguments of every optimizer; see `Optimizer`."""

    clipnorm: float | None
    clipvalue: float | None
    keras: str | None


def clip_norm(g: Node, c: float, n: Node) -> Node:
    """g scaled to c / n of itself where the norm n reaches c > 0."""
    return K.switch(n >= c, g * c / n, g) if c > 0 else g


class Optimizer:
    """Base of all optimizers.

    Args:
        clipnorm: scale all gradients by clipnorm / norm where their common norm reaches it.
        clipvalue: clip each element of the (scaled) gradients to [-clipvalue, clipvalue].
        keras: '1.0' or '1.2', the release whose formula, config and order of `weights` it has; by
            default that of the flag `keras` when it is made.

    `clipnorm` and `clipvalue` are attributes where they were given, and may be set later.

    Attributes:
        updates: what the last `get_updates` returned.
        weights: the state that it made (running means and the like), a shared variable each.

    Raises:
        KeywordError: an unknown keyword.
        ArgumentError: a bound that is not positive.
    """

    def __init__(self, **kwargs: Unpack[OptimizerKeywords]):
        owner = type(self).__name__
        refuse_unknown(owner, kwargs, [*self._arguments, *_CLIPPING, "keras"])
        self.keras = _release(owner, kwargs.get("keras"))
        for name in _CLIPPING:
            bound = kwargs.get(name)
            if bound is not None:
                setattr(self, name, _positive(owner, name, bound))
        self.updates: Updates = []
        self.weights = []

    def __setattr__(self, name: str, value: object) -> None:
        if name in OF_OPTIMIZERS and type(self).__module__.startswith("graphc."):
            getattr(self, name)  # whose error says what to use; a program's own class may have one
        variable = vars(self).get(name)
        if not isinstance(variable, Node) or isinstance(value, Node):
            super().__setattr__(name, value)
            return
        K.set_value(variable, finite_number(type(self).__name__, name, value))
        _log.warning(
            "%s.%s = %s sets the value that training reads, as K.set_value(optimizer.%s, %s) does; "
            "in Keras a model that had been trained already did not see it",
            *(type(self).__name__, name, value, name, value),
        )

    # Names of the constructor's arguments, in its order; all are attributes.
    _arguments: tuple[str, ...] = ()
    weights: list[Node]

    @property
    def is_of_1_0(self) -> bool:
        """Tell whether formula, config and order of weights are those of Keras 1.0."""
        return self.keras == "1.0"

    def get_updates(self, params: Sequence[Node], constraints: Constraints, loss: Node) -> Updates:
        """The updates of one step, as (shared variable, new value) pairs.

        Args:
            params: shared variables to train.
            constraints: parameter -> function that its new value goes through.
            loss: a scalar. Making the updates also makes the optimizer's state, from zero.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define get_updates")

    def get_gradients(self, loss: Node, params: Sequence[Node]) -> list[Node]:
        """The gradients, clipped: first by the norm over all parameters, then by value."""
        gradients = K.gradients(loss, params)
        clipnorm, clipvalue = (getattr(self, name, None) for name in _CLIPPING)
        if clipnorm is not None:
            norm = K.sqrt(sum(K.sum(K.square(g)) for g in gradients))
            gradients = [clip_norm(g, clipnorm, norm) for g in gradients]
        if clipvalue is not None:
            gradients = [K.clip(g, -clipvalue, clipvalue) for g in gradients]
        return gradients

    def in_order(self, params: Sequence[Node]) -> list[Node]:
        """Return the parameters in the order in which a model passes them to `get_updates`: that of
        the layers in Keras 1.0, by the names of the weights in 1.2."""
        if self.is_of_1_0:
            return list(params)
        # Theano named what has no name auto_1, auto_2, ...
        return sorted(params, key=lambda p: name_of(p) or "auto_")

    def get_weights(self) -> list[np.ndarray]:
        """The values of `weights`: empty until the first `get_updates`."""
        return [K.get_value(weight) for weight in self.weights]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Set `weights`. ShapeError where number or shapes differ."""
        _set_all(f"{type(self).__name__}.set_weights", self.weights, weights)
        self.follow_weights()

    def follow_weights(self) -> None:
        """Compute the state that follows from `weights`, which were set: here there is none."""

    def get_state(self) -> list[np.ndarray]:
        """The values of all that `updates` change, in their order: parameters too."""
        return [K.get_value(variable) for variable, _ in self.updates]

    def set_state(self, value_list: Sequence[np.ndarray]) -> None:
        """Set what `get_state` gave. ShapeError where number or shapes differ."""
        targets = [variable for variable, _ in self.updates]
        _set_all(f"{type(self).__name__}.set_state", targets, value_list)

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the present values of shared variables; before them the class name
        under ``"name"`` as in Keras 1.0, while in 1.2 it stands outside of the config."""
        config: dict[str, object] = {"name": type(self).__name__} if self.is_of_1_0 else {}
        for name in self._arguments:
            value = getattr(self, name)
            config[name] = float(K.get_value(value)) if isinstance(value, Node) else value
        for name in _CLIPPING:
            if getattr(self, name, None) is not None:
                config[name] = getattr(self, name)
        return {**config, "keras": self.keras}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return an optimizer with the arguments that `get_config` gave.

        KeywordError for an argument that it does not take.
        """
        return cls(**{key: value for key, value in config.items() if key != "name"})


class Decaying(Optimizer):
    """Base of optimizers whose rate shrinks: lr / (1 + decay iterations), the count before the
    update.

    `iterations`, a scalar of floatX, counts the steps where the formula reads it. `decay` is a
    shared variable; as in Keras, one that was 0 when the optimizer was made stays without effect:
    `initial_decay` says whether it was.
    """

    def __init__(self, decay: float, **kwargs: Unpack[OptimizerKeywords]):
        super().__init__(**kwargs)
        self.iterations = K.variable(0.0, name="iterations")
        self.decay = variable(type(self).__name__, "decay", decay, least=0.0)
        self.initial_decay = float(decay)
        self._decays = decay > 0

    def _decayed(self, lr: Node) -> Node:
        """The rate of this step."""
        return lr * (1.0 / (1.0 + self.decay * self.iterations)) if self._decays else lr

    def _counted(self, always: bool) -> Updates:
        """The update of `iterations`, where the steps are counted."""
        if not (always or self._decays):
            return []
        return [(self.iterations, self.iterations + 1.0)]


def zeros_like(params: Sequence[Node], suffix: str) -> list[Node]:
    """A state of zeros for each parameter, of its shape and dtype."""
    return [K.zeros(p.shape, p.dtype, f"{name_of(p) or 'param'}_{suffix}") for p in params]


def constrained(p: Node, new: Node, constraints: Constraints) -> Node:
    """A parameter's new value as its constraint leaves it, if it has one."""
    if p not in constraints:
        return new
    allowed = constraints[p](new)
    if not isinstance(allowed, Node) or allowed.shape != p.shape:
        raise ArgumentError(
            f"the constraint of {label(p)}: expected a node of the shape {p.shape}, the weight's, "
            f"returned {allowed!r}"
        )
    return allowed


def variable(owner: str, name: str, value: object, least: float | None = None) -> Node:
    """A hyperparameter as a shared variable. ArgumentError unless it is a finite number."""
    return K.variable(finite_number(owner, name, value, least), name=name)


def rate_variable(owner: str, value: object) -> Node:
    """`lr` as a shared variable. ArgumentError unless it is a finite number; a negative one, which
    climbs, is a line in the log."""
    if finite_number(owner, "lr", value) < 0:
        _log.warning("%s: lr=%g is negative, so training makes the loss larger", owner, value)
    return variable(owner, "lr", value)


explain_missing(Optimizer, OF_OPTIMIZERS)


def _release(owner: str, value: object) -> str:
    if value is None:
        return meanings()
    if value not in RELEASES:
        raise ArgumentError(
            f"{owner}: keras: expected one of {', '.join(map(repr, RELEASES))}, received {value!r}"
        )
    return str(value)


def _positive(owner: str, name: str, value: object) -> float:
    number = finite_number(owner, name, value)
    if not number > 0:
        raise ArgumentError(
            f"{owner}: {name}: expected a number above 0, received {value!r}; leave it out for no "
            "clipping"
        )
    return number


def _set_all(what: str, variables: Sequence[Node], values: Sequence[np.ndarray]) -> None:
    """Set all or none."""
    values = [np.asarray(value) for value in values]
    shapes = [variable.shape for variable in variables]
    if [value.shape for value in values] != shapes:
        raise ShapeError(
            f"{what}: expected {len(shapes)} arrays of shapes {shapes}, received {len(values)} of "
            f"shapes {[value.shape for value in values]}"
            + ("" if shapes else "; the state exists once a train function is made")
        )
    K.batch_set_value(zip(variables, values, strict=True))
