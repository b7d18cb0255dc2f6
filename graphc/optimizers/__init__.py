"""Optimizers: the updates of one training step, with the arithmetic of Keras 1.0, or of Keras 1.2
where the flag `keras` says so when an optimizer is made.

In the formulas g is the gradient of a parameter p (after clipping), ``<-`` an update; all right
sides read the old values. Hyperparameters that are shared variables (``lr`` and what each class
names) can be set between steps, ``K.set_value(optimizer.lr, 0.001)``, and compile nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError
from graphc.lookup import custom_objects as objects_inside
from graphc.lookup import get_custom_objects as get_custom_objects
from graphc.lookup import get_from_module as get_from_module
from graphc.lookup import get_instance, given_objects, named
from graphc.optimizers.adaptive import Adadelta as Adadelta
from graphc.optimizers.adaptive import Adagrad as Adagrad
from graphc.optimizers.adaptive import Adam as Adam
from graphc.optimizers.adaptive import Adamax as Adamax
from graphc.optimizers.adaptive import Nadam as Nadam
from graphc.optimizers.adaptive import RMSprop as RMSprop
from graphc.optimizers.base import Optimizer as Optimizer
from graphc.optimizers.base import clip_norm as clip_norm
from graphc.optimizers.descent import SGD as SGD
from graphc.optimizers.tensorflow import TFOptimizer as TFOptimizer
from graphc.public.calls import public
from graphc.releases import since

sgd = SGD
rmsprop = RMSprop
adagrad = Adagrad
adadelta = Adadelta
adam = Adam
adamax = Adamax
nadam = Nadam

OPTIMIZERS: dict[str, type[Optimizer]] = {
    name: optimizer
    for optimizer in (SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam)
    for name in (optimizer.__name__.lower(), optimizer.__name__)
}


def get(
    identifier: str | Mapping[str, Any] | Optimizer, kwargs: Mapping[str, Any] | None = None
) -> Optimizer:
    """An optimizer by its name or its config; an optimizer is returned as it is.

    Raises:
        UnknownNameError: the name is not in `OPTIMIZERS`.
        KeywordError: an argument that the optimizer does not take.
        ArgumentError: neither a name, a config nor an optimizer.
    """
    optimizer: Optimizer = get_instance("optimizer", identifier, OPTIMIZERS, kwargs)
    if isinstance(optimizer, type) or not hasattr(optimizer, "get_updates"):
        raise ArgumentError(
            f"expected an optimizer, e.g. SGD(lr=0.01), or its name, received {identifier!r}"
        )
    return optimizer


@since("1.0.7")
def optimizer_from_config(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Optimizer:
    """Return the optimizer of {"class_name": ..., "config": ...}, where Keras 1.2 keeps the name
    outside of what `get_config` gives. Letters of the name may be small ones.

    A config that does not state its release (`keras`) was written by Keras 1.0.7 or later, and is
    read with the meanings of 1.2.

    Args:
        custom_objects: your own classes by their names.

    Raises:
        UnknownNameError: a class that is not known.
        KeywordError: an argument that the optimizer does not take.
        ArgumentError: no such config.
    """
    is_one = isinstance(config, Mapping) and isinstance(config.get("config"), Mapping)
    if not is_one or not isinstance(config.get("class_name"), str):
        raise ArgumentError(
            "optimizer_config: expected an object with class_name and config, received "
            f"{config!r:.200}"
        )
    name, arguments = config["class_name"], config["config"]
    with objects_inside(custom_objects):
        if name in given_objects():
            own: Optimizer = _from_config(given_objects()[name], arguments)
            return own
        known = OPTIMIZERS.get(name.lower()) or named("optimizer", name, OPTIMIZERS)
        return known.from_config({"keras": "1.2", **arguments})


def _from_config(made_by: Any, arguments: Mapping[str, Any]) -> Any:
    if hasattr(made_by, "from_config"):
        return made_by.from_config(arguments)
    return made_by(**{key: value for key, value in arguments.items() if key != "name"})


def kl_divergence(p: Node, p_hat: Node) -> Node:
    """p_hat - p + p log(p / p_hat), an element each."""
    return p_hat - p + p * K.log(p / p_hat)


public(__name__)
