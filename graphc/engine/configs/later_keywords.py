"""The keywords that Keras 1.0.2 to 1.2 wrote in layers' configs beside the arguments of 1.0.1.

A model that needs nothing of later releases has the config of Keras 1.0.1, which reads it: an
argument that came later stands in a config only where it asks for something else than 1.0.1 did.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from graphc.errors import ArgumentError

_BIAS = {"bias": [True]}
_SHARED_AXES = {"shared_axes": [None]}

# Of each class the arguments that came later, and their values that mean what 1.0.1 did.
_NEUTRAL: Mapping[str, Mapping[str, list[Any]]] = MappingProxyType(
    {
        **dict.fromkeys(("Dense", "TimeDistributedDense", "MaxoutDense", "Highway"), _BIAS),
        **dict.fromkeys(("Convolution1D", "Convolution2D", "Convolution3D"), _BIAS),
        **dict.fromkeys(("PReLU", "ParametricSoftplus", "SReLU"), _SHARED_AXES),
        "BatchNormalization": {"gamma_regularizer": [None], "beta_regularizer": [None]},
        "Dropout": {"noise_shape": [None], "seed": [None]},
        "InputLayer": {"sparse": [False]},
        "Merge": {"arguments": [{}]},
    }
)


def without_neutral(cls: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a layer's config without those later arguments whose value means what 1.0.1 did
    anyway."""
    neutral: dict[str, list[Any]] = {}
    for base in cls.__mro__:
        neutral |= _NEUTRAL.get(base.__name__, {})
    return {
        name: value
        for name, value in config.items()
        if not any(type(value) is type(one) and value == one for one in neutral.get(name, []))
    }


def with_one_dtype(class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a layer's config with `batch_input_dtype`, the spelling of 1.0.4 to 1.0.6, renamed to
    `input_dtype`. ArgumentError where it has both, and they differ."""
    found = {str(name): value for name, value in config.items()}
    where = f"{found['name']} ({class_name})" if "name" in found else class_name
    if "batch_input_dtype" in found:
        dtype = found.pop("batch_input_dtype")
        if found.setdefault("input_dtype", dtype) != dtype:
            raise ArgumentError(
                f"{where}: batch_input_dtype is {dtype!r:.60}, and input_dtype "
                f"{found['input_dtype']!r:.60}; leave one of the two out"
            )
    return found
