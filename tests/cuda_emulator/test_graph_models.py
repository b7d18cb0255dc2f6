"""A Graph with a shared node and two outputs, and an AutoEncoder that is switched: trained on the
emulated device as on the CPU."""

from __future__ import annotations

import numpy as np

from graphc.config import config
from graphc.layers import AutoEncoder, Dense
from graphc.models import Graph, Sequential

RNG = np.random.RandomState(2)
DATA = {name: RNG.rand(10, size) for name, size in {"a": 4, "b": 4, "near": 1, "sum": 3}.items()}


def on_both(run):
    results = []
    for device in ("cpu", "gpu"):
        np.random.seed(7)
        with config.changed(device=device):
            results.append(run())
    for cpu, gpu in zip(*results, strict=True):
        np.testing.assert_allclose(gpu, cpu, rtol=1e-5, atol=1e-6)


def test_a_graph_with_a_shared_node_and_two_outputs():
    def run():
        graph = Graph()
        graph.add_input("a", (4,))
        graph.add_input("b", (4,))
        graph.add_shared_node(Dense(5, activation="tanh"), "s", ["a", "b"], outputs=["sa", "sb"])
        graph.add_output("near", inputs=["sa", "sb"], merge_mode="cos")
        graph.add_node(Dense(3), "d", inputs=["sa", "sb"], merge_mode="sum")
        graph.add_output("sum", "d")
        graph.compile("sgd", {"near": "mse", "sum": "mae"}, loss_weights={"sum": 0.5})
        history = graph.fit(DATA, batch_size=4, nb_epoch=2, verbose=0, shuffle=False)
        predicted = graph.predict(DATA)
        return [*history.history["loss"], predicted["near"], predicted["sum"], *graph.get_weights()]

    on_both(run)


def test_an_autoencoder_gives_the_reconstruction_then_the_code():
    def run():
        model = Sequential([AutoEncoder(Dense(2, input_dim=4, activation="tanh"), Dense(4))])
        model.compile("sgd", "mse")
        model.fit(DATA["a"], DATA["b"], batch_size=4, nb_epoch=2, verbose=0, shuffle=False)
        reconstruction = model.predict(DATA["a"])
        model.layers[0].output_reconstruction = False
        return [reconstruction, model.predict(DATA["a"]), *model.get_weights()]

    on_both(run)
