"""Convolutions as products of CUDA: what is left out, and what the compiler makes of it."""

from __future__ import annotations

import shutil

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen import lower
from graphc.compiler.codegen.product import Product
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Size
from graphc.compiler.passes import optimize
from tests.compiler.codegen.recorded_products import recorded_products
from tests.nvcc import gate

NVCC = shutil.which("nvcc")


def convolution(filters: int, channels: int = 8, size: int = 26, window: int = 3, **attrs) -> Node:
    """As Keras on Theano has it: the kernel is flipped."""
    x = g.input((BATCH, channels, size, size), "float32")
    kernel = g.input((filters, channels, window, window), "float32")
    return g.conv(x, g.flip(kernel, (2, 3)), **attrs)


def convolved(*outputs: Node) -> list[Product]:
    """Return the product of each launch, in order."""
    return [one for recorded in recorded_products(*outputs) for one in recorded.products]


def test_no_product_multiplies_by_the_holes_of_an_image() -> None:
    """The gradient of a convolution with stride 2: a launch for each class of windows, each over
    the places of the 3 x 3 kernel that meet elements."""
    x, kernel = g.input((BATCH, 8, 25, 25), "float32"), g.input((32, 8, 3, 3), "float32")
    y = g.conv(x, kernel, strides=2)
    (gradient,) = grad(g.sum(g.square(y)), [x])
    (gradient,), _ = optimize([gradient])
    assert sums_of(gradient) == [32 * places for places in (1, 2, 2, 4)]


def test_windows_that_meet_holes_alone_sum_one_zero() -> None:
    """The gradient of a convolution of single pixels with stride 2: three of four get nothing."""
    x, kernel = g.input((BATCH, 8, 25, 25), "float32"), g.input((32, 8, 1, 1), "float32")
    (gradient,) = grad(g.sum(g.square(g.conv(x, kernel, strides=2))), [x])
    (gradient,), _ = optimize([gradient])
    assert sums_of(gradient) == [1, 1, 1, 32]


def test_a_class_of_one_window_is_a_tile() -> None:
    """A warp for each result, as of other products with one column, would take the results of one
    class for those of all."""
    x, kernel = g.input((1, 8, 2, 2), "float32"), g.input((32, 8, 2, 2), "float32")
    (gradient,) = grad(g.sum(g.square(g.conv(x, kernel, strides=2))), [x])
    found = [
        ((one.m, one.k, one.n), "warp" if recorded.tile is None else "block")
        for recorded in recorded_products(optimize([gradient])[0][0])
        for one in recorded.products
    ]
    assert found == [((32, 32, 1), "warp"), *[((8, 32, 1), "block")] * 4]


def sums_of(gradient: Node) -> list[Size]:
    """Return the number of products that each launch sums for one of 8 rows of elements."""
    found = convolved(gradient)
    return sorted(one.k for one in found if one.m == 8)


@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
def test_no_kernel_spills_and_nothing_is_warned_of() -> None:
    each = (8, 16, 32, 64, 128)
    outputs = [convolution(filters, padding=1) for filters in each]
    for filters in each:
        hidden = g.maximum(convolution(filters, padding=1), 0.0)
        pooled = g.max_pool(hidden, (2, 2))
        kept = g.random.uniform(pooled.shape, seed=1, stream=2) < 0.75
        outputs += [hidden, g.where(kept, pooled / 0.75, 0.0)]
    kernels, said = gate.assembled(NVCC, lower(outputs).source, "sm_75")
    assert said == []
    assert len(kernels) == 2 * len(each)
    assert gate.problems_of("convolutions", "sm_75", kernels) == []
