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

from functools import partial

from graphc.compiler.graph.dim import Dim, exact_quotient
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loop_beside,
    loops_in,
    path_to,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.data.expand import expand
from graphc.compiler.loops.rewrites.data.layout import BufferLayout
from graphc.compiler.loops.rewrites.data.propagate import propagate
from graphc.compiler.loops.rewrites.data.stage import stage
from graphc.compiler.loops.rewrites.data.stage_value import stage_value
from graphc.compiler.loops.rewrites.loops.bind import bind
from graphc.compiler.loops.rewrites.loops.cut import cut
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.peel import peel
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.loops.vectorise import vectorise
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    For,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Apply, Load, Local, RandomWord
from graphc.compiler.targets.cpu.draws import with_words_ahead
from graphc.compiler.targets.cpu.panels import (
    PANEL_ROWS,
    panel_columns,
    panel_product,
    transposition,
    whole_columns,
)
from graphc.compiler.targets.cpu.product_loops import DRAWS, Product, draws_words, product_of
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

DEPTH = 256
"""Terms that are added one after the other in registers: ``GC_DEPTH`` of ``kernels/host_gemm.h``.
A panel of as many rows stays in the first cache."""

FEW_ROWS = 32
"""Rows up to which a panel is read where it is: to write it takes longer than to multiply it."""

NEAR = 1 << 15
"""Elements of a right operand up to which its rows are so near each other that panels are read
where they are."""

MOST_ROWS_UNPACKED = 128
"""Rows of one matrix up to which other forms read a right operand of known size where it is:
``GC_FEW_FOR_PANELS`` of ``kernels/host_gemm.h``. (100 x 1,024 x 1,024 took 1.13 of the time by
panels that are written, and 1.09 by panels that are read where they are.)"""

MOST_ROWS_OF_PANEL = 1024
"""Rows that are multiplied by one panel after the other, while they stay in the cache."""

SMALL_RIGHT = 1 << 17
"""Elements of a right operand that stays in the cache: other forms write it once."""

LONG, MOST_TERMS = 4, 64 * DEPTH
"""A long sum has so many times as many terms as a side has results; terms from which on other forms
make longer parts."""

MOST_ROWS_BY_COLUMNS = 256
"""Rows of a left operand whose columns are so short that it is read across them."""

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


