"""The mapping of products whose threads divide the columns: what is taken, and that it means the
same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.program import LoopProgram, loops_in, walk
from graphc.compiler.loops.statement import Allocate, For, LoopKind, UseIntrinsic
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.cpu.products import column_blocks, pieces, strips
from graphc.compiler.targets.cpu.products.column_blocks import BLOCKS_OF_COLUMNS
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target
from tests.compiler.loops.random_loops import arrays_for
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.products.test_rows_by_panels import (
    same_in_all_orders,
    sums_and_signs,
)

CPU = Target("cpu", 64, 32, (32 << 10, 1 << 20), threads=2)
SMALL = replace(CPU, cache_bytes=(32 << 10, 1 << 10))
"""A core whose second cache has no room for anything."""
(B,) = symbols(BATCH)
ROWS, TERMS, COLUMNS = 37, 5, 128


def arrays(*shape: int) -> Node:
    return g.input(shape, "float32")


def transposed(*shape: int) -> Node:
    return g.transpose(arrays(*shape))


CASES: dict[str, Callable[[], Node | list[Node]]] = {
    "alone": lambda: g.matmul(arrays(ROWS, TERMS), arrays(TERMS, COLUMNS)),
    "rows of a call": lambda: g.matmul(arrays(BATCH, TERMS), arrays(TERMS, COLUMNS)),
    "rows that strips divide": lambda: g.matmul(arrays(144, TERMS), arrays(TERMS, COLUMNS)),
    "what follows": lambda: g.maximum(
        g.matmul(arrays(BATCH, TERMS), arrays(TERMS, COLUMNS)) + arrays(COLUMNS), 0.0
    ),
    "terms side by side": lambda: g.matmul(arrays(BATCH, TERMS), transposed(COLUMNS, TERMS)),
    "rows side by side": lambda: g.matmul(transposed(TERMS, ROWS), arrays(TERMS, COLUMNS)),
    "a right operand that is computed": lambda: g.matmul(
        arrays(BATCH, TERMS), g.maximum(arrays(TERMS, COLUMNS), 0.0)
    ),
    "two products": lambda: (
        g.matmul(arrays(BATCH, TERMS), arrays(TERMS, COLUMNS))
        + g.matmul(arrays(BATCH, TERMS), arrays(TERMS, COLUMNS))
    ),
    "no whole panels": lambda: g.matmul(arrays(ROWS, TERMS), arrays(TERMS, 124)),
    "two results": lambda: sums_and_signs(arrays(BATCH, TERMS), arrays(TERMS, 124)),
    "an array beside the sums of a call": lambda: (
        g.matmul(arrays(BATCH, TERMS), arrays(TERMS, 124)) - arrays(BATCH, 124)
    ),
    "words of columns that are no whole panels": lambda: g.where(
        g.random.uniform((BATCH, 124), seed=1, stream=2) < 0.5,
        g.matmul(arrays(BATCH, TERMS), arrays(TERMS, 124)),
        0.5,
    ),
    "float64": lambda: g.matmul(
        g.input((BATCH, TERMS), "float64"), g.input((TERMS, COLUMNS), "float64")
    ),
}


def plain(output: Node | list[Node], name: str = "k0") -> LoopProgram:
    outputs = output if isinstance(output, list) else [output]
    *_, kernel = kernels(make_schedule(outputs, most_shared=0))
    return plain_program(kernel, name, buffers_of(kernel))


def numbers(program: LoopProgram, rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(rows)
    return {
        name: np.asarray(rng.standard_normal(one.shape), one.dtype)
        for name, one in arrays_for(program, {B: rows}).items()
    }


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of two terms are long, blocks of 32 columns wide, and no right operand is near."""
    for module in (column_blocks, pieces, strips):
        monkeypatch.setattr(module, "DEPTH", 2)
    monkeypatch.setattr(strips, "NEAR", 0)
    monkeypatch.setattr(column_blocks, "_LEAST_COLUMNS", 32)


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize("target", [CPU, SMALL], ids=["near", "far"])
@pytest.mark.parametrize("case", CASES)
def test_blocks_mean_the_same(case: str, target: Target) -> None:
    before = plain(CASES[case]())
    assert not BLOCKS_OF_COLUMNS.when(before, target).refusal
    after = BLOCKS_OF_COLUMNS.rewrites(before, target)
    same_in_all_orders(before, after, {B: 3})


