"""Bind: the turns of a loop are given to threads, or written out.

allocate kept: float32[8] in register      allocate kept: float32[8] in register
for k < 8:                                 for k < 8 (thread):
  kept[k] = exp(x[k])                        kept[k] = exp(x[k])
for k1 < 8:                                for k1 < 8 (thread):
  y[k1] = add(kept[k1], x[k1])               y[k1] = add(kept[k1], x[k1])

Of registers that are allocated outside of loops of threads each thread has its own: the elements of
which its number is a coordinate, and a copy of what no thread changes. Lanes of a warp read each
other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphc.compiler.loops.access import Access, accesses
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.dependence import are_turns_free, may_meet
from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import Body, LoopProgram, walk
from graphc.compiler.loops.rewrites.refusal import refuse_if_synchronised, refused, unbound_loop_of
from graphc.compiler.loops.rewrites.site import REACHED
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    PARALLEL_NESTS,
    Barrier,
    For,
    LoopKind,
    UseIntrinsic,
)

MOST_UNROLLED = 256
"""Statements of an unrolled body: more of them do not fit the registers and the cache of code."""


def bind(program: LoopProgram, loop: str | Sequence[str], kind: LoopKind) -> LoopProgram:
    """Let the turns of a serial loop be run by the threads of a team, by blocks, threads or lanes,
    or written out.

    For threads the turns are proved to have no order, and the number of turns has to be known when
    the program is called; of lanes, and of a loop that is written out, it is a number.

    Args:
        program: the program.
        loop: its variable; of several loops, none inside of another, that the same threads run, all
            of them, if threads keep something in registers from one to another.
        kind: who runs the turns.
    """
    names = (loop,) if isinstance(loop, str) else tuple(loop)
    loops = [unbound_loop_of(program, "bind", name) for name in names]
    for name, found in zip(names, loops, strict=True):
        where = f"the loop {name!r}"
        if kind is LoopKind.VECTOR:
            expected = "a kind of threads"
            raise refused(program, "bind", where, expected, "vector, which is vectorise's")
        if kind is LoopKind.UNROLLED:
            unrolled_turns(program, "bind", name)
        elif kind is not LoopKind.SERIAL:
            inside = {id(one) for one in walk(found.body)}
            if any(id(one) in inside for one in loops):
                expected = "loops none of which is inside of another"
                raise refused(program, "bind", where, expected, f"one of {', '.join(names)} in it")
            _check_threads(program, found, kind, loops)
    for name in names:
        program = program.with_loop(name, lambda one: (replace(one, kind=kind),))
    return program


def unrolled_turns(program: LoopProgram, rewrite: str, loop: str) -> int:
    """Return the number of turns of a loop that is to be written out, refused if they are not
    those of one thread, or too many."""
    found = unbound_loop_of(program, rewrite, loop)
    turns = known_turns(program, rewrite, found)
    statements = turns * sum(1 for _ in walk(found.body))
    if statements > MOST_UNROLLED:
        where = f"the loop {loop!r}"
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


def _check_threads(
    program: LoopProgram, loop: For, kind: LoopKind, together: Sequence[For]
) -> None:
    where = f"the loop {loop.variable.name!r}"
    around = [one.kind for one in program.loops_to(loop.variable.name)[:-1]]
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
    is_team = kind is LoopKind.TEAM
    found = accesses(program, loop if is_team else None)
    inner_accesses = [one for one in found if _is_inside(one, loop)]
    verdict = are_turns_free(inner_accesses, loop, kind)
    if not verdict:
        raise refused(program, "bind", where, "turns that have no order", verdict.reason)
    own = _own_registers(found, inner_accesses, loop, kind, together)
    for access in inner_accesses:
        is_reached = kind in REACHED[access.buffer.scope] or access.memory in own
        if _is_outer(access, loop) and not is_reached:
            expected = f"no {access.buffer.scope.value} buffer of another thread"
            raise refused(program, "bind", where, expected, str(access))
    if is_team:
        return  # who goes on behind the loop has waited for all of the team
    of_memory: dict[str, list[Access]] = {}
    for access in inner_accesses:
        if access.memory not in own:
            of_memory.setdefault(access.memory, []).append(access)
    for other in found:
        for access in of_memory.get(other.memory, ()):
            is_conflict = (access.writes or other.writes) and not _is_inside(other, loop)
            if is_conflict and not _is_in_order(program, access, other):
                expected = "a barrier between what threads and what others do"
                raise refused(program, "bind", where, expected, f"{access} and {other}")


def _is_inside(access: Access, loop: For) -> bool:
    return any(around is loop for around in access.loops)


def _is_outer(access: Access, loop: For) -> bool:
    """Return True if the memory of an access in a loop is allocated outside of the loop."""
    return access.home is None or all(one is not loop for one in access.home)


def _own_registers(
    found: list[Access], inside: list[Access], loop: For, kind: LoopKind, together: Sequence[For]
) -> set[str]:
    """Return the memories in registers, of those that are allocated outside of a loop, of which
    each thread that runs a turn of it has what it accesses."""
    memories = {
        one.memory
        for one in inside
        if one.buffer.scope is BufferScope.REGISTER and _is_outer(one, loop)
    }
    if kind is LoopKind.LANE:
        return memories
    if kind is not LoopKind.THREAD:
        return set()
    own = set()
    for memory in memories:
        of_memory = [one for one in found if one.memory == memory]
        if _is_same_for_all(of_memory, loop) or _is_by_thread(of_memory, together):
            own.add(memory)
    return own


def _is_same_for_all(found: list[Access], loop: For) -> bool:
    """Return True if threads only read a memory, behind all that is written to it: each has a copy
    that it has computed as the others have."""
    writes = [one for one in found if one.writes]
    reads = [one for one in found if _is_inside(one, loop)]
    for one in writes:
        is_by_threads = any(
            around.kind in (LoopKind.THREAD, LoopKind.LANE) and _is_outer(one, around)
            for around in one.loops
        )
        if _is_inside(one, loop) or is_by_threads:
            return False
    for write in writes:
        for read in reads:
            common = [x for x, y in zip(write.loops, read.loops, strict=False) if x is y]
            is_again = any(
                around.kind not in PARALLEL_KINDS and _is_outer(write, around) for around in common
            )
            if read.order < write.order or is_again:
                return False
    return True


def _is_by_thread(found: list[Access], together: Sequence[For]) -> bool:
    """Return True if one of the coordinates of each access is the variable of the loop of threads
    that it is in, along the same axis. The loops are alike: who has a number in one of them has it
    in all."""
    if len({(one.ends, _depth_of_threads(one.body)) for one in together}) > 1:
        return False
    axes = set(range(len(found[0].buffer.shape)))
    for access in found:
        around = [one for one in together if _is_inside(access, one)]
        own = {index_of(one.variable) for one in around}
        axes &= {axis for axis, coord in enumerate(access.coords) if coord in own}
        axes = axes if access.buffer is found[0].buffer else set()
    return bool(axes)


def _depth_of_threads(body: Body) -> int:
    """Return how deep loops of threads and lanes are nested inside of a body: what lanes run
    together is one of them."""
    depth = 0
    for one in body:
        inside = max(map(_depth_of_threads, one.blocks), default=0)
        is_threads = isinstance(one, For) and one.kind in (LoopKind.THREAD, LoopKind.LANE)
        is_threads |= isinstance(one, UseIntrinsic) and one.intrinsic.lanes > 1
        depth = max(depth, inside + is_threads)
    return depth


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
