"""The uses of layers between input and output tensors, in an order for computing them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from graphc.compiler import graph as g
from graphc.engine.topology.layer import InputLayer, Layer, as_layer
from graphc.engine.topology.layer_node import LayerNode, TensorHistory
from graphc.errors import ArgumentError

_log = logging.getLogger("graphc")

_T = TypeVar("_T")


@dataclass(frozen=True)
class Wiring:
    """The uses and layers between the inputs and the outputs of a model.

    Attributes:
        nodes: the uses, each after those whose outputs it reads; without those of the inputs.
        layers: those with the longest path to an output first; with the inputs' layers.
        depths: the length of the longest path from each use to an output, those of the inputs too.
    """

    nodes: tuple[LayerNode, ...]
    layers: tuple[Layer, ...]
    depths: Mapping[LayerNode, int]

    @property
    def nodes_by_depth(self) -> dict[int, list[LayerNode]]:
        """The uses of layers and inputs by their depth, the outputs' is 0."""
        return _grouped(self.depths)

    @property
    def layers_by_depth(self) -> dict[int, list[Layer]]:
        """The layers by the depth of their deepest use, in the order of `layers`."""
        deepest = _deepest(self.depths)
        return _grouped({layer: deepest[layer] for layer in self.layers})


def trace(
    inputs: Sequence[g.Node], outputs: Sequence[g.Node], owner: str, by_name: bool = True
) -> Wiring:
    """Return the uses of layers between inputs and outputs. The errors start with `owner`.

    Layers whose longest paths to an output are equal are in the order of their names or, unless
    `by_name`, in that in which a walk from the outputs meets them, depth first.

    Raises:
        ArgumentError: a tensor that no layer made, an output that needs further inputs, two layers
            of one name.
    """
    given = set(inputs)
    order: list[LayerNode] = []
    begun: dict[LayerNode, None] = {}  # in the order of the walk
    # (use, whether what it reads is in the order); no recursion: models may be thousands deep.
    stack = [(_node_of(tensor, owner), False) for tensor in reversed(outputs)]
    while stack:
        node, is_ready = stack.pop()
        if is_ready:
            order.append(node)
            continue
        if node in begun:
            continue
        begun[node] = None
        if isinstance(node.outbound_layer, InputLayer):
            if node.output_tensors[0] not in given:
                raise ArgumentError(
                    f"{owner}: the outputs need the input {node.outbound_layer.name!r} of shape "
                    f"{node.output_shapes[0]}, which is not among the model's inputs; add it to "
                    "them"
                )
            order.append(node)
            continue
        stack.append((node, True))
        stack += [(_node_of(tensor, owner), False) for tensor in reversed(node.input_tensors)]
    idle = [tensor.history.node for tensor in inputs if tensor.history.node not in begun]
    for node in idle:  # as in Keras, where losses and metrics read such an input
        _log.warning(
            "%s: no output depends on the input %r of shape %s; it takes data, which only a loss "
            "or a metric can read",
            *(owner, as_layer(node.outbound_layer).name, node.output_shapes[0]),
        )
    depths = _depths(order, idle)
    layers = _by_depth(depths, None if by_name else (*begun, *idle))
    _check_names(layers, owner)
    nodes = tuple(node for node in order if not isinstance(node.outbound_layer, InputLayer))
    return Wiring(nodes, layers, depths)


def sources(tensor: g.Node) -> list[g.Node]:
    """Return the input tensors that a tensor is computed from, in the order of traversal."""
    found: dict[g.Node, None] = {}
    seen: set[g.Node] = set()
    stack = [tensor]
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        history = history_of(current, "get_source_inputs")
        if isinstance(history.layer, InputLayer):
            found[current] = None
        else:
            stack += reversed(history.node.input_tensors)
    return list(found)


def history_of(tensor: object, owner: str) -> TensorHistory:
    """Return the history of a tensor: the layer that made it. ArgumentError for anything else."""
    if not isinstance(tensor, g.Node):
        raise ArgumentError(
            f"{owner}: expected tensors (an Input, a layer's output), received "
            f"{type(tensor).__name__}"
        )
    if tensor.history is None:
        raise ArgumentError(
            f"{owner}: {g.label(tensor)} is not the output of a layer, so the model cannot tell "
            "its layers; make it inside of a layer, e.g. Lambda(lambda x: K.sqrt(x))"
        )
    history: TensorHistory = tensor.history
    return history


def _node_of(tensor: g.Node, owner: str) -> LayerNode:
    return history_of(tensor, owner).node


def _depths(order: Sequence[LayerNode], idle: Sequence[LayerNode]) -> dict[LayerNode, int]:
    """Return the length of the longest path from each use to an output. The inputs that no output
    depends on (`idle`) are as deep as the deepest."""
    depths: dict[LayerNode, int] = {}
    made_by: dict[g.Node, LayerNode] = {
        tensor: node for node in order for tensor in node.output_tensors
    }
    for node in reversed(order):
        depth = depths.setdefault(node, 0)
        for tensor in node.input_tensors:
            before = made_by[tensor]
            if before is not node:  # an input's use reads itself
                depths[before] = max(depths.get(before, 0), depth + 1)
    return depths | dict.fromkeys(idle, max(depths.values(), default=0))


def _deepest(depths: Mapping[LayerNode, int]) -> dict[Layer, int]:
    found: dict[Layer, int] = {}
    for node, depth in depths.items():
        layer = as_layer(node.outbound_layer)
        found[layer] = max(found.get(layer, 0), depth)
    return found


def _grouped(depths: Mapping[_T, int]) -> dict[int, list[_T]]:
    found: dict[int, list[_T]] = {}
    for one, depth in depths.items():
        found.setdefault(depth, []).append(one)
    return found


def _by_depth(
    depths: Mapping[LayerNode, int], met: Iterable[LayerNode] | None
) -> tuple[Layer, ...]:
    """Sort layers by the longest path from one of their uses to an output, then by name, or by the
    order in which they are `met`."""
    deepest = _deepest(depths)
    if met is None:
        return tuple(sorted(deepest, key=lambda layer: (-deepest[layer], layer.name)))
    first = list(dict.fromkeys(as_layer(node.outbound_layer) for node in met))
    return tuple(sorted(first, key=lambda layer: -deepest[layer]))


def _check_names(layers: Sequence[Layer], owner: str) -> None:
    by_name: dict[str, Layer] = {}
    for layer in layers:
        other = by_name.setdefault(layer.name, layer)
        if other is not layer:
            raise ArgumentError(
                f"{owner}: two layers are named {layer.name!r} ({type(other).__name__} and "
                f"{type(layer).__name__}); give one another name"
            )
