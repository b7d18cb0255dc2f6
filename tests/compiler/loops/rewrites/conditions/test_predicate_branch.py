"""Predicate and branch: a test around statements becomes tests of reads and stores, and back."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.index import as_index, variable
from graphc.compiler.loops.program import LoopProgram, substituted, walk
from graphc.compiler.loops.rewrites.conditions.branch import branch
from graphc.compiler.loops.rewrites.conditions.predicate import predicate
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    Check,
    For,
    If,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Local, Value, below
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, loops_of, plain_programs, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.rewritten import each_that_applies
from tests.compiler.loops.written import I, J

X, Y, B = w.floats("x", N, M), w.floats("y", N), w.floats("b", M)
COUNTS, PLACES = w.ints("counts", N), w.ints("places", N)


def rows(*body: Statement, inputs: tuple[w.Buffer, ...] = (X,)) -> LoopProgram:
    """Return a program over rows in tiles of 4, with the test of the last tile."""
    return split(w.program(inputs, (Y,), w.loop(I, N, *body)), "i", 4, Tail.GUARD)


def row_sums() -> LoopProgram:
    total = w.at(w.register("s"))
    return rows(
        Allocate(total.buffer),
        Store(total, w.number(0)),
        w.loop(J, M, Accumulate("sum", (total,), (w.at(X, I, J),))),
        Store(w.at(Y, I), total),
    )


def test_a_sum_is_computed_in_every_turn_and_stored_under_the_test() -> None:
    made = predicate(row_sums(), "i_inner")
    assert lines(made) == [
        "for i_outer < (n + 3) // 4:",
        "  for i_inner < 4:",
        "    allocate s: float32[] in register",
        "    s[] = 0.0",
        "    for j < m:",
        "      s[] = sum(s[], (x[4*i_outer + i_inner, j] if 4*i_outer + i_inner < n else 0.0))",
        "    y[4*i_outer + i_inner] = s[] where 4*i_outer + i_inner < n",
    ]
    same_meaning(row_sums(), made)


def test_what_a_test_is_not_about_is_read_in_all_turns() -> None:
    """b has two elements, if the program has a meaning: a test of the row does not decide that.
    One that might hold in no row could be all that keeps the program from reading what is not
    there."""
    body = w.loop(J, 2, Store(w.at(Y, I), w.at(B, J)))
    first = predicate(rows(body, inputs=(B,)), "i_inner")
    assert lines(first)[-2:] == [
        "    for j < 2:",
        "      y[4*i_outer + i_inner] = b[j] where 4*i_outer + i_inner < n",
    ]
    later = w.program((B,), (Y,), w.loop(I, N, If((below(as_index(4), I),), (body,))))
    assert lines(predicate(later, "i"))[-1] == "    y[i] = (b[j] if i >= 5 else 0.0) where i >= 5"


def padded(term: Value, start: Value, reduction: str = "sum") -> LoopProgram:
    """Return a program that reduces the terms of each row, 4 a step, with the test of the last
    step."""
    total = w.at(w.register("s"))
    body = (
        Allocate(total.buffer),
        Store(total, start),
        w.loop(J, M, Accumulate(reduction, (total,), (term,))),
        Store(w.at(Y, I), total),
    )
    return split(w.program((X, B), (Y,), w.loop(I, N, *body)), "j", 4, Tail.GUARD)


def test_products_of_a_sum_are_padded_with_zeros() -> None:
    program = padded(w.op("mul", w.at(X, I, J), w.at(B, J)), w.number(0))
    made = predicate(program, "j_inner")
    chosen = "4*j_outer + j_inner] if 4*j_outer + j_inner < m else 0.0)"
    expected = f"s[] = sum(s[], mul((x[i, {chosen}, (b[{chosen}))"
    assert expected in " ".join(" ".join(lines(made)).split())
    same_meaning(program, made)


def with_names(*others: Statement) -> LoopProgram:
    """Return sums of products of a computed factor, 4 terms a step, with the test of the last."""
    total, factor = w.at(w.register("s")), w.local("t0")
    term = w.op("mul", factor, w.at(B, J))
    body = (
        Allocate(total.buffer),
        Store(total, w.number(0)),
        w.loop(
            J,
            M,
            Let(factor, w.op("exp", w.at(X, I, J))),
            *others,
            Accumulate("sum", (total,), (term,)),
        ),
        Store(w.at(Y, I), total),
    )
    return w.program((X, B), (Y,), w.loop(I, N, *body))


def test_a_factor_with_a_name_is_padded_as_a_whole() -> None:
    program = split(with_names(), "j", 4)
    made = predicate(program, "j_inner")
    text = " ".join(" ".join(lines(made)).split())
    test = "if 4*j_outer + j_inner < m else 0.0)"
    assert f"t0 = (exp(x[i, 4*j_outer + j_inner]) {test}" in text
    assert f"s[] = sum(s[], mul(t0, (b[4*j_outer + j_inner] {test}))" in text
    same_meaning(program, made)


def test_a_factor_of_another_test_is_what_it_was() -> None:
    program = split(split(with_names(), "j", 4), "i", 4)
    made = predicate(predicate(program, "j_inner"), "i_inner")
    text = " ".join(" ".join(lines(made)).split())
    both = "if 4*i_outer + i_inner < n and 4*j_outer + j_inner < m else 0.0)"
    assert f"t0 = (exp(x[4*i_outer + i_inner, 4*j_outer + j_inner]) {both}" in text
    assert "b[4*j_outer + j_inner] if 4*j_outer + j_inner < m else 0.0" in text
    same_meaning(program, made)


def test_a_factor_that_is_there_has_no_test() -> None:
    target, column = w.floats("z", M), variable("column")
    (rows,) = with_names().body
    assert isinstance(rows, For)
    total = rows.body[0].buffer
    sums = (*rows.body[:-1], Store(w.at(target, column), w.at(total)))
    of_columns = substituted(w.loop(column, M, *sums).body, {w.variable_of(I): as_index(0)})
    program = split(w.program((X, B), (target,), w.loop(column, M, *of_columns)), "column", 4)
    made = predicate(program, "column_inner")
    assert any(line.strip().startswith("t0 = exp(x[0, j])") for line in lines(made))
    same_meaning(program, made)


@pytest.mark.parametrize(
    ("reduction", "identity"), [("sum", 0.0), ("prod", 1.0), ("max", -np.inf), ("min", np.inf)]
)
def test_a_reduction_is_padded_with_its_identity(reduction: str, identity: float) -> None:
    program = padded(w.op("exp", w.at(X, I, J)), w.number(identity), reduction)
    made = predicate(program, "j_inner")
    chosen = f"if 4*j_outer + j_inner < m else {w.number(identity)})"
    assert chosen in " ".join(" ".join(lines(made)).split())
    same_meaning(program, made)


@pytest.mark.parametrize("start", [-0.0, 1.0])
def test_a_sum_that_begins_with_something_is_not_padded(start: float) -> None:
    expected = "reductions that begin under its test, or with their identity"
    assert expected in refusal(predicate, padded(w.at(X, I, J), w.number(start)), "j_inner")


def test_the_way_back() -> None:
    made = branch(predicate(row_sums(), "i_inner"), "i_inner")
    assert made.body == row_sums().body


def test_what_is_read_under_a_test_already_has_no_second_one() -> None:
    element = w.op("add", w.at(X, I, J), w.at(B, J))
    target = w.floats("z", N, M)
    program = w.program(
        (X, B), (target,), w.loop(I, N, w.loop(J, M, Store(w.at(target, I, J), element)))
    )
    tiled = split(split(program, "i", 4), "j", 8)
    made = predicate(predicate(tiled, "j_inner"), "i_inner")
    both = "8*j_outer + j_inner < m and 4*i_outer + i_inner < n"
    assert lines(made)[4:] == [
        "        z[4*i_outer + i_inner, 8*j_outer + j_inner] = add((x[4*i_outer + i_inner,",
        f"            8*j_outer + j_inner] if {both} else 0.0),",
        "            (b[8*j_outer + j_inner] if 8*j_outer + j_inner < m else 0.0))",
        "            where 4*i_outer + i_inner < n and 8*j_outer + j_inner < m",
    ]
    same_meaning(program, made)
    back = branch(made, "j_inner")
    (test,) = (one for one in walk(back.body) if isinstance(one, If))
    assert len(test.conditions) == 2
    same_meaning(program, back)


@given(plain_programs(), st.data())
@settings(deadline=None, max_examples=12)
def test_random_programs_keep_their_meaning(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from(loops_of(program)))
    factor = data.draw(st.integers(2, 5))
    (tiled,) = each_that_applies([lambda: split(program, loop, factor)]) or [None]
    assume(tiled is not None)
    assert tiled is not None
    inner = f"{loop}_inner"
    for made in each_that_applies([lambda: predicate(tiled, inner)]):
        same_meaning(program, made)
        for back in each_that_applies([partial(branch, made, inner)]):
            same_meaning(program, back)


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (
            (
                Store(
                    w.at(Y, I),
                    w.cast(w.op("floordiv", w.at(PLACES, I), w.at(COUNTS, I)), "float32"),
                ),
            ),
            "no division of integers by what may be 0 in another turn",
        ),
        (
            (
                Check(w.variable_of(J), w.at(PLACES, I), M - 1, 0, I),
                Store(w.at(Y, I), w.at(X, I, J)),
            ),
            "checks of indices of which there is one",
        ),
        (
            (Accumulate("sum", (w.at(Y, I),), (w.number(1),)),),
            "reductions that begin under its test, or with their identity",
        ),
    ],
)
def test_what_may_not_run_in_another_turn(statements: tuple[Statement, ...], reason: str) -> None:
    program = rows(*statements, inputs=(X, COUNTS, PLACES))
    assert f"expected {reason}, found " in refusal(predicate, program, "i_inner")


@pytest.mark.parametrize("seed", range(4))
def test_an_index_that_is_checked_is_the_first_one_in_another_turn(seed: int) -> None:
    """Some of the indices exist, others not: the same ones fail."""
    checked = Check(w.variable_of(J), w.at(PLACES, I), M, 0, I)
    before = rows(checked, Store(w.at(Y, I), w.at(X, I, J)), inputs=(X, PLACES))
    after = predicate(before, "i_inner")
    assert not any(isinstance(one, If) for one in walk(after.body))
    same_meaning(before, after, seed=seed)


def test_what_is_predicated_is_one_test() -> None:
    assert "expected one test, without another branch, as its body, found for i_inner" in refusal(
        predicate, row_sums(), "i_outer"
    )


def _under(*statements: Statement) -> LoopProgram:
    return w.program((X,), (Y,), w.loop(I, N, *statements))


def test_what_has_no_common_test_stays() -> None:
    condition = below(I, 2)
    first = Store(w.at(Y, I), w.number(1), (condition,))
    second = Store(w.at(Y, I), w.number(2))
    expected = "expected stores under a condition that is the same for all, found "
    assert expected in refusal(branch, _under(first, second), "i")
    assert f"{expected}no store" in refusal(
        branch, _under(Let(Local("t", "float32"), w.number(1))), "i"
    )
    assert "no other thread waits for" in refusal(branch, _under(Barrier(), first), "i")
    added = Accumulate("sum", (w.at(w.floats("z", N), I),), (w.number(1),))
    program = w.program((X,), (Y, w.floats("z", N)), w.loop(I, N, first, added))
    assert "expected stores alone that others see, found z" in refusal(branch, program, "i")


def test_a_test_of_an_inner_loop_stays_inside() -> None:
    inside = w.loop(J, 3, Store(w.at(Y, I), w.number(1), (below(J, 2),)))
    assert "a condition that is the same for all" in refusal(branch, _under(inside), "i")
    made = branch(_under(inside), "j")
    (loop,) = (one for one in walk(made.body) if isinstance(one, For) and one.variable.name == "j")
    assert isinstance(loop.body[0], If)
