"""The tiles of convolutions: few rows, many columns.

A product's own rule (`graphc.compiler.codegen.tiles`) is for matrices of any shape. A convolution
has as many rows as filters, 8 to 64 in most networks, and a column for each pixel of the batch, so
a square tile would compute rows that are not there. The rule here: 128 columns, and 8, 16, 32, 64
or 128 rows. The more rows, the more of a thread's instructions are multiplications, and the more
rows may be left over; the tile is taken for which the rows that are computed, divided by the share
of multiplications, are the fewest. For 8 rows four warps share the step along k, so that each reads
its columns 16 bytes at a time. k goes in steps of 16, or of 8 for the larger tiles and a short k;
where there are fewer than `_WANTED` blocks, it is cut into parts as a product's own rule has it.

Where there are at most 64 pixels (the gradient of a small kernel), where such tiles are fewer than
`BLOCKS` even with k in parts, and in float64, whose sums take twice the registers, where it would
be more than 32 rows, the product's own rule holds.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.codegen.tiles import (
    BLOCKS,
    LEAST_DEPTH,
    MOST_SHARED,
    PART,
    Tile,
    blocks,
    typical,
)
from graphc.compiler.graph.dim import Dim, Size

# Two blocks of four warps for each multiprocessor of a large card: a single one would leave its
# schedulers without work at each barrier.
_WANTED = 2 * BLOCKS
# With the share of multiplications among the instructions of the loop over k, in percent: counted
# in what nvcc 13.0 makes of 3 x 3 convolutions without padding, for sm_90.
_SHARES = {
    # rows, columns, depth; rows and columns of a thread, and of lanes in a warp
    Tile(128, 128, 8, 16, 8, 4, 8): 88,
    Tile(64, 128, 8, 8, 8, 4, 8): 82,
    Tile(32, 128, 16, 8, 4, 4, 8): 74,
    Tile(16, 128, 16, 4, 4, 4, 8): 60,
    Tile(8, 128, 16, 8, 4, 1, 32, slices=4): 45,
}
_TILES = {
    replace(tile, wanted=_WANTED, most_parts=_WANTED): share for tile, share in _SHARES.items()
}
_FEW_COLUMNS = 64
_SHARED = 48 * 1024
_MOST_ROWS_OF_FLOAT64 = 32


def conv_tile(filters: Size, pixels: Size, k: Size, dtype: str) -> Tile | None:
    """The tile of a convolution's product, by the rule above; None for the product's own rule."""
    few_columns = not isinstance(pixels, Dim) and pixels <= _FEW_COLUMNS
    if few_columns or isinstance(filters, Dim):
        return None
    wide = dtype == "float64"
    # The slices of a tile exchange their sums in its place, where float64 would not fit.
    candidates = [tile for tile in _TILES if tile.slices == 1 or not wide]
    tile = min(candidates, key=lambda one: -(-filters // one.rows) * one.rows / _TILES[one])
    parts = max(1, min(tile.most_parts, typical(k) // PART))
    few_blocks = typical(blocks(tile, filters, pixels, 1)) * parts < BLOCKS
    if few_blocks or (wide and tile.rows > _MOST_ROWS_OF_FLOAT64):
        return None
    short = not isinstance(k, Dim) and k <= LEAST_DEPTH
    return replace(tile, depth=LEAST_DEPTH) if tile.slices == 1 and (wide or short) else tile


def table_bytes(tile: Tile | None, dtype: str) -> int:
    """How much shared memory a table of positions may take beside the tiles, which is 48 KB less
    what they take; at most half of it, so that several blocks fit a multiprocessor."""
    free = _SHARED - (MOST_SHARED if tile is None else tile.shared(1, 1, dtype))
    return min(free, _SHARED // 2)
