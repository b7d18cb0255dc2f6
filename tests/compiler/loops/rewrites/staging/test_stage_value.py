"""Staging of computed values: the same numbers, ahead of the loops that read them."""

from __future__ import annotations

import math
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import IndexLike, LoopVariable, variable
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    If,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Argument, RandomWord, Select, below, is_multiple_of
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import (
    SOME_SIZES,
    arrays_for,
    loops_of,
    plain_programs,
    same_meaning,
)
from tests.compiler.loops.rewritten import assert_same, each_that_applies, lines_of

N = w.N
ROW, COLUMN, OUTER, INNER = map(variable, ("row", "column", "outer", "inner"))
REGISTER, THREAD, SHARED = BufferScope.REGISTER, BufferScope.THREAD, BufferScope.SHARED
X, Y = w.floats("x", N, 11), w.floats("y", N, 11)
T0, T1 = w.local("t0"), w.local("t1")
CALL = Argument("call", "uint64")
AT = OUTER * 4 + INNER


def dropout() -> LoopProgram:
    """Return a program that keeps some elements, in tiles of 4 columns."""
    word = RandomWord(
        ROW * 11 + AT,
        w.number(0, "int64"),
        w.number(0, "int32"),
        CALL,
        w.number(7, "uint32"),
        w.number(1, "uint32"),
    )
    bits, chosen = w.local("bits", "uint32"), w.local("chosen", "bool")
    body = (
        Let(bits, word),
        Let(chosen, w.op("less", w.cast(bits, "float32"), w.number(2.0**31), dtype="bool")),
        Let(T0, w.op("where", chosen, w.at(X, ROW, AT), w.number(0.0), dtype="float32")),
        Store(w.at(Y, ROW, AT), T0),
    )
    tiles = w.loop(OUTER, 3, w.loop(INNER, (4, 11 - OUTER * 4), *body))
    return w.program((X,), (Y,), w.loop(ROW, N, tiles), arguments=(CALL,))


@pytest.mark.parametrize(
    ("loop", "shape"), [("outer", "[4]"), ("row", "[3, 4]"), (None, "[n, 3, 4]")]
)
def test_the_random_words_of_a_tile(loop: str | None, shape: str) -> None:
    before = dropout()
    after = stage_value(before, loop, "chosen", THREAD, name="kept")
    assert f"allocate kept: bool{shape} in thread" in lines_of(after)
    assert sum(isinstance(one, Let) and one.local.name == "bits" for one in walk(after.body)) == 0
    sizes = {w.N_SYMBOL: 3}
    evaluate(before, arrays_for(before, sizes), sizes, arguments={"call": 5})
    same_meaning(before, after, sizes, arguments={"call": 5})


def tiles(*ahead: Statement, kind: str = "serial", inner_end: IndexLike = 4) -> LoopProgram:
    """Return rows in tiles, each element of which needs a value of its row or column."""
    thread = variable("thread")
    value = Let(T0, w.op("exp", w.at(X, ROW, INNER)))
    last = Store(w.at(Y, ROW, thread * 4 + INNER), w.op("add", T0, w.count(thread)))
    inner = w.loop(INNER, inner_end, *ahead, value, last)
    return w.program((X,), (Y,), w.loop(ROW, N, w.loop(thread, 2, inner, kind=kind)))


@pytest.mark.parametrize("layout", [None, BufferLayout((0, 0), {0: 3})])
def test_a_value_that_a_loop_between_does_not_change(layout: BufferLayout | None) -> None:
    before = tiles()
    after = stage_value(before, "row", "t0", REGISTER, layout)
    assert "t0_tile" in "".join(lines_of(after))
    for size in (1, 3):
        assert_same(before, after, {w.N_SYMBOL: size})


def test_a_value_of_a_loop_that_may_have_no_turn_is_of_elements_that_exist() -> None:
    before = tiles(Let(T1, w.at(X, ROW, 0)), inner_end=ROW)
    assert_same(before, stage_value(before, "row", "t1", REGISTER), {w.N_SYMBOL: 3})


def test_a_team_computes_the_values_that_it_shares() -> None:
    before = tiles(kind="team")
    assert_same(before, stage_value(before, "thread", "t0", SHARED), {w.N_SYMBOL: 2})
    assert_same(before, stage_value(before, "row", "t0", SHARED), {w.N_SYMBOL: 2})
    own = tiles(Let(T1, w.count(variable("thread"))), kind="team")
    with pytest.raises(RewriteError, match="the same for all threads that share it, found thread"):
        stage_value(own, "thread", "t1", SHARED)


def test_values_under_a_condition_and_in_a_triangle() -> None:
    condition = (is_multiple_of(COLUMN, 2),)
    value = Let(T0, w.op("exp", w.at(X, ROW, COLUMN)))
    choice = If(
        condition,
        (Store(w.at(Y, ROW, COLUMN), w.number(1.0)),),
        (value, Store(w.at(Y, ROW, COLUMN), T0)),
    )
    before = w.program((X,), (Y,), w.loop(ROW, N, w.loop(COLUMN, (11, ROW + 1), choice)))
    for loop in ("row", None):
        after = stage_value(before, loop, "t0", THREAD)
        for size in (1, 5, 13):
            assert_same(before, after, {w.N_SYMBOL: size})


@settings(deadline=None, max_examples=20)
@given(plain_programs(), st.data())
def test_values_of_random_programs(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from([None, *loops_of(program)]))
    values = [one.local.name for one in walk(program.body) if isinstance(one, Let)]
    for after in each_that_applies(
        [partial(stage_value, program, loop, one, REGISTER) for one in values]
    ):
        same_meaning(program, after, SOME_SIZES[1])


