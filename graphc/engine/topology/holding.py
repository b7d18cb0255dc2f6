"""Layers that hold other layers, and have their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from graphc.compiler import graph as g
from graphc.engine.topology.layer import Layer
from graphc.files.conversions import Form

Function = Callable[[g.Node], g.Node]


class HoldingLayer(Layer):
    """A layer without weights of its own: it has those of the layers that `_graphc_held_layers`
    gives, with their penalties, constraints and states.

    A subclass uses the layers inside by their `apply`, so that what else they do (updates,
    penalties on outputs) is known to belong to its own use.
    """

    @property  # type: ignore[misc]  # read only
    def trainable_weights(self) -> list[g.Node]:
        """The trainable weights of the inner layers; see `Layer.trainable_weights`."""
        layers = [] if self._graphc_is_frozen else self._graphc_held_layers()
        return _each_once([one.trainable_weights for one in layers])

    @property  # type: ignore[misc]  # read only
    def non_trainable_weights(self) -> list[g.Node]:
        """The other weights of the inner layers, such as running statistics; see
        `Layer.non_trainable_weights`."""
        if self._graphc_is_frozen:
            return self.weights
        return _each_once([one.non_trainable_weights for one in self._graphc_held_layers()])

    def _graphc_made(self, which: str) -> list[g.Node]:
        return _each_once([one._graphc_made(which) for one in self._graphc_held_layers()])

    def _graphc_trained(self, inside: Sequence[g.Node]) -> list[g.Node]:
        """Return the weights that training changes, given those that it changes in the inner
        layers."""
        return list(inside)

    @property
    def regularizers(self) -> list[Function]:  # type: ignore[override]  # read only
        """The regularizers of the layers in use, trainable or not."""
        return _each_once([one.regularizers for one in self._graphc_layers_in_use()])

    @property
    def constraints(self) -> dict[g.Node, Function]:  # type: ignore[override]  # read only
        """The constraint of each weight, which is applied after each update."""
        layers = self._graphc_held_layers()
        return {weight: rule for one in layers for weight, rule in one.constraints.items()}

    @property
    def stateful(self) -> bool:  # type: ignore[override]  # read only
        """True if a layer keeps states from batch to batch."""
        return any(one.stateful for one in self._graphc_held_layers())

    def reset_states(self) -> None:
        """Set the states of the stateful layers to 0."""
        for one in self._graphc_held_layers():
            if one.stateful:
                cast(Any, one).reset_states()  # those that keep states define it


def with_held(layers: Iterable[Layer]) -> list[Layer]:
    """Return layers, each followed by the layers inside of it, at any depth; each once."""
    found: dict[Layer, None] = {}
    pending = list(layers)[::-1]
    while pending:
        layer = pending.pop()
        if layer not in found:
            found[layer] = None
            pending += list(layer._graphc_held_layers())[::-1]
    return list(found)


def collect_trainable_weights(layer: Layer) -> list[g.Node]:
    """Return the weights that training changes: none of a layer that is not `trainable`, nor of the
    layers inside of it."""
    if not layer.trainable:
        return []
    inside = layer._graphc_layers_in_use()
    if not isinstance(layer, HoldingLayer) or not inside:
        return list(layer.trainable_weights)
    found = dict.fromkeys(w for one in inside for w in collect_trainable_weights(one))
    return layer._graphc_trained(list(found))


def forms_of(layer: Layer) -> dict[g.Node, Form]:
    """Return `_graphc_stored_forms` of a layer and of the layers inside of it."""
    found = dict(layer._graphc_stored_forms())
    for one in layer._graphc_held_layers():
        found |= forms_of(one)
    return found


def _each_once(lists: Sequence[Sequence[Any]]) -> list[Any]:
    return list({id(one): one for several in lists for one in several}.values())
