"""Sums of many terms that are made of sums of `DEPTH` terms: the first of these is stored, and the
next ones are added to it, where the results are stored if nothing follows."""

from __future__ import annotations

from graphc.compiler.loops.program import LoopProgram, loops_in, walk
from graphc.compiler.loops.rewrites.arithmetic.store_first import store_first
from graphc.compiler.loops.rewrites.buffers.coalesce import coalesce
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.statement import For, If
from graphc.errors import RewriteError


def with_first_part_stored(program: LoopProgram, parts: str) -> LoopProgram:
    """Return a program in which the first of some parts of sums is stored and the others are added
    to it, unless a call may have none."""
    try:
        return store_first(program, parts)
    except RewriteError:
        return program


def with_first_part_alone(program: LoopProgram, terms: str) -> tuple[LoopProgram, list[str]]:
    """Return a program in which the first part of sums, of those that a loop over terms adds up,
    stands ahead of the others, and the loop over the terms of these; the same program and none
    where the first part is not stored, or the only one."""
    tested = [one for one in program.path(terms) if isinstance(one, For) and _is_tested(one)]
    if not tested:
        return program, []
    (part,) = tested
    number = [one.variable.name for one in loops_in(part.body)].index(terms)
    program = cut(program, part.variable.name, 1)
    behind = program.loop(f"{part.variable.name}_behind")
    return program, [loops_in(behind.body)[number].variable.name]


def _is_tested(loop: For) -> bool:
    """Return True if a loop's body tests which turn it is."""
    tests = (test for one in walk(loop.body) if isinstance(one, If) for test in one.conditions)
    return any(loop.variable in test.index.variables for test in tests)


def with_sums_in_results(program: LoopProgram, total: str) -> LoopProgram:
    """Return a program that adds up sums where it stores them, if it does nothing else with
    them."""
    try:
        return coalesce(program, total)
    except RewriteError:
        return program
