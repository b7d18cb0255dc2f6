"""Store first: sums that the first turn of a loop stores, where they were cleared ahead of it."""

from __future__ import annotations

from typing import Any

import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.arithmetic.store_first import store_first
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.statement import Accumulate, Allocate, Store
from graphc.compiler.loops.value import Load, below
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

SIZES = [{symbols(N)[0]: count} for count in (1, 3, 4)]
X, Y = w.floats("x", N, 5), w.floats("y", N, 2)
ROW, COLUMN, STEP = w.variable("row"), w.variable("column"), w.variable("step")


def sums(**changed: Any) -> LoopProgram:
    """Return a program that clears sums and adds to them in each of four steps; but for `changed`:

    Args:
        cleared: what is cleared first.
        value: that it gets.
        conditions: tests of that.
        rows: the ends of the loop over the rows that are added to.
        to: what is added to.
        reduction: how.
        term: what is added.
        steps: the ends of the loop over steps.
        kind: of the loop over columns that are added to.
    """
    part = w.register("part")
    cleared: Load = changed.get("cleared", w.at(Y, I, J))
    clear = Store(cleared, w.number(changed.get("value", 0.0)), changed.get("conditions", ()))
    to: Load = changed.get("to", w.at(Y, ROW, COLUMN))
    body = (
        Allocate(part),
        Store(w.at(part), changed.get("term", w.at(X, ROW, STEP))),
        Accumulate(changed.get("reduction", "sum"), (to,), (w.at(part),), note="dense_1"),
    )
    inside = w.loop(COLUMN, 2, *body, kind=changed.get("kind", "serial"))
    return w.program(
        (X,),
        (Y,),
        w.loop(I, N, w.loop(J, 2, clear)),
        w.loop(STEP, changed.get("steps", 4), w.loop(ROW, changed.get("rows", N), inside)),
    )


def test_the_first_turn_stores() -> None:
    program = sums()
    made = store_first(program, "step")
    assert [line.strip() for line in lines(made)] == [
        "for step < 4:",
        "for row < n:",
        "for column < 2:",
        "allocate part: float32[] in register",
        "part[] = x[row, step]",
        "if step < 1:",
        "y[row, column] = part[]",
        "else:",
        "y[row, column] = sum(y[row, column], part[])  # dense_1",
    ]
    for sizes in SIZES:
        same_meaning(program, made, sizes)


def test_the_first_turn_by_itself_has_no_test() -> None:
    program = sums()
    made = cut(store_first(program, "step"), "step", 1)
    assert not any("if " in line for line in lines(made))
    for sizes in SIZES:
        same_meaning(program, made, sizes)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": N - 1}, "expected a first turn in any case, found n - 1"),
        ({"value": 1.0}, "expected a nest of loops ahead of it that clears sums"),
        ({"conditions": (below(I, 2),)}, "expected a nest of loops ahead of it that clears sums"),
        ({"reduction": "max"}, "expected a nest of loops ahead of it that clears sums"),
        ({"rows": N - 1}, "and one of the same turns inside, found y[row, column]"),
        ({"to": w.at(Y, ROW, COLUMN * -1 + 1)}, "and one of the same turns inside, found"),
        ({"kind": "vector"}, "and one of the same turns inside, found"),
        (
            {"cleared": w.at(Y, I, J * 0), "to": w.at(Y, ROW, COLUMN * 0)},
            "expected another sum in each turn of the loops inside, found y[row, 0]",
        ),
        (
            {"term": w.op("add", w.at(X, ROW, STEP), w.at(Y, ROW, 0))},
            "expected that the loop does nothing else with y, found part[] = ",
        ),
    ],
    ids=[
        "no turn",
        "a number",
        "a test",
        "maximum",
        "rows",
        "other sums",
        "vectors",
        "one sum",
        "read inside",
    ],
)
def test_where_sums_are_cleared_first(changed: dict[str, Any], message: str) -> None:
    found = refusal(store_first, sums(**changed), "step")
    assert found.startswith("store first of the loop 'step' in k0: ")
    assert message in found


def test_nothing_ahead() -> None:
    assert "found for i < n:" in refusal(store_first, sums(), "i")
