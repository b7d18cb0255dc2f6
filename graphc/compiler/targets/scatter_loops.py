"""The loops of the plain program of a scattered sum, by what they go over."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.loops.program import LoopProgram, block_of, kept, path_to, walk
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, Let
from graphc.compiler.targets.convolution_loops import with_fused_loops
from graphc.errors import RewriteError


@dataclass(frozen=True)
class ScatterLoops:
    """The loops of a scattered sum.

    Attributes:
        total: the name of the sum that a row's places are added to.
        rows: the loops around it, the outermost first.
        row: that of them over the rows that indices name.
        place: the loop over all places, which has a test that an index is the row.
    """

    total: str
    rows: tuple[str, ...]
    row: str
    place: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The loops over the numbers of a row."""
        return self.rows[self.rows.index(self.row) + 1 :]


@kept
def scatter_loops_of(program: LoopProgram) -> tuple[LoopProgram, ScatterLoops | str]:
    """Return a program in which one loop goes over all places, and its loops; or why there are none
    such. Values of a whole column, or of some places, are computed for each place."""
    tests = [
        (test, one)
        for test in walk(program.body)
        if isinstance(test, If) and any(each.equal for each in test.conditions)
        for one in test.body
        if isinstance(one, Accumulate)
    ]
    if len(tests) != 1:
        return program, "no index decides whether a place is added to a row"
    ((test, adding),) = tests
    total = next(
        one
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer is adding.targets[0].buffer
    )
    rows = [one for one in path_to(program.body, total) if isinstance(one, For)]
    tested = {variable for one in test.conditions if one.equal for variable in one.index.variables}
    row = next((one for one in rows if one.variable in tested), None)
    if row is None:
        return program, "all indices name one row"
    places = [one for one in path_to(program.body, test) if isinstance(one, For)][len(rows) :]
    if not places:
        return program, "there is one place"
    names = [one.variable.name for one in places]
    try:
        program, place = with_fused_loops(_with_values_of_places(program, names), names)
    except RewriteError as error:
        return program, error.reason
    around = tuple(one.variable.name for one in rows)
    return program, ScatterLoops(total.buffer.name, around, row.variable.name, place)


def _with_values_of_places(program: LoopProgram, places: Sequence[str]) -> LoopProgram:
    """Return a program in which nothing but the start of a sum stands ahead of the loops over
    places.

    Raises:
        RewriteError: what stands there is read behind them, too.
    """
    for name in places:
        block, number = block_of(program, program.loop(name))
        ahead = itertools.takewhile(lambda one: isinstance(one, Let), reversed(block[:number]))
        count = len(list(ahead))
        if count:
            program = sink(program, name, count)
    return program
