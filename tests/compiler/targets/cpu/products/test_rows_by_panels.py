"""Mappings of products on a CPU: what is taken, that it means the same, as text too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Symbol, symbol, symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.statement import UseIntrinsic
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.cpu.products import panels, pieces, rows_by_panels
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.target import Target
from tests.compiler.loops.random_loops import arrays_for
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms

CPU = Target("cpu", 64, 32, threads=2)
T = symbol("time")
(T_SYMBOL,) = symbols(T)


def plain(output: Node | list[Node]) -> LoopProgram:
    outputs = output if isinstance(output, list) else [output]
    *_, kernel = kernels(make_schedule(outputs, most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


def mapped(output: Node | list[Node]) -> MappedProgram:
    return choose(plain(output), CPU, CPU_MAPPINGS["matmul"])


def arrays(*shape: int, dtype: str = "float32") -> Node:
    return g.input(shape, dtype)


def heads(x: Node) -> Node:
    """Return rows of 3 heads of 8 as a matrix for each head."""
    split = g.reshape(x, (*x.shape[:2], 3, 8))
    return g.transpose(split, (0, 2, 1, 3))


def transposed(x: Node) -> Node:
    return g.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def parts() -> Node:
    x = arrays(3, 7, 9)
    return g.concat([x, x * x], axis=2)


def sums_and_signs(x: Node, w: Node) -> list[Node]:
    """Return two results of a kernel: sums, and which of them are above a bias."""
    sums = g.matmul(x, w)
    return [sums, sums > arrays(w.shape[1])]


def in_front_and_behind() -> Node:
    x, w, bias = arrays(2, 5, 7), arrays(2, 7, 21), arrays(21)
    return g.maximum(g.matmul(g.maximum(x, 0.0), g.maximum(w, -0.5)) + bias, 0.25)


CASES: dict[str, Callable[[], Node | list[Node]]] = {
    "in place": lambda: g.matmul(arrays(3, 5, 7), arrays(3, 7, 16)),
    "columns that are left": lambda: g.matmul(arrays(3, 5, 7), arrays(3, 7, 37)),
    "strips of rows": lambda: g.matmul(arrays(2, 131, 3), arrays(2, 3, 16)),
    "a transposed left operand": lambda: g.matmul(transposed(arrays(2, 7, 5)), arrays(2, 7, 16)),
    "a transposed right operand": lambda: g.matmul(arrays(2, 5, 7), transposed(arrays(2, 33, 7))),
    "float64": lambda: g.matmul(
        arrays(2, 3, 4, dtype="float64"), arrays(2, 4, 19, dtype="float64")
    ),
    "in front and behind": in_front_and_behind,
    "heads": lambda: g.matmul(heads(arrays(2, 4, 24)), transposed(heads(arrays(2, 6, 24)))) * 0.5,
    "long sums": lambda: g.matmul(arrays(2, 2, 515), arrays(2, 515, 3)),
    "sums of whole parts": lambda: g.matmul(arrays(2, 2, 512), arrays(2, 512, 16)),
    "sizes of a call": lambda: g.matmul(arrays(g.BATCH, T, 3), arrays(g.BATCH, 3, T)),
    "sums of a size of a call": lambda: g.matmul(arrays(2, 3, T), arrays(2, T, 4)),
}
ONE_MATRIX: dict[str, Callable[[], Node | list[Node]]] = {
    "rows of a right operand": lambda: g.matmul(arrays(130, 5), arrays(5, 64)),
    "columns of a right operand": lambda: g.matmul(arrays(33, 6), transposed(arrays(64, 6))) + 1.0,
    "columns of both": lambda: g.matmul(transposed(arrays(6, 33)), transposed(arrays(64, 6))),
    "a computed right operand": lambda: g.matmul(
        arrays(40, 5), transposed(g.maximum(arrays(64, 5), 0.0))
    ),
    "columns that are left": lambda: g.matmul(arrays(g.BATCH, 6), transposed(arrays(122, 6))) + 1.0,
    "a computed left operand": lambda: g.matmul(
        g.maximum(arrays(40, 5), 0.0), transposed(arrays(122, 5))
    ),
    "an image behind": lambda: g.reshape(
        g.matmul(arrays(40, 5), transposed(arrays(64, 5))), (40, 4, 2, 8)
    ),
    "parts of a sum": lambda: g.matmul(arrays(34, 11), transposed(arrays(64, 11))),
    "few rows": lambda: g.matmul(arrays(9, 5), arrays(5, 64)),
    "rows of a call": lambda: g.matmul(arrays(g.BATCH, 11), arrays(11, 64)) + arrays(64),
    "rows of a call by columns": lambda: g.matmul(arrays(g.BATCH, 6), transposed(arrays(64, 6))),
    "a value for each sum": lambda: g.where(
        arrays(g.BATCH, 64) > 0.0, g.matmul(arrays(g.BATCH, 5), transposed(arrays(64, 5))), 0.5
    ),
    "a word for each sum": lambda: g.where(
        g.random.uniform((g.BATCH, 64), seed=1, stream=2) < 0.5,
        g.matmul(arrays(g.BATCH, 5), arrays(5, 64)),
        0.5,
    ),
    "a bias": lambda: g.maximum(g.matmul(arrays(129, 5), arrays(5, 64)) + arrays(64), 0.0),
    "two results": lambda: sums_and_signs(arrays(g.BATCH, 5), arrays(5, 64)),
    "two results of parts of sums": lambda: sums_and_signs(arrays(20, 11), arrays(11, 122)),
}
SIZES = {symbols(g.BATCH)[0]: 2, T_SYMBOL: 5}


@pytest.mark.parametrize("case", CASES)
def test_panels_mean_the_same(case: str) -> None:
    check_meaning(CASES[case](), "panels of columns")


@pytest.mark.parametrize("case", ONE_MATRIX)
def test_panels_of_one_matrix_mean_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_by_panels, "SMALL_RIGHT", 0)
    monkeypatch.setattr(rows_by_panels, "MANY_COLUMNS", 0)
    monkeypatch.setattr(pieces, "DEPTH", 8)
    check_meaning(ONE_MATRIX[case](), "panels of one matrix")


def test_few_rows_by_many_columns_of_strides_of_pages_have_panels() -> None:
    """Of 128 rows or fewer, a right operand of so many columns is not read where it is."""
    found = mapped(g.matmul(arrays(128, 1024), arrays(1024, 4096)))
    assert found.names == ("panels of one matrix",), found.refusals


@pytest.mark.parametrize("case", ["rows of a call", "rows of a call by columns"])
def test_strips_of_rows_of_a_call(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A panel is multiplied by all rows; one that is read where it is by those of a strip."""
    monkeypatch.setattr(rows_by_panels, "SMALL_RIGHT", 0)
    monkeypatch.setattr(rows_by_panels, "PANEL_ROWS", 8)
    monkeypatch.setattr(panels, "PANEL_ROWS", 8)
    monkeypatch.setattr(rows_by_panels, "STRIP_ROWS", 8)
    monkeypatch.setattr(rows_by_panels, "MOST_ROWS_OF_PANEL", 16)
    for rows in (1, 8, 19, 33):
        sizes = {symbols(g.BATCH)[0]: rows}
        check_meaning(ONE_MATRIX[case](), "panels of one matrix", sizes)


