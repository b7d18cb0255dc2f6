"""Checks of the layers that users write: each mistake raises an error where it happens."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from graphc.compiler import graph as g
from graphc.engine.topology.layer_node import Mask, one_or_list, to_list
from graphc.engine.topology.shapes import KnownShape, known_shape, may_be_equal
from graphc.engine.topology.user_layers.functions import check_takes
from graphc.errors import ArgumentError, ShapeError

_log = logging.getLogger("graphc")


def check_made(layer: Any) -> None:
    """Raise ArgumentError for a layer whose `__init__` did not call that of `Layer`."""
    if "inbound_nodes" not in vars(layer):
        raise ArgumentError(
            f"{type(layer).__name__}: __init__ has to call super().__init__(**kwargs), which makes "
            "the layer's name and input shape"
        )


def is_users(cls: type) -> bool:
    """Return True for a class that is not graphc's own."""
    return not cls.__module__.startswith("graphc.")


def check_weights(layer: Any) -> None:
    """Check what `build` made: ArgumentError for weights that are not shared variables, a line in
    the log for variables that are in no list of weights."""
    label = layer._graphc_label
    for owner in ("trainable_weights", "non_trainable_weights"):
        for weight in getattr(layer, owner):
            if not _is_variable(weight):
                raise ArgumentError(
                    f"{label}: {owner}: expected shared variables, e.g. K.variable(value), "
                    f"received {type(weight).__name__}"
                )
    attributes = vars(layer)
    listed = set(layer.weights)
    unlisted = [
        f"self.{name}"
        for name, one in attributes.items()
        if _is_variable(one) and one not in listed
    ]
    for held in layer._graphc_held_layers():
        unlisted += [g.label(one) for one in held.weights if one not in listed]
    if unlisted:
        _log.warning(
            "%s: the variables %s are in neither trainable_weights nor non_trainable_weights, so "
            "training does not change them and files do not store them; build may put them there",
            label,
            ", ".join(unlisted),
        )


def check_output(layer: Any, output: object) -> None:
    """Raise ArgumentError unless `call` returned a node, or a list of nodes."""
    for one in to_list(output):
        if not isinstance(one, g.Node):
            raise ArgumentError(
                f"{layer._graphc_label}: call() has to return a node, returned {type(one).__name__}"
            )


def check_claim(
    layer: Any, output: g.Node | list[g.Node], input_shape: KnownShape | list[KnownShape]
) -> None:
    """Raise ShapeError if `get_output_shape_for` returns another shape than the output has."""
    claimed = layer.get_output_shape_for(input_shape)
    claims = list(claimed) if isinstance(claimed, list) else [tuple(claimed)]
    actual = [known_shape(one) for one in to_list(output)]
    if len(claims) != len(actual) or not all(map(may_be_equal, map(tuple, claims), actual)):
        raise ShapeError(
            f"{layer._graphc_label}: get_output_shape_for({input_shape}) says "
            f"{claimed}, but call() made an output of shape {one_or_list(actual)}; correct one "
            "of the two"
        )


def refuse_mask(layer: Any, mask: Mask | list[Mask]) -> None:
    """Raise ArgumentError for a mask that reaches a layer without support for masks."""
    if any(one is not None for one in to_list(mask)):
        raise ArgumentError(
            f"{layer._graphc_label} does not take a mask, and one comes in with "
            "its input (from Masking, or from an Embedding with mask_zero=True). Put a layer "
            "that uses the mask up in front of it, e.g. a recurrent one with "
            "return_sequences=False, or leave the masking out"
        )


def check_takes_mask(layer: Any) -> None:
    """Raise ArgumentError for a mask that reaches a layer whose `call` does not take one."""
    where = f"{layer._graphc_label} says supports_masking; call()"
    check_takes(layer.call, where, "x", mask="mask")


def check_masks(layer: Any, masks: Sequence[object], what: str) -> None:
    """Raise ArgumentError unless each mask is a node or None."""
    for mask in masks:
        if mask is not None and not isinstance(mask, g.Node):
            raise ArgumentError(
                f"{layer._graphc_label}: {what}: expected a node (batch, steps), "
                f"false at the steps that do not count, or None, received {type(mask).__name__}"
            )


def _is_variable(value: object) -> bool:
    return isinstance(value, g.Node) and value.op == "shared"
