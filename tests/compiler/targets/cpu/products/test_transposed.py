"""The mapping of few rows by weights that lie by columns: what is taken, that it means the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import walk
from graphc.compiler.loops.statement import UseIntrinsic
from graphc.compiler.targets.cpu.products import panels, pieces, rows_by_panels, transposed
from graphc.compiler.targets.cpu.products.transposed import FEW_ROWS_BY_COLUMNS
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.products.test_rows_by_panels import (
    CPU,
    T,
    mapped,
    numbers,
    plain,
    same_in_all_orders,
)

(B,) = symbols(BATCH)


def arrays(*shape: int, dtype: str = "float32") -> Node:
    return g.input(shape, dtype)


def weights(terms: int, columns: int, dtype: str = "float32") -> Node:
    """Return weights that are in memory column after column."""
    return g.transpose(arrays(columns, terms, dtype=dtype))


CASES = {
    "few known rows": lambda: g.matmul(arrays(7, 5), weights(5, 150)),
    "rows of a call": lambda: g.matmul(arrays(BATCH, 5), weights(5, 141)),
    "parts of a sum": lambda: g.matmul(arrays(3, 11), weights(11, 136)) + 1.0,
    "an image behind": lambda: g.where(
        arrays(BATCH, 3, 2, 25) > 0.0,
        g.reshape(g.matmul(arrays(BATCH, 5), weights(5, 150)), (BATCH, 3, 2, 25)),
        0.0,
    ),
    "a computed left operand": lambda: g.matmul(g.maximum(arrays(5, 6), 0.0), weights(6, 136)),
    "a left operand by columns": lambda: g.matmul(g.transpose(arrays(6, 5)), weights(6, 136)),
    "float64": lambda: g.matmul(arrays(3, 5, dtype="float64"), weights(5, 139, dtype="float64")),
}


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "DEPTH", 8)
    for module in (panels, transposed):
        monkeypatch.setattr(module, "PANEL_ROWS", 8)
    monkeypatch.setattr(transposed, "SMALL_RIGHT", 0)
    monkeypatch.setattr(rows_by_panels, "MOST_UNEVEN", 2.0)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("case", CASES)
def test_transposed_panels_mean_the_same(case: str) -> None:
    """Of one panel of rows, and, though the table has another mapping for them then, of two."""
    output = CASES[case]()
    before = plain(output)
    assert mapped(output).names[0] == "few rows by columns", mapped(output).refusals
    program = FEW_ROWS_BY_COLUMNS.rewrites(before, CPU)
    assert any(isinstance(one, UseIntrinsic) for one in walk(program.body))
    for rows in (2, 33) if "call" in case else (3,):
        same_in_all_orders(before, program, {B: rows})


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    programs = [FEW_ROWS_BY_COLUMNS.rewrites(plain(case()), CPU) for case in CASES.values()]
    return CompiledPrograms([replace(one, name=f"k{k}") for k, one in enumerate(programs)])


@pytest.mark.parametrize("rows", [1, 9, 33])
@pytest.mark.parametrize("number", range(len(CASES)))
def test_text_computes_what_the_program_does(
    compiled: CompiledPrograms, number: int, rows: int
) -> None:
    before = plain([*CASES.values()][number]())
    given, sizes = numbers(before, {B: rows}), {B: rows}
    found, _ = compiled(f"k{number}", given, sizes)
    expected = evaluate(before, given, sizes).outputs["y0"]
    np.testing.assert_allclose(found["y0"], expected, rtol=1e-5, atol=1e-5)


def test_more_rows_of_a_call_are_multiplied_by_panels() -> None:
    found = mapped(g.matmul(arrays(BATCH, 512), weights(512, 512)))
    assert found.names == ("few rows by columns", "panels of one matrix")
    assert [str(one.index) for one in found.conditions] == ["-batch + 32"]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (g.matmul(arrays(9, 512), weights(512, T)), "only a call knows how many columns or terms"),
        (g.matmul(arrays(9, 256), weights(256, 512)), "has no more than 131072 elements"),
        (g.matmul(arrays(9, 20000), weights(20000, 512)), "a sum has more than 16384 terms"),
        (g.matmul(arrays(9, 512), arrays(512, 512)), "its right operand is not in memory by col"),
        (g.matmul(arrays(9, 1024), weights(1024, 600)), "are not equally many strips"),
        (g.matmul(arrays(33, 512), weights(512, 512)), "there are 33 rows, more than 32"),
    ],
    ids=range(6),
)
def test_what_is_not_transposed_and_why(output: Node, reason: str) -> None:
    refusals = dict(mapped(output).refusals)
    assert reason in refusals.get("few rows by columns", ""), refusals
