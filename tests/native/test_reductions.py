"""Reductions of many shapes as native code, beside the interpreter: one program for all of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import Node
from graphc.compiler.graph.binding import bind
from graphc.compiler.graph.dim import product
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cpu import NativeProgram, lower_native
from graphc.compiler.program.launch import Launch
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from tests.native.graph_programs import both, needs_compiler, on_threads, run_in_fresh_thread

pytestmark = needs_compiler

SHAPES: tuple[tuple[tuple[int | None, ...], tuple[int, ...]], ...] = (
    ((None,), (0,)),
    ((None, 1), (1,)),
    ((1, None), (0,)),
    ((1,), (0,)),
    ((40_000,), (0,)),
    ((300, 300), (0, 1)),
    ((None, 3), (0,)),
    ((None, 3), (1,)),
    ((None, 10), (1,)),
    ((None, 16), (1,)),
    ((None, 49), (1,)),
    ((None, 100), (1,)),
    ((None, 300), (1,)),
    ((None, 300), (0,)),
    ((2048, 300), (0,)),
    ((3, 70_000), (1,)),
    ((2, 17_000), (1,)),
    ((None, 5, 7, 7), (0, 2, 3)),
    ((None, 9, 7, 7), (0, 2, 3)),
    ((None, 6, 5, 4), (1,)),
    ((None, 20, 3), (1,)),
    ((9, 40, 30), (0, 2)),
)
"""The shapes of operands, None for the batch, and the axes that are reduced."""

FUNCTIONS: Mapping[str, Callable[[Node, tuple[int, ...]], Node]] = {
    "sum": g.sum,
    "sum of exponentials": lambda x, axes: g.sum(g.exp(x - g.max(x, axes, keepdims=True)), axes),
    "max": g.max,
    "min": g.min,
    "argmax": lambda x, axes: g.argmax(_flat(x, axes), 1),
    "argmin": lambda x, axes: g.argmin(_flat(x, axes), 1),
    "any": lambda x, axes: g.any(x > 1.0, axes),
    "all": lambda x, axes: g.all(x > -1.0, axes),
    "integers": lambda x, axes: g.sum(g.cast(x * 10.0, "int32"), axes),
    "float64": lambda x, axes: g.sum(g.cast(x, "float64"), axes),
    "variance": lambda x, axes: g.mean(g.square(x - g.mean(x, axes, keepdims=True)), axes),
    "normalized": lambda x, axes: (
        (x - g.mean(x, axes, keepdims=True)) / (g.max(x, axes, keepdims=True) + 9.0)
    ),
}
BATCHES = (1, 7, 130)


def _flat(x: Node, axes: tuple[int, ...]) -> Node:
    """Return an operand with what is reduced as its axis 1."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    moved = g.transpose(x, (*kept, *axes)) if kept else x
    counts = (product(x.shape[axis] for axis in along) for along in (kept, axes))
    return g.reshape(moved, tuple(counts))


class Grid:
    """All functions of all shapes, compiled once."""

    def __init__(self) -> None:
        self.inputs = [g.input(shape, "float32") for shape, _ in SHAPES]
        self.names: list[str] = []
        self.outputs: list[Node] = []
        for name, function in FUNCTIONS.items():
            for x, (shape, axes) in zip(self.inputs, SHAPES, strict=True):
                self.names.append(f"{name} of {shape} along {axes}")
                self.outputs.append(function(x, axes))
        self.program: NativeProgram = lower_native(self.outputs)

    def feeds(self, batch: int, special: tuple[float, ...] = ()) -> dict[Node, np.ndarray]:
        rng = np.random.default_rng(batch)
        found = {}
        for x, (shape, _) in zip(self.inputs, SHAPES, strict=True):
            array = rng.standard_normal([batch if n is None else n for n in shape], "float32")
            array.flat[rng.integers(array.size, size=len(special))] = special
            found[x] = array
        return found

    def run(self, feeds: dict[Node, np.ndarray]) -> list[np.ndarray]:
        bindings = bind(list(feeds), list(feeds.values()))
        return run_in_fresh_thread(NativeExecutor(self.program), feeds, bindings, 0)


@pytest.fixture(scope="module")
def grid() -> Grid:
    return Grid()


