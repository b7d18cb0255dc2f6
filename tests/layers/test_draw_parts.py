"""Layers that draw, over a part of a batch: with draws that are placed, its rows are those of the
whole batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc import layers
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
from tests.compiler.draw_programs import FIRST, WHOLE, placed

WORDS = (6, 4)
RATES = {"dropout_W": 0.4, "dropout_U": 0.3}
DRAWING: dict[str, Callable[[], layers.Layer]] = {
    "Dropout": lambda: layers.Dropout(0.4),
    "SpatialDropout1D": lambda: layers.SpatialDropout1D(0.4),
    "GaussianDropout": lambda: layers.GaussianDropout(0.4),
    "GaussianNoise": lambda: layers.GaussianNoise(0.5),
    "SimpleRNN": lambda: layers.SimpleRNN(3, **RATES),
    "GRU": lambda: layers.GRU(3, return_sequences=True, **RATES),
    "LSTM": lambda: layers.LSTM(3, consume_less="mem", **RATES),
}


@pytest.mark.parametrize("name", DRAWING)
def test_rows_of_a_part_are_those_of_the_whole_batch(name: str) -> None:
    x = g.input((g.BATCH, *WORDS))
    output = DRAWING[name]()(x)
    (part,) = placed([output], g.BATCH, WHOLE, FIRST)
    data = np.random.default_rng(4).standard_normal((11, *WORDS)).astype("float32")
    training = [(g.learning_phase(), True)]
    with config.changed(cpu="numpy"):
        of_whole = function([x], output, givens=training)(data)
        of_part, elsewhere = (
            function([x, WHOLE, FIRST], part, givens=training)(data[3:8], np.array(11), first)
            for first in (np.array(3), np.array(2))
        )
    np.testing.assert_allclose(of_part, of_whole[3:8], rtol=1e-6, atol=1e-6)
    assert not np.allclose(elsewhere, of_part)