def check_meaning(
    output: Node | list[Node], name: str, sizes: dict[Symbol, int] | None = None
) -> None:
    sizes = SIZES if sizes is None else sizes
    before = plain(output)
    found = choose(before, CPU, CPU_MAPPINGS["matmul"])
    assert found.names == (name,), found.refusals
    assert any(isinstance(one, UseIntrinsic) for one in walk(found.program.body))
    same_in_all_orders(before, found.program, sizes)


def same_in_all_orders(before: LoopProgram, after: LoopProgram, sizes: dict[Symbol, int]) -> None:
    """Assert that a program means what it was made of means, in whichever order threads run."""
    given, words = numbers(before, sizes), words_of(before)
    expected = evaluate(before, given, sizes, arguments=words).outputs
    for order in TurnOrder:
        same(evaluate(after, given, sizes, arguments=words, order=order).outputs, expected)


def same(ours: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    """Assert that results have the values of others, of the same names."""
    for name, array in expected.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-5, atol=1e-5)


def numbers(program: LoopProgram, sizes: dict[Symbol, int] | None = None) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    return {
        name: rng.standard_normal(one.shape).astype(one.dtype)
        for name, one in arrays_for(program, SIZES if sizes is None else sizes).items()
    }


def words_of(program: LoopProgram) -> dict[str, int]:
    """Return numbers that random words are drawn by."""
    return {one.name: 5 + number for number, one in enumerate(program.arguments)}


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    programs = [mapped(case()).program for case in CASES.values()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_by_panels, "SMALL_RIGHT", 0)
        patch.setattr(rows_by_panels, "MANY_COLUMNS", 0)
        programs += [mapped(case()).program for case in ONE_MATRIX.values()]
    return CompiledPrograms([replace(one, name=f"k{k}") for k, one in enumerate(programs)])


