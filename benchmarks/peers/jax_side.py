"""JAX: pure functions, one `jax.jit` of the whole step, `lax.scan`; images with channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from benchmarks.peers import layouts
from benchmarks.peers.workloads import SEED, Arrays, Task, Workload, batches

Tree = list


def _dropout(x: Array, p: float, key: Array | None) -> Array:
    """x as it is without a key."""
    if key is None:
        return x
    return jnp.where(jax.random.bernoulli(key, 1.0 - p, x.shape), x / (1.0 - p), 0.0)


def _keys(key: Array | None, count: int) -> Sequence[Array | None]:
    return [None] * count if key is None else jax.random.split(key, count)


def _hard_sigmoid(x: Array) -> Array:
    return jnp.clip(0.2 * x + 0.5, 0.0, 1.0)


def _pooled(x: Array, window: tuple[int, ...]) -> Array:
    window = (1, *window, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def _gru(weights: Tree, x: Array) -> Array:
    W, U_zr, U_h, b = weights
    units = U_h.shape[0]

    def step(h: Array, slices: Array) -> tuple[Array, Array]:
        zr = _hard_sigmoid(slices[:, : 2 * units] + h @ U_zr)
        z, r = zr[:, :units], zr[:, units:]
        candidate = jax.nn.relu(slices[:, 2 * units :] + (r * h) @ U_h)
        h = z * h + (1.0 - z) * candidate
        return h, h

    _, states = lax.scan(step, jnp.zeros((x.shape[1], units)), x @ W + b)
    return states


def _lstm_layer(weights: Tree, x: Array) -> Array:
    W, U, b = weights
    units = U.shape[0]

    def step(carry: tuple[Array, Array], slices: Array) -> tuple[tuple[Array, Array], None]:
        h, c = carry
        i, f, cell, o = jnp.split(slices + h @ U, 4, 1)
        c = _hard_sigmoid(f) * c + _hard_sigmoid(i) * jnp.tanh(cell)
        return (_hard_sigmoid(o) * jnp.tanh(c), c), None

    start = jnp.zeros((x.shape[1], units))
    (h, _), _ = lax.scan(step, (start, start), x @ W + b)
    return h


def _cross_entropy(target: Array, logits: Array) -> Array:
    return -jnp.mean(jnp.sum(target * jax.nn.log_softmax(logits), -1))


def _binary(target: Array, logits: Array) -> Array:
    return jnp.mean(jnp.logaddexp(0.0, logits) - target * logits)


def _mlp(w: Tree, inputs: Sequence[Array], target: Array, key: Array | None) -> Array:
    first, second = _keys(key, 2)
    h = _dropout(jax.nn.relu(inputs[0] @ w[0] + w[1]), 0.2, first)
    h = _dropout(jax.nn.relu(h @ w[2] + w[3]), 0.2, second)
    return _cross_entropy(target, h @ w[4] + w[5])


def _cnn(w: Tree, inputs: Sequence[Array], target: Array, key: Array | None) -> Array:
    h = inputs[0].reshape(-1, 28, 28, 1)  # one channel: the order of axes moves nothing
    for W, b in ((w[0], w[1]), (w[2], w[3])):
        h = lax.conv_general_dilated(
            h, W, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        h = jax.nn.relu(h + b)
    h = _dropout(_pooled(h, (2, 2)), 0.25, key).reshape(h.shape[0], -1)
    return _cross_entropy(target, jax.nn.relu(h @ w[4] + w[5]) @ w[6] + w[7])


def _gru_ae(w: Tree, inputs: Sequence[Array], target: Array, key: Array | None) -> Array:
    decoded = _gru(w[4:], _gru(w[:4], inputs[0].swapaxes(0, 1)))
    return jnp.mean(jnp.square(decoded.swapaxes(0, 1) - target))


def _lstm(w: Tree, inputs: Sequence[Array], target: Array, key: Array | None) -> Array:
    h = _lstm_layer(w[1:4], w[0][inputs[0].T])
    return _binary(target, h @ w[4] + w[5])


def _accel(w: Tree, inputs: Sequence[Array], target: Array, key: Array | None) -> Array:
    branches = []
    for k, (x, one) in enumerate(zip(inputs, _keys(key, 3), strict=True)):
        h = lax.conv_general_dilated(
            x, w[2 * k], (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")
        )
        h = _pooled(_dropout(jax.nn.relu(h + w[2 * k + 1]), 0.25, one), (10,))
        branches.append(h.reshape(h.shape[0], -1))
    h = jax.nn.relu(jnp.concatenate(branches, 1) @ w[6] + w[7])
    return _binary(target, h @ w[8] + w[9])


def _cnn_weights(w: Arrays) -> Arrays:
    kernels = [layouts.channels_last(w[0]), w[1], layouts.channels_last(w[2]), w[3]]
    return [*kernels, layouts.rows_moved(w[4], *layouts.CNN_CHANNELS_LAST), *w[5:]]


def _accel_weights(w: Arrays) -> Arrays:
    kernels = [layouts.channels_last(a)[:, 0] if a.ndim > 1 else a for a in w[:6]]
    return [*kernels, *w[6:]]


_MODELS: dict[str, tuple[Callable[..., Array], Callable[[Arrays], Arrays]]] = {
    "mlp": (_mlp, list),
    "cnn": (_cnn, _cnn_weights),
    "gru_ae": (_gru_ae, lambda w: [*layouts.gru(w[:9]), *layouts.gru(w[9:])]),
    "lstm": (_lstm, lambda w: [w[0], *layouts.lstm(w[1:13]), *w[13:]]),
    "accel": (_accel, _accel_weights),
}


def _rmsprop(lr: float, w: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
    squares = [0.9 * a + 0.1 * jnp.square(g) for a, g in zip(state, gradients, strict=True)]
    moved = zip(w, gradients, squares, strict=True)
    return [p - lr * g / jnp.sqrt(a + 1e-6) for p, g, a in moved], squares


def _adam(lr: float, w: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
    t, first, second = state
    t = t + 1.0
    lr_t = lr * jnp.sqrt(1.0 - 0.999**t) / (1.0 - 0.9**t)
    first = [0.9 * m + 0.1 * g for m, g in zip(first, gradients, strict=True)]
    second = [0.999 * v + 0.001 * jnp.square(g) for v, g in zip(second, gradients, strict=True)]
    moved = zip(w, first, second, strict=True)
    return [p - lr_t * m / (jnp.sqrt(v) + 1e-8) for p, m, v in moved], [t, first, second]


def _start(workload: Workload, w: Tree) -> Tree:
    """The optimizer's state in front of the first step."""
    zeros = [jnp.zeros_like(p) for p in w]
    if workload.optimizer == "rmsprop":
        return zeros
    return [jnp.zeros(()), zeros, [jnp.zeros_like(p) for p in w]]


