"""The mapping of convolutions of long windows that have many sums, as the gradients of large
weights are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.statement import Allocate, For, LoopKind
from graphc.compiler.targets.cpu.convolutions import weight_blocks
from graphc.compiler.targets.cpu.convolutions.weight_blocks import BLOCKS_OF_WEIGHTS
from tests.compiler.targets.convolution_cases import convolution, gradient
from tests.compiler.targets.cpu.convolutions.checks import (
    Programs,
    check,
    check_bits,
    mapped,
)
from tests.compiler.targets.cpu.convolutions.test_weight_gradients import (
    of_weights,
    weights_gradient,
)
from tests.compiler.targets.cuda.products.cases import arrays, plain

BATCH = g.BATCH
CASES: Programs = {
    "both axes": of_weights(5, 8, (5, 3), (4, 2), padding=1),
    "groups of filters": of_weights(64, 4, (3, 2), (3, 2)),
    "several channels and groups in a block": of_weights(64, 12, (2, 1), (2, 1)),
    "strides": of_weights(3, 8, (5, 3), (6, 2), strides=2),
    "holes in windows": of_weights(3, 8, (6, 2), (5, 2), kernel_dilation=2),
    "cropped": of_weights(2, 8, (5, 2), (5, 2), padding=((-1, 1), (1, -1))),
    "one axis": of_weights(3, 8, (7, 3)),
    "three axes": of_weights(2, 8, (3, 2), (3, 2), (4, 2), padding=((0, 0), (1, 0), (0, 1))),
    "one filter": of_weights(1, 8, (5, 3), (4, 2)),
    "one tap": of_weights(33, 9, (3, 1), (3, 1)),
    "one tap of strides": of_weights(3, 8, (7, 1), (6, 1), strides=2),
    "known samples": of_weights(3, 8, (5, 3), (4, 2), samples=3),
    "float64": of_weights(5, 8, (4, 2), (4, 2), dtype="float64"),
    "a computed image": lambda: weights_gradient(
        g.maximum(arrays(BATCH, 8, 4, 3), 0.0), arrays(BATCH, 3, 4, 3), 3, 3, padding=1
    ),
    "computed cotangents of groups": lambda: weights_gradient(
        arrays(BATCH, 4, 3, 3),
        g.maximum(arrays(BATCH, 64, 3, 3), 0.0),
        2,
        2,
        padding=((1, 0), (0, 1)),
    ),
    "values of channels and filters": lambda: weights_gradient(
        arrays(BATCH, 8, 4, 3) * g.reshape(arrays(8), (1, 8, 1, 1)),
        arrays(BATCH, 3, 4, 3) * g.reshape(arrays(3), (1, 3, 1, 1)),
        3,
        3,
        padding=1,
    ),
    "channels last": lambda: weights_gradient(
        g.transpose(arrays(BATCH, 4, 3, 8), (0, 3, 1, 2)),
        g.transpose(arrays(BATCH, 4, 3, 3), (0, 3, 1, 2)),
        3,
        3,
        padding=1,
    ),
    "an update behind": lambda: plain(
        arrays(8, 5, 3, 2) - 0.1 * gradient(1, convolution(5, 8, (5, 3), (4, 2), padding=1))
    ),
}


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_blocks, "LEAST_SUMS", 1)
    monkeypatch.setattr(weight_blocks, "LEAST_OF_LARGE_SAMPLES", 1)
    monkeypatch.setattr(weight_blocks, "LEAST_OF_TRANSFORMS", 1)
    monkeypatch.setattr(weight_blocks, "BLOCK", 128)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("few_are_many")
def test_they_mean_the_same(case: str) -> None:
    program = CASES[case]()
    found = mapped(program)
    assert found.names == (BLOCKS_OF_WEIGHTS.name,), found.refusals
    check(program, found.program)


@pytest.mark.usefixtures("few_are_many")
def test_they_are_their_meaning_to_the_bit() -> None:
    """Each sum is that of samples one after the other, whatever block it is in."""
    check_bits(CASES)


def _sums(program: LoopProgram) -> int:
    """Return the elements of the sums of a block."""
    (sums,) = (
        one.buffer
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.name == "s0"
    )
    return int(np.prod(sums.shape))


@pytest.mark.parametrize(
    ("filters", "channels", "size", "taps", "blocks", "sums"),
    [
        (512, 512, 7, 3, 64, 64 * 9 * 64),
        (256, 64, 56, 1, 8, 64 * 32),
        (64, 256, 56, 1, 8, 32 * 64),
        (2048, 512, 7, 1, 16, 256 * 256),
    ],
)
def test_blocks_are_those_for_which_samples_are_copied_least(
    filters: int, channels: int, size: int, taps: int, blocks: int, sums: int
) -> None:
    window = (size, taps)
    found = mapped(
        plain(gradient(1, convolution(filters, channels, window, window, padding=taps // 2)))
    )
    assert found.names == (BLOCKS_OF_WEIGHTS.name,), found.refusals
    (team,) = (
        one
        for one in walk(found.program.body)
        if isinstance(one, For) and one.kind is LoopKind.TEAM
    )
    assert (team.ends[0].constant, _sums(found.program)) == (blocks, sums)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (of_weights(64, 64, (9, 1), (9, 1)), "there are 4096 sums, fewer than 65536"),
        (
            of_weights(64, 64, (9, 3), (9, 3), padding=1),
            "there are 36864 sums, fewer than 1048576",
        ),
        (
            of_weights(64, 3, (40, 19), (40, 19), strides=2),
            "there are 6 blocks of them at most, fewer than 8",
        ),
    ],
)
def test_what_has_few_sums(make: Callable[[], LoopProgram], reason: str) -> None:
    assert dict(mapped(make()).refusals)[BLOCKS_OF_WEIGHTS.name] == reason
