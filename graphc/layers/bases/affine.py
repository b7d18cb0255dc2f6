"""The weights W and b of a layer, with the penalties and constraints that users give them."""

from __future__ import annotations

from collections.abc import Sequence

from graphc import constraints, initializations, regularizers
from graphc.compiler import graph as g
from graphc.engine.topology.given_weights import GivenWeights
from graphc.layers.bases.arguments import option, output_penalty, weight_penalty
from graphc.lookup import true_or_false


class AffineLayer(GivenWeights):
    """A layer with weights W and b. A subclass calls `_describe_affine` in its `__init__` and
    `_add_affine` in its `build`."""

    def _describe_affine(
        self,
        init: initializations.GivenInit,
        weights: Sequence[object] | None,
        W_regularizer: regularizers.GivenRegularizer,
        b_regularizer: regularizers.GivenRegularizer,
        activity_regularizer: regularizers.GivenRegularizer,
        W_constraint: constraints.GivenConstraint,
        b_constraint: constraints.GivenConstraint,
        bias: bool,
    ) -> None:
        """Keep what the weights will be made of; `init` is that of W, b starts at zero, and without
        `bias` there is no b."""
        self.init = init
        self.initial_weights = weights
        self.W_regularizer = weight_penalty(self, "W_regularizer", W_regularizer)
        self.b_regularizer = weight_penalty(self, "b_regularizer", b_regularizer)
        self.activity_regularizer = output_penalty(self, activity_regularizer)
        self.W_constraint = option(self, "W_constraint", constraints.get, W_constraint)
        self.b_constraint = option(self, "b_constraint", constraints.get, b_constraint)
        self.bias = true_or_false(self._graphc_label, "bias", bias)

    def _add_affine(self, W_shape: tuple[int, ...], b_shape: tuple[int, ...]) -> None:
        self.W = self.add_weight(
            *(W_shape, self.init, "W"),
            regularizer=self.W_regularizer,
            constraint=self.W_constraint,
        )
        self._add_bias(b_shape)
        self._watch_output()

    def _add_bias(self, shape: tuple[int, ...]) -> None:
        self.b: g.Node | None = None
        if self.bias:
            self.b = self.add_weight(
                *(shape, initializations.zero, "b"),
                regularizer=self.b_regularizer,
                constraint=self.b_constraint,
            )

    def _watch_output(self) -> None:
        """Let the penalty on the output know the layer."""
        if self.activity_regularizer is not None:
            self.activity_regularizer.set_layer(self)
            self.regularizers.append(self.activity_regularizer)
