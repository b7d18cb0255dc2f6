"""Weights of layers that other releases and backends of Keras stored in other forms."""

from __future__ import annotations

import pytest

from graphc.engine.topology.holding import forms_of
from graphc.engine.topology.layer import Layer
from graphc.files.conversions import Gates, JoinedGates, KernelLayout, RunningStd
from graphc.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Bidirectional,
    ConvLSTM2D,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Dense,
    SimpleRNN,
    TimeDistributed,
)
from graphc.models import Sequential

IMAGES = {"input_shape": (2, 8, 8), "dim_ordering": "th"}
LAST = {"input_shape": (8, 8, 2), "dim_ordering": "tf"}
BOXES = {"input_shape": (2, 8, 8, 8), "dim_ordering": "th"}
SERIES = {"input_shape": (5, 3)}


def forms(layer: Layer) -> dict[str, object]:
    """The forms by the names of the weights, without those of the layers."""
    Sequential([layer])
    return {weight.name.split("_", 2)[2]: form for weight, form in forms_of(layer).items()}


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (lambda: Convolution1D(4, 3, input_shape=(8, 2)), KernelLayout("th", True, False)),
        (lambda: Convolution1D(4, 2, border_mode="same", input_shape=(8, 2)),
         KernelLayout("th", True, True)),
        (lambda: Convolution2D(4, 3, 3, **IMAGES), KernelLayout("th", False, False)),
        (lambda: Convolution2D(4, 3, 3, **LAST), KernelLayout("tf", False, False)),
        # TensorFlow pads one more behind, where windows do not lie evenly over the image.
        (lambda: Convolution2D(4, 3, 3, border_mode="same", **IMAGES),
         KernelLayout("th", False, False)),
        (lambda: Convolution2D(4, 3, 2, border_mode="same", **IMAGES),
         KernelLayout("th", False, True)),
        (lambda: Convolution2D(4, 3, 2, **IMAGES), KernelLayout("th", False, False)),
        (lambda: Convolution2D(4, 3, 3, border_mode="same", subsample=(1, 2), **LAST),
         KernelLayout("tf", False, True)),
        (lambda: Convolution3D(4, 3, 3, 3, **BOXES), KernelLayout("th", False, False)),
        (lambda: Convolution3D(4, 3, 3, 4, border_mode="same", **BOXES),
         KernelLayout("th", False, True)),
    ],
)  # fmt: skip
def test_kernels_of_convolutions(layer, expected):
    assert forms(layer()) == {"W": expected}


@pytest.mark.flags(keras="1.2")
@pytest.mark.parametrize(
    ("size", "border", "of_w", "of_u"),
    [(3, "same", False, False), (2, "same", True, True), (2, "valid", False, True)],
)
def test_kernels_of_a_recurrent_convolution(size, border, of_w, of_u):
    """The one on the state is `same` always."""
    layer = ConvLSTM2D(3, size, 3, border_mode=border, dim_ordering="th", input_shape=(2, 2, 8, 8))
    assert forms(layer) == {
        f"{part}_{gate}": KernelLayout("th", False, moves)
        for part, moves in (("W", of_w), ("U", of_u))
        for gate in "ifco"
    }


@pytest.mark.parametrize(
    ("layer", "columns"), [(SimpleRNN, (0,)), (GRU, (0, 1, 2)), (LSTM, (0, 2, 1, 3))]
)
def test_gates(layer, columns):
    """The gates of an LSTM are i, c, f, o in turn, and i, f, c, o in one matrix."""
    (separate,) = forms(layer(4, **SERIES)).values()
    assert separate == Gates(columns)
    if layer is not SimpleRNN:
        (joined,) = forms(layer(4, consume_less="gpu", **SERIES)).values()
        assert joined == JoinedGates(columns)


@pytest.mark.parametrize(
    ("keras", "expected"),
    [("1.0", RunningStd(1e-3, "std", False)), ("1.2", RunningStd(1e-3, "variance", False))],
)
def test_what_a_normalization_keeps(keras, expected):
    layer = BatchNormalization(epsilon=1e-3, input_shape=(3,), keras=keras)
    assert forms(layer) == {"running_std": expected}
    assert not forms(BatchNormalization(mode=1, input_shape=(3,), keras=keras))


def test_layers_list_those_that_they_hold():
    inner = Convolution2D(4, 3, 2, dim_ordering="th")
    each = TimeDistributed(inner, input_shape=(3, 2, 8, 8))
    assert list(forms(each).values()) == [KernelLayout("th", False, False)]
    both = Bidirectional(LSTM(2), **SERIES)
    Sequential([both])
    assert list(forms_of(both).values()) == [Gates((0, 2, 1, 3))] * 2
    assert not forms(Dense(3, input_dim=2))
