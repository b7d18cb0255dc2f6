"""The tile of a block that adds up rows at indices."""

from __future__ import annotations

import pytest

from graphc.compiler.codegen.scatter import scatter_tile
from graphc.compiler.graph import symbol

N = symbol("n")


@pytest.mark.parametrize(
    ("size", "columns", "expected"),
    [
        # 2,048 elements, 128 columns at most; sizes that a call knows are taken for large ones.
        (N, N, (16, 128)),
        (N, 32, (64, 32)),
        (N, 33, (32, 64)),
        (N, 1, (2048, 1)),
        (1 << 20, 1000, (16, 128)),
        # Fewer rows where there were less than 512 blocks, down to 256 elements.
        (8192, N, (16, 128)),
        (8191, N, (16, 128)),
        (8176, N, (8, 128)),
        (4096, N, (8, 128)),
        (4088, N, (4, 128)),
        (1000, N, (2, 128)),
        (4096, 256, (16, 128)),
        (4096, 129, (16, 128)),
        (4096, 128, (8, 128)),
        # No more than there are, up to a power of two.
        (3, 1, (4, 1)),
        (3, 64, (4, 64)),
        (3, 100, (2, 128)),
        (1, 1, (1, 1)),
    ],
)
def test_a_tile(size, columns, expected) -> None:
    assert scatter_tile(size, columns) == expected
