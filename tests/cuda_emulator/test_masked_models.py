"""Models with masks, merged branches and wrappers on the device: they train as on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.config import config
from graphc.engine import Input, Model
from graphc.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Masking,
    Merge,
    TimeDistributed,
    merge,
)
from graphc.models import Sequential

STEPS, WORDS = 5, 7


def tagger() -> Model:
    """A tag for each word that counts."""
    return Sequential(
        [
            Embedding(WORDS, 4, mask_zero=True),
            Dropout(0.3),
            Bidirectional(LSTM(3, return_sequences=True)),
            TimeDistributed(Sequential([Dense(6, input_dim=6), BatchNormalization()])),
            TimeDistributed(Dense(2, activation="tanh")),
        ]
    )


def two_sequences() -> Model:
    """Words and numbers, whose masks become one."""
    words, numbers = Input((STEPS,), dtype="int32"), Input((STEPS, 2))
    vectors = [
        Embedding(WORDS, 3, mask_zero=True)(words),
        TimeDistributed(Dense(3, activation="tanh"))(Masking(9.0)(numbers)),
    ]
    merged = [merge(vectors, mode=mode) for mode in ("sum", "mul", "ave", "max", "concat")]
    return Model([words, numbers], GRU(4)(merge(merged, mode="concat")))


def siamese() -> Model:
    """The cosine and the product of two codes."""
    code = Dense(4, input_dim=3, activation="tanh")
    left, right = Sequential([code]), Sequential([Dense(4, input_dim=2)])
    cosine = Merge([left, right], mode="cos")
    product = Merge([left, right], mode="dot", dot_axes=1)
    return Sequential([Merge([cosine, product], mode="concat"), Dense(1)])


def words(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Sentences of 1 to STEPS words, filled up with zeros."""
    found = rng.integers(1, WORDS, (samples, STEPS))
    return np.where(np.arange(STEPS) < rng.integers(1, STEPS + 1, (samples, 1)), found, 0)


def numbers(rng: np.random.Generator, samples: int) -> np.ndarray:
    found = rng.normal(size=(samples, STEPS, 2))
    found[rng.uniform(size=(samples, STEPS)) < 0.3] = 9.0
    return found


def plain(size: int) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, samples: rng.normal(size=(samples, size))


MODELS: dict[Callable[[], Model], tuple[list[Callable], tuple[int, ...]]] = {
    tagger: ([words], (STEPS, 2)),
    two_sequences: ([words, numbers], (4,)),
    siamese: ([plain(3), plain(2)], (1,)),
}


def trained(make: Callable[[], Model], device: str) -> list[np.ndarray]:
    """Losses of three steps, predictions and the weights then."""
    feeds, target = MODELS[make]
    rng = np.random.default_rng(3)
    np.random.seed(1)
    with config.changed(device=device):
        model = make()
        model.compile("sgd", "mse")
        losses = []
        for samples in (6, 3, 6):
            x = [one(rng, samples) for one in feeds]
            losses.append(model.train_on_batch(x, rng.normal(size=(samples, *target))))
        return [np.array(losses), model.predict(x), *model.get_weights()]


@pytest.mark.parametrize("make", MODELS)
def test_training_as_on_the_cpu(make: Callable[[], Model]) -> None:
    for k, (one, other) in enumerate(zip(trained(make, "gpu"), trained(make, "cpu"), strict=True)):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6, err_msg=f"value {k}")
