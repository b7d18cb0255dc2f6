"""The mappings of products with a tiny side: which is taken, the same meaning, and why not."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size, symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.statement import Allocate
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.products.tiny_sides import FEW_COLUMNS, ONE_COLUMN, SHORT_SUMS
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.target import Target

CPU = Target("cpu", 64, 32, threads=2)
BATCH = g.symbol("batch")
ROWS = 3
NAMES = ("one column", "few columns", "short sums")


def plain(output: Node) -> LoopProgram:
    (kernel,) = kernels(make_schedule([output], most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


def mapped(output: Node) -> MappedProgram:
    return choose(plain(output), CPU, [ONE_COLUMN, FEW_COLUMNS, SHORT_SUMS])


def product(rows: Size, terms: int, columns: int) -> Node:
    x, w = g.input((rows, terms), "float32"), g.input((terms, columns), "float32")
    return g.maximum(g.dot(x, w), 0.0)


def arrays_of(program: LoopProgram) -> dict[str, np.ndarray]:
    draws = np.random.default_rng(0)
    return {
        one.memory: draws.standard_normal(
            [ROWS if symbols(size) else size for size in one.shape]
        ).astype(one.dtype)
        for one in program.inputs
    }


def result(program: LoopProgram, arrays: dict[str, np.ndarray], order: TurnOrder) -> np.ndarray:
    (output,) = program.outputs
    sizes = {one: len(arrays["x0"]) for one in symbols(output.shape[0])}
    return evaluate(program, arrays, sizes, order=order).outputs[output.memory]


@pytest.mark.parametrize(
    ("terms", "columns", "name"),
    [
        (128, 1, "one column"),
        (203, 1, "one column"),
        (48, 2, "few columns"),
        (331, 4, "few columns"),
        (331, 7, "few columns"),
        (1, 64, "short sums"),
        (4, 70, "short sums"),
    ],
)
def test_it_means_the_same(terms: int, columns: int, name: str) -> None:
    output = product(BATCH, terms, columns)
    found = mapped(output)
    assert found.names == (name,)
    arrays = arrays_of(found.program)
    exact = np.maximum(arrays["x0"].astype("float64") @ arrays["x1"], 0)
    for order in TurnOrder:
        np.testing.assert_allclose(result(found.program, arrays, order), exact, atol=1e-5)


def test_few_columns_that_are_rows_of_memory_are_not_copied() -> None:
    output = g.dot(g.input((BATCH, 300), "float32"), g.input((3, 300), "float32").T)
    found = mapped(output)
    assert found.names == ("few columns",)
    assert not any(
        isinstance(one, Allocate) and one.buffer.name == "columns"
        for one in walk(found.program.body)
    )
    arrays = arrays_of(found.program)
    exact = arrays["x0"].astype("float64") @ arrays["x1"].T
    for order in TurnOrder:
        np.testing.assert_allclose(result(found.program, arrays, order), exact, atol=1e-5)


@pytest.mark.parametrize("rows", [2, 3, 6])
def test_few_columns_by_known_rows(rows: int) -> None:
    """Two at a time, or each by itself."""
    found = mapped(product(rows, 300, 3))
    assert found.names == ("few columns",)
    arrays = arrays_of(found.program)
    exact = np.maximum(arrays["x0"].astype("float64") @ arrays["x1"], 0)
    for order in TurnOrder:
        np.testing.assert_allclose(result(found.program, arrays, order), exact, atol=1e-5)


@pytest.mark.parametrize(("terms", "columns"), [(203, 1), (331, 3), (331, 6)])
def test_a_row_by_few_columns_has_the_same_bits_alone(terms: int, columns: int) -> None:
    program = mapped(product(BATCH, terms, columns)).program
    arrays = arrays_of(program)
    whole = result(program, arrays, TurnOrder.FORWARD)
    for row in range(ROWS):
        one = arrays | {"x0": arrays["x0"][row : row + 1]}
        np.testing.assert_array_equal(result(program, one, TurnOrder.FORWARD)[0], whole[row])


@pytest.mark.parametrize(
    ("output", "reasons"),
    [
        (
            product(BATCH, 100, 1),
            (
                "its sums have 100 terms, fewer than 128",
                "it has one row, or one column",
                "it has no loops over rows and columns alone",
            ),
        ),
        (
            product(BATCH, 5, 64),
            (
                "it has rows and columns",
                "there are 64 columns, more than 7",
                "its sums may have more than 4 terms",
            ),
        ),
        (
            product(BATCH, 47, 4),
            (
                "it has rows and columns",
                "its sums have 47 terms, not 48 to 16384",
                "its sums may have more than 4 terms",
            ),
        ),
        (
            g.dot(g.input((300, BATCH), "float32").T, g.input((300, 4), "float32")),
            (
                "it has rows and columns",
                "x0[k0, i0] is not contiguous in k0",
                "its sums may have more than 4 terms",
            ),
        ),
        (
            product(BATCH, 4, 63),
            (
                "it has rows and columns",
                "there are 63 columns, more than 7",
                "there are 63 columns, fewer than 64",
            ),
        ),
        (
            g.dot(g.input((BATCH, 4), "float32"), g.input((64, 4), "float32").T),
            (
                "it has rows and columns",
                "there are 64 columns, more than 7",
                "x1[i1, k0] is not contiguous in i1",
            ),
        ),
    ],
    ids=["few terms", "more terms", "fewer terms", "left in columns", "columns", "transposed"],
)
def test_what_has_no_tiny_side_and_why(output: Node, reasons: tuple[str, str]) -> None:
    found = mapped(output)
    assert found.is_plain
    assert found.refusals == tuple(zip(NAMES, reasons, strict=True))


@pytest.mark.parametrize(
    ("terms", "columns", "reason"),
    [
        (300, 5, "there are 5 columns, more than 4"),
        (255, 4, "its sums have 255 terms, not 256 to 16384"),
    ],
)
def test_few_columns_have_less_room_in_narrower_registers(
    terms: int, columns: int, reason: str
) -> None:
    narrow = Target("cpu", 32, 16, threads=2)
    found = choose(plain(product(BATCH, terms, columns)), narrow, [FEW_COLUMNS])
    assert found.refusals == (("few columns", reason),)
