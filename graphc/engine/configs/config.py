"""Configs of layers: the arguments that make an equal layer, as JSON values."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from graphc import activations, initializations, regularizers
from graphc import backend as K
from graphc.engine.configs.later_keywords import without_neutral
from graphc.engine.configs.registry import Entry, layer_entry, layer_of, writing_layers
from graphc.engine.configs.stored_functions import function_as_data, function_of, is_stored_function
from graphc.errors import ArgumentError
from graphc.keywords import constructor_parameters, named_parameters

# Initial weights are values: files hold them beside the architecture.
_LEFT_OUT = ("weights",)
_NAMED_FUNCTIONS = (activations.ACTIVATIONS, initializations.INITIALIZATIONS)


def config_of(layer: Any, base_keywords: Sequence[str]) -> dict[str, Any]:
    """Return a layer's config: its name, its input shape if it has one, and each argument of its
    class, read from the attribute of that name.

    ArgumentError for an argument that is not kept, unless the class defines `get_config`, or that
    is no data.
    """
    cls = type(layer)
    parameters, takes_base_keywords = _parameters(layer)
    config: dict[str, Any] = {"name": layer.name}
    if takes_base_keywords or "trainable" in parameters:
        config["trainable"] = layer.trainable
    if layer.batch_input_shape is not None:
        config["batch_input_shape"] = list(layer.batch_input_shape)
        config["input_dtype"] = str(np.dtype(layer.input_dtype or K.floatx()))
    with writing_layers():
        for parameter in parameters:
            if parameter in (*base_keywords, *_LEFT_OUT):
                continue
            if hasattr(layer, parameter):
                place = f"{layer.name} ({cls.__name__}): {parameter}"
                config[parameter] = argument_as_data(getattr(layer, parameter), place)
            elif _relies_on_this(cls):
                raise ArgumentError(
                    f"{layer.name} ({cls.__name__}): its argument {parameter!r} is in no attribute "
                    f"of that name; set self.{parameter} in __init__, or define get_config"
                )
    return without_neutral(cls, config)


def argument_as_data(value: Any, place: str) -> Any:
    """Return an argument of a layer as numbers, texts, lists and dicts.

    An activation or an initialization of graphc is its name. Other functions have a name and a
    token, objects with a `get_config` that, layers an entry.
    """
    function = value
    if isinstance(value, functools.partial) and set(value.keywords) <= {"dim_ordering"}:
        function = value.func  # bound by the layer, which will bind it again
    for table in _NAMED_FUNCTIONS:
        name = getattr(function, "__name__", None)
        if name is not None and table.get(name) is function:
            return name
    return as_data(function, place)


def as_data(value: Any, place: str = "config") -> Any:
    """Return a value as numbers, texts, lists and dicts; `place` begins the message of
    ArgumentError."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise ArgumentError(f"{place}: expected a dict with texts as keys, has {wrong[0]!r}")
        return {key: as_data(one, f"{place}[{key!r}]") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(one, f"{place}[{k}]") for k, one in enumerate(value)]
    if isinstance(value, regularizers.OfFunction):
        return as_data(value.function, place)
    if isinstance(value, Entry):
        return layer_entry(value)  # type: ignore[arg-type]  # every Entry is Described
    if hasattr(value, "get_config") and not isinstance(value, type):
        config = as_data(value.get_config(), place)
        return {"name": type(value).__name__, **config}
    if callable(value) and not isinstance(value, type):
        return function_as_data(value)
    hint = "; an array is stored as value.tolist()" if isinstance(value, np.ndarray) else ""
    raise ArgumentError(
        f"{place}: expected what a config can hold (numbers, texts, lists, dicts, functions, "
        f"layers, objects with get_config), received {type(value).__name__}{hint}"
    )


def arguments_from(cls: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a class that a config means, with its functions looked up and its
    layers made."""
    if not isinstance(config, Mapping):
        raise ArgumentError(
            f"config: expected the arguments of {cls.__name__} by name, received {config!r:.60}"
        )
    owner = config.get("name", cls.__name__)
    kinds = set(_kinds(config)) - set(constructor_parameters(cls))
    arguments = {}
    for name, value in config.items():
        if name in kinds:
            continue
        place = f"{owner}.{name}"
        if f"{name}_type" in kinds and isinstance(value, str | list | tuple):
            value = _function_of_keras(value, config[f"{name}_type"], place)
        arguments[str(name)] = argument_from(value, place)
    return arguments


def _kinds(config: Mapping[str, Any]) -> Iterator[str]:
    """Return the names of the config entries in which Keras states the kind of an argument: 'raw'
    for a value, 'function' or 'lambda'."""
    for name in config:
        if isinstance(name, str) and name.endswith("_type") and name[: -len("_type")] in config:
            yield name


def _function_of_keras(value: str | Sequence[Any], kind: object, place: str) -> Any:
    """Return the stored form of a function that Keras wrote: as its name, or as its bytecode with
    defaults and closure, of which nothing is read."""
    if kind == "raw":
        return value
    if kind not in ("function", "lambda"):
        raise ArgumentError(
            f"{place}_type: expected 'raw', 'function' or 'lambda', received {kind!r:.60}"
        )
    if kind == "function" and not isinstance(value, str):
        raise ArgumentError(f"{place}: expected the name of a function, received {value!r:.60}")
    return {"function": "<lambda>" if kind == "lambda" else value, "token": None}


def argument_from(value: Any, place: str) -> Any:
    """Return the argument that `argument_as_data` was given; names and configs stay, for the layer
    to look up."""
    if isinstance(value, list):
        return [argument_from(one, place) for one in value]
    if isinstance(value, Mapping):
        if is_stored_function(value):
            return function_of(value, place)
        if {"class_name", "config"} <= set(value):
            return layer_of(value, place)
        return {name: argument_from(one, place) for name, one in value.items()}
    return value


def _relies_on_this(cls: type) -> bool:
    """Return True if a class inherits `get_config` from the base of all layers."""
    return sum("get_config" in vars(one) for one in cls.__mro__) == 1


def _parameters(layer: Any) -> tuple[list[str], bool]:
    """Return the names of a class' constructor arguments, and True if it also takes the keywords of
    every layer.

    An argument of a base class that has no default is one that a subclass gives itself, as
    `Convolution1D` its ordering, unless the caller gave it.
    """
    found: dict[str, None] = {}
    own = True
    for cls in type(layer).__mro__:
        init = vars(cls).get("__init__")
        if init is None or cls is object:
            continue
        parameters = inspect.signature(init).parameters
        for name in named_parameters(init):
            has_default = parameters[name].default is not inspect.Parameter.empty
            if own or has_default or name in layer._graphc.given_keywords:
                found[name] = None
        if all(one.kind is not one.VAR_KEYWORD for one in parameters.values()):
            return list(found), False
        own = False
    return list(found), True
