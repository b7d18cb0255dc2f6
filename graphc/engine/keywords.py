"""Keyword arguments: ours are those of Keras 1.0; a modern spelling is an error that names ours."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

from graphc.errors import KeywordError, suggestion

# How later versions of Keras spell what has another name here.
MODERN_SPELLINGS = {
    "units": "output_dim",
    "kernel_initializer": "init",
    "kernel_regularizer": "W_regularizer",
    "bias_regularizer": "b_regularizer",
    "kernel_constraint": "W_constraint",
    "bias_constraint": "b_constraint",
    "rate": "p",
    "filters": "nb_filter",
    "padding": "border_mode",
    "strides": "subsample",
    "data_format": "dim_ordering",
    "batch_shape": "batch_input_shape",
    "shape": "input_shape",
    "dtype": "input_dtype",
    "epochs": "nb_epoch",
    "steps_per_epoch": "samples_per_epoch",
    "validation_steps": "nb_val_samples",
    "max_queue_size": "max_q_size",
    "sample_weights": "sample_weight",
    "class_weights": "class_weight",
    "inputs": "input",
    "outputs": "output",
    "steps": "val_samples",
}


def named_parameters(function: Callable) -> list[str]:
    """The parameters of a function that a caller can name, without `self` and ``**kwargs``."""
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(function).parameters.values()
    return [one.name for one in parameters if one.kind in by_name and one.name != "self"]


def refuse_modern(where: str, received: Collection[str], allowed: Collection[str]) -> None:
    """Raise KeywordError for a modern spelling of a keyword that `allowed` has under our name."""
    for name in received:
        ours = MODERN_SPELLINGS.get(name)
        if name not in allowed and ours in allowed:
            raise KeywordError(f"{where}: unknown keyword {name!r}: here it is {ours!r}.")


def without_modern(method: Callable) -> Callable:
    """A method that tells of a modern spelling, before Python misses the argument it stands for."""
    allowed = named_parameters(method)

    @functools.wraps(method)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        refuse_modern(f"{self.name}.{method.__name__}", kwargs, allowed)
        return method(self, *args, **kwargs)

    return checked


def refuse_unknown(where: str, received: Collection[str], allowed: Collection[str]) -> None:
    """Raise KeywordError for the first keyword that is not allowed; names ours or the near ones."""
    refuse_modern(where, received, allowed)
    for name in received:
        if name not in allowed:
            raise KeywordError(f"{where}: unknown keyword {name!r}. {suggestion(name, allowed)}")


def drop_legacy(where: str, received: Mapping[str, object], legacy: Mapping[str, str]) -> dict:
    """The keywords without those of Keras 0.3 that have no effect any more; each one warns.

    `legacy` tells for each why.
    """
    for name in received:
        if name in legacy:
            warnings.warn(
                f"{where}: {name!r} has no effect; {legacy[name]}", UserWarning, stacklevel=4
            )
    return {name: value for name, value in received.items() if name not in legacy}


def constructor_parameters(cls: type) -> list[str]:
    """The named parameters that making an instance takes: those of ``__init__``, and of the base's
    ``__init__`` where ``**kwargs`` go on to it."""
    found: dict[str, None] = {}
    for base in cls.__mro__:
        init = vars(base).get("__init__")
        if init is None or base is object:
            continue
        found.update(dict.fromkeys(named_parameters(init)))
        kinds = [one.kind for one in inspect.signature(init).parameters.values()]
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return list(found)
