"""Mappings of products: a strip of rows is multiplied by one panel of columns after the other, and
threads have matrices of their own, or panels of one matrix.

    for i0 < b (team):
      for i2_outer < 4:
        gc_panel_product(y0[i0, 0:, 32*i2_outer:], x0[i0, 0:, 0:], x1[i0, 0:, 32*i2_outer:])

An operand that is computed, or whose neighbours are not where a panel needs them, is written in
order first: the left one as the rows of a strip, the right one as panels of a matrix. What follows
a product is computed from the sums of a strip's panel, while they are cached. A sum of more than
`DEPTH` terms is made of sums of as many; its order depends on the number of terms alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphc.compiler.graph.dim import Dim, exact_quotient
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import (
    Let,
    LoopKind,
)
from graphc.compiler.loops.value import Load, Local, RandomWord, at_least
from graphc.compiler.targets.cpu.products.panel_parts import by_parts_of_panels
from graphc.compiler.targets.cpu.products.panels import (
    PANEL_ROWS,
    PanelFunction,
    call_columns,
    panel_columns,
    whole_columns,
)
from graphc.compiler.targets.cpu.products.pieces import (
    DEPTH,
    is_transposed_first,
    multiplied,
    with_left_by_rows,
    with_left_rows,
    with_named_factors,
    with_right_panel,
    with_right_panels,
)
from graphc.compiler.targets.cpu.reductions.loops import may_exceed
from graphc.compiler.targets.mapping import (
    ALWAYS,
    Applicability,
    Mapping,
    in_variants,
    never,
)
from graphc.compiler.targets.product_loops import (
    DRAWS,
    Product,
    draws_words,
    known_sums_of,
    product_of,
    with_axes_of_products,
)
from graphc.compiler.targets.target import Target

MOST_ROWS_IN_PLACE = 16
"""Rows up to which threads read panels of one matrix where they are. (8 rows by 2,048 x 2,048 took
0.6 to 0.8 of the time of written panels, 16 rows 0.9 to 1, by 512 x 784 and 1,024 x 1,024 1.0 to
1.2; 32 rows 1.2 to 1.65; AVX2, Zen 3. 16 rows by 1,024 x 1,024 0.8 to 0.9, 32 rows 0.97, 48 rows
1.2; AVX-512, Sapphire Rapids.)"""

FEW_ROWS = 32
"""Rows up to which other forms read a panel where it is: to write it takes about as long as to
multiply it."""

CONFLICTING = 512
"""Bytes: where the distance between rows of memory is a multiple of so many, the lines of a panel
have few places in the first cache, and do not stay there. (Read where it is, a right operand took
1.6 of the time of written panels for 100 rows by 1,024 x 1,024, 1.3 by 1,024 x 512, 1.2 by 1,024 x
640, 1.0 by 1,024 x 1,040 and by 1,000 x 1,000; AVX2, Zen 3.)"""

NEAR = 1 << 15
"""Elements of a right operand up to which its rows are so near each other that panels are read
where they are."""

MOST_ROWS_UNPACKED = 128
"""Rows of one matrix up to which other mappings read a right operand of known size where it is.
(100 x 1,024 x 1,024 took 1.13 of the time by panels that are written, and 1.09 by panels that are
read where they are.)"""

MOST_UNPACKED = 1 << 20
"""Elements of a right operand of many columns up to which its rows are near each other. (Panels
that are written took 1.0 to 1.1 of the time of 128 rows by 512 x 2,048 and by 1,024 x 1,536, 0.8 by
2,048 x 2,048, 0.5 by 4,096 x 4,096; of 100 rows 0.6 by 1,024 x 2,048.)"""

LEAST_ROWS_OF_STRIPS, STRIP_ROWS = 384, 64
"""Known rows from which on threads divide them, if each has a strip of its own, and the rows of a
strip. (By strips 256 x 1,024 x 1,024 took 1.02 of the time of two threads, 384 x 1,024 x 1,024
0.96, 1,024^3 0.91, 2,048 x 2,048 x 512 0.78; 128 x 2,048 x 2,048 1.3, as all panels are written
before any is multiplied; AVX2, Zen 3.)"""

MOST_ROWS_BY_PARTS = 256
"""Known rows of a product whose sums stay in the second cache while its terms are multiplied part
by part. (32 x 1,024 x 1,024 took 0.8 of the time of whole panels, 64 to 256 rows 0.94 to 0.97;
AVX-512, Sapphire Rapids.)"""

LEAST_PANELS = 4
"""Panels from which on threads divide them, part by part, however long sums are."""

MOST_ROWS_OF_PANEL = 1024
"""Rows that are multiplied by one panel after the other, while they stay in the cache."""

SMALL_RIGHT = 1 << 17
"""Elements of a right operand that stays in the cache: other forms write it once."""

LONG, MOST_TERMS = 4, 64 * DEPTH
"""A long sum has so many times as many terms as a side has results; terms from which on other forms
make longer parts."""

MOST_ROWS_BY_COLUMNS = 256
"""Rows of a left operand whose columns are so short that it is read across them."""

MANY_COLUMNS = 2048
"""Columns from which on it costs little to store a left operand that is computed, and to make one
more panel, of columns that are left and of others again."""

DRAWS_APART = "random words of neighbours are not drawn together"
"""Why a mapping is not for a product for which `_draws_in_rows` does not hold."""

MOST_UNEVEN = 1.1
"""The most work of a thread, as a multiple of its share."""


# ---- where it applies ---------------------------------------------------------------------------


def _is_batched(program: LoopProgram, target: Target) -> Applicability:
    if draws_words(program.body):
        return never(DRAWS)
    found = product_of(program)
    if isinstance(found, str):
        return never(found)
    return ALWAYS if found.batch else never("it has one matrix")


def are_uneven(whole: int, part: int, target: Target) -> bool:
    """Return True if a thread has much more than its share of a whole that is divided over threads
    in parts of a size."""
    threads, parts = max(1, target.threads), -(-whole // part)
    return threads * -(-parts // threads) * part > whole * MOST_UNEVEN


def are_few_for_panels(product: Product, target: Target) -> bool:
    """Return True if a product has so few rows that its right operand, in memory by rows, is read
    where it is."""
    rows, columns, terms = (
        loop.ends[0].constant for loop in (product.rows, product.columns, product.terms)
    )
    if not isinstance(rows, int) or rows > MOST_ROWS_UNPACKED:
        return False
    elements = columns * terms
    if rows <= FEW_ROWS or (isinstance(elements, int) and elements <= SMALL_RIGHT):
        return True
    return not has_conflicting_rows(product) and has_aligned_rows(product, target)


def has_aligned_rows(product: Product, target: Target) -> bool:
    """Return True if the vectors of a right operand that is rows of memory lie on one line of the
    cache each, for all that is known. (Read where it is, every other row across lines, a right
    operand took 1.08 to 1.19 of the time of written panels for 100 rows by 500 x 500 and for 128
    rows by 256 x 1,000, 1.05 to 1.10 for 128 rows by 1,000 x 1,000; AVX-512, Sapphire Rapids.)"""
    distance = product.steps(product.right, product.terms)
    nbytes = np.dtype(product.total.dtype).itemsize
    return not isinstance(distance, int) or distance * nbytes % target.vector_bytes == 0


def has_conflicting_rows(product: Product) -> bool:
    """Return True if the right operand is rows of memory that lie so far from each other that those
    of a panel do not stay in the first cache."""
    distance = product.steps(product.right, product.terms)
    nbytes = np.dtype(product.total.dtype).itemsize
    return isinstance(distance, int) and distance * nbytes % CONFLICTING == 0


def is_divided_in_parts(product: Product, target: Target) -> bool:
    """Return True if a product of more than a few rows has enough panels for all threads, which
    multiply them part by part."""
    columns, width = product.columns.ends[0].constant, panel_columns(product.total.dtype, target)
    if not isinstance(columns, int) or columns < LEAST_PANELS * width or columns % width:
        return False
    rows = product.rows.ends[0].constant
    is_few = isinstance(rows, int) and rows <= MOST_ROWS_IN_PLACE
    return not is_few and _is_by_parts(product) and not are_uneven(columns, width, target)


def _has_many_panels(program: LoopProgram, target: Target) -> Applicability:
    """Return that the mapping applies where threads get equally many panels of one matrix, whose
    left operand they read where it is."""
    found = product_of(program)
    if isinstance(found, str):
        return never(found)
    if draws_words(found.terms.body):
        return never(DRAWS)
    sizes = known_sums_of(found)
    if isinstance(sizes, str):
        return never(sizes)
    rows, (columns, terms) = found.rows.ends[0].constant, sizes
    is_in_order = found.steps(found.right, found.columns) == 1
    if isinstance(rows, int) and rows <= FEW_ROWS and not is_in_order:
        return never(f"there are {rows} rows, no more than {FEW_ROWS}, by columns")
    if columns * terms <= SMALL_RIGHT:
        return never(f"the right operand has no more than {SMALL_RIGHT} elements")
    longest = columns if isinstance(rows, Dim) else max(rows, columns)
    if not is_divided_in_parts(found, target) and (terms >= LONG * longest or terms > MOST_TERMS):
        return never(f"sums of {terms} terms are long")
    if isinstance(rows, int) and rows >= max(LEAST_ROWS_OF_STRIPS, STRIP_ROWS * target.threads):
        return never(f"threads divide {rows} rows")
    width = _width(found, target)
    if are_uneven(columns, width, target):
        return never(f"{columns} columns are not equally many panels for {target.threads} threads")
    if columns % width and columns < MANY_COLUMNS:
        return never(f"{columns} columns are no whole panels of {width}")
    is_near = columns < MANY_COLUMNS or columns * terms <= MOST_UNPACKED
    is_few = isinstance(rows, int) and rows > FEW_ROWS and are_few_for_panels(found, target)
    if is_few and is_in_order and is_near:
        return never(f"for {rows} rows its right operand is read where it is")
    if isinstance(found.left, Local) and columns < MANY_COLUMNS:
        return never("its left operand is computed")
    is_short = isinstance(rows, int) and rows <= MOST_ROWS_BY_COLUMNS
    is_in_rows = isinstance(found.left, Local) or found.steps(found.left, found.terms) == 1
    if not is_in_rows and not is_short:
        return never("its left operand is in memory by columns that are long")
    if not _draws_in_rows(program, found):
        return never(DRAWS_APART)
    return ALWAYS


def why_not_of_one_matrix(program: LoopProgram, product: Product) -> str:
    """Return why a product is none by panels of one matrix, as a clause; nothing if it may be."""
    if draws_words(product.terms.body):
        return DRAWS
    if not _draws_in_rows(program, product):
        return DRAWS_APART
    return "it has several matrices" if product.batch else ""


def _draws_in_rows(program: LoopProgram, product: Product) -> bool:
    """Return True if all random words that a program draws are those of neighbouring columns, which
    are drawn together."""
    return all(
        ranges.is_contiguous(statement.value.element, product.columns.variable)
        for statement, ranges in walk_in_ranges(program.body, program.ranges)
        if isinstance(statement, Let) and isinstance(statement.value, RandomWord)
    )


# ---- the rewrites -------------------------------------------------------------------------------


def _by_panels(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide matrices over threads; in each, multiply strips of rows by panels of columns."""
    program = with_named_factors(program)
    product = product_of(program)
    assert isinstance(product, Product)
    while len(product.batch) > 1:  # so that there are enough for all threads
        outer, inner = product.batch[-2:]
        program = fuse(program, outer.variable.name, inner.variable.name)
        product = product_of(program)
        assert isinstance(product, Product)
    program = with_axes_of_products(program)
    product = product_of(program)
    assert isinstance(product, Product)
    (matrices,) = product.batch
    matrix, width = matrices.variable.name, panel_columns(product.total.dtype, target)
    is_in_place = _is_read_in_place(product)
    if not is_in_place:
        program = with_right_panels(program, product, matrix, BufferScope.THREAD, width)
    rows, columns, around = product.rows.variable.name, product.columns.variable.name, matrix
    if may_exceed(product.rows, PANEL_ROWS):
        program = split(program, rows, PANEL_ROWS, Tail.SHORT)
        around, rows = f"{rows}_outer", f"{rows}_inner"
    if may_exceed(product.columns, width):
        program = split(program, columns, width, Tail.SHORT)
        program = reorder(program, rows, f"{columns}_outer")
        columns = f"{columns}_inner"
    program, function = with_left_rows(program, product, around)
    if is_in_place and function is PanelFunction.ROWS and not _may_be_near(product):
        function = PanelFunction.ROWS_AND_FETCH
    return bind(multiplied(program, product, rows, columns, function), matrix, LoopKind.TEAM)


