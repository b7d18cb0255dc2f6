"""Programs of the functional API of 2016, as its guides had them, on small data."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.engine.topology import Layer
from graphc.layers import (
    LSTM,
    Activation,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Lambda,
)
from graphc.layers.convolutional import Convolution2D, MaxPooling2D
from graphc.layers.normalization import BatchNormalization
from graphc.models import Model, Sequential
from graphc.optimizers import SGD, RMSprop
from graphc.utils import np_utils
from tests.programs.round_trip import assert_comes_back


def test_siamese_network_with_contrastive_loss(tmp_path):
    """Two images through one network; their distance says whether they are of one class."""

    def euclidean_distance(vects):
        x, y = vects
        return K.sqrt(K.sum(K.square(x - y), axis=1, keepdims=True) + K.epsilon())

    def eucl_dist_output_shape(shapes):
        shape1, _shape2 = shapes
        return (shape1[0], 1)

    def contrastive_loss(y_true, y_pred):
        margin = 1
        return K.mean(
            y_true * K.square(y_pred) + (1 - y_true) * K.square(K.maximum(margin - y_pred, 0))
        )

    def create_base_network(input_dim):
        seq = Sequential()
        seq.add(Dense(16, input_shape=(input_dim,), activation="relu"))
        seq.add(Dropout(0.1))
        seq.add(Dense(8, activation="relu"))
        return seq

    rng = np.random.RandomState(1)
    np.random.seed(1)
    centers = rng.normal(size=(4, 12))
    classes = rng.randint(0, 4, (200, 2))
    pairs = centers[classes] + 0.1 * rng.normal(size=(200, 2, 12))
    same = (classes[:, 0] == classes[:, 1]).astype("float32")

    base_network = create_base_network(12)
    input_a = Input(shape=(12,))
    input_b = Input(shape=(12,))
    processed_a = base_network(input_a)
    processed_b = base_network(input_b)
    distance = Lambda(euclidean_distance, output_shape=eucl_dist_output_shape)(
        [processed_a, processed_b]
    )
    model = Model(input=[input_a, input_b], output=distance)
    model.compile(loss=contrastive_loss, optimizer=RMSprop(lr=0.01))
    model.fit([pairs[:, 0], pairs[:, 1]], same, batch_size=32, nb_epoch=20, verbose=0)
    predicted = model.predict([pairs[:, 0], pairs[:, 1]])
    accuracy = np.mean((predicted.ravel() < 0.5) == same)
    assert accuracy > 0.95
    np.testing.assert_allclose(
        predicted.ravel(),
        np.sqrt(
            np.sum(
                (base_network.predict(pairs[:, 0]) - base_network.predict(pairs[:, 1])) ** 2, axis=1
            )
            + 1e-7
        ),
        rtol=1e-4,
    )
    custom = {
        "euclidean_distance": euclidean_distance,
        "eucl_dist_output_shape": eucl_dist_output_shape,
        "contrastive_loss": contrastive_loss,
    }
    assert_comes_back(model, [pairs[:, 0], pairs[:, 1]], tmp_path, custom)


@pytest.mark.flags(keras="1.0")
def test_two_inputs_two_losses(tmp_path):
    """A headline and further data; a main and an auxiliary output with loss weights."""
    np.random.seed(2)
    main_input = Input(shape=(10,), dtype="int32", name="main_input")
    x = Embedding(output_dim=8, input_dim=50, input_length=10)(main_input)
    lstm_out = LSTM(6)(x)
    auxiliary_loss = Dense(1, activation="sigmoid", name="aux_output")(lstm_out)
    auxiliary_input = Input(shape=(5,), name="aux_input")
    x = Lambda(lambda both: K.concatenate(both))([lstm_out, auxiliary_input])
    x = Dense(16, activation="relu")(x)
    main_loss = Dense(1, activation="sigmoid", name="main_output")(x)
    model = Model(input=[main_input, auxiliary_input], output=[main_loss, auxiliary_loss])
    model.compile(
        optimizer="rmsprop",
        loss={"main_output": "binary_crossentropy", "aux_output": "binary_crossentropy"},
        loss_weights={"main_output": 1.0, "aux_output": 0.2},
    )
    headlines = np.random.randint(1, 50, (64, 10))
    additional = np.random.random((64, 5))
    labels = (additional[:, :1] > 0.5).astype("float32")
    history = model.fit(
        {"main_input": headlines, "aux_input": additional},
        {"main_output": labels, "aux_output": labels},
        nb_epoch=30,
        batch_size=16,
        verbose=0,
    )
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]
    main, auxiliary = model.predict([headlines, additional])
    total = model.evaluate([headlines, additional], [labels, labels], verbose=0)

    def crossentropy(p):
        return -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))

    np.testing.assert_allclose(total, crossentropy(main) + 0.2 * crossentropy(auxiliary), rtol=1e-4)
    assert_comes_back(model, [headlines, additional], tmp_path)


def test_a_layer_of_ones_own(tmp_path):
    """The guide's MyLayer: build, call with a mask, get_output_shape_for, trainable_weights."""

    class MyLayer(Layer):
        def __init__(self, output_dim, **kwargs):
            self.output_dim = output_dim
            super(MyLayer, self).__init__(**kwargs)  # noqa: UP008  (as it was written then)

        def build(self, input_shape):
            input_dim = input_shape[1]
            initial_weight_value = np.random.random((input_dim, self.output_dim))
            self.W = K.variable(initial_weight_value)
            self.trainable_weights = [self.W]

        def call(self, x, mask=None):
            return K.dot(x, self.W)

        def get_output_shape_for(self, input_shape):
            return (input_shape[0], self.output_dim)

        def get_config(self):
            config = {"output_dim": self.output_dim}
            base_config = super(MyLayer, self).get_config()  # noqa: UP008
            return dict(list(base_config.items()) + list(config.items()))

    np.random.seed(3)
    model = Sequential()
    model.add(MyLayer(4, input_shape=(6,)))
    model.add(Activation("tanh"))
    model.add(MyLayer(1))
    model.compile(loss="mse", optimizer=SGD(lr=0.1, momentum=0.9))
    X = np.random.random((32, 6))
    y = X.sum(axis=1, keepdims=True) / 6
    first = model.evaluate(X, y, verbose=0)
    model.fit(X, y, nb_epoch=40, verbose=0)
    assert model.evaluate(X, y, verbose=0) < 0.05 * first
    W, V = model.get_weights()
    np.testing.assert_allclose(model.predict(X), np.tanh(X @ W) @ V, rtol=1e-4, atol=1e-6)
    config = model.layers[0].get_config()
    assert MyLayer.from_config(config).get_config() == config
    assert_comes_back(model, X, tmp_path, {"MyLayer": MyLayer})


