"""Names of the loops of a mapped program, by who runs their turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphc.compiler.loops.index import LoopVariable, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loops_in,
    new_name,
    substituted,
    transformed,
)
from graphc.compiler.loops.rewrites.names import names_in
from graphc.compiler.loops.statement import For, Statement


def with_loop_names(program: LoopProgram, name_of: Callable[[For], str]) -> LoopProgram:
    """Return a program whose loops have the names that a function gives them, with numbers where
    several have one, or something else has it."""
    taken = set(names_in(program)) - {loop.variable.name for loop in loops_in(program.body)}
    names: dict[LoopVariable, LoopVariable] = {}
    for loop in loops_in(program.body):
        name = new_name(taken, name_of(loop))
        taken.add(name)
        names[loop.variable] = LoopVariable(name)

    def changed(one: Statement) -> Body:
        return (replace(one, variable=names[one.variable]),) if isinstance(one, For) else (one,)

    indices = {old: index_of(new) for old, new in names.items()}
    return replace(program, body=transformed(substituted(program.body, indices), changed))
