"""Mappings of reductions on a CPU: what is taken, and that it means the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram, loads_of, loops_in, walk
from graphc.compiler.loops.rewrites.buffers.flatten import is_divided
from graphc.compiler.loops.statement import Allocate, Check, LoopKind
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.reductions import columns, rows
from graphc.compiler.targets.cpu.reductions.columns import CHUNK, TILE
from graphc.compiler.targets.cpu.reductions.rows import (
    BLOCK,
    FEW_TERMS,
    LANES,
    LEAST_TERMS,
    REDUCTIONS,
    SHORT_LANES,
)
from graphc.compiler.targets.cpu.reductions.short_rows import MOST_OF_FUNCTIONS
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.target import Target

CPU = Target("cpu", 64, 32)
OTHER_CPU = Target("cpu", 16, 16)
ROWS = 3
THREAD = BufferScope.THREAD


def plain(output: Node) -> LoopProgram:
    (kernel,) = kernels(make_schedule([output], most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


def mapped(output: Node, target: Target = CPU) -> MappedProgram:
    return choose(plain(output), target, REDUCTIONS)


def result(program: LoopProgram, x: np.ndarray, order: TurnOrder = TurnOrder.FORWARD) -> np.ndarray:
    """Return what a program of one input and one output computes of some rows."""
    sizes = dict(zip(symbols(program.inputs[0].shape[0]), x.shape, strict=False))
    (output,) = program.outputs
    return evaluate(program, {"x0": x}, sizes, order=order).outputs[output.memory]


def rows_of(width: int) -> np.ndarray:
    x = np.random.default_rng(width).standard_normal((ROWS, width)).astype("float32")
    x[0, width // 2] = x[0].max() + 1  # a maximum that is met twice
    x[0, -1] = x[0, width // 2]
    return x


def layer_norm(x: Node) -> Node:
    centred = x - g.mean(x, axis=1, keepdims=True)
    return centred / g.sqrt(g.mean(centred * centred, axis=1, keepdims=True) + 1e-5)


FUNCTIONS = {
    "sum": lambda x: g.sum(x, axis=1),
    "max": lambda x: g.max(x, axis=1),
    "argmax": lambda x: g.argmax(x, axis=1),
    "argmin": lambda x: g.argmin(x, axis=1),
    "softmax": g.softmax,
    "layer norm": layer_norm,
}


@pytest.mark.parametrize("width", [LEAST_TERMS, LEAST_TERMS + 1, 5 * LANES - 1])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_rows_in_lanes_mean_the_same(function: str, width: int) -> None:
    output = FUNCTIONS[function](g.input((None, width), "float32"))
    found = mapped(output)
    assert found.names == ("rows in lanes",)
    x = rows_of(width)
    expected = result(plain(output), x.astype("float32"))
    for order in TurnOrder:
        ours = result(found.program, x, order)
        np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=1e-6)


def test_columns_that_are_few_at_any_call_have_room_for_those() -> None:
    """Of a size that is 2 at most, a tile of 256 rows has no end that is a number."""
    n = g.symbol("n")
    columns = -n + (n + 1) // 2 + 2
    output = g.argmax(g.input((n, n + 1, columns), "float32"), (0, 1))
    found = mapped(output)
    assert found.names == ("tiles of rows",)
    allocated = [one.buffer for one in walk(found.program.body) if isinstance(one, Allocate)]
    assert all(isinstance(one.elements, int) or one.scope is THREAD for one in allocated)
    x = np.arange(6, dtype="float32").reshape(2, 3, 1)
    sizes = dict(zip(symbols(n), [2], strict=True))
    (expected,) = evaluate(plain(output), {"x0": x}, sizes).outputs.values()
    (ours,) = evaluate(found.program, {"x0": x}, sizes).outputs.values()
    np.testing.assert_array_equal(ours, expected)


def test_short_rows_that_are_few_at_any_call_have_room_for_those() -> None:
    """The same of rows that are transposed."""
    n = g.symbol("n")
    output = g.all(g.input((n, n - 2 * ((n + 1) // 2) + 2, 3), "bool"), (2,))
    found = mapped(output)
    assert found.names == ("transposed rows",)
    allocated = [one.buffer for one in walk(found.program.body) if isinstance(one, Allocate)]
    assert all(isinstance(one.elements, int) or one.scope is THREAD for one in allocated)


@pytest.mark.parametrize("factor", [lambda v: -(v * 0.5), lambda v: -(v / 3.0)])
def test_values_of_columns_ahead_of_their_sums(factor: Callable[[Node], Node]) -> None:
    """As in gradients of batch normalization, which read columns one by one: 32,000 rows of 128
    trained in 12 ms, not 2.5 (two threads, Zen 5)."""
    rows, other, values = (g.input(shape, "float32") for shape in ((1200, 24), (1200, 24), (24,)))
    output = g.sum(rows + other * factor(values), (0,))
    before, found = plain(output), mapped(output)
    assert found.names == ("tiles of rows",), found.refusals
    rng = np.random.default_rng(2)
    given = {one.memory: rng.standard_normal(one.shape).astype("float32") for one in before.inputs}
    (expected,) = evaluate(before, given, {}).outputs.values()
    for order in TurnOrder:
        (ours,) = evaluate(found.program, given, {}, order=order).outputs.values()
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-4)


WORDS = g.input((None, 9), "int32")
EMBEDDED = g.make("gather", g.shared(np.zeros((20, 24), "float32")), WORDS, axis=0)


@pytest.mark.parametrize("function", ["sum", "max", "argmax"])
def test_gathered_rows_are_reduced_together(function: str) -> None:
    """Each word's row is read side by side, and the word once."""
    output = FUNCTIONS[function](EMBEDDED)
    before, found = plain(output), mapped(output)
    assert found.names == ("tiles of rows",), found.refusals
    assert ("rows in lanes", "each term is of a row of its own, x0[g0, i1]") in found.refusals
    vectors = [one for one in loops_in(found.program.body) if one.kind is LoopKind.VECTOR]
    assert not any(isinstance(one, Check) for loop in vectors for one in walk(loop.body))
    rng = np.random.default_rng(5)
    arrays = {
        "x0": rng.integers(-3, 4, (20, 24)).astype("float32"),  # with ties, and exact sums
        "x1": rng.integers(0, 20, (ROWS, 9)).astype("int32"),
    }
    sizes = dict(zip(symbols(WORDS.shape[0]), [ROWS], strict=True))
    for order in TurnOrder:
        expected, ours = (
            evaluate(one, arrays, sizes, order=order).outputs for one in (before, found.program)
        )
        for name, array in expected.items():
            np.testing.assert_array_equal(ours[name], array)


