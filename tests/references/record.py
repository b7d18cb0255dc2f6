"""Record training losses with PyTorch: ``record.py`` writes training.json, ``--check`` compares.

Only primitive operations of PyTorch are used (products, exp, tanh, clamp, autograd), never its
layers, losses or optimizers: where these have the names of Keras 1.0, their formulas differ. All in
float64. The formulas are those of Keras 1.0.1 on Theano.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from problems import OPTIMIZERS, PROBLEMS, STEPS

FILE = Path(__file__).with_name("training.json")
EPSILON = 1e-7  # K.epsilon()

Tensors = dict[str, torch.Tensor]


def mlp_loss(w: Tensors, data: Tensors) -> torch.Tensor:
    """Mean of Keras' categorical cross-entropy, which renormalises, then clips."""
    hidden = torch.tanh(data["x"] @ w["W1"] + w["b1"])
    exponents = torch.exp(hidden @ w["W2"] + w["b2"])
    p = exponents / exponents.sum(-1, keepdim=True)
    p = p / p.sum(-1, keepdim=True)
    p = torch.clamp(p, EPSILON, 1.0 - EPSILON)
    return -(data["y"] * torch.log(p)).sum(-1).mean()


def _mean_squared_error(w: Tensors, state: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    difference = state @ w["V"] + w["c"] - target
    return (difference * difference).mean(-1).mean()


def simple_rnn_loss(w: Tensors, data: Tensors) -> torch.Tensor:
    """h = tanh(x W + b + h U), step by step."""
    h = torch.zeros(data["x"].shape[1], w["U"].shape[0], dtype=torch.float64)
    for x in data["x"]:
        h = torch.tanh(x @ w["W"] + w["b"] + h @ w["U"])
    return _mean_squared_error(w, h, data["y"])


def gru_loss(w: Tensors, data: Tensors) -> torch.Tensor:
    """Gates by hard_sigmoid; the reset gate acts before the product with U_h."""

    def gate(name: str, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        inner = x @ w[f"W_{name}"] + w[f"b_{name}"] + h @ w[f"U_{name}"]
        return torch.clamp(0.2 * inner + 0.5, 0.0, 1.0)

    h = torch.zeros(data["x"].shape[1], w["U_h"].shape[0], dtype=torch.float64)
    for x in data["x"]:
        z, r = gate("z", x, h), gate("r", x, h)
        candidate = torch.tanh(x @ w["W_h"] + w["b_h"] + (r * h) @ w["U_h"])
        h = z * h + (1.0 - z) * candidate
    return _mean_squared_error(w, h, data["y"])


LOSSES: dict[str, Callable[[Tensors, Tensors], torch.Tensor]] = {
    "mlp": mlp_loss,
    "simple_rnn": simple_rnn_loss,
    "gru": gru_loss,
}


def clipped(grads: Tensors, clipnorm: float = 0.0, clipvalue: float = 0.0) -> Tensors:
    """By the norm over all gradients, then by value."""
    if clipnorm > 0.0:
        norm = torch.sqrt(sum((g * g).sum() for g in grads.values()))
        if norm >= clipnorm:
            grads = {name: g * clipnorm / norm for name, g in grads.items()}
    if clipvalue > 0.0:
        grads = {name: torch.clamp(g, -clipvalue, clipvalue) for name, g in grads.items()}
    return grads


class Rule:
    """A step ``update(p, g, state, t)`` for one parameter; t counts from 0, state from zeros."""

    def __init__(self, **options: float) -> None:
        self.options = options


class SGD(Rule):
    def update(self, p, g, s, t):
        o = {"momentum": 0.0, "decay": 0.0, "nesterov": False, **self.options}
        lr = o["lr"] / (1.0 + o["decay"] * t)
        s["m"] = v = o["momentum"] * s["m"] - lr * g
        return p + (o["momentum"] * v - lr * g if o["nesterov"] else v)


class RMSprop(Rule):
    def update(self, p, g, s, t):
        o = {"rho": 0.9, "epsilon": 1e-6, **self.options}
        s["a"] = o["rho"] * s["a"] + (1.0 - o["rho"]) * g * g
        return p - o["lr"] * g / torch.sqrt(s["a"] + o["epsilon"])


class Adagrad(Rule):
    def update(self, p, g, s, t):
        s["a"] = s["a"] + g * g
        return p - self.options["lr"] * g / torch.sqrt(s["a"] + 1e-6)


class Adadelta(Rule):
    def update(self, p, g, s, t):
        o = {"rho": 0.95, "epsilon": 1e-6, **self.options}
        s["a"] = o["rho"] * s["a"] + (1.0 - o["rho"]) * g * g
        u = g * torch.sqrt(s["d"] + o["epsilon"]) / torch.sqrt(s["a"] + o["epsilon"])
        s["d"] = o["rho"] * s["d"] + (1.0 - o["rho"]) * u * u
        return p - o["lr"] * u


class Adam(Rule):
    def update(self, p, g, s, t):
        o = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, **self.options}
        one, two = o["beta_1"], o["beta_2"]
        lr = o["lr"] * (1.0 - two ** (t + 1)) ** 0.5 / (1.0 - one ** (t + 1))
        s["m"] = one * s["m"] + (1.0 - one) * g
        s["v"] = two * s["v"] + (1.0 - two) * g * g
        return p - lr * s["m"] / (torch.sqrt(s["v"]) + o["epsilon"])


class Adamax(Rule):
    def update(self, p, g, s, t):
        o = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, **self.options}
        lr = o["lr"] / (1.0 - o["beta_1"] ** (t + 1))
        s["m"] = o["beta_1"] * s["m"] + (1.0 - o["beta_1"]) * g
        s["u"] = torch.maximum(o["beta_2"] * s["u"], torch.abs(g))
        return p - lr * s["m"] / (s["u"] + o["epsilon"])


