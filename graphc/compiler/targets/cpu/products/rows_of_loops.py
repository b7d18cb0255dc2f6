"""Mapping of products of the rows that a thread takes through all steps of a loop: the right
operands are the same in each step, and are written as panels ahead of the loop.

    allocate panels: float32[4, 128, 32] in global
    for panels_axis1_outer < 4 (team):
      ... panels of columns
    barrier (global)
    for i0_part_outer < (end - begin + 31) // 32:
      allocate s0: float32[32, 128] in thread
      for i1_outer < 4:
        gc_panel_product(s0[0:, 32*i1_outer:], x0[begin + 32*i0_part_outer:, 0:], panels[...])
      ... what follows of a sum

The barrier ends a launch: the one that writes panels does not depend on the step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.synchronise import synchronise
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import Allocate, For, Let, LoopKind
from graphc.compiler.targets.cpu.products.panels import panel_columns
from graphc.compiler.targets.cpu.products.pieces import with_named_factors
from graphc.compiler.targets.cpu.products.strips import (
    TILE_ROWS,
    bytes_of_right_operands,
    multiplied_strip,
    with_right_operands,
)
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.product_loops import (
    Product,
    products_of,
    with_axes_of_products,
)
from graphc.compiler.targets.target import Target

_SUMS = 1 << 14
"""Elements of the sums of a strip, about: they stay in the first cache with what follows."""

_PARTS_OF_CACHE = 4
"""Parts of the second cache, of which one is for the sums of a strip whose right operands are
larger than that cache."""

_FEWEST_ROWS, _MOST_ROWS = 16, 64
"""Rows of a strip: fewer would be too few for panels that do not stay in the cache. (A step of an
LSTM of 512 units took 1.11 of the time with strips of 8 rows; AVX2, Zen 3.)"""


def _has_products(program: LoopProgram, target: Target) -> Applicability:
    found = products_of(program)
    return never(found) if isinstance(found, str) else ALWAYS


def _by_strips(program: LoopProgram, target: Target) -> LoopProgram:
    program = with_named_factors(with_axes_of_products(program))
    products = products_of(program)
    assert not isinstance(products, str)
    first, *_ = products
    row = first.rows.variable.name
    in_place = frozenset(one.right for one in products if _is_read_in_place(one, target))
    scope = BufferScope.GLOBAL
    program = with_right_operands(program, products, None, scope, in_place, target)
    *writes, _ = (one for one in program.body if not isinstance(one, Allocate | Let))
    for one in writes:
        if isinstance(one, For):  # transposed by one call, it is none
            program = bind(program, one.variable.name, LoopKind.TEAM)
    if writes:
        program = synchronise(program, row, scope, is_ahead=True)
    program = split(program, row, _rows_of_strip(products, target), Tail.SHORT)
    loops = f"{row}_inner", f"{row}_outer"
    return multiplied_strip(program, products, loops, in_place, target)


def _rows_of_strip(products: Sequence[Product], target: Target) -> int:
    """Return the rows of a strip: of right operands that are larger than the second cache, as many
    as it has room for, since each strip reads all of them."""
    first, *_ = products
    columns, sums = first.columns.ends[0].constant, _SUMS
    assert isinstance(columns, int)
    if bytes_of_right_operands(products) > target.second_cache_bytes:
        part = target.second_cache_bytes // _PARTS_OF_CACHE
        sums = max(sums, part // np.dtype(first.total.dtype).itemsize)
    rows = sums // (columns * len(products)) // TILE_ROWS * TILE_ROWS
    return max(_FEWEST_ROWS, min(_MOST_ROWS, rows))


def _is_read_in_place(product: Product, target: Target) -> bool:
    """Return True if a right operand is in memory by rows that are no whole panels."""
    columns, width = product.columns.ends[0].constant, panel_columns(product.total.dtype, target)
    assert isinstance(columns, int)
    is_by_rows = product.steps(product.right, product.columns) == 1
    return is_by_rows and columns > width and columns % width != 0


STRIPS_OF_ROWS = Mapping(
    "strips of own rows",
    _has_products,
    _by_strips,
    "what a matrix needs to be read fast is done once for all steps, and no thread waits in one",
)
