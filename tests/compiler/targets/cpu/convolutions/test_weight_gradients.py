"""The mapping of convolutions of few and long windows, as the gradients of weights are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad.table import RULES
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.statement import UseIntrinsic
from graphc.compiler.targets.cpu.convolutions import weight_gradients
from graphc.compiler.targets.cpu.convolutions.weight_gradients import PARTS_OF_SAMPLES
from tests.compiler.targets.convolution_cases import WIDTH, biased, convolution, gradient
from tests.compiler.targets.cpu.convolutions.checks import (
    Programs,
    check,
    check_bits,
    mapped,
)
from tests.compiler.targets.cuda.products.cases import arrays, plain


def weights_gradient(image: Node, cotangents: Node, *taps: int, **attributes: Any) -> LoopProgram:
    """Return the gradient of the weights of a convolution, given that of its result."""
    weights = arrays(cotangents.shape[1], image.shape[1], *taps)
    result = g.conv(image, weights, **attributes)
    assert result.shape == cotangents.shape
    found = RULES["conv"](cotangents, result, [False, True])[1]
    assert isinstance(found, Node)
    return plain(found.inputs[0])


def repeated(image: Node) -> Node:
    """Return an image with each element twice along both of its axes."""
    batch, channels, *sizes = image.shape
    spaced = g.reshape(image, (batch, channels, sizes[0], 1, sizes[1], 1))
    wide = g.broadcast_to(spaced, (batch, channels, sizes[0], 2, sizes[1], 2))
    return g.reshape(wide, (batch, channels, 2 * sizes[0], 2 * sizes[1]))


def joined(*channels: int) -> Node:
    """Return a concatenation of images with so many channels each."""
    return g.concat([arrays(BATCH, count, 4, 3) for count in channels], 1)


def of_weights(*shape: Any, **attributes: Any) -> Callable[[], LoopProgram]:
    return lambda: plain(gradient(1, convolution(*shape, **attributes)))


SAMPLES: Programs = {
    "few windows of a sample": lambda: plain(biased(convolution(3, 2, (4, 3), (3, 2)))),
    "few windows, and one filter": lambda: plain(biased(convolution(1, 2, (4, 3), (4, 3)))),
    "one window of one sample": lambda: plain(convolution(3, 2, (3, 3), samples=1)),
    "strides as long as the holes": lambda: plain(
        convolution(
            4, 3, (3, 2), (4, 3), strides=(2, 1), input_dilation=(2, 1), padding=((0, 1), (0, 0))
        )
    ),
    "both axes": of_weights(5, 2, (5, 3), (4, 2), padding=1),
    "strides": of_weights(3, 2, (5, 3), (6, 2), strides=2),
    "holes in windows": of_weights(3, 2, (6, 2), (5, 2), kernel_dilation=2),
    "holes in the image": of_weights(3, 2, (3, 3), (2, 2), input_dilation=2, padding=1),
    "cropped": of_weights(2, 2, (5, 2), (5, 2), padding=((-1, 1), (1, -1))),
    "one axis": of_weights(3, 2, (7, 3)),
    "three axes": of_weights(2, 1, (3, 2), (3, 2), (4, 2), padding=((0, 0), (1, 0), (0, 1))),
    "one channel": of_weights(3, 1, (5, 3), (4, 2)),
    "one filter": of_weights(1, 2, (5, 3), (4, 2)),
    "one tap": of_weights(3, 2, (3, 1), (3, 1)),
    "one channel of one tap": of_weights(3, 1, (3, 1), (3, 1)),
    "one tap of strides": of_weights(3, 2, (7, 1), (6, 1), strides=2),
    "one tap of strides along one axis": of_weights(3, 2, (7, 1), (6, 2), strides=(3, 2)),
    "one tap of strides, and zeros": of_weights(3, 2, (7, 1), (6, 1), strides=2, padding=1),
    "groups of filters": of_weights(66, 1, (3, 2), (3, 2)),
    "known samples": of_weights(3, 2, (5, 3), (4, 2), samples=3),
    "one sample": of_weights(3, 2, (5, 3), (4, 2), samples=1),
    "float64": of_weights(5, 2, (4, 2), (4, 2), dtype="float64"),
    "an image of unknown size": of_weights(2, 1, (WIDTH + 1, 2), (WIDTH, 2)),
    "a computed image": lambda: weights_gradient(
        g.maximum(arrays(BATCH, 2, 4, 3), 0.0), arrays(BATCH, 3, 4, 3), 3, 3, padding=1
    ),
    "a repeated image ahead of another": lambda: weights_gradient(
        g.concat([repeated(arrays(BATCH, 2, 2, 3)), arrays(BATCH, 1, 4, 6)], 1),
        arrays(BATCH, 3, 4, 6),
        3,
        3,
        padding=1,
    ),
    "one tap of a concatenation": lambda: weights_gradient(
        joined(4, 2, 3), arrays(BATCH, 3, 4, 3), 1, 1
    ),
    "one tap of single channels": lambda: weights_gradient(
        joined(1, 2, 1), arrays(BATCH, 3, 4, 3), 1, 1
    ),
    "one tap of a concatenation, a part of it repeated": lambda: weights_gradient(
        g.concat([arrays(BATCH, 2, 4, 6), repeated(arrays(BATCH, 3, 2, 3))], 1),
        arrays(BATCH, 3, 4, 6),
        1,
        1,
    ),
    "a repeated image, and holes in windows": lambda: weights_gradient(
        repeated(arrays(BATCH, 2, 3, 4)), arrays(BATCH, 3, 2, 4), 3, 3, kernel_dilation=2
    ),
    "an image that is cut off": lambda: weights_gradient(
        arrays(BATCH, 2, 6, 7)[:, :, 1:-1, 2:-2], arrays(BATCH, 3, 4, 3), 3, 3, padding=1
    ),
    "computed cotangents": lambda: weights_gradient(
        arrays(BATCH, 2, 4, 3), g.maximum(arrays(BATCH, 3, 4, 3), 0.0), 3, 3, padding=1
    ),
    "computed cotangents of one filter": lambda: weights_gradient(
        arrays(BATCH, 2, 4, 3), g.maximum(arrays(BATCH, 1, 4, 3), 0.0), 3, 3, padding=1
    ),
    "computed cotangents of groups": lambda: weights_gradient(
        arrays(BATCH, 1, 3, 3),
        g.maximum(arrays(BATCH, 66, 3, 3), 0.0),
        2,
        2,
        padding=((1, 0), (0, 1)),
    ),
    "cotangents that are the same for all places": lambda: weights_gradient(
        arrays(BATCH, 2, 4, 3),
        g.broadcast_to(arrays(BATCH, 3, 1, 1), (BATCH, 3, 4, 3)),
        3,
        3,
        padding=1,
    ),
    "an image of rows that are the same": lambda: weights_gradient(
        g.broadcast_to(arrays(BATCH, 2, 1, 3), (BATCH, 2, 4, 3)),
        arrays(BATCH, 3, 4, 3),
        3,
        3,
        padding=1,
    ),
    "values of channels and filters": lambda: weights_gradient(
        arrays(BATCH, 2, 4, 3) * g.reshape(arrays(2), (1, 2, 1, 1)),
        arrays(BATCH, 3, 4, 3) * g.reshape(arrays(3), (1, 3, 1, 1)),
        3,
        3,
        padding=1,
    ),
    "channels last": lambda: weights_gradient(
        g.transpose(arrays(BATCH, 4, 3, 2), (0, 3, 1, 2)),
        g.transpose(arrays(BATCH, 4, 3, 3), (0, 3, 1, 2)),
        3,
        3,
        padding=1,
    ),
}


@pytest.mark.parametrize("depth", [8, weight_gradients.DEPTH])
@pytest.mark.parametrize("case", SAMPLES)
def test_parts_of_samples_mean_the_same(
    case: str, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_gradients, "DEPTH", depth)
    program = SAMPLES[case]()
    found = mapped(program)
    assert found.names == (PARTS_OF_SAMPLES.name,), found.refusals
    check(program, found.program)


def test_sums_of_windows_are_their_meaning_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of single elements that are added in order: of chunks, of which the last one is shorter,
    of rows and columns that fill no tile."""
    monkeypatch.setattr(weight_gradients, "DEPTH", 8)
    check_bits(SAMPLES)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (
            lambda: convolution(4, 2, (9, 3), (9, 3), strides=2),
            "its windows have 9 places, and there are 16 of them",
        ),
        (
            lambda: gradient(1, convolution(4, 2, (9, 3), (WIDTH, WIDTH))),
            "only a call knows how many sums there are",
        ),
        (lambda: convolution(5, 1, (3, 1)), "its results have 0 loops over terms"),
    ],
)
def test_what_is_no_sum_over_samples(program: Callable[[], Node], reason: str) -> None:
    found = mapped(plain(program()))
    assert reason in dict(found.refusals)[PARTS_OF_SAMPLES.name]


@pytest.mark.parametrize(("taps", "transposed"), [(3, ["matrix"]), (1, ["matrix", "image"])])
def test_what_lies_crosswise_is_copied_by_transposition(taps: int, transposed: list[str]) -> None:
    """The cotangents, and the image of one tap, whose windows are its channels."""
    program = mapped(plain(gradient(1, convolution(64, 3, (9, taps), (9, taps))))).program
    calls = [one for one in walk(program.body) if isinstance(one, UseIntrinsic)]
    *copies, sums = calls
    assert [one.intrinsic.name for one in copies] == ["gc_transpose"] * len(transposed)
    assert [one.windows[1].buffer.memory for one in copies] == transposed
    assert sums.intrinsic.name == "gc_window_sums"


def test_each_part_of_a_concatenation_is_copied_by_transposition() -> None:
    program = weights_gradient(joined(4, 2, 3), arrays(BATCH, 16, 4, 3), 1, 1)
    calls = [one for one in walk(mapped(program).program.body) if isinstance(one, UseIntrinsic)]
    copies = [one for one in calls if one.intrinsic.name == "gc_transpose"]
    assert [one.windows[1].buffer.memory for one in copies] == ["matrix", *["image"] * 3]
