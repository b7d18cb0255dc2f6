"""SimpleRNN, GRU and LSTM as loops over time in NumPy, written from the equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

Arrays = dict[str, np.ndarray]

# The gates in the order of their weights.
GATES = {"SimpleRNN": ("",), "GRU": ("_z", "_r", "_h"), "LSTM": ("_i", "_c", "_f", "_o")}
STATES = {"SimpleRNN": 1, "GRU": 1, "LSTM": 2}


def weight_names(kind: str) -> list[str]:
    return [f"{part}{gate}" for gate in GATES[kind] for part in "WUb"]


def hard_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(0.2 * x + 0.5, 0.0, 1.0)


@dataclass
class Equations:
    """One layer's step.

    `x_factors` and `h_factors` hold what a gate multiplies x and h with, for dropout.
    """

    kind: str
    weights: Arrays
    activation: Callable[[np.ndarray], np.ndarray] = np.tanh
    inner: Callable[[np.ndarray], np.ndarray] = hard_sigmoid
    x_factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    h_factors: Mapping[str, np.ndarray] = field(default_factory=dict)

    def gate(self, name: str, x: np.ndarray, h: np.ndarray) -> np.ndarray:
        """x . W + b + h . U of one gate."""
        W, U, b = (self.weights[f"{part}{name}"] for part in "WUb")
        x, h = x * self.x_factors.get(name, 1.0), h * self.h_factors.get(name, 1.0)
        return x @ W + b + h @ U

    def step(self, x: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
        """The new states; the first is the output."""
        h = states[0]
        if self.kind == "SimpleRNN":
            return [self.activation(self.gate("", x, h))]
        if self.kind == "GRU":
            z, r = self.inner(self.gate("_z", x, h)), self.inner(self.gate("_r", x, h))
            candidate = self.activation(self.gate("_h", x, r * h))
            return [z * h + (1.0 - z) * candidate]
        i, f, o = (self.inner(self.gate(name, x, h)) for name in ("_i", "_f", "_o"))
        c = f * states[1] + i * self.activation(self.gate("_c", x, h))
        return [o * self.activation(c), c]

    def run(
        self,
        xs: np.ndarray,
        mask: np.ndarray | None = None,
        backwards: bool = False,
        states: list[np.ndarray] | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """The outputs (batch, steps, units) in the order of processing, and the last states."""
        samples, steps = xs.shape[:2]
        units = len(self.weights[weight_names(self.kind)[1]])
        if states is None:
            states = [np.zeros((samples, units)) for _ in range(STATES[self.kind])]
        output, outputs = np.zeros((samples, units)), []
        for t in reversed(range(steps)) if backwards else range(steps):
            new = self.step(xs[:, t], states)
            keep = np.ones((samples, 1), bool) if mask is None else mask[:, t, None]
            output = np.where(keep, new[0], output)
            states = [np.where(keep, *pair) for pair in zip(new, states, strict=True)]
            outputs.append(output)
        return np.stack(outputs, axis=1), states
