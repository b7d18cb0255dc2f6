"""Programs for the forms of statements that are CUDA's own."""

from __future__ import annotations

from graphc.compiler.graph.dim import ceil_divide
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AtomicAdd,
    Barrier,
    BufferWindow,
    Check,
    Fence,
    If,
    Intrinsic,
    LoopKind,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Condition, IndexValue, Load, at_least, below
from graphc.compiler.targets.cuda.intrinsics import count_of_lanes, list_of_lanes, tree_of_lanes
from tests.compiler.targets.cpu.hand_made import N, apply, let, loop, number

BLOCK, THREAD, LANE, ROW = map(variable, ("block", "thread", "lane", "row"))


def grid() -> LoopProgram:
    """A thread an element, in as many blocks as there have to be."""
    x, y = new_buffer("x0", "float32", (N, 3)), new_buffer("y0", "float32", (N, 3))
    at = (variable("i") // 3, variable("i") % 3)
    body = loop(
        "i",
        N * 3,
        let("t0", apply("neg", Load(x, at)), "activation_1"),
        Store(Load(y, at), let("t0", number(0.0)).local),
        kind=LoopKind.GRID,
    )
    return LoopProgram("grid", (x,), (y,), (), (body,))


def grids() -> LoopProgram:
    """Two nests, each with blocks of its own, one of them by coordinates; and a value for both."""
    x, scale = new_buffer("x0", "float32", (N, 40)), new_buffer("x1", "float32", ())
    y, z = new_buffer("y0", "float32", (N, 40)), new_buffer("y1", "float32", (7,))
    factor = let("t0", apply("sqrt", Load(scale, ())))
    at = (variable("i"), variable("j"))
    first = loop(
        "i",
        N,
        loop(
            "j",
            40,
            Store(Load(y, at), apply("mul", Load(x, at), factor.local)),
            kind=LoopKind.GRID,
        ),
        kind=LoopKind.GRID,
    )
    guarded = Store(Load(z, (variable("k"),)), factor.local, guarded=True)
    second = loop("k", 7, guarded, kind=LoopKind.GRID)
    return LoopProgram("grids", (x, scale), (y, z), (), (factor, first, second))


def row_sums() -> LoopProgram:
    """A block a row: its threads sum parts of it, and one of them the parts, in shared memory."""
    x, y = new_buffer("x0", "float32", (N, 100)), new_buffer("y0", "float32", (N,))
    total = new_buffer("total", "float32", (), BufferScope.REGISTER)
    parts = new_buffer("parts", "float32", (64,), BufferScope.SHARED)
    whole = new_buffer("whole", "float32", (), BufferScope.REGISTER)
    body = loop(
        "row",
        N,
        Allocate(parts),
        loop(
            "thread",
            64,
            Allocate(total),
            Store(Load(total, ()), number(0.0)),
            loop(
                "k",
                2,
                If(
                    (below(THREAD + variable("k") * 64, 100),),
                    (
                        Accumulate(
                            "sum",
                            (Load(total, ()),),
                            (Load(x, (ROW, THREAD + variable("k") * 64)),),
                            "sum_1",
                        ),
                    ),
                ),
            ),
            Store(Load(parts, (THREAD,)), Load(total, ())),
            kind=LoopKind.THREAD,
        ),
        Barrier(),
        loop(
            "one",
            1,
            Allocate(whole),
            Store(Load(whole, ()), number(0.0)),
            loop(
                "part",
                64,
                Accumulate("sum", (Load(whole, ()),), (Load(parts, (variable("part"),)),)),
            ),
            Store(Load(y, (ROW,)), Load(whole, ())),
            kind=LoopKind.THREAD,
        ),
        kind=LoopKind.BLOCK,
        note="a block for each row",
    )
    return LoopProgram("row_sums", (x,), (y,), (), (body,))


def last_block() -> LoopProgram:
    """Blocks store parts, and the one that arrives last sums them."""
    x, y = new_buffer("x0", "float32", (8,)), new_buffer("y0", "float32", ())
    counter = new_buffer("y1", "int32", ())
    parts = new_buffer("parts", "float32", (4,), BufferScope.GLOBAL)
    arrived, k = variable("arrived"), variable("k")
    pair = apply("add", Load(x, (BLOCK * 2,)), Load(x, (BLOCK * 2 + 1,)))
    finish = If(
        (at_least(arrived, 3),),
        (
            Store(Load(y, ()), number(0.0)),
            loop("k", 4, Accumulate("sum", (Load(y, ()),), (Load(parts, (k,)),))),
            Store(Load(counter, ()), number(0, "int32")),
        ),
    )
    body = loop(
        "block",
        4,
        loop(
            "thread",
            1,
            Store(Load(parts, (BLOCK,)), pair),
            Fence(),
            AtomicAdd(arrived.atom, Load(counter, ())),
            finish,
            kind=LoopKind.THREAD,
        ),
        kind=LoopKind.BLOCK,
    )
    return LoopProgram("last_block", (x, counter), (y, counter), (), (Allocate(parts), body))


def in_warps() -> LoopProgram:
    """Warps as rows of a block, lanes as columns; a table's row for each block, and a failed test
    of an index."""
    which = new_buffer("x0", "int32", (N,))
    table = new_buffer("x1", "float32", (7, 4, 32))
    y = new_buffer("y0", "float32", (N, 4, 32))
    kept = new_buffer("kept", "float32", (2,), BufferScope.REGISTER)
    row, warp, k = variable("row"), variable("warp"), variable("k")
    inner = loop(
        "lane",
        32,
        Allocate(kept),
        loop(
            "k",
            2,
            Store(Load(kept, (k,)), apply("mul", Load(table, (row, warp, LANE)), number(0.5))),
            kind=LoopKind.UNROLLED,
        ),
        Store(
            Load(y, (BLOCK, warp, LANE)),
            apply("add", Load(kept, (as_index(0),)), Load(kept, (as_index(1),))),
        ),
        kind=LoopKind.LANE,
    )
    body = loop(
        "block",
        N,
        Check(row.atom, Load(which, (BLOCK,)), 7, 3, BLOCK),
        loop("warp", 4, inner, kind=LoopKind.THREAD),
        kind=LoopKind.BLOCK,
    )
    return LoopProgram("in_warps", (which, table), (y,), (), (body,))


def sums_of_lanes() -> LoopProgram:
    """Eight lanes of a warp have a row: they keep its elements, sum them by shuffles, and one of
    them stores the sum; then all store what is left."""
    x, y = new_buffer("x0", "float32", (N, 12)), new_buffer("y0", "float32", (N,))
    z = new_buffer("y1", "float32", (N, 12))
    kept = new_buffer("kept", "float32", (2, 8), BufferScope.REGISTER)
    total = new_buffer("total", "float32", (), BufferScope.REGISTER)
    parts = new_buffer("parts", "float32", (8,), BufferScope.REGISTER)
    turn, lane, lane_2 = map(variable, ("turn", "lane", "lane_2"))
    row = BLOCK * 8 + variable("warp") * 4 + ROW
    own, again = Load(kept, (turn, lane)), Load(kept, (variable("turn_2"), lane_2))
    first = loop(
        "lane",
        8,
        Store(Load(parts, (lane,)), number(0.0)),
        loop(
            "turn",
            2,
            If(
                (below(turn * 8 + lane, 12),),
                (
                    Store(own, Load(x, (row, turn * 8 + lane))),
                    Accumulate("sum", (Load(parts, (lane,)),), (own,)),
                ),
            ),
            kind=LoopKind.UNROLLED,
        ),
        kind=LoopKind.LANE,
    )
    of_lanes = UseIntrinsic(
        tree_of_lanes("sum", "float32", 8),
        (BufferWindow(total, (), ()), BufferWindow(parts, (as_index(0),), (0,))),
    )
    stored = loop("one", 1, Store(Load(y, (row,)), Load(total, ())), kind=LoopKind.LANE)
    left = apply("sub", again, Load(total, ()))
    at_2 = variable("turn_2") * 8 + lane_2
    second = loop(
        "lane_2",
        8,
        loop(
            "turn_2",
            2,
            If((below(at_2, 12),), (Store(Load(z, (row, at_2)), left),)),
            kind=LoopKind.UNROLLED,
        ),
        kind=LoopKind.LANE,
    )
    rows = (
        *map(Allocate, (kept, total, parts)),
        Store(Load(total, ()), number(0.0)),
        first,
        of_lanes,
        stored,
        second,
    )
    body = loop(
        "block",
        ceil_divide(N, 8),
        loop(
            "warp",
            2,
            loop("row", 4, If((below(row, N),), rows), kind=LoopKind.LANE),
            kind=LoopKind.THREAD,
        ),
        kind=LoopKind.BLOCK,
    )
    return LoopProgram("sums_of_lanes", (x,), (y, z), (), (body,))


def list_of_warps() -> LoopProgram:
    """Two warps each keep 64 numbers and count those that are not 0; then each lists its own behind
    those of the warps ahead."""
    x, y = new_buffer("x0", "int32", (N, 128)), new_buffer("y0", "int32", (N, 128))
    numbers = new_buffer("numbers", "int32", (2, 2, 32), BufferScope.REGISTER)
    counts = new_buffer("counts", "int32", (2,), BufferScope.SHARED)
    listed = new_buffer("listed", "int32", (128,), BufferScope.SHARED)
    found, first = (new_buffer(name, "int32", (), BufferScope.REGISTER) for name in ("f", "first"))
    warp, lane, turn = map(variable, ("warp", "lane", "turn"))
    warp_2, again, place = map(variable, ("warp_2", "again", "place"))

    def of_warp(intrinsic: Intrinsic, of: Index, round_: Index, *others: Buffer) -> UseIntrinsic:
        whole = (
            BufferWindow(one, (as_index(0),) * len(one.shape), tuple(range(len(one.shape))))
            for one in others
        )
        own = BufferWindow(numbers, (of, round_, as_index(0)), (2,))
        return UseIntrinsic(intrinsic, (*whole, own))

    read = Store(Load(numbers, (warp, turn, lane)), Load(x, (BLOCK, warp * 64 + turn * 32 + lane)))
    count = of_warp(count_of_lanes(32, 1000), warp, variable("round"), found)
    append = of_warp(list_of_lanes(32, 1000, 128), warp_2, variable("round_2"), listed, first)
    counting = loop(
        "warp",
        2,
        loop("lane", 32, loop("turn", 2, read, kind=LoopKind.UNROLLED), kind=LoopKind.LANE),
        Allocate(found),
        Store(Load(found, ()), number(0, "int32")),
        loop("round", 2, count, kind=LoopKind.UNROLLED),
        loop("one", 1, Store(Load(counts, (warp,)), Load(found, ())), kind=LoopKind.LANE),
        kind=LoopKind.THREAD,
    )
    ahead = Accumulate("sum", (Load(first, ()),), (Load(counts, (variable("ahead"),)),))
    listing = loop(
        "warp_2",
        2,
        Allocate(first),
        Store(Load(first, ()), number(0, "int32")),
        loop("ahead", 2, If((below(variable("ahead"), warp_2),), (ahead,))),
        loop("round_2", 2, append, kind=LoopKind.UNROLLED),
        kind=LoopKind.THREAD,
    )
    element = Load(y, (BLOCK, variable("again") * 64 + place))
    total = new_buffer("total", "int32", (), BufferScope.REGISTER)
    known = Accumulate("sum", (Load(total, ()),), (Load(counts, (variable("every"),)),))
    position = again * 64 + place
    end = variable("end")
    copied = loop(
        "again",
        2,
        loop(
            "place",
            64,
            Store(element, number(-1, "int32")),
            If((below(position, end),), (Store(element, Load(listed, (position,))),)),
            kind=LoopKind.THREAD,
        ),
        kind=LoopKind.THREAD,
    )
    body = loop(
        "block",
        N,
        *map(Allocate, (numbers, counts, listed)),
        counting,
        Barrier(),
        listing,
        Allocate(total),
        Store(Load(total, ()), number(0, "int32")),
        loop("every", 2, known),
        Barrier(),
        Check(LoopVariable("end"), Load(total, ()), 129, 0, as_index(0), is_tested=False),
        copied,
        kind=LoopKind.BLOCK,
    )
    return LoopProgram("list_of_warps", (x,), (y,), (), (body,))


def largest() -> LoopProgram:
    """The place of the largest element of each row, and a choice by a condition."""
    x = new_buffer("x0", "float32", (N, 9))
    y, z = new_buffer("y0", "int32", (N,)), new_buffer("y1", "int32", (N,))
    best = new_buffer("best", "float32", (), BufferScope.REGISTER)
    place = new_buffer("place", "int32", (), BufferScope.REGISTER)
    column = variable("column")
    body = loop(
        "i",
        N,
        Allocate(best),
        Allocate(place),
        Store(Load(best, ()), number(float("-inf"))),
        Store(Load(place, ()), number(-1, "int32")),
        loop(
            "column",
            9,
            Accumulate(
                "argmax",
                (Load(best, ()), Load(place, ())),
                (Load(x, (variable("i"), column)), IndexValue(column, "int32")),
            ),
        ),
        If(
            (Condition(variable("i") % 2, equal=True),),
            (Store(Load(z, (variable("i"),)), Load(place, ())),),
            (Store(Load(z, (variable("i"),)), number(-7, "int32")),),
        ),
        Store(Load(y, (variable("i"),)), Load(place, ())),
        kind=LoopKind.GRID,
    )
    return LoopProgram("largest", (x,), (y, z), (), (body,))


ALL = (grid, grids, row_sums, last_block, in_warps, sums_of_lanes, list_of_warps, largest)
"""Each makes a program of its own name."""
