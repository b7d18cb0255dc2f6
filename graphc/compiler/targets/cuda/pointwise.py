"""Mappings of kernels in which a thread owns elements of the results: pointwise operations and
movement, pooling, gather, and the updates of parameters.

The loops of a nest become one over the positions of its elements, whose turns are threads.
A thread has a pack of four neighbours, so what lies side by side comes in 16-byte accesses. Where
each element takes a loop of its own (the taps of a pooling), a thread has one element.
"""

from __future__ import annotations

from math import prod

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    kept,
    loops_in,
    targets_of,
    walk,
)
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.buffers.pack import pack
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.enclose import enclose
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import For, LoopKind, Statement
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.loop_names import with_loop_names
from graphc.compiler.targets.mapping import Mapping, always
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

MOST_UNROLLED = 32
"""Turns of the loops of one element that are written out; longer ones are left to the compiler."""


# ---- one loop over all elements -----------------------------------------------------------------


def with_one_loop(program: LoopProgram, outermost: str) -> tuple[LoopProgram, str]:
    """Return a program in which the loops over the elements of a nest are one, and its variable:
    what stands between them is computed for each element."""
    while True:
        loop = program.loop(outermost)
        inner = _last_loop(loop)
        if inner is None:
            return program, outermost
        name = inner.variable.name
        try:
            nested = sink(program, name) if len(loop.body) > 1 else program
            program = fuse(nested, outermost, name)
        except RewriteError:
            return program, outermost
        outermost = f"{outermost}_{name}"


def _last_loop(loop: For) -> For | None:
    """Return the loop that ends the body of a loop, if it is the only one there."""
    *ahead, last = loop.body
    if not isinstance(last, For) or any(isinstance(one, For) for one in ahead):
        return None
    return last


def nests_of(program: LoopProgram) -> list[str]:
    """Return the variables of the loops that are statements of a program's body."""
    return [one.variable.name for one in program.body if isinstance(one, For)]


def in_nests(program: LoopProgram) -> LoopProgram:
    """Return a program all of whose stores are in loops: those of one element get a loop of one
    turn, if there are other loops."""
    while any(isinstance(one, For) for one in program.body):
        start = 0
        for stop, one in enumerate(program.body, start=1):
            if isinstance(one, For) and any(map(_is_stored, walk(one.body))):
                start = stop
            elif _is_stored(one) and not (
                stop < len(program.body) and _is_stored(program.body[stop])
            ):
                break
        else:
            return program
        program = enclose(program, start, stop, "one")
    return program


def _is_stored(statement: Statement) -> bool:
    return any(target.buffer.scope is BufferScope.GLOBAL for target in targets_of(statement))


# ---- the mappings -------------------------------------------------------------------------------


@kept
def _flattened(program: LoopProgram) -> LoopProgram:
    program = in_nests(simplify(program))
    for name in nests_of(program):
        program, _ = with_one_loop(program, name)
    return flatten(program)


def _in_packs(program: LoopProgram, target: Target) -> LoopProgram:
    """Give each thread four neighbours; in nests where none lie side by side one element."""
    program = _flattened(program)
    refusals = []
    for nest in nests_of(program):
        try:
            program, name = _packed(program, nest)
        except RewriteError as error:
            refusals.append(error)
            program, name = _elements(program, nest)
        program = bind(program, name, LoopKind.GRID)
    if refusals and len(refusals) == len(nests_of(program)):
        raise refusals[0]
    return _renamed(simplify(program), "lane")


def _packed(program: LoopProgram, nest: str) -> tuple[LoopProgram, str]:
    """Return a program with packs of a nest's turns, and the loop over these."""
    if inside := loops_in(program.loop(nest).body):
        expected = "elements without loops of their own"
        found = f"one over {inside[0].variable}"
        raise refused(program, "pack", f"the loop {nest!r}", expected, found)
    program = split(program, nest, PACK, Tail.GUARD)
    return pack(program, f"{nest}_inner"), f"{nest}_outer"


def in_elements(program: LoopProgram, target: Target) -> LoopProgram:
    """Give each thread one element; short loops of it are written out."""
    program = _flattened(program)
    for nest in nests_of(program):
        program, name = _elements(program, nest)
        program = bind(program, name, LoopKind.GRID)
    return _renamed(simplify(program), "k")


def _elements(program: LoopProgram, name: str) -> tuple[LoopProgram, str]:
    inside = loops_in(program.loop(name).body)
    ends = [end.constant for loop in inside for end in loop.ends]
    known = [end for end in ends if isinstance(end, int)]
    if len(known) == len(ends) and prod(known) <= MOST_UNROLLED:
        for loop in inside:
            program = bind(program, loop.variable.name, LoopKind.UNROLLED)
    return program, name


def _in_coordinates(program: LoopProgram, target: Target) -> LoopProgram:
    """Give each thread one element, by its coordinates: a thread is a turn of each loop."""
    program = in_nests(simplify(program))
    for nest in nests_of(program):
        program = bind(program, nest, LoopKind.GRID)
        while (inner := _last_loop(program.loop(nest))) is not None:
            around, nest = program.loop(nest), inner.variable.name
            try:
                nested = sink(program, nest) if len(around.body) > 1 else program
                program = bind(nested, nest, LoopKind.GRID)
            except RewriteError:
                break
        program, _ = _elements(program, nest)
    return _renamed(simplify(program), "k")


def _renamed(program: LoopProgram, unrolled: str) -> LoopProgram:
    """Return a program whose loops are called by who runs their turns; `unrolled` is the name of
    those that are written out."""
    kinds = {
        LoopKind.GRID: "i",
        LoopKind.UNROLLED: unrolled,
        LoopKind.VECTOR: "neighbour",
    }
    return with_loop_names(program, lambda loop: kinds.get(loop.kind, "k"))


PACKS = Mapping(
    "packs",
    always,
    _in_packs,
    "what four neighbours read and write comes in 16-byte accesses, and their random words are one "
    "block",
)

POINTWISE = (
    PACKS,
    Mapping("elements", always, in_elements, "a thread has the loops of its element"),
    Mapping(
        "coordinates",
        always,
        _in_coordinates,
        "coordinates tell that what threads store is apart where a position does not",
    ),
)
"""The mappings of kernels of kinds pointwise, window, gather and update."""
