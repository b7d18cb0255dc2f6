"""Programs, one for each form of statement that a CPU runs, and what NumPy makes of them."""

from __future__ import annotations

from graphc.compiler.graph.dim import symbol
from graphc.compiler.loops.buffer import BufferScope, new_buffer, view
from graphc.compiler.loops.index import LoopVariable, as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    BufferWindow,
    Check,
    For,
    If,
    Intrinsic,
    Let,
    LoopKind,
    Prefetch,
    Statement,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import (
    Apply,
    Argument,
    Bit,
    Constant,
    IndexValue,
    Load,
    Local,
    RandomWord,
    Select,
    Value,
    at_least,
    below,
    is_multiple_of,
)

N = symbol("n")
"""A size that only a call knows."""


def loop(
    name: str,
    end: object,
    *body: Statement,
    kind: LoopKind = LoopKind.SERIAL,
    note: str = "",
) -> For:
    """Return a loop; `end` is an index, or a tuple of them."""
    ends = end if isinstance(end, tuple) else (end,)
    return For(LoopVariable(name), tuple(map(as_index, ends)), body, kind, note)


def let(name: str, value: Value, note: str = "") -> Let:
    """Return a name for a value."""
    return Let(Local(name, value.dtype), value, note)


def apply(op: str, *operands: Value, dtype: str = "float32") -> Apply:
    """Return an op without attributes."""
    return Apply(op, operands, dtype, {})


def number(value: float, dtype: str = "float32") -> Constant:
    """Return a constant."""
    return Constant(value, dtype)


ROW, COLUMN, P = variable("row"), variable("column"), variable("p0")


def _name(name: str, dtype: str = "float32") -> Local:
    return Local(name, dtype)


def elementwise() -> LoopProgram:
    """A bias and a function of each element, as a Dense layer has them."""
    x, bias = new_buffer("x0", "float32", (N, 512)), new_buffer("x1", "float32", (512,))
    y = new_buffer("y0", "float32", (N, 512))
    at = (ROW, COLUMN)
    body = loop(
        "row",
        N,
        loop(
            "column",
            512,
            let("t0", apply("add", Load(x, at), Load(bias, (COLUMN,))), "dense_1"),
            let("t1", apply("maximum", _name("t0"), number(0.0)), "dense_1"),
            Store(Load(y, at), _name("t1")),
            kind=LoopKind.VECTOR,
        ),
        kind=LoopKind.TEAM,
        note="rows, divided over threads",
    )
    return LoopProgram("elementwise", (x, bias), (y,), (), (body,))


