"""Coalesce: a buffer that is copied when it is complete, in the place that it is copied to."""

from __future__ import annotations

from typing import Any

import pytest

from graphc.compiler.graph.dim import Size, symbols
from graphc.compiler.loops.buffer import BufferScope, new_buffer, view
from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.buffers.coalesce import coalesce
from graphc.compiler.loops.statement import Accumulate, Allocate, Statement, Store
from graphc.compiler.loops.value import Load, below
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J, K

SIZES = [{symbols(N)[0]: count} for count in (1, 3, 4, 9)]
X, Y, Z = w.floats("x", N, 5), w.floats("y", N, 8), w.floats("z", N, 8)
ROW, COLUMN = w.variable("row"), w.variable("column")
ROWS: tuple[Size | Index, ...] = (4, N - I * 4)


def sums(**changed: Any) -> LoopProgram:
    """Return a program that sums in strips of four rows, and copies the sums; but for `changed`:

    Args:
        scope: of the buffer of sums.
        dtype: of these.
        rows, columns: the ends of the copy's loops.
        to: where an element is copied to.
        value: what is copied there.
        conditions: tests of that.
        cleared: the ends of the loop over the rows that are cleared.
        ahead, behind: further statements of a strip.
        kind: of the loop over rows that are added up.
    """
    scope = changed.get("scope", BufferScope.THREAD)
    total = new_buffer("total", changed.get("dtype", "float32"), (4, 8), scope)
    element = w.at(total, ROW, COLUMN)
    j = w.variable("cleared_column")
    clear = Store(w.at(total, J, j), w.number(0, total.dtype))
    of_rows, of_columns = w.variable("added_row"), w.variable("added_column")
    term = w.op("mul", w.at(X, I * 4 + of_rows, K), w.number(2))
    add = Accumulate("sum", (w.at(total, of_rows, of_columns),), (term,))
    to: Load = changed.get("to", w.at(Y, I * 4 + ROW, COLUMN))
    copy = Store(to, changed.get("value", element), changed.get("conditions", ()))
    kind = changed.get("kind", "serial")
    body: tuple[Statement, ...] = (
        Allocate(total),
        w.loop(J, changed.get("cleared", ROWS), w.loop(j, 8, clear)),
        *changed.get("ahead", ()),
        w.loop(K, 5, w.loop(of_rows, ROWS, w.loop(of_columns, 8, add), kind=kind)),
        w.loop(ROW, changed.get("rows", ROWS), w.loop(COLUMN, changed.get("columns", 8), copy)),
        *changed.get("behind", ()),
    )
    outputs = (Y, Z) if changed.get("behind") else (Y,)
    return w.program((X,), outputs, w.loop(I, (N + 3) // 4, *body, kind="team"))


def test_sums_are_added_up_where_they_are_copied_to() -> None:
    program = sums()
    made = coalesce(program, "total")
    assert [line.strip() for line in lines(made)] == [
        "for i < (n + 3) // 4 (team):",
        "for j < min(4, n - 4*i):",
        "for cleared_column < 8:",
        "y[4*i + j, cleared_column] = 0.0",
        "for k < 5:",
        "for added_row < min(4, n - 4*i):",
        "for added_column < 8:",
        "y[4*i + added_row, added_column] = sum(y[4*i + added_row, added_column],",
        "mul(x[4*i + added_row, k], 2.0))",
    ]
    for sizes in SIZES:
        same_meaning(program, made, sizes)


def test_a_copy_in_other_steps_and_order() -> None:
    program = sums(to=w.at(w.floats("y", 8, N * 2), COLUMN * -1 + 7, I * 8 + ROW * 2 + 1))
    program = w.program(program.inputs, (w.floats("y", 8, N * 2),), *program.body)
    made = coalesce(program, "total")
    assert "y[7 - cleared_column, 8*i + 2*j + 1] = 0.0" in [one.strip() for one in lines(made)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"value": w.op("add", w.at(new_buffer("x", "float32", (N, 5)), I, 0), w.number(1))},
            "expected loops that copy it, each element by itself, as the last that uses it",
        ),
        (
            {"conditions": (below(ROW, N - 1),)},
            "expected loops that copy it, each element by itself, as the last that uses it",
        ),
        (
            {"behind": (Store(w.at(Z, I, 0), w.at(Y, I, 0)),)},
            "expected that nothing else uses the memory of y, found z[i, 0] = y[i, 0]",
        ),
        ({"dtype": "float64"}, "expected a copy of float64, found one to float32"),
        (
            {"to": w.at(Y, I * 4 + ROW, ROW * 0)},
            "expected an element of its own for each of its elements where it is copied to, found",
        ),
        (
            {"to": w.at(Y, I * 4 + ROW + COLUMN, 0)},
            "expected an element of its own for each of its elements where it is copied to, found",
        ),
        (
            {"to": w.at(Y, I * 4 + ROW, COLUMN // 2)},
            "expected an element of its own for each of its elements where it is copied to, found",
        ),
        (
            {"cleared": (4,)},
            "expected coordinates below those of row, all of which are copied, found total[j, "
            "cleared_column]",
        ),
        (
            {"columns": 7},
            "expected coordinates below those of column, all of which are copied, found total[j, "
            "cleared_column]",
        ),
        (
            {"kind": "thread", "scope": BufferScope.SHARED},
            "expected loops behind its allocation that one thread runs, found",
        ),
    ],
    ids=[
        "no copy",
        "a test",
        "read later",
        "type",
        "an axis that is not moved along",
        "two axes in one",
        "two elements in one",
        "rows that are not copied",
        "columns that are not copied",
        "threads",
    ],
)
def test_where_a_buffer_stays(changed: dict[str, Any], message: str) -> None:
    found = refusal(coalesce, sums(**changed), "total")
    assert found.startswith("coalesce of the buffer 'total' in k0: ")
    assert message in found


def test_an_input_in_the_memory_of_the_result() -> None:
    before = sums()
    given = view(Y, "given", (N, 8))
    program = w.program((X, given), (Y,), *before.body)
    assert refusal(coalesce, program, "total").endswith("the memory of y, found an input")


def test_a_buffer_that_is_not_there() -> None:
    assert refusal(coalesce, sums(), "parts") == (
        "coalesce of the buffer 'parts' in k0: expected one that the program allocates, found no "
        "such statement"
    )
