"""Bands of a sample's windows, and blocks of its filters: what threads divide as they do samples,
so that one image has work for several threads.

    for i0_i2_outer < 2*batch (team):             sample i0_i2_outer // 2, band i0_i2_outer % 2
      ...                                         copy the rows that the band's windows read
      for i1 < 64:
        for i2_inner < 28:
          ...                                     windows of row 28*(i0_i2_outer % 2) + i2_inner

A sum has the same terms in the same order whatever band it is in. Rows at the edges of bands are
copied twice. Small images with many filters have blocks of filters instead: each copies all of the
image that it reads, which is little beside its products, and a thread reads its weights alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import For, LoopKind
from graphc.compiler.targets.target import Target

LEAST_ROWS = 12
"""Rows of windows of a band, at least."""

LEAST_FILTERS, TILE_FILTERS = 256, 8
"""Filters of a block, at least, and of what a block is a multiple. (Two blocks of 256 filters of
512 channels, 3 x 3, over 7 x 7 windows took 0.57 of the time for one image and 0.98 to 1.06 for
four and sixteen; AVX-512, Sapphire Rapids, two threads.)"""


def count_of_bands(samples: Size, rows: Size, target: Target) -> int:
    """Return into how many bands of an even number of rows each sample is divided: several where
    only a call knows how many samples there are, no more than threads."""
    if not isinstance(samples, Dim) or isinstance(rows, Dim):
        return 1
    counts = range(max(1, target.threads), 0, -1)
    return next((n for n in counts if rows % (2 * n) == 0 and rows >= n * LEAST_ROWS), 1)


def count_of_blocks(samples: Size, filters: Size, target: Target) -> int:
    """Return into how many blocks of equally many filters each sample is divided: several where
    only a call knows how many samples there are, no more than threads."""
    if not isinstance(samples, Dim) or isinstance(filters, Dim):
        return 1
    counts = range(max(1, target.threads), 0, -1)
    even = (n for n in counts if filters % (n * TILE_FILTERS) == 0)
    return next((n for n in even if filters >= n * LEAST_FILTERS), 1)


def with_divided_samples(
    program: LoopProgram,
    filters: str,
    sample: str,
    windows: Sequence[str],
    target: Target,
    *,
    may_have_blocks: bool = True,
) -> tuple[LoopProgram, str, str, list[str]]:
    """Return a program whose loop over samples goes over their bands, or has one over blocks of
    their filters inside; and the loops over the filters of one, over bands or blocks, which are
    `divided` in the end, and over windows.

    Args:
        program: the program: samples around filters around windows.
        filters, sample, windows: its loops.
        target: what it runs on.
        may_have_blocks: False if all filters are to be together.
    """
    program, bands, windows = _with_bands(program, filters, sample, windows, target)
    if bands != sample or not may_have_blocks:
        return program, filters, bands, windows
    program, filters, blocks = with_blocks(program, filters, sample, target)
    return program, filters, blocks, windows


def _with_bands(
    program: LoopProgram, filters: str, sample: str, windows: Sequence[str], target: Target
) -> tuple[LoopProgram, str, list[str]]:
    """Return a program whose loop over samples goes over their bands, if they have some, and the
    loops over bands and over the windows of one."""
    rows, *others = windows
    samples, turns = (program.loop(one).ends[0].constant for one in (sample, rows))
    count = count_of_bands(samples, turns, target)
    if count == 1 or not others or isinstance(turns, Dim):
        return program, sample, list(windows)
    program = split(program, rows, turns // count, Tail.NONE)
    program = reorder(program, filters, f"{rows}_outer")
    program = fuse(program, sample, f"{rows}_outer")
    return program, f"{sample}_{rows}_outer", [f"{rows}_inner", *others]


def with_blocks(
    program: LoopProgram, filters: str, sample: str, target: Target
) -> tuple[LoopProgram, str, str]:
    """Return a program whose samples have blocks of filters, where only a call knows how many
    samples there are and filters are many, and the loops over the filters of a block and over
    blocks; the same program and loops elsewhere."""
    samples, turns = (program.loop(one).ends[0].constant for one in (sample, filters))
    count = count_of_blocks(samples, turns, target)
    if count == 1 or isinstance(turns, Dim):
        return program, filters, sample
    program = split(program, filters, turns // count, Tail.NONE)
    return program, f"{filters}_inner", f"{filters}_outer"


def divided(program: LoopProgram, sample: str) -> LoopProgram:
    """Return a program whose threads divide a loop over samples, their bands, or blocks of their
    filters, together with the loop over samples around."""
    *around, _ = (one for one in program.path(sample) if isinstance(one, For))
    for loop in around:
        name = loop.variable.name
        program, sample = fuse(program, name, sample), f"{name}_{sample}"
    return bind(program, sample, LoopKind.TEAM)
