"""Training, testing and predicting with batches in shards, beside whole batches."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc import backend as K
from graphc.config import config
from graphc.errors import ArgumentError, FlagError
from graphc.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNormalization,
    Convolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    Input,
    Lambda,
    MaxPooling2D,
    merge,
)
from graphc.metrics import AUC
from graphc.models import Graph, Model, Sequential
from graphc.optimizers import SGD, Adam


@pytest.fixture(autouse=True)
def interpreted():
    with config.changed(cpu="numpy", floatX="float64"):
        yield


RNG = np.random.RandomState(3)
X, Y, WORDS = RNG.rand(10, 6), RNG.rand(10, 2), RNG.randint(0, 9, (10, 5))
SERIES, IMAGES = RNG.rand(10, 5, 2), RNG.rand(10, 1, 6, 6)
LABELS = np.eye(2)[RNG.randint(0, 2, 10)]
WEIGHTS = np.array([1, 0, 2, 1, 0, 0, 1, 3, 1, 0.5])


def close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def dropout():
    model = Sequential([Dense(5, input_dim=6, activation="tanh", W_regularizer="l2")])
    model.add(Dropout(0.5))
    model.add(GaussianNoise(0.1))
    model.add(Dense(2, activity_regularizer="activity_l2"))
    model.compile(Adam(0.05), "mse")
    return model, X, Y


def masked():
    model = Sequential([Embedding(9, 4, mask_zero=True, input_length=5, dropout=0.2)])
    model.add(LSTM(3, return_sequences=True, dropout_W=0.3, dropout_U=0.3))
    model.add(Dropout(0.2))
    model.add(GRU(2, return_sequences=True))
    model.compile("rmsprop", "mse")
    return model, WORDS, SERIES


def convolutions():
    model = Sequential([Convolution2D(3, 2, 2, input_shape=(1, 6, 6), dim_ordering="th")])
    model.add(MaxPooling2D(dim_ordering="th"))
    model.add(Flatten())
    model.add(Dense(2, activation="softmax"))
    norm_of_all = SGD(0.5, momentum=0.9, clipnorm=0.1)
    model.compile(norm_of_all, "categorical_crossentropy", ["accuracy", "fbeta_score", AUC()])
    return model, IMAGES, LABELS


def several_outputs():
    words, numbers = Input((5,), dtype="int32"), Input((6,))
    last = LSTM(3)(Embedding(9, 4, mask_zero=True)(words))
    both = merge([last, numbers], mode="concat")
    first, second = Dense(2, activation="softmax")(both), Dense(2)(Dropout(0.3)(both))
    model = Model([words, numbers], [first, second])
    model.compile("adam", ["categorical_crossentropy", "mae"], loss_weights=[1.0, 0.3])
    return model, [WORDS, X], [LABELS, Y]


@pytest.mark.parametrize("make", [dropout, masked, convolutions, several_outputs])
def test_fit_is_that_of_whole_batches(make):
    """Batches of 7 and of 3 samples, each 0 to 3 in a shard; weights of which some are 0."""
    results = []
    for number in (None, 3, 5):
        np.random.seed(7)
        model, x, y = make()
        weights = WEIGHTS if not isinstance(y, list) else [WEIGHTS, np.ones(10)]
        how = {"sample_weight": weights, "validation_data": (x, y), "verbose": 0}
        run = model.fit(x, y, 7, nb_epoch=2, shards=number, **how)
        histories = [run.history[label] for label in sorted(run.history)]
        results.append([*histories, *model.get_weights()])
    for found in results[1:]:
        close(found, results[0])


@pytest.mark.flags(keras="1.0")
def test_batch_normalization_has_the_statistics_of_each_shard():
    """The step is the mean, weighted by rows, of the steps that each shard alone would make; the
    running statistics make the mean of those steps as well."""
    model = Sequential([BatchNormalization(input_shape=(6,)), Activation("tanh"), Dense(2)])
    model.compile(SGD(1.0), "mse")
    before = model.get_weights()
    parts = [slice(0, 4), slice(4, 8), slice(8, 10)]
    steps, losses = [], []
    for part in parts:
        model.set_weights(before)
        losses.append(model.train_on_batch(X[part], Y[part]))
        steps.append(model.get_weights())
    model.set_weights(before)
    loss = model.train_on_batch(X, Y, shards=3)
    share = [0.4, 0.4, 0.2]
    assert loss == pytest.approx(np.dot(share, losses), rel=1e-13)
    weighted = [
        sum(s * one for s, one in zip(share, each, strict=True))
        for each in zip(*steps, strict=True)
    ]
    close(model.get_weights(), weighted)
    means = np.array([X[part].mean(0) for part in parts])
    np.testing.assert_allclose(model.get_weights()[2], 0.1 * np.dot(share, means), rtol=1e-13)


def test_normalize_batch_in_training_is_a_shards_own():
    def normalized(x):
        return K.normalize_batch_in_training(x, K.ones((6,)), K.zeros((6,)), 0)[0]

    with config.changed(keras="1.2"):
        model = Sequential([Lambda(normalized, input_shape=(6,), output_shape=(6,)), Dense(2)])
        model.compile("sgd", "mse")
        shown = model.predict(X, shards=2)
    halves = [(half - half.mean(0)) / np.sqrt(half.var(0) + 1e-3) for half in (X[:5], X[5:])]
    weights, bias = model.get_weights()
    np.testing.assert_allclose(shown, np.concatenate(halves) @ weights + bias, rtol=1e-12)


def test_one_shard_is_no_other_function():
    model, x, y = dropout()
    model.fit(x, y, 5, 1, verbose=0, shards=1)
    step = model._graphc_trainer.compiled.train()
    model.fit(x, y, 5, 1, verbose=0)
    assert model._graphc_trainer.compiled.train() is step
    assert isinstance(step, graphc.compiler.function.Function)


def test_functions_of_several_numbers_of_shards_are_kept():
    model, x, y = dropout()
    model.train_on_batch(x, y, shards=2)
    step = model._graphc_trainer.compiled.train()
    model.train_on_batch(x, y)
    model.train_on_batch(x, y, shards=2)
    assert model._graphc_trainer.compiled.train() is step
    assert "m.train (a shard)" not in str(model.compile_report())
    assert f"{model.name}.train (a shard)" in str(model.compile_report())


def test_evaluate_and_predict():
    model, x, y = convolutions()
    close(model.evaluate(x, y, 7, verbose=0, shards=3), model.evaluate(x, y, 7, verbose=0))
    close(model.test_on_batch(x, y, shards=4), model.test_on_batch(x, y))
    close([model.predict(x, 7, shards=3)], [model.predict(x, 7)])
    close([model.predict_on_batch(x, shards=4)], [model.predict_on_batch(x)])


def test_generators():
    def batches():
        while True:
            yield X[:6], Y[:6]
            yield X[6:], Y[6:]

    found = []
    for number in (None, 3):
        np.random.seed(1)
        model, _, _ = dropout()
        run = model.fit_generator(batches(), 10, 2, verbose=0, shards=number)
        values = model.evaluate_generator(batches(), 10, shards=number)
        rows = model.predict_generator(batches(), 10, shards=number)
        found.append([run.history["loss"], values, rows, *model.get_weights()])
    close(*found)


def test_graph():
    found = []
    for number in (None, 4):
        np.random.seed(1)
        model = Graph()
        model.add_input(name="x", input_shape=(6,))
        model.add_node(Dense(4, activation="relu"), name="hidden", input="x")
        model.add_node(Dropout(0.5), name="dropped", input="hidden")
        model.add_node(Dense(2), name="last", input="dropped")
        model.add_output(name="y", input="last")
        model.compile("adam", {"y": "mse"})
        run = model.fit({"x": X, "y": Y}, 10, 2, verbose=0, shards=number)
        value = model.evaluate({"x": X, "y": Y}, shards=number)
        rows = model.predict({"x": X}, shards=number)["y"]
        found.append([run.history["loss"], value, rows, *model.get_weights()])
    close(*found)


def test_the_flag_and_the_argument_that_wins():
    model, x, y = dropout()
    with config.changed(shards=5):
        assert "5 shards of a batch; BatchNormalization" in str(graphc.device_report())
        model.train_on_batch(x, y)
        assert model._graphc_trainer.compiled.train().shards == 5
        model.fit(x, y, 10, 1, verbose=0, shards=2)
        assert model._graphc_trainer.compiled.train().shards == 2
    model.train_on_batch(x, y)
    assert model._graphc_trainer.compiled.train().shards == 1
    assert "shards of a batch" not in str(graphc.device_report())
    for wrong in (0, "x", 1.5, "", True):
        with pytest.raises(FlagError, match="takes a whole number from 1 on"):
            config.shards = wrong


def test_the_kernels_and_the_memory_are_those_of_a_shard():
    model, x, y = dropout()
    model.train_on_batch(x, y, shards=4)
    shard = model.memory_report(64, target="cpu")
    model.train_on_batch(x, y)
    whole = model.memory_report(64, target="cpu")
    assert shard.sizes == {"batch": 16}
    assert whole.sizes == {"batch": 64}
    assert shard.inputs < whole.inputs


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "two"])
def test_a_number_of_shards_is_a_whole_number(wrong):
    model, x, y = dropout()
    with pytest.raises(ArgumentError, match=r"fit: shards: expected a whole number of at least 1"):
        model.fit(x, y, shards=wrong)


def test_more_shards_than_samples_in_a_batch():
    model, x, y = dropout()
    expected = "shards: expected at most the 4 samples of a batch.*received 5"
    with pytest.raises(ArgumentError, match=rf"\.fit: {expected}"):
        model.fit(x, y, 4, shards=5)
    with pytest.raises(ArgumentError, match=rf"\.evaluate: {expected}"):
        model.evaluate(x, y, 4, shards=5)
    with pytest.raises(ArgumentError, match=rf"\.predict: {expected}"):
        model.predict(x, 4, shards=5)
    with pytest.raises(ArgumentError, match=rf"\.train_on_batch: {expected}"):
        model.train_on_batch(x[:4], y[:4], shards=5)
    with (
        config.changed(shards=5),
        pytest.raises(ArgumentError, match=rf"\.test_on_batch: {expected}.*the flag `shards`"),
    ):
        model.test_on_batch(x[:4], y[:4])


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [Dense(2, batch_input_shape=(10, 6))],
        lambda: [LSTM(2, batch_input_shape=(10, 3, 2), stateful=True), Dense(2)],
        lambda: [Lambda(lambda x: x + K.random_normal((10, 6)), input_shape=(6,)), Dense(2)],
    ],
)
def test_a_batch_that_the_model_knows(layers):
    model = Sequential(layers())
    model.compile("sgd", "mse")
    x = X if len(model.input_shape) == 2 else X.reshape(10, 3, 2)
    with pytest.raises(ArgumentError, match=r"\.train: shards .* the graph itself has a number"):
        model.train_on_batch(x, Y, shards=2)


def test_a_layer_that_centres_over_the_batch():
    centre = Lambda(lambda x: x - K.mean(x, axis=0), output_shape=(4,), name="centre")
    model = Sequential([Dense(4, input_dim=6), centre, Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match=r"\.train: shards: .*centre reads, for each row,"):
        model.fit(X, Y, 10, 1, verbose=0, shards=2)


def test_a_layer_that_reverses_the_batch():
    reverse = Lambda(lambda x: K.reverse(x, 0), output_shape=(4,), name="backwards")
    with config.changed(keras="1.2"):
        model = Sequential([Dense(4, input_dim=6), reverse, Dense(2)])
    model.compile("sgd", "mse")
    expected = r"\.train: shards: .*backwards cannot be computed shard by shard: it flips the batch"
    with pytest.raises(ArgumentError, match=expected):
        model.fit(X, Y, 10, 1, verbose=0, shards=2)
    rows = model.predict(X, 10)  # of which the root has all
    np.testing.assert_allclose(model.predict(X, 10, shards=2), rows, rtol=1e-12)


def test_a_loss_that_is_one_number_a_batch():
    model = Sequential([Dense(2, input_dim=6)])
    model.compile("sgd", lambda y_true, y_pred: K.mean(K.square(y_true - y_pred)))
    with pytest.raises(ArgumentError, match=r"\.train: shards: .*loss of .*depends on another"):
        model.fit(X, Y, 10, 1, verbose=0, shards=2)
