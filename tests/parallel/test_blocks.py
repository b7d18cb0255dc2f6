"""Sums over all elements: the same bits from parts that begin at blocks."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.parallel.blocks import block_count, sum_of_all, sums_of_blocks
from graphc.parallel.slices import BLOCK_ELEMENTS


def by_the_formula(line: np.ndarray) -> np.ndarray:
    """Add the second half to the first, of a line padded with zeros."""
    width = 1
    while width < len(line):
        width *= 2
    line = np.concatenate([line, np.zeros(width - len(line), line.dtype)])
    while len(line) > 1:
        line = line[: len(line) // 2] + line[len(line) // 2 :]
    return line[0]


@pytest.mark.parametrize("size", [1, 3, 64, 100, BLOCK_ELEMENTS, 3 * BLOCK_ELEMENTS + 777])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_are_those_of_the_tree(size: int, dtype: str) -> None:
    line = np.random.default_rng(size).normal(size=size).astype(dtype)
    parts = [line[k : k + BLOCK_ELEMENTS] for k in range(0, size, BLOCK_ELEMENTS)]
    expected = np.array([by_the_formula(part) for part in parts], dtype)
    found = sums_of_blocks(line.copy())
    assert len(found) == block_count(size)
    assert found.tobytes() == expected.tobytes()
    assert sum_of_all(found).tobytes() == by_the_formula(expected).tobytes()
    np.testing.assert_allclose(sum_of_all(found), line.astype("float64").sum(), rtol=1e-4)


def test_parts_have_the_sums_of_the_whole() -> None:
    whole = np.random.default_rng(1).normal(size=5 * BLOCK_ELEMENTS + 9).astype("float32")
    parts = np.split(whole, [BLOCK_ELEMENTS, 3 * BLOCK_ELEMENTS])
    found = np.concatenate([sums_of_blocks(part.copy()) for part in parts])
    assert found.tobytes() == sums_of_blocks(whole.copy()).tobytes()
