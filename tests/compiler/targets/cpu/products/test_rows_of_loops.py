"""The mapping of products of one thread's rows: it means the same, and what it writes ahead of all
steps depends on no row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.launches import launches_of
from graphc.compiler.loops.program import LoopProgram, variables_of, walk
from graphc.compiler.loops.rewrites.loops.part import part
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS_OF_ROWS
from graphc.compiler.targets.cpu.products import pieces, strips
from graphc.compiler.targets.cpu.products.rows_of_loops import STRIPS_OF_ROWS
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target
from tests.compiler.loops.random_loops import arrays_for
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms

CPU = Target("cpu", 64, 32, threads=2)
(B,) = symbols(BATCH)
ROWS, PARTS = 11, ((0, 3), (3, 3), (3, 11))


def arrays(*shape: int) -> Node:
    return g.input(shape, "float32")


def product_of(units: int, terms: int = 5) -> Node:
    return g.matmul(arrays(BATCH, terms), arrays(terms, units))


def gates(units: int) -> list[Node]:
    x, biases = arrays(BATCH, 5), arrays(units)
    return [g.tanh(g.matmul(x, arrays(5, units)) + biases) for _ in range(3)]


CASES: dict[str, Callable[[], list[Node]]] = {
    "one panel": lambda: [product_of(32) * 2.0],
    "two panels": lambda: [product_of(64)],
    "less than a panel": lambda: [product_of(6) + arrays(BATCH, 6)],
    "no whole panels": lambda: [product_of(50)],
    "gates": lambda: gates(32),
    "gates of few units": lambda: gates(7),
    "transposed": lambda: [g.matmul(arrays(BATCH, 5), g.transpose(arrays(40, 5))) * 0.5],
    "computed operands": lambda: [
        g.matmul(g.maximum(arrays(BATCH, 5), 0.0), g.flip(arrays(5, 40), 0))
    ],
    "float64": lambda: [g.matmul(g.input((BATCH, 5), "float64"), g.input((5, 13), "float64"))],
}


def plain(outputs: list[Node]) -> LoopProgram:
    """Return the plain program of the rows of a thread."""
    *_, kernel = kernels(make_schedule(outputs, most_shared=0))
    program = plain_program(kernel, "k0", buffers_of(kernel))
    return part(program, program.body[-1].variable.name)


def numbers(program: LoopProgram) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        name: np.asarray(rng.standard_normal(one.shape), one.dtype)
        for name, one in arrays_for(program, {B: ROWS}).items()
    }


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("depth", [pieces.DEPTH, 2])
def test_strips_mean_the_same(case: str, depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pieces, strips):
        monkeypatch.setattr(module, "DEPTH", depth)
    before = plain(CASES[case]())
    found = choose(before, CPU, CPU_MAPPINGS_OF_ROWS["matmul"])
    assert found.names == (STRIPS_OF_ROWS.name,), found.refusals
    given = numbers(before)
    for begin, end in PARTS:
        indices = {"begin": begin, "end": end}
        expected = evaluate(before, given, {B: ROWS}, indices=indices).outputs
        for order in TurnOrder:
            ours = evaluate(found.program, given, {B: ROWS}, indices=indices, order=order).outputs
            for name, array in expected.items():
                np.testing.assert_allclose(
                    ours[name][begin:end], array[begin:end], rtol=1e-5, atol=1e-5
                )


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_ahead_depends_on_no_row(case: str) -> None:
    program = STRIPS_OF_ROWS.rewrites(plain(CASES[case]()), CPU)
    *ahead, rows = launches_of(program)
    assert len(ahead) == (case != "no whole panels")
    given = {variable for variable, _ in program.indices}
    for one in ahead:
        assert not any(variables_of(statement) & given for statement in walk(one.body))
    assert all(one.memory.startswith(("y", "x")) for one in rows.outputs)


@pytest.mark.parametrize("terms", [256, 257, 700])
def test_text_computes_long_sums(terms: int) -> None:
    before = plain([product_of(64, terms) * 2.0])
    programs = launches_of(STRIPS_OF_ROWS.rewrites(before, CPU))
    named = [replace(one, name=f"k{k}") for k, one in enumerate(programs)]
    compiled, given = CompiledPrograms(named), numbers(before)
    found: dict[str, np.ndarray] = {}
    for begin, end in PARTS:
        for one in named:
            more, _ = compiled(
                one.name, {**given, **found}, {B: ROWS}, indices={"begin": begin, "end": end}
            )
            found |= more
    exact = 2.0 * (given["x0"].astype("float64") @ given["x1"])
    np.testing.assert_allclose(found["y0"], exact, atol=1e-4)