def _by_own_panels(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide the panels of one matrix over threads; each is multiplied by all strips of rows. A
    left operand that is computed, or in memory by columns, is stored by rows first, for all."""
    program = with_axes_of_products(program)
    product = product_of(program)
    assert isinstance(product, Product)
    rows, columns = product.rows.variable.name, product.columns.variable.name
    count, width = product.columns.ends[0].constant, _width(product, target)
    assert isinstance(count, int)
    if isinstance(product.left, Local):
        name = product.left.name
        program = stage_value(program, None, name, BufferScope.SHARED, name="left")
        program = bind(propagate(program, name), "left_axis0", LoopKind.TEAM)
    elif product.steps(product.left, product.terms) != 1 and is_transposed_first(product):
        program = with_left_by_rows(program, product)
    nests = 1
    if count % width:  # the last panel has columns of the one ahead, too
        whole = count // width * width
        program = simplify(split(program, columns, whole, Tail.AGAIN, again=width))
        program = fission(program, rows, 1)
        nests = 2
    mapped = replace(program, body=program.body[:-nests])
    for nest in program.body[-nests:]:
        made = _by_all_strips(replace(program, body=(nest,)), target)
        mapped = replace(mapped, body=(*mapped.body, *Names(mapped).copied(made.body)))
    return mapped


def _by_all_strips(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide whole panels over threads, which write them, or, for few rows, read those that are
    rows of memory where they are."""
    product = product_of(program)
    assert isinstance(product, Product)
    if not _has_panels_in_place(product):
        return _by_written_panels(program, product, target)
    rows = product.rows.ends[0].constant
    if isinstance(rows, int):
        return _in_place(program, product)
    is_few = at_least(MOST_ROWS_IN_PLACE - rows)
    in_place = _in_place(program, product)
    return in_variants((is_few,), in_place, _by_written_panels(program, product, target))


def _by_written_panels(program: LoopProgram, product: Product, target: Target) -> LoopProgram:
    """Write each panel, and multiply one strip of rows by it after the other; or part by part."""
    if _is_by_parts(product):
        return by_parts_of_panels(program, product, target)
    rows = product.rows.variable.name
    if may_exceed(product.rows, MOST_ROWS_OF_PANEL):
        program = split(program, rows, MOST_ROWS_OF_PANEL, Tail.SHORT)
        rows = f"{rows}_inner"
    width = panel_columns(product.total.dtype, target)
    program, panel, inside = _panel_by_panel(program, product, rows, width)
    program, around = with_right_panel(program, product, panel), panel
    if may_exceed(product.rows, STRIP_ROWS):
        program = split(program, rows, STRIP_ROWS, Tail.SHORT)
        around, rows = f"{rows}_outer", f"{rows}_inner"
    program, function = with_left_rows(program, product, around)
    return _divided(multiplied(program, product, rows, inside, function), product, panel, width)


def _is_by_parts(product: Product) -> bool:
    """Return True if all rows are multiplied by a part of a panel after the other."""
    rows = product.rows.ends[0].constant
    are_few = isinstance(rows, Dim) or rows <= MOST_ROWS_BY_PARTS
    return are_few and isinstance(product.right, Load) and may_exceed(product.terms, DEPTH)


def _in_place(program: LoopProgram, product: Product) -> LoopProgram:
    """Multiply few rows by panels where they are."""
    rows = product.rows.variable.name
    if may_exceed(product.rows, MOST_ROWS_IN_PLACE):
        program = split(program, rows, MOST_ROWS_IN_PLACE, Tail.SHORT)
        rows = f"{rows}_inner"
    width = call_columns(product.total.dtype)
    program, panel, inside = _panel_by_panel(program, product, rows, width)
    program, function = with_left_rows(program, product, panel)
    if function is PanelFunction.ROWS:
        function = PanelFunction.ROWS_AND_FETCH
    return _divided(multiplied(program, product, rows, inside, function), product, panel, width)


def _panel_by_panel(
    program: LoopProgram, product: Product, rows: str, width: int
) -> tuple[LoopProgram, str, str]:
    """Return a program that multiplies all turns of a loop over rows by one panel of so many
    columns after the other, and the loops over panels and over the columns of one."""
    columns = product.columns.variable.name
    program = split(program, columns, width, Tail.NONE)
    panel = f"{columns}_outer"
    return reorder(program, rows, panel), panel, f"{columns}_inner"


def _divided(program: LoopProgram, product: Product, panel: str, width: int) -> LoopProgram:
    """Return a program whose threads divide the panels, unless there is one."""
    is_one = product.columns.ends[0].constant == width
    return program if is_one else bind(program, panel, LoopKind.TEAM)


def _width(product: Product, target: Target) -> int:
    """Return the columns that are multiplied together: those of a panel, or of a call where they
    are."""
    dtype = product.total.dtype
    return call_columns(dtype) if _has_panels_in_place(product) else panel_columns(dtype, target)


def _has_panels_in_place(product: Product) -> bool:
    """Return True if the panels of one matrix are rows of memory, and are read there for rows that
    are few: those that it has, or that a call may have."""
    rows = product.rows.ends[0].constant
    is_in_order = product.steps(product.right, product.columns) == 1
    return is_in_order and (isinstance(rows, Dim) or rows <= MOST_ROWS_IN_PLACE)


def _is_read_in_place(product: Product) -> bool:
    """Return True if the right operand's panels are rows of whole vectors in memory, near each
    other or for few rows."""
    right, columns = product.right, product.columns.ends[0].constant
    if not isinstance(right, Load) or product.steps(right, product.columns) != 1:
        return False
    if exact_quotient(columns, whole_columns(right.dtype)) is None:
        return False
    return _may_be_near(product) or not may_exceed(product.rows, FEW_ROWS)


def _may_be_near(product: Product) -> bool:
    """Return True if the rows of a right operand are near each other, for all that is known."""
    elements = product.columns.ends[0].constant * product.terms.ends[0].constant
    return not isinstance(elements, int) or elements <= NEAR


MANY_PANELS = Mapping(
    "panels of one matrix",
    _has_many_panels,
    _by_own_panels,
    "a thread writes the panels that it multiplies, and nobody waits for another",
)
BATCHED = Mapping(
    "panels of columns",
    _is_batched,
    _by_panels,
    "operands that lie in order are read where they are, and each thread has its matrices",
)
