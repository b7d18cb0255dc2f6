"""Rename: a loop's variable has another name.

for k_outer_inner < 32:      for k_lane < 32:
  ...[k_outer_inner]           ...[k_lane]
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import LoopProgram, substituted
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, refused


def rename(program: LoopProgram, loop: str, name: str) -> LoopProgram:
    """Give a loop's variable a name that says what its turns are, which nothing else has."""
    found = loop_of(program, "rename", loop)
    variable = Names(program).variable(name)
    if variable.name != name:
        expected = "a name that nothing in the program has"
        raise refused(program, "rename", f"the loop {loop!r}", expected, name)
    body = substituted(found.body, {found.variable: index_of(variable)})
    return program.with_loop(loop, lambda one: (replace(one, variable=variable, body=body),))
