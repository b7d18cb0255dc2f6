"""SimpleRNN, GRU and LSTM against their equations in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.layers import recurrent
from graphc.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN, time_distributed_dense
from graphc.regularizers import Regularizer, l1l2
from tests.layers.recurrent_equations import GATES, Arrays, Equations, weight_names

SAMPLES, STEPS, FEATURES, UNITS = 4, 5, 3, 2
LAYERS: dict[str, type[Recurrent]] = {"SimpleRNN": SimpleRNN, "GRU": GRU, "LSTM": LSTM}

# Row 0 has no mask, row 1 starts masked, row 2 has gaps, row 3 is masked throughout.
MASK = np.array([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]], bool)


@pytest.fixture(autouse=True)
def _double() -> None:
    config.floatX = "float64"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def made(kind: str, rng: np.random.Generator, **options: Any) -> tuple[Recurrent, Arrays]:
    """A layer, called on nothing yet, with weights that the arrays hold."""
    shapes = {"W": (FEATURES, UNITS), "U": (UNITS, UNITS), "b": (UNITS,)}
    arrays = {name: rng.normal(size=shapes[name[0]]) for name in weight_names(kind)}
    return LAYERS[kind](UNITS, weights=list(arrays.values()), **options), arrays


def fixed_phase(nodes: list[g.Node], training: bool) -> list[g.Node]:
    return g.substitute(nodes, {g.learning_phase(): g.as_node(training)})


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("options", [{}, {"consume_less": "mem"}, {"unroll": True}])
def test_values_and_gradients(
    kind: str,
    sequences: bool,
    masked: bool,
    backwards: bool,
    options: dict,
    rng: np.random.Generator,
) -> None:
    layer, arrays = made(kind, rng, return_sequences=sequences, go_backwards=backwards, **options)
    mask = MASK if masked else None
    x = g.input((SAMPLES, STEPS, FEATURES), "float64", "x")
    output = layer(x, mask=None if mask is None else g.constant(mask))
    arrays["x"] = rng.normal(size=x.shape)

    def expected(values: Arrays) -> np.ndarray:
        outputs, _ = Equations(kind, values).run(values["x"], mask, backwards)
        return outputs if sequences else outputs[:, -1]

    feeds = {x: arrays["x"]}
    (value,) = evaluate([output], feeds)
    np.testing.assert_allclose(value, expected(arrays), rtol=1e-12, atol=1e-12)
    factors = rng.normal(size=value.shape)
    loss = K.sum(g.constant(factors) * output)
    gradients = evaluate(K.gradients(loss, [*layer.trainable_weights, x]), feeds)
    for name, gradient in zip(arrays, gradients, strict=True):
        direction, step = rng.normal(size=gradient.shape), 1e-5
        ends = [
            (factors * expected({**arrays, name: arrays[name] + move * direction})).sum()
            for move in (step, -step)
        ]
        slope = (ends[0] - ends[1]) / (2.0 * step)
        np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("consume_less", ["cpu", "mem"])
def test_nan_in_the_padding_reaches_nothing(
    kind: str, consume_less: str, rng: np.random.Generator
) -> None:
    layer, _ = made(kind, rng, return_sequences=True, consume_less=consume_less)
    x = g.input((SAMPLES, STEPS, FEATURES), "float64")
    loss = K.sum(K.square(layer(x, mask=g.constant(MASK))))
    results = [loss, *K.gradients(loss, [*layer.trainable_weights, x])]
    values = rng.normal(size=x.shape)
    clean = evaluate(results, {x: values})
    dirty = evaluate(results, {x: np.where(MASK[..., None], values, np.nan)})
    for ours, theirs in zip(dirty, clean, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", LAYERS)
def test_two_lengths_of_one_function(kind: str, rng: np.random.Generator) -> None:
    layer, arrays = made(kind, rng, return_sequences=True)
    x = g.input((g.BATCH, None, FEATURES), "float64")
    run = K.function([x], [layer(x)])
    for samples, steps in ((2, 3), (4, 6)):
        values = rng.normal(size=(samples, steps, FEATURES))
        expected, _ = Equations(kind, arrays).run(values)
        np.testing.assert_allclose(run([values])[0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_activations_by_name(kind: str, rng: np.random.Generator) -> None:
    options = {} if kind == "SimpleRNN" else {"inner_activation": "sigmoid"}
    layer, arrays = made(kind, rng, activation="relu", **options)
    x = g.input((SAMPLES, STEPS, FEATURES), "float64")
    values = rng.normal(size=x.shape)
    equations = Equations(
        kind, arrays, lambda a: np.maximum(a, 0.0), lambda a: 1.0 / (1.0 + np.exp(-a))
    )
    expected = equations.run(values)[0][:, -1]
    np.testing.assert_allclose(evaluate([layer(x)], {x: values})[0], expected, rtol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_weights_have_the_names_order_and_values_of_keras(kind: str) -> None:
    layer = LAYERS[kind](UNITS, name="layer")
    layer(g.input((g.BATCH, STEPS, FEATURES), "float64"))
    names = [g.name_of(weight).removeprefix("layer_") for weight in layer.weights]
    assert names == weight_names(kind)
    bound = np.sqrt(6.0 / (FEATURES + UNITS))
    for name, weight in zip(names, layer.weights, strict=True):
        assert getattr(layer, name) is weight
        value = weight.get_value()
        if name[0] == "W":
            assert 0.5 * bound < np.abs(value).max() <= bound
        elif name[0] == "U":
            np.testing.assert_allclose(value @ value.T, 1.1**2 * np.eye(UNITS), atol=1e-12)
        else:
            np.testing.assert_array_equal(value, 1.0 if name == "b_f" else 0.0)


def test_initializations_by_name() -> None:
    layer = LSTM(UNITS, init="one", inner_init="identity", forget_bias_init="zero")
    layer(g.input((g.BATCH, STEPS, FEATURES), "float64"))
    np.testing.assert_array_equal(layer.W_c.get_value(), np.ones((FEATURES, UNITS)))
    np.testing.assert_array_equal(layer.U_o.get_value(), np.eye(UNITS))
    np.testing.assert_array_equal(layer.b_f.get_value(), np.zeros(UNITS))


class LargestElement(Regularizer):
    """A penalty that is no sum over elements."""

    def set_param(self, p: g.Node) -> None:
        self.p = p

    def __call__(self, loss: g.Node) -> g.Node:
        return loss + K.max(self.p)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_regularizer_sees_the_weights_of_all_gates_at_once(
    kind: str, rng: np.random.Generator
) -> None:
    shared = l1l2(0.1, 0.2)
    layer, arrays = made(
        kind, rng, W_regularizer=shared, U_regularizer=shared, b_regularizer=LargestElement()
    )
    layer(g.input((g.BATCH, STEPS, FEATURES), "float64"))
    loss = g.as_node(0.0)
    for penalty in layer.regularizers:
        loss = penalty(loss)
    (value,) = evaluate(fixed_phase([loss], True), {})
    matrices = [array for name, array in arrays.items() if name[0] in "WU"]
    expected = sum(0.1 * np.abs(m).sum() + 0.2 * np.square(m).sum() for m in matrices)
    expected += max(array.max() for name, array in arrays.items() if name[0] == "b")
    np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize("consume_less", ["cpu", "mem"])
@pytest.mark.parametrize("kind", LAYERS)
def test_each_gate_has_masks_of_its_own_for_x_and_h(
    kind: str, consume_less: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    real = recurrent.dropout_mask

    def spy(*arguments: object) -> g.Node:
        drawn.append(real(*arguments))
        return drawn[-1]

    monkeypatch.setattr(recurrent, "dropout_mask", spy)
    layer, arrays = made(
        kind, rng, dropout_W=0.5, dropout_U=0.25, consume_less=consume_less, return_sequences=True
    )
    x = g.input((SAMPLES, STEPS, FEATURES), "float64")
    values = rng.normal(size=x.shape)
    output = layer(x)
    training, *masks = evaluate(fixed_phase([output, *drawn], True), {x: values})
    count = len(GATES[kind])
    for_h, for_x = masks[:count], masks[count:]
    assert [mask.shape for mask in for_h] == [(SAMPLES, UNITS)] * count
    assert [mask.shape for mask in for_x] == [(SAMPLES, FEATURES)] * count
    assert set(np.unique(for_h)) == {0.0, 1.0 / 0.75}
    assert set(np.unique(for_x)) == {0.0, 2.0}
    assert len({mask.tobytes() for mask in for_x}) == count
    order = ("_i", "_f", "_c", "_o") if kind == "LSTM" else GATES[kind]
    equations = Equations(
        kind,
        arrays,
        x_factors=dict(zip(order, for_x, strict=True)),
        h_factors=dict(zip(order, for_h, strict=True)),
    )
    np.testing.assert_allclose(training, equations.run(values)[0], rtol=1e-12, atol=1e-12)
    (testing,) = evaluate(fixed_phase([output], False), {x: values})
    np.testing.assert_allclose(testing, Equations(kind, arrays).run(values)[0], rtol=1e-12)


def test_dropout_is_new_for_each_sample_and_call_and_the_same_at_all_steps() -> None:
    samples, units = 50, 40
    layer = SimpleRNN(
        units, activation="linear", dropout_W=0.3, return_sequences=True,
        weights=[np.eye(units), np.zeros((units, units)), np.zeros(units)],
    )  # fmt: skip
    x = g.input((samples, 6, units), "float64")
    run = K.function([x, K.learning_phase()], [layer(x)])
    ones = np.ones((samples, 6, units))
    (first,), (second,) = run([ones, 1]), run([ones, 1])
    np.testing.assert_array_equal(first, np.broadcast_to(first[:, :1], first.shape))
    np.testing.assert_allclose(np.unique(first), [0.0, 1.0 / 0.7])
    assert (first[0] != first[1]).any()
    assert (first != second).any()
    # 2000 draws: the share of zeros has a standard deviation of 0.0102, five of them are allowed.
    assert abs((first[:, 0] == 0.0).mean() - 0.3) < 0.052
    np.testing.assert_array_equal(run([ones, 0])[0], ones)


@pytest.mark.parametrize("kind", LAYERS)
def test_every_schedule_draws_the_same_masks(kind: str, rng: np.random.Generator) -> None:
    results = []
    values = rng.normal(size=(SAMPLES, STEPS, FEATURES))
    weights = None
    for options in ({}, {"consume_less": "mem"}, {"unroll": True}):
        np.random.seed(7)
        layer = LAYERS[kind](UNITS, dropout_W=0.5, dropout_U=0.5, weights=weights, **options)
        x = g.input(values.shape, "float64")
        results += evaluate(fixed_phase([layer(x)], True), {x: values})
        weights = layer.get_weights()
    for other in results[1:]:
        np.testing.assert_allclose(results[0], other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("kind", "products"), [("SimpleRNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_the_loop_has_the_products_of_the_state_alone(kind: str, products: int) -> None:
    layer = LAYERS[kind](UNITS)
    output = layer(g.input((g.BATCH, STEPS, FEATURES), "float64"))
    (scan,) = [node for node in g.toposort([output]) if node.op == "scan"]
    inside = [n for n in g.toposort(scan.attrs["body"].outputs) if n.op == "matmul"]
    assert [node.shape for node in inside] == [(g.BATCH, UNITS)] * products
    assert {node.inputs[1].shape for node in inside} == {(UNITS, UNITS)}


def test_compute_mask() -> None:
    x, mask = g.input((2, 3, FEATURES), "float64"), g.constant(np.array([[1, 1, 0], [0, 1, 1]]))
    assert LSTM(UNITS).compute_mask(x, mask) is None
    assert LSTM(UNITS, return_sequences=True).compute_mask(x, None) is None
    assert LSTM(UNITS, return_sequences=True).compute_mask(x, mask) is mask
    # Outputs are in the order of processing, so the mask is too.
    backwards = LSTM(UNITS, return_sequences=True, go_backwards=True).compute_mask(x, mask)
    np.testing.assert_array_equal(evaluate([backwards], {})[0], [[0, 1, 1], [1, 1, 0]])


def test_output_shapes() -> None:
    assert GRU(7).get_output_shape_for((None, 5, 3)) == (None, 7)
    assert GRU(7, return_sequences=True).get_output_shape_for((2, None, 3)) == (2, None, 7)
    layer = GRU(7, input_length=5, return_sequences=True)
    assert layer(g.input((2, None, 3), "float64")).shape == (2, 5, 7)


def test_time_distributed_dense(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 4, 3))
    w, b = rng.normal(size=(3, 5)), rng.normal(size=5)
    nodes = [g.constant(array) for array in (x, w, b)]
    (plain,) = evaluate([time_distributed_dense(*nodes[:2])], {})
    np.testing.assert_allclose(plain, x @ w, rtol=1e-12)
    dropped = time_distributed_dense(*nodes, dropout=0.5, input_dim=3, output_dim=5, timesteps=4)
    np.testing.assert_allclose(
        evaluate(fixed_phase([dropped], False), {})[0], x @ w + b, rtol=1e-12
    )
    (training,) = evaluate(fixed_phase([dropped], True), {})
    # Of 3 features there are 8 masks, the same one at all steps.
    masks = [2.0 * np.array(list(np.binary_repr(k, 3)), float) for k in range(8)]
    for sample, value in zip(x, training, strict=True):
        assert any(np.allclose(value, (sample * mask) @ w + b) for mask in masks)
