"""Reductions that carry the place of their value, of elements side by side: by an intrinsic that
looks for the extreme first, and then for its place.

    for i0 < n (team):
      ...
      gc_carry_row<gc_reduce_argmax>(x0[i0, 0:], s0[], s1[], count=1000)
"""

from __future__ import annotations

from graphc.compiler.graph.dim import symbol
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import LoopVariable, as_index, index_of
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.statement import Accumulate, For, Intrinsic
from graphc.compiler.loops.value import IndexValue, Load
from graphc.errors import RewriteError


def carried_row(reduction: str, dtype: str, scope: BufferScope) -> Intrinsic:
    """Return the intrinsic that goes on with a row of elements side by side, whose places are
    their numbers (``kernels/host_place.h``).

    Args:
        reduction: argmax or argmin.
        dtype: that of the elements.
        scope: where they are.
    """
    count, number = symbol("count"), LoopVariable("k")
    k = index_of(number)
    row = Buffer("row", dtype, (count,), scope, (1,), 0, "row")
    names, dtypes = REDUCTIONS[reduction].names, REDUCTIONS[reduction].dtypes(dtype)
    carried = [
        new_buffer(name, one, (), BufferScope.REGISTER)
        for name, one in zip(names, dtypes, strict=True)
    ]
    targets = tuple(Load(one, ()) for one in carried)
    step = Accumulate(reduction, targets, (Load(row, (k,)), IndexValue(k, dtypes[1])))
    body = (For(number, (as_index(count),), (step,)),)
    parameters, constants = (row, *carried), (f"gc_reduce_{reduction}",)
    return Intrinsic("gc_carry_row", parameters, body, "host_place.h", constants=constants)


def with_carried_row(program: LoopProgram, loop: For) -> LoopProgram | None:
    """Return a program that reduces by `carried_row` in the place of a loop; None if that is not
    what the loop does."""
    only = loop.body[0]
    if not isinstance(only, Accumulate) or not REDUCTIONS[only.reduction].is_placed:
        return None
    value = only.values[0]
    if not isinstance(value, Load):
        return None
    row = carried_row(only.reduction, value.dtype, value.buffer.scope)
    try:
        return use(program, row, loop.variable.name, loop.note)
    except RewriteError:  # its elements lie apart, or it does something else too
        return None
