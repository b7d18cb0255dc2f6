"""The order of samples in a training that stops and goes on is that of one that did not stop."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.callbacks import Callback
from graphc.layers import Dense
from graphc.models import Sequential, load_model

COUNT, BATCH = 12, 4
X = np.ones((COUNT, 1), "float32")
Y = np.arange(1.0, COUNT + 1)[:, None]  # a weight of 0 stays 0, so that losses tell the samples


class Seen(Callback):
    """The losses of the batches, of each epoch a list."""

    def __init__(self):
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append([])

    def on_batch_end(self, batch, logs=None):
        self.epochs[-1].append(float(logs["loss"]))


def untrained() -> Sequential:
    model = Sequential([Dense(1, input_dim=1, init="zero", bias=False)])
    model.layers[0].trainable = False
    model.compile("sgd", "mae")
    return model


def trained(model: Sequential, first: int, last: int, shuffle) -> list[list[float]]:
    seen = Seen()
    model.fit(
        X, Y, nb_epoch=last, initial_epoch=first, batch_size=BATCH, shuffle=shuffle, verbose=0,
        callbacks=[seen],
    )  # fmt: skip
    return seen.epochs


@pytest.mark.parametrize("shuffle", [True, "batch"])
@pytest.mark.parametrize("saved", [False, True])
def test_the_order_goes_on_where_it_stopped(tmp_path, shuffle, saved) -> None:
    np.random.seed(3)
    whole = trained(untrained(), 0, 5, shuffle)
    means = np.arange(1.0, COUNT + 1).reshape(-1, BATCH).mean(1)
    for epoch in whole:
        assert sum(epoch) == pytest.approx(means.sum())
        assert (sorted(epoch) == pytest.approx(means)) is (shuffle == "batch")
    assert len({tuple(epoch) for epoch in whole}) > 1
    np.random.seed(3)
    model, parts = untrained(), []
    for first, last in ((0, 1), (1, 3), (3, 5)):
        parts += trained(model, first, last, shuffle)
        if saved:
            model.save(tmp_path / "model.h5")
            model = load_model(tmp_path / "model.h5")
    assert parts == whole


def test_without_shuffling_epochs_are_alike_and_in_order() -> None:
    means = np.arange(1.0, COUNT + 1).reshape(-1, BATCH).mean(1).tolist()
    model = untrained()
    assert trained(model, 0, 2, False) == [means, means]
    assert trained(model, 2, 3, False) == [means]


def test_another_training_has_an_order_of_its_own() -> None:
    np.random.seed(3)
    model = untrained()
    first = trained(model, 0, 2, True)
    assert trained(model, 0, 2, True) != first
