"""The methods by which Keras 0.3 connected each layer to the one that it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from graphc.compiler import graph as g
from graphc.constraints import Constraint
from graphc.engine.topology.layer_node import LayerNode
from graphc.engine.topology.shapes import KnownShape, batch_shape, known_shape
from graphc.engine.topology.used import Used
from graphc.errors import ArgumentError, UndefinedError
from graphc.lookup import true_or_false
from graphc.public.attributes import ComputedAttribute
from graphc.public.callers import warn

Function = Callable[[g.Node], g.Node]
Updates = list[tuple[g.Node, g.Node]]


class Connected(Used):
    """A layer that is connected to another one, as in Keras 0.3.

    A connection is a use of the layer like any other: a model that was made of an earlier use stays
    as it is, and the weights are those of all uses. What the layer reads and gives (`get_input`,
    `get_output`, `input`, `output`, the masks) is then that of the connection.
    """

    supports_masking: bool
    batch_input_shape: KnownShape | None
    _graphc_is_input = False

    @ComputedAttribute
    def previous(self) -> Any:
        """The layer whose output this one reads; UndefinedError if it reads a model's input, or
        several layers."""
        sources = self._graphc_connection("previous").inbound_layers
        if len(sources) != 1 or cast(Connected, sources[0])._graphc_is_input:
            raise UndefinedError(
                f"{self.name}.previous is defined for a layer that reads one other layer, and this "
                f"one reads {'an input' if len(sources) == 1 else f'{len(sources)} layers'}"
            )
        return sources[0]

    def set_previous(self, layer: Any, reset_weights: bool = True) -> None:
        """Connect this layer to another one, whose output it then reads.

        Args:
            layer: a layer with one output: one in use, or one with an `input_shape`.
            reset_weights: draw the weights anew, if there are any yet.

        Raises:
            ArgumentError: no layer, or one with several outputs.
            ShapeError: an output that does not fit the weights; make another layer for it,
                ``type(layer).from_config(layer.get_config())``.
        """
        where = f"{self.name}.set_previous"
        if not isinstance(layer, Connected):
            raise ArgumentError(f"{where}: expected a layer, received {layer!r:.60}")
        if not layer.inbound_nodes and layer.batch_input_shape is not None:
            layer.set_input_shape(layer.batch_input_shape)
        outputs = layer._graphc_connection("output").output_tensors
        if len(outputs) != 1:
            raise ArgumentError(
                f"{where}: expected a layer with one output, and {layer.name} has {len(outputs)}; "
                f"call {self.name} on the list of those that it takes"
            )
        self._graphc_connect_to(outputs[0], true_or_false(where, "reset_weights", reset_weights))

    def clear_previous(self, reset_weights: bool = True) -> None:
        """Connect this layer to a new input of the same shape, in place of the layer that it reads;
        see `set_previous`."""
        where = f"{self.name}.clear_previous"
        reset = true_or_false(where, "reset_weights", reset_weights)
        shapes = self._graphc_connection("input").input_shapes
        if len(shapes) != 1:
            raise ArgumentError(f"{where}: expected one input, and there are {len(shapes)}")
        self.set_input_shape(shapes[0])
        if reset:
            self._graphc_reset_weights(shapes[0])

    def set_input_shape(self, input_shape: Sequence[int | None]) -> None:
        """Connect this layer to a new input of a shape with the batch axis, and make its weights,
        if there are none yet."""
        self.batch_input_shape = batch_shape(None, input_shape, self.name)
        layer = cast(Any, self)  # a Layer, which makes inputs
        layer.create_input_layer(self.batch_input_shape, layer.input_dtype)
        self._graphc.connection = self.inbound_nodes[-1]

    def _graphc_connect_to(self, x: g.Node | list[g.Node], reset_weights: bool) -> None:
        """Use the layer on tensors, as its connection."""
        had_weights = bool(cast(Any, self).weights)
        cast(Any, self)(x)
        self._graphc.connection = self.inbound_nodes[-1]
        if reset_weights and had_weights and isinstance(x, g.Node):
            self._graphc_reset_weights(known_shape(x))

    def _graphc_connection(self, wanted: str) -> LayerNode:
        return self._graphc.connection or self._graphc_only_node(wanted)

    def _graphc_reset_weights(self, input_shape: KnownShape) -> None:
        """Draw anew what Keras 0.3 made anew as it connected the layer: its weights."""
        raise NotImplementedError

    @ComputedAttribute
    def nb_input(self) -> int:
        """The number of inputs: 1, but of a model."""
        return 1

    @ComputedAttribute
    def nb_output(self) -> int:
        """The number of outputs: 1, but of a model."""
        return 1

    def supports_masked_input(self) -> bool:
        """Return True if the layer takes a mask; since Keras 1.0 `supports_masking` says it."""
        return self.supports_masking

    @ComputedAttribute
    def cache_enabled(self) -> bool:
        """True: equal expressions are one, so an output is computed once."""
        return True

    def _graphc_check_cache(self, value: object) -> None:
        """Warn that a `cache_enabled` of False has no effect."""
        if not true_or_false(self._graphc_label, "cache_enabled", value):
            warn(
                f"{self._graphc_label}: cache_enabled=False has no effect; equal expressions are "
                "one, so an output is computed once"
            )

    def get_params(self) -> tuple[list[g.Node], list[Function], list[Function], Updates]:
        """Return the trainable weights, the regularizers, a constraint for each weight, and the
        updates, as Keras 0.3 collected them for an optimizer."""
        layer = cast(Any, self)
        weights = layer.trainable_weights
        rules = [layer.constraints.get(weight) or Constraint() for weight in weights]
        return list(weights), list(layer.regularizers), rules, list(layer.updates)
