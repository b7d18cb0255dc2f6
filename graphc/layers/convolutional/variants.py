"""Convolutions with dilated, transposed or separable kernels. Users import them from
``graphc.layers.convolutional``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from graphc import activations, constraints, initializations, regularizers
from graphc.backend.conv import BORDERS, check_border_mode
from graphc.backend.conv_variants import correlate, deconvolve, depthwise
from graphc.compiler import graph as g
from graphc.engine.configs.config import argument_as_data, config_of
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import BASE_KEYWORDS
from graphc.engine.topology.shapes import KnownShape
from graphc.errors import ArgumentError
from graphc.layers.bases.affine import AffineLayer
from graphc.layers.bases.arguments import option, weight_penalty
from graphc.layers.bases.spatial import SpatialLayer
from graphc.layers.convolutional.plain import Convolution1D, Convolution2D
from graphc.lookup import is_whole, quotient
from graphc.releases import since


@since("1.1.0")
class AtrousConvolution1D(Convolution1D):
    """A `Convolution1D` whose kernel has its taps `atrous_rate` steps apart, as if zeros stood
    between them.

    A window reaches over (filter_length - 1) * atrous_rate + 1 steps. Yu, Koltun, "Multi-scale
    context aggregation by dilated convolutions", ICLR 2016.

    Args:
        atrous_rate: steps from tap to tap.

    The other arguments are those of `Convolution1D`.
    """

    def __init__(
        self,
        nb_filter: int,
        filter_length: int,
        init: initializations.GivenInit = "glorot_uniform",
        activation: activations.GivenActivation = None,
        weights: Sequence[object] | None = None,
        border_mode: str = "valid",
        subsample_length: int = 1,
        atrous_rate: int = 1,
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(
            nb_filter, filter_length, init, activation, weights, border_mode,
            subsample_length, W_regularizer, b_regularizer, activity_regularizer, W_constraint,
            b_constraint, bias=bias, **kwargs,
        )  # fmt: skip
        self.atrous_rate = self._whole("atrous_rate", atrous_rate)
        self._dilation = (self.atrous_rate,)


@since("1.0.6")
class AtrousConvolution2D(Convolution2D):
    """A `Convolution2D` whose kernels have their taps `atrous_rate` pixels apart, as if zeros stood
    between them. See `AtrousConvolution1D`.

    Args:
        atrous_rate: pixels from tap to tap along rows and columns.

    The other arguments are those of `Convolution2D`.
    """

    def __init__(
        self,
        nb_filter: int,
        nb_row: int,
        nb_col: int,
        init: initializations.GivenInit = "glorot_uniform",
        activation: activations.GivenActivation = None,
        weights: Sequence[object] | None = None,
        border_mode: str = "valid",
        subsample: Sequence[int] = (1, 1),
        atrous_rate: Sequence[int] = (1, 1),
        dim_ordering: str = "default",
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(
            nb_filter, nb_row, nb_col, init, activation, weights, border_mode,
            subsample, dim_ordering, W_regularizer, b_regularizer, activity_regularizer,
            W_constraint, b_constraint, bias, **kwargs,
        )  # fmt: skip
        self.atrous_rate = self._each("atrous_rate", atrous_rate)
        self._dilation = self.atrous_rate


@since("1.0.7")
class Deconvolution2D(Convolution2D):
    """The gradient of a convolution to its image, as a layer: images grow where a `Convolution2D`
    of the same arguments would shrink them.

    Zeiler, Krishnan, Taylor, Fergus, "Deconvolutional networks", CVPR 2010; Dumoulin, Visin, "A
    guide to convolution arithmetic for deep learning", 2016, calls it transposed.

    Input: as of `Convolution2D`. Output: `output_shape`.

    Args:
        output_shape: with the axis of samples, None or a number, in the layer's ordering:
            (None, nb_filter, rows, columns) for 'th'. A convolution of such images, with this
            border_mode and subsample, has to have the rows and columns of the input.
        subsample: the strides of that convolution, so about how many times larger images become.

    The other arguments, and the shape of W, are those of `Convolution2D`.

    Raises:
        ShapeError: an input that does not fit output_shape.
    """

    def __init__(
        self,
        nb_filter: int,
        nb_row: int,
        nb_col: int,
        output_shape: Sequence[int | None],
        init: initializations.GivenInit = "glorot_uniform",
        activation: activations.GivenActivation = None,
        weights: Sequence[object] | None = None,
        border_mode: str = "valid",
        subsample: Sequence[int] = (1, 1),
        dim_ordering: str = "default",
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(
            nb_filter, nb_row, nb_col, init, activation, weights, border_mode,
            subsample, dim_ordering, W_regularizer, b_regularizer, activity_regularizer,
            W_constraint, b_constraint, bias, **kwargs,
        )  # fmt: skip
        given = output_shape if isinstance(output_shape, list | tuple) else ()
        sizes = tuple(map(quotient, given))
        image = [int(size) for size in sizes[1:] if is_whole(size, least=1)]
        if len(sizes) != 4 or len(image) != 3:
            raise ArgumentError(
                f"{self._graphc_label}: output_shape: expected four sizes, the samples first (None "
                f"for any), received {output_shape!r}"
            )
        self._image = tuple(image)
        self.output_shape_ = (sizes[0], *image)

    def _convolved(self, x: g.Node) -> g.Node:
        sizes = (x.shape[0], *self._image)
        return deconvolve(
            *(x, self.W, sizes, self._strides, self.border_mode, self.dim_ordering),
            self._graphc_label,
        )

    def _check_windows(self, node: g.Node, window: Sequence[int], border_mode: str) -> None:
        """Nothing: the windows lie in the output."""

    def get_config(self) -> dict[str, Any]:
        config = config_of(self, (*BASE_KEYWORDS, "output_shape"))
        return {**config, "output_shape": argument_as_data(self.output_shape_, "output_shape")}


@since("1.0.6")
class SeparableConvolution2D(AffineLayer, SpatialLayer):
    """A convolution of each channel alone, and then one over all channels of a pixel.

    Sifre, "Rigid-motion scattering for image classification", 2014; Chollet, "Xception", CVPR 2017.
    Keras had it on TensorFlow only: kernels are not flipped, and border_mode='same' pads
    (k - 1) // 2 before and the rest after, less what a stride leaves over.

    Input and output: as of `Convolution2D`.
    Weights: depthwise_kernel, (depth_multiplier, channels, nb_row, nb_col) in 'th', (nb_row,
    nb_col, channels, depth_multiplier) in 'tf'; pointwise_kernel, (nb_filter,
    channels * depth_multiplier, 1, 1) or (1, 1, channels * depth_multiplier, nb_filter); b.

    Args:
        nb_filter: how many channels come out.
        nb_row, nb_col: the size of the kernels over single channels.
        init: of both kernels, as in `Convolution2D`.
        weights: initial values of all weights.
        border_mode: 'valid' or 'same'.
        depth_multiplier: how many kernels each channel has.
        depthwise_regularizer, pointwise_regularizer, b_regularizer: penalties on the weights.
        depthwise_constraint, pointwise_constraint, b_constraint: applied to the weights after each
            update.
        activation, subsample, dim_ordering, activity_regularizer, bias: as in `Convolution2D`.
    """

    dims = 2

    def __init__(
        self,
        nb_filter: int,
        nb_row: int,
        nb_col: int,
        init: initializations.GivenInit = "glorot_uniform",
        activation: activations.GivenActivation = None,
        weights: Sequence[object] | None = None,
        border_mode: str = "valid",
        subsample: Sequence[int] = (1, 1),
        depth_multiplier: int = 1,
        dim_ordering: str = "default",
        depthwise_regularizer: regularizers.GivenRegularizer = None,
        pointwise_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        depthwise_constraint: constraints.GivenConstraint = None,
        pointwise_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(dim_ordering, **kwargs)
        self.nb_filter = self._whole("nb_filter", nb_filter)
        self.nb_row = self._whole("nb_row", nb_row)
        self.nb_col = self._whole("nb_col", nb_col)
        self.activation = option(self, "activation", activations.get, activation)
        check_border_mode(border_mode, self._graphc_label, BORDERS)
        self.border_mode = border_mode
        self.subsample = self._each("subsample", subsample)
        self.depth_multiplier = self._whole("depth_multiplier", depth_multiplier)
        kernel = option(self, "init", initializations.get, init, dim_ordering=self.dim_ordering)
        self._describe_affine(
            *(kernel, weights, None, b_regularizer, activity_regularizer, None, b_constraint, bias)
        )
        self.depthwise_regularizer = weight_penalty(
            self, "depthwise_regularizer", depthwise_regularizer
        )
        self.pointwise_regularizer = weight_penalty(
            self, "pointwise_regularizer", pointwise_regularizer
        )
        self.depthwise_constraint = option(
            self, "depthwise_constraint", constraints.get, depthwise_constraint
        )
        self.pointwise_constraint = option(
            self, "pointwise_constraint", constraints.get, pointwise_constraint
        )

    def build(self, input_shape: KnownShape) -> None:
        channels = self._channels(input_shape)
        spread = channels * self.depth_multiplier
        window = (self.nb_row, self.nb_col)
        if self.dim_ordering == "th":
            shapes = (self.depth_multiplier, channels, *window), (self.nb_filter, spread, 1, 1)
        else:
            shapes = (*window, channels, self.depth_multiplier), (1, 1, spread, self.nb_filter)
        self.depthwise_kernel = self.add_weight(
            *(shapes[0], self.init, "depthwise_kernel"),
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self.pointwise_kernel = self.add_weight(
            *(shapes[1], self.init, "pointwise_kernel"),
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
        )
        self._add_bias((self.nb_filter,))
        self._watch_output()

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        ordering = self.dim_ordering
        spread = depthwise(x, self.depthwise_kernel, self.subsample, self.border_mode, ordering)
        y = correlate(spread, self.pointwise_kernel, (1, 1), "valid", ordering)
        if self.b is not None:
            after = self.dims + 1 - self._channel_axis
            y = y + g.reshape(self.b, (self.nb_filter, *(1,) * after))
        return self.activation(y)

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        super()._graphc_check_inputs(inputs)
        self._check_windows(inputs[0], (self.nb_row, self.nb_col), self.border_mode)
        self._check_channels(inputs[0])
