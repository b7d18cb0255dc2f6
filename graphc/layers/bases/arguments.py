"""Checks of arguments and inputs that several layers make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from graphc import regularizers
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.shapes import may_be_equal
from graphc.errors import ArgumentError, ShapeError, errors_at
from graphc.lookup import whole_number

Found = TypeVar("Found")


def fraction(value: object, what: str) -> float:
    """The value as a float. ArgumentError, starting with `what`, unless 0 <= value < 1."""
    if not (isinstance(value, int | float | np.number) and 0.0 <= value < 1.0):
        raise ArgumentError(f"{what}, expected 0 <= p < 1, received {value!r}")
    return float(value)


def with_input_shape(
    label: str, kwargs: LayerKeywords, shape: tuple[int | None, ...], said_by: str
) -> LayerKeywords:
    """A layer's keywords with the `input_shape` that another argument (`said_by`) stands for.

    A `batch_input_shape` beside it, as configs have it, has to say the same.
    """
    if kwargs.get("input_shape") is not None:
        raise ArgumentError(f"{label}: give {said_by} or input_shape, not both")
    batched = kwargs.get("batch_input_shape")
    if batched is None:
        return {**kwargs, "input_shape": shape}
    if not isinstance(batched, list | tuple) or not may_be_equal((None, *shape), tuple(batched)):
        raise ArgumentError(
            f"{label}: batch_input_shape is {batched!r}, but {said_by} says {(None, *shape)}, the "
            "batch first; leave one of the two out"
        )
    return kwargs


def only_input(inputs: Sequence[g.Node], where: str) -> g.Node:
    """The input of a layer that takes one. ArgumentError for several."""
    if len(inputs) != 1:
        raise ArgumentError(f"{where}: expected one input, received {len(inputs)}")
    return inputs[0]


def checked_length(input_length: object, owner: str) -> int | None:
    """The `input_length` of a layer, None for any number of steps. ArgumentError for what is no
    whole number of at least 1."""
    if input_length is None:
        return None
    return whole_number(f"{owner}: input_length", input_length, least=1)


def with_length(x: g.Node, input_length: int | None, owner: str) -> g.Node:
    """A sequence (batch, steps, ...) whose steps are `input_length`, where that is not None.

    ShapeError where the steps are known to be others; open steps are checked in the call.
    """
    steps = x.shape[1]
    if input_length is None or steps == input_length:
        return x
    if isinstance(steps, int):
        raise ShapeError(
            f"{owner}: axis 1 of the input: expected {input_length}, its input_length, received "
            f"{steps}; leave input_length out for any number of steps"
        )
    return g.reshape(x, (x.shape[0], input_length, *x.shape[2:]))


def option(
    layer: Layer, name: str, get: Callable[..., Found], value: object, **keywords: object
) -> Found:
    """Return the object that `get` finds for an argument of a layer; its error then names both.

    ArgumentError for a layer in place of a function: its weights would be nobody's.
    """
    if isinstance(value, Layer):
        raise ArgumentError(
            f"{layer._graphc_label}: {name}: expected a name or a function, "
            f"received the layer {value._graphc_label}; add it to the model, "
            "after this layer"
        )
    with errors_at(f"{layer._graphc_label}: {name}"):
        return get(value, **keywords)


def weight_penalty(layer: Layer, name: str, value: object) -> Any:
    """The regularizer of a weight, or None. ArgumentError for one of an output."""
    found = option(layer, name, regularizers.get, value)
    if isinstance(found, regularizers.ActivityRegularizer):
        raise ArgumentError(
            f"{layer._graphc_label}: {name}: expected a penalty on a weight, e.g. "
            f"l2(0.01), received one on outputs, {found.get_config()}; give it as "
            "activity_regularizer"
        )
    return found


def output_penalty(layer: Layer, value: object) -> Any:
    """The activity_regularizer, or None. ArgumentError for one of a weight."""
    found = option(layer, "activity_regularizer", regularizers.get, value)
    if isinstance(found, regularizers.WeightRegularizer):
        raise ArgumentError(
            f"{layer._graphc_label}: activity_regularizer: expected a penalty on "
            f"outputs, e.g. activity_l2(0.01), received one on a weight, {found.get_config()}; "
            "give it as W_regularizer"
        )
    return found
