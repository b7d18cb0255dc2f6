"""The CUDA text of convolutions: what is read as a plain matrix, what is left out, and what the
compiler makes of it."""

from __future__ import annotations

import re
import shutil

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen import lower
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.passes import optimize
from tests.nvcc import gate

NVCC = shutil.which("nvcc")


def convolution(filters: int, channels: int = 8, size: int = 26, window: int = 3, **attrs) -> Node:
    """As Keras on Theano has it: the kernel is flipped."""
    x = g.input((BATCH, channels, size, size), "float32")
    kernel = g.input((filters, channels, window, window), "float32")
    return g.conv(x, g.flip(kernel, (2, 3)), **attrs)


def text(*outputs: Node) -> str:
    return lower(outputs).source


def test_a_flipped_kernel_is_read_as_the_matrix_that_it_is() -> None:
    found = text(convolution(32))
    assert "gc_load4(left0_from)" in found
    assert "- i" in found  # k counts its places from the end: the way through the image is negative


def test_what_an_element_owes_to_k_comes_from_a_table() -> None:
    plain, padded = text(convolution(32)), text(convolution(32, padding=1))
    assert "__shared__ int part_of[128];" in plain
    assert "__shared__ int4 part_of[128];" in padded  # with the coordinates that are tested
    for found in (plain, padded):
        loop = found[found.index("const auto fetch") : found.index("const auto fill")]
        assert "part_of[inner]" in loop
        assert "inner /" not in loop
    # One element a window: the image is a plain matrix for each sample.
    assert "part_of" not in text(convolution(32, window=1))
    # The table of a long k would leave no room for the tiles.
    assert "part_of" not in text(convolution(128, channels=2000))


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
    found = text(optimize([gradient])[0][0])
    how = re.findall(r"^// (\d+ x \d+ by \d+ x \d+); a (warp|block) computes", found, re.MULTILINE)
    assert how == [("32 x 32 by 32 x 1", "warp"), *[("8 x 32 by 32 x 1", "block")] * 4]


def sums_of(gradient: Node) -> list[int]:
    """Return the number of products that each launch sums for an element, by its heading."""
    found = re.findall(r"^// (?:batch times )?8 x (\d+) by", text(gradient), re.MULTILINE)
    return sorted(map(int, found))


@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
def test_no_kernel_spills_and_nothing_is_warned_of() -> None:
    each = (8, 16, 32, 64, 128)
    outputs = [convolution(filters, padding=1) for filters in each]
    for filters in each:
        hidden = g.maximum(convolution(filters, padding=1), 0.0)
        pooled = g.max_pool(hidden, (2, 2))
        kept = g.random.uniform(pooled.shape, seed=1, stream=2) < 0.75
        outputs += [hidden, g.where(kept, pooled / 0.75, 0.0)]
    kernels, said = gate.compiled(NVCC, text(*outputs), "sm_75")
    assert said == []
    assert len(kernels) == 2 * len(each)
    assert gate.problems_of("convolutions", "sm_75", kernels) == []
