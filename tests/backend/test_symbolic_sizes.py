"""Sizes that only a call knows, in the expressions that programs for Keras make of K.shape."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.errors import ArgumentError, DTypeError, ShapeError

X = np.arange(24.0).reshape(2, 3, 4)


def fed():
    return K.placeholder((None, 3, 4))


SHAPES = {
    "reshape by a product": (lambda x: K.reshape(x, (-1, K.prod(K.shape(x)[1:]))), (2, 12)),
    "of all but the last": (
        lambda x: K.reshape(x, (K.prod(K.shape(x)[:-1]), K.shape(x)[-1])),
        (6, 4),
    ),
    "stacked": (lambda x: K.reshape(x, K.stack([K.shape(x)[0], -1])), (2, 12)),
    "concatenated": (
        lambda x: K.reshape(x, K.concatenate([K.shape(x)[:1], K.stack([2, 6])])),
        (2, 2, 6),
    ),
    "a sum of sizes": (lambda x: K.zeros((K.sum(K.shape(x)[:2]), 2)), (5, 2)),
    "zeros": (lambda x: K.zeros(K.shape(x)), (2, 3, 4)),
    "ones": (lambda x: K.ones((K.shape(x)[0], 5), dtype="int32"), (2, 5)),
    "tile": (lambda x: K.tile(K.variable(np.ones((1, 5))), (K.shape(x)[0], 1)), (2, 5)),
    "tile by one number": (lambda x: K.tile(K.variable([1.0, 2.0]), K.shape(x)[0]), (4,)),
    "tile by a vector": (lambda x: K.tile(K.ones((1, 5)), K.stack([K.shape(x)[0], 2])), (2, 10)),
    "a product of sizes at random": (lambda x: K.random_normal((K.prod(K.shape(x)),)), (24,)),
    "random_normal": (lambda x: K.random_normal(shape=K.shape(x)), (2, 3, 4)),
    "random_uniform": (lambda x: K.random_uniform((x.shape[0], 2)), (2, 2)),
    "random_binomial": (lambda x: K.random_binomial(K.shape(x), p=0.5), (2, 3, 4)),
    "sizes times a number": (
        lambda x: K.resize_images(x[:, None], 2, 2, "th") + K.zeros((1, *K.shape(x)[1:] * 2)),
        (2, 1, 6, 8),
    ),
    "sizes times others": (lambda x: K.zeros(K.shape(x) * np.array([1, 2, 2])), (2, 6, 8)),
    "sizes less others": (lambda x: K.zeros(2 * K.shape(x) - (1, 0, 1) + 1), (4, 7, 8)),
    "sizes divided": (lambda x: K.zeros(K.shape(x) // 2), (1, 1, 2)),
    "sizes beside others": (lambda x: K.zeros((3,) + K.shape(x)[:1] + (5,)), (3, 2, 5)),
    "one_hot": (lambda x: K.one_hot(K.arange(K.shape(x)[0]), 5), (2, 5)),
}


@pytest.mark.parametrize(("make", "shape"), SHAPES.values(), ids=list(SHAPES))
def test_shapes(make, shape):
    x = fed()
    (value,) = K.function([x], [make(x)])([X])
    assert value.shape == shape


def test_values():
    x = fed()
    sizes = K.shape(x)
    whole, product, doubled, ones = K.function(
        [x], [sizes, K.prod(sizes[1:]), 2 * K.prod(sizes), K.sum(K.ones(sizes))]
    )([X])
    np.testing.assert_array_equal(whole, [2, 3, 4])
    assert (product, doubled, ones) == (12, 48, 24.0)


def test_sizes_and_another_number_of_them():
    with pytest.raises(ShapeError, match=r"mul of sizes: .*3 as there are .*received 2"):
        K.shape(fed()) * (2, 2)


def test_an_input_that_nothing_needs_is_refused_though_its_sizes_are_those_of_another():
    x = fed()
    other = K.placeholder((x.shape[0], 2))
    with pytest.raises(ArgumentError, match="is not needed by any output"):
        K.function([x, other], [K.sum(x, axis=0)])


def test_a_size_made_of_data_is_refused():
    x, n = fed(), K.placeholder(shape=(2,), dtype="int32")
    with pytest.raises(DTypeError, match="whose value no call knows"):
        K.reshape(x, (-1, K.prod(n)))
