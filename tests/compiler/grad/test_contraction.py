"""Gradients of matmul and convolution."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from tests.compiler.grad.differences import check_gradients

rng = np.random.default_rng(2)


@pytest.mark.parametrize(
    ("build", "shapes"),
    [
        (g.matmul, [(3, 4), (4, 2)]),
        (g.matmul, [(2, 3, 4), (2, 4, 2)]),
        (g.matmul, [(2, 1, 3, 4), (3, 4, 2)]),
        (g.dot, [(4,), (4, 2)]),
        (lambda x, y: g.batch_dot(x, y, (2, 1)), [(3, 2, 4), (3, 4)]),
        (lambda x, y: g.batch_dot(x, y, ([1, 3], [2, 1])), [(3, 2, 2, 4), (3, 4, 2)]),
        (lambda x, y: g.tensordot(x, y, ([0, 2], [1, 0])), [(3, 2, 4), (4, 3)]),
    ],
    ids=["matrices", "batched", "broadcast", "vector", "batch_dot", "several axes", "tensordot"],
)
def test_products(build, shapes):
    check_gradients(build, [rng.normal(size=shape) for shape in shapes])


# x's spatial shape, the kernel's, and the arguments of conv.
CONVOLUTIONS = {
    "1d": ((6,), (3,), {}),
    "1d, same": ((6,), (3,), {"padding": [(1, 1)]}),
    "1d, stride leaves a rest": ((8,), (3,), {"strides": 2, "padding": [(0, 1)]}),
    "1d, all at once": (
        (6,),
        (3,),
        {"strides": 3, "padding": [(2, 1)], "input_dilation": 2, "kernel_dilation": 2},
    ),
    "1d, cropped": ((8,), (2,), {"padding": [(-1, -2)], "strides": 2}),
    "1d, padding beyond the kernel": ((4,), (2,), {"padding": [(3, 4)], "strides": 2}),
    "1d, stride beyond the kernel": ((9,), (2,), {"strides": 4}),
    "2d, same, even kernel": ((5, 4), (2, 3), {"padding": [(0, 1), (1, 1)]}),
    "2d, strides": ((5, 6), (3, 2), {"strides": (2, 3), "padding": [(1, 0), (2, 1)]}),
    "2d, dilated kernel": ((7, 5), (3, 2), {"kernel_dilation": (2, 3), "strides": (1, 2)}),
    "2d, dilated input": (
        (3, 4),
        (2, 3),
        {"input_dilation": (2, 3), "strides": (2, 1), "padding": [(1, 1), (0, -2)]},
    ),
    "3d": (
        (3, 4, 3),
        (2, 2, 3),
        {"strides": (1, 2, 1), "padding": [(1, 0), (0, 0), (1, 1)], "kernel_dilation": (2, 1, 1)},
    ),
}


def _arrays(spatial, extents):
    return rng.normal(size=(2, 2, *spatial)), rng.normal(size=(3, 2, *extents))


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name):
    spatial, extents, options = CONVOLUTIONS[name]
    check_gradients(lambda x, kernel: g.conv(x, kernel, **options), _arrays(spatial, extents))


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_with_symbolic_batch_and_size(name):
    spatial, extents, options = CONVOLUTIONS[name]
    x = g.input((g.BATCH, 2, *(None for _ in spatial)), "float64")
    kernel = g.input((3, 2, *extents), "float64")
    check_gradients(
        lambda x, kernel: g.conv(x, kernel, **options),
        _arrays(spatial, extents),
        nodes=[x, kernel],
        second_order=False,
    )


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_both_gradients_are_convolutions_in_the_shapes_of_the_inputs(name):
    spatial, extents, options = CONVOLUTIONS[name]
    x = g.input((g.BATCH, 2, *(None for _ in spatial)), "float64")
    kernel = g.input((3, 2, *extents), "float64")
    to_x, to_kernel = grad(g.sum(g.conv(x, kernel, **options)), [x, kernel])
    assert to_x.shape == x.shape
    assert to_kernel.shape == kernel.shape
    assert to_x.op == "conv"
    assert to_kernel.op == "transpose"
    assert to_kernel.inputs[0].op == "conv"
