"""Layers that apply an activation to each element, or a penalty to all of them."""

from __future__ import annotations

from typing import Unpack

from graphc import activations
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import Layer
from graphc.layers.bases.arguments import option
from graphc.lookup import finite_number
from graphc.regularizers import ActivityRegularizer


class Activation(Layer):
    """Applies an activation, by name or a function of a node, to every element.

    Output: the shape of the input.
    """

    supports_masking = True

    def __init__(self, activation: activations.GivenActivation, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.activation = option(self, "activation", activations.get, activation)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return self.activation(x)


class ActivityRegularization(Layer):
    """The input itself, with a penalty on it: l1 sum(mean(|x|)) + l2 sum(mean(x^2)).

    The means are over samples; the penalty is in the training loss only. As any penalty on an
    output, it is for a layer that is used once.

    Args:
        l1, l2: factors of the two terms.
        average: see `ActivityRegularizer`: without it sums take the means' place, as in Keras 1.2.
    """

    supports_masking = True

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        *,
        average: bool | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        self.l1 = finite_number(self._graphc_label, "l1", l1)
        self.l2 = finite_number(self._graphc_label, "l2", l2)
        penalty = ActivityRegularizer(l1=self.l1, l2=self.l2, average=average)
        self.average = penalty.average
        penalty.set_layer(self)
        self.regularizers.append(penalty)
