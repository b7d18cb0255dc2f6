"""Recurrent layers in models: states between batches, masks, users' own layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc import backend as K
from graphc import initializations
from graphc.compiler import graph as g
from graphc.config import config
from graphc.engine.topology.layer import Input, Layer
from graphc.engine.topology.shapes import InputSpec
from graphc.layers import Dense, Masking
from graphc.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from graphc.models import Model, Sequential
from graphc.optimizers import SGD
from tests.layers.recurrent_equations import Equations, weight_names

BATCH, STEPS, FEATURES, UNITS = 4, 5, 3, 2
LAYERS: dict[str, type[Recurrent]] = {"SimpleRNN": SimpleRNN, "GRU": GRU, "LSTM": LSTM}


@pytest.fixture(autouse=True)
def _double() -> None:
    config.floatX = "float64"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def equations(layer: Recurrent) -> Equations:
    """The equations with the weights that the layer has now."""
    kind = next(base.__name__ for base in type(layer).__mro__ if base.__name__ in LAYERS)
    return Equations(kind, dict(zip(weight_names(kind), layer.get_weights(), strict=True)))


def close(ours: object, theirs: object) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


class MarkedZeros(Layer):
    """Puts a mask on what comes in: steps full of zeros."""

    supports_masking = True

    def compute_mask(self, input: g.Node, input_mask: g.Node | None = None) -> g.Node:
        return K.any(K.not_equal(input, 0.0), axis=-1)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("sequences", [False, True])
def test_states_go_on_in_training_testing_and_predicting(
    kind: str, sequences: bool, rng: np.random.Generator
) -> None:
    layer = LAYERS[kind](
        UNITS,
        batch_input_shape=(BATCH, STEPS, FEATURES),
        stateful=True,
        return_sequences=sequences,
    )
    model = Sequential([layer])
    model.compile(SGD(lr=0.5), "mse")
    states = None

    def expected(x: np.ndarray) -> np.ndarray:
        nonlocal states
        outputs, states = equations(layer).run(x, states=states)
        return outputs if sequences else outputs[:, -1]

    def stored() -> list[np.ndarray]:
        return [state.get_value() for state in layer.states]

    x = rng.normal(size=(6, BATCH, STEPS, FEATURES))
    y = rng.normal(size=(6, BATCH, STEPS, UNITS) if sequences else (6, BATCH, UNITS))
    for k in range(2):
        before = layer.get_weights()
        wanted = expected(x[k])
        close(model.train_on_batch(x[k], y[k]), np.square(wanted - y[k]).mean())
        close(stored(), states)
        assert any((a != b).any() for a, b in zip(before, layer.get_weights(), strict=True))
    close(model.test_on_batch(x[2], y[2]), np.square(expected(x[2]) - y[2]).mean())
    close(stored(), states)
    close(model.predict_on_batch(x[3]), expected(x[3]))
    # Two batches in one call: sample i of the second goes on where sample i of the first stopped.
    both = [expected(x[4]), expected(x[5])]
    close(model.predict(np.concatenate(x[4:]), batch_size=BATCH), np.concatenate(both))
    close(stored(), states)
    model.reset_states()
    close(stored(), np.zeros_like(states))
    states = None
    close(model.predict_on_batch(x[0]), expected(x[0]))


def test_fit_leaves_states_that_reset_states_zeroes(rng: np.random.Generator) -> None:
    layer = LSTM(UNITS, batch_input_shape=(BATCH, STEPS, FEATURES), stateful=True)
    model = Sequential([layer, Dense(1)])
    model.compile(SGD(lr=0.0), "mse")
    x = rng.normal(size=(2 * BATCH, STEPS, FEATURES))
    model.fit(x, np.zeros((2 * BATCH, 1)), BATCH, nb_epoch=2, shuffle=False, verbose=0)
    states = None
    for _ in range(2):
        for part in (x[:BATCH], x[BATCH:]):
            _, states = equations(layer).run(part, states=states)
    close([state.get_value() for state in layer.states], states)


def test_a_masked_stateful_layer_backwards(rng: np.random.Generator) -> None:
    layer = GRU(
        UNITS, batch_input_shape=(BATCH, STEPS, FEATURES), stateful=True, go_backwards=True,
        return_sequences=True,
    )  # fmt: skip
    model = Sequential([MarkedZeros(batch_input_shape=(BATCH, STEPS, FEATURES)), layer])
    states = None
    for _ in range(2):
        mask = rng.integers(0, 2, size=(BATCH, STEPS)).astype(bool)
        mask[0] = False
        x = rng.normal(size=(BATCH, STEPS, FEATURES)) * mask[..., None]
        expected, states = equations(layer).run(x, mask, backwards=True, states=states)
        close(model.predict_on_batch(x), expected)


def test_masks_pass_through_stacked_layers_in_the_order_of_the_outputs(
    rng: np.random.Generator,
) -> None:
    """The second layer reads what the first gave backwards, with the mask turned around too."""
    first = LSTM(UNITS, return_sequences=True, go_backwards=True)
    second = SimpleRNN(UNITS)
    model = Sequential([MarkedZeros(input_shape=(STEPS, FEATURES)), first, second])
    mask = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)
    x = rng.normal(size=(3, STEPS, FEATURES)) * mask[..., None]
    between, _ = equations(first).run(x, mask, backwards=True)
    expected, _ = equations(second).run(between, mask[:, ::-1])
    close(model.predict(x), expected[:, -1])


def test_a_shared_layer_of_two_inputs(rng: np.random.Generator) -> None:
    layer = GRU(UNITS)
    inputs = [Input(shape=(STEPS, FEATURES)) for _ in range(2)]
    model = Model(inputs, [layer(x) for x in inputs])
    x = rng.normal(size=(2, 3, STEPS, FEATURES))
    for ours, theirs in zip(model.predict(list(x)), x, strict=True):
        close(ours, equations(layer).run(theirs)[0][:, -1])


def test_two_lengths_of_one_compiled_model(rng: np.random.Generator) -> None:
    layer = LSTM(UNITS, input_dim=FEATURES)
    model = Sequential([layer])
    model.compile("sgd", "mse")
    for steps in (3, 7):
        x = rng.normal(size=(6, steps, FEATURES))
        close(model.predict(x, batch_size=4), equations(layer).run(x)[0][:, -1])
        model.train_on_batch(x, np.zeros((6, UNITS)))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_config_makes_an_equal_layer(kind: str) -> None:
    layer = LAYERS[kind](
        UNITS, input_dim=FEATURES, input_length=STEPS, return_sequences=True, go_backwards=True,
        unroll=True, consume_less="mem", dropout_W=0.25, U_regularizer="l2", activation="relu",
    )  # fmt: skip
    config = layer.get_config()
    assert (config["unroll"], config["consume_less"], config["activation"]) == (
        True,
        "mem",
        "relu",
    )
    again = LAYERS[kind].from_config(config)
    assert again.get_config() == config
    assert again.batch_input_shape == (None, STEPS, FEATURES)


class Leaky(Recurrent):
    """A recurrent layer as users of Keras 1.0 wrote them."""

    def __init__(self, output_dim: int, **kwargs: Any):
        self.output_dim = output_dim
        super().__init__(**kwargs)

    def build(self, input_shape: tuple) -> None:
        self.input_spec = [InputSpec(shape=input_shape)]
        if self.stateful:
            self.reset_states()
        else:
            self.states = [None]
        self.W = initializations.one((input_shape[2], self.output_dim), name=f"{self.name}_W")
        self.trainable_weights = [self.W]

    def reset_states(self) -> None:
        shape = (self.input_spec[0].shape[0], self.output_dim)
        if hasattr(self, "states"):
            K.set_value(self.states[0], np.zeros(shape))
        else:
            self.states = [K.zeros(shape)]

    def get_constants(self, x: g.Node) -> list:
        return [K.cast_to_floatx(0.5)]

    def step(self, x: g.Node, states: list) -> tuple[g.Node, list[g.Node]]:
        total = K.dot(x, self.W) + states[0] * states[1]
        return total, [total]


def test_a_users_layer(rng: np.random.Generator) -> None:
    x = rng.normal(size=(BATCH, STEPS, FEATURES))

    def expected(start: float) -> np.ndarray:
        total = np.full((BATCH, UNITS), start)
        for t in range(STEPS):
            total = 0.5 * total + x[:, t].sum(axis=1, keepdims=True)
        return total

    model = Sequential([Leaky(UNITS, input_shape=(STEPS, FEATURES))])
    close(model.predict(x), expected(0.0))
    kept = Leaky(UNITS, batch_input_shape=(BATCH, STEPS, FEATURES), stateful=True)
    model = Sequential([kept])
    close(model.predict(x, batch_size=BATCH), expected(0.0))
    kept.states[0].set_value(np.full((BATCH, UNITS), 8.0))
    close(model.predict(x, batch_size=BATCH), expected(8.0))
    kept.reset_states()
    close(model.predict(x, batch_size=BATCH), expected(0.0))


class OwnStep(LSTM):
    """A layer whose step reads the inputs that it gets in Keras 1.0: the gates i, f, c, o as
    columns of one matrix, then masks by gate."""

    def step(self, x: g.Node, states: list) -> tuple[g.Node, list[g.Node]]:
        h, c, B_U, _ = states
        n = self.output_dim
        i = self.inner_activation(x[:, :n] + K.dot(h * B_U[0], self.U_i))
        f = self.inner_activation(x[:, n : 2 * n] + K.dot(h * B_U[1], self.U_f))
        c = f * c + i * self.activation(x[:, 2 * n : 3 * n] + K.dot(h * B_U[2], self.U_c))
        o = self.inner_activation(x[:, 3 * n :] + K.dot(h * B_U[3], self.U_o))
        h = o * self.activation(c)
        return h, [h, c]


def test_a_users_step_of_an_lstm(rng: np.random.Generator) -> None:
    layer = OwnStep(UNITS, input_shape=(STEPS, FEATURES), dropout_U=0.2)
    x = rng.normal(size=(3, STEPS, FEATURES))
    close(Sequential([layer]).predict(x), equations(layer).run(x)[0][:, -1])


class OnTwo(Recurrent):
    """h + x + v, with a vector v beside the sequence."""

    def __init__(self, **kwargs: Any):
        self.output_dim = 2
        super().__init__(return_sequences=True, **kwargs)

    def build(self, input_shape: list) -> None:
        self.input_spec = [InputSpec(shape=input_shape[0])]
        self.states = [None]

    def get_initial_states(self, x: list) -> list:
        return super().get_initial_states(x[0])

    def preprocess_input(self, x: list) -> g.Node:
        return x[0]

    def call(self, x: list, mask: Any = None) -> g.Node:
        return super().call(x, None if mask is None else mask[0])

    def compute_mask(self, x: list, mask: Any = None) -> Any:
        return None if mask is None else mask[0]

    def get_output_shape_for(self, input_shape: list) -> tuple:
        return super().get_output_shape_for(input_shape[0])

    def get_constants(self, x: list) -> list:
        return [x[1]]

    def step(self, x: g.Node, states: list) -> tuple[g.Node, list[g.Node]]:
        h = states[0] + x + states[1]
        return h, [h]


def test_a_users_layer_on_a_sequence_and_a_vector(rng: np.random.Generator) -> None:
    """One spec that `build` makes is that of the first input."""
    sequence, vector = Input((3, 2)), Input((2,))
    model = Model([sequence, vector], OnTwo()([Masking()(sequence), vector]))
    x, v = rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 2))
    x[0, 1] = 0.0  # is masked: the output repeats
    expected = x.cumsum(1) + v[:, None] * np.arange(1, 4)[:, None]
    expected[0, 1] = expected[0, 0]
    expected[0, 2] -= v[0]
    close(model.predict([x, v]), expected)


@pytest.mark.parametrize("consume_less", ["cpu", "mem", "gpu"])
@pytest.mark.parametrize("cls", [SimpleRNN, GRU, LSTM])
def test_steps_that_another_layer_makes(cls: type, consume_less: str) -> None:
    """With 'gpu' and 'mem' they take the input itself; constants behind a layer's own are for who
    gave them."""
    layer = cls(3, consume_less=consume_less)
    x = Input((4, 2))
    y = layer(x)
    sequence = layer.preprocess_input(x)
    assert (sequence is x) == (consume_less != "cpu")
    constants = [*layer.get_constants(x), x]
    last, _, _ = K.rnn(layer.step, sequence, layer.get_initial_states(x), constants=constants)
    value = np.random.default_rng(0).normal(size=(2, 4, 2))
    ours, theirs = K.function([x], [y, last])([value])
    close(ours, theirs)
