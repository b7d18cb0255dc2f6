"""Where arrays lie."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.runtime.cpu.frame import address_of


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