def test_the_bits_depend_on_no_row_beside_it_and_on_no_vector() -> None:
    output = g.sum(g.input((None, LEAST_TERMS + 7), "float32"), axis=1)
    x = rows_of(LEAST_TERMS + 7)
    together = result(mapped(output).program, x)
    alone = [result(mapped(output, OTHER_CPU).program, row[None]) for row in x]
    np.testing.assert_array_equal(together, np.concatenate(alone))


def test_a_nan_wins_wherever_it_is() -> None:
    x = rows_of(LEAST_TERMS)
    x[1, 70] = np.nan
    node = g.input((None, LEAST_TERMS), "float32")
    assert result(mapped(g.argmax(node, axis=1)).program, x).tolist()[1] == 70
    assert np.isnan(result(mapped(g.max(node, axis=1)).program, x)[1])


@pytest.mark.parametrize(
    ("mapping", "output", "reason"),
    [
        (
            "blocks in lanes",
            g.sum(g.input((None, 300), "float32"), axis=1),
            "the number of results is not known, or not below 8",
        ),
        (
            "blocks in lanes",
            g.sum(g.input((100, 200), "float32"), axis=(0, 1)),
            "results are made of 20000 terms, fewer than 65536",
        ),
        (
            "transposed rows",
            g.sum(g.input((None, 9), "float32"), axis=1),
            "a compiler makes vectors of sums of rows",
        ),
        (
            "transposed rows",
            g.max(g.input((None, 300), "float32"), axis=1),
            "a row may have more than 16 terms",
        ),
        (
            "transposed rows",
            g.max(g.input((5, 9), "float32"), axis=1),
            "there are fewer than 8 rows",
        ),
        ("transposed rows", g.softmax(g.input((None, 40))), "a row is more than one reduction"),
        (
            "transposed rows",
            g.sum(g.exp(g.transpose(g.input((9, None), "float32"))), axis=1),
            "what lies across its rows does not all lie along terms",
        ),
        (
            "rows in lanes",
            g.sum(g.input((None, 300), "float32"), axis=0),
            "x0[k0, i0] is not contiguous in k0",
        ),
        (
            "tiles of rows",
            g.sum(g.input((100, 3), "float32"), axis=0),
            "i0 has 3 turns, fewer than 8",
        ),
    ],
    ids=["many", "small", "sums", "long", "five", "softmax", "across", "columns", "few"],
)
def test_what_is_not_reduced_so_and_why(mapping: str, output: Node, reason: str) -> None:
    assert (mapping, reason) in mapped(output).refusals


