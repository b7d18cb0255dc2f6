"""Mapping of products of few rows: the sums of neighbouring columns grow together, while the rows
of the right operand are read in the order in which they lie.

    for i0_outer < 2 (team):
      for k0_outer < 3:
        ... zeros
        for k0_inner_outer < 32:
          for i0_inner_2 < 512 (vector):
            s0_parts_tile[0] = s0_parts[k0_outer, i0_inner_2]
            for k0_inner_inner < 8 (unrolled):
              s0_parts_tile[0] = fma(x0[0, ...], x1[..., ...], s0_parts_tile[0])
            s0_parts[k0_outer, i0_inner_2] = s0_parts_tile[0]
      for s0_part < 3:
        for i0_inner_3 < 512 (vector):
          s0[i0_inner_3] = sum(s0[i0_inner_3], s0_parts[s0_part, i0_inner_3])
      for i0_inner_4 < 512 (vector):
        y0[0, 512*i0_outer + i0_inner_4] = s0[i0_inner_4]

Of several rows of known number, the body of the loop over columns has a sum for each.

A sum is made of sums of `DEPTH` terms, each from its first term on, which are added in order: the
order of products of many rows. So what is computed of a row depends on no row beside it.
"""

from __future__ import annotations

from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    loops_in,
    path_to,
    targets_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand_all
from graphc.compiler.loops.rewrites.conditions.peel import peel
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.staging.stage_result import stage_result
from graphc.compiler.loops.statement import Accumulate, For, LoopKind, Statement
from graphc.compiler.loops.value import Load, at_least
from graphc.compiler.targets.cpu.products.pieces import DEPTH
from graphc.compiler.targets.cpu.products.rows_by_panels import MOST_TERMS, NEAR, SMALL_RIGHT
from graphc.compiler.targets.cpu.reductions.loops import may_exceed
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never, where
from graphc.compiler.targets.product_loops import (
    DRAWS,
    ProductLoops,
    draws_words,
    known_sums_of,
    product_loops_of,
)
from graphc.compiler.targets.target import Target

MOST_ROWS = 4
"""Rows of a batch up to which they are few: for each row, what is read of the right operand is read
again from the first cache. (By 1,024 x 1,024 on one thread, as a multiple of the speed by tiles of
rows: 2.0 for 1 row, 1.6 for 4, 1.4 for 5, 0.7 for 8.)"""

MOST_KNOWN_ROWS = 7
"""Rows up to which they are few if their number is known: their sums grow together, in registers.
(As a multiple of the time by panels: 0.5 to 0.6 for 5 and 6 rows by 1,024 x 1,024, 0.3 by 4,096 x
4,096; 1.1 for 8 rows by 784 x 512.)"""

MOST_COLUMNS = 2048
"""Columns of a tile: their sums stay in the first cache while a block of rows is read."""

SOME_COLUMNS = 512
"""The same where only a call knows how many columns there are: threads have about as many tiles."""

BLOCK = 8
"""Rows of the right operand that are added at once, so that sums are loaded and stored once for
all of them. (A row by 4,096 x 4,096 on one busy thread: 3.7 ms with 4, 3.2 with 8, 4.1 with 16.)"""

LANES = 16
"""Columns of a tile are a multiple of them: elements of a line of the cache."""

LEAST_COLUMNS = 128
"""Columns from which on they are worth being read in order."""

LEAST_COLUMNS_OF_MANY_TERMS = 1024
"""The same of sums of more than `MOST_TERMS` terms. (Of a row by 25,088 terms, as a multiple of the
time of parts of sums: 4,096 columns 0.4, 1,024 columns 0.6, 512 columns 1.05, 128 columns 1.2.)"""


def _few_rows(program: LoopProgram, target: Target) -> Applicability:
    product = product_loops_of(program)
    if isinstance(product, str):
        return never(product)
    sizes = known_sums_of(product)
    if isinstance(sizes, str):
        return never(sizes)
    columns, terms = sizes
    if columns < LEAST_COLUMNS:
        return never(f"there are {columns} columns, fewer than {LEAST_COLUMNS}")
    rows: Size = product.kept[0].ends[0].constant if len(product.kept) == 2 else 1
    # Where a batch may have many rows, other mappings write panels of all that is not near.
    small = NEAR if isinstance(rows, Dim) else SMALL_RIGHT
    if columns * terms <= small:
        return never(f"the right operand has no more than {small} elements")
    if terms > MOST_TERMS and columns < LEAST_COLUMNS_OF_MANY_TERMS:
        return never(f"a sum of {columns} columns has more than {MOST_TERMS} terms")
    if draws_words(program.body):
        return never(DRAWS)
    if reason := strided_element(program, product):
        return never(reason)
    if isinstance(rows, Dim):
        return where(at_least(MOST_ROWS - rows))
    if rows > MOST_KNOWN_ROWS:
        return never(f"there are {rows} rows, more than {MOST_KNOWN_ROWS}")
    return ALWAYS


def strided_element(program: LoopProgram, product: ProductLoops) -> str:
    """Return what is read or stored of neighbouring columns that are no neighbours in memory, as a
    clause; nothing if all of them are."""
    variable = product.columns.variable
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if variable not in ranges.ends:
            continue
        for element in (*loads_of(statement), *targets_of(statement)):
            if ranges.step(element.buffer.place(element.coords), variable) not in (0, 1):
                return f"{element} is not contiguous in {variable}"
    return ""


