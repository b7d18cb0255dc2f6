"""The errors of layers over images for inputs that they do not take."""

from __future__ import annotations

import pytest

from graphc.compiler import graph as g
from graphc.engine import Input, InputLayer
from graphc.errors import ArgumentError, ShapeError, UnknownNameError
from graphc.layers.convolutional import (
    Convolution1D,
    Convolution2D,
    MaxPooling1D,
    MaxPooling2D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    conv_input_length,
    conv_output_length,
)


class TestInputsThatDoNotFit:
    @pytest.mark.parametrize(
        ("layer", "shape", "axes"),
        [
            (Convolution1D(2, 3, name="a"), (9,), r"3-D input \(batch, steps, features\)"),
            (
                Convolution2D(2, 3, 3, dim_ordering="th", name="a"),
                (28, 28),
                r"4-D input \(batch, channels, rows, columns\) for dim_ordering='th'",
            ),
            (
                MaxPooling2D(dim_ordering="tf", name="a"),
                (28, 28),
                r"4-D input \(batch, rows, columns, channels\) for dim_ordering='tf'",
            ),
            (
                UpSampling3D(dim_ordering="th", name="a"),
                (3, 4, 4),
                r"5-D input \(batch, channels, dim1, dim2, dim3\)",
            ),
            (ZeroPadding1D(name="a"), (2, 3, 4), r"3-D input \(batch, steps, features\)"),
        ],
    )
    def test_another_number_of_axes(self, layer, shape, axes):
        with pytest.raises(ShapeError, match=rf"a \(\w+\): expected a {axes}.*received") as e:
            layer(InputLayer(input_shape=shape).output)
        assert "Reshape adds it" in str(e.value)
        assert "input_shape leaves out the batch axis" in str(e.value)

    @pytest.mark.parametrize(
        "layer",
        [Convolution2D(2, 3, 3, dim_ordering="th"), MaxPooling2D((3, 3), dim_ordering="th")],
    )
    def test_smaller_than_a_window(self, layer):
        channels_behind = InputLayer(input_shape=(28, 28, 1)).output
        with pytest.raises(
            ShapeError,
            match=r"window's size \(3, 3\) in \(rows, columns\), received \(28, 1\).*"
            r"read as \(batch, channels, rows, columns\) for dim_ordering='th'",
        ):
            layer(channels_behind)

    def test_one_input(self):
        node = InputLayer(input_shape=(4, 4, 1)).output
        with pytest.raises(ArgumentError, match="expected one input, received 2"):
            MaxPooling2D()([node, node])

    @pytest.mark.parametrize("layer", [Convolution1D(2, 2), MaxPooling1D(), UpSampling1D()])
    def test_no_mask(self, layer):
        node = InputLayer(input_shape=(4, 2)).output
        with pytest.raises(ArgumentError, match="does not take a mask"):
            layer(node, mask=g.input((g.BATCH, 4), "bool"))


@pytest.mark.parametrize(
    ("length", "size", "mode", "stride", "expected"),
    [
        (7, 3, "valid", 1, 5),
        (7, 3, "valid", 2, 3),
        (8, 3, "valid", 2, 3),
        (7, 3, "same", 2, 4),
        (7, 3, "full", 2, 5),
    ],
)
def test_the_length_behind_a_convolution(length, size, mode, stride, expected):
    assert conv_output_length(length, size, mode, stride) == expected
    assert conv_output_length(None, size, mode, stride) is None
    with pytest.raises(UnknownNameError, match="unknown border_mode 'half'"):
        conv_output_length(length, size, "half", stride)
    smallest = conv_input_length(expected, size, mode, stride)
    assert smallest <= length
    assert conv_output_length(smallest, size, mode, stride) == expected
    assert conv_input_length(None, size, mode, stride) is None
    with pytest.raises(UnknownNameError, match="unknown border_mode 'half'"):
        conv_input_length(length, size, "half", stride)


def test_the_length_behind_a_dilated_convolution():
    assert conv_output_length(9, 3, "valid", 1, dilation=3) == 3
    assert conv_output_length(9, 3, "full", 1, dilation=3) == 15


@pytest.mark.flags(image_dim_ordering="th")
class TestChannelsLast:
    """Images whose channels come last, in a layer that reads them first."""

    @pytest.mark.parametrize("channels", [1, 3, 4])
    @pytest.mark.parametrize("make", [lambda: Convolution2D(2, 1, 1), lambda: UpSampling2D()])
    def test_are_logged_once(self, make, channels, caplog):
        layer = make()
        layer(Input((28, 30, channels)))
        (record,) = caplog.records
        assert f"{layer.name} (" in record.getMessage()
        assert f"(None, 28, 30, {channels}) is read as (batch, channels, rows, columns)" in (
            record.getMessage()
        )
        assert f"28 channels, and {channels} in its last axis" in record.getMessage()

    @pytest.mark.parametrize(
        ("layer", "shape"),
        [
            (lambda: Convolution2D(2, 1, 1), (3, 28, 28)),
            (lambda: Convolution2D(2, 1, 1), (1, 28, 1)),  # a column of a gray image
            (lambda: Convolution2D(2, 1, 1, dim_ordering="tf"), (28, 28, 3)),
            (lambda: Convolution1D(2, 3), (28, 3)),
        ],
    )
    def test_others_are_not(self, layer, shape, caplog):
        layer()(Input(shape))
        assert not caplog.records

    def test_nor_are_results_of_other_layers(self, caplog):
        """They shrink to any size."""
        small = Convolution2D(8, 25, 25)(Input((3, 28, 28)))
        MaxPooling2D((1, 1))(small)
        assert not caplog.records
