"""The loops of kernels of kind rows and columns, by what they go over."""

from __future__ import annotations

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    kept,
    loads_of,
    loops_in,
    path_to,
    targets_of,
    variables_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.statement import Accumulate, Allocate, Check, For
from graphc.compiler.loops.value import Load
from graphc.compiler.targets.cpu.parts import with_loops_of_parts
from graphc.compiler.targets.cpu.pointwise import divisions
from graphc.errors import RewriteError

LEAST_VECTORISED = 8
"""Turns of a loop from which on it is made of vectors: the end of a tree is as fast without."""


def accumulators(program: LoopProgram) -> list[Allocate]:
    """Return the statements that allocate what carries a reduction, in order."""
    carried = {
        target.buffer.memory
        for one in walk(program.body)
        if isinstance(one, Accumulate)
        for target in one.targets
    }
    return [
        one
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.memory in carried
    ]


def kept_loops(program: LoopProgram) -> list[For]:
    """Return the loops whose turns are results, the outermost first: those around what carries
    the first reduction; all loops where nothing is reduced, as there are no terms."""
    carried = accumulators(program)
    if not carried:
        return loops_in(program.body)
    return [one for one in path_to(program.body, carried[0]) if isinstance(one, For)]


def reducing_loops(program: LoopProgram) -> list[For]:
    """Return the innermost loops that reduce; what has one term has none."""
    kept = {loop.variable for loop in kept_loops(program)}
    return [
        loop
        for loop in innermost_loops(program.body)
        if loop.variable not in kept and any(isinstance(one, Accumulate) for one in loop.body)
    ]


def loops_over_terms(program: LoopProgram, innermost: For) -> list[For]:
    """Return the loops around one, and it, that do not go over results; the outermost first."""
    kept = {one.variable for one in kept_loops(program)}
    around = [one for one in path_to(program.body, innermost) if isinstance(one, For)]
    return [one for one in around if one.variable not in kept]


def row_of_a_term(program: LoopProgram) -> Load | None:
    """Return what is read at an index that is loaded for each term, and that neighbouring results
    share, as that of a gathered row; None if nothing is."""
    kept = kept_loops(program)
    for loop in reducing_loops(program) if kept else ():
        indices = {
            one.variable
            for one in loop.body
            if isinstance(one, Check) and kept[-1].variable not in variables_of(one)
        }
        for load in (load for one in loop.body for load in loads_of(one)):
            if any(indices & coord.variables for coord in load.coords):
                return load
    return None


def may_exceed(loop: For, turns: int) -> bool:
    """Return True if a loop is not known to have at most so many turns."""
    return all(not isinstance(end.constant, int) or end.constant > turns for end in loop.ends)


@kept
def with_joined_axes(program: LoopProgram) -> LoopProgram:
    """Return a program in which neighbouring axes, both kept or both reduced, that are contiguous
    in all that is read and written are one loop, and elements are accessed by their position. Axes
    stay apart where a test of one, as of zeros around an image, would be of a quotient."""
    for loop in reversed(loops_in(program.body)):
        outer = program.loop(loop.variable.name)
        inner = outer.body[0]
        if len(outer.body) != 1 or not isinstance(inner, For):
            continue
        if not may_exceed(inner, 0):
            continue
        names = outer.variable.name, inner.variable.name
        try:
            joined = fuse(program, *names)
        except RewriteError:  # the trip count of the inner one changes
            continue
        both = joined.loop("_".join(names))
        is_divided = len(divisions(both.body)) > len(divisions(outer.body))
        if not is_divided and None not in steps_of(joined, both):
            program = joined
    return flatten(program)


def steps_of(program: LoopProgram, loop: For) -> set[Size | None]:
    """Return by how much the places that a loop accesses move in a turn; None for what is not
    known."""
    inside = {id(statement) for statement in walk(loop.body)}
    return {
        ranges.step(element.buffer.place(element.coords), loop.variable)
        for statement, ranges in walk_in_ranges(program.body, program.ranges)
        if id(statement) in inside
        for element in (*loads_of(statement), *targets_of(statement))
    }


def with_vectors(program: LoopProgram) -> LoopProgram:
    """Return a program whose innermost loops are vectors where their turns have no order and are
    enough."""
    program = with_loops_of_parts(program)
    for loop in innermost_loops(program.body):
        if not may_exceed(loop, LEAST_VECTORISED - 1):
            continue
        try:
            program = vectorise(program, loop.variable.name, is_divided=True)
        except RewriteError:  # turns in an order, a statement that vectors lack, strided stores
            continue
    return program
