"""Constraints: what an optimizer puts each new value of a weight through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError
from graphc.lookup import finite_number, get_instance
from graphc.lookup import get_from_module as get_from_module
from graphc.public.calls import public
from graphc.releases import since

GivenConstraint = str | Mapping[str, Any] | Callable[[Node], Node] | None
"""A constraint as users give it: a key of `CONSTRAINTS`, a config, a `Constraint` or another
function of a weight, or None for none."""


class Constraint:
    """Base: changes nothing."""

    def __call__(self, p: Node) -> Node:
        """The nearest allowed weight to p."""
        return p

    def get_config(self) -> dict[str, Any]:
        """The class name and the arguments."""
        return {"name": type(self).__name__}


class MaxNorm(Constraint):
    """Columns of length m at most: p clip(norm, 0, m) / (epsilon + norm), norm over `axis`.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
    JMLR 2014.
    """

    def __init__(self, m: float = 2, axis: int = 0):
        finite_number(type(self).__name__, "m", m)
        self.m = m
        self.axis = axis

    def __call__(self, p: Node) -> Node:
        norms = _norms(p, self.axis)
        return p * (K.clip(norms, 0, self.m) / (K.epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {"name": type(self).__name__, "m": self.m, "axis": self.axis}


class NonNeg(Constraint):
    """Negative elements become 0."""

    def __call__(self, p: Node) -> Node:
        return p * K.cast(p >= 0.0, p.dtype)


class UnitNorm(Constraint):
    """Columns of length 1: p / (epsilon + norm), norm over `axis`."""

    def __init__(self, axis: int = 0):
        self.axis = axis

    def __call__(self, p: Node) -> Node:
        return p / (K.epsilon() + _norms(p, self.axis))

    def get_config(self) -> dict[str, Any]:
        return {"name": type(self).__name__, "axis": self.axis}


@since("1.2.2")
class MinMaxNorm(Constraint):
    """Columns whose length is brought towards low ... high: p times
    (rate clip(norm, low, high) + (1 - rate) norm) / (epsilon + norm), norm over `axis`."""

    def __init__(self, low: float = 0.0, high: float = 1.0, rate: float = 1.0, axis: int = 0):
        owner = type(self).__name__
        self.low = finite_number(owner, "low", low)
        self.high = finite_number(owner, "high", high, least=self.low)
        self.rate = finite_number(owner, "rate", rate)
        self.axis = axis

    def __call__(self, p: Node) -> Node:
        norms = _norms(p, self.axis)
        wanted = self.rate * K.clip(norms, self.low, self.high) + (1.0 - self.rate) * norms
        return p * (wanted / (K.epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        names = ("low", "high", "rate", "axis")
        return {"name": type(self).__name__, **{name: getattr(self, name) for name in names}}


def _norms(p: Node, axis: int) -> Node:
    return K.sqrt(K.sum(K.square(p), axis=axis, keepdims=True))


maxnorm = MaxNorm
nonneg = NonNeg
unitnorm = UnitNorm

CONSTRAINTS: dict[str, Callable[..., Constraint]] = {
    "MaxNorm": MaxNorm,
    "NonNeg": NonNeg,
    "UnitNorm": UnitNorm,
    "MinMaxNorm": MinMaxNorm,
    "maxnorm": maxnorm,
    "nonneg": nonneg,
    "unitnorm": unitnorm,
}


def get(
    identifier: GivenConstraint, kwargs: Mapping[str, Any] | None = None
) -> Callable[[Node], Node] | None:
    """A constraint by its name or its config; None and objects are returned as they are.

    Raises:
        UnknownNameError: the name is not in `CONSTRAINTS`.
        ArgumentError: neither a name, a config, a constraint nor None.
    """
    constraint = get_instance("constraint", identifier, CONSTRAINTS, kwargs)
    if constraint is not None and (isinstance(constraint, type) or not callable(constraint)):
        raise ArgumentError(
            f"expected a constraint, e.g. maxnorm(2), its name or None, received {identifier!r}"
        )
    return constraint


identity = Constraint  # as Keras 0.3 named it

public(__name__)
