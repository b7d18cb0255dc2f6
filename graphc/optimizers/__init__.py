"""Optimizers: the updates of one training step, with the arithmetic of Keras 1.0.

In the formulas g is the gradient of a parameter p (after clipping), ``<-`` an update; all right
sides read the old values. Hyperparameters that are shared variables (``lr`` and what each class
names) can be set between steps, ``K.set_value(optimizer.lr, 0.001)``, and compile nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError
from graphc.lookup import get_from_module as get_from_module
from graphc.lookup import get_instance
from graphc.optimizers.adaptive import Adadelta, Adagrad, Adam, Adamax, RMSprop
from graphc.optimizers.base import Optimizer
from graphc.optimizers.base import clip_norm as clip_norm
from graphc.optimizers.descent import SGD

sgd = SGD
rmsprop = RMSprop
adagrad = Adagrad
adadelta = Adadelta
adam = Adam
adamax = Adamax

OPTIMIZERS: dict[str, type[Optimizer]] = {
    name: optimizer
    for optimizer in (SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax)
    for name in (optimizer.__name__.lower(), optimizer.__name__)
}


def get(identifier: str | Mapping | Optimizer, kwargs: Mapping | None = None) -> Optimizer:
    """An optimizer by its name or its config; an optimizer is returned as it is.

    Raises:
        UnknownNameError: the name is not in `OPTIMIZERS`.
        KeywordError: an argument that the optimizer does not take.
        ArgumentError: neither a name, a config nor an optimizer.
    """
    optimizer = get_instance("optimizer", identifier, OPTIMIZERS, kwargs)
    if isinstance(optimizer, type) or not hasattr(optimizer, "get_updates"):
        raise ArgumentError(
            f"expected an optimizer, e.g. SGD(lr=0.01), or its name, received {identifier!r}"
        )
    return optimizer


def kl_divergence(p: Node, p_hat: Node) -> Node:
    """p_hat - p + p log(p / p_hat), an element each."""
    return p_hat - p + p * K.log(p / p_hat)
