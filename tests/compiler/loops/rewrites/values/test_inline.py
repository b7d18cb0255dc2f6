"""Values that are computed where they are read: alone, or with the loops that compute them."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import Index, variable
from graphc.compiler.loops.program import LoopProgram, Parts
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.values.compute_at import compute_at
from graphc.compiler.loops.rewrites.values.inline import inline
from graphc.compiler.loops.statement import Accumulate, Allocate, Let, Statement, Store
from graphc.compiler.loops.value import Load, Select, at_least
from graphc.errors import EvaluationError, RewriteError
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
ROW, COLUMN, OTHER, TAP, PLACE = map(variable, ("row", "column", "other", "tap", "place"))
OUTER, INNER = variable("outer"), variable("inner")
THREAD, REGISTER, SHARED = BufferScope.THREAD, BufferScope.REGISTER, BufferScope.SHARED
X, Y = w.floats("x", N, 4), w.floats("y", 4, N)
H = new_buffer("h", "float32", (N, 4), THREAD)
T0 = w.local("t0")


def transposed(*body: Statement, at: tuple[Index, Index] = (OTHER, PLACE)) -> LoopProgram:
    """Return a program that stores values in a nest of loops, and reads them in another one."""
    first = w.loop(ROW, N, w.loop(COLUMN, 4, *body))
    last = Store(w.at(Y, PLACE, OTHER), w.op("add", w.at(H, *at), w.at(X, OTHER, 0)))
    return w.program((X,), (Y,), Allocate(H), first, w.loop(PLACE, 4, w.loop(OTHER, N, last)))


NAMED = (
    Let(T0, w.op("exp", w.at(X, ROW, COLUMN))),
    Store(w.at(H, ROW, COLUMN), w.op("add", T0, w.count(COLUMN))),
)


def pooled(stride: int = 2, size: int = 3) -> LoopProgram:
    """Return the greatest of some neighbours of a convolution of three taps."""
    x, filters, y = w.floats("x", N * stride + 8), w.floats("filters", 3), w.floats("y", N)
    h = new_buffer("h", "float32", (N * stride + 3,), THREAD)
    add = w.op("mul", w.at(x, ROW + TAP), w.at(filters, TAP))
    step = Accumulate("max", (w.at(y, PLACE),), (w.at(h, PLACE * stride + OTHER),))
    return w.program(
        (x, filters),
        (y,),
        Allocate(h),
        w.loop(
            ROW,
            N * stride + 3,
            Store(w.at(h, ROW), w.number(0.0)),
            w.loop(TAP, 3, Accumulate("sum", (w.at(h, ROW),), (add,))),
        ),
        w.loop(
            PLACE,
            N,
            Store(w.at(y, PLACE), w.number(-float("inf"))),
            w.loop(OTHER, size, step),
        ),
    )


# ---- inlining -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4, 7])
def test_a_value_is_computed_where_it_is_read(size: int) -> None:
    before = transposed(*NAMED)
    after = inline(before, "h")
    assert lines_of(after) == [
        "for place < 4:",
        "for other < n:",
        "y[place, other] = add(add(exp(x[other, place]), float32(place)), x[other, 0])",
    ]
    assert_same(before, after, {w.N_SYMBOL: size})


def test_the_turn_of_a_tiled_store_is_found_from_the_element() -> None:
    h = new_buffer("h", "float32", (N * 4,), THREAD)
    store = Store(w.at(h, OUTER * 4 + INNER), w.op("mul", w.at(X, OUTER, INNER), w.count(INNER)))
    read = w.at(h, N * 4 - 1 - PLACE)
    y = w.floats("y", N * 4)
    before = w.program(
        (X,),
        (y,),
        Allocate(h),
        w.loop(OUTER, N, w.loop(INNER, 4, store)),
        w.loop(PLACE, N * 4, Store(w.at(y, PLACE), read)),
    )
    after = inline(before, "h")
    for size in (1, 3):
        assert_same(before, after, {w.N_SYMBOL: size})


# ---- computation where it is read ---------------------------------------------------------------


@pytest.mark.parametrize("layout", [None, BufferLayout((0, 0), {0: 2})])
@pytest.mark.parametrize(("stride", "size"), [(2, 2), (2, 3), (3, 2), (1, 4)])
def test_a_convolution_is_computed_in_the_loop_of_its_pooling(
    stride: int, size: int, layout: BufferLayout | None
) -> None:
    before = pooled(stride, size)
    after = compute_at(before, "h", "place", REGISTER, layout)
    assert "for row < 2*n + 3:" not in lines_of(after)
    for n in (1, 5):
        assert_same(before, after, {w.N_SYMBOL: n})


def test_the_elements_of_a_box_are_those_that_the_body_reads() -> None:
    assert lines_of(compute_at(pooled(), "h", "place", REGISTER, name="window")) == [
        "for place < n:",
        "allocate window: float32[3] in register",
        "for window_axis0 < 3:",
        "window[window_axis0] = 0.0",
        "for tap_2 < 3:",
        "window[window_axis0] = sum(window[window_axis0], "
        "mul(x[2*place + tap_2 + window_axis0], filters[tap_2]))",
        "y[place] = -inf",
        "for other < 3:",
        "y[place] = max(y[place], window[other])",
    ]


def test_elements_at_a_border_are_not_computed() -> None:
    x, y = w.floats("x", N), w.floats("y", N)
    h = new_buffer("h", "float32", (N,), THREAD)
    inside = Select((at_least(PLACE, 1),), w.at(h, PLACE - 1), w.number(3.0))
    before = w.program(
        (x,),
        (y,),
        Allocate(h),
        w.loop(ROW, N, Store(w.at(h, ROW), w.op("exp", w.at(x, ROW)))),
        w.loop(PLACE, N, Store(w.at(y, PLACE), w.op("add", inside, w.at(h, PLACE)))),
    )
    after = compute_at(before, "h", "place", REGISTER)
    assert any(line.startswith("if ") for line in lines_of(after))
    for size in (1, 4):
        assert_same(before, after, {w.N_SYMBOL: size})


def test_threads_of_a_team_compute_a_shared_box_together() -> None:
    x, y = w.floats("x", N * 4 + 2), w.floats("y", N, 4)
    h = new_buffer("h", "float32", (N * 4 + 2,), BufferScope.GLOBAL)
    thread = variable("thread")
    add = Accumulate("sum", (w.at(y, PLACE, thread),), (w.at(h, PLACE * 4 + thread + TAP),))
    body = (Store(w.at(y, PLACE, thread), w.number(0.0)), w.loop(TAP, 3, add))
    team = w.loop(thread, 4, w.loop(PLACE, N, *body), kind="team")
    first = w.loop(ROW, N * 4 + 2, Store(w.at(h, ROW), w.op("exp", w.at(x, ROW))))
    before = w.program((x,), (y,), Allocate(h), first, team)
    after = compute_at(before, "h", "place", SHARED)
    assert_same(before, after, {w.N_SYMBOL: 3})


# ---- random programs ----------------------------------------------------------------------------


def with_allocated(program: LoopProgram, name: str) -> LoopProgram:
    """Return a random program with an output as a buffer of its own, copied to a new output."""
    (output,) = (one for one in program.outputs if one.name == name)
    local = new_buffer("kept", output.dtype, output.shape, THREAD)

    def moved(load: Load) -> Load:
        return Load(local, load.coords) if load.buffer is output else load

    parts = Parts(
        value=lambda value: moved(value) if isinstance(value, Load) else value, target=moved
    )
    axes = [variable(f"copied{axis}") for axis in range(len(output.shape))]
    last: Statement = Store(w.at(output, *axes), w.at(local, *axes))
    for axis, size in reversed(list(zip(axes, output.shape, strict=True))):
        last = w.loop(axis, size, last)
    body = (Allocate(local), *parts.in_body(program.body), last)
    return LoopProgram("random", program.inputs, program.outputs, (), body)


@settings(deadline=None, max_examples=20)
@given(plain_programs(), st.data())
def test_values_of_random_programs(program: LoopProgram, data: st.DataObject) -> None:
    inputs = {one.name for one in program.inputs}
    plain = [one for one in program.outputs if one.memory == one.name and one.name not in inputs]
    if not plain:
        return
    before = with_allocated(program, data.draw(st.sampled_from(plain)).name)
    try:
        evaluate(before, arrays_for(before, SOME_SIZES[1]), SOME_SIZES[1])
    except EvaluationError:  # an element is copied that has no value
        return
    loop = data.draw(st.sampled_from(loops_of(before)))
    rewrites = [
        partial(inline, before, "kept"),
        partial(compute_at, before, "kept", "copied0", THREAD),
        partial(compute_at, before, "kept", loop, REGISTER),
    ]
    for after in each_that_applies(rewrites):
        same_meaning(before, after, SOME_SIZES[1])


# ---- refusals -----------------------------------------------------------------------------------

ADDED = (
    Store(w.at(H, ROW, COLUMN), w.number(0.0)),
    Accumulate("sum", (w.at(H, ROW, COLUMN),), (w.at(X, ROW, COLUMN),)),
)
OVERWRITTEN = w.program(
    (X,),
    (X, Y),
    *transposed(*NAMED).body[:2],
    w.loop(TAP, N, Store(w.at(X, TAP, 0), w.number(0.0))),
    transposed(*NAMED).body[2],
)
REFUSED = [
    (transposed(*NAMED), "x", "a buffer that the program allocates"),
    (transposed(*ADDED), "h", "a value that one statement stores (see compute_at)"),
    (OVERWRITTEN, "h", "operands that keep their values, found a store to x"),
    (
        transposed(Store(w.at(H, ROW, 3 - COLUMN), w.count(COLUMN))),
        "h",
        "the element says in which turn of its loops it is stored",
    ),
    (
        transposed(NAMED[0], Store(w.at(H, ROW, COLUMN), T0), Store(w.at(H, ROW, 0), T0)),
        "h",
        "writes to one element in a turn",
    ),
]


@pytest.mark.parametrize(("program", "buffer", "message"), REFUSED, ids=range(len(REFUSED)))
def test_other_values_are_not_inlined(program: LoopProgram, buffer: str, message: str) -> None:
    with pytest.raises(RewriteError) as error:
        inline(program, buffer)
    assert message in str(error.value)
    assert "kernel k0(" in str(error.value)


@pytest.mark.parametrize(
    ("program", "loop", "message"),
    [
        (pooled(), "row", "the loop 'row' alone reads it"),
        (OVERWRITTEN, "place", "operands that keep their values, found a store to x"),
        (transposed(*ADDED, at=(PLACE, OTHER)), "tap", "the name of a loop's variable"),
        (
            transposed(*ADDED, Store(w.at(Y, COLUMN, ROW), w.number(0.0))),
            "place",
            "a nest of loops that writes nothing else",
        ),
    ],
    ids=range(4),
)
def test_other_loops_do_not_compute(program: LoopProgram, loop: str, message: str) -> None:
    with pytest.raises(RewriteError) as error:
        compute_at(program, "h", loop, REGISTER)
    assert message in str(error.value)
    assert "kernel k0(" in str(error.value)
