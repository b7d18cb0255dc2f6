"""Training on a generator's batches on a device: as on the CPU, and without waiting in between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphc import optimizers
from graphc.compiler.runtime.pending import Pending
from graphc.config import config
from graphc.layers import Dense
from graphc.models import Sequential

X = np.random.RandomState(0).randn(11, 3).astype("float32")
Y = (X.sum(axis=1, keepdims=True) > 0).astype("float32")


def batches(sizes: tuple[int, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The data in batches of these sizes, over and over."""
    while True:
        start = 0
        for size in sizes:
            yield X[start : start + size], Y[start : start + size]
            start += size


def trained(device: str) -> tuple[dict[str, list[float]], list[np.ndarray]]:
    np.random.seed(1)
    with config.changed(device=device):
        model = Sequential(
            [Dense(4, input_dim=3, activation="tanh"), Dense(1, activation="sigmoid")]
        )
        model.compile(optimizers.Adam(lr=0.05), "binary_crossentropy")
        history = model.fit_generator(
            *(batches((5, 4, 2)), 11, 3, 0),
            validation_data=batches((6, 5)),
            nb_val_samples=11,
            show_accuracy=True,
            max_q_size=1,
        )
        return history.history, model.get_weights()


def test_a_device_trains_as_the_cpu_does() -> None:
    (history, weights), (expected, reference) = trained("gpu"), trained("cpu")
    assert set(history) == {"loss", "acc", "val_loss", "val_acc"}
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    for one, other in zip(weights, reference, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_the_host_fetches_batches_while_losses_are_not_read() -> None:
    read: list[Pending] = []
    plain = Pending.get

    def noted(pending: Pending) -> list[np.ndarray]:
        read.append(pending)
        return plain(pending)

    seen: list[int] = []

    def feed() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(4):
            seen.append(len(read))
            yield X, Y

    with config.changed(device="gpu"):
        model = Sequential([Dense(1, input_dim=3)])
        model.compile("sgd", "mse")
        Pending.get = noted  # type: ignore[method-assign]
        try:
            model.fit_generator(feed(), 44, 1, verbose=0)
        finally:
            Pending.get = plain  # type: ignore[method-assign]
    assert seen == [0, 0, 0, 0]
    assert len(read) == 4
