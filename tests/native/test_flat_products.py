"""Rows by small matrices: what a layer makes of all samples and steps, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import resources
from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.targets.cpu.products.pieces import DEPTH
from tests.native.forms import in_order
from tests.native.graph_programs import check_on_threads, needs_compiler

draws = np.random.default_rng(0)


@needs_compiler
@pytest.mark.parametrize(
    ("depth", "columns", "dtype"),
    [
        *((1, 1, "float32"), (6, 50, "float32"), (300, 17, "float32"), (50, 128, "float32")),
        (33, 11, "float64"),
    ],
)
def test_three_products_and_what_follows(
    depth: int, columns: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One factor in common, one matrix the other way round; any number of rows."""
    monkeypatch.setattr("graphc.compiler.targets.cpu.products.strips.LEAST_OF_SHORT_SUMS", 1)
    monkeypatch.setattr("graphc.compiler.targets.cpu.printer.LEAST_DIVIDED", 1)
    x, y = (g.input((BATCH, depth), dtype) for _ in range(2))
    u, v = (g.shared(draws.normal(size=(depth, columns)).astype(dtype) / 8) for _ in range(2))
    w = g.shared(draws.normal(size=(columns, depth)).astype(dtype) / 8)
    products = (g.dot(x, u), g.dot(x, v), g.dot(y, w.T))
    outputs = [g.tanh(products[0] + products[1] + products[2]) * 2.0]
    program = lower_native(outputs)
    assert not in_order(program)
    for batch in (1, 7, 64, 131):
        feeds = {node: (draws.normal(size=(batch, depth)) / 8).astype(dtype) for node in (x, y)}
        check_on_threads(program, outputs, feeds)


@needs_compiler
@pytest.mark.parametrize("depth", [20, 300])  # sums of one part and of two
@pytest.mark.parametrize("columns", [6, 50])  # a row of sums reaches into the next one
def test_what_is_not_finite_stays_in_its_row(depth: int, columns: int) -> None:
    x = g.input((BATCH, depth), "float32")
    w = g.shared(draws.normal(size=(depth, columns)).astype("float32"))
    program = lower_native([g.dot(x, w)])
    assert not in_order(program)
    value = (draws.normal(size=(40, depth)) / depth).astype("float32")
    value[[3, 7, 39]] = np.inf  # the last row of a tile, and of all
    check_on_threads(program, [g.dot(x, w)], {x: value})


@needs_compiler
def test_rows_that_are_computed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps in another order than they lie in, and scaled: once for two products, by blocks."""
    monkeypatch.setattr("graphc.compiler.targets.cpu.products.strips.LEAST_OF_SHORT_SUMS", 1)
    monkeypatch.setattr("graphc.compiler.targets.cpu.printer.LEAST_DIVIDED", 1)
    x = g.input((BATCH, 10, 6), "float32")
    rows = g.reshape(g.swap_axes(x, 0, 1), (10 * BATCH, 6)) * 0.5
    u, v = (g.shared(draws.normal(size=(6, 50)).astype("float32")) for _ in range(2))
    outputs = [g.tanh(g.dot(rows, u)) * g.dot(rows, v)]
    program = lower_native(outputs)
    assert not in_order(program)
    for batch in (1, 7, 33):
        feeds = {x: draws.normal(size=(batch, 10, 6)).astype("float32")}
        check_on_threads(program, outputs, feeds)


def test_the_terms_of_a_part_are_as_many_as_the_header_says() -> None:
    header = resources.folder("kernels") / "host_gemm.h"
    assert f"#define GC_DEPTH {DEPTH} " in header.read_text(encoding="utf-8")