class Side:
    """A model that is trained; see `worker`."""

    def __init__(self, task: Task):
        loss_of, converted = _MODELS[task.workload.name]
        update = {"rmsprop": _rmsprop, "adam": _adam}[task.workload.optimizer]
        self._batch = task.workload.batch
        w = [jnp.array(a) for a in converted(task.weights)]
        self._state = (w, _start(task.workload, w), jax.random.key(SEED))

        def step(state: tuple, total: Array, inputs: Sequence[Array], target: Array) -> tuple:
            w, slots, key = state
            key, drawn = jax.random.split(key)
            dropped = drawn if task.dropout and task.workload.dropout else None
            loss, gradients = jax.value_and_grad(loss_of)(w, inputs, target, dropped)
            w, slots = update(task.workload.lr, w, gradients, slots)
            return (w, slots, key), total + loss

        self._step = jax.jit(step, donate_argnums=0)

    def fit(self, arrays: Sequence[np.ndarray]) -> float:
        """One epoch; the mean loss."""
        total = jnp.zeros(())
        parts = batches(arrays, self._batch)
        for *inputs, target in parts:
            self._state, total = self._step(self._state, total, inputs, target)
        jax.block_until_ready(self._state)
        return float(total) / len(parts)


def versions() -> str:
    """JAX's."""
    return f"jax {jax.__version__}"