def padded() -> LoopProgram:
    """Zeros around rows, every second element of a part, and what is left of a remainder."""
    x = new_buffer("x0", "float32", (N, 10))
    y, z = new_buffer("y0", "float32", (N, 14)), new_buffer("y1", "float32", (N, 14))
    at = (ROW, COLUMN)
    inside = (at_least(COLUMN - 2), below(COLUMN - 2, 10))
    spread = (is_multiple_of(COLUMN, 2), below(COLUMN // 2, 7))
    body = loop(
        "row",
        N,
        loop(
            "column",
            14,
            let("t0", Select(inside, Load(x, (ROW, COLUMN - 2)), number(0.0)), "pad_1"),
            let("t1", Select(spread, Load(x, (ROW, COLUMN // 2)), number(-1.5)), "pad_2"),
            Store(Load(y, at), _name("t0")),
            Store(Load(z, at), _name("t1")),
        ),
    )
    return LoopProgram("padded", (x,), (y, z), (), (body,))


def flipped() -> LoopProgram:
    """An image as positions: coordinates from quotients and remainders, one axis backwards."""
    x = new_buffer("x0", "int32", (6, 4, 5))
    y = new_buffer("y0", "int32", (6, 4, 5))
    source = Load(x, (P // 20, 3 - P // 5 % 4, P % 5))
    target = Load(y, (P // 20, P // 5 % 4, P % 5))
    body = loop("p0", 120, Store(target, apply("neg", source, dtype="int32")))
    return LoopProgram("flipped", (x,), (y,), (), (body,))


def rounded_down() -> LoopProgram:
    """Quotients and remainders of indices that may be negative."""
    y = new_buffer("y0", "int32", (20, 2))
    body = loop(
        "p0",
        20,
        Store(Load(y, (P, as_index(0))), IndexValue((P - 9) // 4, "int32")),
        Store(Load(y, (P, as_index(1))), IndexValue((P - 9) % 4, "int32")),
    )
    return LoopProgram("rounded_down", (), (y,), (), (body,))


def row_sums(kind: LoopKind = LoopKind.TEAM) -> LoopProgram:
    """A sum of each row."""
    x, y = new_buffer("x0", "float32", (N, 10)), new_buffer("y0", "float32", (N,))
    total = new_buffer("s0", "float32", (), BufferScope.REGISTER)
    body = loop(
        "row",
        N,
        Allocate(total),
        Store(Load(total, ()), number(0.0)),
        loop(
            "column",
            10,
            Accumulate("sum", (Load(total, ()),), (Load(x, (ROW, COLUMN)),), "sum_1"),
            note="the sum of a row, in the order of its elements",
        ),
        Store(Load(y, (ROW,)), Load(total, ())),
        kind=kind,
    )
    return LoopProgram("row_sums", (x,), (y,), (), (body,))


def largest() -> LoopProgram:
    """The place of the largest element of each row, NaN before all."""
    x, y = new_buffer("x0", "float32", (N, 9)), new_buffer("y0", "int32", (N,))
    best = new_buffer("s0", "float32", (), BufferScope.REGISTER)
    place = new_buffer("s1", "int32", (), BufferScope.REGISTER)
    carried = (Load(best, ()), Load(place, ()))
    body = loop(
        "row",
        N,
        Allocate(best),
        Allocate(place),
        Store(carried[0], number(float("-inf"))),
        Store(carried[1], number(-1, "int32")),
        loop(
            "column",
            9,
            Accumulate(
                "argmax", carried, (Load(x, (ROW, COLUMN)), IndexValue(COLUMN, "int32")), "argmax_1"
            ),
        ),
        Store(Load(y, (ROW,)), carried[1]),
    )
    return LoopProgram("largest", (x,), (y,), (), (body,))


def gathered() -> LoopProgram:
    """Rows by a checked index; an index that is not there is told once."""
    words, table = new_buffer("x0", "int32", (N,)), new_buffer("x1", "float32", (7, 5))
    y = new_buffer("y0", "float32", (N, 5))
    body = loop(
        "row",
        N,
        Check(LoopVariable("word"), Load(words, (ROW,)), 7, 3, ROW),
        Prefetch(Load(table, (variable("word"), as_index(0)))),
        loop(
            "column",
            5,
            Store(Load(y, (ROW, COLUMN)), Load(table, (variable("word"), COLUMN))),
            kind=LoopKind.VECTOR,
        ),
    )
    return LoopProgram("gathered", (words, table), (y,), (), (body,))


def in_tiles() -> LoopProgram:
    """Rows in tiles of 16 with a remainder, unrolled by four in registers; conditions and both
    branches; a store under a condition and one while no check has failed."""
    x, y = new_buffer("x0", "float64", (N, 4)), new_buffer("y0", "float64", (N, 4))
    z = new_buffer("y1", "float64", (N,))
    kept = new_buffer("kept", "float64", (4,), BufferScope.REGISTER)
    tile, inner, lane = variable("tile"), variable("inner"), variable("lane")
    row = tile * 16 + inner
    doubled = Apply("add", (Load(x, (row, lane)), Load(x, (row, lane))), "float64", {})
    body = loop(
        "tile",
        (N + 15) // 16,
        loop(
            "inner",
            (16, as_index(N) - tile * 16),
            Allocate(kept),
            loop("lane", 4, Store(Load(kept, (lane,)), doubled), kind=LoopKind.UNROLLED),
            If(
                (below(row, 3), at_least(row, 1)),
                (Store(Load(z, (row,)), Load(kept, (as_index(2),))),),
                (
                    Store(Load(z, (row,)), number(0.25, "float64")),
                    Store(Load(z, (row,)), number(0.5, "float64"), (is_multiple_of(row, 3),), True),
                ),
            ),
            loop(
                "lane1",
                4,
                Store(Load(y, (row, variable("lane1"))), Load(kept, (variable("lane1"),))),
                kind=LoopKind.UNROLLED,
            ),
            note="the rows of a tile",
        ),
        kind=LoopKind.TEAM,
    )
    return LoopProgram("in_tiles", (x,), (y, z), (), (body,))


def in_phases() -> LoopProgram:
    """A team that meets: each member fills its part of what all of them read then, twice."""
    x, y = new_buffer("x0", "float32", (2, 8, 6)), new_buffer("y0", "float32", (2, 8, 6))
    common = new_buffer("common", "float32", (8, 6), BufferScope.SHARED)
    own = new_buffer("own", "float32", (6,), BufferScope.THREAD)
    half, member, k, k1 = map(variable, ("half", "member", "k", "k1"))
    body = loop(
        "member",
        8,
        Allocate(common),
        loop(
            "half",
            2,
            Allocate(own),
            loop("k", 6, Store(Load(own, (k,)), Load(x, (half, member, k)))),
            loop("k1", 6, Store(Load(common, (member, k1)), Load(own, (k1,)))),
            Barrier(),
            loop(
                "k2",
                6,
                Store(
                    Load(y, (half, member, variable("k2"))),
                    apply("neg", Load(common, (7 - member, variable("k2")))),
                ),
            ),
            Barrier(),
            note="both halves, one after the other",
        ),
        kind=LoopKind.TEAM,
    )
    return LoopProgram("in_phases", (x,), (y,), (), (body,))


def drawn() -> LoopProgram:
    """Random words of a step, packed bools, a bool of memory, and a view of another buffer."""
    words = new_buffer("x0", "uint8", (3, 8))
    flags = new_buffer("x1", "bool", (3, 8))
    y = new_buffer("y0", "uint32", (3, 8))
    z = new_buffer("y1", "float32", (2, 3, 8))
    late = view(z, "late", (3, 8), None, 24)
    arguments = tuple(
        Argument(name, dtype)
        for name, dtype in (("call_step", "uint64"), ("w0", "uint32"), ("w1", "uint32"))
    )
    step = variable("step")
    word = RandomWord(
        ROW * 8 + COLUMN,
        number(0, "int64"),
        IndexValue(step, "int32"),
        *arguments,
    )
    at = (ROW, COLUMN)
    bit = Bit(Load(words, at), 3)
    both = apply("logical_and", bit, Load(flags, at), dtype="bool")
    body = loop(
        "row",
        3,
        loop(
            "column",
            8,
            let("t0", word, "dropout_1"),
            let("t1", both),
            let("t2", apply("where", _name("t1", "bool"), number(1.0), number(2.0))),
            Store(Load(y, at), _name("t0", "uint32")),
            Store(Load(late, at), _name("t2")),
        ),
    )
    return LoopProgram(
        "drawn", (words, flags), (y, z), arguments, (body,), ((LoopVariable("step"), 5),)
    )


def transposed() -> LoopProgram:
    """A matrix read by its columns, through the intrinsic that transposes one."""
    rows, columns, from_row, to_row = map(symbol, ("rows", "columns", "from_row", "to_row"))
    source = new_buffer("source", "float32", (rows, columns))
    target = new_buffer("target", "float32", (columns, rows))
    source = view(source, "source", source.shape, (from_row, 1))
    target = view(target, "target", target.shape, (to_row, 1))
    i, j = variable("i"), variable("j")
    meaning = loop("i", rows, loop("j", columns, Store(Load(target, (j, i)), Load(source, (i, j)))))
    transpose = Intrinsic("gc_transpose", (source, target), (meaning,), "host_transpose.h")
    x, y = new_buffer("x0", "float32", (40, 50)), new_buffer("y0", "float32", (30, 20))
    stage = new_buffer("stage", "float32", (30, 20), BufferScope.THREAD)
    (m,), (n,) = rows.terms[0][0], columns.terms[0][0]
    body = (
        Allocate(stage),
        UseIntrinsic(
            transpose,
            (
                BufferWindow(x, (as_index(10), as_index(7)), (0, 1)),
                BufferWindow(stage, (as_index(0), as_index(0)), (0, 1)),
            ),
            {m: as_index(20), n: as_index(30)},
            "a part of x0, its columns as rows",
        ),
        loop(
            "row",
            30,
            loop(
                "column",
                20,
                Store(Load(y, (ROW, COLUMN)), Load(stage, (ROW, COLUMN))),
                kind=LoopKind.VECTOR,
            ),
        ),
    )
    return LoopProgram("transposed", (x,), (y,), (), body)


ALL = (
    *(elementwise, padded, flipped, rounded_down, row_sums, largest, gathered, in_tiles),
    *(in_phases, drawn, transposed),
)
"""Each makes a program of its own name."""
