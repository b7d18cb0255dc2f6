"""The plain convolution layers. Users import them from ``graphc.layers.convolutional``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from graphc import activations, constraints, initializations, regularizers
from graphc.backend.conv import CONVOLUTION_BORDERS, check_border_mode, convolve
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.shapes import KnownShape
from graphc.files.conversions import Form, KernelLayout
from graphc.layers.bases.affine import AffineLayer
from graphc.layers.bases.arguments import checked_length, option, with_input_shape, with_length
from graphc.layers.bases.spatial import SpatialLayer
from graphc.releases import arguments_of_1_2


class _Convolution(AffineLayer, SpatialLayer):
    """activation(x convolved with W, plus b); a subclass says what its arguments are called."""

    _window: tuple[int, ...]
    _strides: tuple[int, ...]
    _dilation: tuple[int, ...] | None = None

    def __init__(
        self,
        dim_ordering: str,
        nb_filter: int,
        init: initializations.GivenInit,
        activation: activations.GivenActivation,
        weights: Sequence[object] | None,
        border_mode: str,
        W_regularizer: regularizers.GivenRegularizer,
        b_regularizer: regularizers.GivenRegularizer,
        activity_regularizer: regularizers.GivenRegularizer,
        W_constraint: constraints.GivenConstraint,
        b_constraint: constraints.GivenConstraint,
        bias: bool,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(dim_ordering, **kwargs)
        self.nb_filter = self._whole("nb_filter", nb_filter)
        self.activation = option(self, "activation", activations.get, activation)
        check_border_mode(border_mode, self._graphc_label, CONVOLUTION_BORDERS)
        self.border_mode = border_mode
        ordering = self._kernel_ordering
        self._describe_affine(
            option(self, "init", initializations.get, init, dim_ordering=ordering), weights,
            W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint, bias,
        )  # fmt: skip

    @property
    def _kernel_ordering(self) -> str:
        return self.dim_ordering

    def _kernel_shape(self, channels: int) -> tuple[int, ...]:
        """The shape of W."""
        if self.dim_ordering == "th":
            return (self.nb_filter, channels, *self._window)
        return (*self._window, channels, self.nb_filter)

    def build(self, input_shape: KnownShape) -> None:
        channels = self._channels(input_shape)
        self._add_affine(self._kernel_shape(channels), (self.nb_filter,))

    def _graphc_stored_forms(self) -> dict[g.Node, Form]:
        even = any(size % 2 == 0 for size in self._window)
        moves = self.border_mode == "same" and (even or max(self._strides) > 1)
        kernels = [weight for weight in self.weights if weight is getattr(self, "W", None)]
        return dict.fromkeys(kernels, KernelLayout(self._kernel_ordering, self.dims == 1, moves))

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return self._activated(self._convolved(x))

    def _convolved(self, x: g.Node) -> g.Node:
        """Return what the activation takes, but for b."""
        return convolve(
            *(x, self.W, self._strides, self.border_mode, self.dim_ordering),
            dilation=self._dilation,
        )

    def _activated(self, convolved: g.Node) -> g.Node:
        if self.b is not None:
            after = self.dims + 1 - self._channel_axis
            convolved = convolved + g.reshape(self.b, (self.nb_filter, *(1,) * after))
        return self.activation(convolved)

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        super()._graphc_check_inputs(inputs)
        self._check_windows(inputs[0], self._extents(), self.border_mode)
        self._check_channels(inputs[0])

    def _extents(self) -> tuple[int, ...]:
        """The sizes of a window in the input."""
        rates = self._dilation or (1,) * self.dims
        return tuple(r * (k - 1) + 1 for r, k in zip(rates, self._window, strict=True))


class Convolution1D(_Convolution):
    """Convolves sequences with `nb_filter` kernels that reach over `filter_length` steps.

    Input: (batch, steps, input_dim). Output: (batch, windows, nb_filter). A true convolution, as
    Keras has it on Theano: the kernel is flipped along the steps.

    Args:
        nb_filter: how many kernels.
        filter_length: steps in a window.
        init: the name of an initialization of W, or a function (shape, name) -> shared variable;
            b starts at zero. By default 'uniform', under the flag keras=1.2 'glorot_uniform'.
        activation: a name or a function of a node.
        weights: initial values [W, b], of shapes (nb_filter, input_dim, filter_length, 1) and
            (nb_filter,).
        border_mode: 'valid', the windows inside the input, (steps - filter_length) // stride + 1 of
            them; 'same', ceil(steps / stride), the first filter_length // 2 steps before it; or
            'full', ceil((steps + filter_length - 1) / stride), all that touch it.
        subsample_length: the stride.
        W_regularizer, b_regularizer: penalties on the weights, in the training loss only.
        activity_regularizer: a penalty on the output, in the training loss only.
        W_constraint, b_constraint: applied to the weights after each update.
        input_dim: with input_length the same as input_shape=(input_length, input_dim).
        input_length: how many steps, None for any number; an input of others is refused.
        bias: whether there is a b.

    Raises:
        ShapeError: an input that is not (batch, steps, input_dim), or too short for a window.
    """

    dims = 1

    @arguments_of_1_2(
        *("nb_filter", "filter_length", "init", "activation", "weights", "border_mode"),
        *("subsample_length", "W_regularizer", "b_regularizer", "activity_regularizer"),
        *("W_constraint", "b_constraint", "bias", "input_dim", "input_length"),
        init="glorot_uniform",
        activation=None,
    )
    def __init__(
        self,
        nb_filter: int,
        filter_length: int,
        init: initializations.GivenInit = "uniform",
        activation: activations.GivenActivation = "linear",
        weights: Sequence[object] | None = None,
        border_mode: str = "valid",
        subsample_length: int = 1,
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        input_dim: int | None = None,
        input_length: int | None = None,
        *,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        if input_dim is not None:
            shape = (input_length, input_dim)
            kwargs = with_input_shape(type(self).__name__, kwargs, shape, "input_dim")
        super().__init__(
            "tf", nb_filter, init, activation, weights, border_mode, W_regularizer, b_regularizer,
            activity_regularizer, W_constraint, b_constraint, bias, **kwargs,
        )  # fmt: skip
        self.filter_length = self._whole("filter_length", filter_length)
        self.subsample_length = self._whole("subsample_length", subsample_length)
        self._window, self._strides = (self.filter_length,), (self.subsample_length,)
        self.input_dim = input_dim
        self.input_length = checked_length(input_length, self.name)

    # Keras convolves sequences as images of one column, and keeps these kernels channels first.
    @property
    def _kernel_ordering(self) -> str:
        return "th"

    def _kernel_shape(self, channels: int) -> tuple[int, ...]:
        return (self.nb_filter, channels, self.filter_length, 1)

    def _convolved(self, x: g.Node) -> g.Node:
        sequence = g.swap_axes(with_length(x, self.input_length, self._graphc_label), 1, 2)
        kernel = g.squeeze(self.W, 3)
        convolved = convolve(
            sequence, kernel, self._strides, self.border_mode, dilation=self._dilation
        )
        return g.swap_axes(convolved, 1, 2)


class Convolution2D(_Convolution):
    """Convolves images with `nb_filter` kernels of nb_row x nb_col pixels.

    Input: (batch, channels, rows, columns), with dim_ordering='tf' the channels last. Output: the
    same with nb_filter channels. A true convolution, as Keras has it on Theano: kernels are flipped
    along rows and columns, in both orderings.

    Args:
        nb_filter: how many kernels.
        nb_row, nb_col: the kernels' size.
        weights: initial values [W, b]; W is (nb_filter, channels, nb_row, nb_col) in 'th',
            (nb_row, nb_col, channels, nb_filter) in 'tf'.
        border_mode: 'valid', the windows inside the input; 'same', ceil(size / stride) of them
            along an axis, the first k // 2 pixels before it; or 'full', all that touch it.
        subsample: the strides along rows and columns.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
        init, activation, W_constraint, b_constraint: as in `Convolution1D`.
        W_regularizer, b_regularizer, activity_regularizer, bias: as in `Convolution1D`.

    Raises:
        ShapeError: an input that is not 4-D, or too small for a window.
    """

    dims = 2

    def __init__(
        self,
        nb_filter: int,
        nb_row: int,
        nb_col: int,
        init: initializations.GivenInit = "glorot_uniform",
        activation: activations.GivenActivation = "linear",
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
            dim_ordering, nb_filter, init, activation, weights, border_mode, W_regularizer,
            b_regularizer, activity_regularizer, W_constraint, b_constraint, bias, **kwargs,
        )  # fmt: skip
        self.nb_row = self._whole("nb_row", nb_row)
        self.nb_col = self._whole("nb_col", nb_col)
        self.subsample = self._each("subsample", subsample)
        self._window, self._strides = (self.nb_row, self.nb_col), self.subsample


class Convolution3D(_Convolution):
    """Convolves volumes with `nb_filter` kernels. See `Convolution2D`.

    Input: (batch, channels, dim1, dim2, dim3), with dim_ordering='tf' the channels last.

    Args:
        kernel_dim1, kernel_dim2, kernel_dim3: the kernels' size.
        weights: initial values [W, b]; W is
            ``(nb_filter, channels, *kernel)`` in 'th', ``(*kernel, channels, nb_filter)`` in 'tf'.
        border_mode: 'valid', 'full'; or 'same', where the first window starts k // 2 elements
            before the input, with strides of 1 (k - 1) // 2.
        subsample: the strides along the three axes.
    """

    dims = 3

    def __init__(
        self,
        nb_filter: int,
        kernel_dim1: int,
        kernel_dim2: int,
        kernel_dim3: int,
        init: initializations.GivenInit = "glorot_uniform",
        activation: activations.GivenActivation = "linear",
        weights: Sequence[object] | None = None,
        border_mode: str = "valid",
        subsample: Sequence[int] = (1, 1, 1),
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
            dim_ordering, nb_filter, init, activation, weights, border_mode, W_regularizer,
            b_regularizer, activity_regularizer, W_constraint, b_constraint, bias, **kwargs,
        )  # fmt: skip
        self.kernel_dim1 = self._whole("kernel_dim1", kernel_dim1)
        self.kernel_dim2 = self._whole("kernel_dim2", kernel_dim2)
        self.kernel_dim3 = self._whole("kernel_dim3", kernel_dim3)
        self.subsample = self._each("subsample", subsample)
        self._window = (self.kernel_dim1, self.kernel_dim2, self.kernel_dim3)
        self._strides = self.subsample
