"""Generated kernels as the PTX that nvcc makes of them, against the interpreter.

`make test-cuda PTX=1` runs all tests of CUDA so; here are a step of each reference model and what
only one of the two emulations shows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.config import config
from tests.cuda_emulator import nvcc
from tests.cuda_emulator.emulator import DRIVER
from tests.cuda_emulator.graph_programs import run
from tests.cuda_emulator.test_reference_models import TOLERANCE, built, named, on, states
from tests.reference_models.cut_sizes import CUT

Way = Callable[[str], None]


@pytest.fixture
def emulate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Choose what kernels are compiled to from then on; each way has a cache of its own."""
    assert DRIVER is not None

    def choose(way: str) -> None:
        monkeypatch.setitem(os.environ, "GRAPHC_EMULATE", way)
        sanitize = os.environ.get("GRAPHC_CUDA_SANITIZE", "")
        config.cuda_cache = DRIVER.parent / "kernels" / nvcc.key(sanitize)

    before = config.cuda_cache
    yield choose
    config.cuda_cache = before


@pytest.mark.parametrize("name", CUT)
def test_two_steps_of_each_reference_model(name: str, emulate: Way) -> None:
    def trained() -> dict[str, np.ndarray]:
        step = built(name)
        train = step.function()
        np.random.seed(4)
        return named(([train(*step.data(batch)) for batch in (3, 2)], states(step)))

    emulate("ptx")
    received, expected = on("gpu", trained), on("cpu", trained)
    assert list(received) == list(expected)
    for what, value in expected.items():
        scale = TOLERANCE["float32"] * np.max(np.abs(value))
        np.testing.assert_allclose(received[what], value, rtol=0, atol=scale, err_msg=what)


def test_a_product_and_a_sum_are_one_rounding_over_ptx_and_two_over_source(emulate: Way) -> None:
    a, b = g.input((16, 2), "float32"), g.input((2, 16), "float32")
    # Each sum is -(1 + 2**-11) + x * x, and x * x is 1 + 2**-11 + 2**-24, of which a float32 keeps
    # all but the last term.
    x = np.float32(1 + 2.0**-12)
    left = np.tile(np.array([1 + 2.0**-11, x], "float32"), (16, 1))
    right = np.tile(np.array([[-1], [x]], "float32"), (1, 16))
    for way, rest in (("ptx", 2.0**-24), ("source", 0.0)):
        emulate(way)
        (value,) = run([g.matmul(a, b)], {a: left, b: right})
        np.testing.assert_array_equal(value, np.full((16, 16), rest, "float32"))


def test_another_way_is_an_error(emulate: Way) -> None:
    with pytest.raises(nvcc.UnsupportedSourceError, match="expected source or ptx, received sass"):
        emulate("sass")
