"""Hoist: a value that is the same in all turns of a loop is computed ahead of it, and a buffer of
each turn is allocated there, once for all."""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import (
    LoopProgram,
    bound_variables,
    buffers_of,
    facts,
    facts_otherwise,
    loads_of,
    loops_in,
    path_to,
    replaced,
    values_of,
    variables_of,
    walk,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.refusal import ranges_at, refuse_if_synchronised, refused
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    Allocate,
    Barrier,
    Check,
    For,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Apply, Bit, Load, Local, RandomWord, Select, Value


def hoist(program: LoopProgram, name: str) -> LoopProgram:
    """Move a `Let`, a `Check` or an `Allocate` ahead of the loop that it is a statement of.

    It depends on nothing that the loop binds, and reads nothing that the loop writes. A loop that
    may have no turn is left only by what can be read in any case, and by no test; nor is one in
    which a store waits for the tests ahead of it. A buffer leaves a loop of one thread; where
    threads inside use it, they wait for each other between its last use and the first of the next
    turn.

    Args:
        program: the program.
        name: of the value, index or buffer.
    """
    where = f"the value {name!r}"
    let = next((one for one in walk(program.body) if _name_of(one) == name), None)
    if not isinstance(let, Let | Check | Allocate):
        raise refused(program, "hoist", where, "the name of a value", "none of this name")
    path = path_to(program.body, let)
    loop = path[-2] if len(path) > 1 else None
    if not isinstance(loop, For):
        raise refused(program, "hoist", where, "a statement of a loop's body", "another place")
    if loop.kind not in (LoopKind.SERIAL, LoopKind.UNROLLED, LoopKind.VECTOR):
        expected = "a loop of one thread around it"
        raise refused(program, "hoist", where, expected, f"one of kind {loop.kind.value}")
    if isinstance(let, Allocate):
        return _with_buffer_ahead(program, let, loop)
    _check_invariant(program, where, let, loop)
    refuse_if_synchronised(program, "hoist", where, loop.body)
    ranges = ranges_at(program, loop)
    has_turns = all(ranges.is_never_negative(end - 1) for end in loop.ends)
    is_tested = isinstance(let, Check) and let.is_tested
    is_new = isinstance(let, Check) and let.is_tested and not let.is_repeated
    if is_new and any(isinstance(one, Store) and one.guarded for one in walk(loop.body)):
        expected = "no store that waits for the tests ahead of it alone"
        raise refused(program, "hoist", where, expected, "one")
    if not has_turns and (is_tested or not is_always_there(let.value, ranges)):
        ends = ", ".join(map(str, loop.ends))
        expected = "elements that are there even where the loop has no turn"
        raise refused(program, "hoist", where, expected, f"an end at {ends}")
    body = replaced(program.body, loop, (let, replace(loop, body=replaced(loop.body, let, ()))))
    return replace(program, body=body)


def _with_buffer_ahead(program: LoopProgram, allocate: Allocate, loop: For) -> LoopProgram:
    where = f"the buffer {allocate.buffer.name!r}"
    memory = allocate.buffer.memory
    users = [
        number
        for number, one in enumerate(loop.body)
        if one is not allocate
        and any(buffer.memory == memory for inner in walk((one,)) for buffer in buffers_of(inner))
    ]
    between = (*loop.body[: users[0]], *loop.body[users[-1] + 1 :]) if users else loop.body
    is_of_threads = any(one.kind in PARALLEL_KINDS for one in loops_in(loop.body))
    if is_of_threads and not any(isinstance(one, Barrier) for one in between):
        expected = "a barrier between its last use and the first of the next turn"
        raise refused(program, "hoist", where, expected, "none")
    inside = replaced(loop.body, allocate, ())
    return replace(
        program, body=replaced(program.body, loop, (allocate, replace(loop, body=inside)))
    )


def _name_of(one: Statement) -> str:
    """Return the name of what may be hoisted; empty for another statement."""
    if isinstance(one, Allocate):
        return one.buffer.name
    if isinstance(one, Let):
        return one.local.name
    return one.variable.name if isinstance(one, Check) else ""


def _check_invariant(program: LoopProgram, where: str, let: Statement, loop: For) -> None:
    inside = {loop.variable, *bound_variables(loop.body)}
    moved: list[str] = [str(one) for one in variables_of(let) if one in inside]
    named = {one.local for one in walk(loop.body) if isinstance(one, Let)}
    moved += [
        str(part)
        for value in values_of(let)
        for part in walk_value(value)
        if isinstance(part, Local) and part in named
    ]
    if moved:
        expected = f"a value that is the same in all turns of {loop.variable}"
        raise refused(program, "hoist", where, expected, f"one that depends on {moved[0]}")
    changed = written_memories(loop.body)
    changed |= {one.buffer.memory for one in walk(loop.body) if isinstance(one, Allocate)}
    for load in loads_of(let):
        if load.buffer.memory in changed:
            expected = f"elements that nothing in the loop over {loop.variable} writes"
            raise refused(program, "hoist", where, expected, f"{load}, which it may write")


def is_always_there(value: Value, ranges: Ranges) -> bool:
    """Return True if all elements that a value reads are proved to be inside of their buffers."""
    if isinstance(value, Load):
        return ranges.is_inside(value.coords, value.buffer.shape)
    if isinstance(value, Apply):
        return all(is_always_there(one, ranges) for one in value.operands)
    if isinstance(value, Bit):
        return is_always_there(value.byte, ranges)
    if isinstance(value, RandomWord):
        parts = (value.shift, value.step, value.call, value.seed, value.stream)
        return all(is_always_there(one, ranges) for one in parts)
    if isinstance(value, Select):
        inside = ranges.given(facts(value.conditions))
        outside = ranges.given(facts_otherwise(value.conditions))
        return is_always_there(value.value, inside) and is_always_there(value.otherwise, outside)
    return True
