"""The tiles of products on a GPU: how a result is divided among blocks and threads.

From the largest tile, in which a factor is loaded for the most multiplications, to the smallest, of
which there are the most. In small tiles several groups of threads compute the same sums, each over
its part of the terms of every step, and add up in the end. The smaller the tile, the longer the
step: it has to cover the way of what the next one needs from memory.

What is chosen depends on known sizes alone. So does the order of a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphc.compiler.graph.dim import Dim, Size, evaluate_at
from graphc.compiler.graph.dim import product as size_of
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.product_loops import Product

PADDING = 4
"""Elements behind each row of a tile in shared memory: the four stores of a pack that is along the
terms in memory go to other banks, and rows still begin at a multiple of 16 bytes."""


@dataclass(frozen=True)
class BlockTile:
    """The part of a product that a block computes.

    A thread has neighbouring rows, and packs of columns. Packs that threads have side by side are
    side by side, so that these read shared memory without conflicts of banks.

    Attributes:
        rows, columns: of the result.
        depth: the terms of a step, whose factors are in shared memory at a time.
        thread_rows, thread_packs: rows of a thread, and its packs of columns.
        groups: of threads that compute the same results, each from its part of a step.
        parts: of a sum, each of which a block has.
        run: neighbouring terms that threads take of a computed operand ahead of those of the next
            column, where terms are neighbours in memory; 0 for all of a step.
    """

    rows: int
    columns: int
    depth: int
    thread_rows: int
    thread_packs: int
    groups: int = 1
    parts: int = 1
    run: int = 0

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.groups * self.rows * self.columns // self.results

    @property
    def results(self) -> int:
        """Results of a thread."""
        return self.thread_rows * self.thread_packs * PACK

    @property
    def pack_columns(self) -> int:
        """Columns of which each thread has one pack."""
        return self.columns // self.thread_packs

    def covered(self, rows: int, columns: int) -> int:
        """Return how many results the tiles have that cover some rows and columns."""
        return -(-rows // self.rows) * self.rows * -(-columns // self.columns) * self.columns

    def shared_elements(self, lefts: int = 1, rights: int = 1) -> int:
        """Return how many factors of two steps are in shared memory, of so many operands."""
        width = lefts * (self.rows + PADDING) + rights * (self.columns + PADDING)
        return 2 * self.depth * width


TILES = (
    BlockTile(128, 128, 8, 16, 2),
    BlockTile(64, 64, 16, 8, 1),
    BlockTile(32, 32, 64, 4, 1, groups=4),
    BlockTile(16, 32, 64, 4, 1, groups=8),
)
"""128 threads, or 256 in groups, have one; the sums of the largest fill half of a thread's
registers."""

FEW = 16
"""Rows or columns of a result up to which most threads of a square tile would have none of them."""

OF_FEW_COLUMNS = BlockTile(64, 16, 64, 4, 1, groups=4)
OF_FEW_ROWS = BlockTile(16, 64, 64, 4, 1, groups=4)
"""Tiles of results with so few columns, or rows; the only other one of these is the smallest."""

MOST_SUMS = 128
"""Registers of 32 bits that a thread has for sums."""

MOST_SHARED = 40 * 1024
"""Bytes of shared memory for factors: some blocks fit a multiprocessor."""

BLOCKS = 128
"""Blocks that keep a large card busy: about one for each of its multiprocessors."""

TYPICAL = 128
"""A symbol, where a tile has to be chosen before it is known."""

MOST_WASTE = 1.3
"""A tile covers at most so many times what smaller ones do."""

PART = 1024
"""Terms of a part of a sum, at least, where blocks divide them."""

MOST_PARTS = 64
"""Parts of a sum that blocks divide."""

FEW_PARTS = 8
"""Parts of each of several sums that are worth the second launch."""

TOGETHER = 16
"""Parts that a thread reads before it adds the first of them: it has little else to do."""

SHORT = 32
"""Terms up to which one group of threads is enough for a small tile."""

FEW_STEPS = 4
"""Where there are fewer whole steps, shorter ones are taken if the last would be padded."""

LEAST_DEPTH = 8
"""Terms of the shortest step: two packs of an operand whose terms are neighbours in memory."""


def tile_of(products: Sequence[Product]) -> BlockTile | None:
    """Return the largest tile of which there are enough, the smallest in any case; None if not even
    this holds the sums and factors of so many products. Where even of the smallest there are few,
    and sums are long, blocks have parts of them."""
    product = products[0]
    rows, columns, terms = (
        evaluate_at(loop.ends[0].constant, TYPICAL)
        for loop in (product.rows, product.columns, product.terms)
    )
    matrices = evaluate_at(size_of(loop.ends[0].constant for loop in product.batch), TYPICAL)
    needs = _Needs.of(products)
    fitting = [tile for tile in _candidates(product) if needs.fit(tile)]
    if not fitting:
        return None
    parts = max(1, min(MOST_PARTS, terms // PART))
    tile, *smaller_ones = fitting
    for smaller in smaller_ones:
        covered, less = tile.covered(rows, columns), smaller.covered(rows, columns)
        is_enough = matrices * covered * parts >= BLOCKS * tile.rows * tile.columns
        if is_enough and covered <= MOST_WASTE * less:
            break
        tile = smaller
    known = product.terms.ends[0].constant
    if tile.groups > 1 and isinstance(known, int) and known <= SHORT:
        return _in_one_step(tile, known, needs)
    tile = with_parts(tile, products)
    if tile.groups > 1:
        return _in_groups(tile, needs)
    return _with_short_steps(needs.with_depth(tile), known)


@dataclass(frozen=True)
class _Needs:
    """The memory that products which are computed together need of a block.

    Attributes:
        lefts, rights: their operands, each once.
        sums: how many products there are.
        itemsize: bytes of an element.
    """

    lefts: int
    rights: int
    sums: int
    itemsize: int

    @classmethod
    def of(cls, products: Sequence[Product]) -> _Needs:
        """Return those of some products."""
        lefts, rights = {one.left for one in products}, {one.right for one in products}
        itemsize = np.dtype(products[0].total.dtype).itemsize
        return cls(len(lefts), len(rights), len(products), itemsize)

    def shared(self, tile: BlockTile) -> int:
        """Return the bytes of shared memory that factors take."""
        return tile.shared_elements(self.lefts, self.rights) * self.itemsize

    def exchanged(self, tile: BlockTile) -> int:
        """Return the bytes of shared memory in which groups add up the sums of a product."""
        return tile.rows * tile.columns * tile.groups * self.itemsize

    def fit(self, tile: BlockTile) -> bool:
        """Return True if the registers of a thread and the memory of a block hold them."""
        words = tile.results * self.sums * self.itemsize // 4
        least = replace(tile, depth=LEAST_DEPTH)
        return words <= MOST_SUMS and self.shared(least) <= MOST_SHARED

    def with_depth(self, tile: BlockTile) -> BlockTile:
        """Return a tile with steps that are short enough."""
        while self.shared(tile) > MOST_SHARED:
            tile = replace(tile, depth=tile.depth // 2)
        return tile


def with_parts(
    tile: BlockTile, products: Sequence[Product], wanted: int | None = None, most: int = MOST_PARTS
) -> BlockTile:
    """Return a tile with as many parts of sums as blocks have, if there are so many tiles: of known
    terms as many as are long enough, up to what fills a card with a smaller batch than the typical
    one, too; else of a known result as many as fill it. Where a result has several sums, a thread
    reads no more parts of them together than of one, but `FEW_PARTS` of each.

    Args:
        tile: of a block.
        products: those of a program.
        wanted: blocks that fill a card; by default `BLOCKS`.
        most: parts of a sum.
    """
    wanted = BLOCKS if wanted is None else wanted
    product, blocks = products[0], blocks_of(tile, products[0])
    terms = evaluate_at(product.terms.ends[0].constant, TYPICAL)
    if wanted // blocks < 2 or terms < 2 * PART:
        return tile
    is_known = not any(isinstance(loop.ends[0].constant, Dim) for loop in product.kept)
    parts = min(most, (wanted if is_known else 2 * wanted) // blocks)
    if not isinstance(product.terms.ends[0].constant, Dim):
        parts = min(parts, terms // PART)
    elif not is_known:
        return tile
    parts = max(parts // len(products), min(parts, FEW_PARTS))
    return replace(tile, parts=parts - parts % TOGETHER if parts > TOGETHER else parts)


def blocks_of(tile: BlockTile, product: Product) -> int:
    """Return how many tiles the results of a product have, each symbol at `TYPICAL`."""
    matrices, rows, columns = (
        evaluate_at(size_of(loop.ends[0].constant for loop in loops), TYPICAL)
        for loops in (product.batch, (product.rows,), (product.columns,))
    )
    return matrices * tile.covered(rows, columns) // (tile.rows * tile.columns)


def _candidates(product: Product) -> tuple[BlockTile, ...]:
    """Return the tiles that a result may have, from the largest to the smallest."""
    of_few = [
        tile
        for tile, loop in ((OF_FEW_COLUMNS, product.columns), (OF_FEW_ROWS, product.rows))
        if not isinstance(size := loop.ends[0].constant, Dim) and size <= FEW
    ]
    return (*of_few, TILES[-1]) if of_few else TILES


def _with_short_steps(tile: BlockTile, terms: Size) -> BlockTile:
    """Return a tile with shorter steps, if there are few terms and such steps divide them."""
    if not isinstance(terms, int) or terms >= FEW_STEPS * tile.depth:
        return tile
    depths = (tile.depth, max(tile.depth // 2, LEAST_DEPTH))
    fitting = (depth for depth in depths if terms % depth == 0)
    return replace(tile, depth=next(fitting, tile.depth))


def _in_one_step(tile: BlockTile, terms: int, needs: _Needs) -> BlockTile:
    """Return a tile without groups, whose only step is as short as it may be for all terms."""
    tile = needs.with_depth(replace(tile, depth=SHORT, groups=1))
    while terms <= tile.depth // 2 >= LEAST_DEPTH:
        tile = replace(tile, depth=tile.depth // 2)
    return tile


def _in_groups(tile: BlockTile, needs: _Needs) -> BlockTile:
    """Return a tile of groups, of which a step, and what they add up in its place, fits shared
    memory."""
    tile = needs.with_depth(tile)
    while tile.groups > 1 and needs.exchanged(tile) > needs.shared(tile):
        tile = replace(tile, groups=tile.groups // 2)
    return tile
