"""Promote: a register that gets its value once is a name for it.

allocate c0: float32[] in register        c0 = exp(x0[i])
c0[] = exp(x0[i])                         y0[i] = c0
y0[i] = c0[]
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    targets_of,
    walk,
    with_blocks,
)
from graphc.compiler.loops.statement import Allocate, Let, Statement, Store, UseIntrinsic
from graphc.compiler.loops.value import Load, Local, Value


def promote(program: LoopProgram) -> LoopProgram:
    """Return a program with a `Let` for each register of one element that one statement stores to,
    always, in the block that allocates it."""
    written = Counter(
        target.buffer.memory for one in walk(program.body) for target in targets_of(one)
    )
    for statement in walk(program.body):
        if isinstance(statement, UseIntrinsic):
            written.update(window.buffer.memory for window in statement.windows)
    locals_: dict[str, Local] = {}
    _find(program.body, written, locals_)
    if not locals_:
        return program

    def value(one: Value) -> Value:
        return locals_.get(one.buffer.memory, one) if isinstance(one, Load) else one

    return replace(program, body=Parts(value=value).in_body(_promoted(program.body, locals_)))


def _find(body: Body, written: Counter[str], found: dict[str, Local]) -> None:
    """Add the registers that are promoted, by their memory."""
    allocated: set[str] = set()
    for one in body:
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.REGISTER:
            if one.buffer.shape == () and written[one.buffer.memory] == 1:
                allocated.add(one.buffer.memory)
        elif isinstance(one, Store) and not one.conditions and not one.guarded:
            buffer = one.target.buffer
            if buffer.memory in allocated:
                value = one.value
                local = Local(buffer.memory, buffer.dtype)
                found[buffer.memory] = value if isinstance(value, Local) else local
        for block in one.blocks:
            _find(block, written, found)


def _promoted(body: Body, locals_: dict[str, Local]) -> Body:
    result: list[Statement] = []
    for one in body:
        if isinstance(one, Allocate) and one.buffer.memory in locals_:
            continue
        if isinstance(one, Store) and one.target.buffer.memory in locals_:
            local = locals_[one.target.buffer.memory]
            if one.value is not local:
                result.append(Let(local, one.value))
        elif blocks := one.blocks:
            result.append(with_blocks(one, tuple(_promoted(block, locals_) for block in blocks)))
        else:
            result.append(one)
    return tuple(result)
