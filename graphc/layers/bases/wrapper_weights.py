"""The weights of layers around another: those of the layer inside, and their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

from graphc.compiler import graph as g
from graphc.engine.topology.holding import HoldingLayer

Key = TypeVar("Key")
Entry = TypeVar("Entry")


class WrapperWeights(HoldingLayer):
    """A layer that holds others, and may have weights of its own beside theirs.

    `add_weight` adds one. What a subclass sets, as layers of Keras 1 do in `build`
    (`self.trainable_weights = [...]`), is the whole list: the weights of the layers inside that are
    not in it are neither trained nor stored.
    """

    @property
    def trainable_weights(self) -> list[g.Node]:
        """Those of the layers inside and its own; see `Layer.trainable_weights`."""
        if self._graphc_is_frozen:
            return []
        weights: list[g.Node] = self._graphc_with_own(
            "trainable_weights", super().trainable_weights
        )
        return weights

    @trainable_weights.setter
    def trainable_weights(self, weights: list[g.Node]) -> None:
        vars(self)["trainable_weights"] = weights

    @property
    def non_trainable_weights(self) -> list[g.Node]:
        """Those of the layers inside and its own; see `Layer.non_trainable_weights`."""
        if self._graphc_is_frozen:
            return self.weights
        weights: list[g.Node] = self._graphc_with_own(
            "non_trainable_weights", super().non_trainable_weights
        )
        return weights

    @non_trainable_weights.setter
    def non_trainable_weights(self, weights: list[g.Node]) -> None:
        vars(self)["non_trainable_weights"] = weights

    @property
    def regularizers(self) -> list[Callable[[g.Node], g.Node]]:
        """The penalties of the layers inside and its own."""
        penalties: list[Callable[[g.Node], g.Node]] = self._graphc_with_own(
            "regularizers", super().regularizers
        )
        return penalties

    @regularizers.setter
    def regularizers(self, penalties: list[Callable[[g.Node], g.Node]]) -> None:
        vars(self)["regularizers"] = penalties

    @property
    def constraints(self) -> dict[g.Node, Callable[[g.Node], g.Node]]:
        """Weight -> what is applied to it after each update."""
        rules: dict[g.Node, Callable[[g.Node], g.Node]] = self._graphc_with_own(
            "constraints", super().constraints
        )
        return rules

    @constraints.setter
    def constraints(self, rules: dict[g.Node, Callable[[g.Node], g.Node]]) -> None:
        vars(self)["constraints"] = rules

    def _graphc_made(self, which: str) -> list[g.Node]:
        return self._graphc_with_own(which, super()._graphc_made(which))

    def _graphc_trained(self, inside: Sequence[g.Node]) -> list[g.Node]:
        made = super()._graphc_made("trainable_weights")
        left_out = set(made) - set(inside)
        return [one for one in self._graphc_made("trainable_weights") if one not in left_out]

    def _graphc_own(self, which: str) -> Any:
        if which in vars(self):
            return vars(self)[which]
        added = vars(self).setdefault("_graphc_beside", {})
        return added.setdefault(which, {} if which == "constraints" else [])

    @overload
    def _graphc_with_own(self, which: str, inside: list[Entry]) -> list[Entry]: ...
    @overload
    def _graphc_with_own(self, which: str, inside: dict[Key, Entry]) -> dict[Key, Entry]: ...
    def _graphc_with_own(self, which: str, inside: Any) -> Any:
        """Return what was set, else what the layers inside have and what was added."""
        own = self._graphc_own(which)
        if which in vars(self):
            return own
        return {**inside, **own} if isinstance(own, dict) else [*inside, *own]
