"""Reductions along rows and columns on the device are the interpreter's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Shape
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.schedule.kernel import Kernel
from tests.compiler.lowering.reduction_kernels import (
    fused,
    normalisation,
    normalisation_gradient,
    softmax_loss,
)
from tests.cuda_emulator.graph_programs import both, run
from tests.cuda_emulator.one_kernel import program_of

pytestmark = pytest.mark.over("ptx", "source")

# (shape, reduced axes): rows of many lengths, columns, both around one another; one, none divisible
# by anything, multiples of four, of a warp, of a block.
SHAPES = [
    *[((BATCH, length), (1,)) for length in (1, 3, 10, 12, 33, 64, 257, 1028)],
    *[((BATCH, width), (0,)) for width in (1, 3, 32, 70)],
    ((6, 200), (0,)),
    ((3, 4, 5), (1, 2)),
    ((BATCH, 3, 7), (0, 2)),
    ((BATCH, 3, 8), (0, 2)),
    ((2, 3, 4, 5), (0, 2)),
    ((2, 3, 4, 5), (1, 3)),
    ((2, 3, 4, 5), (1,)),
    ((BATCH, 1, 4, 1), (0, 3)),
    ((BATCH, 7), (0, 1)),
    ((5, 9), (0, 1)),
    ((1, 1), (0, 1)),
]
ROWS = 5
FLOATS = ("float32", "float64")


def values(random: np.random.Generator, shape: Sequence, dtype: str) -> np.ndarray:
    """Small whole numbers with many ties, so that sums and products are exact (products are powers
    of two, or infinite); in the first rows NaN and infinities, or all false and all true."""
    known = [ROWS if size is BATCH else size for size in shape]
    if dtype == "bool":
        array = random.random(known) < 0.5
        array[0] = False
        array[-1] = len(array) > 1
        return array
    array = random.choice([-1, 1, 2, 2], known).astype(dtype)
    if dtype in FLOATS and len(array) > 2:
        array[1].flat[array[1].size // 2] = np.nan
        array[2].flat[0] = np.inf
    return array


def check_every_reduction(dtype: str, shapes: Sequence[tuple]) -> None:
    ops = ("sum", "prod", "max", "min", "argmax", "argmin")
    random = np.random.default_rng(1)
    outputs, feeds = [], {}
    for shape, axes in shapes:
        x = g.input(shape, dtype)
        feeds[x] = values(random, shape, dtype)
        outputs += [g.make(op, x, axes=axes) for op in (("any", "all") if dtype == "bool" else ops)]
    for node, (ours, theirs) in zip(outputs, both(outputs, feeds), strict=True):
        message = f"{node.op} over {node.attrs['axes']} of {node.inputs[0].shape}"
        np.testing.assert_array_equal(ours, theirs, err_msg=message)


def test_every_reduction_over_many_shapes() -> None:
    check_every_reduction("float32", SHAPES)


@pytest.mark.parametrize("dtype", ["float64", "int32", "int64", "uint32", "bool"])
def test_every_reduction_of_every_type(dtype: str) -> None:
    # A few lanes, a block, columns, groups of packs, an inner run of reduced axes.
    check_every_reduction(dtype, [SHAPES[k] for k in (3, 7, 10, 15, 17)])


def test_a_reduction_of_nothing_is_its_identity() -> None:
    wide, tall = g.constant(np.zeros((3, 0), "float32")), g.constant(np.zeros((0, 3), "float32"))
    outputs = [g.sum(wide, 1), g.prod(wide, 1), g.sum(tall, 0), g.prod(tall, 0), g.sum(wide)]
    outputs.append(g.sum(wide, 0))
    expected = [[0.0] * 3, [1.0] * 3, [0.0] * 3, [1.0] * 3, 0.0, []]
    assert [array.tolist() for array in run(outputs, {})] == expected


def test_a_softmax_of_rows_that_are_not_held() -> None:
    """Its sum is made along with the maximum, whatever the values, and in whichever order."""
    length = g.symbol("length")
    x, wide = g.input((BATCH, length), "float32"), g.input((BATCH, 20_004), "float32")
    outputs = [g.softmax(x), g.softmax(wide), g.sum(g.exp(x - g.max(x, 1, keepdims=True)), 1)]
    random = np.random.default_rng(3)
    for columns in (1, 31, 1_300, 17_000):  # of a warp, of a block, and read again
        feeds = {
            x: random.normal(0.0, 40.0, (8, columns)).astype("float32"),
            wide: random.normal(0.0, 40.0, (8, 20_004)).astype("float32"),
        }
        for rows in feeds.values():
            rows[1, -1], rows[2, 0], rows[3] = np.nan, np.inf, -np.inf
            rows[4, : columns // 2] = -np.inf
            rows[5, ::2] = -3e38
            rows[6] = 3e38
        with np.errstate(invalid="ignore"):
            pairs = both(outputs, feeds)
        for ours, theirs in pairs:
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-37)


def test_a_normalisation_of_rows_and_columns_that_are_not_held() -> None:
    """The squared differences are summed along with the mean, far from zero as well."""
    length = g.symbol("length")
    shapes = [((BATCH, length), 1), ((BATCH, 20_004), 1), ((BATCH, 5), 0), ((BATCH, 3, 7), (0, 2))]
    random = np.random.default_rng(3)
    for batch, columns in ((7, 31), (1, 1), (40, 300)):
        outputs, feeds = [], {}
        for shape, axes in shapes:
            x = g.input(shape, "float32")
            known = [{BATCH: batch, length: columns}.get(size, size) for size in shape]
            values = random.normal(30.0, 2.0, known).astype("float32")
            if batch == 7 and axes == 1:
                values[1, -1], values[2, 0], values[3] = np.nan, np.inf, -np.inf
                values[4], values[5, ::2] = 1e-30, 0.0
            feeds[x] = values
            variance = g.var(x, axes, keepdims=True)
            outputs += [variance, (x - g.mean(x, axes, keepdims=True)) * g.rsqrt(variance + 1.0)]
        with np.errstate(invalid="ignore"):
            pairs = both(outputs, feeds)
        for ours, theirs in pairs:  # a mean near 30 is rounded by 1e-6
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_values_of_a_row_that_its_elements_read_at_another_row_too(axis: int) -> None:
    """Centred twice, with a flip between: an element reads the mean of its own row and of one more,
    in rows (columns) whose values are held, and in those that are walked again."""
    outputs, feeds = [], {}
    for size in (6, BATCH):
        x = g.input((size, 6) if axis == 0 else (6, size), "float32")
        feeds[x] = np.random.default_rng(5).standard_normal((6, 6)).astype("float32")
        centred = x - g.mean(x, axis, keepdims=True)
        mixed = centred + g.flip(centred, 1 - axis)
        outputs.append(g.var(mixed, axis))
        outputs.append(mixed - g.mean(mixed, axis, keepdims=True))
    for ours, theirs in both(outputs, feeds):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def most_roundings(terms: int, threads: int) -> int:
    """Return the most roundings of an element on its way into a sum: 32 terms one by one, the sums
    of such runs one by one, then trees over threads and blocks."""
    runs = math.ceil(terms / threads / 32)
    return 32 + runs + 8 + 16


def test_the_error_of_a_long_sum_grows_slowly() -> None:
    steps, samples = g.symbol("steps"), g.symbol("samples")
    sizes = {steps: 70_001, samples: 9_000}
    # (shape, axes, threads that walk a row of it together)
    cases = [
        ((300_000,), (0,), 256),  # divided over blocks
        ((steps,), (0,), 256),
        ((2, 40_004), (1,), 256),
        ((30_000, 3), (0,), 64),  # divided over blocks
        ((samples, 33), (0,), 32),
        ((3, 2, 15_001), (0, 2), 256),
    ]
    outputs, feeds = [], {}
    for shape, axes, _ in cases:
        x = g.input(shape, "float32")
        known = [sizes.get(size, size) for size in shape]
        # One number: nearly all roundings of its running sum go the same way.
        feeds[x] = np.full(known, 0.8913804, "float32")
        outputs.append(g.sum(x, axes))
    results = run(outputs, feeds)
    for (_, axes, threads), node, ours in zip(cases, outputs, results, strict=True):
        array = feeds[node.inputs[0]].astype("float64")
        exact = array.sum(axes)
        terms = array.size // exact.size
        roundings = most_roundings(terms, threads)
        assert roundings < terms / 10
        error = np.abs(ours - exact) / exact
        assert error.max() <= roundings * 2.0**-24, (node.inputs[0].shape, error.max())


LENGTHS = [10, 16, 33, 64, 100, 1000, 1030, 2052]


def softmaxes() -> list[tuple[Kernel, list[Node], tuple[int, ...]]]:
    """Kernels, their inputs, and the shape that is fed."""
    classes = g.symbol("classes")
    shapes = [((BATCH, n), 1, (7, n)) for n in LENGTHS]
    shapes += [((BATCH, classes), 1, (3, 301)), ((BATCH, 10, 6), 1, (3, 10, 6))]
    shapes += [((4, 3, 7), 2, (4, 3, 7)), ((BATCH, 20_001), 1, (2, 20_001))]
    return [(*softmax_loss(shape, axis), fed) for shape, axis, fed in shapes]


def close(pairs: Sequence[tuple[np.ndarray, np.ndarray]], what: Sequence[object]) -> None:
    """Equal but for roundings, relative to the largest element."""
    for (ours, theirs), name in zip(pairs, what, strict=True):
        assert np.isfinite(theirs).all(), name
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6 * scale, err_msg=str(name))


def test_softmax_with_its_loss_and_gradient() -> None:
    random = np.random.default_rng(3)
    found = softmaxes()
    feeds = {}
    for _, (scores, targets), shape in found:
        feeds[scores] = (3 * random.standard_normal(shape)).astype("float32")
        weights = random.random(shape).astype("float32")
        feeds[targets] = weights / weights.sum(1, keepdims=True)
    kernels = [kernel for kernel, _, _ in found]
    outputs = [node for kernel in kernels for node in kernel.outputs]
    # One batch for all: kernels with another batch run in a program of their own.
    for batch in (7, 3, 4, 2):
        own = [kernel for kernel, _, shape in found if shape[0] == batch]
        outputs = [node for kernel in own for node in kernel.outputs]
        fed = {node: feeds[node] for kernel in own for node in kernel.inputs}
        close(both(outputs, fed, program=program_of(*own)), [node.shape for node in outputs])


def test_layer_and_batch_normalisation_and_their_gradients() -> None:
    random = np.random.default_rng(4)
    shapes = [
        ((BATCH, 12), (1,)),
        ((BATCH, 130), (1,)),
        ((BATCH, 4, 9), (1, 2)),
        ((BATCH, 1500), (1,)),
        ((BATCH, 12), (0,)),
        ((BATCH, 70), (0,)),
        ((6, 50), (0,)),
        ((BATCH, 3, 5, 5), (0, 2, 3)),
        ((BATCH, 3, 2, 4), (0, 2, 3)),
        ((BATCH, 5, 3), (0, 1)),
    ]
    kernels, feeds = [], {}
    for shape, axes in shapes:
        for make in (normalisation, normalisation_gradient):
            kernel, inputs = make(shape, axes)
            kernels.append(kernel)
            for node in inputs:
                known = [6 if size is BATCH else size for size in node.shape]
                feeds[node] = random.standard_normal(known).astype("float32")
    outputs = [node for kernel in kernels for node in kernel.outputs]
    program = program_of(*kernels)
    assert {step.kernel for step in program.steps} == set(kernels)
    close(both(outputs, feeds, program=program), [(x.op, x.shape) for x in outputs])


LENGTH = g.symbol("length")


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((BATCH, LENGTH), (1,)),
        ((BATCH, 4 * LENGTH), (1,)),
        ((BATCH, 3, LENGTH), (1, 2)),
        ((LENGTH, 5), (0,)),
        ((LENGTH, 70), (0,)),
    ],
)
@pytest.mark.parametrize("make", [softmax_loss, normalisation, normalisation_gradient])
def test_both_sides_of_what_registers_keep(make, shape: Shape, axes: tuple[int, ...]) -> None:
    """One of two launches takes the rows or columns of a length: that whose threads keep them."""
    if make is softmax_loss and len(axes) > 1:
        pytest.skip("it is along one axis")
    kernel, inputs = make(shape, axes[0] if make is softmax_loss else axes)
    program = program_of(kernel)
    kept, again = program.steps
    assert kept.grid[0].most == again.grid[0].most
    (symbol,) = g.dim.symbols(LENGTH)
    most = kept.grid[0].most // g.dim.evaluate(kept.grid[0].size, {symbol: 1})
    random = np.random.default_rng(9)
    for length in (1, 9, most, most + 1):
        sizes = {**dict.fromkeys(g.dim.symbols(BATCH), 3), symbol: length}
        feeds = {
            node: random.standard_normal([g.dim.evaluate(size, sizes) for size in node.shape])
            for node in inputs
        }
        feeds = {node: array.astype("float32") for node, array in feeds.items()}
        pairs = both(kernel.outputs, feeds, program=program)
        close(pairs, [(x.op, x.shape, length) for x in kernel.outputs])


def test_values_of_a_row_of_a_column_and_of_no_axis_meet_in_one_kernel() -> None:
    # Square on purpose: sizes alone do not tell a row's value from a column's.
    x, row, column = g.input((9, 9), "float32"), g.input((9,), "float32"), g.input((9,), "float32")
    scalar = g.input((), "float32")
    both_ways = x * column + g.reshape(row, (9, 1)) * scalar + g.reshape(column, (9, 1))
    total = g.sum(both_ways, 1)
    shifted = both_ways - g.reshape(total, (9, 1)) * column
    largest = g.max(g.flip(x, 1) * shifted, 1)
    kernel = fused((9, 9), (1,), [shifted, largest, g.argmax(shifted, 1), total * row])
    random = np.random.default_rng(5)
    feeds = {
        node: np.asarray(random.standard_normal(node.shape), "float32") for node in kernel.inputs
    }
    pairs = both(kernel.outputs, feeds, program=program_of(kernel))
    close(pairs, ["shifted", "largest", "place", "total"])


def test_reductions_of_one_row_in_several_shapes() -> None:
    x = g.input((BATCH, 4, 9), "float32")
    total = g.sum(x, (1, 2))
    flat = g.reshape(x, (BATCH, 36)) - g.reshape(total, (BATCH, 1))
    split = g.reshape(flat, (BATCH, 6, 1, 6))
    largest = g.max(split, (1, 2, 3))
    shares = g.exp(flat - g.reshape(largest, (BATCH, 1)))
    kernel = fused((BATCH, 4, 9), (1, 2), [g.reshape(shares, x.shape), g.sum(shares, 1)])
    feeds = {x: np.random.default_rng(8).standard_normal((5, 4, 9)).astype("float32")}
    close(both(kernel.outputs, feeds, program=program_of(kernel)), ["shares", "sum"])


def test_parts_that_end_within_a_pack() -> None:
    x, y = g.input((10,), "float32"), g.input((6,), "float32")
    joined = g.concat([x, y], 0)
    padded = g.pad(x, [(0, 6)], 2.0)
    outputs = [g.sum(joined), g.sum(padded), g.argmax(g.concat([y, x], 0)), g.sum(x[:8])]
    kernels = [fused(node.inputs[0].shape, (0,), [node]) for node in outputs]
    feeds = {x: np.arange(10, dtype="float32"), y: np.arange(6, dtype="float32")}
    for ours, theirs in both(outputs, feeds, program=program_of(*kernels)):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_divided_over_blocks_keeps_what_comes_before_and_behind() -> None:
    x, y, scale = (g.input(shape, "float32") for shape in ((70_000, 2), (70_000, 2), (2,)))
    product = g.exp(x) * y
    columns = fused((70_000, 2), (0,), [product, g.sqrt(g.sum(product, 0)) * scale, g.max(x, 0)])
    whole = fused((70_000, 2), (0, 1), [g.log(g.sum(x * x, (0, 1))), g.min(y, (0, 1))])
    random = np.random.default_rng(6)
    feeds = {node: random.random(node.shape).astype("float32") for node in (x, y, scale)}
    program = program_of(columns, whole)
    assert len(program.steps) == 4
    outputs = [*columns.outputs, *whole.outputs]
    close(both(outputs, feeds, program=program), ["exp", "columns", "max", "whole", "min"])


def test_gradients_of_a_bias_and_a_mean_loss_as_the_schedule_makes_them() -> None:
    x, w = g.input((BATCH, 20), "float32"), g.input((BATCH, 20), "float32")
    delta = g.tanh(x) * w
    outputs = [g.sum(delta, 0), g.mean(g.square(delta)), g.mean(g.abs(delta), 1)]
    random = np.random.default_rng(7)
    feeds = {node: random.standard_normal((37, 20)).astype("float32") for node in (x, w)}
    program = lower(outputs)
    close(both(outputs, feeds, program=program), ["bias", "loss", "rows"])
