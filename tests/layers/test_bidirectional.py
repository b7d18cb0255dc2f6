"""Bidirectional: two recurrent layers, against their equations in NumPy from either end."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.engine import Input, Model
from graphc.errors import ArgumentError, KeywordError, ShapeError
from graphc.layers import GRU, LSTM, Bidirectional, Dense, Masking, Recurrent, SimpleRNN
from graphc.models import Sequential
from graphc.regularizers import Regularizer, l2
from tests.compiler.grad.differences import check_gradients
from tests.layers.recurrent_equations import Equations, weight_names

SAMPLES, STEPS, FEATURES, UNITS = 3, 4, 3, 2
X = np.random.default_rng(5).normal(size=(SAMPLES, STEPS, FEATURES))
MASK = np.array([[1, 1, 1, 1], [0, 1, 1, 0], [1, 0, 1, 0]], bool)
LAYERS = {"SimpleRNN": SimpleRNN, "GRU": GRU, "LSTM": LSTM}
MERGED = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
    "concat": lambda a, b: np.concatenate([a, b], axis=-1),
}


@pytest.fixture(autouse=True)
def _double():
    K.set_floatx("float64")


def equations(layer, kind):
    names = weight_names(kind)
    return Equations(kind, dict(zip(names, layer.get_weights(), strict=True)))


def expected(layer, kind, sequences, mask=None, backwards=False):
    """The outputs of both, those of sequences in the order of the first one."""
    first = equations(layer.forward_layer, kind).run(X, mask, backwards)[0]
    second = equations(layer.backward_layer, kind).run(X, mask, not backwards)[0]
    return (first, second[:, ::-1]) if sequences else (first[:, -1], second[:, -1])


def run(inputs, outputs, *arrays):
    return evaluate(outputs, dict(zip(inputs, arrays, strict=True)))


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("mode", MERGED)
@pytest.mark.parametrize("sequences", [False, True])
def test_values(kind, mode, sequences):
    x = Input((STEPS, FEATURES))
    layer = Bidirectional(LAYERS[kind](UNITS, return_sequences=sequences), merge_mode=mode)
    y = layer(x)
    wanted = MERGED[mode](*expected(layer, kind, sequences))
    np.testing.assert_allclose(run([x], [y], X)[0], wanted, rtol=1e-10)
    assert layer.output_shape == (None, *wanted.shape[1:])


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_masked_and_from_either_end(sequences, backwards):
    x, mask = Input((None, FEATURES)), K.placeholder((None, None), dtype="bool")
    inside = GRU(UNITS, return_sequences=sequences, go_backwards=backwards)
    layer = Bidirectional(inside)
    y = layer(x, mask=mask)
    wanted = MERGED["concat"](*expected(layer, "GRU", sequences, MASK, backwards))
    np.testing.assert_allclose(run([x, mask], [y], X, MASK)[0], wanted, rtol=1e-10)
    out = layer.output_mask
    if sequences:
        found = run([x, mask], [out], X, MASK)[0]
        np.testing.assert_array_equal(found, MASK[:, ::-1] if backwards else MASK)
    else:
        assert out is None


def test_no_merging_gives_both_with_their_masks():
    x = Input((STEPS, FEATURES))
    layer = Bidirectional(LSTM(UNITS, return_sequences=True), merge_mode=None)
    both = layer(Masking()(x))
    for got, wanted in zip(run([x], both, X), expected(layer, "LSTM", True), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10)
    assert len(layer.output_mask) == 2
    assert layer.output_mask[0] is layer.output_mask[1] is not None


def test_gradients():
    layer = Bidirectional(GRU(UNITS))
    layer(Input((STEPS, FEATURES)))

    def build(x, *weights):
        return g.substitute([layer(x)], dict(zip(layer.weights, weights, strict=True)))[0]

    check_gradients(build, [X, *layer.get_weights()], second_order=False)


class TestWeights:
    def test_two_sets_with_names_of_their_own(self):
        layer = Bidirectional(SimpleRNN(UNITS, name="inside"))
        layer(Input((STEPS, FEATURES)))
        parts = [f"{way}_inside_{part}" for way in ("forward", "backward") for part in "WUb"]
        assert [g.name_of(weight) for weight in layer.weights] == parts
        values = layer.get_weights()
        assert np.any(values[0] != values[3])
        assert layer.count_params() == 2 * (FEATURES * UNITS + UNITS * UNITS + UNITS)

    def test_initial_values_of_both(self):
        shapes = [(FEATURES, UNITS), (UNITS, UNITS), (UNITS,)] * 2
        values = [np.full(shape, k) for k, shape in enumerate(shapes)]
        layer = Bidirectional(SimpleRNN(UNITS), weights=values)
        layer(Input((STEPS, FEATURES)))
        for got, value in zip(layer.backward_layer.get_weights(), values[3:], strict=True):
            np.testing.assert_array_equal(got, value)

    def test_initial_values_of_one(self):
        layer = Bidirectional(SimpleRNN(UNITS), weights=[np.ones((3, 2))], name="both")
        with pytest.raises(ShapeError, match="both: expected 6 weights .*backward.* received 1"):
            layer(Input((STEPS, FEATURES)))

    @pytest.mark.parametrize("trainable", [True, False])
    def test_training(self, trainable):
        layer = Bidirectional(GRU(UNITS, name="inside", trainable=trainable, input_dim=FEATURES))
        model = Sequential([layer, Dense(1)])
        model.compile("sgd", "mse")
        before = layer.get_weights()
        losses = [model.train_on_batch(X, np.ones((SAMPLES, 1))) for _ in range(5)]
        assert losses[-1] < losses[0]
        moved = [np.any(a != b) for a, b in zip(before, layer.get_weights(), strict=True)]
        assert moved == [trainable] * len(before)

    def test_frozen_as_a_whole_and_by_half(self):
        layer = Bidirectional(SimpleRNN(UNITS, input_dim=FEATURES))
        model = Sequential([layer, Dense(1)])
        layer.backward_layer.trainable = False
        for whole, expected in ((True, [True] * 3 + [False] * 3), (False, [False] * 6)):
            layer.trainable = whole
            model.compile("sgd", "mse")
            before = layer.get_weights()
            model.train_on_batch(X, np.ones((SAMPLES, 1)))
            moved = [np.any(a != b) for a, b in zip(before, layer.get_weights(), strict=True)]
            assert moved == expected

    def test_penalties_of_both(self):
        layer = Bidirectional(SimpleRNN(UNITS, W_regularizer=l2(0.5)), input_shape=(STEPS, 3))
        model = Sequential([layer])
        model.compile("sgd", "mse")
        y = model.predict(X)
        W = layer.forward_layer.get_weights()[0], layer.backward_layer.get_weights()[0]
        penalty = 0.5 * sum(np.sum(one**2) for one in W)
        np.testing.assert_allclose(model.train_on_batch(X, y), penalty, rtol=1e-10)


class TestStates:
    def test_stateful_layers_go_on_and_are_reset(self):
        layer = Bidirectional(LSTM(UNITS, stateful=True), batch_input_shape=(3, STEPS, FEATURES))
        model = Sequential([layer])
        first = model.predict(X, batch_size=3)
        second = model.predict(X, batch_size=3)
        for k, (way, backwards) in enumerate((("forward", False), ("backward", True))):
            one = equations(getattr(layer, f"{way}_layer"), "LSTM")
            states = one.run(X, backwards=backwards)[1]
            wanted = one.run(X, backwards=backwards, states=states)[0][:, -1]
            got = second[:, k * UNITS : (k + 1) * UNITS]
            np.testing.assert_allclose(got, wanted, rtol=1e-10)
        model.reset_states()
        np.testing.assert_array_equal(model.predict(X, batch_size=3), first)

    def test_dropout_is_drawn_for_each(self):
        layer = Bidirectional(SimpleRNN(UNITS, dropout_W=0.5), merge_mode=None)
        layer(Input((STEPS, FEATURES)))
        assert layer.forward_layer._graphc.seed != layer.backward_layer._graphc.seed


class TestLikeTheLayer:
    def test_it_says_what_comes_in(self):
        model = Sequential([Bidirectional(LSTM(UNITS, input_dim=3, input_length=4))])
        assert model.input_shape == (None, 4, 3)
        model = Sequential([Bidirectional(LSTM(UNITS, input_dim=3), input_shape=(7, 3))])
        assert model.input_shape == (None, 7, 3)

    def test_functions_and_objects_of_ones_own_are_kept(self):
        class Cubed(Regularizer):
            def set_param(self, p):
                self.p = p

            def __call__(self, loss):
                return loss + K.sum(K.abs(self.p) ** 3)

        def half(x):
            return x / 2

        layer = Bidirectional(SimpleRNN(UNITS, activation=half, U_regularizer=Cubed()))
        layer(Input((STEPS, FEATURES)))
        assert layer.forward_layer.activation is layer.backward_layer.activation is half
        assert {type(one) for one in layer.regularizers} == {Cubed}
        assert len(layer.regularizers) == 2

    def test_a_recurrent_layer_of_ones_own(self):
        class Total(Recurrent):
            def __init__(self, output_dim, **kwargs):
                self.output_dim = output_dim
                super().__init__(**kwargs)

            def build(self, input_shape):
                self.states = [None]

            def step(self, x, states):
                return x + states[0], [x + states[0]]

        x = Input((STEPS, FEATURES))
        y = Bidirectional(Total(FEATURES, return_sequences=True), merge_mode="sum")(x)
        # From the start to a step, and from the end to it.
        np.testing.assert_allclose(run([x], [y], X)[0], X.sum(1, keepdims=True) + X)

    def test_config(self):
        layer = Bidirectional(LSTM(UNITS, input_dim=3), merge_mode="ave", name="both")
        config = layer.get_config()
        assert config["layer"]["class_name"] == "LSTM"
        assert config["merge_mode"] == "ave"
        again = Bidirectional.from_config(json.loads(json.dumps(config)))
        assert again.get_config() == config

    def test_inside_of_a_functional_model_twice(self):
        layer = Bidirectional(SimpleRNN(UNITS))
        a, b = Input((STEPS, FEATURES)), Input((STEPS, FEATURES))
        model = Model([a, b], [layer(a), layer(b)])
        one, other = model.predict([X, X])
        np.testing.assert_array_equal(one, other)
        assert len(model.weights) == 6


class TestErrors:
    @pytest.mark.parametrize("layer", [Dense(3, name="d"), 3, GRU])
    def test_no_recurrent_layer(self, layer):
        with pytest.raises(ArgumentError, match=r"expected a recurrent layer, e.g. LSTM\(8\), rec"):
            Bidirectional(layer)

    def test_a_layer_in_use(self):
        used = LSTM(UNITS, name="used")
        used(Input((STEPS, FEATURES)))
        with pytest.raises(ArgumentError, match=r"made like used \(LSTM\), and it has weights"):
            Bidirectional(used)
        with pytest.raises(ArgumentError, match=r"Bidirectional\(..., weights=...\)"):
            Bidirectional(LSTM(UNITS, weights=[np.ones(3)]))

    @pytest.mark.parametrize("mode", ["cat", "max", 0])
    def test_an_unknown_merge_mode(self, mode):
        with pytest.raises(ArgumentError, match="merge_mode: expected 'sum', .* or None, received"):
            Bidirectional(LSTM(UNITS), merge_mode=mode)

    def test_an_input_of_another_rank(self):
        with pytest.raises(ShapeError, match=r"forward_inside \(GRU\): expected sequences"):
            Bidirectional(GRU(UNITS, name="inside"))(Input((FEATURES,)))

    def test_an_unknown_keyword(self):
        with pytest.raises(KeywordError, match="Bidirectional: unknown keyword 'mode'"):
            Bidirectional(GRU(UNITS), mode="sum")


def test_the_input_of_the_layer_that_is_given_is_that_of_both():
    both = Bidirectional(SimpleRNN(UNITS, input_shape=(STEPS, FEATURES), input_dtype="float64"))
    (read,) = Sequential([both]).inputs
    assert read.dtype == "float64"
    assert both.input_dtype == "float64"
    own = Bidirectional(
        SimpleRNN(UNITS, input_shape=(STEPS, FEATURES), input_dtype="float64"),
        input_shape=(2, FEATURES),
    )
    assert own.batch_input_shape == (None, 2, FEATURES)
