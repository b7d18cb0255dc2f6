"""Losses and updates that a layer adds to training, of itself or of single uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from graphc import backend as K
from graphc.backend.functions import in_training
from graphc.compiler import graph as g
from graphc.engine.topology.layer_node import LayerNode, Use, to_list
from graphc.errors import ArgumentError, ShapeError

Update = tuple[g.Node, g.Node]


class Additions:
    """A layer's losses and updates beside those that its output has.

    What is added in `call` belongs to that use of the layer, and counts in the models that have it;
    what is added elsewhere belongs to the layer, and counts in every model with it.
    """

    updates: list[Update]
    regularizers: list[Callable[[g.Node], g.Node]]
    inbound_nodes: list[LayerNode]
    _graphc: Any

    @property
    def _graphc_label(self) -> str:
        """The name of the layer in messages, as `Used` gives it."""
        raise NotImplementedError

    def _graphc_held_layers(self) -> Sequence[Any]:
        """The layers inside, as `Layer` gives them."""
        raise NotImplementedError

    def add_loss(
        self, losses: g.Node | Sequence[g.Node], inputs: g.Node | Sequence[g.Node] | None = None
    ) -> None:
        """Add scalars, or a single one, to the loss of training; with the meanings of Keras from
        1.2.0 on they count in testing too, as penalties do.

        Args:
            losses: a scalar tensor, or a list of them.
            inputs: outside of `call`, the tensors that the layer was called on, where the losses
                belong to that use; None where they belong to the layer.

        Raises:
            ArgumentError: what is no tensor, or inputs that the layer was not called on.
            ShapeError: a loss that is no scalar.
        """
        found = to_list(losses)
        for loss in found:
            if not isinstance(loss, g.Node):
                raise ArgumentError(
                    f"{self._graphc_label}.add_loss: expected a scalar tensor, e.g. K.sum(x), "
                    f"received {loss!r:.60}"
                )
            if loss.shape:
                raise ShapeError(
                    f"{self._graphc_label}.add_loss: expected a scalar, received the shape "
                    f"{loss.shape}; K.mean or K.sum makes one"
                )
        record = self._graphc
        if record.added_in_call is not None:
            record.added_in_call += found
        elif inputs is None:
            record.own_losses += found
        else:
            self._graphc_use_of(inputs, "add_loss").losses.extend(found)

    def add_update(
        self, updates: Update | Sequence[Update], inputs: g.Node | Sequence[g.Node] | None = None
    ) -> None:
        """Add (variable, new value) pairs, such as `K.update` gives, or a single one, to the
        updates of a training step.

        Args:
            updates: a pair, or a list of them.
            inputs: outside of `call`, the tensors that the layer was called on, where the updates
                belong to that use; None where they belong to the layer.

        Raises:
            ArgumentError: what is no pair, or inputs that the layer was not called on.
        """
        single = isinstance(updates, tuple) and len(updates) == 2
        given: Any = updates
        pairs = [given] if single and isinstance(given[0], g.Node) else list(given)
        for pair in pairs:
            if not (isinstance(pair, list | tuple) and len(pair) == 2):
                raise ArgumentError(
                    f"{self._graphc_label}.add_update: expected (variable, new value) pairs, e.g. "
                    f"K.update(x, x + 1), received {pair!r:.60}"
                )
        made: list[Update] = [(variable, value) for variable, value in pairs]
        if self._graphc.added_in_call is not None or inputs is None:
            self.updates += made
            if self._graphc.added_in_call is None and vars(self).get("built", False):
                self._graphc.own_updates += made
        else:
            self._graphc_use_of(inputs, "add_update").updates.extend(made)

    @property
    def losses(self) -> list[g.Node]:
        """The penalties of weights and outputs, and the losses that were added, as scalars."""
        found = self.get_losses_for(None)
        for use in self._graphc_uses():
            found += self._graphc_losses_of(use)
        return found

    def get_losses_for(self, inputs: g.Node | Sequence[g.Node] | None) -> list[g.Node]:
        """Return the losses of the uses on these inputs, or, for None, those that belong to no
        use."""
        if inputs is not None:
            uses = self._graphc_uses(inputs)
            return [loss for use in uses for loss in self._graphc_losses_of(use)]
        own = [one for one in self.regularizers if getattr(one, "layer", None) is None]
        return [*map(_penalty, own), *self._graphc_own_losses()]

    def get_updates_for(self, inputs: g.Node | Sequence[g.Node] | None) -> list[Update]:
        """Return the updates of the uses on these inputs, or, for None, those that belong to no
        use."""
        if inputs is not None:
            return [pair for use in self._graphc_uses(inputs) for pair in use.updates]
        return [pair for layer in self._graphc_parts() for pair in layer._graphc.own_updates]

    def _graphc_own_losses(self) -> list[g.Node]:
        """Return the losses that were added to the layer and to the layers inside of it."""
        return [loss for layer in self._graphc_parts() for loss in layer._graphc.own_losses]

    def _graphc_parts(self) -> list[Any]:
        """Return the layer and the layers inside of it."""
        found: dict[Any, None] = {self: None}
        for one in self._graphc_held_layers():
            found.update(dict.fromkeys(one._graphc_parts()))
        return list(found)

    def _graphc_uses(self, inputs: g.Node | Sequence[g.Node] | None = None) -> list[Use]:
        """Return the uses of the layer (on these inputs, if given), with the uses of layers inside
        of it."""
        wanted = None if inputs is None else set(to_list(inputs))
        return [
            use
            for node in self.inbound_nodes
            if wanted is None or wanted == set(node.input_tensors)
            for use in node.uses
        ]

    def _graphc_losses_of(self, use: Use) -> list[g.Node]:
        with use.layer._graphc.at(use):
            watching = [one for one in use.layer.regularizers if _watches(one, use.layer)]
            return [*map(_penalty, watching), *use.losses]

    def _graphc_use_of(self, inputs: g.Node | Sequence[g.Node], method: str) -> Use:
        for use in self._graphc_uses(inputs):
            if cast(object, use.layer) is self:
                return use
        raise ArgumentError(
            f"{self._graphc_label}.{method}: inputs: expected the tensors that the layer was "
            "called on, received others; leave inputs out where it belongs to the layer"
        )


def _watches(regularizer: Callable[[g.Node], g.Node], layer: object) -> bool:
    return getattr(regularizer, "layer", None) is layer


def _penalty(regularizer: Callable[[g.Node], g.Node]) -> g.Node:
    """Return what a regularizer adds to a loss in training."""
    with in_training():
        return regularizer(g.constant(np.zeros((), K.floatx())))
