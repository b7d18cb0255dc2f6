"""Up-sampling and zero padding against numpy.repeat and numpy.pad."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import ArgumentError
from graphc.layers.convolutional import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from tests.backend.window_sums import channels_last
from tests.compiler.grad.differences import check_gradients
from tests.layers.spatial_layers import in_both_orderings, lowers_the_loss, run

rng = np.random.default_rng(19)

RESIZINGS = {
    "UpSampling1D": (UpSampling1D, 3, lambda x: np.repeat(x, 3, 1)),
    "UpSampling2D": (UpSampling2D, (2, 3), lambda x: np.repeat(np.repeat(x, 2, 2), 3, 3)),
    "UpSampling3D": (
        UpSampling3D,
        (2, 1, 3),
        lambda x: np.repeat(np.repeat(x, 2, 2), 3, 4),
    ),
    "ZeroPadding1D": (ZeroPadding1D, 2, lambda x: np.pad(x, ((0, 0), (2, 2), (0, 0)))),
    "ZeroPadding2D": (
        ZeroPadding2D,
        (1, 2),
        lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2))),
    ),
    "ZeroPadding3D": (
        ZeroPadding3D,
        (1, 0, 2),
        lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0), (2, 2))),
    ),
}


@in_both_orderings(RESIZINGS)
class TestResizing:
    @staticmethod
    def layer_and_arrays(case, ordering):
        layer_class, argument, expected = case
        dims = int(layer_class.__name__[-2])
        x = rng.normal(size=(2, 3, 4, 2, 3)[: dims + 2])
        y = expected(x)
        if dims == 1:
            return layer_class(argument, name="layer"), x, y
        if ordering == "tf":
            x, y = channels_last(x), channels_last(y)
        return layer_class(argument, dim_ordering=ordering, name="layer"), x, y

    def test_elements(self, case, ordering):
        layer, x, expected = self.layer_and_arrays(case, ordering)
        np.testing.assert_array_equal(run(layer, x), expected)
        assert layer.output_shape == (None, *expected.shape[1:])

    def test_gradients(self, case, ordering):
        layer, x, _ = self.layer_and_arrays(case, ordering)
        check_gradients(layer, [x], second_order=False)

    def test_training_lowers_the_loss_and_the_step_has_kernels(self, case, ordering):
        layer, x, _ = self.layer_and_arrays(case, ordering)
        lowers_the_loss(layer, x.shape[1:], ordering)


def test_sequences_of_any_length():
    x = rng.normal(size=(2, 7, 3)).astype("float32")
    for layer, expected in (
        (UpSampling1D(), np.repeat(x, 2, 1)),
        (ZeroPadding1D(), np.pad(x, ((0, 0), (1, 1), (0, 0)))),
    ):
        np.testing.assert_array_equal(run(layer, x, shape=(None, 3)), expected)
        assert layer.output_shape == (None, None, 3)


@pytest.mark.flags(image_dim_ordering="th")
def test_defaults():
    x = np.arange(16, dtype="float32").reshape(1, 1, 4, 4)
    assert run(UpSampling2D(), x).shape == (1, 1, 8, 8)
    assert run(ZeroPadding2D(), x).shape == (1, 1, 6, 6)
    volume = x.reshape(1, 1, 2, 2, 4)
    assert run(UpSampling3D(), volume).shape == (1, 1, 4, 4, 8)
    assert run(ZeroPadding3D(), volume).shape == (1, 1, 4, 4, 6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UpSampling1D(0), "length: "),
        (lambda: UpSampling2D(2), "size: expected 2 whole numbers"),
        (lambda: UpSampling3D((1, 1)), "size: expected 3 whole numbers"),
        (lambda: ZeroPadding1D(-1), "padding: left_pad: expected a whole number of at least 0"),
        (lambda: ZeroPadding1D({"top_pad": 1}), "left_pad, right_pad, received the key 'top_pad'"),
        (lambda: ZeroPadding2D((1, 2, 3)), "padding: expected 2 whole numbers"),
        (lambda: Cropping1D(1), "cropping: expected 2 whole numbers"),
        (
            lambda: Cropping2D((1, 1)),
            "cropping: expected 2 whole numbers .*received 1",
        ),
        (lambda: Cropping3D(((1, 1),)), "cropping: expected .* of each of 3 axes"),
        (lambda: ZeroPadding2D(1), "padding: expected 2 whole numbers of at least 0, received 1"),
        (lambda: ZeroPadding3D(dim_ordering=None), "dim_ordering: .*None"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
