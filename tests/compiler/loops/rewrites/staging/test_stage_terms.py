"""Terms of a reduction are computed by a loop ahead of it."""

from __future__ import annotations

import pytest

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.staging.stage_terms import stage_terms
from graphc.compiler.loops.statement import Accumulate, Allocate, Let, Store
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
