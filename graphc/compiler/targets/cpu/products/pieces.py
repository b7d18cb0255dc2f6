"""The pieces that products by panels are mapped with: operands in order, and sums of a strip's
panel by calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from graphc.compiler.graph.dim import exact_quotient
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    loop_beside,
    loops_in,
    path_to,
    targets_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse, join
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.name_element import name_element
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    For,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Apply, Load, Local
from graphc.compiler.targets.cpu.draws import with_words_ahead
from graphc.compiler.targets.cpu.flat_functions import with_flat_functions_of_rows
from graphc.compiler.targets.cpu.parts import with_loops_of_parts
from graphc.compiler.targets.cpu.products.panels import (
    PANEL_ROWS,
    PanelFunction,
    PanelSums,
    call_columns,
    in_halves_of_vectors,
    panel_product,
    transposition,
    whole_columns,
)
from graphc.compiler.targets.cpu.reductions.loops import steps_of
from graphc.compiler.targets.product_loops import Product, products_of
from graphc.errors import RewriteError

DEPTH = 256
"""Terms that are added one after the other in registers: ``GC_DEPTH`` of ``kernels/host_gemm.h``.
A panel of as many rows stays in the first cache."""

LEFT_ROWS = 32
"""Rows of a left operand that a thread writes at a time, for all threads."""

LEAST_COLUMNS_OF_A_COPY = 160
"""Columns from which on a left operand that is in memory by columns is transposed first: each of
its rows is read once for each panel of columns, and terms that are far apart are in other pages.
(1,000 x 1,000 of 128 and 256 terms took 0.8 of the time, 500 x 500 of 512 0.82, 400 x 160 of 256
0.9, 784 x 128 of 128 0.97, 500 x 100 of 128 1.0, 1,000 x 64 of 1,000 1.2; AVX2, Zen 3.)"""


# ---- operands -----------------------------------------------------------------------------------


def with_named_factors(program: LoopProgram) -> LoopProgram:
    """Return a program in which factors of products are named, as if they were computed, unless
    they are in memory as a matrix is, row by row or column by column."""
    products = products_of(program)
    if isinstance(products, str):
        return program
    for product in products:
        for factor, loop in ((product.left, product.rows), (product.right, product.columns)):
            steps = [product.steps(factor, one) for one in (loop, product.terms)]
            is_forward = all(one is not None and is_never_negative(one - 1) for one in steps)
            if isinstance(factor, Load) and not (is_forward and 1 in steps):
                program, _ = name_element(program, product.terms.variable.name, factor)
    return program


# ---- the right operand --------------------------------------------------------------------------


def with_right_panels(
    program: LoopProgram,
    product: Product,
    around: str | None,
    scope: BufferScope,
    width: int,
    name: str = "panels",
) -> LoopProgram:
    """Return a program that writes the right operand of each matrix as panels of so many columns,
    at the head of a loop; None for that of the program."""
    right = product.right
    (end,) = product.columns.ends
    if isinstance(end.constant, int) and end.constant < width:
        width = in_halves_of_vectors(end.constant, product.total.dtype)
    if isinstance(right, Local):
        layout = BufferLayout((0, 1, 0), {0: width})
        program = stage_value(program, around, right.name, scope, layout, name)
        return propagate(program, right.name)
    assert isinstance(right, Load)
    *ahead, terms, columns = _with_last_axes(program, right, product.terms, product.columns)
    layout = BufferLayout((*ahead, columns, terms, columns), {columns: width})
    program = stage(program, around, right.buffer.name, scope, layout, name, in_whole_tiles=False)
    outer, inner = f"{name}_axis{columns}_outer", f"{name}_axis{columns}_inner"
    is_there = any(one.variable.name == outer for one in loops_in(program.body))
    if is_there and exact_quotient(end.constant, width) is None:  # whole panels have no test
        program = cut(program, outer, end.constant // width)
    if product.steps(right, product.terms) != 1:
        return program
    return _transposed(program, right.dtype, f"{name}_axis{terms}", inner, scope)


def with_right_panel(
    program: LoopProgram, product: Product, loop: str, name: str = "panel"
) -> LoopProgram:
    """Return a program that writes one panel of the right operand, at the head of a loop."""
    right, thread = product.right, BufferScope.THREAD
    if isinstance(right, Local):
        layout = BufferLayout((1, 0))
        program = stage_value(program, loop, right.name, thread, layout, name)
        return propagate(program, right.name)
    assert isinstance(right, Load)
    axes = _with_last_axes(program, right, product.terms, product.columns)
    layout = BufferLayout(axes)
    program = stage(program, loop, right.buffer.name, thread, layout, name)
    if product.steps(right, product.terms) != 1:
        return program
    *_, terms, columns = axes
    return _transposed(program, right.dtype, f"{name}_axis{terms}", f"{name}_axis{columns}", thread)


def with_left_by_rows(program: LoopProgram, product: Product) -> LoopProgram:
    """Return a program whose left operand, in memory by columns, is written by rows first, for all
    threads."""
    shared = BufferScope.SHARED
    program, rows, terms = _with_copied_rows(program, product, None, shared, "left")
    program = bind(split(program, rows, LEFT_ROWS, Tail.SHORT), f"{rows}_outer", LoopKind.TEAM)
    return _transposed(program, product.left.dtype, f"{rows}_inner", terms, shared)


def _with_copied_rows(
    program: LoopProgram, product: Product, loop: str | None, scope: BufferScope, name: str
) -> tuple[LoopProgram, str, str]:
    """Return a program that copies the left operand by rows at the head of a loop, or of the
    program, and the loops over rows and terms of the copy."""
    left = product.left
    assert isinstance(left, Load)
    axes = _with_last_axes(program, left, product.rows, product.terms)
    program = stage(program, loop, left.buffer.name, scope, BufferLayout(axes), name)
    *_, rows, terms = (f"{name}_axis{axis}" for axis in axes)
    return program, rows, terms


def with_right_rows(
    program: LoopProgram,
    product: Product,
    around: str | None,
    scope: BufferScope,
    name: str = "rows",
) -> LoopProgram:
    """Return a program whose right operand is in memory row by row: where it is, or written so at
    the head of a loop; None for that of the program."""
    right = product.right
    if isinstance(right, Local):
        layout = BufferLayout((1, 0))
        program = stage_value(program, around, right.name, scope, layout, name)
        return propagate(program, right.name)
    assert isinstance(right, Load)
    if product.steps(right, product.columns) == 1:
        return program
    axes = _with_last_axes(program, right, product.terms, product.columns)
    program = stage(program, around, right.buffer.name, scope, BufferLayout(axes), name)
    if product.steps(right, product.terms) != 1:
        return program
    *_, terms, columns = axes
    return _transposed(program, right.dtype, f"{name}_axis{terms}", f"{name}_axis{columns}", scope)


def _transposed(
    program: LoopProgram, dtype: str, terms: str, columns: str, scope: BufferScope
) -> LoopProgram:
    """Return a program that writes panels of rows of memory by transposition, if it can."""
    try:
        swapped = reorder(program, terms, columns)
        return use(swapped, transposition(dtype, scope), columns, program.loop(terms).note)
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
    summed = partial(in_panels, program, product, rows, columns, function)
    if _has_parts(program, product) or not is_stored_alone(program, product, columns):
        return summed(is_stored_directly=False)
    try:
        return summed(is_stored_directly=True)
    except RewriteError:
        return summed(is_stored_directly=False)


def is_stored_alone(program: LoopProgram, product: Product, columns: str) -> bool:
    """Return True if all that follows a sum of a product, in a turn of the loop over columns, is a
    store of it."""
    *_, ahead, last = program.loop(columns).body
    loads = [one for one in loads_of(last) if one.buffer is product.total]
    return isinstance(ahead, For) and isinstance(last, Store) and last.value in loads


def in_panels(
    program: LoopProgram,
    product: Product,
    rows: str,
    columns: str,
    function: PanelFunction,
    *,
    is_stored_directly: bool,
) -> LoopProgram:
    """Return a program that makes the sums of a strip's panel by calls, which store them where they
    belong, or leave them in an array for what follows; other arguments as of `multiplied`."""
    total, terms = product.total.name, product.terms.variable.name
    loops = (rows, columns)
    scope = BufferScope.REGISTER if is_stored_directly else BufferScope.THREAD
    program = _expanded(program, loops, total, scope)
    if _has_parts(program, product):
        program, loops, terms, total = with_added_parts(program, loops, terms, nests=3)
        program = _expanded(program, loops, total, BufferScope.REGISTER)
    program = terms_outermost(program, loops, terms, nests=3)
    return with_calls(program, {terms: PanelCall(function, *shape_of(program, total))})


def _expanded(
    program: LoopProgram, loops: tuple[str, str], buffer: str, scope: BufferScope
) -> LoopProgram:
    """Return a program in which a buffer has an element for each turn of loops over rows and
    columns."""
    rows, columns = loops
    return expand(expand(program, columns, buffer, scope), rows, buffer, scope)


def _has_parts(program: LoopProgram, product: Product) -> bool:
    """Return True if a sum may have more than `DEPTH` terms."""
    most = (DEPTH - end for end in product.terms.ends)
    return not any(map(program.ranges.is_never_negative, most))


@dataclass(frozen=True)
class PanelCall:
    """A call that makes the sums of a strip's panel.

    Attributes:
        function: what is called.
        rows, columns: the most of them.
    """

    function: PanelFunction
    rows: int
    columns: int


def with_calls(program: LoopProgram, calls: Mapping[str, PanelCall]) -> LoopProgram:
    """Return a program that makes sums by a call for each of some loops over terms, which have rows
    and columns inside, and whose other innermost loops are vectors.

    Args:
        calls: by the loops.
    """
    for name, made in calls.items():
        program = contract(program, name)
        terms = program.loop(name)
        total, left, right = (one.buffer for one in _elements(terms))
        end, to = _end_of(program, name, total)
        intrinsic = panel_product(
            made.function,
            total.dtype,
            end,
            (to.scope, left.scope, right.scope),
            sums=(made.rows, made.columns),
            terms=DEPTH if len(terms.ends) > 1 else None,
            most=_most_sums(terms, made.function),
            is_of_strip=_is_of_strip(to, made.rows),
            is_one_part=right.scope is BufferScope.THREAD and right.shape[-2] == DEPTH,
        )
        program = use(program, intrinsic, loop_beside(program, name, -1).variable.name)
    return with_vectors(with_flat_functions_of_rows(simplify(program)))


def _end_of(program: LoopProgram, terms: str, total: Buffer) -> tuple[PanelSums, Buffer]:
    """Return what follows of sums that are made in a loop over terms, in the loops beside it, and
    the buffer that they end in."""
    if total.scope is not BufferScope.REGISTER:
        return PanelSums.KEPT, total
    ((end,),) = [one.body for one in innermost_loops((loop_beside(program, terms, 1),))]
    (target,) = targets_of(end)
    is_added = isinstance(end, Accumulate)
    return (PanelSums.ADDED if is_added else PanelSums.STORED), target.buffer


def _is_of_strip(sums: Buffer, rows: int) -> bool:
    """Return True if a buffer of sums has the rows of one strip."""
    if sums.scope is BufferScope.SHARED:
        return sums.shape[0] == rows
    return sums.scope is BufferScope.THREAD


def with_vectors(program: LoopProgram) -> LoopProgram:
    """Return a program whose innermost loops are vectors where they can be, those over rows of no
    whole vectors together."""
    for loop in loops_in(program.body):
        program = _with_joined_rows(program, loop)
    program = with_loops_of_parts(program)
    for loop in innermost_loops(program.body):
        program, name = with_words_ahead(program, loop.variable.name)
        try:
            program = vectorise(program, name, is_divided=True)
        except RewriteError:  # its elements lie apart
            continue
    return program


def with_left_rows(
    program: LoopProgram, product: Product, loop: str | None
) -> tuple[LoopProgram, PanelFunction]:
    """Return a program whose left operand is in order, written at the head of a loop unless it is
    there, and the function for it; None for that of the program."""
    left = product.left
    if isinstance(left, Local):
        is_by_columns = _is_made_by_columns(product, left)
        layout = BufferLayout((1, 0) if is_by_columns else (0, 1))
        program = stage_value(program, loop, left.name, BufferScope.THREAD, layout, "strip")
        function = PanelFunction.COLUMNS if is_by_columns else PanelFunction.ROWS
        return propagate(program, left.name), function
    assert isinstance(left, Load)
    if product.steps(left, product.terms) == 1:
        return program, PanelFunction.ROWS
    is_by_columns = product.steps(left, product.rows) == 1
    if is_by_columns and not is_transposed_first(product):
        return program, PanelFunction.COLUMNS
    thread = BufferScope.THREAD
    program, rows, terms = _with_copied_rows(program, product, loop, thread, "strip")
    if is_by_columns:
        program = _transposed(program, left.dtype, rows, terms, thread)
    return program, PanelFunction.ROWS


def is_transposed_first(product: Product) -> bool:
    """Return True if a left operand that is in memory by columns is written by rows first."""
    columns = product.columns.ends[0].constant
    return isinstance(columns, int) and columns >= LEAST_COLUMNS_OF_A_COPY


def _is_made_by_columns(product: Product, left: Local) -> bool:
    """Return True if a left operand is computed from neighbours in the memory along its columns,
    and from none along its rows."""
    made = {one.local: one.value for one in product.terms.body if isinstance(one, Let)}
    loads: list[Load] = []
    parts = [left]
    while parts:
        for part in walk_value(made.get(parts.pop(), left)):
            if isinstance(part, Load):
                loads.append(part)
            elif part in made and part not in parts:
                parts.append(part)
    in_rows, in_columns = (
        {product.steps(load, loop) for load in loads} for loop in (product.rows, product.terms)
    )
    return 1 in in_rows and 1 not in in_columns


def terms_outermost(
    program: LoopProgram, loops: Sequence[str], terms: str, nests: int
) -> LoopProgram:
    """Return a program in which the sums of a nest of loops begin, are added to term by term, and,
    of three nests, are used, in a nest each."""
    program, around = _with_own_nest(program, loops, terms, nests)
    for loop in reversed(around):
        program = reorder(program, loop, terms)
    return program


def _with_own_nest(
    program: LoopProgram, loops: Sequence[str], terms: str, nests: int
) -> tuple[LoopProgram, list[str]]:
    """Return a program in which a loop over terms has loops of its own around it, and these; other
    arguments as of `terms_outermost`."""
    for _ in range(nests - 1):
        for loop in reversed(loops):
            program = fission(program, loop, 1)
        behind = loop_beside(program, loops[0], 1)
        inside = loops_in((behind,))[: len(loops)]
        loops = [loop.variable.name for loop in inside]
    return program, _names_around(program, program.loop(terms))[-1 - len(loops) : -1]


def with_added_parts(
    program: LoopProgram, loops: tuple[str, str], terms: str, nests: int
) -> tuple[LoopProgram, tuple[str, str], str, str]:
    """Return a program in which sums of `DEPTH` terms are made of all rows and columns and added to
    those of a nest of loops, and then the next ones; the loops over rows, columns and terms of
    these, and what they are summed in. Other arguments as of `terms_outermost`."""
    program, (rows, columns) = _with_own_nest(program, loops, terms, nests)
    scope = BufferScope.REGISTER
    program = partial_sums(program, terms, length=DEPTH, tree=Tree.AT_ONCE, scope=scope)
    for loop in (columns, rows):
        program = reorder(program, loop, f"{terms}_outer")
    (part,) = (one.buffer for one in program.loop(columns).body if isinstance(one, Allocate))
    return program, (rows, columns), f"{terms}_inner", part.name


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
    program: LoopProgram, rows: str, columns: str, call: PanelCall, *, width: int
) -> tuple[LoopProgram, dict[str, PanelCall]]:
    """Return a program in which the sums of rows are those of panels, each panel term by term, and
    for each loop over terms the call that makes its sums: one like that for all columns.

    What a loop over columns does are a store of zeros and a loop over terms, and perhaps what adds
    their sum to another one.

    Args:
        rows, columns: the loops.
        call: what makes the sums of all columns.
        width: the columns of a panel, of which the last one has those that are left.
    """
    count = program.loop(columns).ends[0].constant
    assert isinstance(count, int)
    panels = [(rows, columns, min(count, width))]
    if count > width:
        program = split(program, columns, width, Tail.LOOP)
        panels = [(rows, f"{columns}_inner", width)]
        last = count % width
        if last:
            program = fission(program, rows, 1)
            behind = loop_beside(program, rows, 1)
            panels.append((behind.variable.name, f"{columns}_rest", last))
        program = reorder(program, rows, f"{columns}_outer")
    calls = {}
    for of_rows, of_columns, wide in panels:
        body, loops, nests = program.loop(of_columns).body, (of_rows, of_columns), 2
        (terms,) = loops_in(body)
        for part in (one.buffer for one in body if isinstance(one, Allocate)):
            program = _expanded(program, loops, part.name, BufferScope.REGISTER)
            nests = 3
        program = terms_outermost(program, loops, terms.variable.name, nests)
        calls[terms.variable.name] = replace(call, columns=wide)
    return program, calls


def _names_around(program: LoopProgram, statement: Statement) -> list[str]:
    """Return the names of the loops around a statement, and its own if it is one."""
    path = path_to(program.body, statement)
    return [one.variable.name for one in path if isinstance(one, For)]


def _elements(terms: For) -> tuple[Load, Load, Load]:
    """Return the sum that a loop over terms adds to, and the elements that it multiplies."""
    for one in walk(terms.body):
        if isinstance(one, Store) and isinstance(one.value, Apply):
            left, right, _ = one.value.operands
            if isinstance(left, Load) and isinstance(right, Load):
                return one.target, left, right
    raise AssertionError("a loop over terms multiplies")


def _with_joined_rows(program: LoopProgram, rows: For) -> LoopProgram:
    """Return a program that goes over the columns of rows in one loop, where those are no whole
    vectors and what is read and stored of a row begins where that of the row ahead ends."""
    (columns, *others) = rows.body
    if others or not isinstance(columns, For) or loops_in(columns.body):
        return program
    count = columns.ends[0].constant
    targets = [target for one in walk(columns.body) for target in targets_of(one)]
    if not targets or not isinstance(count, int) or count % whole_columns(targets[0].dtype) == 0:
        return program
    names = rows.variable.name, columns.variable.name
    try:
        joined = fuse(program, *names)
    except RewriteError:  # the trip count of the inner one changes
        return program
    loop = joined.loop("_".join(names))
    return program if None in steps_of(joined, loop) else joined


def _most_sums(terms: For, function: PanelFunction) -> tuple[int | None, int | None]:
    """Return how many rows and columns a call makes at most, where the loops over them inside of
    one over terms have several ends; None for as many as any call does."""
    if function is PanelFunction.TRANSPOSED:
        return None, None
    rows, columns = loops_in(terms.body)
    total, *_ = _elements(terms)
    return _most_turns(rows, PANEL_ROWS), _most_turns(columns, call_columns(total.dtype))


def _most_turns(loop: For, limit: int) -> int | None:
    """Return the least known end of a loop with several ones, if it is below a limit."""
    if len(loop.ends) == 1:
        return None
    sizes = (end.constant for end in loop.ends if end.is_constant)
    known = [size for size in sizes if isinstance(size, int) and size < limit]
    return min(known, default=None)


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
