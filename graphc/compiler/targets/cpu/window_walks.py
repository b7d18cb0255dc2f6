"""Walks over windows, neighbouring ones in the lanes of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import (
    LoopProgram,
    block_of,
    loop_beside,
    loops_in,
    most_known_turns,
    paths_to_loops,
    targets_of,
    turns_of,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import Box, box_of
from graphc.compiler.loops.rewrites.buffers.expand import expand_all
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.loops.swap import swap
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.values.pick_operand import pick_operand
from graphc.compiler.loops.statement import Allocate, For, LoopKind, Store
from graphc.compiler.targets.convolution_loops import names_of_loops
from graphc.compiler.targets.cpu.draws import with_words_ahead
from graphc.compiler.targets.cpu.long_windows import with_long_windows
from graphc.compiler.targets.cpu.pointwise import conditions_in
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

MOST_STEP = 4
"""Elements from one window to the next one, at most, of which lanes of vectors take one each: of
more, g++ 12 loads them one by one."""

AT_ONCE = 32
"""Elements of a window whose walk is unrolled, at most."""

_OF_ELEMENTS = "the elements of these windows"


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
    program, others = _with_elements_ahead(program, walks, windows)
    for places in walks:
        for place in places if turns_of(places) in range(AT_ONCE + 1) else ():
            with suppress(RewriteError):  # it would be too many statements
                program = bind(program, place.variable.name, LoopKind.UNROLLED)
    program, windows = with_words_ahead(simplify(program), windows)
    for one in program.loop(windows).body:
        if isinstance(one, Allocate) and one.buffer.dtype == "bool":
            with suppress(RewriteError):  # what it is made of may not be a number
                program = pick_operand(program, one.buffer.name)
    program, windows = with_inner_windows(program, windows)
    program = _in_lanes(program, walks, windows, target)
    for name in others:
        program = _in_vectors(program, name, target)
    return simplify(program)


def _with_elements_ahead(
    program: LoopProgram, walks: Sequence[Sequence[For]], windows: str
) -> tuple[LoopProgram, list[str]]:
    """Return a program that stores what elements of windows give in a loop over the elements of
    neighbouring windows, ahead of the walks, and the loops that are not walks: in the lanes of a
    walk, the elements would lie as far apart as windows. As it was, unless windows lie side by
    side."""
    if len(walks) != 1:
        return program, []
    places = names_of_loops(walks[0])
    body = program.loop(places[-1]).body
    first = next((number for number, one in enumerate(body) if isinstance(one, Store)), 0)
    stores = [one for one in body[first:] if isinstance(one, Store)]
    if first == 0 or not all(_lie_side_by_side(program, one, windows, places) for one in stores):
        return program, []
    try:
        return _elements_ahead(program, places, windows, first)
    except RewriteError:  # of results that need each other, say
        return program, []


def _elements_ahead(
    program: LoopProgram, places: Sequence[str], windows: str, first: int
) -> tuple[LoopProgram, list[str]]:
    """As `_with_elements_ahead`; `first` is the number of the first store in a walk's body.

    Ahead of the walks, and not behind: after a loop of the same loads g++ 12 keeps one of them from
    turn to turn of the next loop, which is no vector then.
    """
    stores: list[str] = []
    for place in reversed(places):
        program = fission(program, place, first)
        stores.insert(0, loop_beside(program, place, 1).variable.name)
        first = 1
    program = expand_all(program, windows)
    others: list[str] = []
    if program.loop(windows).body[-1] is not program.loop(stores[0]):
        program, behind = _divided_behind(program, windows, stores[0])
        others.append(behind)
    program, elements = _divided_behind(program, windows, places[0])
    program = simplify(program)
    for around, place in zip((elements, *stores), stores, strict=False):
        if len(program.loop(around).body) > 1:
            program = sink(program, place)
    for row in stores[:-1]:
        program = reorder(program, elements, row)
    program = program.with_loop(stores[0], lambda one: (replace(one, note=_OF_ELEMENTS),))
    program = fuse(program, elements, stores[-1])
    nest = loop_beside(program, windows, 1)
    others.append(f"{elements}_{stores[-1]}")
    return swap(program, windows, nest.variable.name), others


def _divided_behind(program: LoopProgram, loop: str, inner: str) -> tuple[LoopProgram, str]:
    """Return a program with the statements of a loop that are behind one of its inner loops in a
    loop of their own, and that."""
    _, number = block_of(program, program.loop(inner))
    program = fission(program, loop, number + 1)
    return program, loop_beside(program, loop, 1).variable.name


def _lie_side_by_side(
    program: LoopProgram, store: Store, windows: str, places: Sequence[str]
) -> bool:
    """Return True if the elements of a row of windows that something stores are neighbours."""
    window, place = program.loop(windows), program.loop(places[-1])
    last = store.target.coords[-1] if store.target.coords else as_index(0)
    step = last.factor(window.variable)
    return last.factor(place.variable) == 1 and place.ends == (as_index(step),)


def with_separate_borders(program: LoopProgram, rows: str) -> LoopProgram:
    """Return a program that walks the rows which reach beyond an image in loops of their own, if
    there is a loop over several rows."""
    if rows in paths_to_loops(program) and program.loop(rows).kind is LoopKind.SERIAL:
        program, _ = with_inner_windows(program, rows)
    return simplify(program)


def _in_lanes(
    program: LoopProgram, walks: Sequence[Sequence[For]], windows: str, target: Target
) -> LoopProgram:
    if len(walks) == 1 and turns_of(walks[0]) not in range(AT_ONCE + 1):
        with suppress(RewriteError):  # windows may be few, or neighbours
            return with_long_windows(program, windows, names_of_loops(walks[0]))
    passes, loop = [windows], program.loop(windows)
    has_bytes = any(np.dtype(one.dtype).itemsize == 1 for one in _stored(loop))
    if has_bytes and most_known_turns(loop) is not None:  # registers for each window of a row
        program, behind = _with_walk_ahead(program, windows)
        passes.append(behind)
    for name in passes:
        program = _in_vectors(program, name, target)
    return program


def _in_vectors(program: LoopProgram, loop: str, target: Target) -> LoopProgram:
    with suppress(RewriteError):  # its elements may lie apart
        vectors = vectorise(program, loop, is_divided=True)
        program = _in_whole_vectors(program, loop, target) or vectors
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
    program = expand_all(program, windows)
    body = program.loop(windows).body
    walks = [number for number, one in enumerate(body) if isinstance(one, For)]
    program = fission(program, windows, walks[-1] + 1)
    return program, loop_beside(program, windows, 1).variable.name