@pytest.mark.parametrize("rows", [1, 7, TILE, 2 * TILE + 5])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: g.max(x, axis=1),
        lambda x: g.argmin(x, axis=1),
        lambda x: g.max(g.abs(x), axis=1) * np.float32(2),
    ],
    ids=["max", "argmin", "max of abs"],
)
def test_transposed_rows_mean_the_same(function: Callable[[Node], Node], rows: int) -> None:
    output = function(g.input((None, 10), "float32"))
    found = mapped(output)
    assert found.names == ("transposed rows",)
    x = np.random.default_rng(rows).standard_normal((rows, 10)).astype("float32")
    x[0, 3] = np.nan
    for order in TurnOrder:
        ours = result(found.program, x, order)
        np.testing.assert_array_equal(ours, result(plain(output), x))


def test_a_label_of_a_row_is_checked_once_for_all_its_terms() -> None:
    """Of a batch that no tile divides, with a label that is none; its number stays with the row."""
    x, labels = g.input((g.BATCH, 10), "float32"), g.input((g.BATCH,), "int32")
    chosen = g.one_hot(g.take(g.iota(10), labels), 10, "float32")
    output = g.sum(chosen * g.log(g.softmax(x)), 1)
    before, found = plain(output), mapped(output)
    assert found.names == ("transposed rows",), found.refusals
    checks = [one for one in walk(found.program.body) if isinstance(one, Check)]
    assert len(checks) == 1
    rng = np.random.default_rng(8)
    sizes = dict.fromkeys(symbols(g.BATCH), TILE + 3)
    for label in (9, 10):
        drawn = rng.integers(0, 10, TILE + 3).astype("int32")
        drawn[TILE + 1] = label
        scores = rng.standard_normal((TILE + 3, 10)).astype("float32")
        feeds = {one.name: drawn if one.dtype == "int32" else scores for one in before.inputs}
        ours, expected = (evaluate(one, feeds, sizes) for one in (found.program, before))
        assert ours.status == expected.status
        for name, array in expected.outputs.items():
            np.testing.assert_allclose(ours.outputs[name], array, rtol=2e-6)


@pytest.mark.parametrize(("width", "name"), [(8, "transposed rows"), (9, "rows in lanes")])
def test_sums_of_rows_of_whole_short_vectors_are_transposed(width: int, name: str) -> None:
    output = g.sum(g.input((None, width), "float32"), axis=1)
    found = mapped(output, OTHER_CPU)
    assert found.names == (name,), found.refusals
    x = rows_of(width)
    np.testing.assert_array_equal(result(found.program, x), result(plain(output), x))


SHORT_WIDTHS = (3, FEW_TERMS - 1, FEW_TERMS, 2 * SHORT_LANES + 1, 6 * SHORT_LANES, LEAST_TERMS - 1)


