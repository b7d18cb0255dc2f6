"""Intrinsics in the place of statements that mean the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphc.compiler.graph.dim import Shape, symbol, symbols
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.dependence import is_parallel
from graphc.compiler.loops.index import IndexLike, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    If,
    Intrinsic,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Argument, RandomWord, Value, at_least
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.rewritten import assert_same, lines_of

N, M, K = w.N, w.M, symbol("length")
(K_SYMBOL,) = symbols(K)
DEPTH, ROWS, COLUMNS, STRIDE = map(symbol, ("depth", "rows", "columns", "stride"))
STEP, A, B = variable("step"), variable("a"), variable("b")
ROW, COLUMN, OUTER, RUN = map(variable, ("row", "column", "outer", "run"))
REGISTER, GLOBAL = BufferScope.REGISTER, BufferScope.GLOBAL


def strided(name: str, shape: Shape, strides: Shape, scope: BufferScope = GLOBAL) -> Buffer:
    return Buffer(name, "float32", shape, scope, strides, 0, name)


TILE = new_buffer("tile", "float32", (4, 8), REGISTER)
LEFT = strided("left", (ROWS, DEPTH), (STRIDE, 1))
RIGHT = strided("right", (DEPTH, 8), (8, 1))
PRODUCT = w.op("mul", w.at(LEFT, A, STEP), w.at(RIGHT, STEP, B))
TILE_PRODUCT = Intrinsic(
    "tile_product",
    (TILE, LEFT, RIGHT),
    (
        w.loop(
            STEP,
            DEPTH,
            w.loop(A, (4, ROWS), w.loop(B, 8, Accumulate("sum", (w.at(TILE, A, B),), (PRODUCT,)))),
        ),
    ),
    "tile.h",
)
X, W, Y = w.floats("x", N, K), w.floats("w", M, K, 8), w.floats("y", M, N, 8)
SUMS = w.register("sums", 4, 8)
INNER, FIRST, LAST = variable("inner"), variable("first"), variable("last")
AT = OUTER * 4
ENDS = (4, N - AT)


def product(*inner: Statement, row: IndexLike = AT + INNER) -> LoopProgram:
    """Return a product with a packed right operand, four rows and eight columns at a time."""
    term = w.op("mul", w.at(X, row, RUN), w.at(W, ROW, RUN, COLUMN))
    add = Accumulate("sum", (w.at(SUMS, INNER, COLUMN),), (term,))
    clear = Store(w.at(SUMS, FIRST, LAST), w.number(0.0))
    again, others = variable("again"), variable("others")
    stored = Store(w.at(Y, ROW, AT + again, others), w.at(SUMS, again, others))
    body = (
        Allocate(SUMS),
        w.loop(FIRST, 4, w.loop(LAST, 8, clear)),
        w.loop(RUN, K, w.loop(INNER, ENDS, w.loop(COLUMN, 8, add, *inner))),
        w.loop(again, ENDS, w.loop(others, 8, stored)),
    )
    return w.program((X, W), (Y,), w.loop(ROW, M, w.loop(OUTER, (N + 3) // 4, *body)))


@pytest.mark.parametrize(("n", "m", "k"), [(1, 1, 1), (4, 2, 3), (11, 2, 5)])
def test_a_tile_of_a_product(n: int, m: int, k: int) -> None:
    before = product()
    after = use(before, TILE_PRODUCT, "run", "tiles of 4 x 8")
    call = next(line for line in lines_of(after) if line.startswith("tile_product"))
    assert call.startswith("tile_product(sums[0:, 0:], x[4*outer:, 0:], w[row, 0:, 0:], ")
    assert "depth=length" in call
    assert "rows=n - 4*outer" in call
    assert_same(before, after, {w.N_SYMBOL: n, w.M_SYMBOL: m, K_SYMBOL: k})


def test_statements_ahead_and_behind_the_loop_are_of_the_meaning() -> None:
    row, total, result = (
        strided("row", (DEPTH,), (1,)),
        w.register("total"),
        strided("result", (1,), (1,)),
    )
    half = w.local("half")
    meaning = Intrinsic(
        "half_sum",
        (row, result),
        (
            Allocate(total),
            Store(w.at(total), w.number(0.0)),
            w.loop(STEP, DEPTH, Accumulate("sum", (w.at(total),), (w.at(row, STEP),))),
            Let(half, w.op("mul", w.at(total), w.number(0.5))),
            Store(w.at(result, 0), half),
        ),
        "half.h",
    )
    x, y = w.floats("x", N, 5), w.floats("y", N)
    mine, other = w.register("mine"), w.local("other")
    before = w.program(
        (x,),
        (y,),
        w.loop(
            ROW,
            N,
            Allocate(mine),
            Store(w.at(mine), w.number(0.0)),
            w.loop(COLUMN, 5, Accumulate("sum", (w.at(mine),), (w.at(x, ROW, COLUMN),))),
            Let(other, w.op("mul", w.at(mine), w.number(0.5))),
            Store(w.at(y, ROW), other),
        ),
    )
    after = use(before, meaning, "column")
    assert lines_of(after) == ["for row < n:", "half_sum(x[row, 0:], y[row:], depth=5)"]
    assert_same(before, after, {w.N_SYMBOL: 3})
    used = before.with_loop(
        "row", lambda one: (replace(one, body=(*one.body, Store(w.at(y, ROW), w.at(mine)))),)
    )
    with pytest.raises(RewriteError, match="nothing behind reads what is computed in between"):
        use(used, meaning, "column")


def transposition() -> tuple[Intrinsic, LoopProgram]:
    source, target = strided("source", (4, 4), (STRIDE, 1)), strided("target", (4, 4), (COLUMNS, 1))
    turn = Store(w.at(target, B, A), w.at(source, A, B))
    meaning = Intrinsic("turn", (source, target), (w.loop(A, 4, w.loop(B, 4, turn)),), "turn.h")
    x, y = w.floats("x", 8, N * 4), w.floats("y", N * 4, 8)
    low = variable("low")
    at = OUTER * 4
    step = Store(w.at(y, at + low, COLUMN + 4), w.at(x, COLUMN + 4, at + low))
    rest = Store(w.at(y, at + FIRST, LAST), w.at(x, LAST, at + FIRST))
    before = w.program(
        (x,),
        (y,),
        w.loop(
            OUTER,
            N,
            w.loop(COLUMN, 4, w.loop(low, 4, step)),
            w.loop(FIRST, 4, w.loop(LAST, 4, rest)),
        ),
    )
    return meaning, before


def test_rectangles_lie_where_the_strides_say() -> None:
    meaning, before = transposition()
    after = use(before, meaning, "column")
    assert "turn(x[4:, 4*outer:], y[4*outer:, 4:], stride=4*n, columns=8)" in lines_of(after)
    assert_same(before, after, {w.N_SYMBOL: 3})


def test_what_is_written_is_no_other_parameter() -> None:
    source, target = strided("source", (4,), (1,)), strided("target", (4,), (1,))
    step = Store(w.at(target, A), w.op("neg", w.at(source, A)))
    meaning = Intrinsic("negated", (source, target), (w.loop(A, 4, step),), "negated.h")
    x = w.floats("x", 8)
    step = Store(w.at(x, FIRST), w.op("neg", w.at(x, FIRST + 4)))
    with pytest.raises(RewriteError, match="separate memories for what it writes, found two in x"):
        use(w.program((x,), (x,), w.loop(FIRST, 4, step)), meaning, "first")


SCALE, FLOOR = Argument("scale", "float32"), Argument("floor", "float32")
SOURCE, TARGET = strided("source", (DEPTH,), (1,)), strided("target", (DEPTH,), (1,))
SCALED = Intrinsic(
    "scaled",
    (SOURCE, TARGET),
    (
        w.loop(
            A,
            DEPTH,
            Store(
                w.at(TARGET, A),
                w.op("maximum", w.op("mul", w.at(SOURCE, A), SCALE), w.op("add", SCALE, FLOOR)),
            ),
        ),
    ),
    "scaled.h",
    (SCALE, FLOOR),
)
FACTORS = w.floats("factors", N)


def scaled_rows(scale: Value, other: Value | None = None) -> LoopProgram:
    """Rows times a number, no less than it plus one half."""
    x, y = w.floats("x", N, 5), w.floats("y", N, 5)
    least = w.op("add", other or scale, w.number(0.5))
    step = w.op("maximum", w.op("mul", w.at(x, ROW, COLUMN), scale), least)
    nest = w.loop(ROW, N, w.loop(COLUMN, 5, Store(w.at(y, ROW, COLUMN), step)))
    return w.program((x, FACTORS), (y,), nest)


def test_numbers_that_are_given() -> None:
    before = scaled_rows(w.op("neg", w.at(FACTORS, ROW)))
    after = use(before, SCALED, "column")
    call = "scaled(x[row, 0:], y[row, 0:], depth=5, scale=neg(factors[row]), floor=0.5)"
    assert lines_of(after) == ["for row < n:", call]
    assert_same(before, after, {w.N_SYMBOL: 3})
    reset = Store(w.at(FACTORS, 0), w.number(0.0))
    again = after.with_loop("row", lambda one: (replace(one, body=(*one.body, reset)),))
    again = replace(again, outputs=(*again.outputs, FACTORS))
    assert is_parallel(after, after.loop("row"))
    assert not is_parallel(again, again.loop("row"))


def test_numbers_are_the_same_in_all_turns() -> None:
    changing = scaled_rows(w.at(FACTORS, COLUMN))
    with pytest.raises(RewriteError, match="one number as scale, found factors.column"):
        use(changing, SCALED, "column")
    different = scaled_rows(w.at(FACTORS, ROW), w.number(2.0))
    with pytest.raises(RewriteError, match="the meaning of scaled: factors.row., found 2"):
        use(different, SCALED, "column")


WORDS = new_buffer("words", "uint32", (8,), REGISTER)
BEGIN = Argument("begin", "int64")
KEY = (
    w.number(3, "int32"),
    w.number(2**32 + 5, "uint64"),
    w.number(7, "uint32"),
    w.number(11, "uint32"),
)
DRAW = Intrinsic(
    "draw",
    (WORDS,),
    (w.loop(A, 8, Store(w.at(WORDS, A), RandomWord(A, BEGIN, *KEY))),),
    "draw.h",
    (BEGIN,),
)


@pytest.mark.parametrize(("shift", "begin"), [(0, "int64(8*row)"), (6, "add(6, int64(8*row))")])
def test_the_words_of_a_row_are_behind_those_of_the_rows_ahead(shift: int, begin: str) -> None:
    """By how much the element is further on, the shift is more."""
    drawn, y = w.register("drawn", 8, dtype="uint32"), w.given("y", "uint32", N, 8)
    word = RandomWord(ROW * 8 + COLUMN, w.number(shift, "int64"), *KEY)
    drawing = w.loop(COLUMN, 8, Store(w.at(drawn, COLUMN), word))
    copy = w.loop(RUN, 8, Store(w.at(y, ROW, RUN), w.at(drawn, RUN)))
    before = w.program((), (y,), w.loop(ROW, N, Allocate(drawn), drawing, copy))
    after = use(before, DRAW, "column")
    assert f"draw(drawn[0:], begin={begin})" in lines_of(after)
    assert_same(before, after, {w.N_SYMBOL: 3})


def changed(**fields: object) -> Intrinsic:
    return replace(TILE_PRODUCT, **fields)  # type: ignore[arg-type]


def with_right(shape: Shape, strides: Shape, dtype: str = "float32") -> Intrinsic:
    right = Buffer("right", dtype, shape, GLOBAL, strides, 0, "right")
    term = w.op("mul", w.at(LEFT, A, STEP), w.at(right, STEP, B), dtype="float32")
    add = Accumulate("sum", (w.at(TILE, A, B),), (term,))
    body = (w.loop(STEP, DEPTH, w.loop(A, (4, ROWS), w.loop(B, 8, add))),)
    return changed(parameters=(TILE, LEFT, right), body=body)


def maximum() -> Intrinsic:
    add = Accumulate("max", (w.at(TILE, A, B),), (PRODUCT,))
    return changed(body=(w.loop(STEP, DEPTH, w.loop(A, (4, ROWS), w.loop(B, 8, add))),))


OTHER = Store(w.at(Y, ROW, 0, 0), w.number(0.0))
REFUSED = [
    (
        product(),
        maximum(),
        "run",
        "the meaning of tile_product: max, found sum, at `sums[",
    ),
    (product(), TILE_PRODUCT, "inner", "expected the meaning of tile_product"),
    (product(OTHER), TILE_PRODUCT, "run", "no more, found y[row, 0, 0] = 0.0"),
    (product(row=AT + INNER * 2), TILE_PRODUCT, "run", "left[a, step]"),
    (product(), with_right((DEPTH, 8), (16, 1)), "run", "16 as stride of w, found 8"),
    (product(), with_right((DEPTH, 16), (8, 1)), "run", "16 elements along axis 2 of w"),
    (product(), with_right((DEPTH, 8), (8, 1), "float64"), "run", "found"),
]


@pytest.mark.parametrize(
    ("program", "intrinsic", "loop", "message"), REFUSED, ids=range(len(REFUSED))
)
def test_the_first_difference_is_named(
    program: LoopProgram, intrinsic: Intrinsic, loop: str, message: str
) -> None:
    with pytest.raises(RewriteError) as error:
        use(program, intrinsic, loop)
    assert message in str(error.value).splitlines()[0]
    assert "kernel k0(" in str(error.value)


def whole_tile(rows: int) -> LoopProgram:
    """Return a product of a known number of rows, in one tile."""
    x, y = w.floats("x", rows, K), w.floats("y", rows, 8)
    term = w.op("mul", w.at(x, INNER, RUN), w.at(W, 0, RUN, COLUMN))
    add = Accumulate("sum", (w.at(SUMS, INNER, COLUMN),), (term,))
    clear = Store(w.at(SUMS, FIRST, LAST), w.number(0.0))
    again, others = variable("again"), variable("others")
    stored = Store(w.at(y, again, others), w.at(SUMS, again, others))
    body = (
        Allocate(SUMS),
        w.loop(FIRST, 4, w.loop(LAST, 8, clear)),
        w.loop(RUN, K, w.loop(INNER, rows, w.loop(COLUMN, 8, add))),
        w.loop(again, rows, w.loop(others, 8, stored)),
    )
    return w.program((x, W), (y,), *body)


@pytest.mark.parametrize("rows", [1, 3, 4])
def test_an_end_that_is_never_the_least_may_be_missing(rows: int) -> None:
    """The meaning has at most 4 rows, and those that there are."""
    before = whole_tile(rows)
    after = use(before, TILE_PRODUCT, "run")
    assert any(f"rows={rows}" in line for line in lines_of(after))
    assert_same(before, after, {w.M_SYMBOL: 1, K_SYMBOL: 3})


def test_an_end_that_may_be_the_least_has_to_be_there() -> None:
    with pytest.raises(RewriteError, match="expected the meaning of tile_product: a < 4"):
        use(whole_tile(5), TILE_PRODUCT, "run")


def test_an_end_that_the_loops_around_keep_small_is_never_the_least() -> None:
    """Rows from each one on: as many as there are below it, which are never more than 4."""
    x, y = w.floats("x", 4, K), w.floats("y", 4, 4, 8)
    term = w.op("mul", w.at(x, OUTER + INNER, RUN), w.at(W, 0, RUN, COLUMN))
    add = Accumulate("sum", (w.at(SUMS, INNER, COLUMN),), (term,))
    clear = Store(w.at(SUMS, FIRST, LAST), w.number(0.0))
    again, others = variable("again"), variable("others")
    stored = Store(w.at(y, OUTER, again, others), w.at(SUMS, again, others))
    body = (
        Allocate(SUMS),
        w.loop(FIRST, 4, w.loop(LAST, 8, clear)),
        w.loop(RUN, K, w.loop(INNER, 4 - OUTER, w.loop(COLUMN, 8, add))),
        w.loop(again, 4 - OUTER, w.loop(others, 8, stored)),
    )
    before = w.program((x, W), (y,), w.loop(OUTER, 4, *body))
    after = use(before, TILE_PRODUCT, "run")
    assert any("rows=4 - outer" in line for line in lines_of(after))
    assert_same(before, after, {w.M_SYMBOL: 1, K_SYMBOL: 3})


def counted(end: int = 5, *, is_tested: bool = False) -> tuple[Statement, ...]:
    """Return statements that count the numbers of a buffer that are not 0."""
    number, turn = variable("number"), variable("turn")
    known = Check(w.variable_of(number), w.at(NUMBERS, turn), end, 0, turn * 0, is_tested=is_tested)
    one = Accumulate("sum", (w.at(COUNT),), (w.number(1, "int32"),))
    return (w.loop(turn, 8, known, If((at_least(number, 1),), (one,))),)


NUMBERS, COUNT = w.register("numbers", 8, dtype="int32"), w.register("count", dtype="int32")
COUNTED = Intrinsic("count_of_8", (COUNT, NUMBERS), counted(), "count.h")


def counting(end: int = 5, *, is_tested: bool = False) -> LoopProgram:
    given, result, fill = w.ints("given", 8), w.ints("result"), variable("fill")
    small = w.op("mod", w.at(given, fill), w.number(5, "int32"))
    return w.program(
        (given,),
        (result,),
        Allocate(NUMBERS),
        w.loop(fill, 8, Store(w.at(NUMBERS, fill), small)),
        Allocate(COUNT),
        Store(w.at(COUNT), w.number(0, "int32")),
        *counted(end, is_tested=is_tested),
        Store(w.at(result), w.at(COUNT)),
    )


def test_an_index_that_is_known_to_exist() -> None:
    assert_same(counting(), use(counting(), COUNTED, "turn"))
    with pytest.raises(RewriteError, match="end of number"):
        use(counting(6), COUNTED, "turn")
    with pytest.raises(RewriteError, match="indices that are known to exist"):
        use(counting(is_tested=True), COUNTED, "turn")
