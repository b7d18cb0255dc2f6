"""Dependence: no proof is wrong, and those that mappings need are found."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.graph.dim import Size, Symbol, symbol, symbols
from graphc.compiler.loops.access import Access, accesses
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer, view
from graphc.compiler.loops.dependence import (
    dependences,
    is_in_place_safe,
    is_parallel,
    may_fission,
    may_join,
    may_meet,
    may_reorder,
)
from graphc.compiler.loops.index import Index, LoopVariable, as_index, variable
from graphc.compiler.loops.program import Body, LoopProgram, walk
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    BufferWindow,
    Check,
    For,
    If,
    Intrinsic,
    Let,
    LoopKind,
    Statement,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Constant, Load, Local, Value, below

N, M = symbol("n"), symbol("m")
(N_SYMBOL,), (M_SYMBOL,) = symbols(N), symbols(M)
ROW, COLUMN = variable("i"), variable("j")
X = new_buffer("x0", "float32", (N, 10))
Y = new_buffer("y0", "float32", (N, 10))
IDS = new_buffer("ids", "int32", (N,))
ONE = Constant(1.0, "float32")


def loop(name: str, end: Size | Index, *body: Statement) -> For:
    return For(LoopVariable(name), (as_index(end),), body)


def store(buffer: Buffer, *coords: Size | Index, value: Value = ONE) -> Store:
    return Store(load(buffer, *coords), value)


def load(buffer: Buffer, *coords: Size | Index) -> Load:
    return Load(buffer, tuple(map(as_index, coords)))


def program(*body: Statement) -> LoopProgram:
    return LoopProgram("k0", (X, IDS), (Y,), (), body)


def nest(*body: Statement) -> LoopProgram:
    return program(loop("i", N, loop("j", 10, *body)))


# ---- loops whose turns have no order ------------------------------------------------------------


def test_a_loop_that_stores_elements_of_its_own_is_parallel() -> None:
    made = nest(store(Y, ROW, COLUMN, value=load(X, ROW, COLUMN)))
    assert is_parallel(made, made.loop("i"))
    assert is_parallel(made, made.loop("j"))


def test_a_sum_is_carried_by_the_loop_that_it_does_not_move_with() -> None:
    sums = new_buffer("s0", "float32", (N,))
    made = nest(Accumulate("sum", (load(sums, ROW),), (load(X, ROW, COLUMN),)))
    assert is_parallel(made, made.loop("i"))
    answer = is_parallel(made, made.loop("j"))
    assert answer.reason == (
        "s0[i] of `s0[i] = sum(s0[i], x0[i, j])`, which may be "
        "s0[i] of `s0[i] = sum(s0[i], x0[i, j])` in a later turn of j"
    )


def test_neighbours_that_are_read_are_carried() -> None:
    made = program(
        loop("i", N - 1, loop("j", 10, store(Y, ROW + 1, COLUMN, value=load(Y, ROW, COLUMN))))
    )
    assert not is_parallel(made, made.loop("i"))
    assert is_parallel(made, made.loop("j"))


def test_turns_of_a_split_loop_do_not_meet() -> None:
    flat = new_buffer("f", "float32", (N,))
    inner = For(LoopVariable("j"), (as_index(16), N - ROW * 16), (store(flat, ROW * 16 + COLUMN),))
    made = program(loop("i", (N + 15) // 16, inner))
    assert is_parallel(made, made.loop("i"))
    assert is_parallel(made, made.loop("j"))


def test_turns_of_a_fused_loop_do_not_meet() -> None:
    made = program(loop("i", N * 10, store(Y, ROW // 10, ROW % 10)))
    assert is_parallel(made, made.loop("i"))


def tiles_of_rows(rows: int) -> LoopProgram:
    """Return a program that stores rows of six elements, eight elements at a time."""
    at = ROW * 8 + COLUMN
    element = If((below(at, 6 * N),), (store(Y, at // 6, at % rows),))
    return program(loop("i", (6 * N + 7) // 8, loop("j", 8, element)))


def test_a_quotient_and_a_remainder_say_which_element_it_is() -> None:
    made = tiles_of_rows(6)
    assert is_parallel(made, made.loop("i"))
    assert is_parallel(made, made.loop("j"))
    made = tiles_of_rows(5)  # elements 4 and 5 have one remainder, and often one quotient
    assert not is_parallel(made, made.loop("i"))
    assert not is_parallel(made, made.loop("j"))


def windows(every: int, rows: int, columns: int, turns: int = 4) -> LoopProgram:
    """Return a program that stores every so many elements of each axis of images, of all of which
    it counts the windows, some at a time."""
    images = new_buffer("images", "float32", (N, every * 6, every * 17))
    at = ROW * turns + COLUMN
    count = rows * columns
    coords = (at // count, at // columns % rows * every, at % columns * every)
    element = If((below(at, N * count),), (store(images, *coords),))
    return program(loop("i", (N * count + turns - 1) // turns, loop("j", turns, element)))


@pytest.mark.parametrize(("rows", "columns"), [(5, 17), (6, 16), (4, 17), (6, 17)])
@pytest.mark.parametrize("every", [1, 2])
def test_quotients_of_quotients_say_which_window_it_is(every: int, rows: int, columns: int) -> None:
    made = windows(every, rows, columns)
    assert is_parallel(made, made.loop("i"))
    assert is_parallel(made, made.loop("j"))


def test_windows_of_other_rows_meet() -> None:
    at = ROW * 4 + COLUMN
    images = new_buffer("images", "float32", (N, 5, 17))
    other = loop("j", 4, store(images, at // 85, at // 17 % 4, at % 17))
    made = program(loop("i", 20 * N, other))
    assert not is_parallel(made, made.loop("i"))


def test_elements_in_c_order_have_places_of_their_own_at_all_sizes() -> None:
    image = new_buffer("image", "float32", (N - 2, N - 2))
    made = program(loop("i", N - 2, loop("j", N - 2, store(image, ROW, COLUMN))))
    assert is_parallel(made, made.loop("i"))
    assert is_parallel(made, made.loop("j"))


@pytest.mark.parametrize(("plane", "is_distinct"), [(25, True), (24, False)])
def test_the_place_of_an_element_says_which_one_it_is(plane: int, is_distinct: bool) -> None:
    """Places of one of three channels of images of 25 places, of which lanes have every so many;
    if a place counted as 24 of them, the last one of a plane would be the first of the next."""
    flat = new_buffer("f", "float32", (75 * N,))
    turn, warp, lane = variable("turn"), variable("warp"), variable("lane")
    place = turn * 256 + warp * 32 + lane
    element = store(flat, place // 25 * (3 * plane) + ROW * plane + place % 25)
    test = If((below(place, 25 * N),), (element,))
    inside = loop("turn", (25 * N + 255) // 256, loop("warp", 8, loop("lane", 32, test)))
    made = program(loop("i", 3, inside))
    assert bool(may_reorder(made, made.loop("turn"), made.loop("warp"))) is True
    assert bool(is_parallel(made, made.loop("lane"))) is True
    assert bool(is_parallel(made, made.loop("i"))) is is_distinct


def test_a_view_of_another_shape_is_compared_by_places() -> None:
    flat = view(Y, "flat", (N * 10,))
    made = nest(store(Y, ROW, COLUMN, value=load(flat, ROW * 10 + COLUMN)))
    assert is_parallel(made, made.loop("i"))
    late = nest(store(Y, ROW, COLUMN, value=load(flat, ROW * 10 + COLUMN + 1)))
    assert not is_parallel(late, late.loop("j"))
    assert not is_parallel(late, late.loop("i"))


def test_parts_of_a_concatenation_do_not_meet() -> None:
    left = view(Y, "left", (N, 4), (10, 1))
    right = view(Y, "right", (N, 6), (10, 1), 4)
    made = program(
        loop(
            "i",
            N,
            loop("j", 4, store(left, ROW, COLUMN)),
            loop("k", 6, store(right, ROW, variable("k"))),
        )
    )
    assert is_parallel(made, made.loop("i"))
    overlapping = view(Y, "right", (N, 7), (10, 1), 4)
    made = program(
        loop(
            "i",
            N,
            loop("j", 4, store(left, ROW, COLUMN)),
            loop("k", 7, store(overlapping, ROW, variable("k"))),
        )
    )
    assert not is_parallel(made, made.loop("i"))


def test_even_and_odd_places_do_not_meet() -> None:
    pairs = new_buffer("p", "float32", (N * 2,))
    made = program(loop("i", N - 3, store(pairs, ROW * 2, value=load(pairs, ROW * 2 + 5))))
    assert is_parallel(made, made.loop("i"))
    made = program(loop("i", N - 3, store(pairs, ROW * 2, value=load(pairs, ROW * 2 + 4))))
    assert not is_parallel(made, made.loop("i"))


@pytest.mark.parametrize(("turns", "is_distinct"), [(16, True), (17, False)])
def test_halves_of_an_array_do_not_meet(turns: int, is_distinct: bool) -> None:
    sums = new_buffer("sums", "float32", (64,))
    added = store(sums, ROW * 2, value=load(sums, ROW * 2 + 32))
    made = program(loop("i", turns, added))
    assert bool(is_parallel(made, made.loop("i"))) is is_distinct


def test_turns_between_the_multiples_of_others_do_not_meet() -> None:
    """Of ``1024*i + 32*j + k`` each has its own k, whichever i and j the others have."""
    whole, lane = new_buffer("whole", "float32", (N, 512)), variable("k")
    place, turns = ROW * 1024 + COLUMN * 32 + lane, as_index((N + 31) // 32)
    column = variable("column") + variable("tile") * 8
    inside = (If((below(place, N),), (store(whole, place, column),)),)
    ends = as_index(32), turns - ROW * 32
    for end, expected in ((32, True), (33, False)):
        rows = loop("i", (turns + 31) // 32, For(LoopVariable("j"), ends, inside))
        lanes = loop("k", end, loop("column", 8, rows))
        program = LoopProgram("k0", (), (whole,), (), (loop("tile", 64, lanes),))
        assert bool(is_parallel(program, lanes)) is expected


def test_what_is_loaded_meets_everything() -> None:
    check = Check(LoopVariable("row"), load(IDS, ROW), N, 0, ROW)
    made = program(loop("i", N, check, loop("j", 10, store(Y, variable("row"), COLUMN))))
    assert not is_parallel(made, made.loop("i"))
    assert is_parallel(made, made.loop("j"))


def test_a_check_is_ahead_of_what_its_failure_holds_back() -> None:
    check = Check(LoopVariable("row"), load(IDS, ROW), N, 0, ROW)
    read = load(X, variable("row"), 0)
    made = program(loop("i", N, check, store(Y, ROW, 0, value=read)))
    assert is_parallel(made, made.loop("i"))
    guarded = Store(load(Y, ROW, 0), read, guarded=True)
    made = program(loop("i", N, check, guarded))
    assert "status word" in is_parallel(made, made.loop("i")).reason
    again = program(loop("i", N, replace(check, is_repeated=True), guarded))
    assert is_parallel(again, again.loop("i"))


@pytest.mark.parametrize(
    ("scope", "kind", "expected"),
    [
        (BufferScope.REGISTER, LoopKind.TEAM, True),
        (BufferScope.REGISTER, LoopKind.VECTOR, True),
        (BufferScope.THREAD, LoopKind.THREAD, True),
        (BufferScope.THREAD, LoopKind.VECTOR, False),
        (BufferScope.SHARED, LoopKind.BLOCK, True),
        (BufferScope.SHARED, LoopKind.THREAD, False),
        (BufferScope.SHARED, LoopKind.TEAM, False),
        (BufferScope.GLOBAL, LoopKind.BLOCK, False),
        (BufferScope.GLOBAL, LoopKind.SERIAL, True),
    ],
)
def test_what_a_turn_allocates_is_its_own_by_scope(
    scope: BufferScope, kind: LoopKind, expected: bool
) -> None:
    part = new_buffer("part", "float32", (), scope)
    made = program(
        loop("i", N, Allocate(part), store(part), store(Y, ROW, 0, value=load(part))),
    )
    assert bool(is_parallel(made, made.loop("i"), kind)) is expected


def test_a_buffer_from_outside_is_shared_by_all_turns() -> None:
    part = new_buffer("part", "float32", (), BufferScope.REGISTER)
    made = program(Allocate(part), loop("i", N, store(part), store(Y, ROW, 0, value=load(part))))
    assert not is_parallel(made, made.loop("i"))


def test_an_intrinsic_accesses_what_its_meaning_does() -> None:
    size = symbol("size")
    (size_symbol,) = symbols(size)
    target = Buffer("target", "float32", (size,), BufferScope.GLOBAL, (1,), 0, "target")
    fill = Intrinsic("fill", (target,), (loop("p", size, store(target, variable("p"))),), "fill.h")

    def filled(start: Index, count: Size) -> LoopProgram:
        window = BufferWindow(Y, (ROW, start), (1,))
        return program(
            loop(
                "i", N, loop("j", 2, UseIntrinsic(fill, (window,), {size_symbol: as_index(count)}))
            )
        )

    made = filled(COLUMN * 5, 5)
    assert is_parallel(made, made.loop("i"))
    assert is_parallel(made, made.loop("j"))
    made = filled(COLUMN * 4, 5)
    assert is_parallel(made, made.loop("i"))
    assert not is_parallel(made, made.loop("j"))
    made = filled(as_index(0), 10)
    assert not is_parallel(made, made.loop("j"))


# ---- loops that change places, divide and join --------------------------------------------------


def test_a_distance_that_is_forward_outside_and_back_inside_forbids_reorder() -> None:
    def shifted(rows: int, columns: int) -> bool:
        read = load(Y, ROW, COLUMN + 1)
        made = program(
            loop("i", N - 1, loop("j", 9, store(Y, ROW + rows, COLUMN + 1 + columns, value=read)))
        )
        return bool(may_reorder(made, made.loop("i"), made.loop("j")))

    assert shifted(0, 1)
    assert shifted(1, 0)
    assert shifted(1, 1)
    assert not shifted(1, -1)


def test_the_order_of_a_sum_is_kept() -> None:
    total = new_buffer("s0", "float32", ())
    made = nest(Accumulate("sum", (load(total),), (load(X, ROW, COLUMN),)))
    assert not may_reorder(made, made.loop("i"), made.loop("j"))
    columns = new_buffer("s0", "float32", (10,))
    made = nest(Accumulate("sum", (load(columns, COLUMN),), (load(X, ROW, COLUMN),)))
    assert may_reorder(made, made.loop("i"), made.loop("j"))


def test_fission_needs_that_nothing_behind_comes_before_something_ahead() -> None:
    flat = new_buffer("f", "float32", (N + 2,))

    def divided(read: Index) -> bool:
        made = program(loop("i", N, store(flat, ROW + 1), store(Y, ROW, 0, value=load(flat, read))))
        return bool(may_fission(made, made.loop("i"), 1))

    assert divided(ROW)
    assert divided(ROW + 1)
    assert not divided(ROW + 2)


def test_fission_looks_at_each_statement_that_reads_an_element() -> None:
    flat = new_buffer("f", "float32", (N + 2,))
    read = load(flat, ROW + 1)
    made = program(
        loop("i", N, store(Y, ROW, 0, value=read), store(flat, ROW), store(Y, ROW, 1, value=read))
    )
    assert may_fission(made, made.loop("i"), 1)
    assert not may_fission(made, made.loop("i"), 2)


def test_turns_of_threads_have_an_order_by_the_loop_around_alone() -> None:
    for kind, expected in ((LoopKind.SERIAL, True), (LoopKind.TEAM, False)):
        threads = For(
            LoopVariable("j"),
            (as_index(10),),
            (store(Y, ROW + 1, COLUMN + 1, value=load(Y, ROW, COLUMN)),),
            kind,
        )
        made = program(loop("i", N, threads))
        assert bool(may_reorder(made, made.loop("i"), made.loop("j"))) is expected


def test_loops_join_if_their_fission_is_allowed() -> None:
    flat = new_buffer("f", "float32", (N + 2,))

    def joined(read: Index) -> bool:
        made = program(
            loop("i", N, store(flat, ROW + 1)),
            loop("j", N, store(Y, COLUMN, 0, value=load(flat, read))),
        )
        return bool(may_join(made, made.loop("i"), made.loop("j")))

    assert joined(COLUMN)
    assert joined(COLUMN + 1)
    assert not joined(COLUMN + 2)


# ---- in place -----------------------------------------------------------------------------------


def test_a_store_may_take_the_place_of_what_is_read_at_the_same_element_only() -> None:
    def is_safe(body: Body) -> bool:
        made = program(*body)
        (target,) = (one for one in walk(made.body) if isinstance(one, Store))
        return bool(is_in_place_safe(made, target, X))

    first = Local("t0", "float32")
    same = store(Y, ROW, COLUMN, value=load(X, ROW, COLUMN))
    assert is_safe((loop("i", N, loop("j", 10, same)),))
    assert is_safe(
        (loop("i", N, loop("j", 10, Let(first, load(X, ROW, COLUMN)), store(Y, ROW, COLUMN))),)
    )
    assert not is_safe(
        (loop("i", N, loop("j", 10, store(Y, ROW, COLUMN), Let(first, load(X, ROW, COLUMN)))),)
    )
    ahead = Let(first, load(X, ROW, COLUMN + 1))
    assert is_safe((loop("i", N, loop("j", 9, ahead, store(Y, ROW, COLUMN))),))
    behind = Let(first, load(X, ROW, COLUMN))
    assert not is_safe((loop("i", N, loop("j", 9, behind, store(Y, ROW, COLUMN + 1))),))
    parallel = For(
        LoopVariable("i"),
        (as_index(N - 1),),
        (Let(first, load(X, ROW + 1, 0)), store(Y, ROW, 0)),
        LoopKind.TEAM,
    )
    assert not is_safe((parallel,))
    transposed = store(Y, ROW, COLUMN, value=load(X, COLUMN, ROW))
    assert not is_safe((loop("i", 10, loop("j", 10, transposed)),))


# ---- distances ----------------------------------------------------------------------------------


def test_distances() -> None:
    read = load(Y, ROW, COLUMN + 2)
    made = program(loop("i", N - 3, loop("j", 8, store(Y, ROW + 3, COLUMN, value=read))))
    (found,) = dependences(made)
    assert [str(distance) for _, distance in found.distances] == ["-3", "2"]


def test_a_distance_that_no_two_turns_have_is_no_dependence() -> None:
    made = program(loop("i", 5, store(Y, ROW + 5, 0, value=load(Y, ROW, 0))))
    assert list(dependences(made)) == []


# ---- no proof is wrong --------------------------------------------------------------------------

FLAT = new_buffer("flat", "float32", (1000,))
BOX = new_buffer("box", "float32", (12, 12))
ROWS = view(FLAT, "rows", (20, 7), (9, 1), 3)
K = variable("k")
FACTORS: st.SearchStrategy[Size] = st.sampled_from([0, 0, 1, 1, 2, 3, N])

OUTER_ENDS: st.SearchStrategy[Size] = st.sampled_from([4, N])


@st.composite
def coordinates(draw: st.DrawFn) -> Index:
    made = ROW * draw(FACTORS) + COLUMN * draw(FACTORS) + K * draw(st.sampled_from([0, 0, 1, 2]))
    made = made + draw(st.integers(0, 5))
    divisor = draw(st.sampled_from([None, None, None, 2, 3, 4]))
    if divisor is None:
        return made
    return made // divisor if draw(st.booleans()) else made % divisor


@st.composite
def elements(draw: st.DrawFn) -> Load:
    buffer = draw(st.sampled_from([FLAT, ROWS]))
    return Load(buffer, tuple(draw(coordinates()) for _ in buffer.shape))


@st.composite
def programs(draw: st.DrawFn) -> LoopProgram:
    value = draw(elements())
    body: Statement = Store(draw(elements()), value)
    if draw(st.booleans()):
        body = If((below(ROW + COLUMN, draw(st.integers(1, 5))),), (body,))
    ends = [(as_index(3),), (as_index(N),), (as_index(3), N * 3 - ROW * 3)]
    inner = For(LoopVariable("j"), draw(st.sampled_from(ends)), (body,))
    if draw(st.booleans()):
        inner = For(LoopVariable("j"), inner.ends, (loop("k", 2, body),))
    elif "k" in {one.name for one in free_variables(body)}:
        inner = For(LoopVariable("j"), inner.ends, (loop("k", 1, body),))
    return program(loop("i", draw(OUTER_ENDS), inner))


def free_variables(statement: Statement) -> set[LoopVariable]:
    found = accesses(program(statement))
    return set().union(*(one.variables for one in found))


Turn = Mapping[LoopVariable, int]


def turns(access: Access, sizes: Mapping[Symbol, int]) -> list[Turn]:
    found: list[dict[LoopVariable, int]] = [{}]
    for one in access.loops:
        found = [
            {**turn, one.variable: value}
            for turn in found
            for value in range(min(end.evaluate(turn, sizes) for end in one.ends))
        ]
    return [
        turn for turn in found if all(f.evaluate(turn, sizes) >= 0 for f in access.ranges.facts)
    ]


@settings(deadline=None, max_examples=40)
@given(programs(), st.sampled_from([{"i": 1}, {"i": 1, "j": -1}, {"j": 1}, {"i": 0, "j": 1}]))
def test_accesses_that_are_proved_not_to_meet_never_do(
    made: LoopProgram, signs: dict[str, int]
) -> None:
    directions = {LoopVariable(name): sign for name, sign in signs.items()}
    if "i" not in signs:
        directions = {LoopVariable("i"): 0, **directions}
    found = accesses(made)
    for first, second in itertools.product(found, repeat=2):
        if may_meet(first, second, directions):
            continue
        for n in (1, 2, 3):
            sizes = {N_SYMBOL: n, M_SYMBOL: 1}
            places: dict[int, list[Turn]] = {}
            for turn in turns(first, sizes):
                place = first.buffer.place(first.coords).evaluate(turn, sizes)
                places.setdefault(place, []).append(turn)
            for turn in turns(second, sizes):
                place = second.buffer.place(second.coords).evaluate(turn, sizes)
                for other in places.get(place, ()):
                    assert any(
                        (turn[one] > other[one]) - (turn[one] < other[one]) != sign
                        for one, sign in directions.items()
                    ), (str(first), str(second), turn, other)


def test_a_turn_that_does_not_come_to_its_element_meets_nothing() -> None:
    """Of the turns of j one alone stores; of two the later one stores again."""
    total = new_buffer("total", "float32", (N,))
    for turns, is_free in ((1, True), (2, False)):
        inner = loop("j", 10, If((below(COLUMN, turns),), (store(total, ROW),)))
        program = LoopProgram("k0", (), (total,), (), (loop("i", N, inner),))
        assert bool(is_parallel(program, inner)) is is_free