def test_the_output_of_an_intermediate_layer():
    """K.function over a layer's output, in training and in testing."""
    np.random.seed(4)
    model = Sequential()
    model.add(Dense(8, input_dim=5, activation="relu"))
    model.add(Dropout(0.5))
    model.add(BatchNormalization())
    model.add(Dense(3, activation="softmax"))
    X = np.random.random((7, 5))
    get_layer_output = K.function(
        [model.layers[0].input, K.learning_phase()], [model.layers[1].output]
    )
    hidden = np.maximum(X @ model.layers[0].get_weights()[0], 0)
    np.testing.assert_allclose(get_layer_output([X, 0])[0], hidden, rtol=1e-4, atol=1e-6)
    dropped = get_layer_output([X, 1])[0]
    kept = dropped != 0
    np.testing.assert_allclose(dropped[kept], 2 * hidden[kept], rtol=1e-4)
    assert 0 < np.mean(kept[hidden > 0]) < 1


@pytest.mark.flags(keras="1.0")
def test_a_small_convnet(tmp_path):
    """The convnet of the examples, on pictures of bars."""
    np.random.seed(5)
    nb_classes = 2
    y_train = np.random.randint(0, nb_classes, 120)
    X_train = 0.1 * np.random.random((120, 1, 8, 8)).astype("float32")
    for picture, label in zip(X_train, y_train, strict=True):
        place = np.random.randint(0, 8)
        if label:
            picture[0, place] += 1
        else:
            picture[0, :, place] += 1
    Y_train = np_utils.to_categorical(y_train, nb_classes)

    model = Sequential()
    model.add(Convolution2D(4, 3, 3, border_mode="valid", input_shape=(1, 8, 8)))
    model.add(Activation("relu"))
    model.add(Convolution2D(4, 3, 3))
    model.add(Activation("relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(16))
    model.add(Activation("relu"))
    model.add(Dropout(0.5))
    model.add(Dense(nb_classes))
    model.add(Activation("softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adadelta", metrics=["accuracy"])
    model.fit(X_train, Y_train, batch_size=20, nb_epoch=15, verbose=0, validation_split=0.2)
    _loss, accuracy = model.evaluate(X_train, Y_train, verbose=0)
    assert accuracy > 0.95
    assert np.mean(model.predict_classes(X_train, verbose=0) == y_train) == accuracy
    assert_comes_back(model, X_train, tmp_path)


def test_a_generator_feeds_fit_generator():
    """Batches made on the way, as from a file that does not fit into memory."""
    np.random.seed(6)
    true = np.random.random((4, 1))

    def generate_arrays(batch_size):
        while 1:
            x = np.random.random((batch_size, 4))
            yield x, x @ true

    model = Sequential([Dense(1, input_dim=4)])
    model.compile(loss="mse", optimizer=SGD(lr=0.3))
    history = model.fit_generator(
        generate_arrays(16),
        samples_per_epoch=160,
        nb_epoch=12,
        verbose=0,
        validation_data=generate_arrays(8),
        nb_val_samples=32,
    )
    assert history.history["val_loss"][-1] < 1e-2 * history.history["val_loss"][0]
    x, y = next(generate_arrays(5))
    np.testing.assert_allclose(model.predict(x), y, atol=0.1)
    assert model.evaluate_generator(generate_arrays(8), 32) < 0.01
    assert model.predict_generator(generate_arrays(8), 24).shape == (24, 1)
