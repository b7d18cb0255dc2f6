"""The record of the uses of layers: the layer that made a tensor, its inputs, and the updates and
losses of the use.

A *tensor* here is a node of the expression graph (`graphc.compiler.graph.Node`) that a layer made;
a `LayerNode`, which Keras calls `Node`, is the record of one use of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from graphc.compiler import graph as g
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.releases import Release

_T = TypeVar("_T")

Mask = g.Node | None
"""A bool (batch, time), False at masked steps; None without a mask."""


class NodeLayer(Protocol):
    """The attributes and methods of a layer that the record of its uses needs."""

    name: str
    inbound_nodes: list[LayerNode]
    outbound_nodes: list[LayerNode]
    _graphc: Record
    _graphc_own_nodes: int

    @property
    def stateful(self) -> bool:
        """True if the layer's updates belong to testing and predicting too."""

    @property
    def regularizers(self) -> list[Callable[[g.Node], g.Node]]:
        """The penalties on weights and outputs."""

    @property
    def _graphc_label(self) -> str:
        """The layer's name and class, for messages."""

    def __call__(self, x: Any, mask: Any = None) -> Any:
        """Use the layer on tensors."""

    def _graphc_apply(self, x: Any, mask: Any = None) -> tuple[list[g.Node], list[Mask]]:
        """Return outputs and masks without adding a `LayerNode`."""

    def _graphc_node_at(self, index: int, wanted: str) -> LayerNode:
        """Return a use by its number."""


class TensorHistory(NamedTuple):
    """The source of a tensor: output `tensor_index` of use `node_index` of a layer."""

    layer: NodeLayer
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

    layer: NodeLayer
    inputs: tuple[g.Node, ...]
    outputs: tuple[g.Node, ...]
    updates: list[tuple[g.Node, g.Node]]
    losses: list[g.Node] = field(default_factory=list, kw_only=True)


@dataclass
class Record:
    """The record that the engine keeps of a layer, apart from the attributes of its user.

    Attributes:
        connection: the use that `set_previous` made last, None without.
        called_on: what a layer in the way of Keras 0.3 is called on just now, and the masks.
        placeholder_dtype: that of the placeholder such a layer made for its input, None without.
        given_keywords: the names of the keyword arguments that the layer was made with.
        release: of Keras, which was in force when the layer was made.
        input_is_set: whether `set_input` said what comes in.
        own_updates: those that `build` made, which belong to every training step.
        own_losses: those that were added outside of a call, which belong to every model.
        added_in_call: the losses that the call of now has added; None outside of a call.
        seed: of the layer's random draws, None before the first.
        seen_at: the use whose tensors `input` and `output` are; None for the only one.
        streams: how many streams of random numbers the layer has taken.
        uses_learning_phase: what the user set of that name, None where nothing.
    """

    given_keywords: frozenset[str]
    release: Release
    input_is_set: bool = False
    seed: int | None = None
    own_updates: list[tuple[g.Node, g.Node]] = field(default_factory=list)
    own_losses: list[g.Node] = field(default_factory=list)
    added_in_call: list[g.Node] | None = None
    seen_at: Use | None = None
    streams: int = 0
    connection: LayerNode | None = None
    called_on: tuple[Any, Any] | None = None
    placeholder_dtype: str | None = None
    uses_learning_phase: bool | None = None

    @contextmanager
    def adding(self) -> Iterator[list[g.Node]]:
        """Collect the losses that are added inside the block, as those of one call."""
        before, self.added_in_call = self.added_in_call, []
        try:
            yield self.added_in_call
        finally:
            self.added_in_call = before

    @contextmanager
    def at(self, use: Use) -> Iterator[None]:
        """Make `input` and `output` those of one use inside the block, even if the layer has
        several."""
        before, self.seen_at = self.seen_at, use
        try:
            yield
        finally:
            self.seen_at = before


class LayerNode:
    """One use of a layer: its input and output tensors.

    Attributes:
        outbound_layer: the layer.
        inbound_layers, node_indices, tensor_indices: where each input tensor comes from; empty
            where a tensor is no layer's output.
        input_tensors, output_tensors, input_masks, output_masks, input_shapes, output_shapes: one
            for each input or output.
        is_list: True if the layer was called on a list of tensors.
        uses: the use itself, after those inside of it; set by the layer.
    """

    def __init__(
        self,
        outbound_layer: NodeLayer,
        inbound_layers: Sequence[NodeLayer],
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
        layer: NodeLayer,
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
        outbound_layer: NodeLayer,
        inbound_layers: Sequence[NodeLayer],
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


class JoinedTensors(list[Any]):
    """A list of tensors that can also be read like a dict by their names: Keras 0.3 gave a layer
    after 'join' a dict, later releases a list."""

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


def to_list(x: Any) -> list[Any]:
    """Return a list or tuple as a list, anything else as a list of one."""
    return list(x) if isinstance(x, list | tuple) else [x]


def object_list_uid(object_list: Any) -> str:
    """Return a text that identifies an object, or a list of objects, while they live."""
    return ", ".join(str(id(one)) for one in to_list(object_list))


def one_or_list(values: Sequence[_T]) -> _T | list[_T]:
    """Return the only element, or several as a list."""
    return values[0] if len(values) == 1 else list(values)
