"""Convolutions as products of CUDA: what is read as a plain matrix, what is left out, and what the
compiler makes of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen import lower
from graphc.compiler.codegen.conv_image import Image, Part
from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.product import Direct, Product
from graphc.compiler.codegen.product_operand import INNER
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


@dataclass
class Positions:
    """The calls that print the two parts of an image element's position.

    Attributes:
        tables: the number of entries of each table, and the type of an entry.
        computed: the variables from which the part of k was computed.
        looked_up: those by which it was looked up in a table.
    """

    tables: list[tuple[Size, str]] = field(default_factory=list)
    computed: set[str] = field(default_factory=set)
    looked_up: set[str] = field(default_factory=set)


def positions(*outputs: Node) -> Positions:
    """Return the calls that print positions while a program is lowered."""
    found = Positions()
    table, of_k, entry = Image._table, Image._of_k, Image._entry

    def making(image: Image, count: Size, part: Part) -> Any:
        found.tables.append((count, image._entry_type))
        return table(image, count, part)

    def computing(image: Image, emitter: Emitter, k: Expression) -> list[Expression]:
        found.computed.add(str(k))
        return of_k(image, emitter, k)

    def looking_up(image: Image, emitter: Emitter, at: Expression) -> list[Expression]:
        found.looked_up.add(str(at))
        return entry(image, emitter, at)

    with (
        mock.patch.object(Image, "_table", making),
        mock.patch.object(Image, "_of_k", computing),
        mock.patch.object(Image, "_entry", looking_up),
    ):
        lower(outputs)
    return found


def test_a_flipped_kernel_is_read_as_the_matrix_that_it_is() -> None:
    """k counts its taps from the end, so the way through the image is negative."""
    (launch,) = recorded_products(convolution(32))
    (one,) = launch.products
    kernel, _ = launch.fetches
    assert isinstance(one.left, Direct)
    assert (one.left.fast, one.left.row) == ("k", 8 * 3 * 3)
    assert kernel.wide
    assert kernel.along_k


def test_the_part_of_an_element_that_k_settles_comes_from_a_table() -> None:
    """In a loop over k nothing is divided: only the table is filled from its number of an entry."""
    plain, padded = positions(convolution(32)), positions(convolution(32, padding=1))
    assert plain.tables == [(72, "int")]
    assert padded.tables == [(72, "int4")]  # with the coordinates that are tested
    for found in (plain, padded):
        assert found.looked_up == {str(INNER)}
        assert found.computed == {"e"}
    # One element a window: the image is a plain matrix for each sample.
    (single,) = convolved(convolution(32, window=1))
    assert isinstance(single.right, Direct)
    # The table of a long k would leave no room for the tiles.
    long = positions(convolution(128, channels=2000))
    assert long.tables == []
    assert long.computed == {str(INNER)}


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
