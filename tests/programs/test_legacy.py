"""Programs of Keras 0.3: Graphs, and autoencoders trained layer by layer."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.layers import containers
from graphc.layers.convolutional import Convolution1D, MaxPooling1D
from graphc.layers.core import AutoEncoder, Dense, Dropout, Flatten
from graphc.layers.recurrent import GRU
from graphc.models import Graph, Sequential
from graphc.optimizers import Adam
from tests.programs.round_trip import assert_comes_back


@pytest.mark.flags(keras="1.0")
def test_graph_with_two_inputs_and_two_outputs(tmp_path):
    np.random.seed(1)
    graph = Graph()
    graph.add_input(name="input1", input_shape=(8,))
    graph.add_input(name="input2", input_shape=(4,))
    graph.add_node(Dense(8, activation="tanh"), name="dense1", input="input1")
    graph.add_node(Dense(8, activation="tanh"), name="dense2", input="input2")
    graph.add_node(Dense(6), name="dense3", inputs=["dense1", "dense2"], merge_mode="concat")
    graph.add_output(name="output1", input="dense2")
    graph.add_output(name="output2", inputs=["dense3", "dense1"], merge_mode="concat")
    graph.compile(Adam(lr=0.02), {"output1": "mse", "output2": "mse"})
    x1, x2 = np.random.random((48, 8)), np.random.random((48, 4))
    y1, y2 = np.tile(x2, 2) / 2, np.concatenate([x1[:, :6], x1], axis=1) / 2
    data = {"input1": x1, "input2": x2, "output1": y1, "output2": y2}
    history = graph.fit(data, nb_epoch=40, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < 0.3 * history.history["loss"][0]
    out = graph.predict({"input1": x1, "input2": x2})
    assert {name: value.shape for name, value in out.items()} == {
        "output1": (48, 8),
        "output2": (48, 14),
    }
    expected = np.mean((out["output1"] - y1) ** 2) + np.mean((out["output2"] - y2) ** 2)
    np.testing.assert_allclose(graph.evaluate(data), expected, rtol=1e-4)
    assert_comes_back(graph, {"input1": x1, "input2": x2}, tmp_path)


def test_motion_from_three_axes(tmp_path):
    """A convolution for each axis of an accelerometer, joined by a Graph."""
    np.random.seed(2)
    graph = Graph()
    for axis in ("x", "y", "z"):
        graph.add_input(name=axis, input_shape=(20, 1))
        graph.add_node(Convolution1D(4, 5, activation="relu"), name=f"conv_{axis}", input=axis)
        graph.add_node(Dropout(0.2), name=f"drop_{axis}", input=f"conv_{axis}")
        graph.add_node(MaxPooling1D(4), name=f"pool_{axis}", input=f"drop_{axis}")
        graph.add_node(Flatten(), name=f"flat_{axis}", input=f"pool_{axis}")
    graph.add_node(
        Dense(8, activation="relu"),
        name="dense",
        inputs=["flat_x", "flat_y", "flat_z"],
        merge_mode="concat",
    )
    graph.add_node(Dense(1, activation="sigmoid"), name="moving", input="dense")
    graph.add_output(name="out", input="moving")
    graph.compile(Adam(lr=0.01), {"out": "binary_crossentropy"})
    label = np.random.randint(0, 2, 80)
    steps = np.arange(20)
    data = {
        axis: (
            np.sin(steps * (0.3 + 1.2 * label[:, None])) + 0.1 * np.random.normal(size=(80, 20))
        )[..., None]
        for axis in ("x", "y", "z")
    }
    data["out"] = label.astype("float32")
    graph.fit(data, nb_epoch=15, batch_size=16, verbose=0, validation_split=0.1)
    predicted = graph.predict(data)["out"].ravel() > 0.5
    assert np.mean(predicted == label) > 0.95
    assert_comes_back(graph, data, tmp_path)


def test_autoencoders_layer_by_layer_into_a_classifier(tmp_path):
    np.random.seed(3)
    centers = np.random.normal(size=(3, 16))
    labels = np.random.randint(0, 3, 150)
    X = centers[labels] + 0.3 * np.random.normal(size=(150, 16))
    Y = np.eye(3)[labels]

    code, encoders = X, []
    for n_in, n_out in ((16, 10), (10, 6)):
        ae = Sequential()
        encoder = containers.Sequential([Dense(n_out, input_dim=n_in, activation="tanh")])
        decoder = containers.Sequential([Dense(n_in, input_dim=n_out)])
        ae.add(AutoEncoder(encoder=encoder, decoder=decoder, output_reconstruction=True))
        ae.compile(loss="mean_squared_error", optimizer=Adam(lr=0.01))
        history = ae.fit(code, code, batch_size=25, nb_epoch=20, verbose=0)
        assert history.history["loss"][-1] < 0.8 * history.history["loss"][0]
        ae.layers[0].output_reconstruction = False
        ae.compile(loss="mean_squared_error", optimizer="rmsprop")
        code = ae.predict(code)
        assert code.shape == (150, n_out)
        encoders.append(encoder)

    model = Sequential()
    for encoder in encoders:
        model.add(encoder)
    np.testing.assert_allclose(model.predict(X), code, rtol=1e-4, atol=1e-6)
    model.add(Dense(3, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=Adam(lr=0.01))
    model.fit(X, Y, nb_epoch=15, verbose=0)
    _score, acc = model.evaluate(X, Y, verbose=0, show_accuracy=True)
    assert acc > 0.95
    assert_comes_back(model, X, tmp_path)
    assert_comes_back(ae, encoders[0].predict(X), tmp_path)


def test_a_stacked_gru_autoencoder(tmp_path):
    """6-12-6 over sequences, as the sentiment of a review's sentences."""
    np.random.seed(4)
    X = np.random.random((40, 10, 6))
    encoder = containers.Sequential([GRU(12, input_dim=6, return_sequences=True)])
    decoder = containers.Sequential([GRU(6, input_dim=12, return_sequences=True)])
    ae = Sequential([AutoEncoder(encoder=encoder, decoder=decoder, output_reconstruction=False)])
    ae.compile(loss="mse", optimizer=Adam(lr=0.02))
    assert ae.predict(X).shape == (40, 10, 12)
    ae.layers[0].output_reconstruction = True
    ae.compile(loss="mse", optimizer=Adam(lr=0.02))
    history = ae.fit(X, X, batch_size=8, nb_epoch=10, verbose=0)
    assert history.history["loss"][-1] < 0.7 * history.history["loss"][0]
    final = Sequential([encoder, GRU(1, activation="sigmoid")])
    assert final.predict(X).shape == (40, 1)
    assert_comes_back(ae, X, tmp_path)
