"""Walks over windows, neighbouring ones in the lanes of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.program import (
    LoopProgram,
    loop_beside,
    loops_in,
    most_known_turns,
    paths_to_loops,
    targets_of,
    turns_of,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import Box, box_of
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.values.pick_operand import pick_operand
from graphc.compiler.loops.statement import Allocate, For, LoopKind
from graphc.compiler.targets.cpu.draws import with_words_ahead
from graphc.compiler.targets.cpu.pointwise import conditions_in
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

MOST_STEP = 4
"""Elements from one window to the next one, at most, of which lanes of vectors take one each: of
more, g++ 12 loads them one by one."""

AT_ONCE = 32
"""Elements of a window whose walk is unrolled, at most."""


def with_windows_in_lanes(
    program: LoopProgram, walks: Sequence[Sequence[For]], windows: str, target: Target
) -> LoopProgram:
    """Return a program that walks neighbouring windows as the lanes of vectors, where they can be.

    Args:
        program: the program.
        walks: over a window each, the loops over its elements.
        windows: the loop over neighbouring windows, around these.
        target: its vectors.
    """
    for places in walks:
        for place in places if turns_of(places) in range(AT_ONCE + 1) else ():
            program = bind(program, place.variable.name, LoopKind.UNROLLED)
    program, windows = with_words_ahead(simplify(program), windows)
    for one in program.loop(windows).body:
        if isinstance(one, Allocate) and one.buffer.dtype == "bool":
            with suppress(RewriteError):  # what it is made of may not be a number
                program = pick_operand(program, one.buffer.name)
    program, windows = with_inner_windows(program, windows)
    return simplify(_in_lanes(program, windows, target))


def with_separate_borders(program: LoopProgram, rows: str) -> LoopProgram:
    """Return a program that walks the rows which reach beyond an image in loops of their own, if
    there is a loop over several rows."""
    if rows in paths_to_loops(program) and program.loop(rows).kind is LoopKind.SERIAL:
        program, _ = with_inner_windows(program, rows)
    return simplify(program)


def _in_lanes(program: LoopProgram, windows: str, target: Target) -> LoopProgram:
    passes, loop = [windows], program.loop(windows)
    has_bytes = any(np.dtype(one.dtype).itemsize == 1 for one in _stored(loop))
    if has_bytes and most_known_turns(loop) is not None:  # registers for each window of a row
        program, behind = _with_walk_ahead(program, windows)
        passes.append(behind)
    for name in passes:
        with suppress(RewriteError):  # its elements may lie apart
            vectors = vectorise(program, name, is_divided=True)
            program = _in_whole_vectors(program, name, target) or vectors
    return program


def _in_whole_vectors(program: LoopProgram, windows: str, target: Target) -> LoopProgram | None:
    """Return a program that walks neighbouring windows in vectors that are full, those at the end
    along with some of the ones ahead of them, once more: one by one they would take longer than a
    vector. None if full ones are no fewer, or nothing may be walked twice."""
    loop = program.loop(windows)
    turns = loop.ends[0].constant if len(loop.ends) == 1 else None
    if not isinstance(turns, int):
        return None
    widest = max(np.dtype(one.dtype).itemsize for one in _stored(loop) or program.outputs)
    lanes = min(target.lanes_of(widest), 1 << turns.bit_length() - 1)
    if turns % max(1, lanes // 2) == 0:  # a half vector is one, too
        return None
    try:
        program = split(program, windows, turns - turns % lanes, Tail.AGAIN, again=lanes)
    except RewriteError:  # of a result that is added to, say
        return None
    for part in ("inner", "rest"):
        program = vectorise(program, f"{windows}_{part}", is_divided=True)
    return program


def with_inner_windows(program: LoopProgram, name: str) -> tuple[LoopProgram, str]:
    """Return a program that walks the windows that reach beyond an image in loops of their own, and
    the loop over the others: no lane has a test then that its neighbours have not."""
    loop = program.loop(name)
    first, end = _untested(loop)
    turns = most_known_turns(loop)
    if turns is None or not 0 < end - first < turns:
        return program, name
    if end < turns:
        below = Names(program).variable(f"{name}_below").name
        program, name = cut(program, name, end), below
    if first > 0:
        behind = Names(program).variable(f"{name}_behind").name
        program, name = cut(program, name, first), behind
    return program, name


def _untested(loop: For) -> tuple[int, int]:
    """Return the first turn of a loop, and the one behind the last, between which all tests of its
    variable hold in all turns of the loops inside."""
    first, end = 0, most_known_turns(loop) or 0
    inside = Ranges()
    for one in loops_in(loop.body):
        inside = inside.within(one.variable, *one.ends)
    for condition in conditions_in(loop.body):
        step = condition.index.factor(loop.variable)
        others = condition.index.with_terms(lambda atom, _: atom is not loop.variable)
        box = box_of([((others,), inside)], Ranges(), frozenset())
        least = box.start[0].constant if isinstance(box, Box) and box.start[0].is_constant else None
        if not isinstance(step, int) or step == 0 or condition.equal or not isinstance(least, int):
            continue
        if step > 0:
            first = max(first, -(least // step))
        else:
            end = min(end, least // -step + 1)
    return first, end


def _stored(loop: For) -> list[Buffer]:
    """Return what a loop's own statements store outside of it."""
    own = {one.buffer for one in loop.body if isinstance(one, Allocate)}
    stored = (target.buffer for one in loop.body for target in targets_of(one))
    return [one for one in stored if one not in own]


def _with_walk_ahead(program: LoopProgram, windows: str) -> tuple[LoopProgram, str]:
    """Return a program that walks neighbouring windows in a loop of its own, ahead of one that
    computes what follows, and the latter: bytes among its results make vectors short."""
    for one in program.loop(windows).body:
        if isinstance(one, Allocate):
            program = expand(program, windows, one.buffer.name)
    body = program.loop(windows).body
    walks = [number for number, one in enumerate(body) if isinstance(one, For)]
    program = fission(program, windows, walks[-1] + 1)
    return program, loop_beside(program, windows, 1).variable.name
