"""Pooling in the kernel of its convolution, and the gradients of its weights, as native code."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.binding import bind
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import launches
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.compiler.targets.cpu.convolutions.pooled_gradients import PLACES_OF_POOLINGS
from tests.compiler.draw_programs import FIRST, WHOLE, placed
from tests.native.graph_programs import both, needs_compiler, run_in_fresh_thread

pytestmark = needs_compiler


class Fed:
    """Inputs, and what is fed."""

    def __init__(self, samples: int, dtype: str = "float32"):
        self.samples = samples
        self.dtype = dtype
        self.feeds: dict[Node, np.ndarray] = {}
        self._random = np.random.default_rng(5)

    def __call__(self, *shape: g.Size) -> Node:
        node = g.input(shape, self.dtype)
        known = [self.samples if size is BATCH else size for size in shape]
        # Few different numbers, so that windows have ties.
        self.feeds[node] = (np.round(self._random.standard_normal(known) * 4) / 4).astype(
            self.dtype
        )
        return node


def channels_last(x: Node) -> Node:
    return g.transpose(x, (0, *range(2, x.ndim), 1))


def channels_first(x: Node) -> Node:
    return g.transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def dropped(x: Node, stream: int) -> Node:
    return g.where(g.random.bernoulli(x.shape, 0.75, seed=3, stream=stream), x / 0.75, 0.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("height", [2, 3])
@pytest.mark.parametrize("op", ["max_pool", "sum_pool"])
def test_windows_of_several_rows_of_a_narrow_padded_image(op: str, height: int, dtype: str) -> None:
    """Each row of the result is of `height` ones, of which those above the image are padding: g++
    12 permuted what was read of them, and not which of it there is."""
    combine, nothing_yet = (np.maximum, -np.inf) if op == "max_pool" else (np.add, 0.0)
    sizes = [(rows, columns) for rows in (3, 4, 5, 8) for columns in (2, 3, 4, 5, 6)]
    fed = Fed(1, dtype)
    images = [fed(1, 1, *size) for size in sizes]
    window = {"window": (height, 1), "strides": (1, 1), "padding": ((1, 0), (0, 0))}
    pooled = [g.make(op, image, **window) for image in images]
    bindings = bind(list(fed.feeds), list(fed.feeds.values()))
    found = NativeExecutor(lower_native(pooled)).run(fed.feeds, bindings, g.CallStep())
    for image, values in zip(images, found, strict=True):
        padding = ((0, 0), (0, 0), (1, 0), (0, 0))
        padded = np.pad(fed.feeds[image], padding, constant_values=nothing_yet)
        count = padded.shape[2] - height + 1
        rows = [padded[:, :, first : first + count] for first in range(height)]
        np.testing.assert_array_equal(values, functools.reduce(combine, rows))


def nothing(x: Node) -> Node:
    return x


def dropped_last(x: Node) -> Node:
    return channels_first(dropped(channels_last(x), 1))


def dropped_first(x: Node) -> Node:
    return dropped(x, 2)


def saturated(x: Node) -> Node:
    return g.tanh(x) * 2.0


# (image, filters, kernel, padding, window, strides, between): windows that leave a rest, that leave
# gaps, of one to three axes, that fill vectors of bytes; tiles that leave a rest; one filter, seven
# of them; draws in either order.
CASES: dict[str, tuple] = {
    "long": ((533, 3), 20, (5,), 0, (10,), (10,), dropped_last),
    "long, first": ((533, 3), 7, (5,), 0, (10,), (10,), dropped_first),
    "whole": ((1909, 3), 20, (5,), 0, (10,), (10,), dropped_last),
    "whole, first": ((382, 2), 3, (3,), 1, (4,), (6,), dropped_first),
    "whole rows": ((10, 130, 2), 4, (3, 3), 0, (2, 2), (2, 2), dropped_last),
    "gaps": ((67, 2), 4, (3,), 1, (3,), (5,), nothing),
    "square": ((13, 14, 2), 8, (3, 3), 0, (2, 2), (2, 2), nothing),
    "one filter": ((9, 12, 1), 1, (2, 3), 1, (3, 2), (3, 2), dropped_last),
    "wide": ((10, 11, 40), 12, (3, 2), 1, (2, 3), (2, 3), dropped_last),
    "rows": ((40, 30, 3), 32, (1, 3), 0, (1, 4), (1, 4), saturated),
    "planes": ((37, 70, 8), 6, (3, 2), 0, (2, 3), (2, 3), nothing),
    "plane gaps": ((36, 68, 8), 6, (3, 2), 0, (2, 2), (3, 4), nothing),
    "signal": ((401, 1), 5, (3,), 0, (20,), (20,), nothing),
    "cube": ((7, 6, 8, 2), 5, (2, 3, 2), 1, (2, 2, 3), (2, 3, 3), dropped_first),
}


def model(fed: Fed, case: str) -> tuple[Node, list[Node]]:
    """Return the value that is pooled, and the weights and input that it is computed from."""
    (*image, channels), filters, size, padding, window, strides, between = CASES[case]
    x = channels_first(fed(BATCH, *image, channels))
    weights, bias = fed(filters, channels, *size), fed(filters, *(1 for _ in size))
    y = between(g.maximum(g.conv(x, weights, padding=padding) + bias, 0.0))
    pooled = g.max_pool(y, window, strides)
    return dropped(pooled, 7), [weights, bias, x]


@pytest.mark.parametrize(
    ("dtype", "cases"), [("float32", [*CASES]), ("float64", ["long", "whole", "square", "cube"])]
)
def test_forward_and_gradients_are_the_interpreters(dtype: str, cases: list[str]) -> None:
    """And they have the same bits on 1, 2 and 3 threads, which divide five samples unevenly."""
    fed = Fed(5, dtype)
    outputs = []
    for case in cases:
        out, wrt = model(fed, case)
        factor = fed(*out.shape)
        loss = g.sum(g.square(out) * factor)
        outputs += optimize([out, *grad(loss, wrt[:2])])[0]
    rtol = 2e-5 if dtype == "float32" else 1e-12
    program, step = lower_native(outputs), 2**33
    pairs = both(outputs, fed.feeds, call_step=step, program=program)
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * np.abs(theirs).max())
    executor = NativeExecutor(program)
    bindings = bind(list(fed.feeds), list(fed.feeds.values()))
    for threads in (1, 2, 3):
        again = run_in_fresh_thread(executor, fed.feeds, bindings, step, threads)
        for one, (ours, _) in zip(again, pairs, strict=True):
            assert one.tobytes() == ours.tobytes()


def across(x: Node) -> Node:
    """Drop in an order of its own: the sample is neither the first axis nor the last."""
    return g.transpose(dropped(g.transpose(x, (2, 0, 1)), 4), (1, 2, 0))


def test_draws_of_a_tile_that_are_parts_of_longer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CASES, "across", ((21, 3), 8, (3,), 1, (3,), (3,), across))
    fed = Fed(3)
    fed.feeds |= {WHOLE: np.array(2**35), FIRST: np.array(2**34 // 3)}
    outputs: list[Node] = []
    for case in ("long", "long, first", "whole rows", "across"):
        out, wrt = model(fed, case)
        factor = fed(*out.shape)
        values = [out, *grad(g.sum(g.square(out) * factor), wrt[:1])]
        outputs += optimize(placed(values, BATCH, WHOLE, FIRST))[0]
    for ours, theirs in both(outputs, fed.feeds, call_step=2**33):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5 * np.abs(theirs).max())


def test_each_is_one_kernel_and_its_weights_gradient_sums_over_windows() -> None:
    for case in CASES:
        # A transpose of one filter is a reshape, which no rewrite looks through; and where a
        # gradient may be infinite, zeros times it may be NaN.
        narrow = case != "one filter" and CASES[case][-1] is not saturated
        out, (weights, *_) = model(Fed(2), case)
        outputs = optimize([out, *grad(g.sum(g.square(out)), [weights])])[0]
        found = launches(lower_native(outputs).program.steps)
        (forward, _), *others = ((x.kernel, x.how) for x in found if x.kernel.kind == "conv")
        pooled = {g.dim.product(out.shape)}
        assert ({g.dim.product(x.shape) for x in forward.outputs} == pooled) == narrow, case
        by_places = f", {PLACES_OF_POOLINGS.name}"
        assert [how.endswith(by_places) for _, how in others] == [narrow], case


def test_each_runs_by_a_mapping_of_pooled_windows() -> None:
    for case in CASES:
        out, _ = model(Fed(2), case)
        steps = lower_native(optimize([out])[0]).program.steps
        (how,) = (one.how for one in launches(steps) if one.kernel.kind == "conv")
        by = "panels of windows" if case == "one filter" else "rows of images"
        assert how.endswith(f", pooled {by}"), (case, how)


@pytest.mark.parametrize("pool", [g.max_pool, g.average_pool])
def test_without_gradients_and_what_others_read_too(pool: Callable[..., Node]) -> None:
    fed = Fed(2)
    outputs = []
    for number in range(3):
        x, weights = fed(BATCH, 2, 12, 13), fed(5, 2, 3, 2)
        y = dropped(g.maximum(g.conv(x, weights, padding=1), 0.1), number)
        pooled = pool(y, (2, 3))
        # The last is read at other elements: nothing of it is pooled in its kernel.
        outputs += [[pooled], [pooled, y], [pool(g.flip(y, 3), (2, 3)), y]][number]
    for ours, theirs in both(optimize(outputs)[0], fed.feeds):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize(("size", "padding"), [((1, 1), 0), ((3, 2), 1)])
@pytest.mark.parametrize("pool", [g.max_pool, g.average_pool])
def test_a_concatenation_is_convolved_and_pooled(
    pool: Callable[..., Node], size: tuple[int, int], padding: int, strides: int
) -> None:
    """As in the transitions of a DenseNet; channels that are not chosen are not read."""
    fed = Fed(3)
    parts = [fed(BATCH, channels, 12, 11) for channels in (3, 5, 2)]
    weights = fed(4, 10, *size)
    y = g.conv(g.concat(parts, 1), weights, strides=strides, padding=padding) + fed(4, 1, 1)
    pooled = pool(y, (2, 2))
    outputs = [pooled, *grad(g.sum(pooled * fed(*pooled.shape)), [*parts, weights])]
    for ours, theirs in both(optimize(outputs)[0], fed.feeds):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("image", "window"),
    [
        ((24,), (2,)),
        ((33,), (3,)),
        ((12, 28), (2, 2)),
        ((9, 33), (3, 3)),
        ((12, 8), (2, 1)),
        ((6, 40), (1, 4)),
        ((4, 6, 8), (2, 2, 2)),
    ],
)
def test_what_is_kept_of_elements_that_are_pooled(
    image: tuple[int, ...], window: tuple[int, ...], dtype: str
) -> None:
    """As a connection past a pooling has it, with the gradients of all."""
    fed = Fed(3, dtype)
    x, weights = fed(BATCH, 2, *image), fed(5, 2, *(3 for _ in image))
    y = g.maximum(g.conv(x, weights, padding=1) + fed(5, *(1 for _ in image)), 0.0)
    pooled = dropped(g.max_pool(y, window), 1)
    loss = g.sum(pooled * fed(*pooled.shape)) + g.sum(y * fed(*y.shape))
    average = g.average_pool(g.exp(y), window)
    outputs = [pooled, y, *grad(loss, [x, weights]), average, g.less(1.0, g.exp(y))]
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for ours, theirs in both(optimize(outputs)[0], fed.feeds):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("pool", [g.max_pool, g.average_pool])
def test_windows_of_far_elements_without_an_argmax(pool: Callable[..., Node]) -> None:
    fed = Fed(2)
    x, weights = fed(BATCH, 2, 386), fed(5, 2, 3)
    y = dropped(g.maximum(g.conv(x, weights), 0.1), 3)
    outputs = optimize([pool(y, (6,))])[0]
    for ours, theirs in both(outputs, fed.feeds):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [30, 258])  # 7 windows, 64
def test_nan_and_infinities_stay_in_their_windows(length: int) -> None:
    fed = Fed(2)
    x, weights = fed(BATCH, 1, length), fed(4, 1, 3)
    fed.feeds[x][0, 0, [3, 4, 17]] = np.nan
    fed.feeds[x][1, 0, 8:20] = -np.inf
    y = g.conv(x, weights)
    argmax = g.make("argmax_pool", y, window=(4,), strides=(4,), padding=((0, 0),))
    picked = g.make("gather_pool", argmax, g.cos(y), window=(4,), strides=(4,), padding=((0, 0),))
    for ours, theirs in both([argmax, g.max_pool(y, (4,)), picked], fed.feeds):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_values_gathered_at_the_argmax_of_other_windows_or_out_of_range() -> None:
    """No maximum of its own windows is what is read there."""
    fed = Fed(2)
    x, y = fed(BATCH, 2, 4, 4), fed(BATCH, 2, 2, 2)
    zero = ((0, 0), (0, 0))
    other_windows = g.make("argmax_pool", x, window=(2, 2), strides=(2, 2), padding=zero)
    near = {"window": (2, 2), "strides": (1, 1), "padding": ((0, -1), (0, -1))}
    constant = g.constant(np.array([[[[0, 3], [1, 2]]]], "int32"))
    known = g.input((1, 1, 4, 4), "float32")
    fed.feeds[known] = np.arange(16, dtype="float32").reshape(1, 1, 4, 4)
    outputs = [
        g.make("gather_pool", constant, known, window=(2, 2), strides=(2, 2), padding=zero),
        g.make("gather_pool", other_windows, x, **near) + y,
    ]
    (first, expected), other = both(outputs, fed.feeds)
    np.testing.assert_array_equal(*other)
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(first, [[[[0, 7], [9, 14]]]])
