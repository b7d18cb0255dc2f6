"""The errors of recurrent layers for arguments and inputs that cannot work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.topology.layer import Input
from graphc.errors import ArgumentError, DataError, KeywordError, ShapeError
from graphc.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN, time_distributed_dense
from graphc.models import Sequential


def stateful() -> Sequential:
    return Sequential([LSTM(3, batch_input_shape=(4, 5, 2), stateful=True, name="memory")])


class NoStates(Recurrent):
    output_dim = 2

    def step(self, x: g.Node, states: list) -> tuple[g.Node, list[g.Node]]:
        return x, []


class NoStep(Recurrent):
    output_dim = 2

    def build(self, input_shape: tuple) -> None:
        self.states = [None]


CASES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: GRU(3, consume_less="fast"),
        ArgumentError,
        "consume_less: expected 'cpu', 'mem' or 'gpu', received 'fast'; any",
    ),
    (
        lambda: GRU(0, name="memory"),
        ArgumentError,
        r"memory \(GRU\): output_dim: expected a whole number of at least 1, received 0",
    ),
    (
        lambda: SimpleRNN(3, dropout_W=1.0),
        ArgumentError,
        "dropout_W is the fraction p of x to drop, expected 0 <= p < 1, received 1.0",
    ),
    (
        lambda: SimpleRNN(3, dropout_U=-0.5),
        ArgumentError,
        "dropout_U is the fraction p of h to drop, expected 0 <= p < 1, received -0.5",
    ),
    (
        lambda: LSTM(3, input_length=0),
        ArgumentError,
        "input_length: expected a whole number of at least 1, received 0",
    ),
    (
        lambda: LSTM(3, return_sequence=True),
        KeywordError,
        "unknown keyword 'return_sequence'. Did you mean 'return_sequences'?",
    ),
    (lambda: LSTM(units=3), KeywordError, "'units': here it is 'output_dim'"),
    (
        lambda: LSTM(3, input_dim=2, input_shape=(5, 2)),
        ArgumentError,
        "give input_dim or input_shape, not both",
    ),
    (
        lambda: LSTM(3, input_dim=2, batch_input_shape=(4, 5, 3)),
        ArgumentError,
        r"batch_input_shape is \(4, 5, 3\), but input_dim says \(None, None, 2\)",
    ),
    (
        lambda: Sequential([GRU(3, input_shape=(5, 2)), GRU(4, name="second")]),
        ShapeError,
        r"second \(GRU\): expected sequences \(batch, steps, features\), received \(None, 3\); "
        ".*return_sequences=True",
    ),
    (
        lambda: Sequential([LSTM(3, input_shape=(4, 5, 2), name="memory")]),
        ShapeError,
        r"memory \(LSTM\): expected sequences .*, received \(None, 4, 5, 2\); TimeDistributed\(Fl",
    ),
    (
        lambda: Sequential([LSTM(3, input_shape=(5, None), name="memory")]),
        ShapeError,
        r"memory \(LSTM\): axis 2 of the input has no known size, and W needs it; give input_dim",
    ),
    (
        lambda: Sequential([LSTM(3, input_dim=2, unroll=True, name="memory")]),
        ShapeError,
        r"memory \(LSTM\): unroll=True .* shape \(None, None, 2\) .*; give input_length",
    ),
    (
        lambda: LSTM(3, input_length=4, name="memory")(Input(shape=(5, 2))),
        ShapeError,
        r"memory \(LSTM\): axis 1 of the input: expected 4, its input_length, received 5",
    ),
    (
        lambda: Sequential([LSTM(3, input_shape=(5, 2), stateful=True, name="memory")]),
        ShapeError,
        r"memory \(LSTM\): stateful=True needs a batch size, received .* \(None, 5, 2\); give the "
        "first layer batch_input_shape=",
    ),
    (
        lambda: stateful().layers[0](Input(batch_shape=(8, 5, 2))),
        ShapeError,
        r"memory \(LSTM\): axis 0 of the input: expected 4, received 8",
    ),
    (
        lambda: stateful().layers[0](Input(shape=(5, 2))),
        ShapeError,
        r"memory \(LSTM\): it is stateful, with a state of the shape \(4, 3\), and received an "
        r"input of the shape \(None, 5, 2\); give its input that batch size",
    ),
    (
        lambda: stateful().predict(np.zeros((6, 5, 2)), batch_size=4),
        DataError,
        "fixes the batch to 4, received 6 samples in batches of 4",
    ),
    (
        lambda: LSTM(3, name="memory").reset_states(),
        ArgumentError,
        r"memory \(LSTM\).reset_states: the layer keeps no states between batches; .*stateful=True",
    ),
    (
        lambda: LSTM(3, stateful=True, name="memory").reset_states(),
        ArgumentError,
        r"memory \(LSTM\).reset_states: it has states once it was called on an input",
    ),
    (
        lambda: LSTM(3, weights=[np.zeros((2, 3))], name="memory")(Input(shape=(5, 2))),
        ShapeError,
        "memory: expected 12 weights .*received 1",
    ),
    (
        lambda: NoStates(name="own")(Input(shape=(5, 2))),
        ArgumentError,
        r"own \(NoStates\): build\(\) has to set self.states: .*it is None",
    ),
    (
        lambda: NoStep(name="own")(Input(shape=(5, 2))),
        NotImplementedError,
        r"own \(NoStep\): a recurrent layer defines step\(x, states\)",
    ),
    (
        lambda: NoStep(name="own", stateful=True)(Input(batch_shape=(4, 5, 2))),
        ArgumentError,
        r"own \(NoStep\): the states of a stateful layer are variables, .*K.zeros\(\(4, 2\)\)",
    ),
    (
        lambda: time_distributed_dense(Input(shape=(5, 2)), K.ones((2, 3)), output_dim=4),
        ShapeError,
        r"time_distributed_dense: output_dim is 4, but w has the shape \(2, 3\)",
    ),
    (
        lambda: time_distributed_dense(Input(shape=(5, 2)), K.ones((2, 3)), timesteps=6),
        ShapeError,
        "time_distributed_dense: axis 1 of the input: expected 6",
    ),
]


@pytest.mark.parametrize(("program", "error", "message"), CASES)
def test_the_message(program: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        program()


@pytest.mark.parametrize(
    ("shape", "advice", "other"),
    [
        ((4,), "give that one return_sequences=True", "TimeDistributed"),
        ((4, 3, 2), r"TimeDistributed\(Flatten\(\)\) makes one axis", "return_sequences"),
    ],
)
def test_an_input_that_is_no_sequence_gets_the_advice_for_its_axes(shape, advice, other):
    with pytest.raises(ShapeError, match=advice) as raised:
        GRU(3)(Input(shape))
    assert other not in str(raised.value)
