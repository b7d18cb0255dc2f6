"""Invariant loads: what a loop loads from one place in all of its turns is loaded ahead of it.

for p0 < 640:                           x1_0 = x1[]
  t0 = mul(x0[p0], x1[])                for p0 < 640:
  ...                                     t0 = mul(x0[p0], x1_0)
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import (
    LoopProgram,
    Parts,
    bound_variables,
    loads_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at
from graphc.compiler.loops.statement import Allocate, Let
from graphc.compiler.loops.value import Load, Local, Value


def with_invariant_loads_ahead(program: LoopProgram, loop: str) -> LoopProgram:
    """Return a program in which elements that a loop loads have names ahead of it, if they are the
    same in all turns, nothing in the loop writes their memory, and they are proved to be there."""
    found = loop_of(program, "with_invariant_loads_ahead", loop)
    ranges = ranges_at(program, found)
    bound = {found.variable, *bound_variables(found.body)}
    changed = written_memories(found.body)
    changed |= {one.buffer.memory for one in walk(found.body) if isinstance(one, Allocate)}
    names = Names(program)
    known: dict[Load, Local] = {}
    for load in (load for one in walk(found.body) for load in loads_of(one)):
        is_invariant = (
            load not in known
            and load.buffer.memory not in changed
            and all(coord.variables.isdisjoint(bound) for coord in load.coords)
            and ranges.is_inside(load.coords, load.buffer.shape)
        )
        if is_invariant:
            known[load] = Local(names.new(f"{load.buffer.name}_{loop}_{len(known)}"), load.dtype)

    def value(one: Value) -> Value:
        return known.get(one, one) if isinstance(one, Load) else one

    if not known:
        return program
    body = Parts(value=value).in_body(found.body)
    ahead = tuple(Let(local, load) for load, local in known.items())
    return program.with_loop(loop, lambda one: (*ahead, replace(one, body=body)))
