"""The functions of kernels/host_panel.h: their sums, and that they touch no memory beyond their
operands, of which a page without access is the neighbour."""

from __future__ import annotations

import ctypes
import mmap
import os

import numpy as np
import pytest

from graphc.compiler.runtime.cpu.compiler import loaded
from graphc.compiler.targets.c_text import C_TYPES

FUNCTIONS = {
    "rows": "gc_panel_product(rows, columns, depth, ARRAYS)",
    "rows_added": "gc_panel_product<GC_ADDED>(rows, columns, depth, ARRAYS)",
    "rows_fetch": "gc_panel_product_and_fetch(rows, columns, depth, ARRAYS)",
    "rows_fetch_next": "gc_panel_product_and_fetch_next(rows, columns, depth, ARRAYS)",
    "continued": "gc_panel_product_add<GC_DEPTH, 1024>(depth, rows, columns, ARRAYS)",
    "columns": "gc_panel_product_by_columns(rows, columns, depth, ARRAYS)",
    "columns_added": "gc_panel_product_by_columns<GC_ADDED>(rows, columns, depth, ARRAYS)",
    "columns_fetch": "gc_panel_product_by_columns_and_fetch(rows, columns, depth, ARRAYS)",
    "columns_fetch_right": "gc_panel_product_by_columns_and_fetch_right(rows, columns, depth, "
    "ARRAYS)",
    "transposed": "gc_panel_product_transposed(rows, columns, depth, ARRAYS)",
    "transposed_added": "gc_panel_product_transposed<GC_ADDED>(rows, columns, depth, ARRAYS)",
}
_DTYPES = ("float32", "float64")
_MOST_BYTES = 128
_PROT_NONE = 0


def _source() -> str:
    lines = [f'#include "host_panel_{dtype}.h"' for dtype in _DTYPES]
    arrays = "to, to_row, left, left_next, right, right_next"
    for dtype in _DTYPES:
        element = C_TYPES[dtype]
        lines += [
            f'extern "C" GC_EXPORTED void {name}_{dtype}(int rows, int columns, int depth, '
            f"{element}* to, ptrdiff_t to_row, const {element}* left, ptrdiff_t left_next, "
            f"const {element}* right, ptrdiff_t right_next) {{ {call.replace('ARRAYS', arrays)}; }}"
            for name, call in FUNCTIONS.items()
        ]
    return "\n".join([*lines, 'extern "C" GC_EXPORTED void graphc_step() {}'])


@pytest.fixture(scope="module")
def functions() -> ctypes.CDLL:
    return loaded(_source(), {}, "functions of panels").functions


class AheadOfNothing:
    """Arrays that end where a page without access begins."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._kept: list[mmap.mmap] = []

    def copy(self, array: np.ndarray) -> np.ndarray:
        """Return an array like this one, whose last element is the last that may be touched."""
        page = mmap.PAGESIZE
        room = -(-array.nbytes // page) * page
        memory = mmap.mmap(-1, room + page)
        self._kept.append(memory)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        assert self._libc.mprotect(ctypes.c_void_p(address + room), page, _PROT_NONE) == 0
        made = np.frombuffer(memory, array.dtype, array.size, room - array.nbytes)
        made = made.reshape(array.shape)
        made[...] = array
        return made


@pytest.mark.skipif(os.name != "posix", reason="needs mprotect")
@pytest.mark.parametrize("dtype", _DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_sums_are_those_of_the_columns_and_nothing_else_is_touched(
    name: str, dtype: str, functions: ctypes.CDLL
) -> None:
    call = getattr(functions, f"{name}_{dtype}")
    call.argtypes = [ctypes.c_int] * 3 + [ctypes.c_void_p, ctypes.c_ssize_t] * 3
    random = np.random.default_rng(3)
    most = _MOST_BYTES // np.dtype(dtype).itemsize
    shapes = [(rows, columns, 5) for rows in (1, 7, 16) for columns in range(1, most + 1)]
    shapes += [(13, columns, depth) for columns in (1, most // 2 + 1, most) for depth in (1, 70)]
    is_transposed, by_columns = name.startswith("transposed"), name.startswith("columns")
    for rows, columns, depth in shapes:
        if is_transposed:
            rows, columns = min(columns, most), rows
        memory = AheadOfNothing()
        # Rows of whole arrays, and of arrays of which the operand is the last columns.
        for more in (0, 3, most):
            wide = random.normal(size=(depth, columns + more)).astype(dtype)
            right = wide[:, more:]
            left = random.normal(size=(rows, depth)).astype(dtype)
            stored = random.normal(size=(rows, columns + more)).astype(dtype)
            expected = stored.astype("float64")
            sums = left.astype("float64") @ right.astype("float64")
            is_added = name.endswith("added") or name == "continued"
            expected[:, more:] = sums + (expected[:, more:] if is_added else 0)
            by_rows = not (by_columns or is_transposed)
            of_left = memory.copy(left if by_rows else np.ascontiguousarray(left.T))
            of_right = memory.copy(np.ascontiguousarray(right.T) if is_transposed else wide)
            right_begin = 0 if is_transposed else more
            to = memory.copy(stored)
            arguments = [rows, columns, depth]
            for array, begin in ((to, more), (of_left, 0), (of_right, right_begin)):
                arguments += [array[:, begin:].ctypes.data, array.shape[1]]
            call(*arguments)
            tolerance = 1e-5 if dtype == "float32" else 1e-13
            where = f"{rows} x {columns}, {depth} terms, {more} columns ahead"
            np.testing.assert_allclose(to, expected, tolerance, tolerance, err_msg=where)
