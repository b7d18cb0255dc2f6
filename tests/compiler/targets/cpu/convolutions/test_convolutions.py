"""The mappings of convolutions on a CPU: what is taken, and that it means the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import evaluate as evaluate_size
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram, loops_in, values_of, walk, walk_value
from graphc.compiler.loops.statement import Allocate, If, LoopKind, UseIntrinsic
from graphc.compiler.loops.value import RandomWord
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.convolutions import pooled_windows, windows
from graphc.compiler.targets.cpu.convolutions.image_rows import ROWS_OF_IMAGES
from graphc.compiler.targets.cpu.convolutions.pooled_windows import POOLED_PANELS, POOLED_ROWS
from graphc.compiler.targets.cpu.convolutions.weight_gradients import PARTS_OF_SAMPLES
from graphc.compiler.targets.cpu.convolutions.windows import MATRICES, PANELS_OF_WINDOWS
from graphc.compiler.targets.cpu.passes import CPU_PASSES
from graphc.compiler.targets.passes import run_target_passes
from tests.compiler.loops.random_loops import arrays_for
from tests.compiler.targets import convolution_cases
from tests.compiler.targets.convolution_cases import WIDTH, biased, convolution, gradient
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.convolutions.checks import (
    CPU,
    B,
    Programs,
    W,
    check,
    mapped,
)
from tests.compiler.targets.cuda.products.cases import ARGUMENTS, arrays, plain


def normalised_results() -> LoopProgram:
    """Values of a filter are computed ahead of its windows."""
    result = convolution(3, 2, (7, 3), (8, 3))
    scale, variance = (g.reshape(arrays(3), (1, 3, 1, 1)) for _ in range(2))
    return plain(result * scale / g.sqrt(g.maximum(variance, 0.0) + 1e-3))


def dropped() -> LoopProgram:
    result = biased(convolution(5, 2, (9, 3), (9, 3)))
    kept = g.random.bernoulli((BATCH, *result.shape[1:]), 0.8, seed=3)
    return plain(g.where(kept, result / 0.8, 0.0))


def flipped() -> LoopProgram:
    """Weights that are computed."""
    weights = g.flip(g.maximum(arrays(4, 3, 3, 2), 0.0), 3)
    return plain(g.conv(arrays(BATCH, 3, 8, 9), weights, padding=1))


def repeated(image: Node) -> Node:
    """Return an image with each element twice along both axes."""
    batch, channels, rows, columns = image.shape
    twice = g.broadcast_to(
        g.reshape(image, (batch, channels, rows, 1, columns, 1)),
        (batch, channels, rows, 2, columns, 2),
    )
    return g.reshape(twice, (batch, channels, 2 * rows, 2 * columns))


def unpooled() -> LoopProgram:
    """An image that is the gradient of a pooling."""
    argmax, cotangents = arrays(BATCH, 4, 4, 3, dtype="int32"), arrays(BATCH, 4, 4, 3)
    window = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
    image = g.make("max_unpool", argmax, cotangents, size=(9, 7), **window)
    result = g.conv(image, arrays(3, 4, 3, 3), padding=2)
    (kernel,) = kernels(make_schedule([result], most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


def computed_row() -> Node:
    """Rows of a matrix of another type as images of one channel."""
    return g.reshape(g.cast(arrays(4, 6, dtype="float64"), "float32"), (4, 1, 6))


PANELS: Programs = {
    "holes and strides": lambda: plain(
        convolution(4, 3, (13, 2), kernel_dilation=3, strides=2, padding=2)
    ),
    "holes in the image": lambda: plain(
        convolution(4, 3, (5, 3), (4, 3), input_dilation=(2, 1), padding=1)
    ),
    "three axes": lambda: plain(convolution(4, 3, (4, 2), (4, 3), (5, 2), padding=1, strides=2)),
    "one filter": lambda: plain(biased(convolution(1, 3, (7, 3), (9, 3), padding=1, strides=2))),
    "the gradient of the image of strides": lambda: plain(
        gradient(0, convolution(5, 3, (9, 3), (8, 3), strides=2, padding=1))
    ),
    "the same of one channel and one filter": lambda: plain(
        gradient(0, convolution(1, 1, (9, 3), (9, 3), strides=2, padding=1))
    ),
    "the same of one filter": lambda: plain(
        gradient(0, convolution(1, 3, (9, 3), (9, 3), strides=2))
    ),
    "the same of one sample": lambda: plain(
        gradient(0, convolution(5, 3, (9, 3), (8, 3), samples=1, strides=2, padding=1))
    ),
    "the same of windows that are apart": lambda: plain(
        gradient(0, convolution(4, 3, (9, 1), (8, 2), strides=3))
    ),
    "the same where some windows are single ones": lambda: plain(
        gradient(0, convolution(5, 3, (4, 3), strides=3, padding=1))
    ),
    "filters and terms that pay for a panel": lambda: plain(convolution(9, 17, (3, 2), (16, 1))),
    "panels of whole vectors": lambda: plain(convolution(3, 2, (5, 3), (16, 3), padding=1)),
    "more strides than a panel has windows": lambda: plain(convolution(3, 2, (70, 3), strides=2)),
    "a row of windows": lambda: plain(convolution(3, 4, (5, 3), (44, 3), strides=(2, 2))),
    "a prime number of channels": lambda: plain(convolution(2, 23, (12, 3), strides=2)),
    "more taps than channels have room for": lambda: plain(
        convolution(2, 1, (13, 3), (13, 3), strides=2)
    ),
    "float64": lambda: plain(convolution(4, 3, (7, 3), (7, 3), dtype="float64", strides=2)),
    "strides": convolution_cases.CASES["strides"],
}

ROWS: Programs = {
    "an image that is unpooled": unpooled,
    "both sizes of a call": lambda: plain(
        convolution(4, 3, (WIDTH + 1, 2), (WIDTH + 2, 2), padding=1)
    ),
    "images in rows": lambda: plain(
        g.conv(g.reshape(arrays(BATCH, 96), (BATCH, 8, 3, 4)), arrays(5, 8, 3, 3), padding=2)
    ),
    "an image that is the same in all places": lambda: plain(
        g.conv(
            g.broadcast_to(arrays(BATCH, 3, 1, 1), (BATCH, 3, 6, 7)), arrays(4, 3, 3, 3), padding=2
        )
    ),
    "an image of two": lambda: plain(
        g.conv(g.concat([arrays(BATCH, 2, 6, 6), arrays(BATCH, 1, 6, 6)], 1), arrays(4, 3, 2, 2))
    ),
    "a channel of each of two arrays, one of which is computed": lambda: pooled_alone(
        g.conv(g.concat([arrays(4, 1, 6), computed_row()], 1), arrays(2, 2, 1))
    ),
    "more windows than a panel has": lambda: plain(convolution(3, 2, (70, 3))),
    "rows of windows": lambda: plain(convolution(3, 4, (9, 3), (15, 3), padding=1)),
    "a row of windows": lambda: plain(convolution(3, 4, (5, 3), (22, 3), strides=(2, 1))),
    "cropped": lambda: plain(convolution(2, 3, (9, 3), (9, 3), padding=((-2, 1), (2, -1)))),
    "holes in windows": lambda: plain(
        convolution(4, 3, (9, 2), (9, 3), kernel_dilation=(3, 2), padding=2)
    ),
    "one channel": lambda: plain(convolution(4, 1, (7, 3), (7, 3), padding=1)),
    "one sample": lambda: plain(convolution(4, 3, (7, 3), (9, 3), samples=1, padding=1)),
    "one sample, and rows of zeros": lambda: plain(
        convolution(4, 3, (6, 1), (9, 2), samples=1, padding=2)
    ),
    "one sample of one axis": lambda: plain(convolution(4, 3, (40, 3), samples=1, padding=1)),
    "a prime number of channels": lambda: plain(convolution(2, 23, (6, 3))),
    "float64": lambda: plain(convolution(4, 3, (7, 3), (7, 3), dtype="float64", padding=1)),
    "weights that are computed": flipped,
    "values of filters": normalised_results,
    "dropout": dropped,
    "taps along one axis": lambda: plain(
        convolution(3, 2, (9, 1), (12, 3), padding=((0, 0), (1, 1)))
    ),
    "taps along the other axis": lambda: plain(convolution(3, 2, (9, 3), (12, 1))),
    "all windows are read": lambda: plain(convolution(3, 2, (10, 3), (10, 1))),
    "rows that are apart": lambda: plain(convolution(3, 2, (9, 3), (12, 3), strides=(2, 1))),
    "three axes of windows": lambda: plain(convolution(3, 2, (4, 2), (4, 3), (6, 3), padding=1)),
    "one filter": lambda: plain(biased(convolution(1, 3, (9, 3), (9, 3), padding=1))),
    "one filter of one tap": lambda: plain(convolution(1, 3, (7, 1), (9, 1))),
    "one filter of an image that is repeated": lambda: plain(
        g.conv(repeated(arrays(BATCH, 2, 4, 5)), arrays(1, 2, 3, 3), padding=1)
    ),
    "one filter, one sample": lambda: plain(convolution(1, 3, (12, 3), samples=1, padding=1)),
    "two filters": lambda: plain(biased(convolution(2, 3, (9, 3), (9, 3), padding=1))),
    "many filters": lambda: plain(convolution(29, 1, (5, 3), (6, 3))),
    "an image that is repeated": lambda: plain(
        g.conv(repeated(arrays(BATCH, 2, 4, 5)), arrays(3, 2, 3, 3), padding=1)
    ),
    "computed rows of whole vectors": lambda: plain(
        g.conv(g.maximum(arrays(BATCH, 4, 3, 16), 0.0), arrays(9, 4, 3, 3), padding=1)
    ),
    "rows of whole vectors": lambda: plain(convolution(3, 2, (7, 2), (32, 3), padding=1)),
    **{
        name: convolution_cases.CASES[name]
        for name in (
            "one axis",
            "two axes",
            "padding",
            "dilation",
            "known samples",
            "channels last",
            "a width of a call",
            "a computed image",
            "gradient of an image",
        )
    },
}

IN_PLACE: Programs = {
    "one tap": lambda: plain(biased(convolution(5, 3, (7, 1), (5, 1)))),
    "whole columns": lambda: plain(convolution(5, 3, (7, 7), (5, 1))),
    "a known batch": lambda: plain(convolution(5, 3, (7, 1), (5, 1), samples=3)),
    "float64": lambda: plain(convolution(5, 3, (7, 1), (5, 1), dtype="float64")),
    "the gradient of the image": lambda: plain(gradient(0, convolution(5, 3, (7, 1), (5, 1)))),
    "values of filters": lambda: plain(
        convolution(5, 3, (7, 1), (5, 1)) * g.exp(g.reshape(arrays(5), (1, 5, 1, 1)))
    ),
}


def pooled_alone(*outputs: Node) -> LoopProgram:
    """Return the plain program of nodes that are one kernel on a CPU."""
    optimized = run_target_passes(optimize(list(outputs))[0], "cpu", CPU_PASSES)
    (kernel,) = kernels(make_schedule(optimized, most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


def pooled(
    result: Node,
    window: tuple[int, ...] = (2, 2),
    strides: tuple[int, ...] | None = None,
    padding: Any = 0,
    pool: Callable[..., Node] = g.max_pool,
) -> LoopProgram:
    """Return a pooling of a result, and dropout behind it."""
    found = pool(biased(result), window, window if strides is None else strides, padding)
    kept = g.random.uniform(found.shape, seed=3) < 0.75
    return pooled_alone(g.where(kept, found / 0.75, 0.0))


def trained(result: Node, *window: int) -> LoopProgram:
    """Return the maxima of windows, their places, and what gradients need at these."""
    value = biased(result)
    attributes = {"window": window, "strides": window, "padding": ((0, 0),) * len(window)}
    places = g.make("argmax_pool", value, **attributes)
    read = (value, g.greater(result, 0.0), g.equal(result, 0.0))
    picked = [g.make("gather_pool", places, one, **attributes) for one in read]
    return pooled_alone(places, *picked)


def means_and_signs(result: Node, *window: int) -> LoopProgram:
    """Return the means of windows, and for each of their elements whether it is above 0."""
    value = biased(result)
    return pooled_alone(g.average_pool(value, window, window), g.greater(value, 0.0))


def many_statements() -> LoopProgram:
    """Return the means of windows whose walk would be more than 256 statements if written out."""
    value = biased(convolution(4, 2, (27, 2), (5, 2)))
    slopes = g.broadcast_to(arrays(4, 26, 4), value.shape)
    sloped = g.maximum(value, 0.0) + slopes * g.minimum(value, 0.0)
    signs = [compare(value, 0.0) for compare in (g.less, g.equal, g.greater)]
    return pooled_alone(g.average_pool(sloped, (26, 1), (26, 1)), value, *signs)


def dropped_between(result: Node, is_last: bool, *window: int) -> LoopProgram:
    """Return a pooling of results of which a quarter is zero, drawn with channels last or first."""
    order = (0, *range(2, result.ndim), 1) if is_last else tuple(range(result.ndim))
    drawn = g.transpose(biased(result), order)
    kept = g.random.uniform(drawn.shape, seed=3) < 0.75
    value = g.transpose(
        g.where(kept, drawn / 0.75, 0.0), tuple(map(order.index, range(drawn.ndim)))
    )
    return pooled_alone(g.max_pool(value, window, window))


POOLED: Programs = {
    "maxima": lambda: pooled(convolution(5, 3, (9, 3), (12, 3))),
    "means": lambda: pooled(convolution(5, 3, (9, 3), (12, 2), padding=1), pool=g.average_pool),
    "windows with padding": lambda: pooled(
        convolution(5, 3, (9, 3), (11, 2)), padding=((1, 0), (0, 1))
    ),
    "both with padding": lambda: pooled(
        convolution(5, 3, (9, 3), (11, 2), padding=1), padding=((1, 0), (0, 1))
    ),
    "gaps between windows": lambda: pooled(convolution(4, 2, (12, 3), (13, 3)), (2, 2), (3, 4)),
    "windows along one axis": lambda: pooled(convolution(4, 2, (6, 3), (14, 3)), (1, 3)),
    "windows along the other axis": lambda: pooled(convolution(4, 2, (9, 3), (5, 3)), (2, 1)),
    "all windows of a row": lambda: pooled(convolution(4, 2, (9, 3), (5, 3)), (2, 3)),
    "windows far apart": lambda: pooled(convolution(3, 2, (64, 3)), (6,)),
    "windows far apart, with padding": lambda: pooled(
        convolution(3, 2, (9, 3), (33, 3), padding=1), (2, 6), padding=((0, 0), (0, 3))
    ),
    "windows farther apart than long": lambda: pooled(convolution(3, 2, (64, 3)), (5,), (7,)),
    "three axes": lambda: pooled(convolution(3, 2, (5, 2), (6, 3), (7, 2)), (2, 2, 2)),
    "one sample": lambda: pooled(convolution(3, 2, (9, 3), (12, 3), samples=1)),
    "known samples": lambda: pooled(convolution(3, 2, (9, 3), (12, 3), samples=3)),
    "float64": lambda: pooled(convolution(3, 2, (9, 3), (12, 3), dtype="float64")),
    "places": lambda: trained(convolution(5, 3, (9, 3), (12, 3)), 2, 2),
    "places far apart": lambda: trained(convolution(3, 2, (64, 3)), 6),
    "many elements": lambda: trained(convolution(3, 2, (66, 3)), 20),
    "one window of all, of many filters": lambda: trained(convolution(40, 2, (42, 3)), 40),
    "one window of two axes": lambda: pooled(convolution(36, 2, (8, 3), (8, 3)), (6, 6)),
    "the mean of all": lambda: pooled(convolution(33, 2, (42, 3)), (40,), pool=g.average_pool),
    "many statements": many_statements,
    "the mean of all, and signs": lambda: means_and_signs(convolution(33, 2, (42, 3)), 40),
    "the mean of two axes, and signs": lambda: means_and_signs(
        convolution(32, 2, (8, 3), (8, 3)), 6, 6
    ),
    "one window of two axes, of whole tiles of filters": lambda: trained(
        convolution(32, 2, (8, 3), (8, 3), padding=1), 8, 8
    ),
    "dropout between, of one window": lambda: dropped_between(
        convolution(33, 2, (42, 3)), False, 40
    ),
    "dropout between": lambda: dropped_between(convolution(4, 3, (9, 3), (12, 3)), False, 2, 2),
    "dropout between, channels last": lambda: dropped_between(
        convolution(4, 3, (9, 3), (12, 3)), True, 2, 2
    ),
    "dropout between, of windows far apart": lambda: dropped_between(
        convolution(8, 3, (64, 3)), True, 6
    ),
    "dropout between, of an odd number of filters": lambda: dropped_between(
        convolution(7, 3, (64, 3)), True, 6
    ),
    "dropout between, of windows far apart, channels first": lambda: dropped_between(
        convolution(3, 2, (126, 3)), False, 10
    ),
    "a computed image": lambda: pooled(
        g.conv(g.maximum(arrays(BATCH, 3, 9, 12), 0.0), arrays(4, 3, 3, 3), padding=1)
    ),
    "channels last": lambda: pooled(
        g.conv(g.transpose(arrays(BATCH, 9, 12, 3), (0, 3, 1, 2)), arrays(4, 3, 3, 3))
    ),
    "images in rows": lambda: pooled(
        g.conv(g.reshape(arrays(BATCH, 108), (BATCH, 1, 9, 12)), arrays(4, 1, 3, 3))
    ),
    "results in rows": lambda: pooled_alone(
        g.reshape(g.average_pool(convolution(4, 3, (9, 3), (12, 3)), (2, 2)), (BATCH, 60))
    ),
}

POOLED_BY_PANELS: Programs = {
    "strides": lambda: pooled(convolution(5, 3, (13, 3), (15, 3), strides=2, padding=1)),
    "strides, and windows with padding": lambda: pooled(
        convolution(5, 3, (13, 3), (15, 3), strides=2), padding=((1, 0), (0, 1))
    ),
    "one filter": lambda: pooled(convolution(1, 3, (9, 3), (12, 3), padding=1)),
    "strides, and windows far apart": lambda: pooled(convolution(3, 2, (99, 3), strides=2), (6,)),
    "a flipped image": lambda: pooled(
        g.conv(g.flip(arrays(BATCH, 3, 9, 12), 3), arrays(4, 3, 3, 3), padding=1)
    ),
    "places of one filter": lambda: trained(convolution(1, 3, (9, 3), (12, 3)), 2, 2),
}

REFUSED: Mapping[str, tuple[str, Callable[[], Node]]] = {
    "it has one window of one sample": (
        PARTS_OF_SAMPLES.name,
        lambda: convolution(5, 2, (3, 3), samples=1),
    ),
    "its 9 taps are more than its 4 windows": (
        PARTS_OF_SAMPLES.name,
        lambda: convolution(5, 2, (4, 3), (4, 3)),
    ),
    "its results have 0 loops over terms": ("vectors", lambda: convolution(5, 1, (3, 1))),
}


@pytest.mark.parametrize("terms", [6, windows.PANEL_TERMS])
@pytest.mark.parametrize("case", PANELS)
def test_panels_of_windows_mean_the_same(
    case: str, terms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "PANEL_TERMS", terms)
    program = PANELS[case]()
    found = mapped(program)
    assert found.names == (PANELS_OF_WINDOWS.name,), found.refusals
    check(program, found.program)


def test_what_is_computed_for_a_window_ahead_of_its_terms() -> None:
    """A window of one element and a zero: the value that it is made of is none of a term."""
    size = g.symbol("n")
    image = g.reshape(-g.input((size, 1), "float32"), (1, 1, 1, size, 1))
    program = plain(g.conv(image, arrays(2, 1, 2, 1, 1), padding=((0, 1), (0, 0), (0, 0))))
    sizes = {symbols(size)[0]: 5}
    rng = np.random.default_rng(2)
    given = {
        one.memory: rng.standard_normal([evaluate_size(x, sizes) for x in one.shape], "float32")
        for one in program.inputs
    }
    expected = evaluate(program, given, sizes).outputs
    found = evaluate(mapped(program).program, given, sizes).outputs
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-6)


@pytest.mark.parametrize("case", ROWS)
def test_rows_of_images_mean_the_same(case: str) -> None:
    program = ROWS[case]()
    found = mapped(program)
    assert found.names == (ROWS_OF_IMAGES.name,), found.refusals
    check(program, found.program)


@pytest.mark.parametrize("sums", [40, pooled_windows.SUMS])
@pytest.mark.parametrize("case", {**POOLED, **POOLED_BY_PANELS})
def test_pooled_windows_mean_the_same(
    case: str, sums: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooled_windows, "SUMS", sums)
    taken, make = (
        (POOLED_ROWS, POOLED[case]) if case in POOLED else (POOLED_PANELS, POOLED_BY_PANELS[case])
    )
    program = make()
    found = mapped(program)
    assert found.names == (taken.name,), found.refusals
    check(program, found.program)


def test_long_windows_of_filters_are_walked_side_by_side() -> None:
    """The elements of a window, which are neighbours, are no lanes: those of filters are."""
    program = mapped(trained(convolution(33, 2, (42, 3)), 40)).program
    walk_of_window = next(one for one in loops_in(program.body) if str(one.ends[0]) == "40")
    assert [one.kind for one in loops_in(walk_of_window.body)] == [LoopKind.VECTOR]


def test_nothing_of_the_size_of_a_pooled_convolution_is_stored() -> None:
    program = mapped(pooled(convolution(32, 3, (67, 4), (67, 4)))).program
    sums = 32 * 64 * 64
    assert all(
        one.buffer.elements < sums // 4
        for one in walk(program.body)
        if isinstance(one, Allocate) and isinstance(one.buffer.elements, int)
    )


def test_random_words_of_a_tile_are_drawn_ahead() -> None:
    for case in (
        "dropout between",
        "dropout between, of windows far apart",
        "dropout between, of an odd number of filters",
        "dropout between, of windows far apart, channels first",
    ):
        program = mapped(POOLED[case]()).program
        words = [
            value
            for one in walk(program.body)
            if not isinstance(one, UseIntrinsic)
            for outer in values_of(one)
            for value in walk_value(outer)
            if isinstance(value, RandomWord)
        ]
        assert not words, case


@pytest.mark.parametrize("case", IN_PLACE)
def test_matrices_of_samples_mean_the_same(case: str) -> None:
    program = IN_PLACE[case]()
    found = mapped(program)
    assert found.names == (MATRICES.name,), found.refusals
    check(program, found.program)


@pytest.mark.parametrize("reason", REFUSED)
def test_what_panels_do_not_take(reason: str) -> None:
    taken, make = REFUSED[reason]
    program = plain(make())
    assert mapped(program).names == (taken,)
    assert reason in PANELS_OF_WINDOWS.when(program, CPU).refusal


def test_what_is_pooled_by_windows_of_one_element_is_no_matrix_of_products() -> None:
    result = convolution(2, 3, (2, 1), (3, 1), samples=2)
    of_one = {"window": (1, 1), "strides": (1, 1), "padding": ((0, 0), (0, 0))}
    program = pooled_alone(g.make("sum_pool", result, **of_one))
    found = mapped(program)
    assert not found.is_plain
    check(program, found.program)


def test_no_copy_has_a_test_in_a_vector() -> None:
    """The zeros around an image are written by loops of their own."""
    program = mapped(plain(convolution(8, 4, (32, 5), (32, 5), padding=2))).program
    vectors = [one for one in loops_in(program.body) if one.kind is LoopKind.VECTOR]
    assert vectors
    for loop in vectors:
        assert not any(isinstance(one, If) or "if" in str(one) for one in walk(loop.body))


def test_rows_have_whole_vectors_and_no_tests() -> None:
    program = mapped(plain(convolution(8, 4, (13, 5), (13, 5), padding=2))).program
    assert not any(isinstance(one, If) for one in walk(program.body))
    (image, sums) = (one.buffer.shape for one in walk(program.body) if isinstance(one, Allocate))
    assert sums == (8, 224)  # 13 rows of 17 windows, and 3 to fill a vector
    assert image == (3 * 17 * 17 + 4 * 17 + 4 + 224,)


def test_the_image_of_one_tap_is_nowhere_copied() -> None:
    program = mapped(plain(convolution(32, 32, (32, 1), (32, 1)))).program
    assert not any(isinstance(one, Allocate) for one in walk(program.body))


def test_weights_are_written_once_for_all_threads() -> None:
    program = mapped(plain(gradient(0, convolution(8, 4, (9, 3), (9, 3))))).program
    shared = [
        one
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED
    ]
    assert [one.buffer.shape for one in shared] == [(4, 8, 3, 3)]
    assert any(one is shared[0] for one in program.body)
    teams = [one for one in loops_in(program.body) if one.kind is LoopKind.TEAM]
    assert [str(one.ends[0]) for one in teams] == ["4", "batch"]


def test_the_texts_compute_them() -> None:
    cases = [make() for make in (*PANELS.values(), *ROWS.values(), *IN_PLACE.values())]
    cases += [make() for make in (*POOLED.values(), *POOLED_BY_PANELS.values())]
    compiled = CompiledPrograms(
        [replace(mapped(one).program, name=f"k{number}") for number, one in enumerate(cases)]
    )
    for number, one in enumerate(cases):
        arguments = {x.name: ARGUMENTS[x.name] for x in one.arguments}
        sizes = {B: 2, W: 21}
        rng = np.random.default_rng(number)
        given = {
            name: np.asarray(rng.standard_normal(array.shape), array.dtype)
            for name, array in arrays_for(one, sizes).items()
        }
        expected = evaluate(one, given, sizes, arguments=arguments).outputs
        found, _ = compiled(f"k{number}", given, sizes, arguments)
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-5)
