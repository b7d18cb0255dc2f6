"""Reorder: a loop and the one loop inside of it change places."""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.dependence import may_reorder
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.loops.nest import only_loop_of
from graphc.compiler.loops.rewrites.refusal import loop_of, refuse_if_synchronised, refused
from graphc.compiler.loops.statement import PARALLEL_KINDS, PARALLEL_NESTS, If


def reorder(program: LoopProgram, outer: str, inner: str) -> LoopProgram:
    """Let two loops change places, each with its kind.

    The outer one does nothing but the inner one; tests of indices between them go inside.
    """
    outside = loop_of(program, "reorder", outer)
    inside, conditions = only_loop_of(program, "reorder", outside, inner)
    where = f"the loops {outer!r} and {inner!r}"
    is_nest = {outside.kind, inside.kind} <= PARALLEL_KINDS
    if is_nest and inside.kind not in PARALLEL_NESTS[outside.kind]:
        expected = f"a loop of kind {outside.kind.value} that may be inside of the other"
        raise refused(program, "reorder", where, expected, f"one of kind {inside.kind.value}")
    for end in inside.ends:
        if outside.variable in end.variables:
            expected = "an inner end that does not depend on the outer loop; split has a guard"
            raise refused(program, "reorder", where, expected, str(end))
    refuse_if_synchronised(program, "reorder", where, inside.body)
    verdict = may_reorder(program, outside, inside)
    if not verdict:
        expected = "no dependence that goes forward in one and back in the other"
        raise refused(program, "reorder", where, expected, verdict.reason)
    body = (If(conditions, inside.body),) if conditions else inside.body
    moved = replace(inside, body=(replace(outside, body=body),))
    return program.with_loop(outer, lambda _: (moved,))
