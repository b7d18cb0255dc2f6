"""The arrays of a program that lie in threads' memory, each in a block of its own."""

from __future__ import annotations

from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.program import Body, LoopProgram, walk
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Allocate, For, LoopKind
from graphc.compiler.targets.cpu.teams import shared_arrays

MOST_ARRAYS = 64
"""Arrays that a program may have at one time: blocks of a thread (``kernels/scratch.h``)."""


def arrays_in_blocks(body: Body) -> list[tuple[int, Buffer]]:
    """Return the arrays that statements allocate, each with the number of its block. Statements
    that follow each other have blocks in common, as what is allocated inside of one is not used
    behind it, unless a team has an array: that is there for all that its members do."""
    found: list[tuple[int, Buffer]] = []
    of_team = any(
        shared_arrays(one)
        for one in walk(body)
        if isinstance(one, For) and one.kind is LoopKind.TEAM
    )

    def give(body: Body, first: int) -> int:
        for one in body:
            if isinstance(one, Allocate) and one.buffer.scope is not BufferScope.REGISTER:
                found.append((first, one.buffer))
                first += 1
            behind = max((give(block, first) for block in one.blocks), default=first)
            first = behind if of_team else first
        return first

    give(body, 0)
    return found


def with_blocks_for_all(program: LoopProgram) -> LoopProgram:
    """Return a program as it is: RewriteError if a thread has no blocks for all of its arrays."""
    number = 1 + max((block for block, _ in arrays_in_blocks(program.body)), default=-1)
    if number > MOST_ARRAYS:
        expected = f"at most {MOST_ARRAYS} arrays in threads' memory"
        raise refused(program, "map", f"the program {program.name!r}", expected, f"{number}")
    return program
