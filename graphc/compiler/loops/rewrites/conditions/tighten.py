"""Tighten: a loop whose body is under a test that fails from some turn on ends at that turn.

for turn < (n + 7) // 8:              for turn < (n - lane + 7) // 8:
  if 8*turn + lane < n:                 ...[8*turn + lane]
    ...[8*turn + lane]

Each lane then has as many turns as it has elements, and tests nothing in them.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.refusal import (
    ranges_at,
    refuse_if_synchronised,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import If
from graphc.compiler.loops.value import Condition


def tighten(program: LoopProgram, loop: str) -> LoopProgram:
    """Let a serial loop end where the tests around its body fail; other tests stay.

    Args:
        program: the program.
        loop: its variable. A test ``index >= 0`` is an end if the index falls by the same size in
            each turn.
    """
    found = unbound_loop_of(program, "tighten", loop)
    where = f"the loop {loop!r}"
    test = found.body[0]
    if len(found.body) > 1 or not isinstance(test, If) or test.otherwise:
        expected = "a body that is nothing but what a test is around"
        raise refused(program, "tighten", where, expected, "other statements")
    refuse_if_synchronised(program, "tighten", where, test.body)
    ranges = ranges_at(program, found)
    inside = ranges.within(found.variable, *found.ends)
    ends: list[Index] = []
    left: list[Condition] = []
    for one in test.conditions:
        step = None if one.equal else inside.step(one.index, found.variable)
        if step is None or not is_never_negative(-step - 1):
            left.append(one)
            continue
        first = inside.simplified(one.index).substitute({found.variable: 0})
        ends.append((first - step) // -step)
    if not ends:
        expected = f"a test that fails from some turn of {found.variable} on"
        raise refused(program, "tighten", where, expected, ", ".join(map(str, test.conditions)))
    body = (replace(test, conditions=tuple(left)),) if left else test.body
    made = replace(found, ends=(*found.ends, *ends), body=body)
    return program.with_loop(loop, lambda _: settled((made,), ranges))
