"""Examples that came with Keras 1.0, as their authors wrote them, on small data."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.layers.convolutional import Convolution2D, MaxPooling2D, ZeroPadding2D
from graphc.layers.core import Dense
from graphc.layers.recurrent import LSTM
from graphc.models import Sequential


def test_a_stateful_lstm_whose_second_layer_repeats_the_input_shape():
    """Keras reads batch_input_shape of the first layer alone; its example has it twice."""
    np.random.seed(1)
    tsteps, batch_size, count = 1, 25, 200
    steps = np.arange(count + 1)
    wave = np.cos(steps / 8.0) * np.exp(-0.001 * steps)
    cos, expected_output = wave[:-1].reshape(count, 1, 1), wave[1:].reshape(count, 1)
    model = Sequential()
    model.add(
        LSTM(
            10,
            batch_input_shape=(batch_size, tsteps, 1),
            return_sequences=True,
            stateful=True,
        )
    )
    model.add(
        LSTM(
            10,
            batch_input_shape=(batch_size, tsteps, 1),
            return_sequences=False,
            stateful=True,
        )
    )
    model.add(Dense(1))
    model.compile(loss="mse", optimizer="rmsprop")
    losses = []
    for _ in range(30):
        history = model.fit(
            cos, expected_output, batch_size=batch_size, verbose=0, nb_epoch=1, shuffle=False
        )
        losses += history.history["loss"]
        model.reset_states()
    assert losses[-1] < 0.3 * losses[0]
    assert model.predict(cos, batch_size=batch_size).shape == (count, 1)


def test_style_transfer_reads_three_images_that_are_no_input():
    """The network is built on a tensor of two variables and a placeholder; its gradient by the
    placeholder is what moves the picture."""
    np.random.seed(2)
    size = 8
    base_image = K.variable(np.random.random((1, 3, size, size)))
    style_reference_image = K.variable(np.random.random((1, 3, size, size)))
    combination_image = K.placeholder((1, 3, size, size))
    input_tensor = K.concatenate(
        [base_image, style_reference_image, combination_image],
        axis=0,
    )
    first_layer = ZeroPadding2D((1, 1))
    first_layer.set_input(input_tensor, shape=(3, 3, size, size))
    model = Sequential()
    model.add(first_layer)
    model.add(Convolution2D(4, 3, 3, activation="relu", name="conv1_1"))
    model.add(MaxPooling2D((2, 2), strides=(2, 2)))
    model.add(ZeroPadding2D((1, 1)))
    model.add(Convolution2D(6, 3, 3, activation="relu", name="conv2_1"))
    outputs = {layer.name: layer.output for layer in model.layers}

    def gram_matrix(x):
        assert K.ndim(x) == 3
        features = K.batch_flatten(x)
        return K.dot(features, K.transpose(features))

    def style_loss(style, combination):
        distance = gram_matrix(style) - gram_matrix(combination)
        return K.sum(K.square(distance)) / (4.0 * 3**2 * (size * size) ** 2)

    def content_loss(base, combination):
        return K.sum(K.square(combination - base))

    def total_variation_loss(x):
        assert K.ndim(x) == 4
        a = K.square(x[:, :, : size - 1, : size - 1] - x[:, :, 1:, : size - 1])
        b = K.square(x[:, :, : size - 1, : size - 1] - x[:, :, : size - 1, 1:])
        return K.sum(K.pow(a + b, 1.25))

    loss = K.variable(0.0)
    features = outputs["conv2_1"]
    loss += 0.025 * content_loss(features[0, :, :, :], features[2, :, :, :])
    for name in ("conv1_1", "conv2_1"):
        loss += style_loss(outputs[name][1, :, :, :], outputs[name][2, :, :, :])
    loss += 0.1 * total_variation_loss(combination_image)
    grads = K.gradients(loss, combination_image)
    values = [loss]
    if type(grads) in {list, tuple}:
        values += grads
    else:
        values.append(grads)
    f_outputs = K.function([combination_image], values)

    x = np.random.random((1, 3, size, size))
    first, gradient = f_outputs([x])
    direction = gradient / np.linalg.norm(gradient)
    step = 1e-2
    moved = [float(f_outputs([x + sign * step * direction])[0]) for sign in (1, -1)]
    slope = (moved[0] - moved[1]) / (2 * step)
    assert slope == pytest.approx(np.linalg.norm(gradient), rel=2e-2)
    for _ in range(30):
        x = x - 0.2 * f_outputs([x])[1]
    assert f_outputs([x])[0] < 0.7 * first
