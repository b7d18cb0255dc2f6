"""Native transposition of blocks of vectors, against NumPy's."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from tests.kernels.host_compiler import load, needs_host_compiler

pytestmark = needs_host_compiler

SHORT_SIDES = (1, 3, 4, 5, 7, 8, 10, 15, 16, 17)

TO_TILE = 100
_TILES = "".join(
    f"""
  case {most + offset}:
    return {name}<{most}, 64>(columns, rows, from, from_row, to, to_row);"""
    for most in SHORT_SIDES
    for offset, name in ((0, "gc_transpose_tile"), (TO_TILE, "gc_transpose_to_tile"))
)
SOURCE = f"""
#include <stddef.h>
#include "host_transpose.h"
extern "C" void transposed(int most, int rows, int columns, const float* from, int from_row,
                           float* to, int to_row) {{
  switch (most) {{{_TILES}
  }}
  gc_transpose<float>(rows, columns, from, from_row, to, to_row);
}}
"""
ANY = 0


@pytest.fixture(scope="module", params=[("-march=native",), ()], ids=["native", "portable"])
def library(request, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Vectors as wide as this machine's, and those that all machines have."""
    found = load(SOURCE, tmp_path_factory.mktemp("transpose"), ("-O3", *request.param))
    found.transposed.restype = None
    return found


@pytest.mark.parametrize("columns", SHORT_SIDES)
@pytest.mark.parametrize("gap", [0, 3, 20])
def test_sides_of_any_length(library: ctypes.CDLL, columns: int, gap: int) -> None:
    """Rows side by side or with a gap behind each; nothing around the result is written."""
    for rows in (1, 2, 15, 16, 17, 31, 32, 33, 64):
        numbers = np.arange(rows * (columns + gap), dtype="float32")
        matrix = np.lib.stride_tricks.as_strided(numbers, (rows, columns), ((columns + gap) * 4, 4))
        for most in (ANY, columns, columns + TO_TILE):
            out = np.full((columns, rows + 5), -1, "float32")
            library.transposed(
                most,
                rows,
                columns,
                ctypes.c_void_p(numbers.ctypes.data),
                columns + gap,
                ctypes.c_void_p(out.ctypes.data),
                rows + 5,
            )
            np.testing.assert_array_equal(out[:, :rows], matrix.T)
            assert (out[:, rows:] == -1).all()
