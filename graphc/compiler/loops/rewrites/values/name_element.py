"""Naming of elements: what a loop's body reads of a memory is a name.

for k0 < n:                              for k0 < n:
  s0[] = sum(s0[], x0[k0 % 5, k0 // 5])    x0_element = x0[k0 % 5, k0 // 5]
                                           s0[] = sum(s0[], x0_element)

So it can be staged in the order in which it is read, as what is computed is.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import (
    LoopProgram,
    Parts,
    values_of,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import Accumulate, Let, Statement, Store
from graphc.compiler.loops.value import Apply, Load, Local, Value

_REWRITE = "name_element"


def name_element(program: LoopProgram, loop: str, element: Value) -> tuple[LoopProgram, Local]:
    """Name an element, or a value that is computed of some and of nothing that the body names, at
    the head of a loop's body, which reads it and does not write its memory; return the program and
    the name."""
    found = loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    if not any(_reads(one, element) for one in found.body):
        expected = f"a body that reads {element} in each turn"
        raise refused(program, _REWRITE, where, expected, "no statement of it that does")
    loads = [one for one in walk_value(element) if isinstance(one, Load)]
    for load in loads:
        if load.buffer.memory in written_memories(found.body):
            expected = f"a body that does not write {load.buffer.memory}"
            raise refused(program, _REWRITE, where, expected, "a store to it")
    lets = {one.local for one in found.body if isinstance(one, Let)}
    if named := lets.intersection(one for one in walk_value(element) if isinstance(one, Local)):
        expected = "nothing that the body names"
        raise refused(program, _REWRITE, where, expected, str(named.pop()))
    of = f"{loads[0].buffer.name}_element" if len(loads) == 1 else "element"
    name = Local(Names(program).new(of), element.dtype)

    def value(one: Value) -> Value:
        return name if one is element else one

    body = (Let(name, element), *Parts(value=value).in_body(found.body))
    return program.with_loop(loop, lambda one: (replace(one, body=body),)), name


def _reads(statement: Statement, element: Value) -> bool:
    """Return True if a statement computes something of an element, under no condition."""
    if not isinstance(statement, Let | Store | Accumulate):
        return False
    return any(_is_part(value, element) for value in values_of(statement))


def _is_part(value: Value, element: Value) -> bool:
    if value is element:
        return True
    return isinstance(value, Apply) and any(_is_part(one, element) for one in value.operands)