@pytest.mark.usefixtures("short_parts")
def test_threads_write_what_they_multiply() -> None:
    after = BLOCKS_OF_COLUMNS.rewrites(plain(CASES["rows of a call"]()), CPU)
    (blocks,) = (one for one in loops_in(after.body) if one.kind is LoopKind.TEAM)
    assert after.body == (blocks,)
    assert [end.constant for end in blocks.ends] == [2]
    allocated = [one.buffer for one in walk(after.body) if isinstance(one, Allocate)]
    assert not any(one.scope is BufferScope.SHARED for one in allocated)


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize(("target", "are_fetched"), [(CPU, False), (SMALL, True)])
def test_panels_that_the_cache_has_no_room_for_are_fetched(
    target: Target, are_fetched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_blocks, "_LEAST_COLUMNS", 64)
    after = BLOCKS_OF_COLUMNS.rewrites(
        plain(g.matmul(arrays(BATCH, TERMS), arrays(TERMS, COLUMNS))), target
    )
    calls = [one.intrinsic.name for one in walk(after.body) if isinstance(one, UseIntrinsic)]
    assert {"and_fetch_next" in name for name in calls} == {are_fetched}


@pytest.mark.usefixtures("short_parts")
def test_all_parts_of_a_panel_are_summed_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(column_blocks, "_LEAST_COLUMNS", 64)
    after = BLOCKS_OF_COLUMNS.rewrites(
        plain(g.matmul(arrays(BATCH, TERMS), arrays(TERMS, COLUMNS))), CPU
    )
    around = after.path("k0_outer_behind")[:-1]
    assert "s0_column_outer" in [one.variable.name for one in around if isinstance(one, For)]


REFUSED: dict[str, tuple[Callable[[], Node | list[Node]], str]] = {
    "short sums": (
        lambda: g.matmul(arrays(512, 128), arrays(128, 512)),
        "sums of 128 terms are short: its results are most of what is moved",
    ),
    "terms of a call": (
        lambda: g.matmul(transposed(BATCH, 512), arrays(BATCH, 512)),
        "only a call knows how many terms there are",
    ),
    "few columns": (
        lambda: g.matmul(arrays(512, 512), arrays(512, 200)),
        "200 columns are no equal blocks for 2 threads",
    ),
    "a prime number of columns": (
        lambda: g.matmul(arrays(512, 512), arrays(512, 499)),
        "499 columns are no equal blocks for 2 threads",
    ),
    "weights that are updated": (
        lambda: arrays(512, 512) - 0.1 * g.matmul(transposed(512, 512), arrays(512, 512)),
        "what follows a sum reads an array of as many elements, row by row",
    ),
    "a computed left operand": (
        lambda: g.matmul(g.maximum(arrays(512, 512), 0.0), arrays(512, 512)),
        "its left operand is computed: it would be for each block",
    ),
    "many rows side by side": (
        lambda: g.matmul(transposed(512, 4096), arrays(512, 512)),
        "each of 4096 rows would be transposed for each block",
    ),
    "few rows, and lines of the right operand that stay": (
        lambda: g.matmul(arrays(128, 512), arrays(512, 320)),
        "threads have rows of their own, and read right operands where they are",
    ),
    "matrices": (
        lambda: g.matmul(arrays(7, 512, 512), arrays(7, 512, 512)),
        "it has several matrices",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_blocks_and_why(case: str) -> None:
    build, reason = REFUSED[case]
    assert BLOCKS_OF_COLUMNS.when(plain(build()), CPU).refusal == reason


@pytest.mark.parametrize("columns", [64, 100, 128, 384])
def test_threads_have_a_panel_at_least(columns: int) -> None:
    """Panels of 32 columns, of which no more than a tenth of what is multiplied is empty."""
    before = plain(g.matmul(arrays(BATCH, 784), arrays(784, columns)))
    refusal = BLOCKS_OF_COLUMNS.when(before, CPU).refusal
    assert refusal == ("" if columns != 100 else "100 columns are no equal blocks for 2 threads")


def test_one_thread_has_all_columns() -> None:
    before = plain(g.matmul(arrays(512, 512), arrays(512, 512)))
    alone = replace(CPU, threads=1)
    assert choose(before, CPU, CPU_MAPPINGS["matmul"]).names == ("blocks of columns",)
    assert BLOCKS_OF_COLUMNS.when(before, alone).refusal == "one thread has all columns"


@pytest.mark.parametrize(
    ("rows", "terms", "columns"), [(16, 300, 300), (70, 517, 312), (130, 256, 256), (9, 700, 500)]
)
@pytest.mark.parametrize("target", [CPU, SMALL], ids=["near", "far"])
def test_text_computes_long_sums(rows: int, terms: int, columns: int, target: Target) -> None:
    before = plain(g.matmul(arrays(rows, terms), arrays(terms, columns)))
    compiled = CompiledPrograms([BLOCKS_OF_COLUMNS.rewrites(before, target)])
    given = numbers(before, 1)
    found, _ = compiled("k0", given, {})
    exact = given["x0"].astype("float64") @ given["x1"]
    np.testing.assert_allclose(found["y0"], exact, atol=1e-4)
