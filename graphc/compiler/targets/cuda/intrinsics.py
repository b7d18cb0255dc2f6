"""Intrinsics of a GPU: what lanes of a warp do together, with its meaning as a loop program."""

from __future__ import annotations

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.statement import Accumulate, For, Intrinsic, Statement
from graphc.compiler.loops.value import Load


def tree_of_lanes(reduction: str, dtype: str, lanes: int) -> Intrinsic:
    """Return the reduction of one value of each of some neighbouring lanes, a power of two of at
    least 4: in halves, by shuffles.

    It adds the result to a register that each lane has. The values of the lanes are used up.
    """
    names, dtypes = REDUCTIONS[reduction].names, REDUCTIONS[reduction].dtypes(dtype)
    totals = [
        new_buffer(name, one, (), BufferScope.REGISTER)
        for name, one in zip(names, dtypes, strict=True)
    ]
    parts = [
        new_buffer(f"{name}_of_lanes", one, (lanes,), BufferScope.REGISTER)
        for name, one in zip(names, dtypes, strict=True)
    ]

    def part(number: Index) -> tuple[Load, ...]:
        return tuple(Load(one, (number,)) for one in parts)

    body: list[Statement] = []
    half = lanes // 2
    while half >= 1:
        lane = LoopVariable(f"lane_of_{half}")
        number = index_of(lane) if half > 1 else as_index(0)
        step = Accumulate(reduction, part(number), part(number + half))
        body.append(For(lane, (as_index(half),), (step,)) if half > 1 else step)
        half //= 2
    whole = tuple(Load(one, ()) for one in totals)
    body.append(Accumulate(reduction, whole, part(as_index(0))))
    name = f"gc_{reduction}_of_{lanes}_lanes"
    return Intrinsic(name, (*totals, *parts), tuple(body), "reduce.cuh")
