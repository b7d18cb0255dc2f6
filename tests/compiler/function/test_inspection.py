"""Looking into functions that are not called: sizes are chosen, kernels and memory shown."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from graphc import device_report, function
from graphc.compiler import graph as g
from graphc.compiler.cards import CARDS
from graphc.compiler.graph.dim import symbol
from graphc.compiler.runtime import interpreting
from graphc.config import config
from graphc.errors import ArgumentError, ShapeError
from graphc.layers.core import Dense
from graphc.layers.recurrent import SimpleRNN
from graphc.models import Sequential

TIME = symbol("time")


def steps() -> g.Node:
    return g.input((g.BATCH, TIME, 3), "float32", name="steps")


def test_all_symbols_get_the_sizes_that_are_given() -> None:
    x = steps()
    f = function([x], g.sum(g.exp(x), axis=1), name="f")
    kernels = f.kernels(4, {"time": 50})
    assert kernels.sizes == {"batch": 4, "time": 50}
    assert kernels[0].extents == (4, 50, 3)
    assert f.memory_report(4, {"time": 50}).inputs == 2 * (-(-4 * 50 * 3 * 4 // 256) * 256)


@pytest.mark.parametrize(
    ("batch", "sizes", "words"),
    [
        (4, {}, ["'time'", "sizes="]),
        (None, {"time": 5}, ["'batch'", "batch=32"]),
        (4, {"time": 5, "tiem": 5}, ["'tiem'", "'time'"]),
        (0, {"time": 5}, ["batch", "at least 1", "0"]),
        (4, {"time": -1}, ["time", "-1"]),
        (4, {"time": 2.5}, ["time", "2.5"]),
        (True, {"time": 2}, ["True"]),
    ],
)
def test_sizes_that_are_missing_or_wrong(batch: object, sizes: dict, words: list[str]) -> None:
    x = steps()
    f = function([x], g.exp(x), name="my function")
    with pytest.raises(ArgumentError) as raised:
        f.kernels(batch, sizes)
    message = str(raised.value)
    assert message.startswith("my function: ")
    assert [word for word in words if word not in message] == []


def test_a_fixed_batch_takes_none() -> None:
    x = g.input((5, 3), "float32")
    f = function([x], g.exp(x), name="f")
    assert f.kernels().sizes == {}
    with pytest.raises(ArgumentError, match="no symbolic batch"):
        f.kernels(5)


def test_sizes_that_have_to_agree_are_checked_as_in_a_call() -> None:
    x, y = steps(), g.input((g.BATCH, symbol("other"), 3), "float32")
    f = function([x, y], x + y, name="f")
    assert len(f.kernels(2, {"time": 7, "other": 7})) == 1
    with pytest.raises(ShapeError, match="other"):
        f.kernels(2, {"time": 7, "other": 8})


def test_the_learning_phase_picks_the_kernels() -> None:
    x = g.input((g.BATCH, 3), "float32")
    y = g.where(g.learning_phase(), g.exp(x), x)
    f = function([x, g.learning_phase()], y + 1.0, name="f")
    assert "exp" in f.kernels(2, training=True)[0].ops
    assert "exp" not in f.kernels(2)[0].ops


def test_the_program_is_made_once() -> None:
    x = g.input((g.BATCH, 3), "float32")
    f = function([x], g.exp(x))
    assert f.program() is f.program()
    assert f.kernels(1).source == f.kernels(999).source == f.program().source


def network() -> Sequential:
    model = Sequential([Dense(4, input_dim=3, name="first"), Dense(2, name="second")])
    model.compile(optimizer="sgd", loss="mse")
    return model


def test_a_model_shows_its_training_step() -> None:
    model = network()
    kernels = model.kernels()
    assert kernels.sizes == {"batch": 32}
    assert model.kernels(8).sizes == {"batch": 8}
    layers = {layer for kernel in kernels for layer in kernel.layers}
    assert {"first", "second", "gradient of second"} <= layers
    report = model.memory_report(8)
    weights = {use.name for use in report.buffers if use.held == "state"}
    assert {"first/first_W", "second/second_b"} <= weights
    # Looking is not training.
    before = model.get_weights()
    model.kernels()
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_with_a_fixed_batch() -> None:
    model = Sequential([Dense(4, batch_input_shape=(6, 3))])
    model.compile(optimizer="sgd", loss="mse")
    assert model.kernels().sizes == {}


def test_models_show_themselves_in_notebooks() -> None:
    text = network()._repr_html_()
    assert "first (Dense)" in text
    assert "Total params: 26" in text
    assert "0" in Sequential(name="<empty>")._repr_html_()


def test_values_at_the_end_of_a_cell() -> None:
    model = network()
    assert repr(model.layers) == "[<first (Dense)>, <second (Dense)>]"
    kernel = model.kernels(8)[0]
    assert repr(kernel).startswith(f"<{kernel.name}: first")
    assert repr(device_report()) == str(device_report())


def test_a_layer_that_is_half_made_has_a_repr() -> None:
    class Early(Dense):
        def __init__(self) -> None:
            self.seen = repr(self)

    assert "Early object" in Early().seen


def test_double_precision_is_shown_too() -> None:
    with config.changed(floatX="float64"):
        first = network().kernels(8)[0]
    x, W, b, result = 8 * 3, 3 * 4, 4, 8 * 4
    assert first.bytes == 8 * (x + W + b + result)


def test_kernels_are_shown_for_the_target_that_runs_unless_another_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interpreting, "likely_compiler", lambda cache: None)  # there is one
    x = g.input((g.BATCH, 3), name="x")
    f = function([x], g.exp(x))
    assert (f.target(), f.kernels(2).target) == (None, "cuda")  # the interpreter has none
    assert f.kernels(2, target="cpu").source == f.program(target="cpu").source
    config.cpu = "native"
    native = function([x], g.exp(x))
    assert (native.target(), native.kernels(2).target) == ("cpu", "cpu")
    assert native.memory_report(2).target == "cpu"
    assert native.kernels(2).source == native.program(target="cpu").source
    assert native.kernels(2, target="cuda").source == native.program(target="cuda").source
    (kernel,) = native.kernels(2)
    assert (kernel.bytes, kernel.fewest, kernel.moved, kernel.ratio) == (48, 48, None, None)
    with pytest.raises(ArgumentError, match="cuda"):
        native.kernels(2, target="gpu")


def test_a_card_decides_by_its_shared_memory_which_kernels_run_a_loop() -> None:
    """One launch runs all steps where a block can hold what the loop reads in each of them: of a
    matrix of 224 x 224 float32, 200,704 bytes, and of the state."""
    model = Sequential([SimpleRNN(224, input_shape=(9, 3))])
    model.compile("sgd", "mse")
    kernels = {card: model.kernels(2, card=card) for card in CARDS}
    launches = {card: one.launches for card, one in kernels.items()}
    assert launches["t4"] == launches["rtx4090"] == launches["a100"] > launches["h100"] + 2 * 7
    assert model.kernels(2, target="cuda").launches == launches["t4"]
    most = {card: max(kernel.shared for kernel in one) for card, one in kernels.items()}
    assert most["a100"] <= 64 << 10
    assert CARDS["a100"].most_shared < most["h100"] <= CARDS["h100"].most_shared
    assert "on NVIDIA H100" in kernels["h100"].title
    assert "on NVIDIA H100" in model.memory_report(2, card="h100").title


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
def test_the_estimate_of_the_time_has_registers_by_nvcc() -> None:
    x = g.input((g.BATCH, 4), name="x")
    f = function([x], [g.exp(x)], name="f")
    for card in CARDS:
        (known,), (unknown,) = (
            f.time_report(8, card=card, nvcc=nvcc).launches for nvcc in (True, False)
        )
        assert 8 <= known.demand.registers <= 64
        assert unknown.demand.registers is None
    assert "f on NVIDIA H100" in str(f.time_report(8, card="h100", nvcc=False))
    with pytest.raises(ArgumentError, match="f: no card is named 'h10'"):
        f.time_report(8, card="h10")


def test_cards_that_are_unknown_or_given_for_native_code() -> None:
    x = g.input((g.BATCH, 3), name="x")
    f = function([x], g.exp(x), name="f")
    with pytest.raises(ArgumentError, match=r"f: no card is named 'h10'. Did you mean 'h100'\?"):
        f.kernels(2, card="h10")
    with pytest.raises(ArgumentError, match="received card 'h100' with target 'cpu'"):
        f.kernels(2, target="cpu", card="h100")
    with pytest.raises(ArgumentError, match="received card 'h100' with target 'cpu'"):
        f.memory_report(2, target="cpu", card="h100")
