"""bucket: the turns of a loop are listed by the index that each loads; what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import Index, IndexLike, as_index, variable
from graphc.compiler.loops.program import LoopProgram, loops_in, walk
from graphc.compiler.loops.rewrites.loops.bucket import bucket
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    For,
    If,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Apply, Condition, Constant, Value, at_least
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, same_meaning
from tests.compiler.loops.written import EMPTY, I, J, K

G = variable("g")
X, NAMES, Y = w.floats("x", N, 3), w.ints("names", N), w.floats("y", M, 3)
TOTAL = w.register("s")
LISTS = {"bucket_of", "bucket_begin", "bucket_end", "filled_buckets", "turns"}


def check(index: Index = G, number: int = 0, value: Value | None = None) -> Check:
    """Return the check of the index that a turn of `k` loads."""
    loaded = w.at(NAMES, K) if value is None else value
    return Check(w.variable_of(index), loaded, M, number, K)


def scattered(
    *ahead: Statement,
    row: IndexLike = I,
    turns: IndexLike = N,
    rows: IndexLike = M,
    conditions: tuple[Condition, ...] = (),
    behind: tuple[Statement, ...] = (),
) -> LoopProgram:
    """Return the sums, for each row and column, of the elements that name the row."""
    total = w.at(TOTAL)
    test = If(
        (Condition(G - as_index(row), equal=True), *conditions),
        (Accumulate("sum", (total,), (w.at(X, K, J),)),),
    )
    columns = w.loop(
        J,
        3,
        Allocate(TOTAL),
        Store(total, Constant(0, "float32")),
        w.loop(K, turns, *(ahead or (check(),)), test, *behind),
        Store(w.at(Y, I, J), total),
    )
    return w.program((X, NAMES), (Y,), w.loop(I, rows, columns))


def bucketed(program: LoopProgram) -> LoopProgram:
    return bucket(program, "k", BufferScope.SHARED)


def test_each_value_runs_the_turns_that_have_it() -> None:
    before = scattered()
    after = bucketed(before)
    same_meaning(before, after)
    assert {one.buffer.name for one in walk(after.body) if isinstance(one, Allocate)} >= LISTS
    # No turn is under a test of its index, and each index is tested in one loop alone.
    (listed,) = (one for one in loops_in(after.body) if one.variable.name == "k_listed")
    assert not any(isinstance(one, If) for one in walk(listed.body))
    assert sum(isinstance(one, Check) and one.is_tested for one in walk(after.body)) == 1


def test_turns_of_a_value_keep_their_order() -> None:
    """1e8 + 1 - 1e8 is 0 in float32, and no other order gives it."""
    after = bucketed(scattered())
    arrays = {
        "x": np.array([[1e8] * 3, [5] * 3, [1] * 3, [-1e8] * 3], "float32"),
        "names": np.array([1, 0, 1, 1], "int32"),
    }
    sizes = dict(zip((*symbols(N), *symbols(M)), (4, 3), strict=True))
    result = evaluate(after, arrays, sizes).outputs["y"]
    np.testing.assert_array_equal(result[:, 0], [5, 0, 0])


def test_other_values_of_a_turn_stay_with_it() -> None:
    """A value of the index alone is not computed where the turns are listed."""
    doubled = Let(w.local("t"), Apply("add", (w.at(X, K, 0), w.at(X, K, 0)), "float32", EMPTY))
    before = scattered(check(), doubled, conditions=(at_least(K - J),))
    same_meaning(before, simplify(bucketed(before)))


def test_a_second_check_of_a_turn_is_made_once() -> None:
    other = check(variable("h"), 1)
    before = scattered(check(), other)
    after = bucketed(before)
    same_meaning(before, after)
    tested = [one.number for one in walk(after.body) if isinstance(one, Check) and one.is_tested]
    assert tested == [0, 1]


def test_a_value_of_no_loop_is_listed_ahead_of_all() -> None:
    before = scattered(row=0)
    after = bucketed(before)
    same_meaning(before, after)
    assert isinstance(after.body[-1], For)
    assert not any(isinstance(one, Check) for one in after.body[-1].body)


@given(st.data())
def test_random_tests_mean_the_same(data: st.DataObject) -> None:
    conditions = tuple(
        at_least(K * data.draw(st.integers(-1, 1)) + J * data.draw(st.integers(-1, 1)) + number)
        for number in data.draw(st.lists(st.integers(-2, 3), max_size=2))
    )
    before = scattered(
        row=data.draw(st.sampled_from([I, as_index(0), M - I - 1])),
        turns=data.draw(st.sampled_from([N, 1])),
        conditions=conditions,
    )
    same_meaning(before, simplify(bucketed(before)), seed=data.draw(st.integers(0, 9)))


def refuse(program: LoopProgram, match: str) -> None:
    with pytest.raises(RewriteError, match=match):
        bucketed(program)


def test_what_has_no_such_test_is_refused() -> None:
    refuse(scattered(behind=(Allocate(w.register("r")),)), "as its last statement a test")
    refuse(scattered(row=K), "found if g == k")
    refuse(scattered(row=I + 1), "a value that is proved to be below m, found i")


def test_turns_of_no_one_size_are_refused() -> None:
    refuse(scattered(turns=I + 1), "one end, which is a size")


def test_a_loop_around_that_may_have_no_turn_is_refused() -> None:
    """The check would be made where the program makes none."""
    refuse(scattered(rows=M - 1), "loops around it that have a turn")


def test_what_changes_something_else_is_refused() -> None:
    store = Store(w.at(Y, I, J), Constant(1, "float32"))
    refuse(scattered(check(), store), "changes nothing outside of a turn, found a store to y")


def test_an_index_that_depends_on_the_loops_around_is_refused() -> None:
    named = w.ints("names", N)
    inner = Check(w.variable_of(G), w.at(named, K), M, 0, K * 3 + J)
    refuse(scattered(inner), "checks that depend on nothing that the loops around bind")


def test_a_parallel_loop_around_is_refused() -> None:
    before = scattered()
    (rows,) = before.body
    assert isinstance(rows, For)
    team = w.loop(I, M, *rows.body, kind="team")
    refuse(replace(before, body=(team,)), "serial loops alone around it")
