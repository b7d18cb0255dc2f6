"""The six reference models: their sizes, their layers, their gradients, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import optimizers
from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.layers.core import Activation, Dense, Dropout
from graphc.models import Sequential
from graphc.reference_models import REFERENCE_MODELS, TrainingStep
from tests.compiler.grad.differences import assert_close, central_differences
from tests.reference_models.cut_sizes import CUT

GATES = {"gru": 3, "lstm": 4}
N = g.BATCH


def recurrent_shapes(kind: str, features: int, units: int) -> list[tuple[int, ...]]:
    return [(features, units), (units, units), (units,)] * GATES[kind]


SHAPES = {
    "mlp": (
        [(N, 784), (N, 10), (N,)],
        [(784, 512), (512,), (512, 512), (512,), (512, 10), (10,)],
        128,
    ),
    "cnn": (
        [(N, 1, 28, 28), (N, 10)],
        [
            *[(32, 1, 3, 3), (32,), (32, 32, 3, 3), (32,)],
            *[(32 * 12 * 12, 128), (128,), (128, 10), (10,)],
        ],
        128,
    ),
    "gru_ae": (
        [(N, 50, 6), (N, 50, 6)],
        [*recurrent_shapes("gru", 6, 50), *recurrent_shapes("gru", 50, 6)],
        16,
    ),
    "lstm": (
        [(N, 80), (N, 1)],
        [(20_000, 128), *recurrent_shapes("lstm", 128, 128), (128, 1), (1,)],
        32,
    ),
    "accel": (
        [(N, 16_501, 3), (N, 16_501, 3), (N, 16_501, 3), (N, 1)],
        [*[(20, 3, 5, 1), (20,)] * 3, (3 * 1_649 * 20, 50), (50,), (50, 1), (1,)],
        16,
    ),
    "conv3d": (
        [(N, 3, 10, 128, 128), (N, 10)],
        [
            *[(8, 3, 3, 3, 3), (8,), (16, 8, 3, 3, 3), (16,)],
            *[(16 * 30 * 30, 64), (64,), (64, 10), (10,)],
        ],
        8,
    ),
}

LAYERS = {
    "mlp": "dense_1 activation_1 dropout_1 dense_2 activation_2 dropout_2 dense_3 activation_3",
    "cnn": "convolution2d_1 convolution2d_2 maxpooling2d_1 dropout_1 flatten_1 dense_1 dense_2",
    "gru_ae": "gru_1 gru_2",
    "lstm": "embedding_1 lstm_1 dense_1",
    "accel": "convolution1d_1 convolution1d_2 convolution1d_3 dropout_1 dropout_2 dropout_3 "
    "maxpooling1d_1 maxpooling1d_2 maxpooling1d_3 flatten_1 flatten_2 flatten_3 merge_1 dense_1 "
    "dense_2",
    "conv3d": "convolution3d_1 maxpooling3d_1 convolution3d_2 maxpooling3d_2 flatten_1 dense_1 "
    "dropout_1 dense_2",
}


def cut(name: str) -> TrainingStep:
    return REFERENCE_MODELS[name].build(**CUT[name])


def roots(step: TrainingStep) -> list[g.Node]:
    return [step.loss, *step.metrics, *(value for _, value in step.updates)]


def test_every_model_is_tested() -> None:
    assert list(REFERENCE_MODELS) == list(SHAPES)
    assert all(name == model.name for name, model in REFERENCE_MODELS.items())


@pytest.mark.parametrize("name", SHAPES)
def test_sizes(name: str) -> None:
    inputs, weights, batch = SHAPES[name]
    model = REFERENCE_MODELS[name]
    step = model.build()
    assert [node.shape for node in step.inputs] == inputs
    assert [weight.shape for weight in step.weights] == weights
    assert model.batch == batch
    assert step.loss.shape == ()
    assert [metric.shape for metric in step.metrics] == [()] * len(step.metrics)
    assert step.predictions.shape in inputs  # the targets'


@pytest.mark.parametrize("name", CUT)
def test_data_are_what_the_function_takes(name: str) -> None:
    step = cut(name)
    for node, array in zip(step.inputs, step.data(3), strict=True):
        assert array.dtype.name == node.dtype
        assert array.shape == (3, *node.shape[1:])


@pytest.mark.parametrize("name", CUT)
def test_the_loss_falls(name: str) -> None:
    step = cut(name)
    arrays = step.data(8)
    feeds = dict(zip(step.inputs, arrays, strict=True))
    (before,) = evaluate([step.loss], feeds)
    train = step.function()
    for _ in range(60):
        train(*arrays)
    (after,) = evaluate([step.loss], feeds)  # with the dropout masks of the first
    assert after < 0.95 * before


@pytest.mark.parametrize("name", CUT)
def test_a_batch_of_one(name: str) -> None:
    step = cut(name)
    train = step.function()
    before = [weight.get_value() for weight in step.weights]
    results = train(*step.data(1))
    assert len(results) == 1 + len(step.metrics)
    assert np.isfinite(results).all()
    after = [weight.get_value() for weight in step.weights]
    assert all(np.isfinite(value).all() for value in after)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", CUT)
def test_gradients_are_the_slopes_of_the_loss(name: str) -> None:
    """Each weight moves along a random direction; the dropout masks are those of one call."""
    config.floatX = "float64"
    step = cut(name)
    rng = np.random.default_rng(11)
    moved, slopes = {}, {}
    for weight in step.weights:
        # Biases too, so that no ReLU sits at its kink.
        weight.set_value(weight.get_value() + rng.normal(size=weight.shape, scale=0.1))
        distance = g.input(())
        direction = rng.normal(size=weight.shape)
        moved[weight] = weight + distance * g.constant(direction)
        slopes[distance] = direction
    feeds = dict(zip(step.inputs, step.data(3), strict=True))
    gradients = evaluate(grad(step.loss, step.weights), feeds)
    (loss,) = g.substitute([step.loss], moved)
    feeds |= dict.fromkeys(slopes, np.zeros(()))
    for (distance, direction), gradient in zip(slopes.items(), gradients, strict=True):
        assert (gradient != 0.0).any()
        slope = np.sum(gradient * direction)
        assert_close(slope, central_differences(loss, feeds, distance))


@pytest.mark.parametrize("name", CUT)
def test_nodes_name_their_layers(name: str) -> None:
    origins = {g.origin_of(node) for node in g.every_node(cut(name).function().graph())} - {None}
    forward = {origin.layer for origin in origins if not origin.backward}
    layers = set(LAYERS[name].split())
    losses = {layer for layer in forward if layer.startswith(("loss of ", "metric "))}
    assert forward - losses == layers
    assert len(losses) == 1 + len(cut(name).metrics)
    assert {origin.layer for origin in origins if origin.backward} >= {
        layer for layer in layers if layer.startswith(("dense", "conv", "gru", "lstm", "embedding"))
    }


@pytest.mark.parametrize("name", CUT)
def test_the_learning_phase_is_fixed(name: str) -> None:
    step = cut(name)
    training, testing = g.every_node(roots(step)), g.every_node([step.predictions])
    assert g.learning_phase() not in {*training, *testing}
    draws = [node for node in training if node.op == "random"]
    assert len(draws) == LAYERS[name].count("dropout")
    predict = dict(zip(step.inputs, step.data(2), strict=True))
    first, second = (evaluate([step.predictions], predict, call_step=k)[0] for k in (0, 1))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("name", "per_weight", "others"), [("mlp", 2, 0), ("lstm", 3, 1)])
def test_updates_are_the_optimizers(name: str, per_weight: int, others: int) -> None:
    """RMSprop: the weight and its mean square; Adam: two means, and the count of the steps."""
    step = cut(name)
    variables = [variable for variable, _ in step.updates]
    assert set(step.weights) < set(variables)
    assert len(variables) == per_weight * len(step.weights) + others


def test_mlp_is_what_sequential_trains() -> None:
    np.random.seed(3)
    sizes = CUT["mlp"]
    model = Sequential()
    model.add(Dense(sizes["width"], input_dim=sizes["features"]))
    for width in (sizes["width"], sizes["classes"]):
        model.add(Activation("relu"))
        model.add(Dropout(0.2))
        model.add(Dense(width))
    model.add(Activation("softmax"))
    model.compile(optimizers.RMSprop(), "categorical_crossentropy")
    np.random.seed(3)
    step = cut("mlp")
    train = step.function()
    x, y, weights = step.data(5)
    for _ in range(3):
        assert float(train(x, y, weights)[0]) == model.train_on_batch(x, y)
    for mine, kept in zip(step.weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine.get_value(), kept)
