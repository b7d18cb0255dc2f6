"""Vectorise: the turns of a loop become the lanes of vectors."""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.dependence import is_parallel
from graphc.compiler.loops.program import LoopProgram, targets_of, walk_in_ranges
from graphc.compiler.loops.rewrites.execution.bind import known_turns
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    AsyncCopy,
    AtomicAdd,
    Barrier,
    Check,
    Fence,
    For,
    LoopKind,
    UseIntrinsic,
    Wait,
)
from graphc.compiler.loops.text import head_line

_NOT_OF_LANES = (AsyncCopy, AtomicAdd, Barrier, Check, Fence, UseIntrinsic, Wait)


def vectorise(program: LoopProgram, loop: str, is_divided: bool = False) -> LoopProgram:
    """Let all turns of a serial or unrolled loop run at once, each statement for all of them.

    Their number is known, or, if `is_divided`, the target divides any number of turns into vectors
    by itself. What a statement stores lies side by side in memory; what it reads may
    lie anywhere. A loop inside has equally many turns for all, and an index is known to exist.
    """
    found = unbound_loop_of(program, "vectorise", loop)
    where = f"the loop {loop!r}"
    if any(one.kind is LoopKind.VECTOR for one in program.loops_to(loop)):
        raise refused(program, "vectorise", where, "no vector loop around it", "one")
    if not is_divided:
        known_turns(program, "vectorise", found)
    inner = ranges_at(program, found).within(found.variable, *found.ends)
    for statement, ranges in walk_in_ranges(found.body, inner):
        is_known = isinstance(statement, Check) and not statement.is_tested
        if isinstance(statement, _NOT_OF_LANES) and not is_known:
            expected = "statements that vectors have"
            raise refused(program, "vectorise", where, expected, head_line(statement))
        if isinstance(statement, For) and (
            statement.kind in PARALLEL_KINDS
            or any(found.variable in end.variables for end in statement.ends)
        ):
            expected = "loops inside whose turns are the same for all lanes"
            raise refused(program, "vectorise", where, expected, head_line(statement))
        for target in targets_of(statement):
            place = target.buffer.place(target.coords)
            if found.variable in place.variables and not ranges.is_contiguous(
                place, found.variable
            ):
                expected = "stores that lie side by side"
                raise refused(program, "vectorise", where, expected, head_line(statement))
    verdict = is_parallel(program, found, LoopKind.VECTOR)
    if not verdict:
        raise refused(program, "vectorise", where, "turns that have no order", verdict.reason)
    return program.with_loop(loop, lambda one: (replace(one, kind=LoopKind.VECTOR),))