RULES = {rule.__name__: rule for rule in (SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax)}


def tensors(arrays: dict[str, np.ndarray]) -> Tensors:
    return {name: torch.tensor(array, dtype=torch.float64) for name, array in arrays.items()}


def loss_and_gradients(problem: str, w: Tensors, data: Tensors) -> tuple[float, Tensors]:
    leaves = {name: p.detach().requires_grad_() for name, p in w.items()}
    loss = LOSSES[problem](leaves, data)
    grads = torch.autograd.grad(loss, list(leaves.values()))
    return loss.item(), dict(zip(leaves, grads, strict=True))


def train(problem: str, optimizer: str) -> list[float]:
    """The loss before each of the steps."""
    data, w = map(tensors, PROBLEMS[problem]())
    kind, options = OPTIMIZERS[optimizer]
    clips = {key: options[key] for key in ("clipnorm", "clipvalue") if key in options}
    rule = RULES[kind](**{key: value for key, value in options.items() if key not in clips})
    states = {name: dict.fromkeys("madvu", torch.zeros_like(p)) for name, p in w.items()}
    losses = []
    for t in range(STEPS):
        loss, grads = loss_and_gradients(problem, w, data)
        losses.append(loss)
        grads = clipped(grads, **clips)
        w = {name: rule.update(p, grads[name], states[name], t) for name, p in w.items()}
    return losses


def first_gradients(problem: str) -> dict[str, list]:
    """The gradient of every weight before the first step."""
    data, w = map(tensors, PROBLEMS[problem]())
    return {name: g.tolist() for name, g in loss_and_gradients(problem, w, data)[1].items()}


def record() -> dict:
    return {
        "made by": f"tests/references/record.py with PyTorch {torch.__version__}, float64",
        "losses": {p: {o: train(p, o) for o in OPTIMIZERS} for p in PROBLEMS},
        "gradients": {p: first_gradients(p) for p in PROBLEMS},
    }


def differences(old: object, new: object, path: str = "") -> list[str]:
    """Where two recordings differ: other keys, or numbers by more than a relative 1e-12."""
    if isinstance(old, dict) and isinstance(new, dict):
        if old.keys() != new.keys():
            return [f"{path}: keys {sorted(old)} and {sorted(new)}"]
        return [line for key in old for line in differences(old[key], new[key], f"{path}/{key}")]
    same = np.shape(old) == np.shape(new) and np.allclose(old, new, rtol=1e-12, atol=1e-15)
    return [] if same else [f"{path}: {old} and {new}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with training.json instead")
    check = parser.parse_args().check
    new = record()
    if not check:
        FILE.write_text(json.dumps(new, indent=1) + "\n")
        print(f"{FILE.name}: {new['made by']}")
        return 0
    old = json.loads(FILE.read_text())
    found = [
        line for key in ("losses", "gradients") for line in differences(old[key], new[key], key)
    ]
    print("\n".join(found) or f"{FILE.name} ({old['made by']}) agrees with {torch.__version__}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
