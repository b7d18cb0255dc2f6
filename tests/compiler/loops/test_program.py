"""Loop programs as data: printed, walked and changed."""

from __future__ import annotations

import weakref
from dataclasses import replace

import pytest

from graphc.compiler.graph.dim import symbol
from graphc.compiler.loops.buffer import BufferScope, new_buffer, view
from graphc.compiler.loops.index import LoopVariable, as_index, index_of, variable
from graphc.compiler.loops.notes import notes_in, with_other_notes
from graphc.compiler.loops.program import (
    LoopProgram,
    kept,
    loads_of,
    substituted,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    Fence,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.text import body_lines, head_line, program_text
from graphc.compiler.loops.value import (
    Apply,
    Condition,
    Constant,
    Load,
    Local,
    Select,
    at_least,
    below,
    conditions_text,
    is_multiple_of,
)

N = symbol("n")
ROW, COLUMN = LoopVariable("row"), LoopVariable("column")
X = new_buffer("x0", "float32", (N, 10))
Y = new_buffer("y0", "float32", (N,))
SUM = new_buffer("s0", "float32", (), BufferScope.REGISTER)
ROW_SUMS = LoopProgram(
    "k0",
    (X,),
    (Y,),
    (),
    (
        For(
            ROW,
            (as_index(N),),
            (
                Allocate(SUM),
                Store(Load(SUM, ()), Constant(0.0, "float32")),
                For(
                    COLUMN,
                    (as_index(10),),
                    (
                        Accumulate(
                            "sum",
                            (Load(SUM, ()),),
                            (Load(X, (index_of(ROW), index_of(COLUMN))),),
                            "dense_1",
                        ),
                    ),
                    note="the sum of a row",
                ),
                Store(Load(Y, (index_of(ROW),)), Load(SUM, ())),
            ),
            LoopKind.TEAM,
        ),
    ),
)


def test_the_printed_form() -> None:
    assert program_text(ROW_SUMS).splitlines() == [
        "kernel k0(x0: float32[n, 10]) -> y0: float32[n]",
        "  for row < n (team):",
        "    allocate s0: float32[] in register",
        "    s0[] = 0.0",
        "    for column < 10:                      # the sum of a row",
        "      s0[] = sum(s0[], x0[row, column])   # dense_1",
        "    y0[row] = s0[]",
    ]


def test_a_buffer_keeps_no_places() -> None:
    """Equal buffers are one object, which a model that is still there may have."""
    place = weakref.ref(X.place((variable("other_row") * 3, variable("other_column"))))
    assert place() is None


def test_notes_are_replaced_by_others() -> None:
    assert notes_in(ROW_SUMS) == ("the sum of a row", "dense_1")
    other = with_other_notes(ROW_SUMS, {"dense_1": "dense_2", "": "nothing", "dense_3": "dense_4"})
    assert notes_in(other) == ("nothing", "the sum of a row", "dense_2")
    assert with_other_notes(ROW_SUMS, {"dense_3": "dense_4"}) == ROW_SUMS


def test_ranges_are_those_of_the_loops_around() -> None:
    found = dict(walk_in_ranges(ROW_SUMS.body, ROW_SUMS.ranges))
    accumulate = next(one for one in walk(ROW_SUMS.body) if isinstance(one, Accumulate))
    (load,) = loads_of(accumulate)
    assert found[accumulate].is_inside(load.coords, X.shape)
    assert found[accumulate].is_contiguous(X.place(load.coords), COLUMN)
    assert found[accumulate].step(X.place(load.coords), ROW) == 10


def test_where_a_condition_fails_its_opposite_is_a_fact() -> None:
    row = variable("row")
    choice = If((below(row, 3),), (Barrier(),), (Fence(),))
    found = {type(one): ranges for one, ranges in walk_in_ranges((choice,), Ranges())}
    assert found[Barrier].is_below(row, 3)
    assert not found[Barrier].is_never_negative(row - 3)
    assert found[Fence].is_never_negative(row - 3)
    both = If((below(row, 3), at_least(row, 1)), (Barrier(),), (Fence(),))
    found = {type(one): ranges for one, ranges in walk_in_ranges((both,), Ranges())}
    assert not found[Fence].is_never_negative(row - 3)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (below(variable("row"), N), "row < n"),
        (at_least(variable("row") - 2), "row >= 2"),
        (at_least(variable("row") - variable("column")), "column < row + 1"),
        (below(variable("row") + variable("column"), 7), "column + row < 7"),
        (is_multiple_of(variable("row") + 1, 2), "(row + 1) % 2 == 0"),
        (Condition(variable("row") - variable("column"), equal=True), "row == column"),
        (Condition(as_index(4) - variable("row"), equal=True), "row == 4"),
    ],
)
def test_a_condition_has_no_negative_terms(condition: Condition, text: str) -> None:
    assert str(condition) == text


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        ((at_least(variable("row"), 2), below(variable("row"), N + 2)), "0 <= row - 2 < n"),
        ((below(variable("row"), 7), at_least(variable("row"))), "0 <= row < 7"),
        (
            (below(variable("row"), 7), below(variable("column"), N), at_least(variable("row"))),
            "0 <= row < 7 and column < n",
        ),
        ((at_least(variable("row"), 2), below(variable("column"), 3)), "row >= 2 and column < 3"),
        (
            (is_multiple_of(variable("row"), 2), at_least(variable("row"))),
            "row % 2 == 0 and row >= 0",
        ),
    ],
)
def test_two_conditions_may_be_one_range(conditions: tuple[Condition, ...], text: str) -> None:
    assert conditions_text(conditions) == text


