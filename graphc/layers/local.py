"""Locally connected layers: windows with kernels of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from graphc import activations, constraints, initializations, regularizers
from graphc.backend.conv_variants import patches
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.errors import ArgumentError, ShapeError
from graphc.layers.bases.affine import AffineLayer
from graphc.layers.bases.arguments import checked_length, option, with_input_shape, with_length
from graphc.layers.bases.spatial import SpatialLayer, conv_output_length
from graphc.public.calls import public
from graphc.releases import since


class _LocallyConnected(AffineLayer, SpatialLayer):
    """activation(each window times its own matrix, plus b)."""

    _window: tuple[int, ...]
    _strides: tuple[int, ...]

    def _describe(
        self,
        nb_filter: int,
        activation: activations.GivenActivation,
        border_mode: str,
        init: initializations.GivenInit,
        *rest: Any,
    ) -> None:
        self.nb_filter = self._whole("nb_filter", nb_filter)
        self.activation = option(self, "activation", activations.get, activation)
        if border_mode != "valid":
            raise ArgumentError(
                f"{self._graphc_label}: border_mode: expected 'valid', the windows inside the "
                f"input, received {border_mode!r}; use zero padding before it"
            )
        self.border_mode = border_mode
        self._describe_affine(option(self, "init", initializations.get, init), *rest)

    def build(self, input_shape: KnownShape) -> None:
        channels = self._channels(input_shape)
        sizes = self._spatial(input_shape)
        self._check_known(sizes)
        rows = zip(sizes, self._window, self._strides, strict=True)
        self._counts = tuple(conv_output_length(n, k, "valid", s) or 0 for n, k, s in rows)
        taps = count = 1
        for extent, number in zip(self._window, self._counts, strict=True):
            taps, count = taps * extent, count * number
        W_shape = (count, taps * channels, self.nb_filter)
        self._sizes = sizes
        self._add_affine(W_shape, (*self._counts, self.nb_filter))

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        windows = g.swap_axes(patches(x, self._window, self._strides, self.dim_ordering), 0, 1)
        products = g.swap_axes(g.batch_dot(windows, self.W, ((2,), (1,))), 0, 1)
        samples = x.shape[0]
        if self.dim_ordering == "th":
            products = g.swap_axes(products, 1, 2)
            shape = (samples, self.nb_filter, *self._counts)
        else:
            shape = (samples, *self._counts, self.nb_filter)
        y = g.reshape(products, shape)
        # In 'th' Keras reshaped b, whose filters come last, to filters first.
        return self.activation(y if self.b is None else y + g.reshape(self.b, shape[1:]))

    def _check_known(self, sizes: KnownShape) -> None:
        if None in sizes:
            raise ShapeError(
                f"{self._graphc_label}: each window has weights of its own, so the input's sizes "
                f"have to be known, received {sizes}; give input_shape with numbers"
            )

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        super()._graphc_check_inputs(inputs)
        self._check_windows(inputs[0], self._window, self.border_mode)
        self._check_channels(inputs[0])
        sizes = self._spatial(known_shape(inputs[0]))
        if self.built and sizes != self._sizes:
            raise ShapeError(
                f"{self._graphc_label}: expected an input of the sizes {self._sizes}, for whose "
                f"windows the weights were made, received {sizes}"
            )


@since("1.0.6")
class LocallyConnected1D(_LocallyConnected):
    """A `Convolution1D` whose windows have kernels of their own.

    Input: (batch, steps, input_dim), the steps known. Output: (batch, windows, nb_filter).
    Weights: W (windows, filter_length * input_dim, nb_filter), which multiplies the features of the
    window's steps, step by step; b (windows, nb_filter). Nothing is flipped.

    Args:
        nb_filter: how many features come out.
        filter_length: steps in a window.
        weights: initial values [W, b].
        border_mode: 'valid'.
        subsample_length: the stride.
        input_dim, input_length: the same as input_shape=(input_length, input_dim).
        init, activation: as in `Convolution1D`.
        W_regularizer, b_regularizer, activity_regularizer: as in `Convolution1D`.
        W_constraint, b_constraint, bias: as in `Convolution1D`.

    Raises:
        ShapeError: an input whose steps are not known, or are others than at the first call.
    """

    dims = 1

    def __init__(
        self,
        nb_filter: int,
        filter_length: int,
        init: initializations.GivenInit = "glorot_uniform",
        activation: activations.GivenActivation = None,
        weights: Sequence[object] | None = None,
        border_mode: str = "valid",
        subsample_length: int = 1,
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        bias: bool = True,
        input_dim: int | None = None,
        input_length: int | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        if input_dim is not None:
            shape = (input_length, input_dim)
            kwargs = with_input_shape("LocallyConnected1D", kwargs, shape, "input_dim")
        super().__init__("tf", **kwargs)
        self._describe(
            nb_filter, activation, border_mode, init, weights, W_regularizer, b_regularizer,
            activity_regularizer, W_constraint, b_constraint, bias,
        )  # fmt: skip
        self.filter_length = self._whole("filter_length", filter_length)
        self.subsample_length = self._whole("subsample_length", subsample_length)
        self._window, self._strides = (self.filter_length,), (self.subsample_length,)
        self.input_dim = input_dim
        self.input_length = checked_length(input_length, self.name)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return super().call(with_length(x, self.input_length, self._graphc_label))


@since("1.0.6")
class LocallyConnected2D(_LocallyConnected):
    """A `Convolution2D` whose windows have kernels of their own.

    Input: as of `Convolution2D`, rows and columns known. Output: the windows, row by row.
    Weights: W (rows * columns of windows, nb_row * nb_col * channels, nb_filter), which multiplies
    the elements of the window in the order of the image's axes; b (rows, columns, nb_filter) of
    windows, in 'th' read as (nb_filter, rows, columns). Nothing is flipped.

    Args:
        nb_filter: how many channels come out.
        nb_row, nb_col: the size of a window.
        weights: initial values [W, b].
        border_mode: 'valid'.
        subsample, dim_ordering: as in `Convolution2D`.
        init, activation, W_constraint, b_constraint, bias: as in `Convolution1D`.
        W_regularizer, b_regularizer, activity_regularizer: as in `Convolution1D`.

    Raises:
        ShapeError: an input whose sizes are not known, or are others than at the first call.
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
        dim_ordering: str = "default",
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(dim_ordering, **kwargs)
        self._describe(
            nb_filter, activation, border_mode, init, weights, W_regularizer, b_regularizer,
            activity_regularizer, W_constraint, b_constraint, bias,
        )  # fmt: skip
        self.nb_row = self._whole("nb_row", nb_row)
        self.nb_col = self._whole("nb_col", nb_col)
        self.subsample = self._each("subsample", subsample)
        self._window, self._strides = (self.nb_row, self.nb_col), self.subsample


public(__name__)
