"""Mappings of pointwise kernels for CUDA: which one a program gets, and that it means the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import evaluate as size_of
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.printer import print_program
from graphc.compiler.targets.mapping import choose

(B,) = symbols(BATCH)


def _dense() -> list[Node]:
    x, bias = g.input((BATCH, 12), name="x"), g.input((12,), name="bias")
    return [g.maximum(x + bias, np.float32(0))]


def _odd() -> list[Node]:
    x, scale = g.input((BATCH, 7), name="x"), g.input((BATCH,), name="scale")
    return [x * g.reshape(g.exp(scale), (BATCH, 1))]


def _padded() -> list[Node]:
    return [g.pad(g.input((BATCH, 2, 5, 6), name="x"), [(0, 0), (0, 0), (1, 2), (2, 1)])]


def _concatenated() -> list[Node]:
    parts = [g.input((BATCH, width), name=f"part{width}") for width in (3, 5, 4)]
    return [g.concat([parts[0], g.tanh(parts[1]), parts[2]], 1)]


def _transposed() -> list[Node]:
    return [g.transpose(g.input((BATCH, 3, 40), name="x"), (0, 2, 1)) * np.float32(3)]


def _scalar() -> list[Node]:
    return [g.exp(g.input((), name="x"))]


def _strided() -> list[Node]:
    return [g.max_pool(g.input((BATCH, 2, 6, 6), name="x"), (2, 2))]


def _stored_beside() -> list[Node]:
    active = g.maximum(g.input((BATCH, 2, 6, 6), name="x"), np.float32(0))
    return [active, g.max_pool(active, (2, 2))]


def _volume_stored_beside() -> list[Node]:
    active = g.maximum(g.input((BATCH, 2, 4, 4, 6), name="x"), np.float32(0))
    return [active, g.max_pool(active, (2, 2, 2))]


def _one_window() -> list[Node]:
    return [g.max_pool(g.input((1, 1, 2, 3), name="x"), (2, 3))]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (_dense, "packs"),
        (_odd, "packs"),
        (_padded, "packs"),
        (_concatenated, "packs"),
        (_transposed, "packs"),
        (_scalar, "packs"),
        (_strided, "elements"),
        (_one_window, "elements"),
        (_stored_beside, "elements"),
        (_volume_stored_beside, "elements"),
    ],
    ids=lambda one: getattr(one, "__name__", one).strip("_"),
)
def test_a_mapping_keeps_the_meaning(make: Callable[[], list[Node]], name: str) -> None:
    plain = _plain(make())
    mapped = choose(plain, any_card(), POINTWISE)
    assert mapped.names == (name,)
    print_program(mapped.program)
    _compare(plain, mapped.program)


@pytest.mark.parametrize("make", [_padded, _stored_beside, _volume_stored_beside])
def test_a_thread_for_the_coordinates_of_an_element(make: Callable[[], list[Node]]) -> None:
    """The last mapping, of what positions do not prove to be written once."""
    plain = _plain(make())
    (last,) = (one for one in POINTWISE if one.name == "coordinates")
    mapped = last.rewrites(plain, any_card())
    print_program(mapped)
    _compare(plain, mapped)


def _plain(outputs: list[Node]) -> LoopProgram:
    (kernel,) = kernels(make_schedule(list(optimize(outputs)[0])))
    return plain_program(kernel, "k0", buffers_of(kernel))


def _compare(plain: LoopProgram, mapped: LoopProgram) -> None:
    draw = np.random.default_rng(4)
    for batch in (1, 5):
        arrays = {
            buffer.name: draw.normal(
                size=[size_of(size, {B: batch}) for size in buffer.shape]
            ).astype(buffer.dtype)
            for buffer in plain.inputs
        }
        expected = evaluate(plain, arrays, {B: batch}).outputs
        found = evaluate(mapped, arrays, {B: batch}).outputs
        for memory, array in expected.items():
            np.testing.assert_array_equal(found[memory], array)
