"""Bind: the turns of a loop are given to threads, or written out."""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.access import Access, accesses
from graphc.compiler.loops.dependence import is_parallel, may_meet
from graphc.compiler.loops.program import LoopProgram, path_to, walk
from graphc.compiler.loops.rewrites.refusal import loop_of, refuse_if_synchronised, refused
from graphc.compiler.loops.rewrites.site import REACHED
from graphc.compiler.loops.statement import PARALLEL_KINDS, PARALLEL_NESTS, Barrier, For, LoopKind

MOST_UNROLLED = 256
"""Statements of an unrolled body: more of them do not fit the registers and the cache of code."""


def bind(program: LoopProgram, loop: str, kind: LoopKind) -> LoopProgram:
    """Let the turns of a serial loop be run by the threads of a team, by blocks, threads or lanes,
    or written out.

    For threads the turns are proved to have no order, and the number of turns has to be known when
    the program is called; of lanes, and of a loop that is written out, it is a number.
    """
    found = loop_of(program, "bind", loop)
    where = f"the loop {loop!r}"
    if found.kind not in (LoopKind.SERIAL, LoopKind.UNROLLED):
        expected = "a serial or unrolled loop"
        raise refused(program, "bind", where, expected, f"one of kind {found.kind.value}")
    if kind is LoopKind.VECTOR:
        raise refused(program, "bind", where, "a kind of threads", "vector, which is vectorise's")
    if kind is LoopKind.UNROLLED:
        unrolled_turns(program, "bind", found)
    elif kind is not LoopKind.SERIAL:
        _check_threads(program, found, kind)
    return program.with_loop(loop, lambda one: (replace(one, kind=kind),))


def unrolled_turns(program: LoopProgram, rewrite: str, loop: For) -> int:
    """Return the number of turns of a loop that is to be written out, refused if they are not
    those of one thread, or too many."""
    where = f"the loop {loop.variable.name!r}"
    if loop.kind not in (LoopKind.SERIAL, LoopKind.UNROLLED):
        expected = "a serial or unrolled loop"
        raise refused(program, rewrite, where, expected, f"one of kind {loop.kind.value}")
    turns = known_turns(program, rewrite, loop)
    statements = turns * sum(1 for _ in walk(loop.body))
    if statements > MOST_UNROLLED:
        expected = f"at most {MOST_UNROLLED} statements when it is written out"
        raise refused(program, rewrite, where, expected, str(statements))
    return turns


def known_turns(program: LoopProgram, rewrite: str, loop: For) -> int:
    """Return the number of turns of a loop, refused if it is not known."""
    (end, *others) = loop.ends
    if not others and end.is_constant and isinstance(end.constant, int):
        return end.constant
    where = f"the loop {loop.variable.name!r}"
    ends = ", ".join(map(str, loop.ends))
    raise refused(program, rewrite, where, "a known number of turns", f"an end at {ends}")


def _check_threads(program: LoopProgram, loop: For, kind: LoopKind) -> None:
    where = f"the loop {loop.variable.name!r}"
    around = [one.kind for one in path_to(program.body, loop)[:-1] if isinstance(one, For)]
    inside = [one.kind for one in walk(loop.body) if isinstance(one, For)]
    for outer, inner in [(one, kind) for one in around] + [(kind, one) for one in inside]:
        if {outer, inner} <= PARALLEL_KINDS and outer not in PARALLEL_NESTS[inner]:
            expected = f"no loop of kind {inner.value} inside of one of kind {outer.value}"
            raise refused(program, "bind", where, expected, "such loops")
    if kind is LoopKind.LANE:
        known_turns(program, "bind", loop)
    elif len(loop.ends) != 1 or not loop.ends[0].is_constant:
        ends = ", ".join(map(str, loop.ends))
        expected = "one end that is a size; split has a guard for a remainder"
        raise refused(program, "bind", where, expected, ends)
    if kind is not LoopKind.BLOCK:
        refuse_if_synchronised(program, "bind", where, loop.body)
    verdict = is_parallel(program, loop, kind)
    if not verdict:
        raise refused(program, "bind", where, "turns that have no order", verdict.reason)
    found = accesses(program)
    inner_accesses = [one for one in found if any(around is loop for around in one.loops)]
    for access in inner_accesses:
        is_outer = access.home is None or all(one is not loop for one in access.home)
        if is_outer and kind not in REACHED[access.buffer.scope]:
            expected = f"no {access.buffer.scope.value} buffer of another thread"
            raise refused(program, "bind", where, expected, str(access))
    if kind is LoopKind.TEAM:
        return  # who goes on behind the loop has waited for all of the team
    for other in found:
        if any(around is loop for around in other.loops):
            continue
        for access in inner_accesses:
            is_conflict = access.memory == other.memory and (access.writes or other.writes)
            if is_conflict and not _is_in_order(program, access, other):
                expected = "a barrier between what threads and what others do"
                raise refused(program, "bind", where, expected, f"{access} and {other}")


def _is_in_order(program: LoopProgram, inside: Access, other: Access) -> bool:
    """Return True if two accesses, one in a loop of threads and one outside, never are of one
    element, or have barriers between, in each turn of the loops around both."""
    first, second = sorted((inside, other), key=lambda one: one.order)
    common = [one for one, two in zip(first.loops, second.loops, strict=False) if one is two]
    anywhere = {loop.variable: None for loop in common if loop.kind not in PARALLEL_KINDS}
    if not may_meet(first, second, anywhere):
        return True
    depth = next(
        k
        for k, (one, two) in enumerate(zip(first.path, second.path, strict=False))
        if one[0] is not two[0]
    )
    if depth == 0:
        block = program.body
    else:
        around = first.path[depth - 1][0]
        if not isinstance(around, For):
            return False
        block = around.body
    start, end = first.path[depth][1], second.path[depth][1]
    is_again = any(loop.kind not in PARALLEL_KINDS for loop in common)
    between = [block[start + 1 : end], *([block[end + 1 :] + block[:start]] if is_again else [])]
    return all(any(isinstance(one, Barrier) for one in part) for part in between)
