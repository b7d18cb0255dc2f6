"""Products by parts of panels: that they mean the same, as text too, and what has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.program import walk
from graphc.compiler.loops.statement import UseIntrinsic
from graphc.compiler.targets.cpu.products import panel_parts, panels, pieces, rows_by_panels
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.products.test_rows_by_panels import (
    arrays,
    mapped,
    numbers,
    plain,
    same_in_all_orders,
    sums_and_signs,
    transposed,
)

(BATCH_SYMBOL,) = symbols(g.BATCH)

SMALL: dict[str, Callable[[], Node | list[Node]]] = {
    "sums that are stored": lambda: g.matmul(arrays(20, 24), arrays(24, 128)),
    "a shorter last part": lambda: g.matmul(arrays(20, 21), arrays(21, 128)),
    "two parts": lambda: g.matmul(arrays(20, 16), arrays(16, 128)) * 0.5,
    "two parts of which one is shorter": lambda: g.matmul(arrays(17, 9), arrays(9, 128)),
    "what follows of sums": lambda: g.maximum(
        g.matmul(arrays(20, 29), arrays(29, 128)) + arrays(128), 0.0
    ),
    "columns of a right operand": lambda: (
        g.matmul(arrays(33, 29), transposed(arrays(128, 29))) + arrays(33, 128)
    ),
    "rows of a call": lambda: g.matmul(arrays(g.BATCH, 24), arrays(24, 128)) + arrays(128),
    "sums of a call that are stored": lambda: g.matmul(arrays(g.BATCH, 21), arrays(21, 128)),
    "words of a call": lambda: g.where(
        g.random.uniform((g.BATCH, 128), seed=1, stream=2) < 0.5,
        g.matmul(arrays(g.BATCH, 24), arrays(24, 128)),
        0.5,
    ),
    "columns of a left operand": lambda: g.matmul(transposed(arrays(24, 20)), arrays(24, 128)),
    "two results": lambda: sums_and_signs(arrays(g.BATCH, 24), arrays(24, 128)),
    "float64": lambda: g.matmul(arrays(20, 24, dtype="float64"), arrays(24, 64, dtype="float64")),
}
"""Products of parts of 8 terms."""

WHOLE = {
    "rows": (lambda x, w, b: g.matmul(x, w), (20, 768, 256)),
    "a bias": (lambda x, w, b: g.matmul(x, w) + b, (130, 600, 256)),
    "columns": (lambda x, w, b: g.matmul(x, transposed(w)) + b, (33, 520, 256)),
    "rows of a call": (lambda x, w, b: g.matmul(x, w) + b, (g.BATCH, 784, 256)),
}
"""Products of parts of `DEPTH` terms, and their rows, terms and columns."""


@pytest.mark.parametrize("strip", [8, 128])
@pytest.mark.parametrize("case", SMALL)
def test_parts_of_panels_mean_the_same(
    case: str, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_by_panels, "SMALL_RIGHT", 0)
    for module in (pieces, panel_parts, rows_by_panels):
        monkeypatch.setattr(module, "DEPTH", 8)
    for module in (panels, panel_parts):
        monkeypatch.setattr(module, "PANEL_ROWS", strip)
    output = SMALL[case]()
    before, found = plain(output), mapped(output)
    assert found.names == ("panels of one matrix",), found.refusals
    calls = [one for one in walk(found.program.body) if isinstance(one, UseIntrinsic)]
    assert len(calls) >= 2
    for rows in (1, 17, 21) if symbols(before.outputs[0].shape[0]) else (1,):
        same_in_all_orders(before, found.program, {BATCH_SYMBOL: rows})


def whole(case: str) -> Node:
    make, (rows, terms, columns) = WHOLE[case]
    shape = (columns, terms) if case == "columns" else (terms, columns)
    return make(arrays(rows, terms), arrays(*shape), arrays(columns))


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    programs = [mapped(whole(case)).program for case in WHOLE]
    return CompiledPrograms([replace(one, name=f"k{k}") for k, one in enumerate(programs)])


@pytest.mark.parametrize(
    ("case", "batch"),
    [("rows", 1), ("a bias", 1), ("columns", 1), ("rows of a call", 17), ("rows of a call", 300)],
)
def test_text_of_parts_of_panels(compiled: CompiledPrograms, case: str, batch: int) -> None:
    sizes = {BATCH_SYMBOL: batch}
    given = numbers(plain(whole(case)), sizes)
    found, _ = compiled(f"k{list(WHOLE).index(case)}", given, sizes, {})
    x, w, *bias = (one.astype("float64") for one in given.values())
    expected = x @ (w.T if case == "columns" else w) + (bias[0] if bias else 0.0)
    np.testing.assert_allclose(found["y0"], expected, rtol=1e-4, atol=1e-4)


def test_a_row_has_the_same_bits_in_each_batch(compiled: CompiledPrograms) -> None:
    case = "rows of a call"
    given = numbers(plain(whole(case)), {BATCH_SYMBOL: 300})
    results = []
    for batch in (1, 16, 17, 300):
        fed = {**given, "x0": given["x0"][:batch]}
        found, _ = compiled(f"k{list(WHOLE).index(case)}", fed, {BATCH_SYMBOL: batch}, {})
        results.append(found["y0"])
    for one in results:
        np.testing.assert_array_equal(one, results[-1][: len(one)])


@pytest.mark.parametrize(
    ("rows", "terms", "columns", "name"),
    [
        (32, 1024, 1024, "panels of one matrix"),
        (17, 8192, 128, "panels of one matrix"),
        (16, 1024, 1024, "parts of sums"),
        (32, 16384, 96, "parts of sums"),
        (32, 8192, 120, "parts of sums"),
    ],
)
def test_long_sums_are_of_panels_if_there_are_some_for_each_thread(
    rows: int, terms: int, columns: int, name: str
) -> None:
    found = mapped(g.matmul(arrays(rows, terms), arrays(terms, columns)))
    assert found.names == (name,), found.refusals
