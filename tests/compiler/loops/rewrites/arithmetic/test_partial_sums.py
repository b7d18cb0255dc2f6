"""Partial reductions: the same result, in an order that the program states."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.graph.dim import symbol, symbols
from graphc.compiler.interpret import NUMPY
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.statement import Accumulate, Allocate, If, LoopKind, Statement, Store
from graphc.compiler.loops.value import at_least
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import SOME_SIZES, loops_of, plain_programs, same_meaning
from tests.compiler.loops.rewritten import assert_same, each_that_applies, lines_of

N, L = w.N, symbol("length")
(L_SYMBOL,) = symbols(L)
ROW, COLUMN, INNER = variable("row"), variable("column"), variable("inner")
TOTAL, PLACE = w.register("total"), w.register("place", dtype="int32")
REGISTER = BufferScope.REGISTER


def row_reductions(reduction: str) -> LoopProgram:
    """Return a reduction of each row of a matrix: of several carried values the last one."""
    dtype, row = "bool" if reduction in ("any", "all") else "float32", REDUCTIONS[reduction]
    x = w.given("x", dtype, N, L)
    read, body, targets = w.at(x, ROW, COLUMN), [], []
    for name, one, start in zip(row.names, row.dtypes(dtype), row.starts(dtype), strict=True):
        targets.append(w.at(w.register(name, dtype=one)))
        body += [Allocate(targets[-1].buffer), Store(targets[-1], w.number(start, one))]
    values = {
        "exp_sum": (read, w.number(1)),
        "moments": (w.number(1), read, w.number(0)),
    }.get(reduction, (read, w.count(COLUMN, "int32")) if row.is_placed else (read,))
    step = Accumulate(reduction, tuple(targets), values, "a layer")
    y = w.given("y", targets[-1].dtype, N)
    body += [w.loop(COLUMN, L, step), Store(w.at(y, ROW), targets[-1])]
    return w.program((x,), (y,), w.loop(ROW, N, *body))


def reduced(reduction: str, x: np.ndarray) -> np.ndarray:
    """Return what `row_reductions` finds of rows."""
    if reduction == "exp_sum":
        return np.exp(x - x.max(1, keepdims=True)).sum(1)
    if reduction == "moments":
        return x.var(1) * x.shape[1]
    return NUMPY[reduction]({"axes": (1,), "axis": 1}, x)


def numbers(reduction: str, length: int) -> np.ndarray:
    """Return rows of few numbers, so that some tie, one with NaN."""
    generator = np.random.default_rng(length)
    if reduction in ("any", "all"):
        return generator.random((4, length)) > (0.9 if reduction == "any" else 0.1)
    x = generator.integers(1, 4, (4, length)).astype("float32")
    if reduction != "moments":  # of one NaN alone the mean tells
        x[3, length // 2 :] = np.nan
    return x


FORMS: list[dict[str, Any]] = [
    {"lanes": 1},
    {"lanes": 4},
    {"lanes": 6, "tree": Tree.NEIGHBOURS},
    {"lanes": 5, "tree": Tree.IN_ORDER},
    {"chunks": 3},
    {"chunks": 4, "tree": Tree.NEIGHBOURS},
    {"length": 4, "tree": Tree.IN_ORDER, "scope": BufferScope.THREAD},
    {"length": L, "tree": Tree.IN_ORDER},
    {"length": 4, "tree": Tree.AT_ONCE},
    {"chunks": 3, "tree": Tree.AT_ONCE},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("reduction", sorted(REDUCTIONS))
def test_parts_reduce_to_the_same(reduction: str, form: dict[str, Any]) -> None:
    program = partial_sums(row_reductions(reduction), "column", **form)
    for length in (1, 3, 4, 13):
        x = numbers(reduction, length)
        result = evaluate(program, {"x": x}, {w.N_SYMBOL: 4, L_SYMBOL: length}).outputs["y"]
        expected = reduced(reduction, x)
        if reduction in ("exp_sum", "moments"):
            np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)
        else:
            np.testing.assert_array_equal(result, expected)  # of small integers: exact


def test_the_order_of_a_sum_is_that_of_the_printed_tree() -> None:
    program = partial_sums(row_reductions("sum"), "column", lanes=3)
    assert lines_of(program)[3:] == [
        "allocate total_parts: float32[3] in register",
        "for total_part < 3:",
        "total_parts[total_part] = 0.0",
        "for column_outer < (length + 2) // 3:",
        "for column_inner < min(3, length - 3*column_outer):",
        "total_parts[column_inner] = sum(total_parts[column_inner], "
        "x[row, 3*column_outer + column_inner])",
        "total_parts[0] = sum(total_parts[0], total_parts[2])",
        "total_parts[0] = sum(total_parts[0], total_parts[1])",
        "total[] = sum(total[], total_parts[0])",
        "y[row] = total[]",
    ]
    x = np.random.default_rng(1).standard_normal((2, 8)).astype("float32")
    parts = [np.float32(0) + x[:, k] + x[:, k + 3] for k in range(3)]
    parts[0], parts[1] = parts[0] + x[:, 6], parts[1] + x[:, 7]
    expected = np.float32(0) + ((parts[0] + parts[2]) + parts[1])
    result = evaluate(program, {"x": x}, {w.N_SYMBOL: 2, L_SYMBOL: 8}).outputs["y"]
    assert result.tobytes() == expected.tobytes()


def test_a_part_is_added_as_soon_as_it_is_complete() -> None:
    program = partial_sums(row_reductions("sum"), "column", length=3, tree=Tree.AT_ONCE)
    assert lines_of(program)[3:] == [
        "for column_outer < (length + 2) // 3:",
        "allocate total_parts: float32[] in register",
        "total_parts[] = 0.0",
        "for column_inner < min(3, length - 3*column_outer):",
        "total_parts[] = sum(total_parts[], x[row, 3*column_outer + column_inner])",
        "total[] = sum(total[], total_parts[])",
        "y[row] = total[]",
    ]
    in_order = partial_sums(row_reductions("sum"), "column", length=3, tree=Tree.IN_ORDER)
    same_meaning(in_order, program, {w.N_SYMBOL: 2, L_SYMBOL: 8})


def test_terms_under_tests_are_parts() -> None:
    positive = If(
        (at_least(COLUMN, 2),), (Accumulate("sum", (w.at(TOTAL),), (w.at(X, COLUMN, 0),)),)
    )
    first = w.at(TOTAL), w.number(0.0)
    body = (
        Allocate(TOTAL),
        Store(*first),
        w.loop(COLUMN, N, positive),
        Store(w.at(Y, 0), w.at(TOTAL)),
    )
    program = w.program((X,), (Y,), *body)
    for form in FORMS[1:7]:
        same_meaning(program, partial_sums(program, "column", **form), w.SIZES, rtol=1e-4)


def test_parts_of_several_accumulators_that_inner_loops_add_to() -> None:
    x, y, z = w.floats("x", L, 5), w.floats("y", 3), w.floats("z", 1)
    sums, most, last = w.register("sums", 3), w.register("most"), variable("last")
    read = w.at(x, COLUMN, INNER)
    before = w.program(
        (x,),
        (y, z),
        Allocate(sums),
        Allocate(most),
        w.loop(last, 3, Store(w.at(sums, last), w.number(0.5))),
        Store(w.at(most), w.number(-np.inf)),
        w.loop(
            COLUMN,
            L,
            w.loop(INNER, (3, L), Accumulate("sum", (w.at(sums, INNER),), (read,))),
            Accumulate("max", (w.at(most),), (w.at(x, COLUMN, 4),)),
        ),
        w.loop(ROW, 3, Store(w.at(y, ROW), w.at(sums, ROW))),
        Store(w.at(z, 0), w.at(most)),
    )
    for form in ({"lanes": 4}, {"chunks": 2}):
        for length in (1, 2, 9):
            after = partial_sums(before, "column", **form)
            assert_same(before, after, {L_SYMBOL: length}, rtol=1e-5)


def bound(program: LoopProgram, loop: str, kind: LoopKind) -> LoopProgram:
    return program.with_loop(loop, lambda one: (replace(one, kind=kind),))


def test_chunks_of_a_long_sum_are_bound_to_a_team() -> None:
    before = row_reductions("sum")
    after = partial_sums(before, "column", chunks=4, tree=Tree.IN_ORDER, scope=BufferScope.SHARED)
    parallel = bound(after, "column_outer", LoopKind.TEAM)
    for length in (1, 4, 11):
        sizes = {w.N_SYMBOL: 3, L_SYMBOL: length}
        assert_same(after, parallel, sizes)
        assert_same(before, parallel, sizes, rtol=1e-5)


def test_parts_in_global_memory_are_combined_by_a_second_loop() -> None:
    before = row_reductions("sum")
    after = partial_sums(before, "column", chunks=4, tree=Tree.IN_ORDER)
    for buffer in ("total_parts", "total"):
        after = expand(after, "row", buffer, BufferScope.GLOBAL)
    after = bind(fission(after, "row", 2), "column_outer", LoopKind.TEAM)
    assert [one for one in loops_of(after) if one.startswith("row")] == ["row", "row_2"]
    for length in (1, 5, 11):
        assert_same(before, after, {w.N_SYMBOL: 3, L_SYMBOL: length}, rtol=1e-5)


# ---- expansion ----------------------------------------------------------------------------------


def test_a_buffer_of_each_turn_becomes_one_of_all_turns() -> None:
    before = row_reductions("sum")
    after = expand(before, "row", "total")
    assert lines_of(after)[:3] == [
        "allocate total: float32[n] in register",
        "for row < n:",
        "total[row] = 0.0",
    ]
    assert_same(before, after, {w.N_SYMBOL: 3, L_SYMBOL: 4})


def test_parts_that_threads_fill_are_shared() -> None:
    before = bound(row_reductions("sum"), "row", LoopKind.TEAM)
    after = expand(before, "row", "total", BufferScope.SHARED)
    assert_same(before, after, {w.N_SYMBOL: 3, L_SYMBOL: 4})


@pytest.mark.parametrize(
    ("loop", "buffer", "scope", "message"),
    [
        ("row", "x", None, "the body of the loop 'row' allocates it"),
        ("column", "total", None, "the body of the loop 'column' allocates it"),
        ("row", "total", REGISTER, "register to register memory, a loop of kind team"),
        ("row", "total", BufferScope.THREAD, "register to thread memory, a loop of kind team"),
    ],
)
def test_other_expansions_are_refused(
    loop: str, buffer: str, scope: BufferScope | None, message: str
) -> None:
    with pytest.raises(RewriteError) as error:
        expand(bound(row_reductions("sum"), "row", LoopKind.TEAM), loop, buffer, scope)
    assert message in str(error.value)
    assert "kernel k0(" in str(error.value)


# ---- refusals -----------------------------------------------------------------------------------


def sums(*body: Statement) -> LoopProgram:
    """Return a program that adds to `total` in a loop with other statements."""
    x, y = w.floats("x", N, 4), w.floats("y", N)
    add = Accumulate("sum", (w.at(TOTAL),), (w.at(x, COLUMN, 0),))
    first = Store(w.at(TOTAL), w.number(0.0))
    inner = w.loop(COLUMN, N, add, *body)
    return w.program((x,), (y,), Allocate(TOTAL), first, inner)


X, Y = w.floats("x", N, 4), w.floats("y", N)
SUMS = w.register("sums", 4)
ALL, ONE = (
    w.loop(INNER, 4, Accumulate("sum", (w.at(SUMS, INNER),), (w.at(X, COLUMN, INNER),))),
    Accumulate("sum", (w.at(SUMS, 2),), (w.at(X, COLUMN, 2),)),
)
OVERLAPPING = w.program((X,), (Y,), Allocate(SUMS), w.loop(COLUMN, N, ALL, ONE))
REFUSED = [
    (OVERLAPPING, {"lanes": 2}, "the same accumulators, or to separate ones"),
    (sums(Store(w.at(Y, COLUMN), w.at(TOTAL))), {"lanes": 4}, "nothing else with total"),
    (sums(Accumulate("max", (w.at(TOTAL),), (w.at(X, 0, 0),))), {"lanes": 4}, "sum alone on total"),
    (sums(), {"lanes": 0}, "one of lanes, chunks and length"),
    (sums(), {"lanes": 4, "chunks": 2}, "one of lanes, chunks and length"),
    (sums(), {"length": 4}, "a known number of parts for a tree, or Tree.IN_ORDER"),
    (sums(), {"lanes": 4, "tree": Tree.AT_ONCE}, "parts of turns in a row, if each is added as"),
    (sums(), {"length": w.M, "tree": Tree.IN_ORDER}, "the loop's own size, n, alone, found m"),
    (
        bound(sums(), "column", LoopKind.VECTOR),
        {"lanes": 4},
        "found one of kind vector",
    ),
    (
        sums(Accumulate("sum", (w.at(Y, COLUMN),), (w.at(X, COLUMN, 0),))),
        {"lanes": 2},
        "the same accumulators in each turn, found y[column]",
    ),
]


@pytest.mark.parametrize(("program", "form", "message"), REFUSED, ids=range(len(REFUSED)))
def test_other_sums_are_refused(program: LoopProgram, form: dict[str, Any], message: str) -> None:
    with pytest.raises(RewriteError) as error:
        partial_sums(program, "column", **form)
    assert message in str(error.value)
    assert "kernel k0(" in str(error.value)


@settings(deadline=None, max_examples=20)
@given(plain_programs(), st.sampled_from(FORMS[:6]), st.data())
def test_sums_of_random_programs(
    program: LoopProgram, form: dict[str, Any], data: st.DataObject
) -> None:
    loop = data.draw(st.sampled_from(loops_of(program)))
    for after in each_that_applies([lambda: partial_sums(program, loop, **form)]):
        same_meaning(program, after, *SOME_SIZES[:2], rtol=1e-4)


@settings(deadline=None, max_examples=20)
@given(plain_programs())
def test_expansions_of_random_programs(program: LoopProgram) -> None:
    for loop in loops_of(program):
        buffers = [one.buffer.name for one in walk(program.body) if isinstance(one, Allocate)]
        for after in each_that_applies([partial(expand, program, loop, one) for one in buffers]):
            same_meaning(program, after, *SOME_SIZES[:2])
