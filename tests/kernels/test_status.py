"""The status word, compiled for the host: what an index becomes, and which failure stays."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from tests.kernels.host_compiler import load, needs_host_compiler

pytestmark = needs_host_compiler

FINE = 2**64 - 1

SOURCE = """
#include "status.cuh"
extern "C" int check_int(gc_uint64* status, unsigned int check, gc_uint64 position, int index,
                         int size) {
  return gc_check_index(status, check, position, index, size);
}
extern "C" gc_int64 check_wide(gc_uint64* status, gc_int64 index, gc_int64 size) {
  return gc_check_index(status, 0, 0, index, size);
}
extern "C" unsigned int check_unsigned(gc_uint64* status, unsigned int index, int size) {
  return gc_check_index(status, 0, 0, index, size);
}
extern "C" bool ok(const gc_uint64* status) { return gc_ok(status); }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = load(SOURCE, tmp_path_factory.mktemp("status"))
    word = np.ctypeslib.ndpointer(np.uint64)
    library.check_int.argtypes = [
        word, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int32, ctypes.c_int32
    ]  # fmt: skip
    library.check_wide.argtypes = [word, ctypes.c_int64, ctypes.c_int64]
    library.check_wide.restype = ctypes.c_int64
    library.check_unsigned.argtypes = [word, ctypes.c_uint32, ctypes.c_int32]
    library.check_unsigned.restype = ctypes.c_uint32
    library.ok.argtypes = [word]
    library.ok.restype = ctypes.c_bool
    return library


@pytest.mark.parametrize(
    ("index", "size", "taken", "fine"),
    [
        (0, 1, 0, True),
        (6, 7, 6, True),
        (7, 7, 6, False),
        (-1, 7, 0, False),
        (2**31 - 1, 7, 6, False),
        (-(2**31), 7, 0, False),
        (0, 0, 0, False),
    ],
)
def test_an_index_out_of_range_fails_and_the_nearest_stands_in(
    library, index: int, size: int, taken: int, fine: bool
) -> None:
    status = np.array([FINE], np.uint64)
    assert library.check_int(status, 3, 17, index, size) == taken
    assert library.ok(status) == fine
    assert int(status[0]) == (FINE if fine else 3 << 40 | 17)


def test_every_index_type_keeps_its_range(library) -> None:
    status = np.array([FINE], np.uint64)
    assert library.check_wide(status, 2**40, 2**40 + 1) == 2**40
    assert library.ok(status)
    assert library.check_unsigned(status, 2**32 - 1, 5) == 4
    assert not library.ok(status)


def test_the_first_check_and_position_stay_whichever_comes_first(library) -> None:
    failures = [(2, 0), (1, 9), (1, 4), (5, 1)]
    for order in (failures, failures[::-1]):
        status = np.array([FINE], np.uint64)
        for check, position in order:
            library.check_int(status, check, position, -1, 2)
        assert int(status[0]) == 1 << 40 | 4


def test_a_position_too_large_to_write_down_does_not_reach_the_check(library) -> None:
    status = np.array([FINE], np.uint64)
    library.check_int(status, 6, 2**50, -1, 2)
    assert int(status[0]) >> 40 == 6
