"""Small training problems: data, initial weights and optimizers, from NumPy's legacy generator.

Shared by `record.py`, which trains on them with PyTorch's primitive operations, and by the tests,
which train on them with graphc. `RandomState` gives the same numbers in every version of NumPy.
"""

from __future__ import annotations

import numpy as np

STEPS = 20

# name -> (class, keyword arguments). Rates are large enough for the loss to move in 20 steps.
OPTIMIZERS: dict[str, tuple[str, dict]] = {
    "sgd": ("SGD", {"lr": 0.1}),
    "sgd_momentum": ("SGD", {"lr": 0.05, "momentum": 0.9, "decay": 0.01}),
    "sgd_nesterov": ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "clipnorm": 0.5}),
    "rmsprop": ("RMSprop", {"lr": 0.01, "rho": 0.9}),
    "rmsprop_clipvalue": ("RMSprop", {"lr": 0.01, "clipvalue": 0.05}),
    "adagrad": ("Adagrad", {"lr": 0.05}),
    "adadelta": ("Adadelta", {"lr": 1.0, "rho": 0.95}),
    "adam": ("Adam", {"lr": 0.02}),
    "adamax": ("Adamax", {"lr": 0.02, "beta_1": 0.8}),
}

Arrays = dict[str, np.ndarray]


def _matrices(random: np.random.RandomState, shapes: dict[str, tuple[int, ...]]) -> Arrays:
    return {name: random.normal(0.0, 0.4, shape) for name, shape in shapes.items()}


def mlp() -> tuple[Arrays, Arrays]:
    """6 inputs, 8 tanh units, softmax over 4 classes. (data {x, y}, weights)."""
    random = np.random.RandomState(1)
    data = {"x": random.normal(size=(24, 6)), "y": np.eye(4)[random.randint(0, 4, 24)]}
    return data, _matrices(random, {"W1": (6, 8), "b1": (8,), "W2": (8, 4), "b2": (4,)})


def _sequences(seed: int) -> tuple[np.random.RandomState, Arrays]:
    """x: (5 steps, 7 samples, 3), y: (7, 2)."""
    random = np.random.RandomState(seed)
    return random, {"x": random.normal(size=(5, 7, 3)), "y": random.normal(size=(7, 2))}


def simple_rnn() -> tuple[Arrays, Arrays]:
    """3 inputs a step, 4 tanh units, a linear layer of 2 on the last state. (data, weights)."""
    random, data = _sequences(2)
    shapes = {"W": (3, 4), "U": (4, 4), "b": (4,), "V": (4, 2), "c": (2,)}
    return data, _matrices(random, shapes)


def gru() -> tuple[Arrays, Arrays]:
    """As `simple_rnn`, with the gates z and r and the candidate h. (data, weights)."""
    random, data = _sequences(3)
    gates: dict[str, tuple[int, ...]] = {}
    for gate in "zrh":
        gates |= {f"W_{gate}": (3, 4), f"U_{gate}": (4, 4), f"b_{gate}": (4,)}
    return data, _matrices(random, {**gates, "V": (4, 2), "c": (2,)})


PROBLEMS = {"mlp": mlp, "simple_rnn": simple_rnn, "gru": gru}
