"""The intrinsic of reductions that carry places: compiled, beside its meaning and NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.statement import Allocate, BufferWindow, Statement, Store, UseIntrinsic
from graphc.compiler.targets.cpu.reductions.places import carried_row
from graphc.compiler.targets.cpu.reductions.rows import LEAST_TERMS
from graphc.compiler.targets.cpu.reductions.rows import REDUCTIONS as MAPPINGS
from graphc.compiler.targets.mapping import choose
from tests.compiler.loops import written as w
from tests.compiler.loops.written import I
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.reductions.test_reductions import CPU, plain, result

FIRST = 3
"""Where the row begins that is given."""

MOST_EVALUATED = 200
CASES = [
    (reduction, dtype, count)
    for reduction in ("argmax", "argmin")
    for dtype in ("float32", "float64", "int32", "int64")
    for count in (1, 31, 64, 65, MOST_EVALUATED, 9001)
]


def called(name: str, reduction: str, dtype: str, count: int) -> LoopProgram:
    """Return a program that goes on with each row twice, from the identity on: the second call has
    to keep the place that the first one found."""
    intrinsic = carried_row(reduction, dtype, BufferScope.GLOBAL)
    rows = len(rows_of(dtype, count))
    x = w.given("x0", dtype, rows, count + 2 * FIRST)
    dtypes, starts = REDUCTIONS[reduction].dtypes(dtype), REDUCTIONS[reduction].starts(dtype)
    carried = [w.register(f"s{k}", dtype=one) for k, one in enumerate(dtypes)]
    results = [w.given(f"y{k}", one, rows) for k, one in enumerate(dtypes)]
    start: list[Statement] = []
    for buffer, number in zip(carried, starts, strict=True):
        start += [Allocate(buffer), Store(w.at(buffer), w.number(number, buffer.dtype))]
    row = BufferWindow(x, (I, as_index(FIRST)), (1,))
    (size,) = symbols(intrinsic.parameters[0].shape[0])
    windows = (row, *(BufferWindow(one, (), ()) for one in carried))
    call = UseIntrinsic(intrinsic, windows, {size: as_index(count)})
    end = [Store(w.at(y, I), w.at(s)) for y, s in zip(results, carried, strict=True)]
    body = w.loop(I, rows, *start, call, call, *end)
    return LoopProgram(name, (x,), tuple(results), (), (body,))


def rows_of(dtype: str, count: int) -> np.ndarray:
    """Return rows of a dtype: with many ties, one value alone, extremes at both ends, and, of
    floats, infinities alone, zeros of both signs, NaN at two places."""
    rng = np.random.default_rng(count)
    ends = rng.integers(-99, 99, count)
    ends[[0, -1]] = 100
    found = [rng.integers(-2, 2, count), rng.integers(-9999, 9999, count), ends, -ends]
    found += [np.full(count, 7), np.arange(count), -np.arange(count)]
    if dtype.startswith("float"):
        nan = rng.standard_normal(count)
        nan[[count // 2, -1]] = np.nan
        zeros = np.where(rng.random(count) < 0.5, 0.0, -0.0)
        found += [np.full(count, np.inf), np.full(count, -np.inf), zeros, nan]
        found += [np.full(count, np.nan), rng.standard_normal(count)]
    return np.array(found).astype(dtype)


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    return CompiledPrograms([called(f"k{k}", *case) for k, case in enumerate(CASES)])


@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_row_is_its_meaning(compiled: CompiledPrograms, number: int) -> None:
    reduction, dtype, count = CASES[number]
    program = called(f"k{number}", *CASES[number])
    rows = rows_of(dtype, count)
    x = np.full((len(rows), count + 2 * FIRST), 10_000 if reduction == "argmax" else -10_000, dtype)
    x[:, FIRST : FIRST + count] = rows
    found, _ = compiled(program.name, {"x0": x})
    places = getattr(np, reduction)(rows, axis=1)
    np.testing.assert_array_equal(found["y1"], places)
    np.testing.assert_array_equal(found["y0"], rows[np.arange(len(rows)), places])
    if count <= MOST_EVALUATED:
        outputs = evaluate(program, {"x0": x}, {}).outputs
        np.testing.assert_array_equal(found["y0"], outputs["y0"])
        np.testing.assert_array_equal(found["y1"], outputs["y1"])


@pytest.mark.parametrize(
    ("width", "is_computed", "is_called"),
    [
        (LEAST_TERMS, False, True),
        (LEAST_TERMS, True, False),
        (LEAST_TERMS - 1, False, False),
        (20_000, False, True),
    ],
)
def test_long_rows_in_memory_are_carried_at_once(
    width: int, is_computed: bool, is_called: bool
) -> None:
    x = g.input((None, width), "float32")
    output = g.argmax(g.exp(x) if is_computed else x, axis=1)
    mapped = choose(plain(output), CPU, MAPPINGS)
    assert mapped.names == ("rows in lanes",)
    calls = [one for one in walk(mapped.program.body) if isinstance(one, UseIntrinsic)]
    assert bool(calls) is is_called
    values = np.random.default_rng(width).standard_normal((2, width)).astype("float32")
    np.testing.assert_array_equal(result(mapped.program, values), values.argmax(axis=1))
