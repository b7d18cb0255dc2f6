"""Numbers of blocks and threads: which of them runs which turns of a program's parallel loops.

A launch has blocks and threads along one axis each. Loops of kind block that are inside of each
other are one number: the innermost is its last digit. Nests that stand one behind the other have
blocks of their own, one range after the other, so their turns run at once; none may store what
another one accesses. Loops over threads and lanes are digits of the thread's number alike. Those
that stand one behind the other have the same threads, from the first one on, in a block or in the
turn of a loop around; a nest with fewer of them leaves the others idle. A loop of kind grid has as
many blocks as its turns need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from graphc.compiler.graph.dim import Size, ceil_divide
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.statement import For, LoopKind, UseIntrinsic
from graphc.compiler.targets.cuda.facts import GRID_THREADS, MOST_THREADS

THREADS = frozenset((LoopKind.THREAD, LoopKind.LANE))
"""The kinds of loops whose turns are threads of a block."""

_BLOCKS = frozenset((LoopKind.BLOCK, LoopKind.GRID))


@dataclass(frozen=True)
class Digit:
    """The number of a turn, as a part of the number of a block or thread.

    Attributes:
        start: the first block of the nest; of threads 0.
        inner: how many turns the loops inside have together: what the number is divided by.
        extent: the number of turns.
        room: how many blocks or threads a turn of the loop around has: what the number is cut to.
            None if no such loop is around.
        turns: of all loops of the nest together; of threads of this loop and those inside.
    """

    start: Size
    inner: Size
    extent: Size
    room: Size | None
    turns: Size

    @property
    def is_outermost(self) -> bool:
        """True if no loop of blocks, or threads, is around: nothing is to be cut off."""
        return self.room is None


@dataclass(frozen=True)
class Numbering:
    """The blocks and threads of a program.

    Attributes:
        digits: of the loops over blocks and threads.
        blocks: how many there are; 1 of a program without such loops.
        threads: of a block.
    """

    digits: dict[LoopVariable, Digit]
    blocks: Size
    threads: int


def numbering_of(program: LoopProgram, refused: Callable[[str], ValueError]) -> Numbering:
    """Return who runs what. `refused` makes the error for a program that a launch cannot be."""
    digits: dict[LoopVariable, Digit] = {}
    nests = list(_outermost(program.body, _BLOCKS))
    threads = GRID_THREADS if any(nest.kind is LoopKind.GRID for nest in nests) else 1
    for nest in _outermost(program.body, THREADS):
        threads = max(threads, _number_threads(digits, nest, refused))
    if threads > MOST_THREADS:
        raise refused(f"{threads} threads of a block, of which {MOST_THREADS} are allowed")
    blocks: Size = 0
    for nest in nests:
        chain = _chain(nest, refused)
        turns = _number(digits, chain, blocks, refused)
        blocks = blocks + (ceil_divide(turns, threads) if nest.kind is LoopKind.GRID else turns)
    _check_disjoint(nests, refused)
    return Numbering(digits, blocks if nests else 1, threads)


def _outermost(body: Body, kinds: frozenset[LoopKind]) -> Iterator[For]:
    """Yield the loops of kinds that no other such loop is around."""
    for one in body:
        if isinstance(one, For) and one.kind in kinds:
            yield one
            continue
        for block in one.blocks:
            yield from _outermost(block, kinds)


def _chain(loop: For, refused: Callable[[str], ValueError]) -> tuple[For, ...]:
    """Return a loop over blocks, or a grid, and those inside of it."""
    inside = list(_outermost(loop.body, _BLOCKS))
    if len(inside) > 1:
        names = ", ".join(one.variable.name for one in inside)
        raise refused(f"several loops over blocks inside of {loop.variable}: {names}")
    return (loop, *_chain(inside[0], refused)) if inside else (loop,)


def _number_threads(
    digits: dict[LoopVariable, Digit],
    loop: For,
    refused: Callable[[str], ValueError],
) -> int:
    """Note the digits of a loop over threads and of those inside, and return how many threads its
    turns have together."""
    extent = extent_of(loop, refused)
    inside = list(_outermost(loop.body, THREADS))
    inner = max((_number_threads(digits, one, refused) for one in inside), default=1)
    inner = max(inner, _lanes_of_calls(loop.body))
    if not isinstance(extent, int):
        raise refused(f"the number of threads of {loop.variable} is not known: {extent}")
    digits[loop.variable] = Digit(0, inner, extent, None, extent * inner)
    for one in inside:
        digits[one.variable] = replace(digits[one.variable], room=inner)
    return extent * inner


def _lanes_of_calls(body: Body) -> int:
    """Return how many lanes run the intrinsics that statements call outside of loops over threads:
    the most of them."""
    lanes = 1
    for one in body:
        if isinstance(one, UseIntrinsic):
            lanes = max(lanes, one.intrinsic.lanes)
        elif not (isinstance(one, For) and one.kind in THREADS):
            lanes = max(lanes, *map(_lanes_of_calls, one.blocks), 1)
    return lanes


def extent_of(loop: For, refused: Callable[[str], ValueError]) -> Size:
    """Return the number of turns that a parallel loop has blocks or threads for: of several ends
    the least that is known, or the first; the others are conditions."""
    sizes = [end.constant for end in loop.ends if end.is_constant]
    known = [size for size in sizes if isinstance(size, int)]
    if not sizes:
        ends = ", ".join(map(str, loop.ends))
        raise refused(f"the loop over {loop.variable} ends at {ends}, which only its turns know")
    return min(known) if known else sizes[0]


def _number(
    digits: dict[LoopVariable, Digit],
    chain: tuple[For, ...],
    start: Size,
    refused: Callable[[str], ValueError],
) -> Size:
    """Note the digits of a nest of loops, the outermost first, and return how many turns the loops
    have together."""
    count: Size = 1
    found: list[tuple[LoopVariable, Size, Size]] = []
    for loop in reversed(chain):
        extent = extent_of(loop, refused)
        found.append((loop.variable, count, extent))
        count = extent * count
    for variable, inner, extent in found:
        room = None if variable is chain[0].variable else inner * extent
        digits[variable] = Digit(start, inner, extent, room, count)
    return count


def _check_disjoint(nests: list[For], refused: Callable[[str], ValueError]) -> None:
    """Raise an error if a nest stores what another one accesses: their blocks have no order."""
    written = [written_memories((nest,)) for nest in nests]
    used = [{one.memory for x in walk((nest,)) for one in buffers_of(x)} for nest in nests]
    for k, stored in enumerate(written):
        for other, accessed in enumerate(used):
            if k != other and (common := stored & accessed):
                names = ", ".join(sorted(common))
                raise refused(
                    f"the blocks of {nests[k].variable} and {nests[other].variable} have no order, "
                    f"and both access {names}"
                )