def by_columns(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide the columns over threads; of a tile of them, all sums grow by a block of terms at a
    time."""
    product = product_loops_of(program)
    assert isinstance(product, ProductLoops)
    tiles, columns, terms = (
        f"{product.columns.variable}_outer",
        f"{product.columns.variable}_inner",
        product.terms.variable.name,
    )
    width = _tile_columns(product, target)
    program = split(program, product.columns.variable.name, width, Tail.SHORT)
    inside = [columns]
    is_batch = False
    for rows in product.kept[:-1]:
        name = rows.variable.name
        is_batch = not isinstance(rows.ends[0].constant, int)
        if is_batch:
            program = split(program, name, MOST_ROWS, Tail.SHORT)
            program = reorder(program, f"{name}_inner", tiles)
        program = reorder(program, f"{name}_outer" if is_batch else name, tiles)
        inside = [f"{name}_inner" if is_batch else name, columns]
    for loop in reversed(inside):
        program = _moved_inside(program, loop, terms)
    program = _in_parts(program, terms)
    for loop in _term_loops(program, len(inside)):
        program = _in_blocks(program, loop, rows_together=len(inside) > 1 and not is_batch)
    for one in innermost_loops(program.body):
        if one.kind is LoopKind.SERIAL:
            program = vectorise(program, one.variable.name, is_divided=True)
    return bind(program, tiles, LoopKind.TEAM)


def _tile_columns(product: ProductLoops, target: Target) -> int:
    """Return the columns of a tile, in whole vectors: each thread has as many tiles as others."""
    columns, threads = product.columns.ends[0].constant, max(1, target.threads)
    if isinstance(columns, Dim):
        return SOME_COLUMNS
    tiles = threads * -(-columns // (threads * MOST_COLUMNS))
    return -(-columns // (tiles * LANES)) * LANES


def _moved_inside(program: LoopProgram, loop: str, terms: str) -> LoopProgram:
    """Return a program in which a loop around the terms of sums is inside of these. What stands
    ahead of them, and behind them, has loops of its own."""
    program = expand_all(program, loop)
    ahead = [one is program.loop(terms) for one in program.loop(loop).body].index(True)
    if ahead:
        program = fission(program, loop, ahead)
        loop = _loops_around(program, program.loop(terms))[-1]
    if len(program.loop(loop).body) > 1:
        program = fission(program, loop, 1)
    return reorder(program, loop, terms)


def _in_parts(program: LoopProgram, terms: str) -> LoopProgram:
    """Return a program that adds up sums of `DEPTH` terms."""
    if not may_exceed(program.loop(terms), DEPTH):
        return program
    turns = program.loop(terms).ends[0].constant
    tree = Tree.IN_ORDER if isinstance(turns, int) else Tree.AT_ONCE
    program = partial_sums(program, terms, length=DEPTH, tree=tree, scope=BufferScope.THREAD)
    is_whole = isinstance(turns, int) and turns % DEPTH == 0
    return program if is_whole else peel(program, f"{terms}_outer")


def _term_loops(program: LoopProgram, depth: int) -> list[str]:
    """Return the loops over terms, which have so many loops inside."""
    found = [
        _loops_around(program, one)[-1 - depth]
        for one in walk(program.body)
        if isinstance(one, Accumulate) and not isinstance(one.values[0], Load)
    ]
    return list(dict.fromkeys(found))


def _loops_around(program: LoopProgram, statement: Statement) -> list[str]:
    """Return the loops around a statement, the outermost first."""
    path = path_to(program.body, statement)[:-1]
    return [one.variable.name for one in path if isinstance(one, For)]


def _in_blocks(program: LoopProgram, loop: str, *, rows_together: bool) -> LoopProgram:
    """Return a program that adds a block of terms at a time to each sum, of a column's rows one
    after the other or together."""
    turns = program.loop(loop).ends[0].constant
    blocks = [loop]
    if may_exceed(program.loop(loop), BLOCK):
        program = split(program, loop, BLOCK, Tail.LOOP)
        is_whole = isinstance(turns, int) and turns % BLOCK == 0
        blocks = [f"{loop}_inner", *([] if is_whole else [f"{loop}_rest"])]
    for block in blocks:
        program = contract(program, block)
        if may_exceed(program.loop(block), BLOCK):  # only a call knows how many, fewer than a block
            continue
        while isinstance(inside := program.loop(block).body[0], For):
            program = reorder(program, block, inside.variable.name)
        *_, rows, columns = _loops_around(program, program.loop(block))
        if rows_together:
            program = reorder(reorder(program, rows, columns), rows, block)
        for sums in _written(program.loop(block)):
            program = stage_result(program, columns, sums.name, BufferScope.REGISTER)
        for one in loops_in(program.loop(columns).body):
            program = bind(program, one.variable.name, LoopKind.UNROLLED)
        program = vectorise(program, columns, is_divided=True)
    return program


def _written(loop: For) -> list[Buffer]:
    """Return the buffers that a loop stores to."""
    found = (target.buffer for one in walk(loop.body) for target in targets_of(one))
    return list(dict.fromkeys(found))


FEW_ROWS = Mapping(
    "few rows",
    _few_rows,
    by_columns,
    "each element of the right operand is read once, in the order in which it lies",
)
