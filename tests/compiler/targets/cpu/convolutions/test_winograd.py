"""Convolutions by transforms of tiles: what is taken, that it means the same to rounding, and that
compiled transforms are their meanings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.targets.cpu.convolutions.image_rows import ROWS_OF_IMAGES
from graphc.compiler.targets.cpu.convolutions.winograd import (
    POOLED_TILES,
    TILES_OF_IMAGES,
    TILES_OF_SAMPLES,
)
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.mapping import choose
from graphc.errors import RewriteError
from tests.compiler.targets.convolution_cases import WIDTH, biased, convolution, gradient
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.convolutions.checks import CPU, B, numbers
from tests.compiler.targets.cpu.convolutions.test_convolutions import (
    dropped_between,
    pooled,
    repeated,
    trained,
)
from tests.compiler.targets.cpu.convolutions.test_weight_gradients import weights_gradient
from tests.compiler.targets.cuda.products.cases import ARGUMENTS, arrays, plain

Programs = Mapping[str, Callable[[], LoopProgram]]

OF_IMAGES: Programs = {
    "even": lambda: plain(biased(convolution(5, 3, (8, 3), (10, 3)))),
    "odd": lambda: plain(convolution(5, 3, (7, 3), (6, 3), padding=1)),
    "cropped": lambda: plain(convolution(2, 3, (9, 3), (9, 3), padding=((-2, 1), (2, -1)))),
    "several groups of tiles": lambda: plain(convolution(2, 2, (18, 3), (15, 3))),
    "one sample": lambda: plain(convolution(4, 3, (7, 3), (9, 3), samples=1, padding=1)),
    "float64": lambda: plain(convolution(4, 3, (7, 3), (7, 3), dtype="float64", padding=1)),
    "weights that are computed": lambda: plain(
        g.conv(arrays(BATCH, 3, 6, 7), g.flip(g.maximum(arrays(4, 3, 3, 3), 0.0), 3), padding=1)
    ),
    "the gradient of the image": lambda: plain(
        gradient(0, convolution(4, 3, (6, 3), (7, 3), padding=1))
    ),
    "a computed image": lambda: plain(
        g.conv(g.maximum(arrays(BATCH, 3, 6, 5), 0.0), arrays(4, 3, 3, 3), padding=1)
    ),
    "an image that is repeated": lambda: plain(
        g.conv(repeated(arrays(BATCH, 2, 4, 3)), arrays(3, 2, 3, 3), padding=1)
    ),
}
OF_SAMPLES: Programs = {
    "even": lambda: plain(gradient(1, convolution(5, 3, (6, 3), (8, 3)))),
    "odd": lambda: plain(gradient(1, convolution(3, 4, (5, 3), (7, 3), padding=1))),
    "many filters": lambda: plain(gradient(1, convolution(35, 2, (5, 3), (5, 3), padding=1))),
    "several groups of tiles": lambda: plain(gradient(1, convolution(2, 3, (18, 3), (15, 3)))),
    "known samples": lambda: plain(gradient(1, convolution(3, 2, (6, 3), (5, 3), samples=3))),
    "float64": lambda: plain(gradient(1, convolution(5, 2, (5, 3), (6, 3), dtype="float64"))),
    "computed": lambda: weights_gradient(
        g.maximum(arrays(BATCH, 2, 5, 6), 0.0),
        g.maximum(arrays(BATCH, 3, 5, 6), 0.0),
        3,
        3,
        padding=1,
    ),
}
OF_POOLINGS: Programs = {
    "maxima": lambda: pooled(convolution(5, 3, (8, 3), (10, 3))),
    "odd": lambda: pooled(convolution(5, 3, (9, 3), (7, 3), padding=1)),
    "means": lambda: pooled(convolution(5, 2, (9, 3), (8, 3)), pool=g.average_pool),
    "windows with padding": lambda: pooled(
        convolution(5, 3, (9, 3), (11, 3), padding=1), padding=((1, 0), (0, 1))
    ),
    "windows of other sizes": lambda: pooled(convolution(3, 2, (9, 3), (10, 3)), (3, 2)),
    "one window": lambda: pooled(convolution(5, 3, (8, 3), (10, 3)), (6, 8)),
    "one window of a row": lambda: trained(convolution(5, 3, (8, 3), (10, 3)), 2, 8),
    "places": lambda: trained(convolution(4, 3, (8, 3), (8, 3)), 2, 2),
    "dropout between": lambda: dropped_between(
        convolution(4, 3, (8, 3), (8, 3), padding=1), False, 2, 2
    ),
    "float64": lambda: pooled(convolution(3, 2, (8, 3), (6, 3), dtype="float64")),
}
CASES = [
    (mapping, name, make)
    for mapping, programs in (
        (TILES_OF_IMAGES, OF_IMAGES),
        (TILES_OF_SAMPLES, OF_SAMPLES),
        (POOLED_TILES, OF_POOLINGS),
    )
    for name, make in programs.items()
]
IDS = [f"{mapping.name}, {name}" for mapping, name, _ in CASES]


def by_tiles(number: int) -> tuple[LoopProgram, LoopProgram]:
    """Return a plain program, and it by transforms, though it is too small for them."""
    mapping, _, make = CASES[number]
    program = replace(make(), name=f"k{number}")
    return program, mapping.rewrites(program, CPU)


@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_tiles_mean_the_same_to_rounding(number: int) -> None:
    """The bound is that of sums of as many terms as a direct sum has, of the greatest result."""
    before, after = by_tiles(number)
    arguments = {one.name: ARGUMENTS[one.name] for one in before.arguments}
    for batch, orders in ((1, [TurnOrder.BACKWARD]), (3, [TurnOrder.FORWARD])):
        sizes, given = {B: batch}, numbers(before, batch)
        expected = evaluate(before, given, sizes, arguments=arguments).outputs
        for order in orders:
            ours = evaluate(after, given, sizes, arguments=arguments, order=order).outputs
            for name, array in expected.items():
                if array.dtype.kind == "f":
                    bound = 16 * np.finfo(array.dtype).eps * np.abs(array).max()
                    np.testing.assert_allclose(ours[name], array, rtol=0, atol=bound)
                else:
                    np.testing.assert_array_equal(ours[name], array)


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    return CompiledPrograms([by_tiles(number)[1] for number in range(len(CASES))])


@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_compiled_tiles_are_their_meaning_to_the_bit(
    compiled: CompiledPrograms, number: int
) -> None:
    _, program = by_tiles(number)
    arguments = {one.name: ARGUMENTS[one.name] for one in program.arguments}
    given = numbers(program, 5)
    expected = evaluate(program, given, {B: 5}, arguments=arguments).outputs
    found, _ = compiled(program.name, given, {B: 5}, arguments)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def with_signs(result: Node) -> list[Node]:
    """Return which elements of a result are below 0, and the result without these."""
    return [g.less(result, 0.0), g.maximum(result, 0.0)]


TAKEN: Mapping[str, tuple[str, Callable[[], LoopProgram]]] = {
    "32 channels": (
        TILES_OF_IMAGES.name,
        lambda: plain(convolution(32, 32, (26, 3), (26, 3), padding=1)),
    ),
    "16 channels, whose signs are the first result": (
        TILES_OF_IMAGES.name,
        lambda: plain(*with_signs(convolution(64, 16, (16, 3), (16, 3), padding=1))),
    ),
    "its gradient of weights": (
        TILES_OF_SAMPLES.name,
        lambda: plain(gradient(1, convolution(32, 32, (26, 3), (26, 3), padding=1))),
    ),
    "32 channels, pooled": (
        POOLED_TILES.name,
        lambda: pooled(convolution(32, 32, (26, 3), (26, 3))),
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_many_channels_of_3_by_3_taps_are_taken(case: str) -> None:
    name, make = TAKEN[case]
    found = choose(make(), CPU, CPU_MAPPINGS["conv"])
    assert found.names == (name,), found.refusals


def refusal(mapping_name: str, program: LoopProgram) -> str:
    found = choose(program, CPU, CPU_MAPPINGS["conv"])
    assert mapping_name not in found.names
    return dict(found.refusals)[mapping_name]


REFUSED: Mapping[str, Callable[[], Node]] = {
    "3 channels and 8 filters do not make good for the transforms of 12 x 12 tiles": (
        lambda: convolution(8, 3, (26, 3), (26, 3))
    ),
    "2359296 weights would be transformed for 49 windows of a sample": (
        lambda: convolution(512, 512, (7, 3), (7, 3), padding=1)
    ),
    "its windows are not 3 x 3": lambda: convolution(32, 32, (26, 5), (26, 5)),
    "it has one filter": lambda: convolution(1, 32, (26, 3), (26, 3)),
    "only a call knows its sizes": lambda: convolution(32, 32, (WIDTH, 3), (26, 3)),
    "its windows, or the elements of one, are not one element apart": (
        lambda: convolution(64, 64, (26, 3), (26, 3), strides=2)
    ),
    "its image has holes between elements": (
        lambda: convolution(32, 32, (26, 3), (26, 3), input_dilation=2)
    ),
    "its windows have 3 axes": lambda: convolution(32, 32, (4, 1), (26, 3), (26, 3)),
    "it has one sample, or one row or column of windows": (
        lambda: convolution(32, 32, (26, 3), (26, 3), samples=1)
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_convolution_is_refused_with_a_reason(reason: str) -> None:
    assert refusal(TILES_OF_IMAGES.name, plain(REFUSED[reason]())) == reason


def test_a_pooling_of_long_windows_is_refused() -> None:
    program = pooled(convolution(32, 32, (26, 3), (27, 3)), (5, 5))
    assert refusal(POOLED_TILES.name, program) == (
        "neighbouring windows of its pooling are 5 elements apart"
    )


def test_strided_rows_have_no_tiles() -> None:
    """A rewrite that is asked for in spite of it refuses them."""
    program = plain(convolution(3, 2, (9, 3), (12, 3), strides=(2, 1)))
    assert not ROWS_OF_IMAGES.when(program, CPU).refusal
    with pytest.raises(RewriteError, match="expected one of 4 x 10 results"):
        TILES_OF_IMAGES.rewrites(program, CPU)
