"""Normalization over batches or within samples: BatchNormalization, LRN2D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from graphc import backend as K
from graphc import initializations, regularizers
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.given_weights import GivenWeights
from graphc.engine.topology.shapes import InputSpec, KnownShape
from graphc.errors import ArgumentError, KeywordError, ShapeError
from graphc.files.conversions import STD, VARIANCE, Form, RunningStd
from graphc.layers.bases.arguments import option, weight_penalty
from graphc.layers.bases.spatial import SpatialLayer
from graphc.lookup import finite_number, is_whole
from graphc.public.calls import public
from graphc.releases import arguments_of_1_2, at_least

FEATURE_WISE, SAMPLE_WISE, FEATURE_WISE_BY_BATCH = MODES = (0, 1, 2)


# A formula is called by a release that had it -> the first that had it.
_FORMULAS = {"1.0": "1.0.0", "1.0.5": "1.0.5", "1.0.7": "1.0.7", "1.2": "1.0.8"}


class BatchNormalization(GivenWeights):
    """gamma * (x - mean) / divisor + beta, with a gamma and a beta for each feature.

    Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015. The divisor is that of the release `keras`:

    - '1.0': std + epsilon, where in mode 0 and 2 the std itself is
      sqrt(mean((x - mean)^2 + epsilon)), so that epsilon counts twice.
    - '1.0.5': the same, in mode 1 too.
    - '1.0.7': sqrt(variance) + epsilon; in mode 1 as in '1.0.5'.
    - '1.2' (from 1.0.8 on): sqrt(variance + epsilon); in mode 1 as in '1.0.5'.

    Input: any shape whose size along `axis` is known, or all sizes but the batch's where `axis` is
    None. Output: the same shape.
    Weights: [gamma, beta, running_mean, running_std], each (features,), in every mode, or the shape
    of a sample where `axis` is None; the last two are not trainable. From '1.0.7' on running_std is
    a variance, under this name in Keras too.

    Args:
        epsilon: keeps the divisor from 0; by default 1e-6, under the flag keras=1.2 1e-3.
        mode: 0: mean and std of each feature over all other axes; training uses those of the batch
            and moves the running ones, testing uses the running ones. 1: mean and std of each
            sample over its last axis, always. 2: as 0 in training, and the batch's in testing too,
            so there are no running ones to move.
        axis: of the features, the batch being 0; in mode 1 the last. E.g. 1 after a convolution
            with the ordering 'th'. None: each element of a sample is a feature of its own, which
            has a mean and std over the batch alone, as the first releases of Keras 0.3 had it.
        momentum: running = momentum * running + (1 - momentum) * that of the batch, at each step
            of training, also if the layer is not trainable; by default 0.9, under keras=1.2 0.99.
        weights: initial values of all four.
        beta_init, gamma_init: the name of an initialization, or a function (shape, name) -> shared
            variable. running_mean starts at 0 and running_std at 1.
        gamma_regularizer, beta_regularizer: penalties on the weights, in the training loss only.
        keras: the release whose formula it has; by default that which the flag `keras` means when
            the layer is made.

    Raises:
        ArgumentError: an argument out of its range.
        ShapeError: an input without that axis, or whose size along it is open or another than at
            the first call.
    """

    @arguments_of_1_2(epsilon=1e-3, momentum=0.99)
    def __init__(
        self,
        epsilon: float = 1e-6,
        mode: int = 0,
        axis: int | None = -1,
        momentum: float = 0.9,
        weights: Sequence[object] | None = None,
        beta_init: initializations.GivenInit = "zero",
        gamma_init: initializations.GivenInit = "one",
        gamma_regularizer: regularizers.GivenRegularizer = None,
        beta_regularizer: regularizers.GivenRegularizer = None,
        *,
        keras: str | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        label = self._graphc_label
        self.keras = _formula(label, keras)
        self.epsilon = finite_number(label, "epsilon", epsilon, least=0.0)
        if not is_whole(mode) or mode not in MODES:
            raise ArgumentError(
                f"{label}: mode: expected 0 (each feature, running statistics in testing), 1 (each "
                f"sample) or 2 (each feature, the batch's statistics always), received {mode!r}"
            )
        if axis is not None and not is_whole(axis):
            raise ArgumentError(
                f"{label}: axis: expected a whole number, or None for every element, received "
                f"{axis!r}"
            )
        self.momentum = finite_number(label, "momentum", momentum)
        if not 0.0 <= self.momentum <= 1.0:
            raise ArgumentError(f"{label}: momentum: expected 0 to 1, received {momentum!r}")
        self.mode = int(mode)
        self.axis = None if axis is None else int(axis)
        self.beta_init = option(self, "beta_init", initializations.get, beta_init)
        self.gamma_init = option(self, "gamma_init", initializations.get, gamma_init)
        self.gamma_regularizer = weight_penalty(self, "gamma_regularizer", gamma_regularizer)
        self.beta_regularizer = weight_penalty(self, "beta_regularizer", beta_regularizer)
        self.initial_weights = weights

    def build(self, input_shape: KnownShape) -> None:
        if self.axis is None and len(input_shape) == 2:
            self.axis = 1  # the same, and Keras 1.0 can read it in a file
        axes = self._feature_axes(input_shape)
        shape = self._features(input_shape, axes)
        sizes: list[int | None] = [None] * len(input_shape)
        for axis, size in zip(axes, shape, strict=True):
            sizes[axis] = size
        self.input_spec = [InputSpec(shape=tuple(sizes))]
        self.gamma = self.add_weight(
            shape, self.gamma_init, "gamma", regularizer=self.gamma_regularizer
        )
        self.beta = self.add_weight(
            shape, self.beta_init, "beta", regularizer=self.beta_regularizer
        )
        self.running_mean = self.add_weight(
            shape, initializations.zero, "running_mean", trainable=False
        )
        self.running_std = self.add_weight(
            shape, initializations.one, "running_std", trainable=False
        )

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        if self.mode == SAMPLE_WISE:
            return self._scaled(self._each_sample(x), x)
        axes = self._feature_axes(x.shape)
        others = tuple(axis for axis in range(x.ndim) if axis not in axes)
        mean, deviation = g.own_mean(x, others, keepdims=True), g.own_var(x, others, keepdims=True)
        if self._keeps == STD:
            deviation = g.sqrt(deviation + self.epsilon)
        normalized = (x - mean) / self._divisor(deviation)
        if self.mode == FEATURE_WISE:
            self.updates += [
                self._moved(self.running_mean, mean, x.shape[0]),
                self._moved(self.running_std, deviation, x.shape[0]),
            ]
            running_mean = self._spread(self.running_mean, x)
            running_std = self._spread(self.running_std, x)
            normalized = K.in_train_phase(
                normalized, (x - running_mean) / self._divisor(running_std)
            )
        return self._scaled(normalized, x)

    @property
    def _keeps(self) -> str:
        """The statistic that running_std holds."""
        return STD if self.keras in ("1.0", "1.0.5") else VARIANCE

    def _divisor(self, deviation: g.Node) -> g.Node:
        """Return the divisor, of a standard deviation or of a variance."""
        if self.keras == "1.2":
            return g.sqrt(deviation + self.epsilon)
        return (deviation if self._keeps == STD else K.sqrt(deviation)) + self.epsilon

    def _each_sample(self, x: g.Node) -> g.Node:
        """The samples, each normalized over its last axis."""
        if self.keras == "1.0":
            std = _std_of_samples(x)
        else:
            std = g.sqrt(g.var(x, -1, keepdims=True) + self.epsilon)
        return (x - K.mean(x, -1, keepdims=True)) / (std + self.epsilon)

    def _scaled(self, normalized: g.Node, x: g.Node) -> g.Node:
        return self._spread(self.gamma, x) * normalized + self._spread(self.beta, x)

    def get_output_shape_for(self, input_shape: KnownShape) -> KnownShape:
        """The shape of the input. `call` is not run for it: its updates belong to real inputs."""
        return input_shape

    def _graphc_stored_forms(self) -> dict[g.Node, Form]:
        stds = [weight for weight in self.weights if weight is getattr(self, "running_std", None)]
        form = RunningStd(self.epsilon, self._keeps, outside=self.keras == "1.0.7")
        return dict.fromkeys(stds, form) if self.mode == FEATURE_WISE else {}

    def _spread(self, weight: g.Node, x: g.Node) -> g.Node:
        """A number for each feature, along the axes of x that have the features."""
        sizes: list[g.Size] = [1] * x.ndim
        for axis, size in zip(self._feature_axes(x.shape), weight.shape, strict=True):
            sizes[axis] = size
        return g.reshape(weight, sizes)

    def _moved(self, running: g.Node, batch: g.Node, rows: g.Size) -> tuple[g.Node, g.Node]:
        statistic = g.rows_mean(g.reshape(batch, running.shape), rows)
        new = self.momentum * running + (1.0 - self.momentum) * statistic
        return running, g.cast(new, running.dtype)

    def _feature_axes(self, shape: Sequence[object]) -> tuple[int, ...]:
        """The axes along which features differ."""
        if self.axis is None:
            return tuple(range(1, len(shape)))
        return (self.axis % len(shape),)

    def _features(self, input_shape: KnownShape, axes: Sequence[int]) -> tuple[int, ...]:
        """The sizes along these axes."""
        label, ndim, axis = self._graphc_label, len(input_shape), self.axis
        if axis is not None and not -ndim <= axis < ndim:
            raise ShapeError(
                f"{label}: axis {axis}: expected an axis of the input, which has {ndim}, the "
                f"batch first, received the shape {input_shape}"
            )
        if self.mode == SAMPLE_WISE and axis is not None and axis % ndim != ndim - 1:
            raise ArgumentError(
                f"{label}: mode 1 normalizes each sample over its last axis, so axis: expected -1 "
                f"or {ndim - 1}, received {axis}; use mode 0 or 2 for features elsewhere"
            )
        sizes = []
        for one in axes:
            size = input_shape[one]
            if size is None:
                raise ShapeError(
                    f"{label}: axis {one} of the input has no known size, and each feature has "
                    f"weights; received the shape {input_shape}; give input_shape with a number "
                    "there"
                )
            sizes.append(size)
        return tuple(sizes)


class LRN2D(SpatialLayer):
    """x / (k + alpha * s)^beta, where s is the sum of x^2 over n neighbouring channels of a pixel.

    The channels are those up to n // 2 before and after its own; at the ends there are fewer, and
    s has fewer terms. Local response normalization: Krizhevsky, Sutskever, Hinton, "ImageNet
    classification with deep convolutional neural networks", NIPS 2012, section 3.3. A layer of
    Keras 0.3, which 1.0 kept no longer; alpha multiplies the sum, as there, and not the mean, as in
    PyTorch and Caffe, which divide by n.

    Input: (batch, channels, rows, columns). Output: the same shape. No weights.

    Args:
        alpha: of the sum, at least 0.
        k: what is added to it, above 0, so that a pixel of zeros has a divisor.
        beta: the exponent.
        n: how many channels, an odd number.

    Raises:
        ArgumentError: an argument out of its range.
        KeywordError: `dim_ordering`.
        ShapeError: an input that is not 4-D.
    """

    dims = 2

    def __init__(
        self,
        alpha: float = 1e-4,
        k: float = 2,
        beta: float = 0.75,
        n: int = 5,
        **kwargs: Unpack[LayerKeywords],
    ):
        if "dim_ordering" in kwargs:
            raise KeywordError(
                "LRN2D: unknown keyword 'dim_ordering': it takes (batch, channels, rows, columns) "
                "alone, as in Keras 0.3; Permute((3, 1, 2)) brings channels to the front"
            )
        super().__init__("th", **kwargs)
        label = self._graphc_label
        self.alpha = finite_number(label, "alpha", alpha, least=0.0)
        self.k = finite_number(label, "k", k)
        if self.k <= 0:
            raise ArgumentError(f"{label}: k: expected a number above 0, received {k!r}")
        self.beta = finite_number(label, "beta", beta)
        self.n = self._whole("n", n)
        if self.n % 2 == 0:
            raise ArgumentError(
                f"{label}: n: expected an odd number, as many channels before each one as after "
                f"it, received {n!r}"
            )

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        before, channels = self.n // 2, x.shape[1]
        if isinstance(channels, int):
            before = min(before, channels - 1)  # there are no more
        extent = 2 * before + 1
        squares = g.pad(g.square(x), [(0, 0), (before, before), (0, 0), (0, 0)])
        # The channels as the spatial axis of a pooling, whose mean counts the padded zeros too.
        images = g.reshape(squares, (x.shape[0], 1, *squares.shape[1:]))
        means = g.reshape(g.average_pool(images, (extent, 1, 1), 1), x.shape)
        return x / (self.k + self.alpha * extent * means) ** self.beta


def _formula(label: str, keras: object) -> str:
    """The name of a formula: the one that is given, or that of the release in force."""
    if keras is None:
        return [name for name, first in _FORMULAS.items() if at_least(first)][-1]
    if keras not in _FORMULAS:
        raise ArgumentError(
            f"{label}: keras: expected a release with another formula than those before, one of "
            f"{', '.join(map(repr, _FORMULAS))}, received {keras!r}"
        )
    return str(keras)


def _std_of_samples(x: g.Node) -> g.Node:
    """The std over the last axis; 0 with the gradient 0 where all elements are equal.

    The root's own gradient is infinite there, and NaN as soon as it meets a 0. A sample of zeros is
    what a ReLU may leave.
    """
    variance = g.var(x, -1, keepdims=True)
    constant = g.equal(variance, 0.0)
    return g.where(constant, 0.0, g.sqrt(g.where(constant, 1.0, variance)))


public(__name__)
