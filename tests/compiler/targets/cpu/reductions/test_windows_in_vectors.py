"""The mapping of poolings of short windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest

from graphc import grad
from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import evaluate as evaluate_size
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    loops_in,
    path_to,
    targets_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.statement import Accumulate, Allocate, For, LoopKind
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.pointwise import conditions_in
from graphc.compiler.targets.cpu.reductions.windows_in_vectors import WINDOWS_IN_VECTORS
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.reductions.windows import CPU, B, check, mapped, x

Pool: TypeAlias = Callable[..., Node]

WINDOW = {"window": (2, 2), "strides": (1, 2), "padding": ((0, 0), (0, 0))}


def plain(*outputs: Node) -> LoopProgram:
    made = kernels(make_schedule(optimize(list(outputs))[0], most_shared=0))
    kernel = made[-1]
    return plain_program(kernel, "k0", buffers_of(kernel))


def trained() -> LoopProgram:
    """Return what a step keeps of the maxima of activations: their places, and bits of what the
    activation had there."""
    image = x(2, 6, 18)
    pooled = g.max_pool(g.maximum(image * 2.0 + 1.0, 0.0), (2, 2))
    (gradient,) = grad(g.sum(pooled * x(2, 3, 9)), [image])
    made = kernels(make_schedule(optimize([pooled, gradient])[0], most_shared=0))
    kernel = next(one for one in made if one.kind == "window" and pooled.shape == one.extents)
    return plain_program(kernel, "k0", buffers_of(kernel))


def gradient(shape: tuple[int, ...], pool: Pool, *window: object) -> LoopProgram:
    """Return the sums over the windows that an element of an image is in."""
    image = x(*shape)
    pooled = pool(image, *window)
    (found,) = grad(g.sum(pooled * x(*pooled.shape[1:])), [image])
    return plain(found)


TAKEN: Mapping[str, Callable[[], LoopProgram]] = {
    "maxima": lambda: plain(g.max_pool(x(2, 6, 19), (2, 2))),
    "windows that overlap": lambda: plain(g.max_pool(x(2, 6, 19), (3, 3), strides=2)),
    "maxima with zeros around": lambda: plain(g.max_pool(x(2, 5, 18), (3, 3), 1, padding=1)),
    "functions": lambda: plain(g.average_pool(g.tanh(x(2, 4, 16)) * 2.0, (2, 2))),
    "parts of a concatenation": lambda: plain(
        g.max_pool(g.concat([g.exp(x(2, 4, 20)), x(3, 4, 20)], 1), (2, 2))
    ),
    "places with zeros ahead": lambda: plain(
        g.make("argmax_pool", x(2, 8, 32), window=(2, 2), strides=(2, 2), padding=((1, 0), (1, 0)))
    ),
    "windows of many elements": lambda: plain(g.max_pool(x(2, 9, 18), (9, 9), strides=1)),
    "places in windows of many elements": lambda: plain(
        g.make("argmax_pool", x(1, 7, 22), window=(6, 6), strides=(1, 2), padding=((0, 0), (0, 0)))
    ),
    "windows of many elements with zeros around": lambda: plain(
        g.max_pool(x(1, 7, 12), (6, 6), 1, padding=2)
    ),
    "three axes": lambda: plain(g.max_pool(x(2, 4, 4, 16), (2, 2, 2))),
    "one axis": lambda: plain(g.max_pool(x(3, 41), (4,))),
    "a training step": trained,
    "gradients of maxima": lambda: gradient((2, 6, 18), g.max_pool, (2, 2)),
    "gradients of maxima, steps of three": lambda: gradient((2, 6, 27), g.max_pool, (3, 3)),
    "gradients of maxima that overlap": lambda: gradient((2, 8, 18), g.max_pool, (3, 3), 2),
    "gradients of maxima with zeros around": lambda: gradient((2, 8, 18), g.max_pool, (3, 3), 2, 1),
    "gradients of maxima, neighbours": lambda: gradient((2, 5, 17), g.max_pool, (3, 3), 1),
    "gradients of means that overlap": lambda: gradient((2, 6, 22), g.average_pool, (3, 3), 2),
    "gradients of odd rows": lambda: gradient((2, 7, 19), g.max_pool, (3, 3), 2),
    "gradients of volumes": lambda: gradient((1, 4, 4, 16), g.max_pool, (3, 3, 3), 2),
}


@pytest.mark.parametrize("case", TAKEN)
def test_it_means_the_same(case: str) -> None:
    before = TAKEN[case]()
    found = mapped(before)
    assert found.names == (WINDOWS_IN_VECTORS.name,), found.refusals
    check(before, found.program)


@pytest.mark.parametrize("case", TAKEN)
def test_neighbouring_windows_are_lanes(case: str) -> None:
    """But those at the borders of an image, of which there are few."""
    program = mapped(TAKEN[case]()).program
    adding = [one for one in walk(program.body) if isinstance(one, Accumulate)]
    around = [[x for x in path_to(program.body, one) if isinstance(x, For)] for one in adding]
    lanes = [LoopKind.VECTOR in {loop.kind for loop in loops} for loops in around]
    has_borders = any(part in case for part in ("zeros", "odd", "neighbours"))
    assert all(lanes) or (has_borders and any(lanes))


@pytest.mark.parametrize("case", TAKEN)
def test_no_lane_has_a_test_that_its_neighbours_have_not(case: str) -> None:
    program = mapped(TAKEN[case]()).program
    rows = [one for one in loops_in(program.body) if one.kind is LoopKind.VECTOR]
    assert rows
    for row in rows:
        assert not any(row.variable in one.index.variables for one in conditions_in(row.body))


@pytest.mark.parametrize("case", ["windows that overlap", "gradients of maxima that overlap"])
def test_lanes_read_and_store_neighbours(case: str) -> None:
    """Though neighbouring windows are steps apart; the loop that brings them together reads all."""
    program = mapped(TAKEN[case]()).program
    steps: set[object] = set()
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        around = [one for one in path_to(program.body, statement) if isinstance(one, For)]
        if around and around[-1].kind is LoopKind.VECTOR:
            accessed = (*loads_of(statement), *targets_of(statement))
            places = [(one.buffer.place(one.coords), around[-1].variable) for one in accessed]
            steps |= {ranges.step(place, variable) for place, variable in places}
    assert steps <= {0, 1}


def test_rows_of_unknown_elements_have_memory_of_a_thread() -> None:
    """They are no registers, whose number a text has."""
    n = g.symbol("n")
    places = g.input((BATCH, 1, 4, n), "int32")
    window = {"window": (3, 1), "strides": (2, 1), "padding": ((1, 0), (0, 0))}
    values = g.input(places.shape, "float32")
    program = plain(g.make("max_unpool", places, values, size=(8, n), **window))
    found = mapped(program)
    assert found.names == (WINDOWS_IN_VECTORS.name,), found.refusals
    kept = [one.buffer for one in walk(found.program.body) if isinstance(one, Allocate)]
    registers = [one for one in kept if one.scope is BufferScope.REGISTER]
    assert all(isinstance(one.elements, int) for one in registers)
    assert any(one.scope is BufferScope.THREAD for one in kept)


def test_rows_of_many_elements_are_not_kept() -> None:
    long = gradient((2, 2, 1030), g.max_pool, (2, 2))
    assert mapped(long).names != (WINDOWS_IN_VECTORS.name,)


def test_one_window_is_no_row() -> None:
    pooled = g.max_pool(g.input((1, 1, 3, 1), "float32"), (3, 1))
    (kernel,) = kernels(make_schedule([pooled], most_shared=0))
    program = plain_program(kernel, "k0", buffers_of(kernel))
    assert "it has one row of windows" in WINDOWS_IN_VECTORS.when(program, CPU).refusal


def test_bits_behind_a_walk_are_lanes() -> None:
    program = mapped(trained()).program
    rows = [one for one in innermost_loops(program.body) if one.kind is not LoopKind.UNROLLED]
    assert all(one.kind is LoopKind.VECTOR for one in rows)


def test_rows_of_unknown_windows_have_no_registers_each() -> None:
    n = g.symbol("n")
    sums = g.make("sum_pool", g.input((BATCH, 2, 3, n), "float32"), **WINDOW)
    program = plain(g.less(sums, g.input(sums.shape, "float32")))
    found = mapped(program)
    assert found.names == (WINDOWS_IN_VECTORS.name,), found.refusals
    compiled = CompiledPrograms([replace(found.program, name="k0")])
    shapes = {B: 2, symbols(n)[0]: 31}
    rng = np.random.default_rng(1)
    arrays = {
        one.memory: rng.standard_normal([evaluate_size(size, shapes) for size in one.shape]).astype(
            "float32"
        )
        for one in program.inputs
    }
    expected = evaluate(program, arrays, shapes).outputs
    computed, _ = compiled("k0", arrays, shapes)
    for name, array in expected.items():
        np.testing.assert_array_equal(computed[name], array)


EMBEDDED = g.make(
    "gather",
    g.shared(np.zeros((9, 20), "float32")),
    g.input((BATCH, 8), "int32"),
    axis=0,
)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (lambda: g.max_pool(x(2, 4, 14), (2, 2)), "rows of windows are shorter than a vector"),
        (
            lambda: g.max_pool(x(2, 12, 20), (9, 9), 1, padding=1),
            "windows have more than 64 elements, and tests of them",
        ),
        (lambda: g.max_pool(x(2, 5, 81), (1, 5)), "more than 4 elements behind its neighbour"),
        (lambda: g.max_pool(x(3, 40), (4,)), "it has one row of windows"),
        (
            lambda: g.max_pool(g.reshape(EMBEDDED, (BATCH, 1, 8, 20)), (2, 1)),
            "each term is of a row of its own, x0[",
        ),
    ],
)
def test_what_it_does_not_take(output: Callable[[], Node], reason: str) -> None:
    (kernel,) = kernels(make_schedule([output()], most_shared=0))
    program = plain_program(kernel, "k0", buffers_of(kernel))
    assert reason in WINDOWS_IN_VECTORS.when(program, CPU).refusal
