"""The pieces that products by panels are mapped with: operands in order, and sums of a strip's
panel by calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from graphc.compiler.loops.rewrites.loops.fuse import join
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
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
    PanelFunction,
    panel_columns,
    panel_product,
    transposition,
    whole_columns,
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
    function: PanelFunction,
) -> LoopProgram:
    """Return a program that makes the sums of a strip's panel by one call for each part, and what
    follows of them: nothing, if it can store them where they are made.

    Args:
        rows, columns: the loops of a strip's panel.
        function: for operands as they are.
    """
    summed = partial(_in_panels, program, product, rows, columns, function)
    if may_exceed(product.terms, DEPTH):
        return summed(is_stored_directly=False)
    try:
        return summed(is_stored_directly=True)
    except RewriteError:
        return summed(is_stored_directly=False)


def _in_panels(
    program: LoopProgram,
    product: Product,
    rows: str,
    columns: str,
    function: PanelFunction,
    *,
    is_stored_directly: bool,
) -> LoopProgram:
    total = product.total.name
    scope = BufferScope.REGISTER if is_stored_directly else BufferScope.THREAD
    program = expand(expand(program, columns, total, scope), rows, total, scope)
    program = terms_outermost(program, (rows, columns), product.terms.variable.name, nests=3)
    nests = [product.terms.variable.name]
    if may_exceed(product.terms, DEPTH):
        program, nests = _in_blocks(program, product.terms.variable.name)
    sums = dict.fromkeys(nests, shape_of(program, total))
    return with_calls(program, sums, function)


def with_calls(
    program: LoopProgram,
    sums: Mapping[str, tuple[int, int]],
    function: PanelFunction,
) -> LoopProgram:
    """Return a program that makes sums by a call for each of some loops over terms, and whose other
    innermost loops are vectors.

    Args:
        sums: of each of the loops, which has rows and columns inside, the most of both.
        function: what is called.
    """
    for name, most in sums.items():
        program = contract(program, name)
        terms = program.loop(name)
        total, left, right = (one.buffer for one in _elements(terms))
        intrinsic = panel_product(
            function,
            total.dtype,
            total.scope,
            left.scope,
            right.scope,
            sums=most,
            terms=DEPTH if len(terms.ends) > 1 else None,
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


def with_left_rows(
    program: LoopProgram, product: Product, loop: str
) -> tuple[LoopProgram, PanelFunction]:
    """Return a program whose left operand is in order, written as rows at the head of a loop unless
    it is there; and the function for it."""
    left = product.left
    if isinstance(left, Local):
        program = stage_value(program, loop, left.name, BufferScope.THREAD, name="strip")
        return propagate(program, left.name), PanelFunction.ROWS
    assert isinstance(left, Load)
    if product.steps(left, product.terms) == 1:
        return program, PanelFunction.ROWS
    if product.steps(left, product.rows) == 1:
        return program, PanelFunction.COLUMNS
    layout = BufferLayout(_with_last_axes(program, left, product.rows, product.terms))
    program = stage(program, loop, left.buffer.name, BufferScope.THREAD, layout, "strip")
    return program, PanelFunction.ROWS


def terms_outermost(
    program: LoopProgram, loops: Sequence[str], terms: str, nests: int
) -> LoopProgram:
    """Return a program in which the sums of a nest of loops begin, are added to term by term, and,
    of three nests, are used, in a nest each."""
    for _ in range(nests - 1):
        for loop in reversed(loops):
            program = fission(program, loop, 1)
        behind = loop_beside(program, loops[0], 1)
        inside = loops_in((behind,))[: len(loops)]
        loops = [loop.variable.name for loop in inside]
    around = _names_around(program, program.loop(terms))[-1 - len(loops) : -1]
    for loop in reversed(around):
        program = reorder(program, loop, terms)
    return program


def with_one_nest(program: LoopProgram, terms: str) -> tuple[LoopProgram, str, str]:
    """Return a program in which each sum of a part begins and is added up in a turn of two loops,
    and these."""
    rows, columns = loops_in(program.loop(terms).body)
    names = []
    for loop in (rows, columns):
        program = reorder(program, terms, loop.variable.name)
    for loop in (rows, columns):
        ahead = loop_beside(program, loop.variable.name, -1).variable.name
        program = join(program, ahead, loop.variable.name)
        names.append(ahead)
    return program, names[0], names[1]


def with_whole_panels(
    program: LoopProgram, rows: str, columns: str, dtype: str, most: int
) -> tuple[LoopProgram, dict[str, tuple[int, int]]]:
    """Return a program in which the sums of rows, `most` at most, are those of panels, each panel
    term by term, and for each loop over terms how many rows and columns are in it.

    What a loop over columns does are a store of zeros and a loop over terms. Where columns are no
    whole panels, the last one has columns of the one ahead, too, so that nothing is read or written
    beyond them.
    """
    count, width = program.loop(columns).ends[0].constant, panel_columns(dtype)
    assert isinstance(count, int)
    panels = [(rows, columns, min(count, width))]
    if count > width:
        again = _in_vectors(count % width, dtype)
        program = split(program, columns, width, Tail.AGAIN, again)
        panels = [(rows, f"{columns}_inner", width)]
        if again:
            program = fission(program, rows, 1)
            last = loop_beside(program, rows, 1)
            panels.append((last.variable.name, f"{columns}_rest", again))
        program = reorder(program, rows, f"{columns}_outer")
    sums = {}
    for of_rows, of_columns, wide in panels:
        (terms,) = loops_in(program.loop(of_columns).body)
        program = terms_outermost(program, (of_rows, of_columns), terms.variable.name, nests=2)
        sums[terms.variable.name] = (most, wide)
    return program, sums


def _in_vectors(columns: int, dtype: str) -> int:
    """Return the least number of columns, of those that a call reads without more, that is at least
    so many, or none: a vector, one and a half, or two."""
    whole = whole_columns(dtype)
    halves = -(-columns // (whole // 2))
    return max(2, halves) * (whole // 2) if columns else 0


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


def _elements(terms: For) -> tuple[Load, Load, Load]:
    """Return the sum that a loop over terms adds to, and the elements that it multiplies."""
    for one in walk(terms.body):
        if isinstance(one, Store) and isinstance(one.value, Apply):
            left, right, _ = one.value.operands
            if isinstance(left, Load) and isinstance(right, Load):
                return one.target, left, right
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
