"""Layers as data: the arguments that make an equal one, as JSON has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc import backend as K
from graphc.engine.keywords import constructor_parameters

# Initial weights are values: files hold them beside the architecture.
_LEFT_OUT = ("self", "weights", "layers")


def config_of(layer: Any, base_keywords: Sequence[str]) -> dict[str, Any]:
    """The name, the input if the layer says one, and each argument of its class, which the layer
    keeps in an attribute of the argument's name."""
    config: dict[str, Any] = {"name": layer.name, "trainable": layer.trainable}
    if layer.batch_input_shape is not None:
        config["batch_input_shape"] = list(layer.batch_input_shape)
        config["input_dtype"] = layer.input_dtype or K.floatx()
    for parameter in constructor_parameters(type(layer)):
        if parameter not in (*base_keywords, *_LEFT_OUT) and hasattr(layer, parameter):
            config[parameter] = as_data(getattr(layer, parameter))
    return config


def as_data(value: Any) -> Any:
    """An argument as numbers, texts, lists and dicts: functions by their names, objects that have
    a config by that."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): as_data(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(one) for one in value]
    if hasattr(value, "get_config") and not isinstance(value, type):
        return value.get_config()
    if isinstance(value, Callable):  # type: ignore[arg-type]
        return getattr(value, "__name__", type(value).__name__)
    return value


def arguments_from(cls: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """A config as the arguments of a class."""
    return {str(name): value for name, value in config.items()}
