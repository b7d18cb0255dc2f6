"""Convolutions as native code: each of its forms, with both gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.binding import bind
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cpu import NativeProgram, lower_native
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import launches
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.compiler.targets.cpu.convolutions.winograd import (
    POOLED_TILES,
    TILES_OF_IMAGES,
    TILES_OF_SAMPLES,
    WINOGRAD,
)
from tests.native.graph_programs import both, needs_compiler, with_threads

pytestmark = needs_compiler

BATCHES = (1, 7)
BY_TILES = {one.name for one in WINOGRAD}


class Case(NamedTuple):
    channels: int
    filters: int
    image: tuple[int, ...]
    window: tuple[int, ...]
    options: Mapping[str, object] = {}
    dtype: str = "float32"


DIRECT = {
    "one channel": Case(1, 32, (11, 9), (3, 3)),
    "one channel, one filter": Case(1, 1, (6, 7), (2, 3)),
    "three channels": Case(3, 5, (13, 8), (5, 4), {"padding": 2}),
    "few channels": Case(3, 5, (13, 8), (3, 3)),
    "twenty channels": Case(20, 17, (9, 17), (3, 4)),
    "strides": Case(20, 9, (15, 14), (3, 3), {"strides": (2, 3), "padding": [(0, 1), (2, 0)]}),
    "holes in the window": Case(3, 20, (12, 13), (3, 2), {"kernel_dilation": (2, 3)}),
    "holes in the image": Case(20, 3, (5, 6), (3, 3), {"input_dilation": (2, 1), "padding": 1}),
    "cropped": Case(3, 4, (10, 11), (3, 3), {"padding": [(-1, 2), (1, -2)]}),
    "one axis": Case(20, 20, (57,), (15,)),
    "one window": Case(20, 18, (3, 2), (3, 2)),
    "one window of one place": Case(6, 40, (1, 2), (1, 1), {"strides": (1, 2)}),
    "three axes": Case(3, 6, (6, 5, 7), (3, 3, 3), {"padding": 1}),
    "doubles": Case(3, 20, (9, 9), (3, 3), {"padding": 1}, "float64"),
}

TRANSFORMED = {
    "even": Case(32, 32, (26, 26), (3, 3)),
    "odd": Case(32, 32, (9, 13), (3, 3)),
    "padded": Case(32, 32, (8, 7), (3, 3), {"padding": [(1, 1), (2, 0)]}),
    "cropped": Case(32, 32, (12, 13), (3, 3), {"padding": [(-1, 1), (1, -2)]}),
    "vectors not filled": Case(20, 30, (10, 11), (3, 3), {"padding": 1}),
    "many channels": Case(70, 64, (7, 6), (3, 3), {"padding": 1}),
    "doubles": Case(20, 16, (9, 10), (3, 3), {"padding": 1}, "float64"),
}


class Program:
    """A convolution, with what is behind it, and both its gradients."""

    def __init__(self, case: Case, behind: Callable[[Node], Node] = lambda result: result):
        self._case = case
        self._behind = behind
        shape = (case.filters, case.channels, *case.window)
        image = g.input((BATCH, case.channels, *case.image), case.dtype, name="image")
        weights = g.input(shape, case.dtype, name="weights")
        result = behind(g.conv(image, weights, **case.options))
        cotangents = g.input(result.shape, case.dtype, name="cotangents")
        self._inputs = (image, weights, cotangents)
        self.outputs = [result, *grad(g.sum(result * cotangents), [image, weights])]

    @cached_property
    def native(self) -> NativeProgram:
        return lower_native(optimize(self.outputs)[0])

    @property
    def mappings(self) -> set[str]:
        """Return the mappings of its convolutions."""
        steps = launches(self.native.program.steps)
        return {one.how.rsplit(", ", 1)[1] for one in steps if one.kernel.kind == "conv"}

    @cached_property
    def _executor(self) -> NativeExecutor:
        return NativeExecutor(self.native)

    def feeds(self, batch: int) -> dict[Node, np.ndarray]:
        rng = np.random.default_rng(batch)
        feeds = {}
        for node in self._inputs:
            shape = [batch if size is BATCH else size for size in node.shape]
            feeds[node] = rng.normal(size=shape).astype(node.dtype)
        return feeds

    def run(self, feeds: dict[Node, np.ndarray]) -> list[np.ndarray]:
        return self._executor.run(feeds, bind(list(feeds), list(feeds.values())), g.CallStep())

    def exact(self, feeds: dict[Node, np.ndarray]) -> list[np.ndarray]:
        """By the interpreter in float64, from the same numbers."""
        double = Program(self._case._replace(dtype="float64"), self._behind)
        values = zip(double._inputs, feeds.values(), strict=True)
        return evaluate(double.outputs, {node: value.astype("float64") for node, value in values})


@pytest.mark.parametrize("name", DIRECT)
def test_direct_sums(name: str) -> None:
    case = DIRECT[name]
    program = Program(case)
    assert BY_TILES.isdisjoint(program.mappings)
    check(program, case)


@pytest.mark.parametrize("name", TRANSFORMED)
def test_with_transforms(name: str) -> None:
    """They round no worse than sums do: the bound is that of direct sums."""
    case = TRANSFORMED[name]
    program = Program(case)
    assert {TILES_OF_IMAGES.name, TILES_OF_SAMPLES.name} <= program.mappings
    check(program, case)


@pytest.mark.parametrize("image", [(26, 26), (9, 13), (11, 8)])
def test_pooled_by_tiles(image: tuple[int, int]) -> None:
    """A tile of results is a window of the pooling; a last row or column that is not pooled."""
    case = Case(32, 32, image, (3, 3))
    program = Program(case, lambda result: g.max_pool(g.maximum(result, 0.1), (2, 2)))
    assert POOLED_TILES.name in program.mappings
    check(program, case)


def check(program: Program, case: Case) -> None:
    precision = np.finfo(case.dtype).eps
    for batch in BATCHES:
        feeds = program.feeds(batch)
        for ours, exact in zip(program.run(feeds), program.exact(feeds), strict=True):
            assert (ours.shape, ours.dtype) == (exact.shape, case.dtype)
            assert np.abs(ours - exact).max() <= 8 * precision * np.abs(exact).max()


@pytest.mark.parametrize("case", [TRANSFORMED["odd"], DIRECT["twenty channels"]])
def test_the_same_bits_for_any_number_of_threads(case: Case) -> None:
    program = Program(case)
    feeds = program.feeds(7)
    runs = []
    for threads in (1, 2, 3):
        with with_threads(program.native.program, threads):
            runs.append([value.tobytes() for value in program.run(feeds)])
    assert runs[0] == runs[1] == runs[2]


def test_what_is_not_finite_stays_in_the_tiles_that_hold_it() -> None:
    """No element of a result that reads NaN or an infinity becomes finite; and others, but for
    those of the same tiles, are what they were."""
    case = TRANSFORMED["even"]
    program = Program(case)
    feeds = program.feeds(1)
    image = next(iter(feeds.values()))
    clean = program.run(feeds)[0]
    image[0, 3, 10, 12] = np.nan
    image[0, 4, 20, 5] = np.inf
    result = program.run(feeds)[0]
    reads = np.zeros((24, 24), bool)
    tiles = np.zeros((24, 24), bool)
    for row, column in ((10, 12), (20, 5)):
        reads[row - 2 : row + 1, column - 2 : column + 1] = True
        # A tile of 2 x 2 results reads the 4 x 4 elements from its own corner on.
        for y in range(12):
            for x in range(12):
                if 2 * y <= row < 2 * y + 4 and 2 * x <= column < 2 * x + 4:
                    tiles[2 * y : 2 * y + 2, 2 * x : 2 * x + 2] = True
    assert not np.isfinite(result[0][:, reads]).any()
    np.testing.assert_array_equal(result[0][:, ~tiles], clean[0][:, ~tiles])


@pytest.mark.parametrize("shape", [(BATCH, 2, 3), (BATCH, 3, 4, 4), (5, 3, 4, 4), (64, 64, 3, 3)])
def test_an_array_by_itself(shape: tuple[g.Size, ...]) -> None:
    x = g.input(shape, "float64")
    padding = [(1, 2), *[(1, 1)] * (len(shape) - 3)]
    outputs = optimize([g.conv(x, x, padding=padding), g.conv(g.tanh(x), x, padding=padding)])[0]
    rows = 3 if shape[0] is BATCH else shape[0]
    value = np.random.default_rng(0).normal(size=(rows, *shape[1:]))
    for ours, theirs in both(outputs, {x: value}):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