@pytest.mark.parametrize("number", range(len(CASES) + len(ONE_MATRIX)))
def test_text_computes_what_the_program_does(compiled: CompiledPrograms, number: int) -> None:
    before = plain([*CASES.values(), *ONE_MATRIX.values()][number]())
    given, words = numbers(before), words_of(before)
    found, _ = compiled(f"k{number}", given, SIZES, words)
    same(found, evaluate(before, given, SIZES, arguments=words).outputs)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (g.matmul(arrays(5, 7), arrays(7, 16)), "it has one matrix"),
        (g.matmul(arrays(5, 1, 7), arrays(5, 7, 16)), "x1[i0, k0, i1] is another one for each i0"),
        (
            g.matmul(arrays(3, 5, 7), parts()),
            "is neither in memory nor computed by itself",
        ),
    ],
    ids=["one matrix", "one row", "a concatenation"],
)
def test_what_has_no_panels_and_why(output: Node, reason: str) -> None:
    assert reason in dict(mapped(output).refusals)["panels of columns"]


@pytest.mark.parametrize("columns", [512, 640, 1024, 4096])
def test_few_rows_have_panels_where_those_of_memory_do_not_stay_in_the_cache(columns: int) -> None:
    output = g.matmul(arrays(100, 1024), arrays(1024, columns))
    assert mapped(output).names == ("panels of one matrix",)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (g.matmul(arrays(9, 7), arrays(7, T)), "only a call knows how many columns"),
        (g.matmul(arrays(9, 999), transposed(arrays(600, 999))), "there are 9 rows, no more than"),
        (g.matmul(arrays(300, 64), arrays(64, 64)), "no more than 131072 elements"),
        (g.matmul(arrays(128, 1024), arrays(1024, 1056)), "is read where it is"),
        (g.matmul(arrays(128, 256), arrays(256, 2080)), "is read where it is"),
        (g.matmul(arrays(300, 1024), arrays(1024, 1000)), "1000 columns are no whole panels"),
        (g.matmul(arrays(400, 4096), arrays(4096, 96)), "sums of 4096 terms are long"),
        (
            g.matmul(g.maximum(arrays(300, 512), 0.0), arrays(512, 512)),
            "its left operand is computed",
        ),
        (
            g.where(
                transposed(g.random.uniform((512, 300), seed=1, stream=2)) < 0.5,
                g.matmul(arrays(300, 512), arrays(512, 512)),
                0.0,
            ),
            "are not drawn together",
        ),
        (g.matmul(arrays(300, 1024), arrays(1024, 160)), "not equally many panels"),
    ],
    ids=range(10),
)
def test_what_has_no_panels_of_one_matrix_and_why(output: Node, reason: str) -> None:
    refusals = dict(mapped(output).refusals)
    assert reason in refusals.get("panels of one matrix", ""), refusals
