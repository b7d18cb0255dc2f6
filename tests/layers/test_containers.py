"""The modules of Keras 0.3 and 1.0 from which Graph and Sequential are imported."""

from __future__ import annotations

import numpy as np

from graphc import models
from graphc.layers import Dense, containers
from graphc.layers.core import AutoEncoder
from graphc.legacy import models as legacy


def test_one_class_each_wherever_it_is_imported_from():
    assert models.Graph is legacy.Graph is containers.Graph
    assert models.Sequential is containers.Sequential


def test_containers_as_the_parts_of_an_autoencoder():
    x = np.random.RandomState(0).rand(10, 8)
    encoder = containers.Sequential([Dense(4, input_dim=8), Dense(2)])
    decoder = containers.Graph()
    decoder.add_input("code", (2,))
    decoder.add_node(Dense(8), "wide", "code")
    decoder.add_output("x", "wide")
    model = models.Sequential()
    model.add(AutoEncoder(encoder=encoder, decoder=decoder))
    model.compile(optimizer="sgd", loss="mse")
    model.fit(x, x, nb_epoch=1, verbose=0)
    code = encoder.predict(x)
    np.testing.assert_allclose(model.predict(x), decoder.predict({"code": code})["x"], atol=1e-6)