@pytest.mark.parametrize("width", SHORT_WIDTHS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_short_rows_mean_the_same(function: str, width: int) -> None:
    output = FUNCTIONS[function](g.input((None, width), "float32"))
    found = mapped(output)
    is_alone = function in ("max", "argmax", "argmin") and width <= FEW_TERMS
    is_of_functions = function == "softmax" and width <= MOST_OF_FUNCTIONS
    is_transposed = is_alone or is_of_functions
    assert found.names == ("transposed rows" if is_transposed else "rows in lanes",)
    x = rows_of(width)
    x[1, width // 2] = np.nan
    expected = result(plain(output), x)
    for order in TurnOrder:
        ours = result(found.program, x, order)
        np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=1e-6)


COLUMN_FUNCTIONS = {
    "sum": lambda x: g.sum(x, axis=0),
    "mean": lambda x: g.mean(x, axis=0),
    "max": lambda x: g.max(x, axis=0),
    "argmax": lambda x: g.argmax(x, axis=0),
    "sum of squares": lambda x: g.sum(x * x, axis=0),
    "squared differences": lambda x: g.sum(g.square(x - g.mean(x, axis=0, keepdims=True)), axis=0),
}


@pytest.mark.parametrize("shape", [(5, 8), (7, TILE), (3, TILE + 9), (CHUNK + 5, 10)])
@pytest.mark.parametrize("function", COLUMN_FUNCTIONS)
def test_tiles_of_rows_mean_the_same(function: str, shape: tuple[int, int]) -> None:
    output = COLUMN_FUNCTIONS[function](g.input((None, shape[1]), "float32"))
    found = mapped(output)
    assert found.names == ("tiles of rows",)
    x = np.random.default_rng(shape[0]).standard_normal(shape).astype("float32")
    expected = result(plain(output), x)
    for order in TurnOrder if shape[0] < CHUNK else [TurnOrder.BACKWARD]:
        np.testing.assert_allclose(result(found.program, x, order), expected, rtol=1e-5, atol=1e-6)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns of few elements are many tiles, and their sums many chunks."""
    for name, size in (("CHUNK", 8), ("TILE", 16), ("WIDE_TILE", 64)):
        monkeypatch.setattr(columns, name, size)


def team_of(output: Node, threads: int) -> str:
    (team,) = (
        one.variable.name
        for one in loops_in(mapped(output, replace(CPU, threads=threads)).program.body)
        if one.kind is LoopKind.TEAM
    )
    return team


@pytest.mark.parametrize(
    ("rows", "width", "threads", "team"),
    [
        (24, 40, 3, "k0_outer"),
        (24, 40, 4, "i0_outer"),
        (None, 40, 2, "i0_outer"),
        (24, 65, 2, "i0_outer"),
        (24, 16, 4, "k0_outer"),
    ],
)
@pytest.mark.usefixtures("small_tiles")
def test_threads_divide_chunks_of_whole_rows_if_these_are_enough(
    rows: int | None, width: int, threads: int, team: str
) -> None:
    assert team_of(g.sum(g.input((rows, width), "float32"), axis=0), threads) == team


@pytest.mark.parametrize("rows", [24, 27])
@pytest.mark.parametrize("function", COLUMN_FUNCTIONS)
@pytest.mark.usefixtures("small_tiles")
def test_no_bit_of_a_column_depends_on_threads(function: str, rows: int) -> None:
    x = np.random.default_rng(rows).standard_normal((rows, 40)).astype("float32")
    output = COLUMN_FUNCTIONS[function](g.input(x.shape, "float32"))
    programs = [mapped(output, replace(CPU, threads=threads)).program for threads in (2, 99)]
    found = [result(one, x, order) for one in programs for order in TurnOrder]
    for one in found[1:]:
        np.testing.assert_array_equal(one, found[0])
    np.testing.assert_allclose(found[0], result(plain(output), x), rtol=1e-5, atol=1e-6)


def test_a_reduction_between_kept_axes() -> None:
    output = g.sum(g.input((None, 6, 20), "float32"), axis=1)
    x = np.random.default_rng(0).standard_normal((3, 6, 20)).astype("float32")
    found = mapped(output)
    assert found.names == ("tiles of rows",)
    assert found.program.loop("i0").kind is LoopKind.TEAM
    np.testing.assert_array_equal(result(found.program, x), result(plain(output), x))


WHOLE_FUNCTIONS = {
    "sum": g.sum,
    "max": g.max,
    "argmax": lambda x: g.argmax(x, axis=0),
    "squares": lambda x: g.sum(x * x),
    "sum of exponentials": lambda x: g.sum(g.exp(x - g.max(x))),
    "variance": lambda x: g.mean((x - g.mean(x)) * (x - g.mean(x))),
}


@pytest.mark.parametrize("count", [1, 31, BLOCK, BLOCK + 1, 2 * BLOCK + 77])
@pytest.mark.parametrize("function", WHOLE_FUNCTIONS)
def test_one_result_of_blocks_means_the_same(
    function: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = count // 32 + 1  # blocks of 16 elements a lane, for the evaluator
    monkeypatch.setattr(rows, "BLOCK", BLOCK // 32)
    output = WHOLE_FUNCTIONS[function](g.input((None,), "float32"))
    found = mapped(output)
    assert found.names == ("blocks in lanes",)
    x = np.random.default_rng(count).standard_normal(count).astype("float32")
    expected = result(plain(output), x)
    forward = result(found.program, x)
    np.testing.assert_allclose(forward, expected, rtol=1e-4, atol=1e-6)
    for order in TurnOrder:
        np.testing.assert_array_equal(result(found.program, x, order), forward)


def test_threads_divide_the_blocks_of_one_result() -> None:
    found = mapped(g.sum(g.input((None, 9), "float32")))
    teams = [x for x in loops_in(found.program.body) if x.kind is LoopKind.TEAM]
    assert [str(one.variable) for one in teams] == ["k0_k1_outer_outer"]


@pytest.mark.parametrize("function", ["sum", "max", "argmax"])
def test_rows_of_one_term_are_lanes_of_vectors(function: str) -> None:
    output = FUNCTIONS[function](g.input((None, 1), "float32"))
    found = mapped(output)
    assert found.names == ("rows in lanes",)
    kinds = [one.kind for one in loops_in(found.program.body)]
    assert kinds == [LoopKind.TEAM, LoopKind.VECTOR]
    x = rows_of(1)
    np.testing.assert_array_equal(result(found.program, x), result(plain(output), x))


def test_few_results_of_axes_around_them() -> None:
    output = g.sum(g.input((None, 3, 8, 17), "float32"), axis=(0, 2, 3))
    x = np.random.default_rng(0).standard_normal((5, 3, 8, 17)).astype("float32")
    found = mapped(output)
    assert found.names == ("blocks in lanes",)
    ours = result(found.program, x)
    np.testing.assert_allclose(ours, x.sum(axis=(0, 2, 3), dtype="float64"), rtol=1e-5, atol=1e-5)


def test_reduced_axes_that_lie_side_by_side_are_one_loop() -> None:
    output = g.mean(g.input((None, 9, 8, 17), "float32"), axis=(0, 2, 3))
    x = np.random.default_rng(0).standard_normal((2, 9, 8, 17)).astype("float32")
    found = mapped(output)
    assert found.names == ("rows in lanes",)
    ours = result(found.program, x)
    np.testing.assert_allclose(ours, x.mean(axis=(0, 2, 3), dtype="float64"), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", [(3, 40, 1000), (None, 40, 1000)])
def test_elements_of_joined_axes_are_accessed_by_their_position(shape: tuple[int, ...]) -> None:
    """Quotients and remainders of all axes would keep vectors away."""
    program = mapped(g.sum(g.input(shape, "float32"))).program
    loads = [load for one in walk(program.body) for load in loads_of(one)]
    assert not any(is_divided(x) for load in loads for x in load.coords)


def test_kept_axes_that_lie_side_by_side_are_one_loop() -> None:
    output = g.sum(g.input((None, 6, 5, 4), "float32"), axis=1)
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 4)).astype("float32")
    found = mapped(output)
    assert found.names == ("tiles of rows",)
    kept = next(one for one in loops_in(found.program.body) if str(one.variable) == "i1_i2")
    assert [str(end) for end in kept.ends] == ["20"]
    np.testing.assert_array_equal(result(found.program, x), result(plain(output), x))
