"""Layers of graphc that start from weights that they are given."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.engine.topology.layer import Layer
from graphc.engine.topology.shapes import KnownShape


class GivenWeights(Layer):
    """Base of the layers of graphc with an argument `weights`: its values are set once `build` has
    made the weights.

    Of a user's own layer the attribute is the layer's alone, as in Keras: its `build` reads it.

    Attributes:
        initial_weights: the values, None where there are none, or once they are set.
    """

    initial_weights: Sequence[object] | None = None

    def _graphc_build_once(self, shape: KnownShape | list[KnownShape]) -> None:
        super()._graphc_build_once(shape)
        # A subclass of the user's may have set them in its build, and deleted the attribute.
        if self.initial_weights is not None:
            self.set_weights(self.initial_weights)
            self.initial_weights = None
