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

A long reduction is made of blocks of terms, each as above, whose results are combined in order.
Threads divide the rows, or, of few results, the blocks.

A sum is in the order of its program, which depends on the axes that are reduced and on the
constants here alone: not on threads, not on the processor's vectors, not on the number of results.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    loop_beside,
    values_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.conditions.peel import peel
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.stage_terms import stage_terms
from graphc.compiler.loops.rewrites.values.keep import is_work, keep
from graphc.compiler.loops.rewrites.values.name_result import name_result
from graphc.compiler.loops.statement import Accumulate, For, LoopKind, UseIntrinsic
from graphc.compiler.targets.cpu.printer import LEAST_DIVIDED
from graphc.compiler.targets.cpu.reductions.columns import CHUNK, COLUMNS
from graphc.compiler.targets.cpu.reductions.crosswise_rows import CROSSWISE_ROWS
from graphc.compiler.targets.cpu.reductions.loops import (
    accumulators,
    kept_loops,
    loops_over_terms,
    may_exceed,
    reducing_loops,
    row_of_a_term,
    with_joined_axes,
    with_vectors,
)
from graphc.compiler.targets.cpu.reductions.places import with_carried_row
from graphc.compiler.targets.cpu.reductions.short_rows import SHORT_ROWS
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, always, never
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

LANES = 32
"""Partial results of a reduction: two of the widest vectors of float32, so that one addition need
not wait for the one before. (2,048 sums of 1,024 took 80 us with 16, 76 with 32, 61 with 64.)"""

LEAST_TERMS = 4 * LANES
"""Terms of a reduction from which on partial results are worth their tree."""

SHORT_LANES = 8
"""Partial results of a reduction of fewer terms. What their number does not divide is added one by
one behind them, as a vector cannot be loaded soon after a store to a part of it. (Sums of 49 took
2.3 ns, 14 with the rest in lanes, 13 in order, 7 in the order of `omp simd`; one thread.)"""

FEW_TERMS = 16
"""Terms up to which a reduction that is all that is done with a row is not in lanes: a compiler
makes vectors of rows. (Sums of 16 took 1.4 ns in order and 2.3 in lanes.) Beside other passes it is
in half as many lanes, if there are terms for two turns. (softmax of 10 took 42 ns with its maximum
in order and 34 in 4 lanes.)"""

BLOCK = 512 * LANES
"""Terms of a block: each lane adds 512 of them one after the other, so that rounding errors stay
small."""

FEW_RESULTS = 8
"""Results that are fewer do not keep all threads busy."""

MOST_KEPT = 2048
"""Elements of a row whose values are kept from pass to pass: they stay in the first cache."""


# ---- where they apply ---------------------------------------------------------------------------


def _has_few_results(program: LoopProgram, target: Target) -> Applicability:
    """Return that the mapping applies to few results of many terms each."""
    program = with_joined_axes(program)
    results = _known_product(kept_loops(program))
    if results is None or results >= FEW_RESULTS:
        return never(f"the number of results is not known, or not below {FEW_RESULTS}")
    loops = reducing_loops(program)
    if not loops:
        return never("each result is made of one term")
    for loop in loops:
        terms = _known_product(loops_over_terms(program, loop))
        if terms is not None and terms < LEAST_DIVIDED:
            return never(f"results are made of {terms} terms, fewer than {LEAST_DIVIDED}")
    return ALWAYS


def _has_contiguous_terms(program: LoopProgram, target: Target) -> Applicability:
    """Return that the mapping applies where what is reduced lies side by side."""
    program = with_joined_axes(program)
    loops = reducing_loops(program)
    around = {id(statement): loop for loop in loops for statement in walk(loop.body)}
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if id(statement) not in around:
            continue
        variable = around[id(statement)].variable
        for load in loads_of(statement):
            if ranges.step(load.buffer.place(load.coords), variable) not in (0, 1):
                return never(f"{load} is not contiguous in {variable}")
    if (row := row_of_a_term(program)) and COLUMNS.when(program, target) is ALWAYS:
        return never(f"each term is of a row of its own, {row}")
    return ALWAYS


def _known_product(loops: Sequence[For]) -> int | None:
    """Return how many turns loops have together; None if that is not known."""
    total = 1
    for loop in loops:
        end = loop.ends[0].constant
        if not isinstance(end, int):
            return None
        total *= end
    return total


# ---- how they run -------------------------------------------------------------------------------


