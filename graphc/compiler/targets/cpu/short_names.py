"""The names of loops in text: a copy of a loop is called as the loop that it was made of, wherever
that name is free.

A program's names are all different, so copies are numbered: ``i0_inner_2``. In text a loop's
variable is there inside of the loop alone, so neighbours may have one name.

    for i0_inner < 256:               for i0_inner < 256:
      s0[i0_inner] = 0.0                s0[i0_inner] = 0.0
    for k0 < 100:                     for k0 < 100:
      for i0_inner_2 < 256:             for i0_inner < 256:
        s0[i0_inner_2] = ...              s0[i0_inner] = ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphc.compiler.loops.index import Index, LoopVariable, index_of
from graphc.compiler.loops.program import Body, LoopProgram, Parts, loops_in, new_name
from graphc.compiler.loops.rewrites.names import names_in, without_copy_number
from graphc.compiler.loops.statement import For, If, Statement


def with_short_names(program: LoopProgram) -> LoopProgram:
    """Return a program for its text, whose loops have the shortest names that differ from those of
    the loops around them and of all that is no loop."""
    loops = {loop.variable.name for loop in loops_in(program.body)}
    return replace(program, body=_renamed(program.body, names_in(program) - loops, {}))


def _renamed(body: Body, taken: frozenset[str], new: Mapping[LoopVariable, Index]) -> Body:
    """Return statements with other names of their loops.

    Args:
        body: the statements.
        taken: the names of the loops around, and of what is no loop.
        new: the variables of the loops around that have other names now.
    """
    parts = Parts(index=lambda index: index.substitute(new))
    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, For):
            name = new_name(taken, without_copy_number(statement.variable.name))
            variable = LoopVariable(name)
            is_same = variable is statement.variable
            inner = new if is_same else {**new, statement.variable: index_of(variable)}
            ends = tuple(end.substitute(new) for end in statement.ends)
            inside = _renamed(statement.body, taken | {name}, inner)
            result.append(replace(statement, variable=variable, ends=ends, body=inside))
            if len(ends) > 1:  # the least of them has a name ahead of the loop
                taken |= {name}
        elif isinstance(statement, If):
            conditions = parts.in_conditions(statement.conditions)
            blocks = (statement.body, statement.otherwise)
            result.append(If(conditions, *(_renamed(block, taken, new) for block in blocks)))
        else:
            result.append(parts.in_statement(statement) if new else statement)
    return tuple(result)
