"""Layers from their configs, and tables of layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import graphc.models  # noqa: F401  (makes the models known to descriptions)
from graphc import backend as K
from graphc.engine.configs.keras_0_3 import keras_1_entry
from graphc.engine.configs.registry import layer_from_config
from graphc.engine.topology.container import Container
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.layer_node import LayerNode
from graphc.engine.topology.summary import format_summary
from graphc.engine.topology.weights import count_numbers
from graphc.files.conversions import TENSORFLOW, KernelLayout
from graphc.public.calls import public
from graphc.releases import since

__all__ = [
    "container_from_config",
    "convert_all_kernels_in_model",
    "count_total_params",
    "get_layer",
    "layer_from_config",
    "model_summary",
    "print_summary",
]


def container_from_config(
    original_layer_dict: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Layer:
    """Return the layer or the model that a config of Keras 0.3 describes, with new weights.

    Args:
        original_layer_dict: {"name": the class, ...its arguments}, as `get_config` of 0.3 gave it.
        custom_objects: classes and functions of your own by the names that the config has.

    Raises:
        UnknownNameError, ArgumentError: as `layer_from_config`.
    """
    entry = keras_1_entry(original_layer_dict, "container_from_config")
    name = original_layer_dict.get("custom_name")
    if name is not None and isinstance(entry["config"], dict):
        entry["config"].setdefault("name", name)
    made: Layer = layer_from_config(entry, custom_objects)
    return made


def get_layer(identifier: str | Layer, kwargs: Mapping[str, Any] | None = None) -> Layer:
    """Return a new layer of a class that is given by its name, as Keras 0.3 made one; a layer
    itself is returned as it is.

    Raises:
        UnknownNameError: no layer has this name.
    """
    if isinstance(identifier, Layer):
        return identifier
    config = {"class_name": identifier, "config": dict(kwargs or {})}
    made: Layer = layer_from_config(config)
    return made


def print_summary(
    layers: Sequence[Layer],
    relevant_nodes: Collection[LayerNode] | None = None,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
) -> None:
    """Print a table of layers: name, class, shape of the output, number of trainable parameters,
    and what each reads, unless that is the layer before.

    Args:
        relevant_nodes: the uses of layers (of their `inbound_nodes`) that count; all by default.
        line_length, positions: see `Model.summary`.
    """
    print(format_summary(layers, relevant_nodes, line_length, positions))


def model_summary(model: Container) -> None:
    """Print the table of a model's layers, as Keras 0.3 did it; see `Model.summary`."""
    model.summary()


@since("1.2.0")
def count_total_params(
    layers: Sequence[Layer], layer_set: set[Layer] | None = None
) -> tuple[int, int]:
    """Return how many numbers the trainable weights of layers hold, and how many the others; of a
    weight that several have once.

    Args:
        layer_set: layers that do not count; those that are counted are added.
    """
    known = set() if layer_set is None else layer_set
    new = [layer for layer in dict.fromkeys(layers) if layer not in known]
    known.update(new)
    trainable = dict.fromkeys(weight for layer in new for weight in layer.trainable_weights)
    others = dict.fromkeys(weight for layer in new for weight in layer.non_trainable_weights)
    return count_numbers(list(trainable)), count_numbers([w for w in others if w not in trainable])


@since("1.1.0")
def convert_all_kernels_in_model(model: Container) -> None:
    """Reverse the kernels of all convolutions of a model along their spatial axes: weights that
    were trained on Theano become those of the same model on TensorFlow, and the reverse.

    Here kernels are those of Theano; `load_weights` turns those of TensorFlow by itself where the
    file says so itself, so this is for arrays set by `set_weights`, and for files that do not say
    it."""
    pairs = []
    for layer in dict.fromkeys(model.layers):
        for weight, form in layer._graphc_stored_forms().items():
            if isinstance(form, KernelLayout):
                value = weight.get_value()
                pairs.append((weight, form.converted(value, value.shape, TENSORFLOW)))
    K.batch_set_value(pairs)


public(__name__)
