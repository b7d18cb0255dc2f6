"""defer: values are named right ahead of what uses them, unless what they read may change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.values.defer import defer
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    Check,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Constant, Local
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, loops_of, plain_programs, same_meaning
from tests.compiler.loops.written import I, J, K

X, Y, Z = w.floats("x", N, 4), w.floats("y", N), w.floats("z", N)
S = new_buffer("s", "float32", (), BufferScope.REGISTER)
T0, T1 = Local("t0", "float32"), Local("t1", "float32")
FIRST, SECOND = Let(T0, w.op("neg", w.at(Y, I))), Let(T1, w.op("mul", T0, T0))
SUM = (
    Allocate(S),
    Store(w.at(S), Constant(0, "float32")),
    w.loop(J, 4, Accumulate("sum", (w.at(S),), (w.at(X, I, J),))),
)
RESULT = Store(w.at(Z, I), w.op("mul", w.at(S), T1))


def program(*body: Statement) -> LoopProgram:
    return w.program((X, Y), (Z,), w.loop(I, N, *body))


def test_values_stand_ahead_of_what_uses_them() -> None:
    before = program(FIRST, SECOND, *SUM, RESULT)
    after = defer(before, "i")
    assert after.loop("i").body == (*SUM, FIRST, SECOND, RESULT)
    same_meaning(before, after)
    assert defer(after, "i") == after


def test_a_value_that_a_loop_inside_uses_stays_ahead_of_it() -> None:
    inner = w.loop(J, 4, Accumulate("sum", (w.at(S),), (w.op("mul", w.at(X, I, J), T0),)))
    before = program(FIRST, *SUM[:2], inner, Store(w.at(Z, I), w.at(S)))
    after = defer(before, "i")
    assert after.loop("i").body == (*SUM[:2], FIRST, inner, before.loop("i").body[-1])
    same_meaning(before, after)


def test_what_reads_a_memory_that_is_written_stays_ahead() -> None:
    before = w.program(
        (X,),
        (Y, Z),
        w.loop(
            I,
            N,
            Store(w.at(Y, I), w.at(X, I, 1)),
            FIRST,
            Allocate(S),
            Store(w.at(Y, I), w.at(X, I, 2)),
            Store(w.at(Z, I), T0),
        ),
    )
    after = defer(before, "i")
    names = [type(one).__name__ for one in after.loop("i").body]
    assert names == ["Store", "Allocate", "Let", "Store", "Store"]
    same_meaning(before, after)


def test_no_value_passes_a_barrier_and_one_that_nothing_uses_stays() -> None:
    body = (FIRST, Barrier(), Store(w.at(Z, I), T0))
    assert defer(program(*body), "i").loop("i").body == body
    alone = (FIRST, *SUM, Store(w.at(Z, I), w.at(S)))
    assert defer(program(*alone), "i").loop("i").body == alone


PLACES = w.ints("places", N)
FOUND = Check(w.variable_of(K), w.at(PLACES, I), 4, 0, I)


@pytest.mark.parametrize("seed", range(3))
def test_an_index_is_checked_ahead_of_what_uses_it(seed: int) -> None:
    result = Store(w.at(Z, I), w.op("mul", w.at(S), w.at(X, I, K)))
    before = w.program((X, PLACES), (Z,), w.loop(I, N, FOUND, *SUM, result))
    after = defer(before, "i")
    assert after.loop("i").body == (*SUM, FOUND, result)
    same_meaning(before, after, seed=seed)


@pytest.mark.parametrize(
    "seen",
    [
        Check(w.variable_of(variable("g")), w.at(PLACES, I), 3, 1, I),
        Store(w.at(Y, I), w.at(X, I, 0)),
    ],
)
def test_no_check_passes_another_one_or_what_others_see(seen: Statement) -> None:
    body = (FOUND, seen, Store(w.at(Z, I), w.at(X, I, K)))
    before = w.program((X, PLACES), (Y, Z), w.loop(I, N, *body))
    assert defer(before, "i").loop("i").body == body


def test_a_loop_that_is_not_there_is_refused() -> None:
    with pytest.raises(RewriteError, match="the name of a loop's variable"):
        defer(program(*SUM, Store(w.at(Z, I), w.at(S))), "no loop")


@given(plain_programs(recurrences=True), st.data())
def test_random_programs_mean_the_same(random: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from(loops_of(random)))
    same_meaning(random, defer(random, loop))
