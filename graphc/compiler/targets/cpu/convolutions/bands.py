"""Bands of a sample's windows: rows of them that threads divide as they do samples, so that one
image has work for several threads.

    for i0_i2_outer < 2*batch (team):             sample i0_i2_outer // 2, band i0_i2_outer % 2
      ...                                         copy the rows that the band's windows read
      for i1 < 64:
        for i2_inner < 28:
          ...                                     windows of row 28*(i0_i2_outer % 2) + i2_inner

A sum has the same terms in the same order whatever band it is in. Rows at the edges of bands are
copied twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.targets.target import Target

LEAST_ROWS = 12
"""Rows of windows of a band, at least."""


def count_of_bands(samples: Size, rows: Size, target: Target) -> int:
    """Return into how many bands of an even number of rows each sample is divided: several where
    only a call knows how many samples there are, no more than threads."""
    if not isinstance(samples, Dim) or isinstance(rows, Dim):
        return 1
    counts = range(max(1, target.threads), 0, -1)
    return next((n for n in counts if rows % (2 * n) == 0 and rows >= n * LEAST_ROWS), 1)


def with_bands(
    program: LoopProgram, filters: str, sample: str, windows: Sequence[str], target: Target
) -> tuple[LoopProgram, str, list[str]]:
    """Return a program whose loop over samples goes over their bands, and the loops over bands and
    over the windows of one.

    Args:
        program: the program: samples around filters around windows.
        filters, sample, windows: its loops.
        target: what it runs on.
    """
    rows, *others = windows
    samples, turns = (program.loop(one).ends[0].constant for one in (sample, rows))
    count = count_of_bands(samples, turns, target)
    if count == 1 or not others or isinstance(turns, Dim):
        return program, sample, list(windows)
    program = split(program, rows, turns // count, Tail.NONE)
    program = reorder(program, filters, f"{rows}_outer")
    program = fuse(program, sample, f"{rows}_outer")
    return program, f"{sample}_{rows}_outer", [f"{rows}_inner", *others]
