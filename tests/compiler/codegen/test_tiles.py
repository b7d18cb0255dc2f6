"""The tiling of products: the rule of the sizes, and the resources of a block of each tile."""

from __future__ import annotations

import itertools

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen.tiles import (
    FEW_COLUMNS,
    FEW_ROWS,
    LEAST_DEPTH,
    MOST_SHARED,
    MOST_SUMS,
    SHAPES,
    Tile,
    blocks,
    choose_tile,
    split,
)
from graphc.compiler.graph import BATCH
from graphc.compiler.program.launch import Clamped, value_of

(BATCH_SYMBOL,) = g.dim.symbols(BATCH)


def chosen(m: g.Size, n: g.Size, k: g.Size, matrices: g.Size = 1) -> tuple[int, int]:
    tile = choose_tile(m, n, k, matrices, (1, 1), 1, "float32")
    return tile.rows, tile.columns


def test_the_largest_tile_that_fills_a_card_is_taken() -> None:
    assert chosen(4096, 4096, 4096) == (128, 128)
    assert chosen(1024, 1024, 64) == (64, 64)
    assert chosen(512, 512, 64) == (32, 32)
    assert chosen(128, 512, 512) == (16, 32)
    assert chosen(1024, 1024, 64, 2) == (128, 128)  # two products have twice the blocks
    assert chosen(1024, 1024, 8192) == (128, 128)  # as have eight parts of k


def test_a_tile_that_hangs_over_the_end_gives_way_to_a_smaller_one() -> None:
    assert chosen(50, 50, 64, 10_000) == (64, 64)
    assert chosen(33, 20, 64, 10_000) == (16, 32)
    assert chosen(300, 300, 64, 10_000) == (64, 64)
    assert chosen(500, 500, 64, 10_000) == (128, 128)


def test_thin_results_get_thin_tiles() -> None:
    assert chosen(10_000, 10, 512) == (64, 16)
    assert chosen(10, 10_000, 512) == (16, 64)
    assert chosen(BATCH, 10, 512) == (16, 32)  # few samples: more blocks


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("products", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [10, 40, 4096])
@pytest.mark.parametrize("k", [1, 9, 33, 100, 4096, BATCH])
def test_a_block_of_any_tile_fits_a_multiprocessor(
    dtype: str, products: int, n: int, k: g.Size
) -> None:
    for shared, m in itertools.product((True, False), (10, 40, 4096, BATCH)):
        operands = (1 if shared else products, products)
        tile = choose_tile(m, n, k, 1, operands, products, dtype)
        assert tile.shared(*operands, dtype) <= MOST_SHARED
        assert tile.sums(products, dtype) <= MOST_SUMS
        assert tile.slices == 1 or tile.exchanged(dtype) <= tile.shared(*operands, dtype)
        assert tile.depth % tile.slices == 0
        assert tile.depth % LEAST_DEPTH == 0


@pytest.mark.parametrize("tile", [*SHAPES, FEW_COLUMNS, FEW_ROWS])
def test_threads_cover_a_tile_exactly(tile: Tile) -> None:
    owned = set()
    for thread in range(tile.slice_threads):
        warp, lane = divmod(thread, 32)
        row = warp // tile.warp_columns * tile.lane_rows * tile.thread_rows
        row += lane // tile.lane_columns * 4
        column = warp % tile.warp_columns * tile.lane_columns * tile.thread_columns
        column += lane % tile.lane_columns * 4
        for r, c in itertools.product(range(tile.thread_rows), range(tile.thread_columns)):
            at_row = row + r // 4 * 4 * tile.lane_rows + r % 4
            owned.add((at_row, column + c // 4 * 4 * tile.lane_columns + c % 4))
    assert tile.lane_rows * tile.lane_columns == 32
    assert owned == set(itertools.product(range(tile.rows), range(tile.columns)))


def test_long_sums_of_few_results_are_cut() -> None:
    assert split(4, 8192) == Clamped(32, 1, 8)
    assert split(64, 8192) == Clamped(2, 1, 8)
    assert split(65, 8192) is None  # more than half of a card has work
    assert split(1, 2047) is None  # not two parts long


def test_parts_of_a_symbolic_sum_follow_its_size() -> None:
    parts = split(4, BATCH * 100)
    assert parts is not None
    found = [value_of(parts, {BATCH_SYMBOL: batch}) for batch in (1, 7, 128, 10_000)]
    assert found == [1, 2, 32, 32]  # of 256 elements at least
    assert split(4, BATCH) is None  # a batch alone is no long sum
    assert split(BATCH, BATCH * 100) is None


def test_parts_follow_a_symbolic_grid() -> None:
    tile = SHAPES[-1]
    parts = split(blocks(tile, BATCH, 32, 1), 8192)
    assert parts is not None
    assert [value_of(parts, {BATCH_SYMBOL: batch}) for batch in (1, 128, 4096)] == [8, 8, 1]
