"""Products by parts of panels: threads divide the panels of one matrix, and multiply a strip of
rows by `DEPTH` terms of each before those that follow.

    for i1_outer < 32 (team):
      allocate panel: float32[256, 32] in thread
      ... the first terms of a panel
      gc_panel_product(y0[0:, 32*i1_outer:], x0[0:, 0:], panel[0:, 0:])
    for k0_outer_behind < 3:
      for i1_outer < 32 (team):
        ... the next ones
        gc_panel_product<GC_ADDED>(y0[0:, 32*i1_outer:], x0[...], panel[0:, 0:])

A part of a panel is multiplied while it is in the first cache, and what is read of the rows stays
in the second one; so do the sums, which the thread that made them adds to. (A panel of all terms
would be read from the second cache by each tile of rows, and with it the rows.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from graphc.compiler.graph.dim import Dim
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, loop_beside, loops_in
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fuse import join
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.targets.cpu.products.added_parts import (
    with_first_part_stored,
    with_sums_in_results,
)
from graphc.compiler.targets.cpu.products.panels import PANEL_ROWS, panel_columns
from graphc.compiler.targets.cpu.products.pieces import (
    DEPTH,
    PanelCall,
    shape_of,
    with_added_parts,
    with_calls,
    with_left_rows,
    with_right_panel,
    with_whole_panels,
)
from graphc.compiler.targets.product_loops import Product
from graphc.compiler.targets.target import Target


class _Sums(NamedTuple):
    """The loops that make the sums of a product part by part.

    Attributes:
        parts: over the parts of all sums; inside of it are those of a part.
        rows, columns, terms: of a part.
        behind: over rows and columns, for what follows of the sums; none if that is a store of
            them, and they are added up where they are stored.
    """

    parts: str
    rows: str
    columns: str
    terms: str
    behind: tuple[str, str] | None


def by_parts_of_panels(program: LoopProgram, product: Product, target: Target) -> LoopProgram:
    """Multiply rows, those of a strip if only a call knows how many there are, by part after part
    of all panels, which are whole; then compute what follows of the sums, panel by panel."""
    rows, strips = product.rows.variable.name, None
    if isinstance(product.rows.ends[0].constant, Dim):
        program = split(program, rows, PANEL_ROWS, Tail.SHORT)
        rows, strips = f"{rows}_inner", f"{rows}_outer"
    program, function = with_left_rows(program, product, strips)
    width = panel_columns(product.total.dtype, target)
    program, sums, call = _with_sums(program, product, rows, PanelCall(function, PANEL_ROWS, width))
    program, parts, number = _with_parts_alone(program, product, sums)
    teams, calls = [], {}
    for part, panel in zip(parts, ("panel", "next_panel", "last_panel"), strict=False):
        inside = loops_in(program.loop(part).body)
        teams.append(inside[0].variable.name)
        calls[inside[number].variable.name] = call
        program = with_right_panel(program, product, teams[-1], panel)
    if sums.behind:
        of_rows, of_columns = sums.behind
        program = split(program, of_columns, width, Tail.NONE)
        program = reorder(program, of_rows, f"{of_columns}_outer")
    program = with_calls(program, calls)
    if sums.behind:
        program = join(program, teams[-1], f"{of_columns}_outer")
    for team in teams:
        program = bind(program, team, LoopKind.TEAM)
    return program


def _with_sums(
    program: LoopProgram, product: Product, rows: str, call: PanelCall
) -> tuple[LoopProgram, _Sums, PanelCall]:
    """Return a program that makes the sums of rows part by part, and each part panel by panel; its
    loops; and the call for a panel, which has the most rows and columns of one."""
    total, shared = product.total.name, BufferScope.SHARED
    columns, terms = product.columns.variable.name, product.terms.variable.name
    program = expand(expand(program, columns, total, shared), rows, total, shared)
    height, _ = shape_of(program, total)
    parts = f"{terms}_outer"
    program, (rows, columns), terms, _ = with_added_parts(program, (rows, columns), terms, nests=3)
    program = with_first_part_stored(program, parts)
    of_rows, of_columns = loops_in((loop_beside(program, parts, 1),))[:2]
    program = with_sums_in_results(program, total)
    has_more = any(one.variable == of_rows.variable for one in loops_in(program.body))
    of_strip = rows
    if height > call.rows:
        program = split(program, rows, call.rows, Tail.SHORT)
        of_strip = f"{rows}_inner"
    call = replace(call, rows=min(height, call.rows))
    program, calls = with_whole_panels(program, of_strip, columns, call, width=call.columns)
    if of_strip != rows:
        program = reorder(program, f"{rows}_outer", f"{columns}_outer")
    behind = (of_rows.variable.name, of_columns.variable.name) if has_more else None
    (made,) = calls.values()
    return program, _Sums(parts, rows, columns, terms, behind), made


def _with_parts_alone(
    program: LoopProgram, product: Product, sums: _Sums
) -> tuple[LoopProgram, list[str], int]:
    """Return a program in which the first part stands alone, which stores sums, and the last one if
    it is shorter or something follows of it; the loops over parts, and the number of that over
    terms among the loops of each."""
    terms = product.terms.ends[0].constant
    assert isinstance(terms, int)
    inside = [one.variable.name for one in loops_in(program.loop(sums.parts).body)]
    number, count, behind = inside.index(sums.terms), -(-terms // DEPTH), f"{sums.parts}_behind"
    program = cut(program, sums.parts, 1)
    if count == 2 or not (sums.behind or terms % DEPTH):
        return program, [f"{sums.parts}_below", behind], number
    program = cut(program, behind, count - 2)
    return program, [f"{sums.parts}_below", f"{behind}_below", f"{behind}_behind"], number
