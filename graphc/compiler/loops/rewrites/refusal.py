"""The errors of rewrites, and the loops that they are about."""

from __future__ import annotations

import itertools

from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    loops_in,
    path_to,
    paths_to_loops,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    SYNCHRONISING,
    Allocate,
    For,
    If,
    Statement,
)
from graphc.compiler.loops.text import head_line, program_text
from graphc.errors import RewriteError


def refused(
    program: LoopProgram, rewrite: str, where: str, expected: str, found: str
) -> RewriteError:
    """Return the error of a rewrite that does not apply.

    Args:
        program: what it was to change, which the message ends with.
        rewrite: its name.
        where: what of the program it is about: "the loop 'row'", "the buffer 'x0'".
        expected: what it needs to be true there.
        found: what is there instead.
    """
    reason = f"{rewrite} of {where} in {program.name}: expected {expected}, found {found}"
    return RewriteError(reason, lambda: program_text(program))


def loop_of(program: LoopProgram, rewrite: str, name: str) -> For:
    """Return the loop whose variable has a name; the error of a rewrite if there is none."""
    if name in paths_to_loops(program):
        return program.loop(name)
    names = ", ".join(repr(loop.variable.name) for loop in loops_in(program.body))
    expected = "the name of a loop's variable"
    raise refused(program, rewrite, f"the loop {name!r}", expected, f"only {names or 'no loops'}")


def unbound_loop_of(program: LoopProgram, rewrite: str, name: str) -> For:
    """Return the loop whose variable has a name; the error of a rewrite if there is none, or if it
    is neither serial nor unrolled."""
    loop = loop_of(program, rewrite, name)
    if loop.kind in PARALLEL_KINDS:
        expected = "a serial or unrolled loop, as a loop is bound once, and last"
        found = f"one of kind {loop.kind.value}"
        raise refused(program, rewrite, f"the loop {name!r}", expected, found)
    return loop


def refuse_unless_neighbours(
    program: LoopProgram, rewrite: str, where: str, ahead: For, behind: For
) -> None:
    """Refuse two loops that do not follow each other in one block."""
    around, others = path_to(program.body, ahead)[:-1], path_to(program.body, behind)[:-1]
    if len(around) == len(others) and all(a is b for a, b in zip(around, others, strict=True)):
        blocks = (program.body,) if not around else around[-1].blocks
        for block in blocks:
            for one, other in itertools.pairwise(block):
                if one is ahead and other is behind:
                    return
    raise refused(program, rewrite, where, "that the second one follows the first", "other places")


def allocation_of(program: LoopProgram, rewrite: str, name: str) -> Allocate:
    """Return the statement that allocates a buffer of a name; the error of a rewrite if there is
    none, or if other buffers are in its memory."""
    where = f"the buffer {name!r}"
    allocates = (one for one in walk(program.body) if isinstance(one, Allocate))
    found = next((one for one in allocates if one.buffer.name == name), None)
    if found is None:
        expected = "one that the program allocates"
        raise refused(program, rewrite, where, expected, "no such statement")
    for statement in walk(program.body):
        for used in buffers_of(statement):
            if used.memory == found.buffer.memory and used is not found.buffer:
                raise refused(program, rewrite, where, "no views of it", "another buffer in it")
    return found


def only_test_of(program: LoopProgram, rewrite: str, loop: For) -> If:
    """Return the test that the body of a loop is; the error of a rewrite if it is something else,
    or has another branch."""
    test = loop.body[0] if len(loop.body) == 1 else None
    if isinstance(test, If) and not test.otherwise:
        return test
    expected = "one test, without another branch, as its body"
    lines = ", ".join(map(head_line, loop.body)) or "nothing"
    raise refused(program, rewrite, f"the loop {loop.variable.name!r}", expected, lines)


def ranges_at(program: LoopProgram, statement: Statement) -> Ranges:
    """Return the ranges where a statement stands, which is found by identity."""
    return next(
        ranges for one, ranges in walk_in_ranges(program.body, program.ranges) if one is statement
    )


def refuse_if_synchronised(program: LoopProgram, rewrite: str, where: str, body: Body) -> None:
    """Raise the error of a rewrite if statements wait for others, or others for them: what they do
    is in order with what other threads do, which no distance of turns says."""
    for statement in walk(body):
        if isinstance(statement, SYNCHRONISING):
            line = head_line(statement)
            expected = "statements that no other thread waits for"
            raise refused(program, rewrite, where, expected, line)
