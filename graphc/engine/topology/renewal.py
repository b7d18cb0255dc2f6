"""Layers whose output can be switched after they were used, and the reconnection of containers with
such layers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from graphc.compiler import graph as g
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.layer_node import LayerNode, Mask, Use, mask_of, one_or_list, to_list


class Switched(Layer):
    """A layer with an attribute that changes what it computes, also after it was used.

    A subclass records its uses as `SwitchedUse`, from which models see that they are outdated.

    Attributes:
        form: what the layer computes now: another value after it was switched.
        any_switched: whether any layer of the process ever was. Before that no use is outdated, and
            no model looks for one.
    """

    any_switched: ClassVar[bool] = False

    _form: Hashable = None

    @property
    def form(self) -> Hashable:
        return self._form

    @form.setter
    def form(self, form: Hashable) -> None:
        if "_form" in vars(self) and form != self._form:
            Switched.any_switched = True
        self._form = form


@dataclass(frozen=True)
class SwitchedUse(Use):
    """A use of a `Switched` layer.

    Attributes:
        form: the layer's at the time of the use.
    """

    layer: Switched
    form: Hashable


class Renewable(Protocol):
    """A container of uses of layers."""

    inputs: list[g.Node]

    def _graphc_nodes(self) -> Sequence[LayerNode]:
        """Return the uses of layers in topological order."""

    def _graphc_replace(self, tensors: Mapping[g.Node, g.Node]) -> None:
        """Reconnect, given the replacement of each tensor."""


def renew(container: Renewable) -> None:
    """Apply a container's layers again, from the first one that was switched."""
    if not Switched.any_switched:  # a layer is added, and its model asked, in constant time
        return
    nodes = container._graphc_nodes()
    if not any(map(_is_outdated, nodes)):
        return
    tensors = {tensor: tensor for tensor in container.inputs}
    for node in nodes:
        inputs = [tensors[tensor] for tensor in node.input_tensors]
        outputs = node.output_tensors
        if inputs != node.input_tensors or _is_outdated(node):
            outputs = to_list(_use_again(node, inputs))
        tensors.update(zip(node.output_tensors, outputs, strict=True))
    container._graphc_replace(tensors)


def _is_outdated(node: LayerNode) -> bool:
    """Return True if the layer of a use, or one inside of it, was switched since."""
    return any(isinstance(use, SwitchedUse) and use.form != use.layer.form for use in node.uses)


def _use_again(node: LayerNode, inputs: list[g.Node]) -> Any:
    """Return the outputs of a layer for other inputs, with the user's masks, if any."""
    layer: Callable[..., Any] = node.outbound_layer
    x = inputs if node.is_list else inputs[0]
    pairs = list(zip(node.input_tensors, node.input_masks, strict=True))
    if all(mask is mask_of(tensor) for tensor, mask in pairs):
        return layer(x)
    masks: list[Mask] = [
        mask_of(new) if mask is mask_of(old) else mask
        for new, (old, mask) in zip(inputs, pairs, strict=True)
    ]
    return layer(x, masks if node.is_list else one_or_list(masks))
