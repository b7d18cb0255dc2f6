"""Small models by native code and by the interpreter: microseconds of a call, median.

    python benchmarks/small_models.py [--calls 200] [--rounds 15]

A network of 20, 64 and 1 units. Native code and the interpreter take turns, a few calls each, so
that what else the machine does meets both; the last column is their ratio.

- *a step of `fit`*: an epoch's time by its number of batches of 32, verbose=0.
- *`train_on_batch`*: of 32 samples.
- *`predict`, `predict_on_batch`*: of one sample.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from graphc.config import config
from graphc.engine import Model
from graphc.layers import Dense
from graphc.models import Sequential

X = np.random.RandomState(0).rand(3200, 20).astype("float32")
Y = (X[:, :1] > 0.5).astype("float32")


def small() -> Model:
    """The network, compiled."""
    model = Sequential([Dense(64, input_dim=20, activation="relu"), Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    return model


def calls_of(model: Model) -> dict[str, tuple[Callable[[], object], int]]:
    """A timed call, and the number of steps that it stands for."""
    batch, one = (X[:32], Y[:32]), X[:1]
    return {
        "a step of fit": (lambda: model.fit(X, Y, 32, 1, verbose=0), len(X) // 32),
        "train_on_batch": (lambda: model.train_on_batch(*batch), 1),
        "predict": (lambda: model.predict(one), 1),
        "predict_on_batch": (lambda: model.predict_on_batch(one), 1),
    }


def microseconds(call: Callable[[], object], parts: int, repeats: int) -> list[float]:
    """Return the seconds of each of so many calls, by its parts."""
    found = []
    for _ in range(max(2, repeats // parts)):
        started = time.perf_counter()
        call()
        found.append(1e6 * (time.perf_counter() - started) / parts)
    return found


def main() -> None:
    """Measure in turn, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200, help="of each kind in a round")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    made = {}
    for cpu in ("native", "numpy"):
        with config.changed(cpu=cpu):
            made[cpu] = calls_of(small())
            for call, _ in made[cpu].values():
                call()
    print(f"{'us, median (least)':<20}{'native':>18}{'interpreted':>18}{'ratio':>8}")
    for name in made["native"]:
        spent: dict[str, list[float]] = {cpu: [] for cpu in made}
        for _ in range(arguments.rounds):
            for cpu, calls in made.items():
                spent[cpu] += microseconds(*calls[name], arguments.calls)
        middle = {cpu: float(np.median(some)) for cpu, some in spent.items()}
        shown = [f"{middle[cpu]:.1f} ({min(some):.1f})" for cpu, some in spent.items()]
        ratio = middle["numpy"] / middle["native"]
        print(f"{name:<20}{shown[0]:>18}{shown[1]:>18}{ratio:>8.1f}")


if __name__ == "__main__":
    main()
