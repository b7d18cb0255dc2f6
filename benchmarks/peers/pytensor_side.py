"""PyTensor: one compiled function a step, `scan`. It has no pooling: neither cnn nor accel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from benchmarks.peers import layouts
from benchmarks.peers.workloads import SEED, Arrays, Task, batches

ONE = np.float32(1.0)


class _Dropout:
    """Its draws; `updates`, the generators and what they are then, go to the function."""

    def __init__(self, wanted: bool):
        self._wanted = wanted
        self.updates: list[tuple] = []

    def __call__(self, x: TensorVariable, p: float) -> TensorVariable:
        if not self._wanted:
            return x
        generator = pt.random.shared_rng(seed=SEED + len(self.updates))
        drawn_from, words = generator.uniform(size=x.shape, dtype="float32")
        self.updates.append((generator, drawn_from))
        kept = words < np.float32(1.0 - p)
        return pt.switch(kept, x / np.float32(1.0 - p), np.float32(0.0))


def _hard_sigmoid(x: TensorVariable) -> TensorVariable:
    return pt.clip(np.float32(0.2) * x + np.float32(0.5), np.float32(0.0), ONE)


def _gru(w: Sequence[TensorVariable], units: int, x: TensorVariable) -> TensorVariable:
    W, U_zr, U_h, b = w

    def step(slices: TensorVariable, h: TensorVariable, U_zr, U_h) -> TensorVariable:
        zr = _hard_sigmoid(slices[:, : 2 * units] + pt.dot(h, U_zr))
        z, r = zr[:, :units], zr[:, units:]
        candidate = pt.maximum(slices[:, 2 * units :] + pt.dot(r * h, U_h), np.float32(0.0))
        return z * h + (ONE - z) * candidate

    start = pt.zeros((x.shape[1], units), "float32")
    return pytensor.scan(
        step, pt.dot(x, W) + b, [start], [U_zr, U_h], strict=True, return_updates=False
    )


def _lstm_layer(w: Sequence[TensorVariable], units: int, x: TensorVariable) -> TensorVariable:
    W, U, b = w

    def step(slices: TensorVariable, h: TensorVariable, c: TensorVariable, U) -> list:
        gates = slices + pt.dot(h, U)
        i, f, cell, o = (gates[:, k * units : (k + 1) * units] for k in range(4))
        c = _hard_sigmoid(f) * c + _hard_sigmoid(i) * pt.tanh(cell)
        return [_hard_sigmoid(o) * pt.tanh(c), c]

    start = pt.zeros((x.shape[1], units), "float32")
    states, _ = pytensor.scan(
        step, pt.dot(x, W) + b, [start, start], [U], strict=True, return_updates=False
    )
    return states[-1]


def _mlp(w: Sequence[TensorVariable], dropout: _Dropout) -> tuple[list, TensorVariable]:
    x, y = pt.fmatrix("x"), pt.fmatrix("y")
    zero = np.float32(0.0)
    h = dropout(pt.maximum(pt.dot(x, w[0]) + w[1], zero), 0.2)
    h = dropout(pt.maximum(pt.dot(h, w[2]) + w[3], zero), 0.2)
    logs = pt.special.log_softmax(pt.dot(h, w[4]) + w[5], axis=-1)
    return [x, y], -pt.mean(pt.sum(y * logs, -1))


def _gru_ae(w: Sequence[TensorVariable], dropout: _Dropout) -> tuple[list, TensorVariable]:
    x, y = pt.ftensor3("x"), pt.ftensor3("y")
    decoded = _gru(w[4:], 6, _gru(w[:4], 50, x.swapaxes(0, 1)))
    return [x, y], pt.mean(pt.sqr(decoded.swapaxes(0, 1) - y))


def _lstm(w: Sequence[TensorVariable], dropout: _Dropout) -> tuple[list, TensorVariable]:
    x, y = pt.imatrix("x"), pt.fmatrix("y")
    logits = pt.dot(_lstm_layer(w[1:4], 128, w[0][x.T]), w[4]) + w[5]
    return [x, y], pt.mean(pt.softplus(logits) - y * logits)


_MODELS: dict[str, tuple[Callable, Callable[[Arrays], Arrays]]] = {
    "mlp": (_mlp, list),
    "gru_ae": (_gru_ae, lambda w: [*layouts.gru(w[:9]), *layouts.gru(w[9:])]),
    "lstm": (_lstm, lambda w: [w[0], *layouts.lstm(w[1:13]), *w[13:]]),
}


def _zeros(w: Sequence[TensorVariable]) -> list[TensorVariable]:
    return [pytensor.shared(np.zeros_like(p.get_value())) for p in w]


def _rmsprop(w: Sequence[TensorVariable], gradients: Sequence[TensorVariable], lr: float) -> list:
    updates = []
    for p, g, a in zip(w, gradients, _zeros(w), strict=True):
        new = np.float32(0.9) * a + np.float32(0.1) * pt.sqr(g)
        updates += [(a, new), (p, p - np.float32(lr) * g / pt.sqrt(new + np.float32(1e-6)))]
    return updates


def _adam(w: Sequence[TensorVariable], gradients: Sequence[TensorVariable], lr: float) -> list:
    steps = pytensor.shared(np.float32(0.0))
    t = steps + ONE
    root = pt.sqrt(ONE - np.float32(0.999) ** t)
    lr_t = np.float32(lr) * root / (ONE - np.float32(0.9) ** t)
    updates = [(steps, t)]
    for p, g, m, v in zip(w, gradients, _zeros(w), _zeros(w), strict=True):
        first = np.float32(0.9) * m + np.float32(0.1) * g
        second = np.float32(0.999) * v + np.float32(0.001) * pt.sqr(g)
        moved = p - lr_t * first / (pt.sqrt(second) + np.float32(1e-8))
        updates += [(m, first), (v, second), (p, moved)]
    return updates


class Side:
    """A model that is trained; see `worker`."""

    def __init__(self, task: Task):
        build, converted = _MODELS[task.workload.name]
        self._batch = task.workload.batch
        w = [pytensor.shared(np.array(a, order="C")) for a in converted(task.weights)]
        dropout = _Dropout(task.dropout)
        inputs, loss = build(w, dropout)
        optimizer = {"rmsprop": _rmsprop, "adam": _adam}[task.workload.optimizer]
        updates = optimizer(w, pt.grad(loss, w), task.workload.lr)
        self._step = pytensor.function(inputs, loss, updates=[*updates, *dropout.updates])

    def fit(self, arrays: Sequence[np.ndarray]) -> float:
        """One epoch; the mean loss."""
        parts = batches(arrays, self._batch)
        return float(sum(self._step(*part) for part in parts)) / len(parts)


def versions() -> str:
    """PyTensor's, and how it runs functions."""
    return f"pytensor {pytensor.__version__}, linker {pytensor.config.linker}"
