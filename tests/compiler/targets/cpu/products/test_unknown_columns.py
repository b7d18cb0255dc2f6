"""The mapping of products whose columns only a call knows: what is taken, each of its variants, and
that it means the same, as text too."""

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
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.cpu.products import few_rows, panels, pieces
from graphc.compiler.targets.cpu.products import unknown_columns as mapping
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.target import Target
from tests.compiler.loops.random_loops import arrays_for
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms

CPU = Target("cpu", 64, 32, threads=2)
ROWS, TERMS, COLUMNS = map(symbol, ("rows", "terms", "columns"))


def arrays(*shape: g.Size) -> Node:
    return g.input(shape, "float32")


def transposed(x: Node) -> Node:
    return g.transpose(x, (1, 0))


CASES: Mapping[str, Callable[[], Node]] = {
    "alone": lambda: g.matmul(arrays(ROWS, TERMS), arrays(TERMS, COLUMNS)),
    "a bias": lambda: g.maximum(
        g.matmul(arrays(ROWS, TERMS), arrays(TERMS, COLUMNS)) + arrays(COLUMNS), 0.25
    ),
    "known terms": lambda: g.matmul(arrays(ROWS, 11), arrays(11, COLUMNS)),
    "few known terms": lambda: g.matmul(arrays(ROWS, 5), arrays(5, COLUMNS)),
    "few known rows": lambda: g.matmul(arrays(3, TERMS), arrays(TERMS, COLUMNS)),
    "known rows": lambda: g.matmul(arrays(9, TERMS), arrays(TERMS, COLUMNS)),
    "a transposed left operand": lambda: g.matmul(
        transposed(arrays(TERMS, ROWS)), arrays(TERMS, COLUMNS)
    ),
    "a transposed right operand": lambda: g.matmul(
        arrays(ROWS, TERMS), transposed(arrays(COLUMNS, TERMS))
    ),
    "computed operands": lambda: g.matmul(
        g.maximum(arrays(ROWS, TERMS), 0.0), g.maximum(arrays(TERMS, COLUMNS), -0.5)
    ),
}
CALLS = [(1, 1, 1), (2, 9, 33), (4, 16, 7), (5, 8, 40), (7, 17, 64), (19, 3, 35), (20, 18, 33)]
"""Rows, terms and columns: of each of its variants, with parts and panels that are whole or not."""


def plain(output: Node) -> LoopProgram:
    *_, kernel = kernels(make_schedule([output], most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


def mapped(program: LoopProgram) -> MappedProgram:
    return choose(program, CPU, CPU_MAPPINGS["matmul"])


def sizes_of(call: tuple[int, int, int]) -> dict[Symbol, int]:
    names = (ROWS, TERMS, COLUMNS)
    return {symbols(size)[0]: count for size, count in zip(names, call, strict=True)}


def numbers(program: LoopProgram, sizes: dict[Symbol, int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    return {
        name: rng.standard_normal(one.shape).astype(one.dtype)
        for name, one in arrays_for(program, sizes).items()
    }


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few rows, columns and terms come to each bound."""
    for module in (pieces, few_rows, mapping):
        monkeypatch.setattr(module, "DEPTH", 8)
    for module in (panels, mapping):
        monkeypatch.setattr(module, "PANEL_ROWS", 8)
    monkeypatch.setattr(mapping, "FEW_ROWS", 12)
    monkeypatch.setattr(mapping, "LEAST_COLUMNS_IN_PLACE", 33)
    monkeypatch.setattr(few_rows, "SOME_COLUMNS", 16)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("case", CASES)
def test_each_variant_means_the_same(case: str) -> None:
    before = plain(CASES[case]())
    found = mapped(before)
    assert found.names == ("panels of unknown columns",), found.refusals
    for call in CALLS:
        sizes = sizes_of(call)
        given = numbers(before, sizes)
        expected = evaluate(before, given, sizes).outputs["y0"]
        for order in TurnOrder:
            ours = evaluate(found.program, given, sizes, order=order).outputs["y0"]
            np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    programs = [mapped(plain(case())).program for case in CASES.values()]
    return CompiledPrograms([replace(one, name=f"k{k}") for k, one in enumerate(programs)])


@pytest.mark.parametrize("call", [(3, 300, 70), (30, 40, 259), (31, 520, 256), (140, 257, 65)])
@pytest.mark.parametrize("number", range(len(CASES)))
def test_text_computes_what_the_program_does(
    compiled: CompiledPrograms, number: int, call: tuple[int, int, int]
) -> None:
    before, sizes = plain([*CASES.values()][number]()), sizes_of(call)
    given = numbers(before, sizes)
    found, _ = compiled(f"k{number}", given, sizes)
    expected = by_numpy(number, given)
    np.testing.assert_allclose(found["y0"], expected, rtol=1e-4, atol=1e-4)


def by_numpy(number: int, given: dict[str, np.ndarray]) -> np.ndarray:
    left, right, *bias = (given[name].astype("float64") for name in sorted(given))
    name = [*CASES][number]
    if name == "computed operands":
        left, right = np.maximum(left, 0.0), np.maximum(right, -0.5)
    left = left.T if name == "a transposed left operand" else left
    right = right.T if name == "a transposed right operand" else right
    result: np.ndarray = left @ right
    return np.maximum(result + bias[0], 0.25) if bias else result


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (g.matmul(arrays(ROWS, TERMS), arrays(TERMS, 40)), "the number of its columns is known"),
        (g.matmul(arrays(2, 3, TERMS), arrays(2, TERMS, COLUMNS)), "it has several matrices"),
        (
            g.matmul(arrays(ROWS, 7), arrays(7, COLUMNS))
            * g.matmul(arrays(ROWS, 7), arrays(7, COLUMNS)),
            "it has 2 products",
        ),
    ],
    ids=["known columns", "several matrices", "several products"],
)
def test_what_it_is_not_for_and_why(output: Node, reason: str) -> None:
    answer = mapping.UNKNOWN_COLUMNS.when(plain(output), CPU)
    assert answer.refusal == reason
