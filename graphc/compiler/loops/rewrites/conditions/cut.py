"""Cut: a loop becomes two, one for the turns below a number and one for the others.

for column < 512:                            for column_below < 256:
  y[column] = x[column] if column < 256        y[column_below] = x[column_below]
              else z[column - 256]           for column_behind < 256:
                                               y[column_behind + 256] = z[column_behind]
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.index import as_index, index_of
from graphc.compiler.loops.program import LoopProgram, substituted
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import For


def cut(program: LoopProgram, loop: str, at: Size) -> LoopProgram:
    """Divide a loop into `<loop>_below`, with the turns below a number, and `<loop>_behind`.

    Conditions that the number decides are gone in both. The turns keep their order.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop.
        at: a size that is proved to be at least 0.
    """
    found = unbound_loop_of(program, "cut", loop)
    where = f"the loop {loop!r}"
    if not is_never_negative(at):
        raise refused(program, "cut", where, "a number that is at least 0", str(at))
    names, ranges = Names(program), ranges_at(program, found)
    below, behind = names.variable(f"{loop}_below"), names.variable(f"{loop}_behind")
    (copy,) = names.copied((found,))
    assert isinstance(copy, For)
    first = replace(
        found,
        variable=below,
        ends=(as_index(at), *found.ends),
        body=substituted(found.body, {found.variable: index_of(below)}),
    )
    second = replace(
        copy,
        variable=behind,
        ends=tuple(end - at for end in found.ends),
        body=substituted(copy.body, {copy.variable: index_of(behind) + at}),
    )
    return program.with_loop(loop, lambda _: settled((first, second), ranges))
