"""Activations with parameters, as layers: LeakyReLU, PReLU, ELU, ParametricSoftplus,
ThresholdedLinear, ThresholdedReLU, SReLU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Unpack

import numpy as np

from graphc import backend as K
from graphc import initializations
from graphc.backend.nn import exponential_linear
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.given_weights import GivenWeights
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.shapes import InputSpec, KnownShape
from graphc.errors import ShapeError
from graphc.layers.bases.arguments import option
from graphc.lookup import finite_number, whole_number
from graphc.public.calls import public


class LeakyReLU(Layer):
    """x where it is positive, else alpha * x. The gradient at 0 is (1 + alpha) / 2.

    Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    Output: the shape of the input.

    Args:
        alpha: the slope for negative numbers.

    Raises:
        ArgumentError: alpha is not a finite number.
    """

    supports_masking = True

    def __init__(self, alpha: float = 0.3, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.alpha = finite_number(self._graphc_label, "alpha", alpha)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.relu(x, alpha=self.alpha)


class ELU(Layer):
    """x where it is positive, else alpha * (exp(x) - 1).

    Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear
    units (ELUs)", ICLR 2016. The gradient at 0 is (1 + alpha) / 2. Output: the shape of the input.

    Args:
        alpha: minus what large negative numbers give.

    Raises:
        ArgumentError: alpha is not a finite number.
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.alpha = finite_number(self._graphc_label, "alpha", alpha)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return exponential_linear(x, self.alpha)


