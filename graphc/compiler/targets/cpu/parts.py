"""Loops around vectors, cut where a part of a concatenation ends, and loops whose neighbours are of
different parts: a test keeps a compiler from making vectors.

for channel < 20:                                  for channel_below < 8:
  for column < 32 (vector):                          for column < 32 (vector):
    y[channel, column] = (x[channel, column]           y[channel_below, column] = x[...]
                          if channel < 8           for channel_behind < 12:
                          else z[...])               for column < 32 (vector):
                                                       y[channel_behind + 8, column] = z[...]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from graphc.compiler.graph.dim import Size, exact_quotient
from graphc.compiler.loops.index import Quotient, Remainder
from graphc.compiler.loops.program import LoopProgram, innermost_loops, loops_in, walk
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.conditions.unswitch import conditions_alone, unswitch
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.loops.split import split
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import For, Let, LoopKind, Store, UseIntrinsic
from graphc.compiler.targets.cpu.pointwise import MOST_CHANGES, bounds_in, conditions_in
from graphc.errors import RewriteError


def with_parts(program: LoopProgram) -> LoopProgram:
    """Return a program whose serial loops around vectors have no test of their own inside of these,
    but for those with more parts than `MOST_CHANGES`."""
    return _cut_at(program, _places)


def with_parts_of_teams(program: LoopProgram) -> LoopProgram:
    """Return a program in which what a turn of a team decides is tested ahead of vectors, but for
    those with more parts than `MOST_CHANGES`."""
    for _ in range(MOST_CHANGES):
        nest = next(_tested_in_teams(program), None)
        if nest is None:
            break
        program = unswitch(program, nest)
    return program


def with_vectors_of_parts(program: LoopProgram) -> LoopProgram:
    """Return a program whose innermost serial loops, which are to be vectors, have no test of their
    own variable, but for those with more parts than `MOST_CHANGES`."""
    return _cut_at(program, _places_in_innermost)


def cut_at_parts(program: LoopProgram, loop: str) -> tuple[LoopProgram, list[str]]:
    """Return a program that has a loop for each part that one goes over, up to `MOST_CHANGES`, and
    their names."""
    names = [loop]
    while len(names) < MOST_CHANGES:
        last = program.loop(names[-1])
        place = next(bounds_in(last.body, last.variable), None)
        if place is None:
            break
        program = cut(program, names[-1], place)
        names[-1:] = [f"{names[-1]}_below", f"{names[-1]}_behind"]
    return program, names


def with_loops_of_parts(program: LoopProgram) -> LoopProgram:
    """Return a program in which innermost loops whose tests ask for a quotient of their variable
    are over the elements of a part, with a loop over the parts around, all of one length; in those
    that ask for a remainder, as one element of each part follows another, these are written out."""
    for _ in range(MOST_CHANGES):
        for loop, atom in _divided(program):
            if (changed := _in_parts(program, loop, atom)) is not None:
                program = changed
                break
        else:
            break
    return program


def _in_parts(program: LoopProgram, loop: str, atom: Quotient | Remainder) -> LoopProgram | None:
    """Return a program in which a loop is divided as an atom divides its variable; None where that
    would write out too many statements."""
    assert isinstance(atom.divisor, int)
    program = split(program, loop, atom.divisor)
    if isinstance(atom, Remainder):
        try:
            program = unroll(program, f"{loop}_inner")
        except RewriteError:
            return None
    return simplify(program)


def _divided(program: LoopProgram) -> Iterator[tuple[str, Quotient | Remainder]]:
    """Yield innermost loops that store, and what their tests ask for, of divisors that divide the
    number of turns."""
    for loop in innermost_loops(program.body):
        if loop.kind is not LoopKind.SERIAL or len(loop.ends) > 1 or not loop.ends[0].is_constant:
            continue
        if not all(isinstance(one, Let | Store) for one in loop.body):
            continue
        for condition in conditions_in(loop.body):
            for atom, _ in condition.index.terms:
                if isinstance(atom, Quotient | Remainder) and _is_in_parts(atom, loop):
                    yield loop.variable.name, atom


def _is_in_parts(atom: Quotient | Remainder, loop: For) -> bool:
    if atom.dividend.atom is not loop.variable or not isinstance(atom.divisor, int):
        return False
    is_few = isinstance(atom, Quotient) or atom.divisor <= MOST_CHANGES
    return is_few and exact_quotient(loop.ends[0].constant, atom.divisor) is not None


def _cut_at(
    program: LoopProgram, places: Callable[[LoopProgram], Iterator[tuple[str, Size]]]
) -> LoopProgram:
    """Cut loops at the first of the places that are found, again and again."""
    for _ in range(MOST_CHANGES):
        found = next(places(program), None)
        if found is None:
            break
        program = cut(program, *found)
    return program


def _tested_in_teams(program: LoopProgram) -> Iterator[str]:
    """Yield vectors in which something is decided by the variable of a team around, or the serial
    loops that have nothing else inside."""
    for row in loops_in(program.body):
        if row.kind is not LoopKind.VECTOR:
            continue
        *around, _ = program.loops_to(row.variable.name)
        teams = {one.variable for one in around if one.kind is LoopKind.TEAM}
        if not any(one.index.variables <= teams for one in conditions_alone(row.body)):
            continue
        nest = row
        for outer in reversed(around):
            if outer.kind is not LoopKind.SERIAL or outer.body != (nest,):
                break
            nest = outer
        yield nest.variable.name


def _places_in_innermost(program: LoopProgram) -> Iterator[tuple[str, Size]]:
    for loop in innermost_loops(program.body):
        if loop.kind is LoopKind.SERIAL:
            for place in bounds_in(loop.body, loop.variable):
                yield loop.variable.name, place


def _places(program: LoopProgram) -> Iterator[tuple[str, Size]]:
    """Yield loops and where they change from one part to the next."""
    for loop in loops_in(program.body):
        if loop.kind is not LoopKind.SERIAL:
            continue
        if any(isinstance(one, UseIntrinsic) for one in walk(loop.body)):
            continue  # what it calls is no text to write twice
        for row in loops_in(loop.body):
            if row.kind is LoopKind.VECTOR:
                for place in bounds_in(row.body, loop.variable):
                    yield loop.variable.name, place
