"""The mapping of few results that are long sums: what is taken, and that it means the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.program import loops_in, walk
from graphc.compiler.loops.statement import LoopKind, UseIntrinsic
from graphc.compiler.targets.cpu.products import long_sums, panels, pieces
from graphc.compiler.targets.cpu.products.long_sums import PARTS_OF_SUMS
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.products.test_rows_by_panels import (
    CPU,
    T,
    mapped,
    numbers,
    plain,
    same_in_all_orders,
    words_of,
)

(B,) = symbols(BATCH)


def arrays(*shape: int, dtype: str = "float32") -> Node:
    return g.input(shape, dtype)


def layer(terms: int, columns: int) -> Node:
    """Return a layer of some rows, with what draws words behind it."""
    product = g.matmul(arrays(BATCH, terms), arrays(terms, columns)) + arrays(columns)
    kept = g.random.uniform((BATCH, columns), seed=1, stream=2) < 0.5
    return g.where(kept, g.maximum(product, 0.0), 0.0)


CASES = {
    "whole panels and parts": lambda: g.matmul(arrays(3, 32), arrays(32, 64)),
    "columns and terms that are left": lambda: g.matmul(arrays(3, 35), arrays(35, 50)),
    "a layer": lambda: layer(37, 64),
    "images": lambda: (
        g.matmul(g.reshape(arrays(BATCH, 3, 2, 6), (BATCH, 36)), arrays(36, 40)) * 2.0
    ),
    "a left operand by columns": lambda: g.matmul(g.transpose(arrays(32, 5)), arrays(32, 33)),
    "float64": lambda: g.matmul(arrays(2, 35, dtype="float64"), arrays(35, 21, dtype="float64")),
}


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pieces, long_sums):
        monkeypatch.setattr(module, "DEPTH", 8)
    for module in (panels, long_sums):
        monkeypatch.setattr(module, "PANEL_ROWS", 4)
    monkeypatch.setattr(long_sums, "LONG", 32)
    monkeypatch.setattr(long_sums, "SMALL_RIGHT", 0)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("case", CASES)
def test_parts_of_sums_mean_the_same(case: str) -> None:
    """Of rows of one strip, and, where a call tells how many, of two."""
    before = plain(CASES[case]())
    found = mapped(CASES[case]())
    assert found.names == ("parts of sums",), found.refusals
    assert any(isinstance(one, UseIntrinsic) for one in walk(found.program.body))
    for rows in (2, 5):
        same_in_all_orders(before, found.program, {B: rows})


LONG = {
    "images": lambda: g.matmul(g.reshape(arrays(BATCH, 3, 700), (BATCH, 2100)), arrays(2100, 70)),
    "a layer": lambda: layer(2048, 96),
    "panels that are written": lambda: g.matmul(arrays(40, 1100), arrays(1100, 136)),
    "float64": lambda: g.matmul(
        arrays(9, 1100, dtype="float64"), arrays(1100, 200, dtype="float64")
    ),
}


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    programs = [PARTS_OF_SUMS.rewrites(plain(case()), CPU) for case in LONG.values()]
    return CompiledPrograms([replace(one, name=f"k{k}") for k, one in enumerate(programs)])


@pytest.mark.parametrize("rows", [1, 20, 131])
@pytest.mark.parametrize("number", range(len(LONG)))
def test_text_of_long_sums(compiled: CompiledPrograms, number: int, rows: int) -> None:
    """Beside the exact sums, which the interpreter of programs would take long for."""
    output = [*LONG.values()][number]()
    assert mapped(output).names == ("parts of sums",)
    before = plain(output)
    given, words = numbers(before, {B: rows}), words_of(before)
    found = compiled(f"k{number}", given, {B: rows}, words)[0]["y0"]
    by_rank = {array.ndim: array for array in given.values()}
    left, right = (array for array in given.values() if array.ndim > 1)
    exact = left.reshape(len(left), -1).astype("float64") @ right
    if 1 in by_rank:
        exact = np.where(found == 0.0, 0.0, np.maximum(exact + by_rank[1], 0.0))
        assert 0.3 < np.mean(found == 0.0) < 0.9
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-3)


def test_threads_divide_parts_and_then_columns() -> None:
    loops = loops_in(mapped(LONG["a layer"]()).program.body)
    teams = [loop for loop in loops if loop.kind is LoopKind.TEAM]
    assert [str(team.ends[0]) for team in teams] == ["8", "3"]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (g.matmul(arrays(9, 2048), arrays(2048, T)), "only a call knows how many columns or terms"),
        (g.matmul(arrays(9, 1000), arrays(1000, 400)), "sums of 1000 terms are not long"),
        (g.matmul(arrays(9, 2048), arrays(2048, 40)), "has no more than 131072 elements"),
        (g.matmul(arrays(300, 2048), arrays(2048, 160)), "48000 results are many"),
        (g.matmul(g.maximum(arrays(9, 2048), 0.0), arrays(2048, 96)), "left operand is computed"),
        (
            g.matmul(arrays(40, 2048), g.transpose(arrays(96, 2048))),
            "its right operand is not in memory by rows",
        ),
        (g.matmul(arrays(9, 20000), arrays(20000, 20)), "there are 20 columns, fewer than 32"),
        (g.matmul(arrays(9, 200000), arrays(200000, 50)), "parts of 200000 terms are too many"),
    ],
    ids=range(8),
)
def test_what_has_no_parts_of_sums_and_why(output: Node, reason: str) -> None:
    refusals = dict(mapped(output).refusals)
    assert reason in refusals.get("parts of sums", ""), refusals
