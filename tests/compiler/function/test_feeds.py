"""Arrays in a GPU's memory are refused by name, wherever they are fed."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.engine.data.input_arrays import as_numbers
from graphc.errors import DTypeError


class Tensor:
    """An array of PyTorch, CuPy or Numba on a GPU, as far as NumPy can see."""

    __cuda_array_interface__ = {  # noqa: RUF012  (a class attribute is all that is looked at)
        "shape": (2,),
        "typestr": "<f4",
        "data": (4096, False),
        "version": 3,
    }


MESSAGE = "expected an array in host memory, received Tensor, which lives on a GPU; copy it"


def test_a_function_refuses_it() -> None:
    x = g.input((2,), name="x")
    with pytest.raises(DTypeError, match=f"'x'.*{MESSAGE}"):
        function([x], x + 1.0)(Tensor())


def test_the_backend_refuses_it() -> None:
    x = K.placeholder((2,), name="x")
    with pytest.raises(DTypeError, match=MESSAGE):
        K.function([x], [x + 1.0])([Tensor()])


def test_a_model_refuses_it() -> None:
    with pytest.raises(DTypeError, match=f"fit: {MESSAGE}"):
        as_numbers(Tensor(), 2, "fit")


def test_a_shared_variable_refuses_it() -> None:
    weights = g.shared(np.zeros(2, "float32"), "W")
    with pytest.raises(DTypeError, match=f"variable W: {MESSAGE}"):
        weights.set_value(Tensor())
    for dtype in (None, "float32"):
        with pytest.raises(DTypeError, match=rf"shared\(\): {MESSAGE}"):
            g.shared(Tensor(), dtype=dtype)
    assert weights.get_value().tolist() == [0.0, 0.0]


def test_a_constant_refuses_it() -> None:
    with pytest.raises(DTypeError, match=MESSAGE):
        g.as_node(Tensor())


def test_host_arrays_pass() -> None:
    assert as_numbers(np.zeros((2, 3)), 2, "fit").shape == (2, 3)
