"""Single assignment: a register that a block changes step by step is a name at each step.

allocate s: float32[] in register        s_value = add(0.0, exp(x0[i]))
s[] = 0.0                                y0[i] = s_value
s[] = sum(s[], exp(x0[i]))
y0[i] = s[]

As `promote`, for registers that several statements write, all in the block that allocates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    loads_of,
    same_or,
    targets_of,
    walk,
    with_blocks,
    written_memories,
)
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.statement import Accumulate, Allocate, If, Let, Statement, Store
from graphc.compiler.loops.value import Apply, Constant, Load, Local, Select, Value


def with_single_assignments(program: LoopProgram) -> LoopProgram:
    """Return a program with a `Let` in the place of each statement that writes a register of one
    element, if the block that allocates it has all of them: a store, and further stores, or steps
    of a reduction of one value, each perhaps under a test with values ahead of it."""
    return replace(program, body=_in_body(program.body, Names(program)))


def _in_body(body: Body, names: Names) -> Body:
    made = tuple(_inside(one, names) for one in body)
    for one in made:
        if isinstance(one, Allocate) and _is_assigned(one.buffer, made):
            made = _assigned(one.buffer, made, names)
    return same_or(body, made)


def _inside(statement: Statement, names: Names) -> Statement:
    blocks = statement.blocks
    made = tuple(_in_body(block, names) for block in blocks)
    is_same = all(one is other for one, other in zip(made, blocks, strict=True))
    return statement if is_same else with_blocks(statement, made)


def _is_assigned(buffer: Buffer, block: Body) -> bool:
    """Return True if all that writes a register are steps of a block that begin with a store."""
    if buffer.scope is not BufferScope.REGISTER or buffer.shape != ():
        return False
    if any(
        x.memory == buffer.memory and x is not buffer
        for one in walk(block)
        for x in buffers_of(one)
    ):
        return False
    users = [one for one in walk(block) if buffer in buffers_of(one)][1:]
    steps = [one for one in block if _writes(one, buffer)]
    return (
        bool(steps)
        and steps[0] is users[0]
        and isinstance(steps[0], Store)
        and all(load.buffer is not buffer for load in loads_of(steps[0]))
        and len(steps) == sum(buffer.memory in written_memories((one,)) for one in users)
        and all(map(_is_step, steps))
    )


def _writes(one: Statement, buffer: Buffer) -> bool:
    if isinstance(one, If):
        return bool(one.body) and _writes(one.body[-1], buffer)
    return any(target.buffer is buffer for target in targets_of(one))


def _is_step(one: Statement) -> bool:
    if isinstance(one, If):
        *ahead, last = one.body
        is_alone = not one.otherwise and all(isinstance(x, Let) for x in ahead)
        return is_alone and not isinstance(last, If) and _is_step(last)
    if isinstance(one, Accumulate):
        return len(one.targets) == 1 and len(one.values) == 1
    return isinstance(one, Store) and not one.conditions and not one.guarded


def _assigned(buffer: Buffer, block: Body, names: Names) -> Body:
    """Return a block that names what a register holds behind each step."""
    current: Value = Load(buffer, ())

    def value(one: Value) -> Value:
        return current if isinstance(one, Load) and one.buffer is buffer else one

    result: list[Statement] = []
    for one in block:
        if isinstance(one, Allocate) and one.buffer is buffer:
            continue
        if not _writes(one, buffer):
            result.append(Parts(value=value).in_body((one,))[0])
            continue
        if isinstance(one, If):
            *ahead, last = Parts(value=value).in_body(one.body)
            made: Value = Select(one.conditions, _inlined(_step(last, current), ahead), current)
        else:
            made = _step(Parts(value=value).in_statement(one), current)
        if isinstance(made, Local | Constant):
            current = made
            continue
        local = Local(names.new(f"{buffer.name}_value"), buffer.dtype)
        result.append(Let(local, made))
        current = local
    return tuple(result)


def _step(one: Statement, current: Value) -> Value:
    """Return what a register holds behind a statement that writes it."""
    if isinstance(one, Store):
        return one.value
    assert isinstance(one, Accumulate)
    return Apply(REDUCTIONS[one.reduction].combine, (current, *one.values), current.dtype, {})


def _inlined(made: Value, lets: Sequence[Statement]) -> Value:
    """Return a value without the names of others."""
    for one in reversed(lets):
        assert isinstance(one, Let)
        local, named = one.local, one.value

        def value(part: Value, local: Local = local, named: Value = named) -> Value:
            return named if part is local else part

        made = Parts(value=value).in_value(made)
    return made
