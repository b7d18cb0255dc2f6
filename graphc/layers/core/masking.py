"""Masking: steps that do not count. Users import it from ``graphc.layers.core``."""

from __future__ import annotations

from typing import Unpack

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.layer_node import Mask
from graphc.engine.topology.shapes import known_shape
from graphc.errors import ShapeError
from graphc.lookup import finite_number


class MaskedLayer(Layer):
    """Base of layers after which a mask goes on as it came: what `supports_masking` says since
    Keras 1.0."""

    supports_masking = True


class Masking(Layer):
    """Masks the steps of a sequence whose features are all `mask_value`, and sets them to 0.

    The layers that follow skip these steps: the mask (batch, steps) passes on to them, and
    replaces one that came in. A step in which one feature differs counts.

    Input: (batch, steps, ...). Output: the same shape.

    Args:
        mask_value: the number that stands for "nothing here".

    Raises:
        ArgumentError: mask_value is not a finite number.
        ShapeError: an input without features after the steps.
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.mask_value = finite_number(self._graphc_label, "mask_value", mask_value)

    def call(self, x: g.Node, mask: Mask = None) -> g.Node:
        counts = self._steps_that_count(x)
        return K.switch(g.reshape(counts, (*counts.shape, *[1] * (x.ndim - 2))), x, 0)

    def compute_mask(self, input: g.Node, input_mask: Mask = None) -> g.Node:
        """(batch, steps), true where a feature is not `mask_value`."""
        return self._steps_that_count(input)

    def _steps_that_count(self, x: g.Node) -> g.Node:
        if x.ndim < 3:
            raise ShapeError(
                f"{self._graphc_label}: expected an input (batch, steps, features), received "
                f"{x.ndim} axes: {known_shape(x)}; numbers of words are masked by "
                "Embedding(mask_zero=True)"
            )
        return g.any(g.not_equal(x, self.mask_value), tuple(range(2, x.ndim)))
