"""Guard, synchronise, enclose, sink, rename: what makes the loops of threads of a block."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.guard import guard
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.synchronise import synchronise
from graphc.compiler.loops.rewrites.loops.enclose import enclose
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Value
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, loops_of, plain_programs, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J, K

BLOCK, THREAD = LoopKind.BLOCK, LoopKind.THREAD
X, Y = w.floats("x", N), w.floats("y", N)


def copy() -> LoopProgram:
    """Return a program that copies x."""
    return w.program((X,), (Y,), w.loop(I, N, Store(w.at(Y, I), w.at(X, I))))


def in_tiles() -> LoopProgram:
    """Return a program that copies x in tiles of 4, of which the last one may be short."""
    return split(copy(), "i", 4, Tail.SHORT)


# ---- guard --------------------------------------------------------------------------------------


def test_a_short_loop_is_a_whole_one_with_a_test() -> None:
    made = guard(in_tiles(), "i_inner")
    assert lines(made) == [
        "for i_outer < (n + 3) // 4:",
        "  for i_inner < 4:",
        "    if 4*i_outer + i_inner < n:",
        "      y[4*i_outer + i_inner] = x[4*i_outer + i_inner]",
    ]
    same_meaning(copy(), made)


@settings(max_examples=20, deadline=None)
@given(plain_programs(), st.data())
def test_guarded_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from(loops_of(program)))
    tiled = split(program, loop, 3, Tail.SHORT)
    if len(tiled.loop(f"{loop}_inner").ends) > 1:
        same_meaning(program, guard(tiled, f"{loop}_inner"))


def test_what_guard_refuses() -> None:
    assert refusal(guard, copy(), "i") == (
        "guard of the loop 'i' in k0: expected an end that is a number, and another one, found n"
    )
    unknown = w.program((X,), (Y,), w.loop(I, (N, w.M), Store(w.at(Y, I), w.at(X, I))))
    assert refusal(guard, unknown, "i").endswith("and another one, found n, m")
    several = w.program((X,), (Y,), w.loop(I, (4, 3), Store(w.at(Y, 0), w.number(1))))
    assert refusal(guard, several, "i").endswith("and another one, found 4, 3")
    tile = w.shared("tile", 4)
    waits = w.loop(I, (4, N), Store(w.at(tile, I), w.number(1)), Barrier())
    assert "expected statements that no other thread waits for" in refusal(
        guard, w.program((), (Y,), Allocate(tile), waits), "i"
    )


# ---- synchronise --------------------------------------------------------------------------------


def mirrored(scope: BufferScope) -> LoopProgram:
    """Return a program that stores a row in a memory, and reads it backwards."""
    small, out = w.floats("x", 4), w.floats("y", 4)
    tile = w.register("tile", 4) if scope is BufferScope.REGISTER else w.shared("tile", 4)
    first = w.loop(J, 4, Store(w.at(tile, J), w.at(small, J)))
    second = w.loop(K, 4, Store(w.at(out, K), w.at(tile, 3 - K)))
    return w.program((small,), (out,), w.loop(I, 1, Allocate(tile), first, second))


def test_threads_read_what_others_have_stored_behind_a_barrier() -> None:
    before = mirrored(BufferScope.SHARED)
    made = synchronise(before, "j")
    assert lines(made)[4] == "  barrier (shared)"
    same_meaning(before, made)
    by_threads = bind(bind(bind(made, "i", BLOCK), "j", THREAD), "k", THREAD)
    same_meaning(before, by_threads)
    assert "expected a barrier between" in refusal(bind, bind(before, "i", BLOCK), "j", THREAD)


def test_a_barrier_ahead_of_a_loop_is_one_behind_the_statement_ahead() -> None:
    before = mirrored(BufferScope.SHARED)
    ahead = synchronise(before, "k", is_ahead=True)
    assert lines(ahead) == lines(synchronise(before, "j"))


def launches() -> LoopProgram:
    """Return a program whose second loop reads what all turns of the first one have stored."""
    small, middle, out = w.floats("x", N), w.floats("middle", N), w.floats("y", N)
    first = w.loop(I, N, Store(w.at(middle, I), w.at(small, I)))
    second = w.loop(J, N, Store(w.at(out, J), w.at(middle, N - 1 - J)))
    return w.program((small,), (middle, out), first, second)


def test_blocks_read_what_others_have_stored_in_a_launch_behind() -> None:
    made = synchronise(launches(), "i", BufferScope.GLOBAL)
    assert lines(made)[2] == "barrier (global)"
    by_blocks = bind(bind(made, "i", BLOCK), "j", BLOCK)
    same_meaning(launches(), by_blocks)
    assert "expected a barrier between" in refusal(bind, launches(), "i", BLOCK)


def test_what_synchronise_refuses() -> None:
    inside = w.program((X,), (Y,), w.loop(I, N, w.loop(J, 1, Store(w.at(Y, I), w.at(X, I)))))
    threads = bind(inside, "i", THREAD)
    assert refusal(synchronise, threads, "j") == (
        "synchronise of the loop 'j' in k0: expected no loop of threads around, as all of them "
        "come to a barrier, found i (thread)"
    )
    assert refusal(synchronise, inside, "j", BufferScope.GLOBAL).endswith(
        "expected a loop of the program's own body, for a barrier of all blocks, found one inside "
        "of other statements"
    )
    assert refusal(synchronise, copy(), "i", BufferScope.REGISTER).endswith(
        "expected threads that share memory, or all blocks, found register memory"
    )


# ---- enclose ------------------------------------------------------------------------------------


def total() -> LoopProgram:
    """Return a program that adds up x."""
    s, out = w.at(w.register("s")), w.floats("y")
    add = w.loop(I, N, Accumulate("sum", (s,), (w.at(X, I),)))
    first = Allocate(s.buffer), Store(s, w.number(0))
    return w.program((X,), (out,), *first, add, Store(w.at(out), s))


def enclosed(program: LoopProgram) -> LoopProgram:
    """Return a program with a loop around all that it does."""
    return enclose(program, 0, len(program.body), "row")


def test_a_single_row_has_a_loop() -> None:
    made = enclosed(total())
    assert lines(made)[:2] == ["for row < 1:", "  allocate s: float32[] in register"]
    same_meaning(total(), made)
    same_meaning(total(), bind(made, "row", BLOCK))
    assert lines(enclosed(made))[0] == "for row_2 < 1:"


def test_what_a_turn_stores_by_itself_is_given_to_one_lane() -> None:
    body = (Let(w.local("t0"), w.at(X, I)), Store(w.at(Y, I), w.local("t0")))
    before = w.program((X,), (Y,), w.loop(I, N, *body))
    after = enclose(before, 0, 2, "one", "i")
    assert lines(after)[:2] == ["for i < n:", "  for one < 1:"]
    same_meaning(before, bind(bind(after, "one", LoopKind.LANE), "i", BLOCK))
    assert "expected names that no other statement uses, found y[i] = t0" in refusal(
        enclose, before, 0, 1, "one", "i"
    )


def test_what_enclose_refuses() -> None:
    assert "expected names that no other statement uses, found y[] = s[]" in refusal(
        enclose, total(), 0, 3, "row"
    )
    assert refusal(enclose, total(), 2, 2, "row").endswith(
        "expected statements of the body, found none"
    )
    several = synchronise(launches(), "i", BufferScope.GLOBAL)
    assert refusal(enclosed, several).endswith(
        "expected one launch, as no loop is around a barrier of all blocks, found barrier (global)"
    )


# ---- sink ---------------------------------------------------------------------------------------


def with_value(
    *between: Statement, of: Value | None = None, used: Value | None = None
) -> LoopProgram:
    """Return a program with a value ahead of a loop that uses it, or another one."""
    t = w.local("t0")
    value = w.cast(w.count(N, "int64"), "float32") if of is None else of
    store = Store(w.at(Y, I), w.op("div", w.at(X, I), t if used is None else used))
    return w.program((X,), (Y,), Let(t, value), *between, w.loop(I, N, store))


def test_a_value_is_computed_in_each_turn() -> None:
    made = sink(with_value(), "i")
    assert lines(made) == ["for i < n:", "  t0 = cast(int64(n))", "  y[i] = div(x[i], t0)"]
    same_meaning(with_value(), made)


def test_some_of_several_values_are_computed_in_each_turn() -> None:
    double = Let(w.local("t1"), w.op("add", w.local("t0"), w.local("t0")))
    program = with_value(double, used=w.local("t1"))
    made = sink(program, "i", 1)
    assert lines(made) == [
        "t0 = cast(int64(n))",
        "for i < n:",
        "  t1 = add(t0, t0)",
        "  y[i] = div(x[i], t1)",
    ]
    same_meaning(program, made)


@settings(max_examples=20, deadline=None)
@given(plain_programs(), st.data())
def test_sunk_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from(loops_of(program)))
    try:
        made = sink(program, loop, data.draw(st.sampled_from([None, 1, 2])))
    except RewriteError:
        return
    same_meaning(program, made)


def test_what_sink_refuses() -> None:
    assert refusal(sink, copy(), "i").endswith("expected statements ahead of it, found none")
    assert refusal(sink, with_value(), "i", 2).endswith(
        "expected 2 statements ahead of it, found 1"
    )
    other = Store(w.at(Y, 0), w.local("t0"))
    assert refusal(sink, with_value(other), "i").endswith(
        "expected stores to registers ahead of it, found y[0] = t0"
    )
    assert "expected values that the loop does not change, found t0 = y[0], of y" in refusal(
        sink, with_value(of=w.at(Y, 0)), "i"
    )


# ---- rename -------------------------------------------------------------------------------------


def test_a_loop_has_another_name() -> None:
    made = rename(in_tiles(), "i_inner", "lane")
    assert lines(made)[1:] == [
        "  for lane < min(4, n - 4*i_outer):",
        "    y[4*i_outer + lane] = x[4*i_outer + lane]",
    ]
    same_meaning(copy(), made)


@pytest.mark.parametrize("name", ["i_outer", "i_inner", "x"])
def test_no_loop_has_a_name_of_another_thing(name: str) -> None:
    assert refusal(rename, in_tiles(), "i_inner", name).endswith(
        f"expected a name that nothing in the program has, found {name}"
    )