def test_long_lines_are_broken_after_commas_and_ahead_of_conditions() -> None:
    wide = new_buffer("a_wide_buffer_with_a_long_name", "float32", (N, 10, 10, 10))
    row, column = variable("row"), variable("column")
    load = Load(wide, (row, column, column + 1, column + 2))
    local = Local("t0", "float32")
    chosen = Select((below(row, 3), at_least(column, 2)), load, Constant(0.0, "float32"))
    total = Apply("add", (load, chosen), "float32", {})
    body = (Let(local, total, "dense_1"), Let(Local("t1", "float32"), local, "dense_2"))
    assert list(body_lines(body, "  ")) == [
        "  # dense_1",
        "  t0 = add(a_wide_buffer_with_a_long_name[row, column, column + 1, column + 2],",
        "      (a_wide_buffer_with_a_long_name[row, column, column + 1, column + 2] if row < 3",
        "      and column >= 2 else 0.0))",
        "  t1 = t0                                 # dense_2",
    ]
    assert head_line(body[1]) == "t1 = t0"


def test_a_long_sum_is_broken_ahead_of_its_signs() -> None:
    """Where a line is too long without that."""
    total = as_index(0)
    for number in range(12):
        total = total + variable(f"a_long_name_{number:02}") * (number + 2)
    (line, *others) = body_lines((Let(Local("t0", "float32"), Load(Y, (total,))),))
    assert line.startswith("t0 = y0[13*a_long_name_11 + 12*a_long_name_10")
    assert all(other.startswith("    + ") for other in others)
    assert max(map(len, (line, *others))) <= 100


def test_numbers_are_printed_in_their_dtype() -> None:
    assert [str(Constant(0, "float32")), str(Constant(0.9, "float32"))] == ["0.0", "0.9"]
    assert [str(Constant(1, "bool")), str(Constant(3, "int32"))] == ["True", "3"]


def test_a_loop_is_replaced_and_the_rest_shared() -> None:
    changed = ROW_SUMS.with_loop(
        "column", lambda loop: substituted(loop.body, {COLUMN: as_index(3)})
    )
    (loop,) = changed.body
    assert isinstance(loop, For)
    assert loop.body[0] is ROW_SUMS.loop("row").body[0]
    assert "s0[] = sum(s0[], x0[row, 3])" in program_text(changed)


def test_views_of_one_memory_overlap() -> None:
    part = view(X, "part", (N, 4), (10, 1), 6)
    assert part.memory == "x0"
    assert not part.is_contiguous
    assert part.place((variable("row"), 1)) is variable("row") * 10 + 7


def test_numbers_are_one_only_if_their_bytes_are() -> None:
    assert Constant(0.0, "float32") is Constant(0, "float32")
    assert Constant(0.0, "float32") is not Constant(-0.0, "float32")
    assert Constant(1, "int32") is not Constant(True, "bool")


def test_what_is_kept_with_a_program_is_computed_once():
    calls = []

    @kept
    def squared(program: LoopProgram, number: int) -> int:
        calls.append((program, number))
        return number**2

    other = replace(ROW_SUMS, name="other")
    assert [squared(one, 3) for one in (ROW_SUMS, ROW_SUMS, other)] == [9, 9, 9]
    assert squared(ROW_SUMS, 4) == 16
    assert calls == [(ROW_SUMS, 3), (other, 3), (ROW_SUMS, 4)]


def test_what_is_kept_with_a_statement_is_there_for_each_program_that_has_it():
    calls = []

    @kept
    def kind_of(statement: Statement) -> str:
        calls.append(statement)
        return type(statement).__name__

    other = ROW_SUMS.with_loop("row", lambda one: (replace(one, note="of all rows"),))
    for program in (ROW_SUMS, other):
        found = [kind_of(one) for one in walk(program.body)]
        assert found == [type(one).__name__ for one in walk(program.body)]
    assert len(calls) == len(list(walk(ROW_SUMS.body))) + 1  # the loop over rows is another one


def test_a_rewritten_program_has_the_ranges_of_the_one_that_it_is_made_of():
    body = ROW_SUMS.loop("row").body
    changed = ROW_SUMS.with_loop("row", lambda one: (replace(one, body=one.body[:1]),))
    places = [
        next(ranges for one, ranges in walk_in_ranges(program.body, program.ranges) if one is first)
        for program, first in ((ROW_SUMS, body[0]), (changed, body[0]))
    ]
    assert places[0] is places[1]
