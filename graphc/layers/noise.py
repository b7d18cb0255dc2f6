"""Noise in training: GaussianNoise, GaussianDropout."""

from __future__ import annotations

import math
from typing import Unpack

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import Layer
from graphc.errors import ArgumentError
from graphc.layers.bases.arguments import fraction
from graphc.lookup import finite_number
from graphc.public.calls import public


class _Gaussian(Layer):
    """A layer that draws normal numbers, new ones at each step.

    The seed comes from NumPy's global generator at the layer's first call, and each use of the
    layer has numbers of its own.
    """

    supports_masking = True

    def _normal(self, x: g.Node, mean: float, std: float) -> g.Node:
        """One number for each element of x."""
        dtype = x.dtype if g.is_float(x.dtype) else K.floatx()
        return g.random.normal(x.shape, mean, std, dtype, *self._graphc_next_draw())


class GaussianNoise(_Gaussian):
    """Adds normal noise of mean 0 in training; testing and predicting leave the input as it is.

    Output: the shape of the input.

    Args:
        sigma: the standard deviation of the noise, at least 0.

    Raises:
        ArgumentError: sigma is not such a number.
    """

    def __init__(self, sigma: float, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        label = self._graphc_label
        self.sigma = finite_number(label, "sigma", sigma)
        if self.sigma < 0.0:
            raise ArgumentError(
                f"{label}: sigma is a standard deviation, expected a number of at least 0, "
                f"received {sigma!r}"
            )

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.in_train_phase(x + self._normal(x, 0.0, self.sigma), x)


class GaussianDropout(_Gaussian):
    """Multiplies by normal noise of mean 1 and standard deviation sqrt(p / (1 - p)) in training.

    Its variance is that of Dropout(p). Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov,
    "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014, section 10.
    Testing and predicting leave the input as it is. Output: the shape of the input.

    Args:
        p: as the fraction that Dropout drops, 0 <= p < 1.

    Raises:
        ArgumentError: p is not such a number.
    """

    def __init__(self, p: float, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.p = fraction(p, f"{self._graphc_label}: p is the fraction that Dropout would drop")

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        if self.p == 0.0:
            return x
        return K.in_train_phase(x * self._normal(x, 1.0, math.sqrt(self.p / (1.0 - self.p))), x)


public(__name__)
