"""Mappings of convolutions with a pooling behind them: which apply, and that they mean the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Size, symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cuda.convolutions import pooled
from graphc.compiler.targets.cuda.convolutions.pooled import POOLED_WINDOWS, tile_of_pooled
from graphc.compiler.targets.cuda.convolutions.pooled_loops import (
    in_pooled_products,
    pooled_product_of,
)
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.mappings import CUDA_MAPPINGS
from graphc.compiler.targets.cuda.products.tiles import BlockTile
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.errors import RewriteError
from tests.compiler.loops.random_loops import same_meaning
from tests.compiler.targets.convolution_cases import biased, convolution
from tests.compiler.targets.cuda.products.cases import ARGUMENTS, arrays, plain

SIZES = [{symbols(BATCH)[0]: n} for n in (1, 3)]
SMALL = BlockTile(8, 16, 4, 4, 1)
TWO_PACKS = BlockTile(8, 32, 4, 4, 2)


def small(*outputs: Node) -> LoopProgram:
    """Return the plain program of nodes that are one kernel of a CPU, which fuses a pooling of any
    windows, with a convolution of any size."""
    (kernel,) = kernels(make_schedule(list(optimize(list(outputs))[0]), most_shared=0))
    assert kernel.kind == "conv"
    return plain_program(kernel, "k0", buffers_of(kernel))


def pooling(*window: int) -> dict[str, Any]:
    return {"window": window, "strides": window, "padding": ((0, 0),) * len(window)}


def hidden(*axes: tuple[Size, int], dtype: str = "float32", **attributes: Any) -> Node:
    return convolution(5, 2, *axes, dtype=dtype, **attributes)


def dropped() -> LoopProgram:
    """Return what is pooled, of which a fourth is zero, scaled by the filter."""
    pooled = g.max_pool(biased(hidden((13, 2), (13, 2))), (2, 2)) * arrays(5, 1, 1)
    kept = g.random.bernoulli((BATCH, *pooled.shape[1:]), 0.75, seed=3)
    return plain(g.where(kept, pooled / 0.75, 0.0))


def stored() -> LoopProgram:
    """Return what is pooled, the convolution's result, and what else is computed of it."""
    x = biased(hidden((6, 3), (6, 3), padding=1))
    return small(x, g.max_pool(x, (2, 2)), g.greater(x, 0.5))


def gathered(*axes: tuple[int, int]) -> LoopProgram:
    """Return the place of each maximum, and what is there."""
    x = hidden(*axes)
    pool = pooling(*(2 for _ in axes))
    places = g.make("argmax_pool", x, **pool)
    found = [g.make("gather_pool", places, one, **pool) for one in (x, g.greater(x, 0.5))]
    return small(places, *found)


def flipped() -> LoopProgram:
    """Return what is pooled of a convolution as Keras on Theano has it."""
    kernel = g.flip(arrays(5, 2, 3, 2), (2, 3))
    return small(g.max_pool(g.conv(arrays(BATCH, 2, 6, 5), kernel), (2, 2)))


def normalised() -> LoopProgram:
    """Return what is pooled of an image that is rectified, with a scale for each channel."""
    image = g.maximum(arrays(BATCH, 2, 6, 5), 0.0) * arrays(2, 1, 1)
    return small(g.max_pool(g.conv(image, arrays(5, 2, 3, 2)), (2, 2)))


def of_samples() -> LoopProgram:
    """Return what is pooled of images that have a scale each, as have the convolution's results."""
    scales = [g.maximum(arrays(BATCH, 1, 1, 1), 0.0) for _ in range(2)]
    x = g.conv(arrays(BATCH, 2, 6, 5) * scales[0], arrays(5, 2, 3, 2))
    return small(g.max_pool(x * scales[1], (2, 2)))


def joined() -> LoopProgram:
    """Return what is pooled of the channels of two arrays."""
    image = g.concat([arrays(BATCH, 2, 6, 5), arrays(BATCH, 1, 6, 5)], axis=1)
    return small(g.max_pool(g.conv(image, arrays(5, 3, 3, 2)), (2, 2)))


