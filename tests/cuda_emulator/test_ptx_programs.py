"""Generated kernels as the PTX that nvcc makes of them, against the interpreter.

Here are a step of each reference model and what only one of the two emulations shows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.cards import Card
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS, TrainingStep
from tests.cuda_emulator import nvcc
from tests.cuda_emulator.emulator import emulate, emulated_cards
from tests.cuda_emulator.graph_programs import run
from tests.cuda_emulator.test_reference_models import TOLERANCE, named, on, states
from tests.reference_models.cut_sizes import CUT

pytestmark = pytest.mark.over("ptx", reason="what PTX shows")

Sizes = Mapping[str, float]
# A loop of as many units as the model has takes one launch where its weights fit in shared memory,
# which of these cards is an H100.
SIZES: dict[str, tuple[str, Sizes]] = {name: (name, sizes) for name, sizes in CUT.items()}
SIZES["lstm of 128 units"] = ("lstm", {"steps": 3, "vocabulary": 17, "features": 5})


def built(which: str) -> TrainingStep:
    name, sizes = SIZES[which]
    np.random.seed(3)
    return REFERENCE_MODELS[name].build(**sizes)


def two_steps(which: str) -> dict[str, np.ndarray]:
    """Losses and metrics of steps with batches of two sizes, and the states after them."""
    step = built(which)
    train = step.function()
    np.random.seed(4)
    return named(([train(*step.data(batch)) for batch in (3, 2)], states(step)))


def text_of(which: str, card: Card) -> str:
    with config.changed(device="cpu"):
        return built(which).function().kernels(3, card=card.name).source


def assert_near(received: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(received) == list(expected)
    for what, value in expected.items():
        scale = TOLERANCE["float32"] * np.max(np.abs(value))
        np.testing.assert_allclose(received[what], value, rtol=0, atol=scale, err_msg=what)


@pytest.mark.parametrize("which", SIZES)
def test_two_steps_of_each_reference_model_on_each_card(which: str) -> None:
    expected = on("cpu", two_steps, which)
    for _ in emulated_cards(lambda card: text_of(which, card)):
        assert_near(on("gpu", two_steps, which), expected)


@pytest.mark.unsanitized(reason="arithmetic has no sanitizers")
@pytest.mark.parametrize("name", CUT)
def test_two_steps_with_approximations_off_by_what_the_manual_allows(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, found = on("cpu", two_steps, name), {}
    for side in ("nearest", "above", "below"):
        monkeypatch.setitem(os.environ, "GRAPHC_PTX_APPROXIMATE", side)
        found[side] = on("gpu", two_steps, name)
        assert_near(found[side], expected)
    for side in ("above", "below"):
        pairs = zip(found[side].values(), found["nearest"].values(), strict=True)
        others = any(one.tobytes() != nearest.tobytes() for one, nearest in pairs)
        # A relu and a hard sigmoid need no approximation.
        assert others == (name != "gru_ae")


def test_a_product_and_a_sum_are_one_rounding_over_ptx_and_two_over_source() -> None:
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


def test_another_way_is_an_error() -> None:
    with pytest.raises(nvcc.UnsupportedSourceError, match="expected source or ptx, received sass"):
        emulate("sass")


def test_a_function_of_libdevice_over_ptx_and_of_the_c_library_over_source() -> None:
    """The C library's exp has the nearest float but for ties that are near; CUDA's is off by 2
    units in the last place at most (CUDA C++ Programming Guide, "Mathematical Functions")."""
    x = g.input((4000,), "float32")
    values = np.linspace(-20, 20, 4000, dtype="float32")
    exact = np.exp(values.astype("float64"))
    units = np.spacing(exact.astype("float32")).astype("float64")
    for way, least, most in (("ptx", 0.6, 2.0), ("source", 0.0, 0.51)):
        emulate(way)
        (value,) = run([g.exp(x)], {x: values})
        assert least < np.max(np.abs(value - exact) / units) <= most
