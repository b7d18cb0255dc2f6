"""Terms of a reduction are computed by a loop ahead of it."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.staging.stage_terms import stage_terms
from graphc.compiler.loops.statement import Accumulate, Allocate, Check, If, Let, Store
from graphc.compiler.loops.value import at_least, below
from tests.compiler.loops import written as w
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import K, N

X, Y, Z = w.floats("x", 6), w.floats("y"), w.floats("z", 6)
S, PLACE = w.register("s"), w.register("place", dtype="int32")
TERM = w.local("t")
EXP = Let(TERM, w.op("exp", w.at(X, K)))
ADD = Accumulate("sum", (w.at(S),), (TERM,))
START = (Allocate(S), Store(w.at(S), w.number(0.0)))
END = Store(w.at(Y), w.at(S))


def test_a_loop_computes_terms_and_one_behind_it_adds_them() -> None:
    program = w.program((X,), (Y,), *START, w.loop(K, 6, EXP, ADD), END)
    found = stage_terms(program, "k")
    assert lines(found) == [
        "allocate s: float32[] in register",
        "s[] = 0.0",
        "allocate s_terms: float32[6] in register",
        "for k < 6:",
        "  t = exp(x[k])",
        "  s_terms[k] = t",
        "for k_2 < 6:",
        "  s[] = sum(s[], s_terms[k_2])",
        "y[] = s[]",
    ]
    assert_same(program, found)


def test_what_is_stored_anyway_is_read_from_there() -> None:
    kept = w.register("kept", 6)
    body = w.loop(K, 6, EXP, Store(w.at(kept, K), TERM), ADD)
    program = w.program((X,), (Y,), *START, Allocate(kept), body, END)
    found = stage_terms(program, "k")
    assert "  s[] = sum(s[], kept[k_2])" in lines(found)
    assert not any("s_terms" in line for line in lines(found))
    assert_same(program, found)


def test_results_of_memory_are_not_read_back() -> None:
    body = w.loop(K, 6, EXP, Store(w.at(Z, K), TERM), ADD)
    program = w.program((X,), (Y, Z), *START, body, END)
    found = stage_terms(program, "k")
    assert "  s[] = sum(s[], s_terms[k_2])" in lines(found)
    assert_same(program, found)


def test_both_loops_make_the_test_of_a_turn() -> None:
    """Under it, and behind known indices, are the terms and the sums alike."""
    row, places = variable("row"), w.ints("places", 6)
    known = Check(w.variable_of(row), w.at(places, K), 4, 0, K, is_tested=False)
    sums, start = w.floats("sums", 4), variable("start")
    add = Accumulate("sum", (w.at(sums, row),), (TERM,))
    turn = If((below(K, N),), (known, If((at_least(row, 1),), (EXP, add))))
    zeros = w.loop(start, 4, Store(w.at(sums, start), w.number(0.0)))
    program = w.program((X, places), (sums,), zeros, w.loop(K, 6, turn))
    found = stage_terms(program, "k")
    assert lines(found)[3:] == [
        "for k < 6:",
        "  if k < n:",
        "    row = index: places[k] below 4",
        "    if row >= 1:",
        "      t = exp(x[k])",
        "      sums_terms[k] = t",
        "for k_2 < 6:",
        "  if k_2 < n:",
        "    row_2 = index: places[k_2] below 4",
        "    if row_2 >= 1:",
        "      sums[row_2] = sum(sums[row_2], sums_terms[k_2])",
    ]
    x = np.linspace(-1, 1, 6).astype("float32")
    arrays = {"x": x, "places": np.array([3, 0, 1, 1, 3, 3], "int32")}
    for size in (1, 4, 6):
        results = [evaluate(one, arrays, {w.N_SYMBOL: size}) for one in (program, found)]
        first, second = (one.outputs["sums"] for one in results)
        np.testing.assert_array_equal(first, second)


def test_a_test_that_what_is_added_changes_is_refused() -> None:
    sums = w.ints("sums", 4)
    row = variable("row")
    known = Check(w.variable_of(row), w.at(sums, K), 4, 0, K, is_tested=False)
    add = Accumulate("sum", (w.at(sums, row),), (w.number(1, "int32"),))
    body = w.loop(K, 4, known, If((at_least(row, 1),), (add,)))
    assert "expected no turn of the first part" in refusal(
        stage_terms, w.program((), (sums,), body), "k"
    )


def test_the_place_of_a_value_is_not_stored() -> None:
    best = Accumulate("argmax", (w.at(S), w.at(PLACE)), (TERM, w.count(K, "int32")))
    y = w.ints("y")
    program = w.program(
        (X,),
        (y,),
        *START,
        Allocate(PLACE),
        Store(w.at(PLACE), w.number(-1, "int32")),
        w.loop(K, 6, EXP, best),
        Store(w.at(y), w.at(PLACE)),
    )
    found = stage_terms(program, "k")
    assert "  s[], place[] = argmax(s[], place[], s_terms[k_2], int32(k_2))" in lines(found)
    assert_same(program, found)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (
            w.program((X,), (Z,), w.loop(K, 6, Store(w.at(Z, K), w.at(X, K)))),
            "expected a loop that accumulates, found none of its statements",
        ),
        (
            w.program((X,), (Y,), *START, w.loop(K, N, EXP, ADD), END),
            "expected a known number of turns, found an end at n",
        ),
        (
            w.program(
                (X,), (Y, Z), *START, w.loop(K, 6, EXP, ADD, Store(w.at(Z, K), w.at(S))), END
            ),
            "expected that the loop does nothing else with s, found a statement that uses it",
        ),
    ],
    ids=["no sum", "unknown", "prefix sums"],
)
def test_what_is_refused(program: LoopProgram, reason: str) -> None:
    assert reason in refusal(stage_terms, program, "k")
