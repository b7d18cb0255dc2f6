"""Staging of results: the body's writes reach the buffer at its end, and no others do."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.graph.dim import symbol, symbols
from graphc.compiler.loops.buffer import BufferScope, view
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage_result import stage_result
from graphc.compiler.loops.statement import Accumulate, Barrier, If, Store
from graphc.compiler.loops.value import at_least, below
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import SOME_SIZES, loops_of, plain_programs, same_meaning
from tests.compiler.loops.rewritten import assert_same, each_that_applies, lines_of

N, M, K = w.N, w.M, symbol("k")
(K_SYMBOL,) = symbols(K)
ROW, COLUMN, OUTER, INNER = map(variable, ("row", "column", "outer", "inner"))
FIRST, AGAIN = variable("first"), variable("again")
X, W, Y = w.floats("x", N, K), w.floats("w", K, M), w.floats("y", N, M)
REGISTER, THREAD = BufferScope.REGISTER, BufferScope.THREAD
TERM = w.op("mul", w.at(X, ROW, w.K), w.at(W, w.K, COLUMN))
ALL_SIZES = [
    {w.N_SYMBOL: n, w.M_SYMBOL: m, K_SYMBOL: k} for n, m, k in [(1, 1, 1), (4, 8, 3), (5, 11, 5)]
]


def product() -> LoopProgram:
    """Return a product that adds to its result in place."""
    element = w.at(Y, ROW, COLUMN)
    body = w.loop(
        COLUMN,
        M,
        Store(element, w.number(0.0)),
        w.loop(w.K, K, Accumulate("sum", (element,), (TERM,))),
    )
    return w.program((X, W), (Y,), w.loop(ROW, N, body))


def tiles(read_first: bool = False) -> LoopProgram:
    """Return the same a tile of 4 columns at a time, or a product that is added to the result."""
    at = OUTER * 4
    term = w.op("mul", w.at(X, ROW, w.K), w.at(W, w.K, at + INNER))
    ends = (4, M - at)
    first = w.loop(FIRST, ends, Store(w.at(Y, ROW, at + FIRST), w.number(0.0)))
    add = Accumulate("sum", (w.at(Y, ROW, at + INNER),), (term,))
    body = [] if read_first else [first]
    body.append(w.loop(w.K, K, w.loop(INNER, ends, add)))
    inputs = (X, W, Y) if read_first else (X, W)
    return w.program(inputs, (Y,), w.loop(ROW, N, w.loop(OUTER, (M + 3) // 4, *body)))


@pytest.mark.parametrize("sizes", ALL_SIZES)
@pytest.mark.parametrize(
    ("before", "loop", "scope", "layout"),
    [
        (product(), "column", REGISTER, None),
        (product(), "row", THREAD, BufferLayout((1, 0, 1), {1: 8})),
        (product(), None, BufferScope.GLOBAL, BufferLayout((1, 0))),
        (tiles(), "outer", REGISTER, None),
        (tiles(read_first=True), "outer", REGISTER, None),
        (tiles(read_first=True), "row", THREAD, BufferLayout((1, 0))),
    ],
    ids=range(6),
)
def test_results_are_the_same(
    before: LoopProgram,
    loop: str | None,
    scope: BufferScope,
    layout: BufferLayout | None,
    sizes: dict[object, int],
) -> None:
    assert_same(before, stage_result(before, loop, "y", scope, layout), sizes)


def test_what_is_written_first_is_not_copied_in() -> None:
    assert lines_of(stage_result(tiles(), "outer", "y", REGISTER, name="sums"))[2:] == [
        "allocate sums: float32[1, 4] in register",
        "for first < min(4, m - 4*outer):",
        "sums[0, first] = 0.0",
        "for k < k:",
        "for inner < min(4, m - 4*outer):",
        "sums[0, inner] = sum(sums[0, inner], mul(x[row, k], w[k, 4*outer + inner]))",
        "for inner_2 < min(4, m - 4*outer):",
        "y[row, 4*outer + inner_2] = sums[0, inner_2]",
    ]


def test_elements_under_conditions_alone_are_copied_back() -> None:
    x, y = w.floats("x", N), w.floats("y", N)
    store = Store(w.at(y, ROW), w.at(x, ROW), (at_least(ROW, 2),))
    other = If((at_least(3 - ROW),), (), (Store(w.at(y, ROW), w.number(7.0)),))
    before = w.program((x, y), (y,), w.loop(ROW, N, store, other))
    after = stage_result(before, None, "y", THREAD)
    for size in (1, 4, 6):
        assert_same(before, after, {w.N_SYMBOL: size})


def test_terms_under_tests_are_added_to_what_is_stored_first() -> None:
    x, y = w.floats("x", N, 4), w.floats("y", N)
    add = Accumulate("sum", (w.at(y, ROW),), (w.at(x, ROW, COLUMN),))
    some = w.loop(COLUMN, 4, If((below(ROW + COLUMN, N),), (add,)))
    before = w.program((x,), (y,), w.loop(ROW, N, Store(w.at(y, ROW), w.number(0)), some))
    after = stage_result(before, "row", "y", REGISTER)
    assert lines_of(after)[1:] == [
        "allocate y_tile: float32[1] in register",
        "y_tile[0] = 0.0",
        "for column < 4:",
        "if column + row < n:",
        "y_tile[0] = sum(y_tile[0], x[row, column])",
        "y[row] = y_tile[0]",
    ]
    for size in (1, 3, 6):
        assert_same(before, after, {w.N_SYMBOL: size})


def shifted() -> LoopProgram:
    """Return a program that reads an element that it has stored in the turn before."""
    y = w.floats("y", N + 1)
    first = Store(w.at(y, 0), w.number(1.0))
    step = Store(w.at(y, ROW + 1), w.op("neg", w.at(y, ROW)))
    return w.program((), (y,), w.loop(AGAIN, 1, first, w.loop(ROW, N, step)))


def crossed() -> LoopProgram:
    """Return a program that stores the elements of one loop, and adds to those of another."""
    y = w.floats("y", 3)
    add = Accumulate("sum", (w.at(y, COLUMN),), (w.number(1.0),))
    body = w.loop(ROW, 3, w.loop(COLUMN, 3, Store(w.at(y, ROW), w.number(2.0)), add))
    return w.program((y,), (y,), w.loop(AGAIN, 1, body))


def with_body(*body: object) -> LoopProgram:
    return w.program((X, W), (Y,), w.loop(ROW, N, *body))  # type: ignore[arg-type]


REFUSED = [
    (product(), "row", "x", THREAD, None, "a buffer that the body writes, found only y"),
    (product(), "row", "y", THREAD, BufferLayout((0,)), "a layout of its 2 axes"),
    (product(), "row", "y", BufferScope.SHARED, BufferLayout((0,)), "a layout of its 2 axes"),
    (shifted(), "again", "y", THREAD, None, "writes an element before it reads it"),
    (crossed(), "again", "y", THREAD, None, "writes an element before it reads it"),
    (
        with_body(Store(w.at(Y, ROW, 0), w.number(0.0)), Barrier()),
        "row",
        "y",
        THREAD,
        None,
        "no thread waits for another one",
    ),
    (
        with_body(
            Store(w.at(Y, ROW, 0), w.number(0.0)),
            Store(w.at(view(Y, "column", (N,), (M,)), ROW), w.number(0.0)),
        ),
        "row",
        "y",
        THREAD,
        None,
        "another view of it",
    ),
    (
        with_body(w.loop(INNER, ROW, Store(w.at(Y, ROW, 0), w.number(0.0)))),
        "row",
        "y",
        THREAD,
        None,
        "found inner, which may have none",
    ),
]


@pytest.mark.parametrize(
    ("program", "loop", "buffer", "scope", "layout", "message"), REFUSED, ids=range(len(REFUSED))
)
def test_other_results_are_refused(
    program: LoopProgram,
    loop: str,
    buffer: str,
    scope: BufferScope,
    layout: BufferLayout | None,
    message: str,
) -> None:
    with pytest.raises(RewriteError) as error:
        stage_result(program, loop, buffer, scope, layout)
    assert message in str(error.value)
    assert "kernel k0(" in str(error.value)


@settings(deadline=None, max_examples=20)
@given(plain_programs(recurrences=True), st.data())
def test_results_of_random_programs(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from([None, *loops_of(program)]))
    scope = data.draw(st.sampled_from([REGISTER, BufferScope.SHARED, THREAD]))
    for buffer in program.outputs:
        order = data.draw(st.permutations(range(len(buffer.shape))))
        layout = BufferLayout(tuple(order))
        for after in each_that_applies(
            [partial(stage_result, program, loop, buffer.name, scope, layout)]
        ):
            same_meaning(program, after, *SOME_SIZES[:2])
