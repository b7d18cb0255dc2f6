"""Values of columns are computed ahead of rows, if they take work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram, path_to, values_of, walk
from graphc.compiler.loops.rewrites.values.keep import is_work
from graphc.compiler.loops.statement import Allocate, For, LoopKind
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.cpu.pointwise import MOST_AHEAD
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms

CPU = Target("cpu", 64, 32, (32 << 10, 1 << 20), 2)
(B,) = symbols(BATCH)


def _rows(*shape: int) -> Node:
    return g.input((BATCH, *shape), "float32", name="x")


def _row(*shape: int, name: str = "variance") -> Node:
    return g.input(shape, "float32", name=name)


def _normalized(x: Node, *shape: int) -> Node:
    mean, variance = (_row(*shape, name=name) for name in ("mean", "variance"))
    return (x - mean) / g.sqrt(variance + 1e-3) * _row(*shape, name="gamma")


def _normalized_parts() -> Node:
    return _normalized(g.concat([_rows(3, 24), g.exp(g.input((BATCH, 3, 9)))], 2), 33)


def _many_values() -> Node:
    x, row = _rows(40), _row(40)
    result = x
    for k in range(MOST_AHEAD + 8):
        result = result + g.exp(row * (1 + k)) * (x + k)
    return result


SAME_FOR_ALL_ROWS = {
    "channels last": lambda: _normalized(_rows(5, 40), 40),
    "channels first": lambda: _normalized(_rows(20, 9), 20, 1),
    "several axes": lambda: _rows(4, 12, 9) * g.exp(_row(4, 12, 1)) + _row(9, name="beta"),
    "several values": lambda: _rows(40) * g.exp(_row(40)) + g.tanh(_row(40)),
    "parts": _normalized_parts,
    "more than there are names": _many_values,
}

OTHERS = {
    "no work": lambda: (_rows(40) - _row(40)) * _row(40),
    "of each element": lambda: g.exp(_rows(40)) * _row(40),
    "of each row": lambda: g.exp(g.input((BATCH, 1), name="y")) * _row(40),
    "few rows": lambda: g.input((8, 40)) * g.exp(_row(40)),
    "many columns": lambda: _rows(5000) * g.exp(_row(5000)),
    "once for a long row": lambda: _normalized(_rows(3, 784), 3, 1),
}


def _plain(output: Node) -> LoopProgram:
    (kernel,) = kernels(make_schedule([output], most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


def _mapped(program: LoopProgram) -> LoopProgram:
    return choose(program, CPU, CPU_MAPPINGS["pointwise"]).program


def _arrays(program: LoopProgram) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        one.memory: rng.uniform(
            0.5, 1.5, [size if isinstance(size, int) else 23 for size in one.shape]
        ).astype("float32")
        for one in program.inputs
    }


def _work_of_teams(program: LoopProgram) -> int:
    """Count the ops that take work in loops that threads divide."""
    return sum(
        is_work(value)
        for one in walk(program.body)
        if any(isinstance(x, For) and x.kind is LoopKind.TEAM for x in path_to(program.body, one))
        for value in values_of(one)
    )


@pytest.mark.parametrize(
    ("name", "ahead", "left"),
    [  # left is the division by each, and what is computed of rows
        ("channels last", 1, 1),
        ("channels first", 1, 1),
        ("several axes", 1, 0),
        ("several values", 2, 0),
        ("parts", 2, 3),
        ("more than there are names", MOST_AHEAD, 8),
    ],
)
def test_rows_read_what_is_the_same_for_all(name: str, ahead: int, left: int) -> None:
    after = _mapped(_plain(SAME_FOR_ALL_ROWS[name]()))
    assert sum(isinstance(one, Allocate) for one in after.body) == ahead
    assert sum(isinstance(one, For) for one in after.body) == ahead + 1
    assert _work_of_teams(after) == left


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_computed_where_they_are_needed(name: str) -> None:
    after = _mapped(_plain(OTHERS[name]()))
    assert not any(isinstance(one, Allocate) for one in walk(after.body))


@pytest.mark.parametrize("name", [*SAME_FOR_ALL_ROWS, *OTHERS])
def test_they_mean_the_same(name: str) -> None:
    before = _plain((SAME_FOR_ALL_ROWS | OTHERS)[name]())
    after, arrays = _mapped(before), _arrays(before)
    expected = evaluate(before, arrays, {B: 23}).outputs
    for order in (TurnOrder.FORWARD, TurnOrder.SHUFFLED):
        for output, array in evaluate(after, arrays, {B: 23}, order=order).outputs.items():
            np.testing.assert_array_equal(array, expected[output])


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    made = [_mapped(_plain(one())) for one in SAME_FOR_ALL_ROWS.values()]
    return CompiledPrograms([replace(one, name=f"k{k}") for k, one in enumerate(made)])


@pytest.mark.parametrize("number", range(len(SAME_FOR_ALL_ROWS)))
def test_threads_read_what_one_has_computed(compiled: CompiledPrograms, number: int) -> None:
    plain = _plain(list(SAME_FOR_ALL_ROWS.values())[number]())
    arrays = _arrays(plain)
    found, _ = compiled(f"k{number}", arrays, {B: 23})
    for output, array in evaluate(plain, arrays, {B: 23}).outputs.items():
        np.testing.assert_allclose(found[output], array, rtol=1e-5)
