"""Mappings of pointwise kernels: which loops they make, and that these compute what the plain
program does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import evaluate as size_of
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram, values_of, walk, walk_value
from graphc.compiler.loops.statement import For, LoopKind
from graphc.compiler.loops.value import Select
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.pointwise import POINTWISE, divisions
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.target import Target
from tests.compiler.codegen import kinds
from tests.compiler.codegen.golden_text import check_golden
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms

CPU = Target("cpu", 64, 32, (32 << 10, 1 << 20), 2)
FOLDER = Path(__file__).parent / "golden"
(B,) = symbols(BATCH)


def _dense() -> list[Node]:
    x, bias = g.input((BATCH, 12), name="x"), g.input((12,), name="bias")
    with g.origin("dense_1"):
        return [g.maximum(x + bias, np.float32(0))]


def _runs() -> list[Node]:
    x = g.input((BATCH, 3, 700), name="x")
    return [
        g.exp(g.reshape(x, (BATCH, 2100))) * np.float32(2),
        g.reshape(x, (BATCH, 30, 70)) + x[0, 0, 0],
    ]


def _padded() -> list[Node]:
    with g.origin("zeropadding2d_1"):
        return [g.pad(g.input((BATCH, 2, 5, 6), name="x"), [(0, 0), (0, 0), (1, 2), (2, 1)])]


def _concatenated() -> list[Node]:
    parts = [g.input((BATCH, width), name=f"part{width}") for width in (3, 5, 4)]
    with g.origin("merge_1"):
        return [g.concat([parts[0], g.tanh(parts[1]), parts[2]], 1)]


def _stacked() -> list[Node]:
    return [g.exp(g.concat([g.input((BATCH, 4), name="x"), g.input((3, 4), name="y")], 0))]


def _upsampled() -> list[Node]:
    x = g.input((BATCH, 2, 3, 4), name="x")
    wide = g.broadcast_to(g.reshape(x, (BATCH, 2, 3, 1, 4, 1)), (BATCH, 2, 3, 2, 4, 2))
    return [g.reshape(wide, (BATCH, 2, 6, 8)) + np.float32(1)]


def _flipped() -> list[Node]:
    return [g.flip(g.input((BATCH, 6), name="x"), (1,))]


def _transposed() -> list[Node]:
    return [g.transpose(g.input((BATCH, 3, 40), name="x"), (0, 2, 1)) * np.float32(3)]


TAKEN = [_dense, _runs, _padded, _concatenated, _stacked, _upsampled, _flipped, _transposed]


def _plain(outputs: list[Node], name: str) -> LoopProgram:
    (kernel,) = kernels(make_schedule(outputs))
    return plain_program(kernel, name, buffers_of(kernel))


def _mapped(make: Callable[[], list[Node]]) -> MappedProgram:
    return choose(_plain(make(), make.__name__.strip("_")), CPU, POINTWISE)


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    return CompiledPrograms([_mapped(make).program for make in TAKEN])


@pytest.mark.parametrize("make", TAKEN, ids=lambda make: make.__name__.strip("_"))
@pytest.mark.parametrize("batch", [1, 5])
def test_elements_are_those_of_the_plain_program(
    compiled: CompiledPrograms, make: Callable[[], list[Node]], batch: int
) -> None:
    plain, mapped = _plain(make(), make.__name__.strip("_")), _mapped(make)
    assert mapped.names == ("vectors",)
    draw = np.random.default_rng(4)
    arrays = {
        buffer.name: draw.normal(size=[size_of(size, {B: batch}) for size in buffer.shape]).astype(
            buffer.dtype
        )
        for buffer in plain.inputs
    }
    expected = evaluate(plain, arrays, {B: batch}).outputs
    found, _ = compiled(plain.name, arrays, {B: batch})
    again = evaluate(mapped.program, arrays, {B: batch}).outputs
    for name, array in expected.items():
        np.testing.assert_array_equal(again[name], array)
        np.testing.assert_allclose(found[name].reshape(array.shape), array, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("make", TAKEN, ids=lambda make: make.__name__.strip("_"))
def test_loops_go_where_elements_lie(make: Callable[[], list[Node]]) -> None:
    """Nothing is divided, no element chooses between places; the innermost loops are vectors."""
    body = _mapped(make).program.body
    assert divisions(body) == []
    assert not any(
        isinstance(part, Select)
        for statement in walk(body)
        for value in values_of(statement)
        for part in walk_value(value)
    )
    loops = [one for one in walk(body) if isinstance(one, For)]
    innermost = [loop for loop in loops if not any(isinstance(x, For) for x in walk(loop.body))]
    assert {loop.kind for loop in innermost} == {LoopKind.VECTOR}
    outermost = [one for one in body if isinstance(one, For)]
    symbolic = [one for one in outermost if not isinstance(one.ends[0].constant, int)]
    assert all(one.kind is LoopKind.TEAM for one in symbolic)


@pytest.mark.parametrize("name", ["runs", "padded", "concatenated"])
def test_text(compiled: CompiledPrograms, name: str) -> None:
    check_golden(name, compiled.printed[name].text, FOLDER / f"mapped_{name}.cpp")


def test_draws_are_refused() -> None:
    _, outputs, _ = kinds.pointwise()
    found = choose(_plain(list(optimize(outputs)[0]), "k0"), CPU, POINTWISE)
    assert found.is_plain
    assert found.refusals == (("vectors", "it draws random words one by one"),)


def test_long_strided_reads_are_refused() -> None:
    across = g.transpose(g.input((700, 300), name="x"), (1, 0))
    found = choose(_plain([across * np.float32(2)], "k0"), CPU, POINTWISE)
    assert found.is_plain
    ((name, reason),) = found.refusals
    assert name == "vectors"
    assert reason.endswith("expected elements side by side, or fewer than 256, found strided ones")
