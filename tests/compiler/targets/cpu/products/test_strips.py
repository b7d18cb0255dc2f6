"""The mapping of products whose terms a call tells: what is taken, and that it means the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram, loops_in, walk
from graphc.compiler.loops.statement import Allocate, For, LoopKind, UseIntrinsic
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.cpu.products import pieces, strips
from graphc.compiler.targets.cpu.products.panels import PANEL_ROWS
from graphc.compiler.targets.cpu.products.strips import STRIPS
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target
from tests.compiler.loops.random_loops import arrays_for
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms

GLOBAL = BufferScope.GLOBAL
CPU = Target("cpu", 64, 32, threads=2)
NARROW = Target("cpu", 32, 16, threads=2)
(B,) = symbols(BATCH)
ROWS, COLUMNS = 64, 96


def arrays(*shape: int) -> Node:
    return g.input(shape, "float32")


def gradient(rows: int = ROWS, columns: int = COLUMNS) -> Node:
    return g.matmul(g.transpose(arrays(BATCH, rows)), arrays(BATCH, columns))


def update() -> list[Node]:
    """A step of RMSprop: a decay is a number that a call gives."""
    decay, squares, weights = (arrays(*shape) for shape in ((), *[(ROWS, COLUMNS)] * 2))
    change = gradient()
    mean = decay * squares + (1.0 - decay) * change * change
    return [mean, weights - 0.1 * change / g.sqrt(g.maximum(mean, 0.0) + 1e-3)]


def momentum(columns: int) -> list[Node]:
    """A step with momentum."""
    velocity, weights = (arrays(ROWS, columns) for _ in range(2))
    mean = 0.9 * velocity - 0.1 * gradient(columns=columns)
    return [mean, weights + mean]


CASES = {
    "alone": lambda: [gradient()],
    "an update": update,
    "an image as a row": lambda: [
        g.matmul(g.transpose(g.reshape(arrays(BATCH, 4, 2, 8), (BATCH, 64))), arrays(BATCH, 10))
    ],
    "few columns": lambda: momentum(10),
    "columns that are no whole panels": lambda: momentum(50),
    "columns beside others": lambda: [gradient(columns=50) + arrays(50)],
    "a last panel of few columns": lambda: [gradient(columns=69) + arrays(69)],
    "columns that are computed": lambda: [
        g.matmul(g.transpose(arrays(BATCH, 64)), g.maximum(arrays(BATCH, 50), 0.0))
    ],
    "columns of a transposed operand": lambda: [
        g.matmul(g.transpose(arrays(BATCH, 64)), g.transpose(arrays(50, BATCH)))
    ],
    "float64": lambda: [
        g.matmul(g.transpose(g.input((BATCH, 64), "float64")), g.input((BATCH, 21), "float64"))
    ],
    "terms of both side by side": lambda: [
        g.matmul(arrays(ROWS, BATCH), g.transpose(arrays(COLUMNS, BATCH))) * 2.0
    ],
}


TALL = 13 * PANEL_ROWS - 5
"""Rows whose strips are made by several calls, the last by fewer, of fewer rows."""

WIDTHS = (10, 64, 69)
"""Columns of one panel, of two, and of two with a last one of few columns."""


def plain(outputs: list[Node], name: str = "k0") -> LoopProgram:
    *_, kernel = kernels(make_schedule(outputs, most_shared=0))
    return plain_program(kernel, name, buffers_of(kernel))


def numbers(program: LoopProgram, terms: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(terms)
    return {
        name: np.asarray(rng.standard_normal(one.shape), one.dtype)
        for name, one in arrays_for(program, {B: terms}).items()
    }


@pytest.mark.parametrize("case", CASES)
def test_strips_mean_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIP", 16 * COLUMNS)
    before = plain(CASES[case]())
    found = choose(before, CPU, CPU_MAPPINGS["matmul"])
    assert found.names == ("strips of rows",), found.refusals
    check(before, found.program, terms=(1, 3))


@pytest.mark.parametrize("target", [CPU, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("case", ["few columns", "columns beside others", "an image as a row"])
def test_parts_of_sums_mean_the_same(
    case: str, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "STRIP", 16 * COLUMNS)
    for module in (pieces, strips):
        monkeypatch.setattr(module, "DEPTH", 2)
    before = plain(CASES[case]())
    check(before, STRIPS.rewrites(before, target), terms=(5,))


@pytest.mark.parametrize(("columns", "is_transposed"), [(50, True), (20, False)])
def test_a_left_operand_by_columns_is_transposed_for_many_panels(
    columns: int, is_transposed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "LEAST_COLUMNS_OF_A_COPY", 32)
    before = plain([g.matmul(g.transpose(arrays(BATCH, 120)), arrays(BATCH, columns))])
    after = STRIPS.rewrites(before, CPU)
    calls = [one.intrinsic.name for one in walk(after.body) if isinstance(one, UseIntrinsic)]
    assert ("gc_transpose" in calls) == is_transposed
    assert any("by_columns" in name for name in calls) != is_transposed
    check(before, after, terms=(1, 3))


@pytest.mark.parametrize(("target", "count", "width"), [(CPU, 4, 32), (NARROW, 7, 16)])
def test_the_last_panel_that_is_written_has_the_columns_that_are_left(
    target: Target, count: int, width: int
) -> None:
    """A panel has two vectors of columns."""
    before = plain([g.matmul(arrays(BATCH, 700), arrays(700, 100))])
    after = STRIPS.rewrites(before, target)
    (panels,) = (
        one.buffer
        for one in walk(after.body)
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED
    )
    assert panels.shape == (count, 700, width)
    widths = {
        size.constant
        for one in walk(after.body)
        if isinstance(one, UseIntrinsic)
        for symbol, size in one.sizes.items()
        if symbol.name == "columns"
    }
    assert widths == {width, 4}


def gates() -> list[Node]:
    x, weights, biases = (arrays(BATCH, 5), [arrays(5, 34) for _ in range(3)], arrays(34))
    return [g.matmul(x, one) + biases for one in weights]


def slices() -> list[Node]:
    x, weights = arrays(BATCH, 5), arrays(5, 60)
    return [g.matmul(x, weights[:, at : at + 20]) for at in (0, 20, 40)]


def reordered() -> list[Node]:
    """The left operand is in memory in another order of its terms, and the right one backwards."""
    x = g.reshape(g.transpose(arrays(2, 3, 17), (1, 0, 2)), (6, 17))
    return [g.matmul(g.transpose(x), g.flip(arrays(6, 10), 0))]


OF_ROWS = {
    "gates": gates,
    "a sum of two": lambda: [
        g.matmul(arrays(BATCH, 5), g.transpose(arrays(20, 5)))
        + g.matmul(g.maximum(arrays(BATCH, 5), 0.0), arrays(5, 20))
    ],
    "slices of one matrix": slices,
    "operands in another order": reordered,
    "gradients with a factor in common": lambda: [
        g.matmul(g.transpose(x), arrays(BATCH, 6)) * 0.5 for x in [arrays(BATCH, 17)] * 2
    ],
    "rows that strips do not divide": lambda: [g.matmul(arrays(37, 5), arrays(5, 20))],
    "one column beside others": lambda: [g.matmul(arrays(BATCH, 5), arrays(5, 2)) * arrays(2)],
}


@pytest.mark.parametrize(("depth", "rows"), [(pieces.DEPTH, (3, 37)), (2, (3,))])
@pytest.mark.parametrize("case", OF_ROWS)
def test_rows_of_a_call_and_several_products_mean_the_same(
    case: str, depth: int, rows: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = plain(OF_ROWS[case]())
    for module in (pieces, strips):
        monkeypatch.setattr(module, "DEPTH", depth)
    check(before, STRIPS.rewrites(before, CPU), terms=rows)


def test_a_text_of_several_products_computes_them() -> None:
    programs = [plain(case()) for case in OF_ROWS.values()]
    compiled = CompiledPrograms(
        [replace(STRIPS.rewrites(one, CPU), name=f"k{k}") for k, one in enumerate(programs)]
    )
    for number, one in enumerate(programs):
        given = numbers(one, 131)
        expected = evaluate(one, given, {B: 131}).outputs
        found, _ = compiled(f"k{number}", given, {B: 131})
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-5)


def check(before: LoopProgram, after: LoopProgram, terms: tuple[int, ...]) -> None:
    """Compare what two programs make of sums of so many terms."""
    for count in terms:
        given = numbers(before, count)
        expected = evaluate(before, given, {B: count}).outputs
        for order in TurnOrder:
            ours = evaluate(after, given, {B: count}, order=order).outputs
            for name, array in expected.items():
                np.testing.assert_allclose(ours[name], array, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    graphs = [*(case() for case in CASES.values()), *([gradient(TALL, one)] for one in WIDTHS)]
    programs = [STRIPS.rewrites(plain(outputs), CPU) for outputs in graphs]
    return CompiledPrograms([replace(one, name=f"k{k}") for k, one in enumerate(programs)])


@pytest.mark.parametrize("terms", [1, 9])
@pytest.mark.parametrize("number", range(len(CASES)))
def test_text_computes_what_the_program_does(
    compiled: CompiledPrograms, number: int, terms: int
) -> None:
    before = plain([*CASES.values()][number]())
    given = numbers(before, terms)
    found, _ = compiled(f"k{number}", given, {B: terms})
    for name, array in evaluate(before, given, {B: terms}).outputs.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("terms", [256, 257, 700])
def test_sums_of_many_terms(compiled: CompiledPrograms, terms: int) -> None:
    given = numbers(plain(CASES["alone"]()), terms)
    found, _ = compiled("k0", given, {B: terms})
    exact = given["x0"].astype("float64").T @ given["x1"]
    np.testing.assert_allclose(found["y0"], exact, atol=1e-4)


@pytest.mark.parametrize("terms", [9, 300])
@pytest.mark.parametrize("columns", WIDTHS)
def test_strips_of_several_calls(compiled: CompiledPrograms, columns: int, terms: int) -> None:
    given = numbers(plain([gradient(TALL, columns)]), terms)
    found, _ = compiled(f"k{len(CASES) + WIDTHS.index(columns)}", given, {B: terms})
    exact = given["x0"].astype("float64").T @ given["x1"]
    np.testing.assert_allclose(found["y0"], exact, atol=1e-4)


def test_threads_divide_panels_and_then_rows() -> None:
    program = STRIPS.rewrites(plain([gradient(2 * PANEL_ROWS)]), CPU)
    teams = [one for one in loops_in(program.body) if one.kind is LoopKind.TEAM]
    assert len(teams) == 2
    calls = [any(isinstance(one, UseIntrinsic) for one in walk(team.body)) for team in teams]
    assert calls == [False, True]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (g.matmul(arrays(7, BATCH, 9), arrays(7, 9, 96)), "it has several matrices"),
        (
            g.matmul(arrays(40, 9), g.transpose(arrays(BATCH, 9))),
            "only a call knows how many columns there are",
        ),
    ],
    ids=range(2),
)
def test_what_has_no_strips_and_why(output: Node, reason: str) -> None:
    assert STRIPS.when(plain([output]), CPU).refusal == reason


@pytest.mark.parametrize(("second_cache", "is_outermost"), [(1 << 22, True), (1 << 16, False)])
def test_all_parts_of_a_panel_are_made_together_where_the_rows_of_a_strip_stay(
    second_cache: int, is_outermost: bool
) -> None:
    """Else rows are read again for each panel from farther away."""
    target = replace(CPU, cache_bytes=(32 << 10, second_cache))
    program = plain([g.matmul(g.transpose(arrays(1024, 64)), arrays(1024, 96))])
    after = STRIPS.rewrites(program, target)
    (part,) = (one for one in loops_in(after.body) if one.variable.name == "k0_outer_behind")
    around = [one.variable.name for one in after.path(part.variable.name) if isinstance(one, For)]
    assert ("s0_column_outer" in around) == is_outermost
