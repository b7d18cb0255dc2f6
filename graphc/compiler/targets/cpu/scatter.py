"""Mapping of scattered sums: the places whose index names a row are listed, and a thread adds what
is scattered to a row, in order, whatever names it.

    ...                                                  list the places that name each row
    for i0 < 20000 (team):
      index begin = bucket_begin[i0]
      index end = bucket_end[i0]
      allocate s0: float32[128] in register
      for i1 < 128 (vector):
        s0[i1] = 0.0
      for k0_listed < end - begin:
        index turn = turns[begin + k0_listed]
        for i1_2 < 128 (vector):
          s0[i1_2] = sum(s0[i1_2], x1[turn, i1_2])
      for i1_3 < 128 (vector):
        ...                                              what follows of a sum
"""

from __future__ import annotations

from functools import partial

from graphc.compiler.graph.dim import Dim, product
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, kept, loop_beside, walk
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.conditions.pick import pick
from graphc.compiler.loops.rewrites.conditions.skip import skip
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.bucket import bucket
from graphc.compiler.loops.rewrites.loops.hoist import hoist
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.values.defer import defer
from graphc.compiler.loops.statement import Check, LoopKind
from graphc.compiler.targets.cpu.convolutions.operands import only_loop
from graphc.compiler.targets.cpu.products.pieces import terms_outermost
from graphc.compiler.targets.cpu.reductions.loops import may_exceed, with_vectors
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.scatter_loops import ScatterLoops, scatter_loops_of
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

MOST_IN_REGISTERS = 4096
"""Sums of a row that a thread has on its stack: those of a wider row are in its memory."""

CHUNK = 4096
"""Numbers that a thread computes at a time of what follows of all sums."""


# ---- where they apply ---------------------------------------------------------------------------


def _names_numbers(program: LoopProgram, target: Target) -> Applicability:
    """Return that a mapping applies where an index names a number, and not a row of several."""
    _, scatter = scatter_loops_of(program)
    if isinstance(scatter, str):
        return never(scatter)
    if scatter.columns:
        return never("an index names several numbers")
    return ALWAYS


def _names_rows(program: LoopProgram, target: Target) -> Applicability:
    _, scatter = scatter_loops_of(program)
    return never(scatter) if isinstance(scatter, str) else ALWAYS


# ---- how they run -------------------------------------------------------------------------------


def _one_by_one(program: LoopProgram, target: Target) -> LoopProgram:
    """Add what the places give one after the other; then compute what follows of all sums."""
    program, scatter = scatter_loops_of(program)
    assert isinstance(scatter, ScatterLoops)
    *outer, row = scatter.rows
    is_short = bool(outer) and not may_exceed(program.loop(row), MOST_IN_REGISTERS)
    memory = BufferScope.THREAD if outer else BufferScope.SHARED
    scope = BufferScope.REGISTER if is_short else memory
    program = expand(defer(program, row), row, scatter.total, scope)
    program = terms_outermost(program, [row], scatter.place, nests=3)
    inner = only_loop(program.loop(scatter.place).body).variable.name
    program = pick(program, inner)
    if outer:
        return with_vectors(simplify(bind(program, outer[0], LoopKind.TEAM)))
    behind = loop_beside(program, scatter.place, 1).variable.name
    if may_exceed(program.loop(behind), CHUNK):
        program = split(program, behind, CHUNK, Tail.SHORT)
        program = bind(program, f"{behind}_outer", LoopKind.TEAM)
    return with_vectors(simplify(program))


def _in_buckets(program: LoopProgram, target: Target, *, is_named: bool) -> LoopProgram:
    """List places by rows; divide rows over threads, which add up all sums of a row at once.

    Args:
        program, target: as of a mapping.
        is_named: True for the rows alone that an index names.
    """
    program, scatter = _with_listed_places(program)
    listed = f"{scatter.place}_listed"
    if is_named:
        program = skip(program, scatter.row, listed)
    columns = scatter.columns
    width = product(tuple(program.loop(one).ends[0].constant for one in columns))
    is_short = not isinstance(width, Dim) and width <= MOST_IN_REGISTERS
    scope = BufferScope.REGISTER if is_short else BufferScope.THREAD
    for loop in reversed(columns):
        program = expand(defer(program, loop), loop, scatter.total, scope)
    if columns:
        program = terms_outermost(program, columns, listed, nests=3)
        program = _with_hoisted_indices(program, listed, len(columns))
    program = bind(program, scatter.rows[0], LoopKind.TEAM)
    return with_vectors(simplify(program))


@kept
def _with_listed_places(program: LoopProgram) -> tuple[LoopProgram, ScatterLoops]:
    """Return a program that lists the places of each row, and its loops."""
    program, scatter = scatter_loops_of(program)
    assert isinstance(scatter, ScatterLoops)
    return bucket(program, scatter.place, BufferScope.SHARED), scatter


def _with_hoisted_indices(program: LoopProgram, listed: str, loops: int) -> LoopProgram:
    """Return a program that reads indices of a place once for all sums of a row.

    Args:
        program: the program.
        listed: the loop over the places of a row.
        loops: how many there are inside, over its sums.
    """
    for one in [each for each in walk(program.loop(listed).body) if isinstance(each, Check)]:
        try:
            for _ in range(loops):
                program = hoist(program, one.variable.name)
        except RewriteError:  # another one for each sum
            continue
    return program


SCATTER = (
    Mapping(
        "places in order",
        _names_numbers,
        _one_by_one,
        "an index names one number, so that a place is one addition",
    ),
    Mapping(
        "listed places of named rows",
        _names_rows,
        partial(_in_buckets, is_named=True),
        "an update leaves a row as it is where no index names it",
    ),
    Mapping(
        "listed places of all rows",
        _names_rows,
        partial(_in_buckets, is_named=False),
        "the places that name a row are listed, and threads divide the rows",
    ),
)
"""The mappings of kernels of kind scatter."""
