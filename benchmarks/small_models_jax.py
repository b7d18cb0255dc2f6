"""Small models natively beside JAX: microseconds of a call, median.

    .venv-peers/bin/python benchmarks/small_models_jax.py [--calls 200] [--rounds 15]

The network of `small_models.py`: 20, 64 and 1 units, relu and sigmoid, binary crossentropy, SGD.
The same weights on both sides; what they compute is compared before it is timed. The two take
turns, a few calls each, so that what else the machine does meets both; the ratio is that of the
medians. JAX's are one `jax.jit` of each, on NumPy arrays.

- *`train_on_batch`*: a batch of 32; there the step, its weights donated, and its loss as a float.
- *a step of `fit`*: an epoch's time by its 100 batches; there as many steps, of which only the last
  loss is waited for.
- *`predict`, `predict_on_batch`*: one sample; there its prediction as a NumPy array.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.small_models import X, Y, calls_of, microseconds, small
from graphc.config import config

RATE = 0.01
BATCH = X[:32], Y[:32]
Weights = list[jax.Array]


def _scores(weights: Weights, x: jax.Array) -> jax.Array:
    W1, b1, W2, b2 = weights
    return jax.nn.relu(x @ W1 + b1) @ W2 + b2


def _loss(weights: Weights, x: jax.Array, y: jax.Array) -> jax.Array:
    scores = _scores(weights, x)
    return jnp.mean(jax.nn.softplus(scores) - y * scores)


def _step(weights: Weights, x: jax.Array, y: jax.Array) -> tuple[Weights, jax.Array]:
    loss, slopes = jax.value_and_grad(_loss)(weights, x, y)
    return [w - RATE * slope for w, slope in zip(weights, slopes, strict=True)], loss


step = jax.jit(_step, donate_argnums=0)
predict = jax.jit(lambda weights, x: jax.nn.sigmoid(_scores(weights, x)))


class Peer:
    """The network in JAX, with the weights of a model."""

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self.weights = [jnp.array(array) for array in arrays]

    def waited(self) -> float:
        """Train on a batch; return its loss."""
        self.weights, loss = step(self.weights, *BATCH)
        return float(loss)

    def ahead(self) -> float:
        """Train on 100 batches; return the last loss."""
        for start in range(0, len(X), 32):
            rows = slice(start, start + 32)
            self.weights, loss = step(self.weights, X[rows], Y[rows])
        return float(loss)

    def predicted(self) -> np.ndarray:
        """Return the prediction for a sample."""
        return np.asarray(predict(self.weights, X[:1]))


def compare() -> None:
    """Train both sides for some steps from the same weights; AssertionError where they differ."""
    model = small()
    peer = Peer(model.get_weights())
    for _ in range(20):
        np.testing.assert_allclose(model.train_on_batch(*BATCH), peer.waited(), rtol=1e-4)
    np.testing.assert_allclose(model.predict(X[:1]), peer.predicted(), rtol=1e-4)


def main() -> None:
    """Measure in turn, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200, help="of each kind in a round")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with config.changed(cpu="native"):
        compare()
        model = small()
        ours = calls_of(model)
        peer = Peer(model.get_weights())
        theirs: dict[str, tuple[Callable[[], object], int]] = {
            "train_on_batch": (peer.waited, 1),
            "a step of fit": (peer.ahead, len(X) // 32),
            "predict": (peer.predicted, 1),
            "predict_on_batch": (peer.predicted, 1),
        }
        for call, _ in [*ours.values(), *theirs.values()]:
            call()
        print(f"{'us, median (least)':<20}{'graphc':>18}{f'JAX {jax.__version__}':>18}{'ratio':>8}")
        for name, beside in theirs.items():
            spent: tuple[list[float], list[float]] = ([], [])
            for _ in range(arguments.rounds):
                for some, call in zip(spent, (ours[name], beside), strict=True):
                    some += microseconds(*call, arguments.calls)
            middle = [float(np.median(some)) for some in spent]
            shown = [f"{m:.1f} ({min(some):.1f})" for m, some in zip(middle, spent, strict=True)]
            print(f"{name:<20}{shown[0]:>18}{shown[1]:>18}{middle[0] / middle[1]:>8.2f}")


if __name__ == "__main__":
    main()
