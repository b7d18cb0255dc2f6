"""Intrinsics of a GPU: what lanes of a warp do together, with its meaning as a loop program."""

from __future__ import annotations

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import Body
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.statement import (
    Accumulate,
    Check,
    For,
    If,
    Intrinsic,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Constant, IndexValue, Load, at_least


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
    return Intrinsic(name, (*totals, *parts), tuple(body), "reduce.cuh", lanes=lanes)


def count_of_lanes(lanes: int, numbers: int) -> Intrinsic:
    """Return the count of the lanes of a warp whose number is not 0: by a ballot.

    It is added to a register that each lane has.

    Args:
        lanes: of a warp.
        numbers: what a lane's number is below.
    """
    count = Load(new_buffer("count", "int32", (), BufferScope.REGISTER), ())
    one = Accumulate("sum", (count,), (Constant(1, "int32"),))
    body, of_lanes = _over_numbers(lanes, numbers, (one,))
    name = f"gc_count_of_{lanes}_lanes"
    return Intrinsic(name, (count.buffer, of_lanes), body, "compact.cuh", lanes=lanes)


def list_of_lanes(lanes: int, numbers: int, places: int) -> Intrinsic:
    """Return the stream compaction of one number of each lane of a warp: by a ballot.

    Those that are not 0 are listed in shared memory, each less 1, in the order of the lanes. The
    register that each lane has says where the list goes on.

    Args:
        lanes: of a warp.
        numbers: what a lane's number is below.
        places: of the list.
    """
    listed = new_buffer("listed", "int32", (places,), BufferScope.SHARED)
    first = Load(new_buffer("first", "int32", (), BufferScope.REGISTER), ())
    place = LoopVariable("place")
    last = index_of(place)
    append = (
        Check(place, first, places, 0, as_index(0), is_tested=False),
        Store(Load(listed, (last,)), IndexValue(index_of(_NUMBER) - 1, "int32")),
        Store(first, IndexValue(last + 1, "int32")),
    )
    body, of_lanes = _over_numbers(lanes, numbers, append)
    name = f"gc_list_of_{lanes}_lanes"
    parameters = (listed, first.buffer, of_lanes)
    return Intrinsic(name, parameters, body, "compact.cuh", lanes=lanes)


_NUMBER = LoopVariable("number")


def _over_numbers(lanes: int, numbers: int, body: Body) -> tuple[Body, Buffer]:
    """Return what does something for each number of some lanes that is not 0, and the numbers."""
    of_lanes = new_buffer("number_of_lanes", "int32", (lanes,), BufferScope.REGISTER)
    lane = LoopVariable("lane")
    number = Load(of_lanes, (index_of(lane),))
    inside = (
        Check(_NUMBER, number, numbers, 0, as_index(0), is_tested=False),
        If((at_least(index_of(_NUMBER) - 1),), body),
    )
    return (For(lane, (as_index(lanes),), inside),), of_lanes
