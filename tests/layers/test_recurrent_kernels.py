"""The number of launches that recurrent layers take; no GPU is needed to see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.program.kernel_list import KernelDescription
from graphc.engine.topology.layer import Layer
from graphc.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from graphc.models import Sequential
from graphc.optimizers import SGD
from graphc.reference_models import layers, recurrent
from graphc.reference_models.step import training_step

BATCH, STEPS = 16, 10
SMALL, LARGE = 16, 128  # units with which one launch runs a loop, and with which it cannot


class MarkedZeros(Layer):
    supports_masking = True

    def compute_mask(self, input: g.Node, input_mask: g.Node | None = None) -> g.Node:
        return K.any(K.not_equal(input, 0.0), axis=-1)


def loops(kernels: Sequence[KernelDescription]) -> list[tuple[str, int]]:
    """The launches that belong to loops: their kinds, and how often they run."""
    return [(one.kind, one.times) for one in kernels if one.kind == "scan" or one.times > 1]


def of_model(layer: Recurrent, units: int, masked: bool = False) -> Sequence[KernelDescription]:
    shape = (BATCH, STEPS, units)
    first = [MarkedZeros(batch_input_shape=shape)] if masked else []
    layer.batch_input_shape = None if masked else shape
    model = Sequential([*first, layer])
    model.compile("sgd", "mse")
    return model.kernels()


def of_reference(kind: str, units: int) -> Sequence[KernelDescription]:
    x = g.input((g.BATCH, STEPS, units))
    weights = layers.Weights()
    out = {"GRU": recurrent.gru, "LSTM": recurrent.lstm}[kind](weights, "layer", x, units)
    y = g.input(out.shape)
    loss = layers.mean_loss("loss", "mean_squared_error", y, out)
    step = training_step("step", [x, y], out, loss, [], weights.all, SGD(), lambda batch: [])
    return step.function().kernels(BATCH)


# With "mem" the layer itself leaves its products with W in the loop, where each has a launch a step
# unless the passes take it out.
@pytest.mark.parametrize(("units", "consume_less"), [(SMALL, "cpu"), (LARGE, "mem")])
def test_a_training_step_has_the_loops_of_the_reference_models(
    units: int, consume_less: str
) -> None:
    for layer in (
        GRU(units, return_sequences=True, consume_less=consume_less),
        LSTM(units, consume_less=consume_less),
    ):
        expected = loops(of_reference(type(layer).__name__, units))
        assert loops(of_model(layer, units)) == expected


@pytest.mark.parametrize(("layer", "forward"), [(SimpleRNN, 1), (GRU, 2), (LSTM, 1)])
def test_launches_a_step(layer: type[Recurrent], forward: int) -> None:
    """Of loops that one launch cannot run: one for each product that has to wait for another."""
    units = 200  # a single matrix of the size LARGE would fit a block
    x = g.input((g.BATCH, STEPS, units))
    predict = K.function([x], [layer(units)(x)]).function
    assert loops(predict.kernels(BATCH)) == [("matmul", STEPS)] * forward


@pytest.mark.parametrize("layer", [SimpleRNN, GRU, LSTM])
@pytest.mark.parametrize(
    ("masked", "options"),
    [
        (True, {"stateful": True}),
        (True, {"go_backwards": True, "return_sequences": True}),
        (False, {"dropout_U": 0.5, "dropout_W": 0.5}),
    ],
)
def test_one_launch_runs_each_loop(
    layer: type[Recurrent], masked: bool, options: dict[str, Any]
) -> None:
    kernels = of_model(layer(SMALL, **options), SMALL, masked)
    assert loops(kernels) == [("scan", 1)] * 2


def test_a_large_masked_lstm() -> None:
    kernels = of_model(LSTM(LARGE), LARGE, masked=True)
    assert len(loops(kernels)) <= 3  # one a step forward, two a step backward
