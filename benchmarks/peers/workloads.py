"""The workloads that are trained: sizes, data and optimizers, for every peer the same.

The models are graphc's reference models mlp, cnn, gru_ae, lstm and accel, without metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Arrays = list[np.ndarray]
SEED = 1337


@dataclass(frozen=True)
class Workload:
    """One model and how it is trained.

    Attributes:
        batch: samples a step.
        steps: of an epoch, at most.
        optimizer: "rmsprop" (rho 0.9, epsilon 1e-6 under the root) or "adam" (0.9, 0.999, 1e-8).
        lr: its learning rate.
        dropout: whether the model has dropout; two peers then draw other numbers.
        draw: generator, number of samples -> float32 and int32 arrays: inputs, then the target.
    """

    name: str
    batch: int
    steps: int
    optimizer: str
    lr: float
    dropout: bool
    draw: Callable[[np.random.Generator, int], Sequence[np.ndarray]]

    def data(self) -> Arrays:
        """The arrays of an epoch, always the same."""
        arrays = self.draw(np.random.default_rng(SEED), self.batch * self.steps)
        return [
            np.ascontiguousarray(a, np.int32 if a.dtype.kind == "i" else np.float32) for a in arrays
        ]


def _classes(random: np.random.Generator, samples: int) -> np.ndarray:
    return np.eye(10)[random.integers(0, 10, samples)]


def _binary(random: np.random.Generator, samples: int) -> np.ndarray:
    return random.integers(0, 2, (samples, 1)).astype(np.float32)


def _mlp(random: np.random.Generator, samples: int) -> Arrays:
    return [random.random((samples, 784)), _classes(random, samples)]


def _cnn(random: np.random.Generator, samples: int) -> Arrays:
    return [random.random((samples, 1, 28, 28)), _classes(random, samples)]


def _gru_ae(random: np.random.Generator, samples: int) -> Arrays:
    sequences = random.random((samples, 50, 6))
    return [sequences, sequences]


def _lstm(random: np.random.Generator, samples: int) -> Arrays:
    return [random.integers(0, 20_000, (samples, 80)), _binary(random, samples)]


def _accel(random: np.random.Generator, samples: int) -> Arrays:
    recordings = [random.standard_normal((samples, 16_501, 3)) for _ in range(3)]
    return [*recordings, _binary(random, samples)]


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("mlp", 128, 100, "rmsprop", 1e-3, True, _mlp),
        Workload("cnn", 128, 12, "adam", 1e-3, True, _cnn),
        Workload("gru_ae", 16, 100, "rmsprop", 1e-3, False, _gru_ae),
        Workload("lstm", 32, 24, "adam", 1e-3, False, _lstm),
        Workload("accel", 16, 3, "rmsprop", 2e-5, True, _accel),
    )
}


@dataclass(frozen=True)
class Task:
    """A task that a peer is asked to build.

    Attributes:
        workload: what is trained.
        variant: which of a library's ways; "" where it has one.
        weights: the initial values, layer by layer in the order and layout of Keras 1.0.
        dropout: off where losses are to be compared.
    """

    workload: Workload
    variant: str
    weights: Arrays
    dropout: bool


def batches(arrays: Sequence[np.ndarray], size: int) -> list[Arrays]:
    """Views of the arrays, `size` samples each, in their order."""
    return [[a[k : k + size] for a in arrays] for k in range(0, len(arrays[0]), size)]
