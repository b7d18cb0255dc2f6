"""The mapping of convolutions with a pooling behind them: threads own whole windows of the pooling.

    for tile_row < 1 (block):
      for tile_column < (144*batch + 31) // 32 (block):
        for thread_row < 4 (thread):
          for thread_column < 32 (thread):
            allocate total: float32[8, 4] in register
            (the sums, as of a product with a column for each place)
            for r < 8 (unrolled):
              best = -inf
              for c < 4 (unrolled):
                best = max(best, total[r, c] + b[...])
              y[...] = best

So the result of the convolution is stored only if others read it, too. Of windows of four places a
thread has one, or several that are as far from each other as a product's packs; of eight places a
pack is a half of a window.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphc.compiler.graph.dim import Dim, evaluate_at
from graphc.compiler.loops.program import LoopProgram, kept
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.values.name_element import name_element
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.loops.value import Load
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.cuda.convolutions.pooled_loops import (
    PooledProduct,
    in_pooled_products,
    pooled_product_of,
)
from graphc.compiler.targets.cuda.convolutions.windows import (
    MOST_ROWS_OF_FLOAT64,
    SHARES,
    with_divisions_ahead,
    with_whole_channels,
)
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.products import blocks
from graphc.compiler.targets.cuda.products.operands import axes_of
from graphc.compiler.targets.cuda.products.tiles import LEAST_DEPTH, TYPICAL, BlockTile
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

PACKS = (1, 2)
"""Packs of which a window of the pooling may be: a thread has as many of a row at most."""


def tile_of_pooled(product: PooledProduct) -> BlockTile:
    """Return the tile of a convolution whose columns are the windows of a pooling: that of a
    convolution without one, if there are enough windows, with whole windows in each thread."""
    rows = evaluate_at(product.rows.ends[0].constant, TYPICAL)
    is_wide = np.dtype(product.total.dtype).itemsize > 4
    candidates = [one for one in SHARES if not is_wide or one.rows <= MOST_ROWS_OF_FLOAT64]
    tile = min(candidates, key=lambda one: -(-rows // one.rows) * one.rows / SHARES[one])
    if product.results_of_column > PACK * tile.thread_packs:
        tile = _with_two_packs(tile)
    terms = product.terms.ends[0].constant
    is_short = not isinstance(terms, Dim) and terms <= LEAST_DEPTH
    depth = LEAST_DEPTH if is_wide or is_short else tile.depth
    return with_whole_channels(replace(tile, depth=depth), product)


def _with_two_packs(tile: BlockTile) -> BlockTile:
    """Return a tile whose threads have two packs of columns, of as many rows as a pack has at
    least: of twice the columns and half of the terms, so of as much shared memory, where threads
    have no more rows."""
    if tile.thread_rows > PACK:
        return replace(tile, thread_rows=tile.thread_rows // 2, thread_packs=2)
    return replace(tile, columns=2 * tile.columns, depth=tile.depth // 2, thread_packs=2)


@kept
def _in_named_products(program: LoopProgram) -> LoopProgram:
    """Return a plain program in products, the weights with a name if they are no matrix."""
    program = in_pooled_products(program)
    product = pooled_product_of(program)
    weights = product.left
    if isinstance(weights, Load) and axes_of(product, weights, product.rows) is None:
        program, _ = name_element(program, product.terms.variable.name, weights)
    return program


def _has_windows_of_packs(program: LoopProgram, target: Target) -> Applicability:
    try:
        product = pooled_product_of(_in_named_products(program))
    except RewriteError as error:
        return never(error.reason)
    if product.terms.ends[0].constant == 0:
        return never("its sums have no terms")
    count = product.results_of_column
    if count not in (packs * PACK for packs in PACKS):
        return never(f"windows of {count} elements are neither one pack nor two")
    return ALWAYS


def _by_blocks(program: LoopProgram, target: Target) -> LoopProgram:
    program = _in_named_products(program)
    product = pooled_product_of(program)
    tile = tile_of_pooled(product)
    loops = (*product.kept, product.terms, *product.places)
    for loop, name in zip(loops, ("row", "column", "k", "c", "c_2", "c_3"), strict=True):
        program = rename(program, loop.variable.name, name)
    program = blocks.in_steps(program, tile)
    program = blocks.in_tiles(program, tile, tile.columns // product.results_of_column)
    program = _in_threads(program, tile, product)
    program = blocks.with_staged_operands(program, [product], tile, [product.total.name])
    return with_divisions_ahead(program, product, tile)


def _in_threads(program: LoopProgram, tile: BlockTile, product: PooledProduct) -> LoopProgram:
    """Return a program whose threads have windows of a tile, in loops of the names that those of a
    product have (`graphc.compiler.targets.cuda.products.blocks`)."""
    own = ["r"]
    if product.results_of_column > PACK:
        program = rename(program, "column_inner", "thread_column")
        for copy in ("", "_2", "_3"):
            program = split(program, f"c{copy}", PACK, Tail.NONE)
            program = rename(program, f"c{copy}_outer", f"group{copy}")
            program = rename(program, f"c{copy}_inner", f"c{copy}")
    elif tile.thread_packs > 1:
        windows = tile.pack_columns // product.results_of_column
        program = split(program, "column_inner", windows, Tail.NONE)
        program = reorder(program, "column_inner_outer", "column_inner_inner")
        program = rename(program, "column_inner_outer", "group")
        program = rename(program, "column_inner_inner", "thread_column")
        own.insert(0, "group")
    else:
        program = rename(program, "column_inner", "thread_column")
    program = split(program, "row_inner", tile.thread_rows, Tail.NONE)
    program = rename(program, "row_inner_outer", "thread_row")
    program = rename(program, "row_inner_inner", "r")
    program = reorder(program, "r", "thread_column")
    for loop in own:
        program = expand(program, loop, product.total.name)
    for copy in ("", "_2"):
        for loop in own:
            program = fission(program, f"{loop}{copy}", 1)
    packs = ["group"] if tile.thread_packs > 1 else []
    for loop in ("c", *packs, "r"):
        program = reorder(reorder(program, f"{loop}_2", "step"), f"{loop}_2", "k")
    for loop in ("thread_row", "thread_column"):
        program = bind(program, loop, LoopKind.THREAD)
    return program


POOLED_WINDOWS = Mapping(
    "tiles of pooled windows by blocks",
    _has_windows_of_packs,
    _by_blocks,
    "a thread has all that the pooling reads of its windows, so this is neither stored nor read "
    "again",
)

POOLED = (POOLED_WINDOWS, *POINTWISE)
"""The mappings of convolutions with a pooling behind them, and of those that no other one takes."""
