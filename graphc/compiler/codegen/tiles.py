"""How a product is divided among blocks and threads, by its sizes alone.

**Tiles.** A block computes one tile of the result, step by step along k. The candidates, from the
largest (most multiplications for each element read) to the smallest (most blocks):

- 128 x 128, k in steps of 8, 128 threads of 16 x 8 results each (float32 alone: the sums of a
  thread fill half of its registers);
- 64 x 64, steps of 16, 128 threads of 8 x 4;
- 32 x 32, steps of 64, threads of 4 x 4. Four groups of 64 threads compute the same results, each
  from a quarter of every step, and add up in the end. The smaller the tile, the longer the step: it
  has to cover the way of what the next one needs from memory;
- 16 x 32, steps of 64, eight groups of a warp of 4 x 4: for a recurrent layer's step, whose few
  samples give few blocks;
- where the result has at most 16 columns 64 x 16, at most 16 rows 16 x 64, in four groups, and 16 x
  32 alone: in the other tiles most threads would compute nothing.

The rule takes the largest candidate that gives the card `BLOCKS` blocks, counting the parts that k
can be cut into, and that does not cover more than `MOST_WASTE` times what the next smaller one
does; if there is none, the smallest. A symbolic size counts as `TYPICAL` there: one text serves
every size, so the choice cannot wait for it. Several products in one kernel multiply a thread's
sums and a block's shared memory; candidates with more than `MOST_SUMS` registers of sums are left
out, and steps are shortened until the tiles fit `MOST_SHARED` bytes. Where k has at most `SHORT`
elements one step covers it, as short as may be, and one group of threads is enough.

**Split k.** Where even so there are at most half of `BLOCKS` blocks, and k is (typically) at least
two parts of `PART` elements, k is cut into parts, one block each. The partial sums go to a
workspace, and a second launch adds them in the order of k and runs the epilogue. How many parts is
a formula of the sizes, so a new batch size compiles nothing: with k an int, as many as fill the
card for this grid; with k symbolic (a weight's gradient, over the samples and places of a batch) as
many as k gives, of a quarter of `PART`, up to what fills the card: the second launch is there at
every size. Where the grid and k are both symbolic k is left whole.

**Vectors.** A product with one column or one row moves each element of a matrix once and computes
next to nothing: there a warp computes one result, its lanes side by side along k; parts of a split
have at least `VECTOR_PART` elements.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphc.compiler.graph.dim import Dim, Size, ceil_divide, evaluate_at
from graphc.compiler.program.launch import Clamped

BLOCKS = 128  # about one for each multiprocessor of a large card
PART = 1024
VECTOR_PART = 4096
FINER = 4  # parts of a symbolic k are shorter
MOST_PARTS = 64
MOST_SUMS = 128  # 32-bit registers of a thread
MOST_SHARED = 40 * 1024  # of 48
FEW = 16
MOST_WASTE = 1.3
SHORT = 32
LEAST_DEPTH = 8  # eight elements are fetched side by side along k
TYPICAL = 128


@dataclass(frozen=True)
class Tile:
    """A block's part of a product.

    A thread owns squares of 4 x 4 results, so that it reads both operands 16 bytes at a time; the
    squares of one thread lie a warp's width apart, so that neighbours read neighbouring 16 bytes.

    Attributes:
        rows, columns: of the result.
        depth: elements along k that are in shared memory at a time.
        thread_rows, thread_columns: results of one thread.
        lane_rows, lane_columns: how the 32 lanes of a warp lie over its part of the tile.
        slices: groups of threads that compute the same results, each from its share of a step.
    """

    rows: int
    columns: int
    depth: int
    thread_rows: int
    thread_columns: int
    lane_rows: int
    lane_columns: int
    slices: int = 1

    @property
    def slice_threads(self) -> int:
        """Threads of one slice."""
        return self.rows * self.columns // (self.thread_rows * self.thread_columns)

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.slice_threads * self.slices

    @property
    def finishers(self) -> int:
        """Slices that finish results in the end: each takes rows of a thread's."""
        return min(self.slices, self.thread_rows)

    @property
    def warp_columns(self) -> int:
        """Warps side by side in one row of the tile."""
        return self.columns // (self.lane_columns * self.thread_columns)

    def sums(self, products: int, dtype: str) -> int:
        """32-bit registers that a thread's sums take."""
        words = np.dtype(dtype).itemsize // 4
        return self.thread_rows * self.thread_columns * products * words

    def shared(self, lefts: int, rights: int, dtype: str) -> int:
        """Bytes of shared memory for two stages of the operands' tiles."""
        width = lefts * (self.rows + PADDING) + rights * (self.columns + PADDING)
        return 2 * self.depth * width * np.dtype(dtype).itemsize

    def covered(self, m: int, n: int) -> int:
        """Elements of the tiles that cover a result."""
        return -(-m // self.rows) * self.rows * -(-n // self.columns) * self.columns

    def exchanged(self, dtype: str) -> int:
        """Bytes through which the slices add up, in the place of the operands' tiles."""
        return self.rows * self.columns * self.slices * np.dtype(dtype).itemsize


PADDING = 4
"""Elements behind each row of a tile in shared memory: with them, the four stores of a pack that
lies along k go to banks of their own."""

SHAPES = (
    # rows, columns, depth; rows and columns of a thread, and of lanes in a warp
    Tile(128, 128, 8, 16, 8, 4, 8),
    Tile(64, 64, 16, 8, 4, 4, 8),
    Tile(32, 32, 64, 4, 4, 4, 8, slices=4),
    Tile(16, 32, 64, 4, 4, 4, 8, slices=8),
)
FEW_COLUMNS = Tile(64, 16, 64, 4, 4, 8, 4, slices=4)
FEW_ROWS = Tile(16, 64, 64, 4, 4, 4, 8, slices=4)


def is_vector(m: Size, n: Size) -> bool:
    """Whether a warp computes one result, not a block a tile."""
    return 1 in (m, n)


def choose_tile(
    m: Size, n: Size, k: Size, matrices: Size, operands: tuple[int, int], products: int, dtype: str
) -> Tile:
    """The tile for products of these sizes.

    Args:
        m, n, k: of each product.
        matrices: how many there are along the batch axes.
        operands: how many different left and right operands the products have.
        products: how many are computed together.
        dtype: of all operands.
    """
    thin = [
        tile
        for tile, size in ((FEW_COLUMNS, n), (FEW_ROWS, m))
        if not isinstance(size, Dim) and size <= FEW
    ]
    fitting = [
        tile
        for tile in ((*thin, SHAPES[-1]) if thin else SHAPES)
        if tile.sums(products, dtype) <= MOST_SUMS
        and replace(tile, depth=LEAST_DEPTH).shared(*operands, dtype) <= MOST_SHARED
    ]
    parts = max(1, min(MOST_PARTS, typical(k) // PART))
    tile = fitting[0]
    for smaller in fitting[1:]:
        area, less = (t.covered(typical(m), typical(n)) for t in (tile, smaller))
        enough = typical(blocks(tile, m, n, matrices)) * parts >= BLOCKS
        if enough and area <= MOST_WASTE * less:
            break
        tile = smaller
    if not isinstance(k, Dim) and k <= SHORT:
        tile = replace(tile, depth=min(tile.depth, SHORT), slices=1)
    while tile.shared(*operands, dtype) > MOST_SHARED or _covers(tile.depth // 2, k):
        tile = replace(tile, depth=tile.depth // 2)
    while tile.slices > 1 and tile.exchanged(dtype) > tile.shared(*operands, dtype):
        tile = replace(tile, slices=tile.slices // 2)
    return tile


def blocks(tile: Tile, m: Size, n: Size, matrices: Size) -> Size:
    """How many blocks cover the result."""
    return ceil_divide(m, tile.rows) * ceil_divide(n, tile.columns) * matrices


def split(grid: Size, k: Size, part: int = PART) -> Clamped | None:
    """How many parts k is cut into; None where it is left whole.

    Args:
        grid: the blocks without a split.
        k: what is summed.
        part: the least elements of a part; a part of a symbolic k has a quarter of them at least.
    """
    if BLOCKS // typical(grid) < 2 or typical(k) < 2 * part:
        return None
    if not isinstance(k, Dim):
        return Clamped(BLOCKS // grid, 1, min(MOST_PARTS, k // part))
    if isinstance(grid, Dim):
        return None
    return Clamped(k // (part // FINER), 1, min(MOST_PARTS, BLOCKS // grid))


def _covers(depth: int, k: Size) -> bool:
    """Whether one step of this depth, if tiles have such steps, is as long as k."""
    return depth >= LEAST_DEPTH and not isinstance(k, Dim) and k <= depth


def typical(size: Size) -> int:
    """A size with each of its symbols at `TYPICAL`."""
    return evaluate_at(size, TYPICAL)
