"""The pieces that products by panels are mapped with: operands in order, and sums of a strip's
panel by calls."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from graphc.compiler.graph.dim import exact_quotient
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loop_beside,
    loops_in,
    path_to,
    walk,
)
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.conditions.peel import peel
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    For,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Apply, Load, Local
from graphc.compiler.targets.cpu.draws import with_words_ahead
from graphc.compiler.targets.cpu.panels import (
    panel_columns,
    panel_product,
    transposition,
)
from graphc.compiler.targets.cpu.reduced_loops import may_exceed
from graphc.compiler.targets.product_loops import Product
from graphc.errors import RewriteError

DEPTH = 256
"""Terms that are added one after the other in registers: ``GC_DEPTH`` of ``kernels/host_gemm.h``.
A panel of as many rows stays in the first cache."""


# ---- the right operand --------------------------------------------------------------------------


def with_right_panels(
    program: LoopProgram, product: Product, around: str | None, scope: BufferScope
) -> LoopProgram:
    """Return a program that writes the right operand of each matrix as panels, at the head of a
    loop; None for that of the program."""
    right, width = product.right, panel_columns(product.total.dtype)
    if isinstance(right, Local):
        layout = BufferLayout((0, 1, 0), {0: width})
        program = stage_value(program, around, right.name, scope, layout, "panels")
        return propagate(program, right.name)
    assert isinstance(right, Load)
    *ahead, terms, columns = _with_last_axes(program, right, product.terms, product.columns)
    layout = BufferLayout((*ahead, columns, terms, columns), {columns: width})
    program = stage(program, around, right.buffer.name, scope, layout, "panels")
    outer, inner = f"panels_axis{columns}_outer", f"panels_axis{columns}_inner"
    (end,) = product.columns.ends
    is_there = any(one.variable.name == outer for one in loops_in(program.body))
    if is_there and exact_quotient(end.constant, width) is None:  # whole panels have no test
        program = cut(program, outer, end.constant // width)
    if product.steps(right, product.terms) != 1:
        return program
    return _transposed(program, right.dtype, f"panels_axis{terms}", inner, scope)


def with_right_panel(program: LoopProgram, product: Product, panel: str) -> LoopProgram:
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
    inner = f"panel_axis{columns}"
    return _transposed(program, right.dtype, f"panel_axis{terms}", inner, thread)


def with_right_rows(
    program: LoopProgram, product: Product, around: str | None, scope: BufferScope
) -> LoopProgram:
    """Return a program whose right operand is in memory row by row: where it is, or written so at
    the head of a loop; None for that of the program."""
    right = product.right
    if isinstance(right, Local):
        layout = BufferLayout((1, 0))
        program = stage_value(program, around, right.name, scope, layout, "rows")
        return propagate(program, right.name)
    assert isinstance(right, Load)
    if product.steps(right, product.columns) == 1:
        return program
    axes = _with_last_axes(program, right, product.terms, product.columns)
    program = stage(program, around, right.buffer.name, scope, BufferLayout(axes), "rows")
    if product.steps(right, product.terms) != 1:
        return program
    *_, terms, columns = axes
    return _transposed(program, right.dtype, f"rows_axis{terms}", f"rows_axis{columns}", scope)


def _transposed(
    program: LoopProgram, dtype: str, terms: str, columns: str, scope: BufferScope
) -> LoopProgram:
    """Return a program that writes panels of rows of memory by transposition, if it can."""
    try:
        swapped = reorder(program, terms, columns)
        return use(swapped, transposition(dtype, scope), columns)
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


def multiplied(
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
    summed = partial(_in_panels, program, product, rows, columns, around, is_fetched=is_fetched)
    try:
        return summed(is_stored_directly=True)
    except RewriteError:
        return summed(is_stored_directly=False)


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
    total = product.total.name
    program, by_columns = with_left_rows(program, product, around)
    scope = BufferScope.REGISTER if is_stored_directly else BufferScope.THREAD
    program = expand(expand(program, columns, total, scope), rows, total, scope)
    program = terms_outermost(program, rows, columns, product.terms.variable.name, nests=3)
    nests = [product.terms.variable.name]
    if may_exceed(product.terms, DEPTH):
        program, nests = _in_blocks(program, product.terms.variable.name)
    return with_calls(
        program,
        dict.fromkeys(nests, shape_of(program, total)),
        by_columns=by_columns,
        is_stored=is_stored_directly,
        is_fetched=is_fetched and not by_columns,
    )


def with_calls(
    program: LoopProgram,
    sums: Mapping[str, tuple[int, int]],
    *,
    by_columns: bool,
    is_stored: bool,
    is_fetched: bool,
) -> LoopProgram:
    """Return a program that makes sums by a call for each of some loops over terms, and whose other
    innermost loops are vectors.

    Args:
        sums: of each of the loops, which has rows and columns inside, the most of both.
        by_columns, is_stored, is_fetched: as of `panel_product`.
    """
    for name, most in sums.items():
        program = contract(program, name)
        left, right = _factors(program.loop(name))
        intrinsic = panel_product(
            left.dtype,
            left.buffer.scope,
            right.buffer.scope,
            by_columns=by_columns,
            sums=most,
            is_stored=is_stored,
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


def with_left_rows(program: LoopProgram, product: Product, loop: str) -> tuple[LoopProgram, bool]:
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


def terms_outermost(
    program: LoopProgram, rows: str, columns: str, terms: str, nests: int
) -> LoopProgram:
    """Return a program in which the sums of a strip's panel begin, are added to term by term, and,
    of three nests, are used, in a nest each."""
    for _ in range(nests - 1):
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


def shape_of(program: LoopProgram, name: str) -> tuple[int, int]:
    """Return the extents of a buffer that is allocated."""
    rows, columns = next(
        one.buffer.shape
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.name == name
    )
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    return rows, columns