@pytest.mark.parametrize("special", [(), (np.nan,), (np.inf,), (-np.inf, np.inf)], ids=str)
@pytest.mark.parametrize("batch", BATCHES)
def test_native_code_is_near_the_interpreter(
    grid: Grid, batch: int, special: tuple[float, ...]
) -> None:
    feeds = grid.feeds(batch, special)
    with np.errstate(all="ignore"):
        expected = evaluate(grid.outputs, feeds, 0)
    for name, ours, theirs in zip(grid.names, grid.run(feeds), expected, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), name
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4, err_msg=name)


def test_the_bits_are_those_of_one_thread(grid: Grid) -> None:
    feeds = grid.feeds(130)
    one, *others = on_threads(grid.program.program, lambda: grid.run(feeds))
    for other in others:
        for name, ours, theirs in zip(grid.names, other, one, strict=True):
            assert ours.tobytes() == theirs.tobytes(), name


def test_sums_of_many_terms_are_near_those_of_float64() -> None:
    x = g.input((3_000_000,), "float32")
    values = np.random.default_rng(0).random(3_000_000, "float32")
    program = lower_native([g.sum(x), g.sum(g.reshape(x, (-1, 1000)), 0)])
    feeds = {x: values}
    whole, parts = NativeExecutor(program).run(feeds, bind([x], [values]), g.CallStep())
    np.testing.assert_allclose(whole, values.sum(dtype="float64"), rtol=1e-6)
    expected = values.reshape(-1, 1000).sum(0, dtype="float64")
    np.testing.assert_allclose(parts, expected, rtol=1e-6)


def test_short_rows_that_are_stored_too_or_read_from_both_ends() -> None:
    flags, x = g.input((None, 3), "bool"), g.input((None, 9), "float32")
    negated = ~flags
    outputs = [negated, g.argmax(g.cast(negated, "int32"), 1), g.max(x * x[:, ::-1], 1)]
    draw = np.random.default_rng(0)
    feeds = {flags: draw.random((70, 3)) < 0.5, x: draw.normal(size=(70, 9)).astype("float32")}
    for ours, theirs in both(outputs, feeds):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("classes", [3, 10, 21, 31])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_of_few_classes(classes: int, dtype: str) -> None:
    """Rows that become lanes: with probabilities, their loss and its gradient in one program, of
    labels as numbers and as rows; of one sample, and of batches that fill no tile."""
    scores, wanted = g.input((g.BATCH, classes), dtype), g.input((g.BATCH, classes), dtype)
    labels, weights = g.input((g.BATCH,), "int32"), g.input((g.BATCH,), dtype)
    softmax = g.softmax(scores)
    marked = g.one_hot(g.take(g.iota(classes), labels), classes, dtype)
    by_row = g.sum(wanted * g.log(g.clip(softmax, 1e-7, 1 - 1e-7)), 1) * weights
    by_label = g.sum(marked * g.log(softmax), 1) * weights
    gradients = grad(g.sum(by_row + by_label), [scores])
    outputs = [softmax, by_row, by_label, *gradients]
    draw = np.random.default_rng(classes)
    for batch in (1, 3, 300):
        feeds = {
            scores: draw.normal(size=(batch, classes)).astype(dtype),
            wanted: draw.random((batch, classes)).astype(dtype),
            labels: draw.integers(0, classes, batch).astype("int32"),
            weights: draw.random(batch).astype(dtype),
        }
        # A gradient is a difference of terms of about one, so it is as exact as these.
        rtol = 32 * np.finfo(dtype).eps
        for ours, theirs in both(outputs, feeds):
            np.testing.assert_allclose(ours, theirs, rtol, atol=rtol)


@pytest.mark.parametrize("count", [12, 30, 40])
def test_many_sums_of_one_array(count: int) -> None:
    """Each sum has an array, and its parts one, as long as a thread has blocks for them."""
    x = g.input((None, 10), "float32")
    sums = [g.sum(g.maximum(x, k / count), axis=0) for k in range(count)]
    output = functools.reduce(g.maximum, (one * (k + 1.0) for k, one in enumerate(sums)))
    (step,) = lower_native([output]).program.steps
    assert isinstance(step, Launch)
    values = np.random.default_rng(count).standard_normal((700, 10)).astype("float32")
    ((ours, theirs),) = both([output], {x: values})
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
