"""Mapping of products whose threads divide the columns: each writes the panels of a block of
columns and multiplies strips of all rows by them, so that no core reads what another one wrote.

    for i1_outer < 4 (team):
      allocate panels: float32[8, 1024, 32] in thread
      ... panels of a block of columns
      for i0_outer < 16:
        allocate s0: float32[64, 256] in thread
        for s0_column_outer < 8:
          gc_panel_product(s0[0:, 32*s0_column_outer:], x0[...], panels[...])
          for k0_outer_behind < 3:
            gc_panel_product<GC_ADDED>(s0[0:, 32*s0_column_outer:], x0[...], panels[...])
        for i0_inner < 64:
          for i1_inner < 256 (vector):
            ... what follows of a sum

Sums that nothing follows are added up where they are stored. A block's panels stay in the second
cache while strip after strip is multiplied. The left operand is read once for each block; the order
of a sum is that of `strips`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph.dim import Dim, typical
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, loads_of
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.loops.value import Local
from graphc.compiler.targets.cpu.products.panels import panel_columns
from graphc.compiler.targets.cpu.products.pieces import DEPTH, with_named_factors
from graphc.compiler.targets.cpu.products.rows_by_panels import (
    MOST_UNEVEN,
    STRIP_ROWS,
)
from graphc.compiler.targets.cpu.products.strips import (
    LEAST_ROWS,
    TILE_ROWS,
    bytes_of_right_operands,
    has_terms,
    multiplied_strip,
    operands_in_place,
    with_right_operands,
)
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.product_loops import (
    Product,
    products_of,
    variables_of_factor,
    with_axes_of_products,
)
from graphc.compiler.targets.target import Target

_LEAST_COLUMNS = 128
"""Columns of a block, at least, where a thread has several: for each the left operand is read
again."""

_MOST_HEIGHT = 2
"""Times the columns up to which there may be rows of a left operand that is in memory by columns,
which is transposed for each block. (4,096 x 256 x 256 took 1.23 of the time by strips of rows,
1,024^3 0.86; AVX-512, Sapphire Rapids, two threads.)"""


def _has_blocks(program: LoopProgram, target: Target) -> Applicability:
    answer, products = has_terms(program, target), products_of(program)
    if answer.refusal or isinstance(products, str):
        return answer
    first, *_ = products
    rows, columns, terms = (
        loop.ends[0].constant for loop in (first.rows, first.columns, first.terms)
    )
    assert isinstance(columns, int)
    if target.threads < 2:
        return never("one thread has all columns")
    if isinstance(terms, Dim):
        return never("only a call knows how many terms there are")
    if terms < DEPTH:
        return never(f"sums of {terms} terms are short: its results are most of what is moved")
    if isinstance(rows, int) and _reads_more_results(first):
        return never("what follows a sum reads an array of as many elements, row by row")
    is_in_rows = all(one.steps(one.left, one.terms) == 1 for one in products)
    if not is_in_rows and typical(rows) > _MOST_HEIGHT * columns:
        return never(f"each of {rows} rows would be transposed for each block")
    block = _columns_of_block(program, products, target)
    if block is None:
        return never(f"{columns} columns are no equal blocks for {target.threads} threads")
    return _of_operands(with_named_factors(with_axes_of_products(program)), target)


def _of_operands(program: LoopProgram, target: Target) -> Applicability:
    """Return whether blocks of columns are worth it for a program's operands."""
    products = products_of(program)
    assert not isinstance(products, str)
    if any(isinstance(one.left, Local) for one in products):
        return never("its left operand is computed: it would be for each block")
    in_place = operands_in_place(products, target)
    rows = typical(products[0].rows.ends[0].constant)
    if in_place and rows >= 2 * LEAST_ROWS * target.threads:
        return never("threads have rows of their own, and read right operands where they are")
    return ALWAYS


def _reads_more_results(product: Product) -> bool:
    """Return True if what follows a sum reads another element for each row and column, such as the
    weights that an optimizer updates: rows are best read in the order in which they are in memory.
    """
    both = {product.rows.variable, product.columns.variable}
    behind = (one for one in product.columns.body if one is not product.terms)
    return any(both <= variables_of_factor(load, {}) for one in behind for load in loads_of(one))


def _columns_of_block(
    program: LoopProgram, products: Sequence[Product], target: Target
) -> int | None:
    """Return the columns of a block: threads have equally many, whose panels fill half of the
    second cache, if they can; None if there are none."""
    first, *_ = products
    columns, width = first.columns.ends[0].constant, panel_columns(first.total.dtype, target)
    assert isinstance(columns, int)
    found = None
    most = max(target.threads, columns // _LEAST_COLUMNS)
    for count in range(target.threads, most + 1, target.threads):
        block, left = divmod(columns, count)
        is_filled = -(-block // width) * width <= block * MOST_UNEVEN
        if left or not is_filled:
            continue
        found = block
        if bytes_of_right_operands(products) // count <= target.second_cache_bytes // 2:
            break
    return found


def _by_blocks(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide blocks of columns over threads, which write the panels of a block; each multiplies
    strips of all rows by them."""
    program = with_named_factors(with_axes_of_products(program))
    products = products_of(program)
    assert not isinstance(products, str)
    first, *_ = products
    row, column = first.rows.variable.name, first.columns.variable.name
    block, blocks = _columns_of_block(program, products, target), f"{column}_outer"
    assert block is not None
    whole_in_place = operands_in_place(products, target)
    are_in_place = [one.right in whole_in_place for one in products]
    program = split(program, column, block, Tail.NONE)
    program = bind(reorder(program, row, blocks), blocks, LoopKind.TEAM)
    products = products_of(program)
    assert not isinstance(products, str)
    in_place = frozenset(
        one.right for one, is_one in zip(products, are_in_place, strict=True) if is_one
    )
    program = with_right_operands(program, products, blocks, BufferScope.THREAD, in_place, target)
    program = split(program, row, _rows_of_strip(first), Tail.SHORT)
    strip = f"{row}_inner", f"{row}_outer"
    return multiplied_strip(program, products, strip, in_place, target)


def _rows_of_strip(product: Product) -> int:
    """Return the rows of a strip: if their number is known, one that divides it, if there is."""
    rows = product.rows.ends[0].constant
    if isinstance(rows, Dim):
        return STRIP_ROWS
    even = (one for one in range(STRIP_ROWS, STRIP_ROWS // 2 - 1, -TILE_ROWS) if rows % one == 0)
    return next(even, STRIP_ROWS)


BLOCKS_OF_COLUMNS = Mapping(
    "blocks of columns",
    _has_blocks,
    _by_blocks,
    "a thread writes the panels that it multiplies, which stay in its cache for all rows",
)
