"""Coordinates that several loops make together, as those of the elements of a buffer."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.loops.index import Index, LoopVariable, index_of
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import For


def variables_of_coordinates(
    program: LoopProgram, rewrite: str, where: str, loops: Sequence[For], coords: Sequence[Index]
) -> list[tuple[LoopVariable, Index]]:
    """Return for each coordinate a variable, and by how much the coordinate is more than that.

    Args:
        program, rewrite, where: for the refusal.
        loops: those whose turns make the coordinates.
        coords: each has a variable of these, once, that no other has; refused else.
    """
    variables = [one.variable for one in loops]
    found = []
    for coord in coords:
        others = {x for one in coords if one is not coord for x in one.variables}
        own = [one for one in variables if coord.factor(one) == 1 and one not in others]
        own = [one for one in own if one not in (coord - index_of(one)).variables]
        if not own:
            expected = "coordinates that have a variable of their own, once"
            raise refused(program, rewrite, where, expected, str(coord))
        found.append((own[0], coord - index_of(own[0])))
    return found