def _in_blocks(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide blocks of terms over threads, and, of a pass that stores elements, blocks of these."""
    program = _with_kept_values(with_joined_axes(program))
    for one in accumulators(program):
        program = name_result(program, one.buffer.name)
    reducing = {loop.variable for loop in reducing_loops(program)}
    for loop in innermost_loops(program.body):
        if loop.variable in reducing:
            program = _reduced(program, loop, is_divided=True)
        elif loops_over_terms(program, loop):
            program = _divided(program, loop)
    return with_vectors(simplify(program))


def _in_lanes(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide rows over threads; each is reduced in lanes, and what a pass over it computes is kept
    for later ones."""
    program = _with_kept_values(with_joined_axes(program))
    for loop in reducing_loops(program):
        program = _reduced(program, loop, is_divided=False)
    return with_vectors(_with_divided_rows(simplify(program)))


def _one_by_one(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide rows over threads; each is reduced in the order of its terms."""
    program = with_joined_axes(program)
    for loop in reducing_loops(program):
        outermost, *_ = loops_over_terms(program, loop)
        if may_exceed(outermost, CHUNK):
            name = outermost.variable.name
            program = partial_sums(
                program, name, length=CHUNK, tree=Tree.IN_ORDER, scope=BufferScope.THREAD
            )
    return with_vectors(_with_divided_rows(program))


def _reduced(program: LoopProgram, loop: For, *, is_divided: bool) -> LoopProgram:
    """Reduce in lanes, and, what is long or divided over threads, in blocks."""
    name = loop.variable.name
    outermost, *inside = loops_over_terms(program, loop)
    if not inside:
        if not is_divided and may_exceed(loop, LEAST_TERMS - 1):
            carried = with_carried_row(program, loop)
            if carried is not None:
                return carried
        if not may_exceed(loop, BLOCK):
            return _with_lanes(program, loop)
        program, name = _with_lanes(program, loop), f"{name}_outer"
        program = _with_blocks(program, name, BLOCK // LANES, is_divided)
    else:
        program = _with_lanes(program, loop)
        turns = (one.ends[0].constant for one in inside)
        terms = math.prod(one for one in turns if isinstance(one, int))
        name, length = outermost.variable.name, max(1, BLOCK // max(1, terms))
        if not is_divided and not may_exceed(outermost, length):
            return program
        program = _with_blocks(program, name, length, is_divided)
    return bind(program, f"{name}_outer", LoopKind.TEAM) if is_divided else program


def _with_blocks(program: LoopProgram, name: str, length: int, is_divided: bool) -> LoopProgram:
    scope = BufferScope.SHARED if is_divided else BufferScope.THREAD
    return partial_sums(program, name, length=length, tree=Tree.IN_ORDER, scope=scope)


def _with_lanes(program: LoopProgram, loop: For) -> LoopProgram:
    """Reduce in lanes."""
    name = loop.variable.name
    if not may_exceed(loop, LEAST_TERMS - 1):
        return _with_short_lanes(program, loop)
    program = partial_sums(program, name, lanes=LANES)
    return with_short_turn_behind(program, f"{name}_outer")


def _with_short_lanes(program: LoopProgram, loop: For) -> LoopProgram:
    """Reduce few terms in fewer lanes, if at all; terms that are more work than to add them are
    computed first, in vectors."""
    name = loop.variable.name
    turns = min(end.constant for end in loop.ends if isinstance(end.constant, int))
    is_alone = len(innermost_loops(program.body)) == 1
    if any(is_work(value) for one in loop.body for value in values_of(one)):
        program = stage_terms(program, name)
        name = loop_beside(program, name, 1).variable.name
    lanes = SHORT_LANES // 2 if turns <= FEW_TERMS else SHORT_LANES
    if turns < 2 * lanes or (turns <= FEW_TERMS and is_alone):
        return program
    whole = turns - turns % lanes
    if whole != turns:
        program = split(program, name, whole, Tail.LOOP)
        name = f"{name}_inner"
    is_sum = any(isinstance(one, Accumulate) and one.reduction == "sum" for one in loop.body)
    tree = Tree.HALVES if is_sum else Tree.IN_ORDER
    return partial_sums(program, name, lanes=lanes, tree=tree)


def with_short_turn_behind(program: LoopProgram, name: str) -> LoopProgram:
    """Return a program with the last turn of a loop behind it, if the loop in it has fewer turns
    there."""
    (inner,) = (one for one in program.loop(name).body if isinstance(one, For))
    return peel(program, name) if len(inner.ends) > 1 else program


def _divided(program: LoopProgram, innermost: For) -> LoopProgram:
    """Divide a pass that stores elements over threads."""
    outermost, *inside = loops_over_terms(program, innermost)
    name = outermost.variable.name
    if not inside:
        program = split(program, name, BLOCK, Tail.SHORT)
        name = f"{name}_outer"
    return bind(program, name, LoopKind.TEAM)


def _with_divided_rows(program: LoopProgram) -> LoopProgram:
    """Divide rows over threads; where each has one term, so that nothing is a loop inside of them,
    chunks of rows, which are vectors."""
    rows = kept_loops(program)
    if not rows:
        return program
    name = rows[0].variable.name
    calls = any(isinstance(one, UseIntrinsic) for one in walk(rows[0].body))
    if rows[0] in innermost_loops(program.body) and not calls:
        program = split(program, name, BLOCK, Tail.SHORT)
        name = f"{name}_outer"
    return bind(program, name, LoopKind.TEAM)


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


ROWS_IN_LANES = Mapping(
    "rows in lanes",
    _has_contiguous_terms,
    _in_lanes,
    "a row is reduced in vectors, whose lanes a tree combines, and threads divide the rows",
)
REDUCTIONS = (
    Mapping(
        "blocks in lanes",
        _has_few_results,
        _in_blocks,
        "threads divide what few results are made of",
    ),
    SHORT_ROWS,
    ROWS_IN_LANES,
    COLUMNS,
    CROSSWISE_ROWS,
    Mapping(
        "rows in order",
        always,
        _one_by_one,
        "what is neither contiguous in its terms nor in its rows is read term by term",
    ),
)
"""The mappings of kernels of kind rows and columns."""
