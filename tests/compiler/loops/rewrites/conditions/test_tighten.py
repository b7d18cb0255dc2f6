"""Tighten: what is under a test in each turn becomes fewer turns, and what is refused."""

from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.tighten import tighten
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import Barrier, For, If, LoopKind, Store
from graphc.compiler.loops.value import Condition, at_least, below
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, loops_of, plain_programs, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", N), w.floats("y", N)


def copy() -> LoopProgram:
    """Return a program that copies x."""
    return w.program((X,), (Y,), w.loop(I, N, Store(w.at(Y, I), w.at(X, I))))


def by_lanes() -> LoopProgram:
    """Return a program that copies x, of which each of 8 lanes has every so many elements."""
    program = reorder(split(copy(), "i", 8, Tail.GUARD), "i_outer", "i_inner")
    return bind(program, "i_inner", LoopKind.THREAD)


def under(*tests: Condition) -> LoopProgram:
    """Return a program that copies x, in a loop to 20, where tests hold."""
    one = If(tests, (Store(w.at(Y, I), w.at(X, I)),))
    return w.program((X,), (Y,), w.loop(I, 20, one))


def test_each_lane_has_as_many_turns_as_elements() -> None:
    made = tighten(by_lanes(), "i_outer")
    assert lines(made) == [
        "for i_inner < 8 (thread):",
        "  for i_outer < (7*i_inner + n + 7) // 8 - i_inner:",  # (n + 7 - i_inner) // 8
        "    y[8*i_outer + i_inner] = x[8*i_outer + i_inner]",
    ]
    same_meaning(copy(), made)


def test_other_tests_stay() -> None:
    made = tighten(under(below(I, N), at_least(I, 1)), "i")
    assert lines(made) == ["for i < min(20, n):", "  if i >= 1:", "    y[i] = x[i]"]


def test_an_end_may_be_below_zero() -> None:
    """Then there is no turn, as no test holds."""
    program = w.program((X,), (Y,), w.loop(J, 9, under(below(I, N - 3 - J)).body[0]))
    same_meaning(program, tighten(program, "i"))


@settings(max_examples=20, deadline=None)
@given(plain_programs(), st.data())
def test_tightened_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from(loops_of(program)))
    made = split(program, loop, 3, Tail.GUARD)
    try:
        made = reorder(made, f"{loop}_outer", f"{loop}_inner")
    except RewriteError:  # its turns have an order
        return
    (test, *_) = made.loop(f"{loop}_outer").body
    if isinstance(test, If):
        same_meaning(program, tighten(made, f"{loop}_outer"))


def test_what_tighten_refuses() -> None:
    assert refusal(tighten, copy(), "i") == (
        "tighten of the loop 'i' in k0: expected a body that is nothing but what a test is around, "
        "found other statements"
    )
    rising = "expected a test that fails from some turn of i on, found i >= 1"
    assert rising in refusal(tighten, under(at_least(I, 1)), "i")
    once = refusal(tighten, under(Condition(I - 3, equal=True)), "i")
    assert "expected a test that fails from some turn of i on" in once
    (loop,) = under(below(I, N)).body
    assert isinstance(loop, For)
    (test,) = loop.body
    assert isinstance(test, If)
    other = If(test.conditions, test.body, (Store(w.at(Y, 0), w.number(1)),))
    program = w.program((X,), (Y,), w.loop(I, 20, other))
    assert "found other statements" in refusal(tighten, program, "i")
    threads = w.program((X,), (Y,), w.loop(I, 20, test, kind="thread"))
    assert "expected a serial or unrolled loop" in refusal(tighten, threads, "i")
    waiting = w.program((X,), (Y,), w.loop(I, 20, If(test.conditions, (Barrier(),))))
    assert "expected statements that no other thread waits for" in refusal(tighten, waiting, "i")
