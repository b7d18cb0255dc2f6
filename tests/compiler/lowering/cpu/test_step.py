"""The exported function: calls that repeat are a loop over a table of what they differ in."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.cpu.step import LEAST_ROLLED, MOST_PERIOD, Call, tandem_repeat
from graphc.compiler.passes import optimize
from tests.compiler.deep_stack import deep_stack
from tests.compiler.lowering.golden_text import check_golden

FOLDER = Path(__file__).parent / "golden"
A_BLOCK = [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("keys", "start", "found"),
    [
        ([1] * (LEAST_ROLLED + 1), 0, (1, LEAST_ROLLED + 1)),
        ([1] * LEAST_ROLLED, 0, (1, 1)),  # one fewer is spared
        ([0, *[1] * 20, 2], 1, (1, 20)),
        ([0, *[1] * 20, 2], 0, (1, 1)),
        (A_BLOCK * 3, 0, (4, 3)),
        (A_BLOCK * 2, 0, (1, 1)),
        ([*A_BLOCK * 3, 1, 2], 0, (4, 3)),  # what is left of a turn is not in it
        ([1, 1, 2] * 6, 0, (3, 6)),
        ([*range(MOST_PERIOD)] * 2, 0, (MOST_PERIOD, 2)),
        ([*range(MOST_PERIOD + 1)] * 2, 0, (1, 1)),
        ([1], 0, (1, 1)),
    ],
)
def test_a_tandem_repeat(keys: list[int], start: int, found: tuple[int, int]) -> None:
    assert tandem_repeat(keys, start) == found


def test_calls_that_repeat() -> None:
    """Of two functions by turns; what all calls read is no column of the table."""
    x = g.input((BATCH, 4), name="x")
    scale = g.input((), name="scale")
    weights = [g.shared(np.zeros((4, 4), "float32"), "W") for _ in range(6)]
    h = x
    for number, weight in enumerate(weights):
        with g.origin(f"layer_{number}"):
            h = g.dot(g.max(h, axis=1, keepdims=True) * h * scale, weight)
    source = lower_native(optimize([h])[0]).program.source
    check_golden("repeats", source[source.index('extern "C"') :], FOLDER / "repeats.cpp")


def test_a_deeper_stack_has_no_more_calls_written_out() -> None:
    def calls(layers: int) -> int:
        with mock.patch.object(Call, "code", autospec=True, side_effect=Call.code) as written:
            lower_native(*deep_stack(layers))
        return written.call_count

    assert calls(40) == calls(80) < 40
