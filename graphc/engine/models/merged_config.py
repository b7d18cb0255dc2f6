"""The config of a Merge at the front of a Sequential, together with the models that it merges."""

from __future__ import annotations

from typing import Any

from graphc.compiler import graph as g
from graphc.engine.configs.registry import layer_entry, writing_layers
from graphc.engine.topology.container import Container
from graphc.engine.topology.layer import InputLayer, Layer
from graphc.engine.topology.merge import Merge
from graphc.engine.topology.shapes import known_shape
from graphc.engine.topology.wiring import sources
from graphc.errors import ArgumentError


def merged_entry(merge: Merge) -> dict[str, Any]:
    """Return the entry of a Merge, whose config has the entries of what it merges as `layers`.

    ArgumentError where they are more than the config tells: branches that share an input, or that
    are layers after others.
    """
    tensors = merge.inbound_nodes[0].input_tensors
    needed = {layer: sources(tensor) for layer, tensor in zip(merge.layers, tensors, strict=True)}
    inputs = [tensor for several in needed.values() for tensor in several]
    if len(set(inputs)) != len(inputs):
        raise _inexpressible(merge, "two of its layers read the same input")
    with writing_layers():
        branches = [_branch(merge, *pair) for pair in zip(merge.layers, tensors, strict=True)]
        entry = layer_entry(merge)
    indices = list(map(_number, merge.layers, tensors))
    tensor_indices = {"tensor_indices": indices} if any(indices) else {}
    return {**entry, "config": {**entry["config"], "layers": branches, **tensor_indices}}


def first_entry(layer: Layer, inputs: list[g.Node]) -> dict[str, Any]:
    """Return the entry of a model's first layer, with the shape of the input."""
    if isinstance(layer, Merge) and layer.layers:
        return merged_entry(layer)
    entry = layer_entry(layer)
    if isinstance(layer, Container | InputLayer):
        return entry
    if len(inputs) != 1:
        raise ArgumentError(
            f"{layer._graphc_label}: a first layer with {len(inputs)} inputs has "
            "no config that says their shapes; use Model(input, output)"
        )
    # Where an InputLayer stands in front, its shape counts, not the layer's own.
    shape = list(known_shape(inputs[0]))
    entry_shape = {"batch_input_shape": shape, "input_dtype": inputs[0].dtype}
    return {**entry, "config": {**entry["config"], **entry_shape}}


def _branch(merge: Merge, layer: Layer, tensor: g.Node) -> dict[str, Any]:
    if isinstance(layer, Container):
        if tensor not in layer.outputs:
            raise _inexpressible(merge, f"of {layer.name} it takes the output of another call")
        return layer_entry(layer)
    node = tensor.history.node
    behind = [one.name for one in node.inbound_layers if not isinstance(one, InputLayer)]
    if behind and not (isinstance(layer, Merge) and layer.layers):
        raise _inexpressible(merge, f"{layer.name} reads {behind[0]}")
    return first_entry(layer, node.input_tensors)


def _number(layer: Layer, tensor: g.Node) -> int:
    """Return the index of a tensor among the outputs of its layer."""
    if isinstance(layer, Container):
        return layer.outputs.index(tensor)
    number: int = tensor.history.tensor_index
    return number


def _inexpressible(merge: Merge, why: str) -> ArgumentError:
    return ArgumentError(
        f"{merge.name} (Merge): {why}, which the config of a Sequential cannot tell; build the "
        "model with Model(input, output)"
    )
