"""Fusion of threads: two nests of loops over threads, with a barrier between, become one.

for group < 8 (thread):                for group < 8 (thread):
  for own < 4 (thread):                  for own < 4 (thread):
    sums[group, own] = ...                 sums[group, own] = ...
barrier (shared)                           barrier (shared)
for finisher < 2 (thread):                 if group < 2:
  for own_2 < 4 (thread):                    y[group, own] = sums[...]
    y[finisher, own_2] = sums[...]

A thread has its registers on both sides then, and its statements may change places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    block_of,
    replaced,
    substituted,
    walk,
)
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import Barrier, For, If, LoopKind
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Condition, below

_REWRITE = "fuse_threads"


def fuse_threads(program: LoopProgram, loops: Sequence[str], others: Sequence[str]) -> LoopProgram:
    """Run the statements of two nests of loops over threads in one nest, the barrier between them.

    Args:
        program: the program.
        loops: the variables of the first nest, the outermost first; its body is the last one's.
        others: those of the second nest, as many; of at most the turns of the first ones.
    """
    first, second = (_nest(program, names) for names in (loops, others))
    where = f"the loops {', '.join(map(repr, (*loops, *others)))}"
    if len(first) != len(second) or not first:
        expected = "as many loops in both nests"
        raise refused(program, _REWRITE, where, expected, f"{len(first)} and {len(second)}")
    block, place = block_of(program, first[0])
    between = block[place + 1 : place + 3]
    if not (
        len(between) == 2
        and isinstance(between[0], Barrier)
        and between[0].scope is BufferScope.SHARED
        and between[1] is second[0]
    ):
        expected = "a barrier of the threads between the nests, and nothing else"
        raise refused(program, _REWRITE, where, expected, ", ".join(map(head_line, between)))
    tests: list[Condition] = []
    for one, other in zip(first, second, strict=True):
        turns, fewer = (loop.ends[0].constant for loop in (one, other))
        if turns == fewer:
            continue
        if not is_never_negative(turns - fewer):
            expected = f"at most the turns of {one.variable}, {turns}"
            raise refused(program, _REWRITE, where, expected, f"{fewer} of {other.variable}")
        tests.append(below(index_of(one.variable), fewer))
    if tests and any(isinstance(one, Barrier) for one in walk(second[-1].body)):
        expected = "no barrier in the second nest, which not all threads run"
        raise refused(program, _REWRITE, where, expected, "one")
    turn = {
        other.variable: index_of(one.variable) for one, other in zip(first, second, strict=True)
    }
    behind = substituted(second[-1].body, turn)
    body: Body = (*first[-1].body, between[0], *((If(tuple(tests), behind),) if tests else behind))
    for one in reversed(first):
        body = (replace(one, body=body),)
    without = replaced(replaced(program.body, between[0], ()), second[0], ())
    return replace(program, body=replaced(without, first[0], body))


def _nest(program: LoopProgram, names: Sequence[str]) -> list[For]:
    """Return loops over threads that have nothing but one another inside."""
    found = [loop_of(program, _REWRITE, name) for name in names]
    for number, one in enumerate(found):
        where = f"the loop {names[number]!r}"
        if one.kind is not LoopKind.THREAD or len(one.ends) != 1 or not one.ends[0].is_constant:
            expected = "a loop over threads of a known number"
            raise refused(program, _REWRITE, where, expected, head_line(one))
        inner = found[number + 1 : number + 2]
        if inner and not (len(one.body) == 1 and one.body[0] is inner[0]):
            expected = f"nothing but the loop {inner[0].variable.name!r} inside"
            lines = ", ".join(map(head_line, one.body))
            raise refused(program, _REWRITE, where, expected, lines)
    return found
