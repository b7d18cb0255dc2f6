"""Squeezing: a buffer of one element has no axes.

allocate total: float32[1, 1] in register     allocate total: float32[] in register
total[0, 0] = 0.0                             total[] = 0.0
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import new_buffer
from graphc.compiler.loops.program import LoopProgram, Parts, buffers_of, transformed, walk
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Allocate, Statement, UseIntrinsic
from graphc.compiler.loops.value import Load, Value

_REWRITE = "squeeze"


def squeeze(program: LoopProgram, buffer: str) -> LoopProgram:
    """Allocate a buffer of one element without axes.

    Args:
        program: the program.
        buffer: what it allocates, with axes of one element each; no view of it, and no intrinsic,
            has it.
    """
    where = f"the buffer {buffer!r}"
    allocated = [one.buffer for one in walk(program.body) if isinstance(one, Allocate)]
    old = next((one for one in allocated if one.name == buffer), None)
    if old is None:
        raise refused(program, _REWRITE, where, "a buffer that it allocates", "none of this name")
    if any(size != 1 for size in old.shape):
        raise refused(program, _REWRITE, where, "axes of one element each", str(old))
    for one in walk(program.body):
        for other in buffers_of(one):
            if other.memory == old.memory and (isinstance(one, UseIntrinsic) or other is not old):
                expected = "that values and stores alone access it, without views"
                raise refused(program, _REWRITE, where, expected, str(other))
    new = new_buffer(old.name, old.dtype, (), old.scope)

    def target(one: Load) -> Load:
        return Load(new, ()) if one.buffer is old else one

    def value(one: Value) -> Value:
        return target(one) if isinstance(one, Load) else one

    def statement(one: Statement) -> tuple[Statement, ...]:
        is_old = isinstance(one, Allocate) and one.buffer is old
        return (Allocate(new),) if is_old else (one,)

    body = Parts(value=value, target=target).in_body(transformed(program.body, statement))
    return replace(program, body=body)
