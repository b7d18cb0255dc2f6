"""The record of the uses of layers: which layer made a tensor, from what, and what else the use
does.

A *tensor* here is a node of the expression graph (`graphc.compiler.graph.Node`) that a layer made;
a `LayerNode`, which Keras calls `Node`, is the record of one use of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from graphc.compiler import graph as g
from graphc.engine.topology.shapes import KnownShape, known_shape

if TYPE_CHECKING:
    from graphc.engine.topology.layer import Layer

Mask = g.Node | None
"""A bool (batch, time), False at masked steps; None without a mask."""


class TensorHistory(NamedTuple):
    """The source of a tensor: output `tensor_index` of use `node_index` of a layer."""

    layer: Layer
    node_index: int
    tensor_index: int

    @property
    def node(self) -> LayerNode:
        return self.layer.inbound_nodes[self.node_index]


@dataclass(frozen=True, eq=False)
class Use:
    """A layer applied to inputs, directly or inside of a model or wrapper that was.

    Attributes:
        updates: (shared variable, new value) pairs of this use.
        losses: scalars that this use adds to the loss of training.
    """

    layer: Layer
    inputs: tuple[g.Node, ...]
    outputs: tuple[g.Node, ...]
    updates: list[tuple[g.Node, g.Node]]
    losses: list[g.Node] = field(default_factory=list, kw_only=True)


class LayerNode:
    """One use of a layer: its input and output tensors.

    Attributes:
        outbound_layer: the layer.
        inbound_layers, node_indices, tensor_indices: where each input tensor comes from; empty
            where a tensor is no layer's output.
        input_tensors, output_tensors, input_masks, output_masks, input_shapes, output_shapes: one
            for each input or output.
        is_list: True if the layer was called on a list of tensors.
        uses: the use itself, behind those inside of it; set by the layer.
    """

    def __init__(
        self,
        outbound_layer: Layer,
        inbound_layers: Sequence[Layer],
        node_indices: Sequence[int],
        tensor_indices: Sequence[int],
        input_tensors: Sequence[g.Node],
        output_tensors: Sequence[g.Node],
        input_masks: Sequence[Mask],
        output_masks: Sequence[Mask],
        input_shapes: Sequence[KnownShape],
        output_shapes: Sequence[KnownShape],
    ):
        self.outbound_layer = outbound_layer
        self.inbound_layers = list(inbound_layers)
        self.node_indices = list(node_indices)
        self.tensor_indices = list(tensor_indices)
        self.input_tensors = list(input_tensors)
        self.output_tensors = list(output_tensors)
        self.input_masks = list(input_masks)
        self.output_masks = list(output_masks)
        self.input_shapes = list(input_shapes)
        self.output_shapes = list(output_shapes)
        self.is_list = len(self.input_tensors) != 1
        self.uses: list[Use] = []
        for layer in dict.fromkeys(self.inbound_layers):
            layer.outbound_nodes.append(self)
        outbound_layer.inbound_nodes.append(self)

    @classmethod
    def of_tensors(
        cls,
        layer: Layer,
        inputs: Sequence[g.Node],
        outputs: Sequence[g.Node],
        input_masks: Sequence[Mask],
        output_masks: Sequence[Mask],
    ) -> LayerNode:
        """Make the node of a use from the histories and shapes of its input tensors."""
        histories = [tensor.history for tensor in inputs]
        known = [] if None in histories else histories
        return cls(
            layer,
            [one.layer for one in known],
            [one.node_index for one in known],
            [one.tensor_index for one in known],
            inputs,
            outputs,
            input_masks,
            output_masks,
            [known_shape(tensor) for tensor in inputs],
            [known_shape(tensor) for tensor in outputs],
        )

    @classmethod
    def create_node(
        cls,
        outbound_layer: Layer,
        inbound_layers: Sequence[Layer],
        node_indices: Sequence[int] | None = None,
        tensor_indices: Sequence[int] | None = None,
    ) -> LayerNode:
        """Use a layer on outputs of others; by default on the first output of their first use."""
        node_indices = node_indices or [0] * len(inbound_layers)
        tensor_indices = tensor_indices or [0] * len(inbound_layers)
        tensors = [
            layer._graphc_node_at(node_index, "output").output_tensors[tensor_index]
            for layer, node_index, tensor_index in zip(
                inbound_layers, node_indices, tensor_indices, strict=True
            )
        ]
        outbound_layer(one_or_list(tensors))
        return outbound_layer.inbound_nodes[-1]

    def get_config(self) -> dict[str, Any]:
        """The layers' names and the indices."""
        return {
            "outbound_layer": self.outbound_layer.name,
            "inbound_layers": [layer.name for layer in self.inbound_layers],
            "node_indices": self.node_indices,
            "tensor_indices": self.tensor_indices,
        }


_recorder: ContextVar[list[Use] | None] = ContextVar("graphc_uses", default=None)


@contextmanager
def recorded_uses() -> Iterator[list[Use]]:
    """Record the uses of layers inside, for itself and for an enclosing recorder."""
    uses: list[Use] = []
    enclosing = _recorder.get()
    token = _recorder.set(uses)
    try:
        yield uses
    finally:
        _recorder.reset(token)
    if enclosing is not None:
        enclosing += uses


def record_use(use: Use) -> None:
    """Add a use to the innermost `recorded_uses`."""
    recorder = _recorder.get()
    if recorder is not None:
        recorder.append(use)


def mask_of(tensor: g.Node) -> Mask:
    """Return the mask that a layer returned together with a tensor."""
    history = tensor.history
    return None if history is None else history.node.output_masks[history.tensor_index]


class JoinedTensors(list):
    """Tensors of several nodes in a list that has them by their names too: Keras 0.3 gave a layer
    behind 'join' a dict, later releases a list."""

    def __init__(self, names: Sequence[str], tensors: Sequence[g.Node]):
        super().__init__(tensors)
        self._names = list(names)

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self._names)

    def values(self) -> list[g.Node]:
        """Return the tensors."""
        return list(self)

    def items(self) -> list[tuple[str, g.Node]]:
        """Return pairs of a name and its tensor."""
        return list(zip(self._names, self, strict=True))

    def __getitem__(self, place: Any) -> Any:
        return super().__getitem__(self._names.index(place) if place in self._names else place)


def to_list(x: Any) -> list:
    """A list or tuple as a list, anything else as a list of one."""
    return list(x) if isinstance(x, list | tuple) else [x]


def object_list_uid(object_list: Any) -> str:
    """A text that no other objects than these, or this single one, have while they live."""
    return ", ".join(str(id(one)) for one in to_list(object_list))


def one_or_list(values: Sequence) -> Any:
    """The only element, or all of several as a list."""
    return values[0] if len(values) == 1 else list(values)