ROWS, TERM = variable("rows"), variable("term")
SIDE = 2
TALL, WIDE = w.floats("x", N, 6), w.floats("y", N, SIDE)


def sums(terms: IndexLike = 6) -> LoopProgram:
    """Return sums of computed terms, in tiles of 4 rows, of which threads have 2 each."""
    thread, side = variable("thread"), variable("side")
    row = ROWS * 4 + thread * 2 + INNER
    value = Let(T0, w.op("exp", Select((below(row, N),), w.at(TALL, row, TERM), w.number(0.0))))
    total = w.at(w.register("total"))
    body = (
        Allocate(total.buffer),
        Store(total, w.number(0.0)),
        w.loop(TERM, terms, value, Accumulate("sum", (total,), (T0,))),
        Store(w.at(WIDE, row, side), total, conditions=(below(row, N),)),
    )
    own = w.loop(side, SIDE, w.loop(INNER, 2, *body), kind="thread")
    blocks = w.loop(ROWS, (N + 3) // 4, w.loop(thread, 2, own, kind="thread"), kind="block")
    return w.program((TALL,), (WIDE,), blocks)


@pytest.mark.parametrize(
    "axes",
    [
        (("thread", "inner"), ("term",)),
        (("term",), ("thread", "inner")),
        (("term", "inner"), ("thread",)),
        (("thread", "inner", "term"),),
    ],
)
def test_threads_number_their_turns_together(axes: tuple[tuple[str, ...], ...]) -> None:
    before = sums()
    after = stage_value(before, "side", "t0", SHARED, name="terms", axes=axes)
    shape = ", ".join(str(math.prod(TURNS[loop] for loop in axis)) for axis in axes)
    assert any(f"allocate terms: float32[{shape}] in shared" in one for one in lines_of(after))
    for size in (1, 4, 7):
        assert_same(before, after, {w.N_SYMBOL: size})


def test_an_axis_may_be_of_a_loop_that_the_value_does_not_depend_on() -> None:
    x = w.floats("x", N, 6)
    y = w.floats("y", N, 4, 6)
    inner = w.loop(
        INNER,
        4,
        w.loop(TERM, 6, Let(T0, w.at(x, ROWS, TERM)), Store(w.at(y, ROWS, INNER, TERM), T0)),
    )
    before = w.program((x,), (y,), w.loop(ROWS, N, inner))
    after = stage_value(before, "rows", "t0", SHARED, name="terms", axes=(("inner",), ("term",)))
    assert any("allocate terms: float32[4, 6] in shared" in one for one in lines_of(after))
    assert_same(before, after, {w.N_SYMBOL: 3})


def test_threads_take_elements_in_an_order_of_tiles() -> None:
    """Of the terms two by two, each for all rows of a block."""
    before, axes = sums(), (("thread", "inner"), ("term",))
    order = BufferLayout((1, 0, 1), {1: 2})
    after = stage_value(before, "side", "t0", SHARED, name="terms", axes=axes, order=order)
    plain = stage_value(before, "side", "t0", SHARED, name="terms", axes=axes)
    assert lines_of(after) != lines_of(plain)
    for size in (1, 4, 7):
        assert_same(before, after, {w.N_SYMBOL: size})


@pytest.mark.parametrize("order", [BufferLayout((1, 0, 1), {1: 4}), BufferLayout((0,))])
def test_an_order_of_other_tiles_is_refused(order: BufferLayout) -> None:
    axes = (("thread", "inner"), ("term",))
    with pytest.raises(RewriteError, match="an order of whole tiles of 4 x 6 elements"):
        stage_value(sums(), "side", "t0", SHARED, axes=axes, order=order)


TURNS = {"thread": 2, "inner": 2, "term": 6}


@pytest.mark.parametrize(
    ("terms", "axes", "message"),
    [
        (
            6,
            (("thread",), ("term",)),
            "axes of inner, term, of loops between or of threads that share it, found",
        ),
        (6, (("inner",), ("term",)), "the same for all threads that share it, found thread"),
        (6, (("thread", "inner"), ("term", "rows")), "found thread, inner, term, rows"),
        (6, (("thread", "inner"), ("term", "term")), "found thread, inner, term, term"),
        ((6, N), (("thread", "inner", "term"),), "known numbers of turns of loops that are"),
    ],
)
def test_turns_of_other_loops_are_refused(
    terms: IndexLike, axes: tuple[tuple[str, ...], ...], message: str
) -> None:
    with pytest.raises(RewriteError, match=message):
        stage_value(sums(terms), "side", "t0", SHARED, axes=axes)


CHECKED = Check(LoopVariable("found"), w.cast(w.at(X, ROW, 0), "int32"), 11, 0, ROW)
FOUND = Let(T1, w.at(X, ROW, variable("found")))
REFUSED = [
    (tiles(), "row", "t9", "a value that the body names, found only t0"),
    (tiles(Store(w.at(X, ROW, 0), w.number(0.0))), "row", "t0", "operands that the body does not"),
    (tiles(CHECKED, FOUND), "row", "t1", "a value of loops' variables"),
    (tiles(Let(T1, w.at(X, ROW - 1, 0)), inner_end=ROW), "row", "t1", "each turn of the"),
]


@pytest.mark.parametrize(("program", "loop", "value", "message"), REFUSED, ids=range(len(REFUSED)))
def test_other_values_are_refused(
    program: LoopProgram, loop: str, value: str, message: str
) -> None:
    with pytest.raises(RewriteError) as error:
        stage_value(program, loop, value, THREAD)
    assert message in str(error.value)
    assert "kernel k0(" in str(error.value)
