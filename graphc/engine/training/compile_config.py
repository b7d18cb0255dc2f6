"""The arguments of `compile` as data, in the layout of later releases of Keras 1:

    {"optimizer_config": {"class_name": "Adam", "config": {"lr": 0.001, ...}},
     "loss": "mse", "metrics": ["accuracy"], "loss_weights": null, "sample_weight_mode": null}

and, beside it, the `mode` and the `keras_version` whose meanings the training has, where it is not
1.0.1. A function of the user is a name and a token; see `stored_functions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc import metrics, objectives, optimizers
from graphc.engine.configs.config import as_data
from graphc.engine.configs.registry import shown
from graphc.engine.configs.stored_functions import function_as_data, function_of, is_stored_function
from graphc.errors import ArgumentError, UnknownNameError
from graphc.lookup import named
from graphc.releases import FIRST, Release, release_in, version_of

_KEYS = ("loss", "metrics", "loss_weights", "sample_weight_mode", "mode")
_KNOWN = (objectives.OBJECTIVES, metrics.METRICS)


def compile_config(
    optimizer: Any, given: Mapping[str, Any], release: Release, owner: str
) -> dict[str, Any]:
    """Return the arguments of `compile`, the optimizer's current config, and the release of Keras
    whose meanings apply; `owner` begins messages.

    ArgumentError for an optimizer that cannot be made again.
    """
    where = f"{owner}: optimizer {type(optimizer).__name__}"
    name = type(optimizer).__name__
    if optimizers.OPTIMIZERS.get(name, type(optimizer)) is not type(optimizer):
        raise ArgumentError(f"{where}: graphc has one of this name; give your class another name")
    if not hasattr(optimizer, "get_config"):
        raise ArgumentError(f"{where}: define get_config, which returns its arguments as a dict")
    config = as_data(optimizer.get_config(), where)
    config.pop("name", None)
    arguments = {key: _as_data(given[key], f"{owner}: {key}") for key in _KEYS}
    found = {"optimizer_config": {"class_name": name, "config": config}, **arguments}
    return found if release == FIRST else {**found, "keras_version": version_of(release)}


def release_meant(config: object) -> Release | None:
    """Return the release of Keras whose meanings a training has; None if its config does not
    say."""
    version = config.get("keras_version") if isinstance(config, Mapping) else None
    return release_in(version) if isinstance(version, str) else None


def compile_arguments(config: object) -> dict[str, Any]:
    """Return the arguments of `Model.compile` in a config.

    Raises:
        ArgumentError: no such config.
        UnknownNameError: an optimizer or a function that is not known.
    """
    if not isinstance(config, Mapping):
        raise ArgumentError(f"expected an object, received {shown(config)}")
    arguments = {key: _from_data(config[key], key) for key in _KEYS if config.get(key) is not None}
    return {"optimizer": _optimizer(config.get("optimizer_config")), "loss": None, **arguments}


def _optimizer(stored: Any) -> Any:
    try:
        return optimizers.optimizer_from_config(stored)
    except UnknownNameError as error:
        name = stored["class_name"]
        raise UnknownNameError(
            f"{error} A class of your own is passed by custom_objects={{{name!r}: {name}}}"
        ) from error
    except TypeError as error:  # an argument that is missing or has a wrong name
        raise ArgumentError(f"optimizer {stored['class_name']}: {error}") from error


def _as_data(value: Any, place: str) -> Any:
    """Return losses, metrics and the like as data: functions of graphc by their names."""
    if isinstance(value, metrics.EpochMetric):
        config = as_data(value.get_config(), place)
        return {"class_name": type(value).__name__, "config": config}
    if isinstance(value, Mapping):
        return {str(key): _as_data(one, f"{place}[{key!r}]") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_data(one, f"{place}[{k}]") for k, one in enumerate(value)]
    if callable(value):
        name = getattr(value, "__name__", None)
        known = name is not None and any(table.get(name) is value for table in _KNOWN)
        return name if known else function_as_data(value)
    return as_data(value, place)


def _from_data(value: Any, place: str) -> Any:
    if is_stored_function(value):
        return function_of(value, place)
    if isinstance(value, Mapping) and set(value) == {"class_name", "config"}:
        found = named("metric", value["class_name"], metrics.EPOCH_METRICS)
        return found(**value["config"])
    if isinstance(value, Mapping):
        return {key: _from_data(one, f"{place}[{key!r}]") for key, one in value.items()}
    if isinstance(value, list):
        return [_from_data(one, f"{place}[{k}]") for k, one in enumerate(value)]
    return value
