"""Advance and separate: statements of threads change places, and which may not."""

from __future__ import annotations

import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.separate import separate
from graphc.compiler.loops.rewrites.execution.advance import advance
from graphc.compiler.loops.statement import Allocate, Barrier, If, Let, Statement, Store
from graphc.compiler.loops.value import below
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I

SIZES = ({symbols(N)[0]: 3},)
X, Y, Z = w.floats("x", N, 8), w.floats("y", N, 8), w.floats("z", N, 8)
T = w.variable("t")
ONE, OTHER = (new_buffer(name, "float32", (8,), BufferScope.SHARED) for name in ("one", "other"))
OWN = w.register("own")
READ = Store(w.at(Y, I, T), w.at(ONE, T * -1 + 7))


def threads(*body: Statement, kind: str = "thread") -> LoopProgram:
    ahead = (Allocate(ONE), Allocate(OTHER))
    return w.program(
        (X,), (Y, Z), w.loop(I, N, *ahead, w.loop(T, 8, *body, kind=kind), kind="block")
    )


def stored(buffer: w.Buffer = ONE, at: Index = T) -> Store:
    return Store(w.at(buffer, at), w.at(X, I, T))


def flipped(
    *between: Statement, last: Statement = READ, behind: tuple[Statement, ...] = ()
) -> LoopProgram:
    """Return a program whose threads turn the elements of two buffers around."""
    return threads(
        stored(),
        *between,
        stored(OTHER),
        Barrier(),
        last,
        Store(w.at(Z, I, T), w.at(OTHER, T * -1 + 7)),
        *behind,
    )


def test_what_reads_a_buffer_follows_what_stores_it() -> None:
    program = flipped()
    made = advance(program, "t", "one")
    assert [line.strip() for line in lines(made)[4:]] == [
        "one[t] = x[i, t]",
        "barrier (shared)",
        "y[i, t] = one[7 - t]",
        "other[t] = x[i, t]",
        "barrier (shared)",
        "z[i, t] = other[7 - t]",
    ]
    same_meaning(program, made, *SIZES)


def test_what_is_allocated_for_it_comes_along() -> None:
    own = w.at(OWN)
    read = If((below(T, 4),), (Store(own, w.at(ONE, T * -1 + 7)),))
    last = If((below(T, 4),), (Store(w.at(Y, I, T), own),))
    rest = If((below(T, 4),), (), (Store(w.at(Y, I, T), w.number(0.0)),))
    program = flipped(Allocate(OWN), last=read, behind=(last, rest))
    made = advance(program, "t", "one")
    assert [line.strip() for line in lines(made)[4:8]] == [
        "one[t] = x[i, t]",
        "barrier (shared)",
        "allocate own: float32[] in register",
        "if t < 4:",
    ]
    same_meaning(program, made, *SIZES)


@pytest.mark.parametrize(
    ("program", "buffer", "message"),
    [
        (flipped(), "x", "one in shared memory that the body of the loop 't' uses"),
        (flipped(behind=(READ,)), "one", "one statement of the body that reads it"),
        (flipped(behind=(stored(),)), "one", "that the last statement of the body that uses it"),
        (
            flipped(Store(w.at(Y, I, T), w.number(0.0))),
            "one",
            "needs nothing of the statements ahead, nor they of it, found y[i, t] = 0.0",
        ),
        (
            flipped(
                Let(w.local("t0"), w.number(1.0)),
                last=Store(w.at(Y, I, T), w.op("add", w.local("t0"), w.at(ONE, T * -1 + 7))),
            ),
            "one",
            "needs nothing of the statements ahead, nor they of it, found t0 = 1.0",
        ),
        (
            flipped(last=w.loop(w.variable("k"), 2, Barrier(), READ)),
            "one",
            "no barrier in what reads it",
        ),
    ],
    ids=range(6),
)
def test_others_stay_where_they_are(program: LoopProgram, buffer: str, message: str) -> None:
    assert message in refusal(advance, program, "t", buffer)


def under_a_test(*more: Statement, otherwise: tuple[Statement, ...] = ()) -> LoopProgram:
    """Return a program that does several things under one test, at the end."""
    own = w.at(OWN)
    body = (
        *more,
        Allocate(OWN),
        Store(own, w.at(X, I, T)),
        Store(w.at(Z, I, T), own),
    )
    ahead = (Store(w.at(Z, I, T), w.number(0.0)), Store(w.at(Y, I, T), w.number(0.0)))
    return threads(*ahead, If((below(T, 4),), body, otherwise))


def test_each_statement_has_the_test() -> None:
    program = under_a_test()
    made = separate(program, "t")
    assert [line.strip() for line in lines(made)[6:]] == [
        "allocate own: float32[] in register",
        "if t < 4:",
        "own[] = x[i, t]",
        "if t < 4:",
        "z[i, t] = own[]",
    ]
    same_meaning(program, made, *SIZES)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (flipped(), "a body that ends with a test, without another branch, found z[i, t]"),
        (under_a_test(otherwise=(READ,)), "a body that ends with a test, without another branch"),
        (
            under_a_test(Let(w.local("t0"), w.number(1.0))),
            "no name that several statements under its",
        ),
    ],
    ids=range(3),
)
def test_other_tests_are_refused(program: LoopProgram, message: str) -> None:
    assert message in refusal(separate, program, "t")
