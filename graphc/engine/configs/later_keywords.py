"""What Keras 1.0.2 to 1.2 wrote in layers' configs beside the arguments of 1.0.1.

An argument that says what these layers do anyway is left out; any other is refused by its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from graphc.errors import ArgumentError

_BIAS = {"bias": [True]}
_SHARED_AXES = {"shared_axes": [None]}

# Of each class the arguments that came later, and their values that mean what is done anyway.
_NEUTRAL: Mapping[str, Mapping[str, list[Any]]] = MappingProxyType(
    {
        **dict.fromkeys(("Dense", "TimeDistributedDense", "MaxoutDense", "Highway"), _BIAS),
        **dict.fromkeys(("Convolution1D", "Convolution2D", "Convolution3D"), _BIAS),
        **dict.fromkeys(("PReLU", "ParametricSoftplus", "SReLU"), _SHARED_AXES),
        "BatchNormalization": {"gamma_regularizer": [None], "beta_regularizer": [None]},
        "Dropout": {"noise_shape": [None], "seed": [None]},
        "InputLayer": {"sparse": [False]},
        "Merge": {"output_mask": [None], "output_mask_type": ["raw"], "arguments": [None, {}]},
    }
)

_RECURRENT = ("SimpleRNN", "GRU", "LSTM")


def arguments_of_1_0(class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a layer of graphc in the arguments of Keras 1.0.

    ArgumentError for an argument that asks for what these layers do not do.
    """
    found = {str(name): value for name, value in config.items()}
    where = f"{found['name']} ({class_name})" if "name" in found else class_name
    for name, values in _NEUTRAL.get(class_name, {}).items():
        if name in found:
            _check_neutral(found.pop(name), values, f"{where}: {name}")
    if "batch_input_dtype" in found:
        dtype = found.pop("batch_input_dtype")
        if found.setdefault("input_dtype", dtype) != dtype:
            raise ArgumentError(
                f"{where}: batch_input_dtype is {dtype!r:.60}, and input_dtype "
                f"{found['input_dtype']!r:.60}; leave one of the two out"
            )
    if class_name in _RECURRENT and found.get("consume_less") == "gpu":
        _check_undropped(found, where)
        found["consume_less"] = "cpu"
    return found


def _check_neutral(value: object, allowed: list[Any], what: str) -> None:
    # 0 and 1 are no false and true here: a config has the latter.
    if not any(type(value) is type(one) and value == one for one in allowed):
        raise ArgumentError(
            f"{what}: it came with later releases of Keras 1, and here the layer does what "
            f"{json.dumps(allowed[0])} says; expected that, received {value!r:.60}"
        )


def _check_undropped(config: Mapping[str, Any], where: str) -> None:
    """In Keras consume_less='gpu' also had all gates drop the same of x and h."""
    for name in ("dropout_W", "dropout_U"):
        if config.get(name):
            raise ArgumentError(
                f"{where}: consume_less 'gpu' with {name} {config[name]!r:.60} drops the same for "
                "all gates, and here each has a mask of its own; expected 'cpu' or 'mem', or "
                f"{name} 0, which predicts the same"
            )
