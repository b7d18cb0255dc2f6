"""The limits of a model from a description, counted to the last use and byte."""

from __future__ import annotations

import pytest

from graphc.config import config
from graphc.engine.configs.budget import bounded, take_uses, take_weight
from graphc.errors import ArgumentError


def test_as_many_uses_as_there_may_be():
    with bounded():
        for _ in range(5_000):
            take_uses("dense_1")
        take_uses("lstm_1", 4_999)
        take_uses("dense_1")
        with pytest.raises(ArgumentError, match=r"^dense_2: .* uses layers more than 10000 times"):
            take_uses("dense_2")


@pytest.mark.parametrize(("floatx", "elements"), [("float32", 1 << 26), ("float64", 1 << 25)])
def test_as_many_bytes_as_the_flag_allows(floatx, elements):
    with config.changed(described_weights="256MB", floatX=floatx), bounded():
        take_weight("dense_1", (elements // 2, 2))
        with pytest.raises(
            ArgumentError, match=r"^dense_1_b: shape \(1,\): . bytes, and with them"
        ):
            take_weight("dense_1_b", (1,))


def test_what_is_inside_belongs_to_what_is_around():
    with bounded():
        take_uses("a", 9_999)
        with bounded():
            take_uses("b")
        with pytest.raises(ArgumentError, match="^c: "):
            take_uses("c")


def test_nothing_counts_in_python():
    for _ in range(2):
        with bounded():
            take_uses("a", 10_000)  # each description begins at 0
    take_uses("a", 1_000_000)
    take_weight("a", (1 << 40, 1 << 20))
