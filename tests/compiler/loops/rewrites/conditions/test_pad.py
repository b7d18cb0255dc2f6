"""Pad: terms of a product under a test are added in all turns, with a factor of 0."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.conditions.pad import pad
from graphc.compiler.loops.statement import Accumulate, Allocate, If, Let, Statement, Store
from graphc.compiler.loops.value import Value, at_least, below
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y, B = w.floats("x", N), w.floats("y", N), w.floats("b", M)


def windows(
    *body: Statement, before: int = 1, start: Value | None = None, reduction: str = "sum"
) -> LoopProgram:
    """Return sums of the products of each window's elements, with some elements of padding."""
    total = w.at(w.register("s"))
    place = I + J - before
    term = w.op("mul", w.at(X, place), w.at(B, J))
    inside = body or (Accumulate(reduction, (total,), (term,)),)
    test = If((at_least(place), below(place, N)), inside)
    return w.program(
        (X, B),
        (Y,),
        w.loop(
            I,
            N,
            Allocate(total.buffer),
            Store(total, w.number(0) if start is None else start),
            w.loop(J, M, test),
            Store(w.at(Y, I), total),
        ),
    )


def test_a_factor_is_zero_where_the_test_leaves_its_term_out() -> None:
    made = pad(windows(), "j")
    assert not any(isinstance(one, If) for one in walk(made.body))
    assert "s[] = sum(s[], mul(x_element, b[j]))" in "".join(lines(made))
    same_meaning(windows(), made, is_finite=True)


def test_a_factor_that_is_computed_is_zero_as_a_whole() -> None:
    total, named = w.at(w.register("s")), w.local("t0")
    body = (
        Let(named, w.op("exp", w.at(X, I + J - 1))),
        Accumulate("sum", (total,), (w.op("mul", w.at(B, J), named),)),
    )
    made = pad(windows(*body), "j")
    assert "mul(b[j], t0)" in "".join(lines(made))
    same_meaning(windows(*body), made, is_finite=True)


def test_the_first_factor_is_zero_if_both_are_there() -> None:
    total = w.at(w.register("s"))
    term = w.op("mul", w.at(B, J), w.at(X, I))
    program = windows(Accumulate("sum", (total,), (term,)))
    made = pad(program, "j")
    assert "mul(b_element, x[i])" in "".join(lines(made))
    same_meaning(program, made, is_finite=True)


def test_a_weight_that_is_infinite_is_multiplied_in_the_padding() -> None:
    """As the interpreter has it: a padding of zeros is there, for it."""
    program = windows()
    given_ = {"x": np.ones(2, "float32"), "b": np.array([np.inf, 1], "float32")}
    y = evaluate(
        pad(program, "j"), given_, {one: 2 for size in (N, M) for one in symbols(size)}
    ).outputs["y"]
    assert np.isnan(y[0])
    assert np.isinf(y[1])


@settings(max_examples=40)
@given(st.integers(-2, 3))
def test_any_padding_has_the_same_sums(before: int) -> None:
    program = windows(before=before)
    same_meaning(program, pad(program, "j"), is_finite=True)


def test_what_is_refused() -> None:
    total = w.at(w.register("s"))
    assert "expected one test, without another branch, as its body" in refusal(pad, windows(), "i")
    summed = windows(Accumulate("sum", (total,), (w.at(B, J),)))
    assert "expected values and sums of products under its test" in refusal(pad, summed, "j")
    largest = windows(reduction="max")
    assert "expected values and sums of products under its test" in refusal(pad, largest, "j")
    started = windows(start=w.number(1))
    assert "expected reductions that begin under its test" in refusal(pad, started, "j")
