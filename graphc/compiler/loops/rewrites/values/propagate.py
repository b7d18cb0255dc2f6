"""Propagation: an element that a `Let` names is read where the name is used.

t0 = t0_tile[column]
s[] = sum(s[], mul(t0, x0[column]))      s[] = sum(s[], mul(t0_tile[column], x0[column]))
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    path_to,
    replaced,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Let, Statement
from graphc.compiler.loops.value import Load, Local, Value


def propagate(program: LoopProgram, local: str) -> LoopProgram:
    """Replace a name by the element that it is of.

    Nothing behind the `Let` in its block writes the element's memory.

    Args:
        local: the name.
    """
    where = f"the value {local!r}"
    let = next(
        (one for one in walk(program.body) if isinstance(one, Let) and one.local.name == local),
        None,
    )
    if let is None:
        raise refused(program, "propagate", where, "the name of a value", "none of this name")
    if not isinstance(let.value, Load):
        raise refused(program, "propagate", where, "the name of an element", str(let.value))
    behind = _behind(program.body, let)
    if let.value.buffer.memory in written_memories(behind):
        expected = "that nothing behind it writes the element's memory"
        found = f"a store to {let.value.buffer.memory}"
        raise refused(program, "propagate", where, expected, found)
    named, element = let.local, let.value

    def value(one: Value) -> Value:
        return element if isinstance(one, Local) and one is named else one

    body = Parts(value=value).in_body(replaced(program.body, let, ()))
    return replace(program, body=body)


def _behind(body: Body, statement: Statement) -> Body:
    """Return the statements that follow one in its block."""
    path = path_to(body, statement)
    blocks = (body,) if len(path) == 1 else path[-2].blocks
    for block in blocks:
        for number, one in enumerate(block):
            if one is statement:
                return block[number + 1 :]
    raise AssertionError("a statement is in its own block")