def _has_many_panels(program: LoopProgram, target: Target) -> Applicability:
    """Return that the mapping applies where threads get equally many panels of one matrix, whose
    left operand they read where it is."""
    found = product_of(program)
    if isinstance(found, str):
        return never(found)
    if draws_words(found.terms.body):
        return never(DRAWS)
    rows, columns, terms = (
        loop.ends[0].constant for loop in (found.rows, found.columns, found.terms)
    )
    if found.batch:
        return never("it has several matrices")
    if isinstance(columns, Dim) or isinstance(terms, Dim):
        return never("only a call knows how many columns or terms there are")
    is_in_place = _has_panels_in_place(found)
    if isinstance(rows, int) and rows <= FEW_ROWS and not is_in_place:
        return never(f"there are {rows} rows, no more than {FEW_ROWS}, by columns")
    if columns * terms <= SMALL_RIGHT:
        return never(f"the right operand has no more than {SMALL_RIGHT} elements")
    longest = columns if isinstance(rows, Dim) else max(rows, columns)
    if terms >= LONG * longest or terms > MOST_TERMS:
        return never(f"sums of {terms} terms are long")
    width = panel_columns(found.total.dtype)
    threads = max(1, target.threads)
    if threads * -(-columns // (width * threads)) * width > columns * MOST_UNEVEN:
        return never(f"{columns} columns are not equally many panels for {target.threads} threads")
    if columns % width:
        return never(f"{columns} columns are no whole panels of {width}")
    is_in_order = found.steps(found.right, found.columns) == 1
    if isinstance(rows, int) and FEW_ROWS < rows <= MOST_ROWS_UNPACKED and is_in_order:
        return never(f"for {rows} rows its right operand is read where it is")
    if isinstance(found.left, Local):
        return never("its left operand is computed")
    is_short = isinstance(rows, int) and rows <= MOST_ROWS_BY_COLUMNS
    if found.steps(found.left, found.terms) != 1 and not is_short:
        return never("its left operand is in memory by columns that are long")
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if not isinstance(statement, Let) or not isinstance(statement.value, RandomWord):
            continue
        if not ranges.is_contiguous(statement.value.element, found.columns.variable):
            return never("random words of neighbours are not drawn together")
    return ALWAYS if len(program.outputs) == 1 else never("it has several results")


# ---- the rewrites -------------------------------------------------------------------------------


def _by_panels(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide matrices over threads; in each, multiply strips of rows by panels of columns."""
    product = product_of(program)
    assert isinstance(product, Product)
    while len(product.batch) > 1:  # so that there are enough for all threads
        outer, inner = product.batch[-2:]
        program = fuse(program, outer.variable.name, inner.variable.name)
        product = product_of(program)
        assert isinstance(product, Product)
    (matrices,) = product.batch
    matrix, width = matrices.variable.name, panel_columns(product.total.dtype)
    if not _is_read_in_place(product):
        program = _with_right_panels(program, product, matrix)
    rows, columns, around = product.rows.variable.name, product.columns.variable.name, matrix
    if not _is_at_most(product.rows, PANEL_ROWS):
        program = split(program, rows, PANEL_ROWS, Tail.SHORT)
        around, rows = f"{rows}_outer", f"{rows}_inner"
    if not _is_at_most(product.columns, width):
        program = split(program, columns, width, Tail.SHORT)
        program = reorder(program, rows, f"{columns}_outer")
        columns = f"{columns}_inner"
    return bind(_multiplied(program, product, rows, columns, around), matrix, LoopKind.TEAM)


def _by_own_panels(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide the panels of one matrix over threads; each is multiplied by all strips of rows."""
    product = product_of(program)
    assert isinstance(product, Product)
    rows, columns = product.rows.variable.name, product.columns.variable.name
    is_in_place = _has_panels_in_place(product)
    together = PANEL_ROWS if is_in_place else MOST_ROWS_OF_PANEL
    if not _is_at_most(product.rows, together):
        program = split(program, rows, together, Tail.SHORT)
        rows = f"{rows}_inner"
    panel = f"{columns}_outer"
    program = split(program, columns, panel_columns(product.total.dtype), Tail.SHORT)
    program = reorder(program, rows, panel)
    if not is_in_place:
        program = _with_right_panel(program, product, panel)
    around = panel
    if not is_in_place and not _is_at_most(product.rows, PANEL_ROWS):
        program = split(program, rows, PANEL_ROWS, Tail.SHORT)
        around, rows = f"{rows}_outer", f"{rows}_inner"
    inside = f"{columns}_inner"
    program = _multiplied(program, product, rows, inside, around, is_fetched=is_in_place)
    return bind(program, panel, LoopKind.TEAM)


# ---- the right operand --------------------------------------------------------------------------


def _has_panels_in_place(product: Product) -> bool:
    """Return True if the panels of one matrix are read where they are: as rows of memory, for rows
    that are few or may be."""
    rows = product.rows.ends[0].constant
    is_in_order = product.steps(product.right, product.columns) == 1
    return is_in_order and (isinstance(rows, Dim) or rows <= FEW_ROWS)


def _is_read_in_place(product: Product) -> bool:
    """Return True if the right operand's panels are rows of whole vectors in memory, near each
    other or for few rows."""
    right, columns, terms = product.right, product.columns.ends[0].constant, product.terms
    if not isinstance(right, Load) or product.steps(right, product.columns) != 1:
        return False
    if exact_quotient(columns, whole_columns(right.dtype)) is None:
        return False
    elements = columns * terms.ends[0].constant
    return not isinstance(elements, int) or elements <= NEAR or _is_at_most(product.rows, FEW_ROWS)


def _with_right_panels(program: LoopProgram, product: Product, matrix: str) -> LoopProgram:
    """Return a program that writes the right operand of each matrix as panels."""
    right, width = product.right, panel_columns(product.total.dtype)
    thread = BufferScope.THREAD
    if isinstance(right, Local):
        layout = BufferLayout((0, 1, 0), {0: width})
        program = stage_value(program, matrix, right.name, thread, layout, "panels")
        return propagate(program, right.name)
    assert isinstance(right, Load)
    *ahead, terms, columns = _with_last_axes(program, right, product.terms, product.columns)
    layout = BufferLayout((*ahead, columns, terms, columns), {columns: width})
    program = stage(program, matrix, right.buffer.name, thread, layout, "panels")
    outer, inner = f"panels_axis{columns}_outer", f"panels_axis{columns}_inner"
    (end,) = product.columns.ends
    is_there = any(one.variable.name == outer for one in loops_in(program.body))
    if is_there and exact_quotient(end.constant, width) is None:  # whole panels have no test
        program = cut(program, outer, end.constant // width)
    if product.steps(right, product.terms) != 1:
        return program
    return _transposed(program, right.dtype, f"panels_axis{terms}", inner)


def _with_right_panel(program: LoopProgram, product: Product, panel: str) -> LoopProgram:
    """Return a program that writes one panel of the right operand, at the head of a loop."""
    right, thread = product.right, BufferScope.THREAD
    if isinstance(right, Local):
        layout = BufferLayout((1, 0))
        program = stage_value(program, panel, right.name, thread, layout, "panel")
        return propagate(program, right.name)
    assert isinstance(right, Load)
    axes = _with_last_axes(program, right, product.terms, product.columns)
    layout = BufferLayout(axes)
    program = stage(program, panel, right.buffer.name, thread, layout, "panel")
    if product.steps(right, product.terms) != 1:
        return program
    *_, terms, columns = axes
    return _transposed(program, right.dtype, f"panel_axis{terms}", f"panel_axis{columns}")


def _transposed(program: LoopProgram, dtype: str, terms: str, columns: str) -> LoopProgram:
    """Return a program that writes panels of rows of memory by transposition, if it can."""
    try:
        swapped = reorder(program, terms, columns)
        return use(swapped, transposition(dtype), columns)
    except RewriteError:  # a panel with fewer columns than it has room for
        return program


def _with_last_axes(program: LoopProgram, element: Load, *loops: For) -> tuple[int, ...]:
    """Return the axes of an element's buffer, with those last along which it moves in the turns of
    loops, in their order: each of them along one."""
    last = []
    for loop in loops:
        moved = [k for k, one in enumerate(element.coords) if loop.variable in one.variables]
        if len(moved) != 1 or moved[0] in last:
            where = f"the buffer {element.buffer.name!r}"
            expected = f"that it moves along an axis of its own with {loop.variable}"
            raise refused(program, "stage", where, expected, str(element))
        last += moved
    return (*(axis for axis in range(len(element.coords)) if axis not in last), *last)


# ---- sums ---------------------------------------------------------------------------------------


def _multiplied(
    program: LoopProgram,
    product: Product,
    rows: str,
    columns: str,
    around: str,
    *,
    is_fetched: bool = False,
) -> LoopProgram:
    """Return a program that makes the sums of a strip's panel by one call for each part, and what
    follows of them: nothing, if it can store them where they are made.

    Args:
        rows, columns: the loops of a strip's panel.
        around: the loop of a strip.
        is_fetched: True if the panel beside that of a call is fetched into the cache meanwhile.
    """
    in_panels = partial(_in_panels, program, product, rows, columns, around, is_fetched=is_fetched)
    try:
        return in_panels(is_stored_directly=True)
    except RewriteError:
        return in_panels(is_stored_directly=False)


def _in_panels(
    program: LoopProgram,
    product: Product,
    rows: str,
    columns: str,
    around: str,
    *,
    is_stored_directly: bool,
    is_fetched: bool,
) -> LoopProgram:
    total, dtype = product.total.name, product.total.dtype
    program, by_columns = _with_left_rows(program, product, around)
    scope = BufferScope.REGISTER if is_stored_directly else BufferScope.THREAD
    program = expand(expand(program, columns, total, scope), rows, total, scope)
    program = _terms_outermost(program, rows, columns, product.terms.variable.name)
    nests = [product.terms.variable.name]
    if not _is_at_most(product.terms, DEPTH):
        program, nests = _in_blocks(program, product.terms.variable.name)
    for name in nests:
        program = contract(program, name)
        left, right = _factors(program.loop(name))
        intrinsic = panel_product(
            dtype,
            left.buffer.scope,
            right.buffer.scope,
            by_columns=by_columns,
            sums=_shape_of(program, total),
            is_stored=is_stored_directly,
            is_fetched=is_fetched,
        )
        program = use(program, intrinsic, loop_beside(program, name, -1).variable.name)
    program = simplify(program)
    for loop in innermost_loops(program.body):
        program, name = with_words_ahead(program, loop.variable.name)
        try:
            program = vectorise(program, name, is_divided=True)
        except RewriteError:  # its elements lie apart
            continue
    return program


def _is_at_most(loop: For, turns: int) -> bool:
    end = loop.ends[0].constant
    return isinstance(end, int) and end <= turns


def _with_left_rows(program: LoopProgram, product: Product, loop: str) -> tuple[LoopProgram, bool]:
    """Return a program whose left operand is in order, written as rows at the head of a loop unless
    it is there; and True if its neighbours are of one column."""
    left = product.left
    if isinstance(left, Local):
        program = stage_value(program, loop, left.name, BufferScope.THREAD, name="strip")
        return propagate(program, left.name), False
    assert isinstance(left, Load)
    if product.steps(left, product.terms) == 1:
        return program, False
    if product.steps(left, product.rows) == 1:
        return program, True
    layout = BufferLayout(_with_last_axes(program, left, product.rows, product.terms))
    program = stage(program, loop, left.buffer.name, BufferScope.THREAD, layout, "strip")
    return program, False


def _terms_outermost(program: LoopProgram, rows: str, columns: str, terms: str) -> LoopProgram:
    """Return a program in which the sums of a strip's panel begin, are added to term by term, and
    are used in three nests."""
    for _ in range(2):
        program = fission(fission(program, columns, 1), rows, 1)
        rows = loop_beside(program, rows, 1).variable.name
        (inner,) = (one for one in program.loop(rows).body if isinstance(one, For))
        columns = inner.variable.name
    *_, of_rows, of_columns, _ = _names_around(program, program.loop(terms))
    return reorder(reorder(program, of_columns, terms), of_rows, terms)


def _names_around(program: LoopProgram, statement: Statement) -> list[str]:
    """Return the names of the loops around a statement, and its own if it is one."""
    path = path_to(program.body, statement)
    return [one.variable.name for one in path if isinstance(one, For)]


def _in_blocks(program: LoopProgram, terms: str) -> tuple[LoopProgram, list[str]]:
    """Return a program that adds `DEPTH` terms to a sum of their own, and the loops over these."""
    program = partial_sums(
        program, terms, length=DEPTH, tree=Tree.IN_ORDER, scope=BufferScope.THREAD
    )
    inner = f"{terms}_inner"
    if len(program.loop(inner).ends) > 1:
        program = peel(program, f"{terms}_outer")
    names = [
        _names_around(program, one)[-3]
        for one in walk(program.body)
        if isinstance(one, Accumulate) and isinstance(one.values[0], Apply)
    ]
    return program, names


def _factors(terms: For) -> tuple[Load, Load]:
    """Return the elements that a loop over terms multiplies."""
    for one in walk(terms.body):
        if isinstance(one, Store) and isinstance(one.value, Apply):
            left, right, _ = one.value.operands
            if isinstance(left, Load) and isinstance(right, Load):
                return left, right
    raise AssertionError("a loop over terms multiplies")


def _shape_of(program: LoopProgram, name: str) -> tuple[int, int]:
    """Return the extents of a buffer that is allocated."""
    rows, columns = next(
        one.buffer.shape
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.name == name
    )
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    return rows, columns


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
