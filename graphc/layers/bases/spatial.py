"""The common parts of layers over images. Sequences are images with one spatial axis."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Unpack

from graphc.backend.conv import CONVOLUTION_BORDERS, whole_numbers
from graphc.backend.settings import check_dim_ordering
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.errors import ShapeError, unknown_name
from graphc.layers.bases.arguments import only_input
from graphc.lookup import whole_number
from graphc.releases import since

_log = logging.getLogger("graphc")

# Of gray images, of colours, of colours with transparency.
_CHANNELS_OF_IMAGES = (1, 3, 4)

_SPATIAL_AXES = {1: ("steps",), 2: ("rows", "columns"), 3: ("dim1", "dim2", "dim3")}


class SpatialLayer(Layer):
    """Base: a layer on one image (batch, channels, *spatial), or with the channels last.

    Attributes:
        dims: the number of spatial axes.
        dim_ordering: 'th', channels first, or 'tf', channels last, as it was given or as
            `K.image_dim_ordering()` was when the layer was made; sequences (batch, steps, features)
            are 'tf'.
    """

    dims: int
    channels: int

    def __init__(self, dim_ordering: str, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.dim_ordering = check_dim_ordering(dim_ordering, self._graphc_label)

    def _whole(self, argument: str, value: object, least: int = 1) -> int:
        return whole_number(f"{self._graphc_label}: {argument}", value, least)

    def _each(self, argument: str, value: object, least: int = 1) -> tuple[int, ...]:
        return whole_numbers(value, self.dims, f"{self._graphc_label}: {argument}", least)

    @property
    def _axes(self) -> tuple[str, ...]:
        names = _SPATIAL_AXES[self.dims]
        if self.dims == 1:
            return ("batch", *names, "features")
        first = self.dim_ordering == "th"
        return ("batch", "channels", *names) if first else ("batch", *names, "channels")

    @property
    def _channel_axis(self) -> int:
        return 1 if self.dim_ordering == "th" else self.dims + 1

    def _spatial(self, shape: KnownShape) -> KnownShape:
        first = 2 if self.dim_ordering == "th" else 1
        return shape[first : first + self.dims]

    def _channels(self, shape: KnownShape) -> int:
        """The channels of the first input, for which weights are made. ShapeError where they are
        not known."""
        channels = shape[self._channel_axis]
        if channels is None:
            raise ShapeError(
                f"{self._graphc_label}: axis {self._channel_axis} of the input "
                f"({self._axes[self._channel_axis]}) has no known size, and W needs it; give "
                f"input_shape with a number there, received {shape}"
            )
        self.channels = channels
        return channels

    def _check_channels(self, node: g.Node) -> None:
        """ShapeError for another number of channels than weights were made for."""
        channels = known_shape(node)[self._channel_axis]
        if self.built and channels != self.channels:
            raise ShapeError(
                f"{self._graphc_label}: axis {self._channel_axis} of the input: expected "
                f"{self.channels} {self._axes[self._channel_axis]}, as the weights have, "
                f"received {channels}"
            )

    def _ordering_said(self) -> str:
        expected = f"({', '.join(self._axes)})"
        return expected if self.dims == 1 else f"{expected} for dim_ordering={self.dim_ordering!r}"

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        where = self._graphc_label
        node = only_input(inputs, where)
        if node.ndim != self.dims + 2:
            raise ShapeError(
                f"{where}: expected a {self.dims + 2}-D input {self._ordering_said()}, "
                f"received {node.ndim}-D: {known_shape(node)}. Where the axis of "
                f"{self._axes[self._channel_axis]} is missing, Reshape adds it; and if the shape "
                "came from input_shape, note that input_shape leaves out the batch axis"
            )
        if self.dims > 1 and self.dim_ordering == "th" and node.op == "input":
            self._warn_of_channels_last(known_shape(node))

    def _warn_of_channels_last(self, shape: KnownShape) -> None:
        """Log a line for an image that has as many columns as images have channels, and not as many
        channels."""
        if shape[-1] in _CHANNELS_OF_IMAGES and shape[1] not in _CHANNELS_OF_IMAGES:
            _log.warning(
                "%s: the input %s is read as %s: %s channels, and %s in its last axis. If the "
                "channels come last, give dim_ordering='tf', or set "
                "K.set_image_dim_ordering('tf') before the first layer",
                self._graphc_label,
                shape,
                self._ordering_said(),
                shape[1],
                shape[-1],
            )

    def _check_windows(self, node: g.Node, window: Sequence[int], border_mode: str) -> None:
        """ShapeError where the input is known to be smaller than a window inside it."""
        sizes = self._spatial(known_shape(node))
        if border_mode == "valid" and any(
            size is not None and size < extent for size, extent in zip(sizes, window, strict=True)
        ):
            elsewhere = (
                "; where the data has its channels elsewhere, give the other dim_ordering"
                if self.dims > 1
                else ""
            )
            raise ShapeError(
                f"{self._graphc_label}: expected an input of at least the window's size "
                f"{tuple(window)} in ({', '.join(_SPATIAL_AXES[self.dims])}), received {sizes}; "
                f"its axes are read as {self._ordering_said()}. Use a smaller window, or "
                f"border_mode='same'{elsewhere}"
            )


def conv_output_length(
    input_length: int | None, filter_size: int, border_mode: str, stride: int, dilation: int = 1
) -> int | None:
    """Count windows that fit, k being filter_size or, dilated, (filter_size - 1) * dilation + 1:
    ceil((length - k + 1) / stride), with 'same' ceil(length / stride), with 'full'
    ceil((length + k - 1) / stride).

    None for an open length.
    """
    if border_mode not in CONVOLUTION_BORDERS:
        raise unknown_name("border_mode", border_mode, CONVOLUTION_BORDERS)
    if input_length is None:
        return None
    length = whole_number("conv_output_length: input_length", input_length, least=1)
    size = whole_number("conv_output_length: filter_size", filter_size, least=1)
    step = whole_number("conv_output_length: stride", stride, least=1)
    size = (size - 1) * whole_number("conv_output_length: dilation", dilation, least=1) + 1
    starts = {"same": length, "valid": length - size + 1, "full": length + size - 1}[border_mode]
    return -(-starts // step)


@since("1.0.6")
def conv_input_length(
    output_length: int | None, filter_size: int, border_mode: str, stride: int
) -> int | None:
    """The smallest length over which windows fit `output_length` times; None for an open one."""
    if border_mode not in CONVOLUTION_BORDERS:
        raise unknown_name("border_mode", border_mode, CONVOLUTION_BORDERS)
    if output_length is None:
        return None
    length = whole_number("conv_input_length: output_length", output_length, least=1)
    size = whole_number("conv_input_length: filter_size", filter_size, least=1)
    step = whole_number("conv_input_length: stride", stride, least=1)
    padding = {"same": size // 2, "valid": 0, "full": size - 1}[border_mode]
    return (length - 1) * step - 2 * padding + size
