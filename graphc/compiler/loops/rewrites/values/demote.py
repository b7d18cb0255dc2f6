"""Demote: a named value is in a register, which `expand` can give to other loops.

t0 = div(s[], 8.0)                    allocate t0: float32[] in register
for k < 8:                            t0[] = div(s[], 8.0)
  y[k] = sub(x[k], t0)                for k < 8:
                                        y[k] = sub(x[k], t0[])
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.program import Body, LoopProgram, Parts, transformed, walk
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Allocate, Let, Statement, Store
from graphc.compiler.loops.value import Load, Value


def demote(program: LoopProgram, value: str) -> LoopProgram:
    """Put a value that a `Let` names in a register of the same name."""
    where = f"the value {value!r}"
    named = [one for one in walk(program.body) if isinstance(one, Let)]
    let = next((one for one in named if one.local.name == value), None)
    if let is None:
        names = ", ".join(one.local.name for one in named)
        expected = "a value that the program names"
        raise refused(program, "demote", where, expected, f"only {names or 'no values'}")
    element = Load(new_buffer(value, let.local.dtype, (), BufferScope.REGISTER), ())

    def stored(statement: Statement) -> Body:
        if statement is not let:
            return (statement,)
        return (Allocate(element.buffer), Store(element, let.value))

    def loaded(one: Value) -> Value:
        return element if one is let.local else one

    body = Parts(value=loaded).in_body(transformed(program.body, stored))
    return replace(program, body=body)
