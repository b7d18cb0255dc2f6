"""Places of computed operands: what a column decides of them is divided once, not in each step.

    for step < n:                            place = column // w * 8 + column % w
      for turn < 16 (unrolled):              for step < n:
        right_tile_next[turn] =                for turn < 16 (unrolled):
          x0[step, column // w * 8 +             right_tile_next[turn] = x0[step, turn + place]
             column % w + turn]

The threads of a block compute an operand from elements of an array, in a loop over turns in each
step. The place of an element is a sum of what its column decides and of what its term does, and so
is each coordinate that is tested. No compiler moves a division by a number that only a call knows
out of a loop or a test, and none keeps many quotients in registers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Set
from functools import partial

from graphc.compiler.graph.dim import Dim, evaluate_at
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import (
    Index,
    IndexAtom,
    LoopVariable,
    as_index,
    index_of,
    quotients_in,
)
from graphc.compiler.loops.program import (
    LoopProgram,
    bound_variables,
    innermost_loops,
    loads_of,
    paths_to_loops,
    targets_of,
    values_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.buffers.flatten import by_position, is_divided
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.values.name_index import name_index
from graphc.compiler.loops.statement import Check, For, If
from graphc.compiler.loops.value import Load, Select
from graphc.compiler.targets.cuda.products.tiles import TYPICAL


def with_named_places(program: LoopProgram, memories: Set[str], columns: int) -> LoopProgram:
    """Return a program in which what a column decides of the places of elements is named ahead of
    the loop ``step``, if there are several steps, and unknown quotients of terms are where they are
    read.

    Args:
        program: the program.
        memories: what the right operand is computed from.
        columns: of the right operand that a thread has, each in several turns.
    """
    if "step" not in paths_to_loops(program):
        return program
    stored = {one.memory for one in program.outputs}
    for memory in sorted(memories | stored):
        program = by_position(program, memory)
    thread = program.loops_to("step")[-2].variable.name
    for fill in _filling(program):
        name = fill.variable.name
        if memories.isdisjoint(_memories(fill)):
            program = _with_quotients(program, name, name)
        elif columns == 1:
            program = _with_parts(program, name, thread)
        elif fill.ends == (as_index(columns),):  # each in one turn
            program = _with_parts(program, name, name, "step")
            program = _with_quotients(program, name, name)
        else:
            program = split(program, name, columns, Tail.NONE)
            program = _with_parts(program, f"{name}_inner", f"{name}_inner", "step")
            program = _with_quotients(program, f"{name}_inner", f"{name}_outer")
    return _with_results(program, thread)


def _with_results(program: LoopProgram, thread: str) -> LoopProgram:
    """Return a program in which the places of results of a column are named ahead of the loop over
    rows, if only a call knows by what they are divided."""
    for loop in innermost_loops(program.loop(thread).body):
        name = loop.variable.name
        rows = program.loops_to(name)[len(program.loops_to(thread))].variable.name
        if rows in ("step", name) or not _stores(loop):
            continue
        while parts := [
            one
            for one in _parts(program.loop(name), partial(_depends, loop.variable))
            if any(isinstance(each.divisor, Dim) for each in quotients_in(one))
        ]:
            program = name_index(program, name, parts[0], "result_place", rows)
    return program


def _stores(loop: For) -> bool:
    """Return True if a loop stores to memory."""
    targets = (target for one in walk(loop.body) for target in targets_of(one))
    return any(one.buffer.scope is BufferScope.GLOBAL for one in targets)


def _with_parts(
    program: LoopProgram, read: str, loop: str, ahead_of: str | None = None
) -> LoopProgram:
    """Return a program in which the parts of places that are read in a loop are named at the head
    of another one's body: those that are divided, the longest first, as they have others in them.
    """
    is_known = _known_at(program, loop)
    if ahead_of is not None:
        own = program.loop(loop).variable
        is_known = partial(_depends, own)
    while parts := _parts(program.loop(read), is_known):
        longest = max(parts, key=lambda one: len(one.terms))
        program = name_index(program, loop, longest, "column_place", ahead_of)
    return program


def _with_quotients(program: LoopProgram, read: str, loop: str) -> LoopProgram:
    """Return a program in which quotients of places that are read in a loop are named at the head
    of another one's body, if only a call knows by what they are divided."""
    while found := [
        one
        for index in _indices(program.loop(read))
        for one in quotients_in(index)
        if isinstance(one.divisor, Dim) and _known_at(program, loop)(one)
    ]:
        least = min(found, key=lambda one: evaluate_at(one.divisor, TYPICAL))
        program = name_index(program, loop, index_of(least), "quotient")
    return program


def _known_at(program: LoopProgram, loop: str) -> Callable[[IndexAtom], bool]:
    """Return a test of atoms that all their variables are known at the head of a loop's body."""
    head = itertools.dropwhile(lambda one: isinstance(one, Check), program.loop(loop).body)
    bound = set(bound_variables(tuple(head)))
    return lambda atom: atom.variables.isdisjoint(bound)


def _depends(variable: LoopVariable, atom: IndexAtom) -> bool:
    return variable in atom.variables


def _memories(loop: For) -> set[str]:
    """Return the names of the memories that a loop reads."""
    return {load.buffer.memory for one in walk(loop.body) for load in loads_of(one)}


def _filling(program: LoopProgram) -> list[For]:
    """Return the loops of a step that read memory."""
    return [
        loop
        for loop in innermost_loops(program.loop("step").body)
        if any(
            load.buffer.scope is BufferScope.GLOBAL
            for one in walk(loop.body)
            for load in loads_of(one)
        )
    ]


def _parts(loop: For, is_part: Callable[[IndexAtom], bool]) -> list[Index]:
    """Return the sums of some terms of places and tests that have quotients or remainders, each
    once. A part is never negative: a sum of more and less is two, and what may be either is one by
    itself."""
    found: dict[Index, None] = {}
    for index in _indices(loop):
        part = index.with_terms(lambda atom, _: is_part(atom))
        part = part - part.constant
        more = part.with_terms(lambda _, factor: is_never_negative(factor))
        less = part.with_terms(lambda _, factor: is_never_negative(-factor))
        others = (index_of(atom) for atom, _ in (part - more - less).terms)
        found |= dict.fromkeys(one for one in (more, -less, *others) if is_divided(one))
    return list(found)


def _indices(loop: For) -> Iterator[Index]:
    """Yield the coordinates of elements that a loop reads or stores, and what is tested."""
    for one in walk(loop.body):
        for target in targets_of(one):
            yield from target.coords
        if isinstance(one, If):
            yield from (test.index for test in one.conditions)
        for value in values_of(one):
            for part in walk_value(value):
                if isinstance(part, Load):
                    yield from part.coords
                elif isinstance(part, Select):
                    yield from (test.index for test in part.conditions)
