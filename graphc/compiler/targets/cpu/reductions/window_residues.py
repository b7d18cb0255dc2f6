"""Elements of an image by what the step of windows leaves of their place: those of one residue lie
in the same taps of windows, so that none of them has a test of the residue.

    for row < 64:                              for row_outer < 32:
      for k < 2:                                 for k < 2:
        if row % 2 + 2*k < 3:                      s += ...[row_outer - k, 2*k]
          s += ...[row//2 - k, row % 2 + 2*k]    y[2*row_outer] = s
      y[row] = s                                 ...
                                                 s2 += ...[row_outer, 1]
                                                 y[2*row_outer + 1] = s2

Neighbouring elements of a row are lanes of vectors if they are of one residue. What they are is
kept until all residues of the row are there, and then stored in order.
"""

from __future__ import annotations

from contextlib import suppress

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    kept,
    loads_of,
    loop_beside,
    loops_in,
    most_known_turns,
    paths_to_loops,
    targets_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import allocation_of, ranges_at, refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.relayout import relayout
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.rewrites.staging.stage_result import stage_result
from graphc.compiler.loops.statement import Allocate, For, LoopKind
from graphc.compiler.targets.cpu.pointwise import divisions
from graphc.compiler.targets.cpu.reductions.loops import kept_loops
from graphc.errors import RewriteError

MOST_STAGED = 1 << 13
"""Elements that are staged at once, at most: they stay in the first cache."""

MOST_RESIDUES = 4
"""Residues of an axis, at most: each is a text of its own."""

MOST_KEPT = 1024
"""Elements of a row that are kept until all are there, at most."""


@kept
def with_residues(program: LoopProgram) -> LoopProgram:
    """Return a program that has the elements of each residue in loops of their own, along each axis
    whose elements are divided by the step of windows."""
    loops = kept_loops(program)
    steps = {loop: step for loop in reversed(loops) if (step := _step_of(loop)) is not None}
    for loop, step in steps.items():
        name, is_row = loop.variable.name, loop is loops[-1]
        with suppress(RewriteError):  # a body may be too long to be written out
            in_order = _with_results_in_order(program, name, step) if is_row else program
            program = _written_out(in_order, name, step)
    return simplify(program) if steps else program


def _step_of(loop: For) -> int | None:
    """Return the number by which a loop's variable is divided wherever it is; None if there is none
    or it leaves too many residues."""
    divided = [one for one in divisions(loop.body) if loop.variable in one.variables]
    steps = {one.divisor for one in divided}
    (turns, *others), step = [end.constant for end in loop.ends], next(iter(steps), None)
    if len(steps) != 1 or others or not isinstance(turns, int) or not isinstance(step, int):
        return None
    if any(one.dividend.factor(loop.variable) != 1 for one in divided):
        return None
    return step if step <= MOST_RESIDUES and turns >= 2 * step else None


def _written_out(program: LoopProgram, name: str, step: int) -> LoopProgram:
    """Return a program with the turns of a loop that follow each other up to a step, written out in
    one turn; those at the end behind it."""
    if f"{name}_outer" not in paths_to_loops(program):
        program = split(program, name, step, Tail.LOOP)
    for part in ("inner", "rest"):
        if f"{name}_{part}" in paths_to_loops(program):
            program = unroll(program, f"{name}_{part}")
    return program


def _with_results_in_order(program: LoopProgram, name: str, step: int) -> LoopProgram:
    """Return a program that divides a row by residues, keeps its elements of each of them side by
    side, and stores them in order behind."""
    turns = program.loop(name).ends[0].constant
    program = split(program, name, step, Tail.LOOP)
    outer = f"{name}_outer"
    inside = program.loop(outer).body
    own = {one.buffer for one in walk(inside) if isinstance(one, Allocate)}
    stored = {target.buffer for one in walk(inside) for target in targets_of(one)} - own
    if not isinstance(turns, int) or turns * len(stored) > MOST_KEPT:
        where, expected = f"the loop {name!r}", f"at most {MOST_KEPT} elements of a row"
        raise refused(program, "residues", where, expected, f"{turns} of {len(stored)} results")
    for buffer in sorted(stored, key=lambda one: one.name):
        tile = Names(program).new(f"{buffer.name}_row")
        program = stage_result(program, outer, buffer.name, BufferScope.REGISTER, name=tile)
        program = expand(program, outer, tile)
        axes = range(1, len(buffer.shape) + 1)
        program = relayout(program, tile, BufferLayout((*axes, 0)))
    program = fission(program, outer, 1)
    behind = loop_beside(program, outer, 1)
    for copy in innermost_loops(behind.body):
        program = bind(program, copy.variable.name, LoopKind.UNROLLED)
    return program


def with_rows_staged(program: LoopProgram, windows: str) -> LoopProgram:
    """Return a program that reads what neighbouring windows are steps apart in from a copy, which
    has the elements of each residue side by side, unless a window is made of whole steps.

    Args:
        program: the program.
        windows: the loop over neighbouring windows.
    """
    row = program.loop(windows)
    *_, taps = loops_in(row.body) or (row,)
    inside = ranges_at(program, row).within(row.variable, *row.ends)
    steps: dict[Buffer, Size | None] = {}
    for statement, ranges in walk_in_ranges(row.body, inside):
        for load in loads_of(statement):
            place = load.buffer.place(load.coords)
            if load.buffer.scope is BufferScope.GLOBAL and taps.variable in place.variables:
                steps[load.buffer] = ranges.step(place, row.variable)
    width = most_known_turns(taps)
    for buffer, step in steps.items():
        if isinstance(step, int) and 1 < step <= MOST_RESIDUES and width is not None:
            program = _staged(program, windows, buffer, step) if width % step else program
    return simplify(program)


def _staged(program: LoopProgram, windows: str, buffer: Buffer, step: int) -> LoopProgram:
    """Return a program that copies what one of the loops around windows reads of a buffer, the
    first one that reads little."""
    for loop in program.loops_to(windows)[:-1]:
        with suppress(RewriteError):  # what it reads may be of unknown extents
            return _staged_in(program, loop.variable.name, buffer, step)
    return program


def _staged_in(program: LoopProgram, loop: str, buffer: Buffer, step: int) -> LoopProgram:
    """Return a program that copies what a loop's body reads of a buffer, if it is little."""
    name = Names(program).new(f"{buffer.name}_residues")
    *others, last = range(len(buffer.shape))
    layout = BufferLayout((*others, last, last), {last: step})
    program = stage(program, loop, buffer.name, BufferScope.THREAD, layout, name)
    elements = allocation_of(program, "residues", name).buffer.elements
    if not isinstance(elements, int) or elements > MOST_STAGED:
        expected = f"at most {MOST_STAGED} elements of {buffer.name!r}"
        raise refused(program, "residues", f"the loop {loop!r}", expected, str(elements))
    program = relayout(program, name, BufferLayout((*others, last + 1, last)))
    program = bind(program, f"{name}_axis{last}_inner", LoopKind.UNROLLED)
    return vectorise(program, f"{name}_axis{last}_outer", is_divided=True)
