"""Distribution: a loop that goes into others and around their statements, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import view
from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import LoopProgram, loops_in
from graphc.compiler.loops.rewrites.loops.distribute import distribute
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import Accumulate, Allocate, Let, Statement, Store
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import loops_of, plain_programs, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import I, J, K

X, Y, LAST = w.floats("x", w.N, 3), w.floats("y", w.M, w.N, 3), w.floats("last", w.N, 3)
STEP, UNIT, ROW = w.variable("step"), w.variable("unit"), w.variable("row")
CARRY = w.shared("carry", 3)


def recurrent(*ahead: Statement) -> LoopProgram:
    """Return a program that adds rows of three elements to mirror images, step after step."""
    kept = w.register("kept", 3)
    carried = w.at(CARRY, J)
    mirrored = w.op("add", w.at(CARRY, as_index(2) - J), w.at(X, ROW, J))
    return w.program(
        (X,),
        (Y, LAST),
        w.loop(
            ROW,
            w.N,
            *ahead,
            Allocate(CARRY),
            w.loop(I, 3, Store(w.at(CARRY, I), w.at(X, ROW, I))),
            w.loop(
                STEP,
                w.M,
                Allocate(kept),
                w.loop(J, 3, Store(w.at(kept, J), mirrored), Store(w.at(Y, STEP, ROW, J), carried)),
                w.loop(K, 3, Store(w.at(CARRY, K), w.at(kept, K))),
            ),
            w.loop(UNIT, 3, Store(w.at(LAST, ROW, UNIT), w.at(CARRY, UNIT))),
        ),
    )


def test_rows_go_into_the_loop_over_steps() -> None:
    after = distribute(split(recurrent(), "row", 2, Tail.GUARD), "row_inner", ["step"])
    assert lines(after) == [
        "for row_outer < (n + 1) // 2:",
        "  allocate carry: float32[2, 3] in shared",
        "  for row_inner < 2:",
        "    if 2*row_outer + row_inner < n:",
        "      for i < 3:",
        "        carry[row_inner, i] = x[2*row_outer + row_inner, i]",
        "  for step < m:",
        "    allocate kept: float32[2, 3] in register",
        "    for row_inner_2 < 2:",
        "      if 2*row_outer + row_inner_2 < n:",
        "        for j < 3:",
        "          kept[row_inner_2, j] = add(carry[row_inner_2, 2 - j],"
        " x[2*row_outer + row_inner_2, j])",
        "          y[step, 2*row_outer + row_inner_2, j] = carry[row_inner_2, j]",
        "    for row_inner_3 < 2:",
        "      if 2*row_outer + row_inner_3 < n:",
        "        for k < 3:",
        "          carry[row_inner_3, k] = kept[row_inner_3, k]",
        "  for row_inner_4 < 2:",
        "    if 2*row_outer + row_inner_4 < n:",
        "      for unit < 3:",
        "        last[2*row_outer + row_inner_4, unit] = carry[row_inner_4, unit]",
    ]


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_meaning_is_the_same(rows: int, steps: int) -> None:
    sizes = {w.N_SYMBOL: rows, w.M_SYMBOL: steps}
    some = split(recurrent(), "row", 2, Tail.GUARD)
    assert_same(recurrent(), distribute(some, "row_inner", ["step"]), sizes)
    assert_same(recurrent(), distribute(some, "row_inner", []), sizes)
    assert_same(recurrent(), distribute(recurrent(), "row", ["step"]), sizes)


@settings(max_examples=60, deadline=None)
@given(plain_programs(), st.data())
def test_random_programs(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from(loops_of(program)))
    inside = [one.variable.name for one in loops_in(program.loop(loop).body)]
    others = data.draw(st.lists(st.sampled_from(inside), unique=True)) if inside else []
    try:
        after = distribute(program, loop, others)
    except RewriteError:
        return
    same_meaning(program, after)


def test_what_is_refused() -> None:
    some = split(recurrent(), "row", 2, Tail.GUARD)
    found = refusal(distribute, recurrent(), "step", [])
    assert "expected turns that have no order" in found
    found = refusal(distribute, some, "row_inner", ["other"])
    assert "the loop 'other'" in found
    assert "a loop in the body of 'row_inner', found none" in found
    named = Let(w.local("first"), w.at(X, ROW, 0))
    found = refusal(
        distribute, split(recurrent(named), "row", 2, Tail.SHORT), "row_inner", ["step"]
    )
    assert "loops and stores, without values that others need, found first = " in found
    total = w.floats("total")
    sums = w.loop(I, 4, w.loop(J, 3, Accumulate("sum", (w.at(total),), (w.at(X, I, J),))))
    found = refusal(distribute, w.program((X,), (total,), sums), "i", ["j"])
    assert "expected turns that have no order" in found
    part = view(CARRY, "part", (2,), offset=1)
    uses = w.loop(J, 2, Store(w.at(part, J), w.number(0.0)))
    viewed = w.program((), (), w.loop(I, 4, Allocate(CARRY), uses))
    assert "no views of carry" in refusal(distribute, viewed, "i", [])
    uneven = w.loop(I, 3, w.loop(J, I + 1, Store(w.at(X, I, J), w.number(0.0))))
    found = refusal(distribute, w.program((), (X,), uneven), "i", ["j"])
    assert "an end of j that is the same in all turns, found i + 1" in found
