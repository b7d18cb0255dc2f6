"""Pooling layers against windows read in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import ArgumentError
from graphc.layers.convolutional import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from tests.backend.window_sums import pooled, same_counts, valid_counts
from tests.compiler.grad.differences import check_gradients
from tests.layers.spatial_layers import as_sequence_or, in_both_orderings, lowers_the_loss, run

rng = np.random.default_rng(17)

POOLINGS = {
    # layers, spatial, window, strides, border_mode
    "1D": (MaxPooling1D, AveragePooling1D, (7,), (3,), None, "valid"),
    "1D same": (MaxPooling1D, AveragePooling1D, (7,), (3,), (2,), "same"),
    "2D": (MaxPooling2D, AveragePooling2D, (5, 7), (2, 3), None, "valid"),
    "2D same": (MaxPooling2D, AveragePooling2D, (5, 7), (2, 4), (2, 3), "same"),
    "3D": (MaxPooling3D, AveragePooling3D, (4, 5, 4), (2, 2, 3), (2, 1, 1), "valid"),
}


def pooling(layer_class, window, strides, border_mode, ordering, **kwargs):
    kwargs["border_mode"] = border_mode
    if "1D" in layer_class.__name__:
        return layer_class(*window, None if strides is None else strides[0], **kwargs)
    return layer_class(window, strides, dim_ordering=ordering, **kwargs)


@in_both_orderings(POOLINGS)
@pytest.mark.parametrize("mode", ["max", "average"])
class TestPoolings:
    def test_each_window(self, case, mode, ordering):
        layer_class, (spatial, window, strides, border_mode) = case[mode == "average"], case[2:]
        x = rng.normal(size=(2, 3, *spatial)) - 5
        steps = window if strides is None else strides
        lows, counts = [0] * len(window), valid_counts(spatial, window, steps)
        if border_mode == "same":
            lows = [k - 2 if k % 2 else k - 1 for k in window]
            counts = same_counts(spatial, steps)
        read = np.mean if mode == "average" else np.max
        expected = as_sequence_or(
            ordering, layer_class, pooled(x, window, steps, lows, counts, read)
        )
        layer = pooling(layer_class, window, strides, border_mode, ordering)
        value = run(layer, as_sequence_or(ordering, layer_class, x))
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        assert layer.output_shape == (None, *expected.shape[1:])

    def test_gradients(self, case, mode, ordering):
        layer_class, (spatial, window, strides, border_mode) = case[mode == "average"], case[2:]
        x = rng.permutation(int(np.prod(spatial))).reshape(1, 1, *spatial) / 7
        layer = pooling(layer_class, window, strides, border_mode, ordering)
        check_gradients(layer, [as_sequence_or(ordering, layer_class, x)], second_order=False)

    def test_training_lowers_the_loss_and_the_step_has_kernels(self, case, mode, ordering):
        layer_class, (spatial, window, strides, border_mode) = case[mode == "average"], case[2:]
        shape = as_sequence_or(ordering, layer_class, np.empty((1, 2, *spatial))).shape[1:]
        layer = pooling(layer_class, window, strides, border_mode, ordering, name="layer")
        lowers_the_loss(layer, shape, ordering)


def test_sequences_of_any_length():
    x = rng.normal(size=(2, 7, 3)).astype("float32")
    layer = MaxPooling1D()
    expected = np.maximum(x[:, :6:2], x[:, 1:6:2])
    np.testing.assert_array_equal(run(layer, x, shape=(None, 3)), expected)
    assert layer.output_shape == (None, None, 3)


@pytest.mark.flags(image_dim_ordering="th")
def test_defaults():
    x = np.arange(16, dtype="float32").reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(run(MaxPooling2D(), x), [[[[5, 7], [13, 15]]]])
    np.testing.assert_array_equal(run(AveragePooling2D(), x), [[[[2.5, 4.5], [10.5, 12.5]]]])
    volume = x.reshape(1, 1, 2, 2, 4)
    np.testing.assert_array_equal(run(MaxPooling3D(), volume), [[[[[13, 15]]]]])
    np.testing.assert_array_equal(run(AveragePooling3D(), volume), [[[[[6.5, 8.5]]]]])


@pytest.mark.flags(image_dim_ordering="th")
def test_pooling_keeps_nan():
    x = np.array([[[[1.0, np.nan], [2.0, 3.0]]]], "float32")
    for layer in (MaxPooling2D(), AveragePooling2D()):
        assert np.isnan(run(layer, x)).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaxPooling1D(0), "pool_length: expected a whole number of at least 1"),
        (lambda: AveragePooling1D(2, 1.5), "stride: .*1.5"),
        (lambda: MaxPooling2D(2), "pool_size: expected 2 whole numbers of at least 1, received 2"),
        (lambda: MaxPooling2D((2, 2, 2)), "pool_size: expected 2 whole numbers"),
        (lambda: MaxPooling2D(strides=(2, 0)), r"strides \(2, 0\): .*received 0"),
        (lambda: MaxPooling2D(border_mode="full"), "border_mode: .*'full'"),
        (lambda: AveragePooling2D(dim_ordering="x"), "dim_ordering: .*'x'"),
        (lambda: MaxPooling3D(border_mode="full"), "border_mode: .*'full'"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
