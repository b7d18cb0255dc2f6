"""How a row of a reduction is spread over threads, by its length alone:

- up to 1024 elements: neighbouring lanes of a warp. As many as the row has elements (or packs of
  four), rounded up to a power of two, at most 32; shorter rows share a warp.
- more: a block of 128, 256 or 512 threads, the smallest whose registers hold the row.
- longer still: a block of 256 threads, or of 512 where there are few such rows.

Where the length is known at the call only, each of the three has a launch of its own and the length
picks one (`choose_groups`), unless one walk does. Channels (`columns`) are few: a block each, so
they have the last two launches.

The values that several walks need stay in registers in the first two cases, so the row is read
once. In the last one each walk reads it again, which the launch notes; a softmax is two walks
there, as a normalisation is (`joined`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.codegen.reduction import Domain, Walk, held_words, joined, passes, typical
from graphc.compiler.graph.dim import Dim
from graphc.compiler.schedule.hardware import PACK, WARP, power_of_two
from graphc.compiler.schedule.kernel import Kernel

THREADS = 128
"""Of a block in which warps, or parts of warps, have rows of their own."""
LONGEST_WARP_ROW = 1024
LONG_ROW_THREADS = 256
# Of a block where too few blocks share a multiprocessor to hide how long memory takes.
FEW_ROWS_THREADS = 512
FEW_ROWS = 256
FEW_ROWS_LENGTH = 4096
# Registers of a thread that hold a row; the rest are for the computation.
_MOST_WARP_WORDS = 64
_MOST_BLOCK_WORDS = 32


@dataclass(frozen=True)
class Group:
    """The threads that share a row.

    Attributes:
        threads: how many: a power of two.
        block: the threads of a block.
        turns: how often each comes to an element (or a pack) of the row, where the row's values are
            held; else None.
    """

    threads: int
    block: int
    turns: int | None

    @property
    def rows(self) -> int:
        """How many rows a block works on at a time."""
        return self.block // self.threads


def choose_groups(
    kernel: Kernel, domain: Domain, walks: Sequence[Walk], wide: bool
) -> list[tuple[Group, int]]:
    """The threads for a row, and up to which length; 0 is for any length.

    Where the length is known at the call only and a row is walked several times, each of a warp, a
    block and a block that reads again has a launch, of which the call's length picks one; of
    channels, of which no warp is enough, the last two, where they differ in what they read.
    """
    longest = choose_group(domain, walks, wide)
    each = PACK if wide else 1
    words = held_words(walks) * each
    if not isinstance(domain.reduced, Dim) or not words:
        return [(longest, 0)]
    if kernel.kind != "rows" and passes(joined(walks, domain), kernel) == 1:
        return [(longest, 0)]
    turns = min(_MOST_WARP_WORDS // words, LONGEST_WARP_ROW // (WARP * each))
    warp = Group(WARP, THREADS, max(1, turns))
    block = Group(FEW_ROWS_THREADS, FEW_ROWS_THREADS, max(1, _MOST_BLOCK_WORDS // words))
    groups = (warp, block) if kernel.kind == "rows" else (block,)
    held = [(group, group.threads * (group.turns or 1) * each) for group in groups]
    return [*held, (longest, 0)]


def choose_group(domain: Domain, walks: Sequence[Walk], wide: bool) -> Group:
    """The threads for a row; see the head of this file."""
    length = domain.reduced
    few = typical(domain.kept) < FEW_ROWS and typical(length) > FEW_ROWS_LENGTH
    threads = FEW_ROWS_THREADS if few else LONG_ROW_THREADS
    longest = Group(threads, threads, None)
    if isinstance(length, Dim):
        return longest
    words = held_words(walks)
    steps = length // PACK if wide else length  # what a thread takes in one turn
    each = PACK if wide else 1
    if length <= LONGEST_WARP_ROW:
        lanes = min(WARP, power_of_two(steps))
        turns = -(-steps // lanes)
        if words * turns * each <= _MOST_WARP_WORDS:
            return Group(lanes, THREADS, turns if words else None)
    if words:
        for threads in (128, 256, 512):
            turns = -(-steps // threads)
            if words * turns * each <= _MOST_BLOCK_WORDS:
                return Group(threads, threads, turns)
    return longest
