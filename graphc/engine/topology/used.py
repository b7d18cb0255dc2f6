"""The properties of a layer that its uses determine: its inputs, outputs, masks and shapes."""

from __future__ import annotations

from typing import Any, cast

from graphc.compiler import graph as g
from graphc.engine.topology.layer_node import LayerNode, Mask, Record, one_or_list, to_list
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.errors import ArgumentError, UndefinedError


class Used:
    """A layer's uses.

    Attributes:
        inbound_nodes: the uses, in their order.
        outbound_nodes: the uses of other layers that read an output of this one.
        _graphc: what the engine keeps about the layer.
        _graphc_own_nodes: how many of `inbound_nodes` are no uses: a model's first one is its own
            inputs and outputs.
    """

    name: str
    inbound_nodes: list[LayerNode]
    outbound_nodes: list[LayerNode]
    _graphc: Record
    _graphc_own_nodes = 0

    @property
    def _graphc_label(self) -> str:
        """The layer's name and class for messages: ``dense_1 (Dense)``."""
        return f"{self.name} ({type(self).__name__})"

    def __repr__(self) -> str:
        return f"<{self._graphc_label}>" if hasattr(self, "name") else super().__repr__()

    def get_input_at(self, node_index: int) -> g.Node | list[g.Node]:
        """Return the input, or the list of inputs, of the k-th use."""
        return one_or_list(self._graphc_node_at(node_index, "input").input_tensors)

    def get_output_at(self, node_index: int) -> g.Node | list[g.Node]:
        """Return the output, or the list of outputs, of the k-th use."""
        return one_or_list(self._graphc_node_at(node_index, "output").output_tensors)

    def get_input_mask_at(self, node_index: int) -> Mask | list[Mask]:
        """Return the mask of the input, or a list of masks, of the k-th use."""
        return one_or_list(self._graphc_node_at(node_index, "input mask").input_masks)

    def get_output_mask_at(self, node_index: int) -> Mask | list[Mask]:
        """Return the mask of the output, or a list of masks, of the k-th use."""
        return one_or_list(self._graphc_node_at(node_index, "output mask").output_masks)

    def get_input_shape_at(self, node_index: int) -> KnownShape | list[KnownShape]:
        """Return the shape of the input, or a list of shapes, of the k-th use."""
        return one_or_list(self._graphc_node_at(node_index, "input shape").input_shapes)

    def get_output_shape_at(self, node_index: int) -> KnownShape | list[KnownShape]:
        """Return the shape of the output, or a list of shapes, of the k-th use."""
        return one_or_list(self._graphc_node_at(node_index, "output shape").output_shapes)

    @property
    def input(self) -> g.Node | list[g.Node]:
        """The input of the layer's only use."""
        if self._graphc.seen_at is not None:
            return one_or_list(self._graphc.seen_at.inputs)
        return one_or_list(self._graphc_only_node("input").input_tensors)

    @input.setter
    def input(self, tensor: g.Node) -> None:
        cast(Any, self).set_input(tensor)  # which Layer has

    @property
    def output(self) -> g.Node | list[g.Node]:
        """The output of the layer's only use."""
        if self._graphc.seen_at is not None:
            return one_or_list(self._graphc.seen_at.outputs)
        return one_or_list(self._graphc_only_node("output").output_tensors)

    @property
    def uses_learning_phase(self) -> bool:
        """True if an output differs between training and testing; or the value that was set."""
        found = self._graphc.uses_learning_phase
        if found is not None:
            return found
        outputs = [one for node in self.inbound_nodes for one in node.output_tensors]
        return g.learning_phase() in g.toposort(outputs)

    @uses_learning_phase.setter
    def uses_learning_phase(self, uses: object) -> None:
        self._graphc.uses_learning_phase = bool(uses)

    def get_input(self, train: bool = False) -> g.Node | list[g.Node]:
        """Return the input of the layer's connection, or of its only use, in training or in
        testing, as in Keras 0.3."""
        if self._graphc.called_on is not None:
            x: g.Node | list[g.Node] = self._graphc.called_on[0]
            dtype = self._graphc.placeholder_dtype
            if dtype is not None and isinstance(x, g.Node) and x.dtype != dtype:
                return g.cast(x, dtype)
            return x
        node = self._graphc.connection
        tensors = to_list(self.input) if node is None else node.input_tensors
        return one_or_list(_in_phase(tensors, train))

    def get_output(self, train: bool = False) -> g.Node | list[g.Node]:
        """Return the output of the layer's connection, or of its only use, in training or in
        testing, as in Keras 0.3.

        A layer in the way of Keras 0.3 defines this, of `get_input`, in place of `call`.
        """
        node = self._graphc.connection
        tensors = to_list(self.output) if node is None else node.output_tensors
        return one_or_list(_in_phase(tensors, train))

    def get_input_mask(self, train: bool = False) -> Mask | list[Mask]:
        """Return the mask of the input of the layer's only use, as in Keras 0.3."""
        return self.input_mask if self._graphc.called_on is None else self._graphc.called_on[1]

    def get_output_mask(self, train: bool = False) -> Mask | list[Mask]:
        """Return the mask of the output of the layer's only use, as in Keras 0.3."""
        return self.output_mask

    @property
    def input_mask(self) -> Mask | list[Mask]:
        """The mask of the input of the layer's only use."""
        return one_or_list(self._graphc_only_node("input_mask").input_masks)

    @property
    def output_mask(self) -> Mask | list[Mask]:
        """The mask of the output of the layer's only use."""
        return one_or_list(self._graphc_only_node("output_mask").output_masks)

    @property
    def input_shape(self) -> KnownShape | list[KnownShape]:
        """The shape of the inputs, if all uses have the same."""
        return self._graphc_common_shape("input")

    @property
    def output_shape(self) -> KnownShape | list[KnownShape]:
        """The shape of the output, if all uses have the same."""
        return self._graphc_common_shape("output")

    def _graphc_node_at(self, index: int, wanted: str) -> LayerNode:
        count = len(self.inbound_nodes)
        if not -count <= index < count:
            raise ArgumentError(
                f"{self.name} was called {count} times; it has no {wanted} of call {index}"
            )
        return self.inbound_nodes[index]

    def _graphc_only_node(self, wanted: str) -> LayerNode:
        if self._graphc.connection is not None:
            return self._graphc.connection
        if len(self.inbound_nodes) != 1:
            raise UndefinedError(
                f"{self.name}.{wanted} is defined for a layer that was called once, and this one "
                f"was called {len(self.inbound_nodes)} times; get_{wanted}_at(k) reads the k-th "
                "call"
            )
        return self.inbound_nodes[0]

    def _graphc_common_shape(self, side: str) -> KnownShape | list[KnownShape]:
        if side == "input" and self._graphc.called_on is not None:
            return one_or_list([known_shape(x) for x in to_list(self._graphc.called_on[0])])
        connection = self._graphc.connection
        nodes = self.inbound_nodes if connection is None else [connection]
        found = {tuple(getattr(node, f"{side}_shapes")) for node in nodes}
        if len(found) != 1:
            raise UndefinedError(
                f"{self.name}.{side}_shape is not defined: its {len(self.inbound_nodes)} calls "
                f"have {len(found)} shapes; get_{side}_shape_at(k) reads the k-th call"
            )
        return one_or_list(found.pop())


def _in_phase(nodes: list[g.Node], train: bool) -> list[g.Node]:
    """Return nodes with the learning phase replaced by a constant."""
    return g.substitute(nodes, {g.learning_phase(): g.as_node(bool(train))})