class ThresholdedLinear(Layer):
    """x where |x| >= theta, else 0; of Keras 0.3.

    Konda, Memisevic, Krueger, "Zero-bias autoencoders and the benefits of co-adapting features",
    ICLR 2015. Output: the shape of the input.

    Args:
        theta: how large a number has to be to pass.

    Raises:
        ArgumentError: theta is not a finite number.
    """

    supports_masking = True

    def __init__(self, theta: float = 1.0, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.theta = finite_number(self._graphc_label, "theta", theta)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return g.where(g.less(g.abs(x), self.theta), 0.0, x)


class ThresholdedReLU(Layer):
    """x where x > theta, else 0. See `ThresholdedLinear`.

    Output: the shape of the input.

    Args:
        theta: above this a number passes.

    Raises:
        ArgumentError: theta is not a finite number.
    """

    supports_masking = True

    def __init__(self, theta: float = 1.0, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.theta = finite_number(self._graphc_label, "theta", theta)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        # Not x * (x > theta), which would make NaN of -inf; here NaN alone stays NaN.
        return g.where(g.less_equal(x, self.theta), 0.0, x)


class _PerElement(GivenWeights):
    """A layer with parameters for each element of a sample, or for several together.

    Attributes:
        shared_axes: along which elements have the same parameters, the batch being 0.
    """

    supports_masking = True
    shared_axes: list[int] | None = None

    def _share(self, shared_axes: int | Sequence[int] | None) -> None:
        if shared_axes is None:
            return
        axes = list(shared_axes) if isinstance(shared_axes, list | tuple) else [shared_axes]
        where = f"{self._graphc_label}: shared_axes, the batch being 0"
        self.shared_axes = [whole_number(where, axis, 1) for axis in axes]

    def _sample_shape(self, input_shape: KnownShape) -> tuple[int, ...]:
        """The parameters' shape; inputs of later calls have to fit it too."""
        shared = self.shared_axes or []
        if any(axis >= len(input_shape) for axis in shared):
            raise ShapeError(
                f"{self._graphc_label}: shared_axes: expected axes below {len(input_shape)} for an "
                f"input of the shape {input_shape}, received {shared}"
            )
        sizes = [None if k in shared else size for k, size in enumerate(input_shape)]
        open_axes = [k for k, size in enumerate(sizes) if size is None and k not in (0, *shared)]
        if open_axes:
            raise ShapeError(
                f"{self._graphc_label}: axis {open_axes[0]} of the "
                "input has no known size, and each element of a sample has parameters of its own; "
                f"received the shape {input_shape}; give input_shape with numbers"
            )
        # Without it an axis of size 1 would be spread over the parameters, in silence.
        self.input_spec = [InputSpec(shape=(None, *sizes[1:]))]
        return tuple(1 if size is None else size for size in sizes[1:])


class PReLU(_PerElement):
    """x where it is positive, else alphas * x, with an alpha for each element of a sample.

    He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015.
    Input: (batch, ...), all sizes but the batch known. Output: the same shape.

    Args:
        init: the name of an initialization, or a function (shape, name) -> shared variable.
        weights: initial values [alphas], of the shape of a sample.
        shared_axes: along which elements share an alpha, the batch being 0: [2, 3] for one alpha a
            channel of images in 'th'. The shape of alphas is 1 there.

    Raises:
        ShapeError: an input with an open size, or of another shape than at the first call.
    """

    def __init__(
        self,
        init: initializations.GivenInit = "zero",
        weights: Sequence[object] | None = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        self._share(shared_axes)
        self.init = option(self, "init", initializations.get, init)
        self.initial_weights = weights

    def build(self, input_shape: KnownShape) -> None:
        self.alphas = self.add_weight(self._sample_shape(input_shape), self.init, "alphas")

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.relu(x, alpha=self.alphas)


class ParametricSoftplus(_PerElement):
    """alphas * log(1 + exp(betas * x)), with an alpha and a beta for each element of a sample.

    McFarland, Cui, Butts, "Inferring nonlinear neuronal computation based on physiologically
    plausible inputs", PLoS Computational Biology 2013.
    Input: (batch, ...), all sizes but the batch known. Output: the same shape.

    Args:
        alpha_init: what all alphas start with.
        beta_init: what all betas start with.
        weights: initial values [alphas, betas], each of the shape of a sample.
        shared_axes: as in `PReLU`.

    Raises:
        ArgumentError: alpha_init or beta_init is not a finite number.
        ShapeError: an input with an open size, or of another shape than at the first call.
    """

    def __init__(
        self,
        alpha_init: float = 0.2,
        beta_init: float = 5.0,
        weights: Sequence[object] | None = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        self._share(shared_axes)
        label = self._graphc_label
        self.alpha_init = finite_number(label, "alpha_init", alpha_init)
        self.beta_init = finite_number(label, "beta_init", beta_init)
        self.initial_weights = weights

    def build(self, input_shape: KnownShape) -> None:
        shape = self._sample_shape(input_shape)
        self.alphas = self.add_weight(shape, _full_of(self.alpha_init), "alphas")
        self.betas = self.add_weight(shape, _full_of(self.beta_init), "betas")

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return self.alphas * K.softplus(self.betas * x)


class SReLU(_PerElement):
    """Three straight pieces, with parameters for each element of a sample.

    With tr = t_left + |t_right|: t_left + a_left * (x - t_left) below t_left, but at most tr; x
    from there to tr; tr + a_right * (x - tr) above. Jin, Xu, Feng, Wei, Xiong, Yan, "Deep learning
    with S-shaped rectified linear activation units", AAAI 2016.
    Input: (batch, ...), all sizes but the batch known. Output: the same shape.

    Args:
        t_left_init, a_left_init, t_right_init, a_right_init: the name of an initialization, or a
            function (shape, name) -> shared variable. The weights are in this order.
        shared_axes: as in `PReLU`.

    Raises:
        ShapeError: an input with an open size, or of another shape than at the first call.
    """

    def __init__(
        self,
        t_left_init: initializations.GivenInit = "zero",
        a_left_init: initializations.GivenInit = "glorot_uniform",
        t_right_init: initializations.GivenInit = "glorot_uniform",
        a_right_init: initializations.GivenInit = "one",
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        self._share(shared_axes)
        self.t_left_init = option(self, "t_left_init", initializations.get, t_left_init)
        self.a_left_init = option(self, "a_left_init", initializations.get, a_left_init)
        self.t_right_init = option(self, "t_right_init", initializations.get, t_right_init)
        self.a_right_init = option(self, "a_right_init", initializations.get, a_right_init)

    def build(self, input_shape: KnownShape) -> None:
        shape = self._sample_shape(input_shape)
        self.t_left = self.add_weight(shape, self.t_left_init, "t_left")
        self.a_left = self.add_weight(shape, self.a_left_init, "a_left")
        self.t_right = self.add_weight(shape, self.t_right_init, "t_right")
        self.a_right = self.add_weight(shape, self.a_right_init, "a_right")

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        width = K.abs(self.t_right)
        left_and_centre = K.relu(x - self.t_left, alpha=self.a_left, max_value=width)
        right = self.a_right * K.relu(x - (self.t_left + width))
        return self.t_left + left_and_centre + right


def _full_of(value: float) -> Callable[..., g.Node]:
    def constant(shape: Sequence[int], name: str | None = None) -> g.Node:
        return K.variable(np.full(tuple(shape), value), name=name)

    return constant


public(__name__)