CASES: dict[str, Callable[[], LoopProgram]] = {
    "maxima": lambda: small(g.max_pool(biased(hidden((6, 3), (6, 3))), (2, 2))),
    "means": lambda: small(g.average_pool(hidden((6, 3), (5, 2)), (2, 2))),
    "padding and strides": lambda: small(
        g.max_pool(hidden((7, 3), (8, 4), padding=((1, 0), (1, 1)), strides=2), (2, 2))
    ),
    "float64": lambda: small(g.max_pool(hidden((6, 3), (4, 3), dtype="float64"), (2, 2))),
    "windows of four in a row": lambda: small(g.max_pool(hidden((10, 3)), (4,))),
    "two of three axes": lambda: small(
        g.max_pool(hidden((2, 1), (5, 2), (4, 3), padding=((0, 0), (0, 0), (0, 0))), (1, 2, 2))
    ),
    "windows of eight": lambda: small(
        g.max_pool(
            biased(hidden((4, 3), (4, 1), (5, 2), padding=((1, 1), (0, 0), (0, 0)))), (2,) * 3
        )
    ),
    "places": lambda: gathered((6, 3), (5, 2)),
    "places of eight": lambda: gathered((3, 2), (4, 3), (3, 2)),
    "dropout": dropped,
    "what others read": stored,
    "flipped weights": flipped,
    "a computed image": normalised,
    "values of samples": of_samples,
    "two images": joined,
}


def mapped(program: LoopProgram) -> MappedProgram:
    return choose(program, any_card(), CUDA_MAPPINGS["conv"])


def check(program: LoopProgram, made: LoopProgram) -> None:
    arguments = {one.name: ARGUMENTS[one.name] for one in program.arguments}
    same_meaning(program, made, *SIZES, arguments=arguments, is_finite=True)


@pytest.mark.parametrize("case", CASES)
def test_a_window_of_the_pooling_is_a_column_of_a_product(case: str) -> None:
    program = CASES[case]()
    made = in_pooled_products(program)
    product = pooled_product_of(made)
    assert len(product.kept) == 2
    assert product.rows.ends[0].constant == 5
    check(program, made)


@pytest.mark.parametrize("case", CASES)
def test_tiles_have_the_bits_of_the_plain_program(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = CASES[case]()
    places = pooled_product_of(in_pooled_products(program)).results_of_column
    for tile in [TWO_PACKS] if places == 8 else [SMALL, TWO_PACKS]:
        monkeypatch.setattr(pooled, "tile_of_pooled", lambda product, tile=tile: tile)
        found = mapped(program)
        assert found.names == (POOLED_WINDOWS.name,), found.refusals
        check(program, found.program)


@pytest.mark.parametrize(
    ("reason", "pooled"),
    [
        ("windows of 9 elements", lambda: g.max_pool(hidden((8, 3), (5, 3)), (3, 3))),
        ("windows of 2 elements", lambda: g.max_pool(hidden((8, 3)), (2,))),
        ("windows of 36 elements", lambda: g.max_pool(hidden((8, 3), (8, 3)), (6, 6))),
        (
            "it pools no results",
            lambda: g.max_pool(hidden((7, 3), (7, 3)), (2, 2), padding=((0, 1), (0, 1))),
        ),
        (
            "it has one filter",
            lambda: g.max_pool(convolution(1, 2, (6, 3), (6, 3)), (2, 2)),
        ),
    ],
)
def test_other_windows_are_walked_by_a_thread_each(reason: str, pooled: Callable[[], Node]) -> None:
    program = small(pooled())
    found = mapped(program)
    assert reason in dict(found.refusals)[POOLED_WINDOWS.name]
    assert POOLED_WINDOWS.name not in found.names
    assert not found.is_plain
    check(program, found.program)


def test_a_program_without_a_pooling_is_none_of_them() -> None:
    with pytest.raises(RewriteError, match="it pools no results"):
        in_pooled_products(plain(convolution(5, 2, (6, 3), (6, 3))))


@pytest.mark.parametrize(
    ("filters", "axes", "dtype", "tile"),
    [
        (32, [(26, 3), (26, 3)], "float32", BlockTile(32, 128, 18, 8, 1)),
        (64, [(26, 3), (26, 3)], "float32", BlockTile(64, 128, 9, 8, 2)),
        (32, [(26, 3), (26, 3)], "float64", BlockTile(32, 128, 9, 8, 1)),
        (32, [(10, 3)] * 3, "float32", BlockTile(32, 128, 27, 4, 2)),
        (16, [(10, 3)] * 3, "float32", BlockTile(16, 256, 9, 4, 2)),
    ],
)
def test_threads_have_whole_windows(
    filters: int, axes: list[tuple[int, int]], dtype: str, tile: BlockTile
) -> None:
    x = convolution(filters, 32, *axes, dtype=dtype)
    program = plain(g.max_pool(x, (2,) * len(axes)))
    assert tile_of_pooled(pooled_product_of(in_pooled_products(program))) == tile
