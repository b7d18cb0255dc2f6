"""Mappings of reductions: kernels of kind rows and columns.

    for i0 < n (team):
      for s0_part < 32 (vector):
        s0_parts[s0_part] = 0.0
      for k0_outer < 32:
        for k0_inner < 32 (vector):
          s0_parts[k0_inner] = sum(s0_parts[k0_inner], x0[i0, 32*k0_outer + k0_inner])
      for s0_part_2 < 16 (vector):
        s0_parts[s0_part_2] = sum(s0_parts[s0_part_2], s0_parts[s0_part_2 + 16])
      ...

A sum is in the order of its program, which depends on the axes that are reduced and on `LANES`
alone: not on threads, not on the processor's vectors, not on the number of results.
"""

from __future__ import annotations

import itertools

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    loops_in,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import partial_sums
from graphc.compiler.loops.rewrites.data.keep import keep
from graphc.compiler.loops.rewrites.loops.bind import bind
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.peel import peel
from graphc.compiler.loops.rewrites.loops.vectorise import vectorise
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import Accumulate, For, LoopKind
from graphc.compiler.targets.cpu.columns import COLUMNS
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

LANES = 32
"""Partial results of a reduction: two of the widest vectors of float32, so that one addition need
not wait for the one before. (2,048 sums of 1,024 took 80 us with 16, 76 with 32, 61 with 64.)"""

LEAST_TERMS = 4 * LANES
"""Terms of a reduction from which on partial results are worth their tree."""

LEAST_VECTORISED = 16
"""Turns of a loop from which on it is made of vectors: the end of a tree is as fast without."""

MOST_KEPT = 2048
"""Elements of a row whose values are kept from pass to pass: they stay in the first cache."""


def _contiguous(program: LoopProgram, target: Target) -> Applicability:
    """Return that the mapping applies where what is reduced lies side by side."""
    program = _with_joined_axes(program)
    loops = _reductions(program)
    if not loops or _rows_loop(program) is None:
        return never("it has no loop over rows")
    for loop in loops:
        (end, *others) = loop.ends
        if not others and isinstance(end.constant, int) and end.constant < LEAST_TERMS:
            return never(f"{loop.variable} has {end} turns, fewer than {LEAST_TERMS}")
    around = {id(statement): loop for loop in loops for statement in loop.body}
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if id(statement) not in around:
            continue
        variable = around[id(statement)].variable
        for load in loads_of(statement):
            if ranges.step(load.buffer.place(load.coords), variable) not in (0, 1):
                return never(f"{load} is not contiguous in {variable}")
    return ALWAYS


def _in_lanes(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide rows over threads; each is reduced in `LANES` partial results, and what a pass over
    it computes is kept for later ones."""
    rows = _rows_loop(program)
    assert rows is not None
    program = _with_kept_values(_with_joined_axes(program))
    for loop in _reductions(program):
        name = loop.variable.name
        program = partial_sums(program, name, lanes=LANES)
        outer = program.loop(f"{name}_outer")
        (inner,) = (one for one in outer.body if isinstance(one, For))
        if len(inner.ends) > 1:
            program = peel(program, outer.variable.name)
    for loop in innermost_loops(program.body):
        turns = loop.ends[0].constant
        if not isinstance(turns, int) or turns >= LEAST_VECTORISED:
            program = vectorise(program, loop.variable.name, is_divided=True)
    return bind(program, rows.variable.name, LoopKind.TEAM)


def _rows_loop(program: LoopProgram) -> For | None:
    """Return the outermost loop, if there is one that is no reduction itself."""
    outermost = [one for one in program.body if isinstance(one, For)]
    if len(outermost) != 1 or any(isinstance(one, Accumulate) for one in outermost[0].body):
        return None
    return outermost[0]


def _with_joined_axes(program: LoopProgram) -> LoopProgram:
    """Return a program in which neighbouring axes that are reduced, and lie side by side in all
    that is read, are one loop."""
    for loop in reversed(loops_in(program.body)):
        outer = program.loop(loop.variable.name)
        inner = outer.body[0]
        if len(outer.body) == 1 and isinstance(inner, For) and inner in _reductions(program):
            names = outer.variable.name, inner.variable.name
            joined = fuse(program, *names)
            if None not in _steps(joined, joined.loop("_".join(names))):
                program = joined
    return program


def _steps(program: LoopProgram, loop: For) -> set[Size | None]:
    """Return by how much the places that a loop reads move in a turn; None for what is not
    known."""
    inside = {id(statement) for statement in loop.body}
    return {
        ranges.step(load.buffer.place(load.coords), loop.variable)
        for statement, ranges in walk_in_ranges(program.body, program.ranges)
        if id(statement) in inside
        for load in loads_of(statement)
    }


def _with_kept_values(program: LoopProgram) -> LoopProgram:
    loops = [
        loop.variable.name
        for loop in innermost_loops(program.body)
        if isinstance(loop.ends[0].constant, int) and loop.ends[0].constant <= MOST_KEPT
    ]
    for first, second in itertools.combinations(loops, 2):
        try:
            program = simplify(keep(program, first, second))
        except RewriteError:  # they have nothing in common
            continue
    return program


def _reductions(program: LoopProgram) -> list[For]:
    """Return the innermost loops that reduce."""
    return [
        loop
        for loop in innermost_loops(program.body)
        if any(isinstance(statement, Accumulate) for statement in loop.body)
    ]


REDUCTIONS = (
    Mapping(
        "rows in lanes",
        _contiguous,
        _in_lanes,
        "a row is reduced in vectors, whose lanes a tree combines, and threads divide the rows",
    ),
    COLUMNS,
)
"""The mappings of kernels of kind rows and columns."""
