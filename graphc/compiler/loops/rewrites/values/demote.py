"""Demote: a named value, or the number of a checked index, is in a register, which `expand` can
give to other loops.

t0 = div(s[], 8.0)                    allocate t0: float32[] in register
for k < 8:                            t0[] = div(s[], 8.0)
  y[k] = sub(x[k], t0)                for k < 8:
                                        y[k] = sub(x[k], t0[])
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    transformed,
    values_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Allocate, Check, Let, Statement, Store
from graphc.compiler.loops.value import IndexValue, Load, Value


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


def demote_index(program: LoopProgram, variable: str) -> LoopProgram:
    """Put the number of a checked index in a register named after it, where values are made of it;
    what lies at its place is read there as before."""
    where = f"the index {variable!r}"
    checks = [one for one in walk(program.body) if isinstance(one, Check)]
    check = next((one for one in checks if one.variable.name == variable), None)
    if check is None:
        names = ", ".join(one.variable.name for one in checks)
        expected = "an index that the program checks"
        raise refused(program, "demote_index", where, expected, f"only {names or 'no index'}")
    index = index_of(check.variable)
    dtypes = {
        part.dtype
        for one in walk(program.body)
        for value in values_of(one)
        for part in walk_value(value)
        if isinstance(part, IndexValue) and part.index == index
    }
    if len(dtypes) != 1:
        found = " and ".join(sorted(dtypes)) or "none"
        raise refused(program, "demote_index", where, "numbers of one type made of it", found)
    (dtype,) = dtypes
    name = Names(program).new(f"{variable}_number")
    element = Load(new_buffer(name, dtype, (), BufferScope.REGISTER), ())

    def loaded(one: Value) -> Value:
        return element if isinstance(one, IndexValue) and one.index == index else one

    def stored(statement: Statement) -> Body:
        if not isinstance(statement, Check) or statement.variable is not check.variable:
            return (statement,)
        return (Allocate(element.buffer), statement, Store(element, IndexValue(index, dtype)))

    body = transformed(Parts(value=loaded).in_body(program.body), stored)
    return replace(program, body=body)
