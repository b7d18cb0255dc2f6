"""Where arrays lie."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.program.memory import ALIGNMENT
from graphc.compiler.runtime.cpu.arrays import address_of, aligned_array


def read_only() -> np.ndarray:
    array = np.arange(3)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0),
        np.zeros((), "float32"),
        np.zeros((2, 3), bool),
        np.zeros((2, 0)),
        np.arange(6)[1:4],
        np.arange(12).reshape(3, 4)[:, 1:2],
        np.asfortranarray(np.ones((2, 3))),
        read_only(),
        np.frombuffer(b"12345678", "uint64"),
    ],
)
def test_the_address_is_that_of_the_first_element(array: np.ndarray) -> None:
    assert address_of(array) == array.ctypes.data


@pytest.mark.parametrize("shape", [(64,), (3, 1000), (1 << 20,)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_arrays_begin_at_lines_of_the_cache(shape: tuple[int, ...], dtype: str) -> None:
    array = aligned_array(shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.ctypes.data % ALIGNMENT == 0
    array[...] = 1
    assert array.sum() == array.size


@pytest.mark.parametrize("shape", [(), (3,), (2, 0)])
def test_small_arrays_are_as_numpy_makes_them(shape: tuple[int, ...]) -> None:
    assert aligned_array(shape, "float32").shape == shape
