"""The forms on graphc: each a compiled function that writes its results into shared variables.

So a call moves no array between Python and the compiled code, and allocates none, as within a step
of a training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

import graphc
from benchmarks.forms.grid import (
    ADAM_DECAYS,
    ADAM_TINY,
    GATES,
    RATE,
    Form,
    Sizes,
    conv_padding,
)
from graphc import backend as K
from graphc.compiler import graph as g

Nodes = dict[str, g.Node]


def prepared(form: Form) -> tuple[Callable[[], object], Callable[[], list[np.ndarray]]]:
    """Return the call that is timed, and one that returns its results."""
    if form.operation == "update":
        return _update(form.sizes, variables_of(form))
    nodes = nodes_of(form)
    if form.operation == "embedding":
        # Both sides return a new array: a state would get a copy of it, once all rows were found.
        returning = K.function([], nodes)
        return lambda: returning([]), lambda: returning([])
    results = [
        K.variable(np.zeros(g.known_sizes(node.shape, "a result")), node.dtype) for node in nodes
    ]
    function = K.function([], [], updates=list(zip(results, nodes, strict=True)))
    return lambda: function([]), lambda: [K.get_value(result) for result in results]


def variables_of(form: Form) -> Nodes:
    """Return shared variables with the arrays of a form, by their names."""
    arrays = form.arrays()
    return {name: K.variable(array, array.dtype.name, name) for name, array in arrays.items()}


def nodes_of(form: Form) -> list[g.Node]:
    """Return what a form computes of such variables, unless it is an update."""
    return _BUILDERS[form.operation](form.sizes, variables_of(form))


def versions() -> str:
    """graphc's and NumPy's."""
    return f"graphc {graphc.__version__}, numpy {np.__version__}"


def _transposed(x: g.Node) -> g.Node:
    """Its two last axes exchanged."""
    return g.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _matmul(s: Sizes, read: Nodes) -> list[g.Node]:
    a, b = read["a"], read["b"]
    stored = s.get("stored", "")
    return [
        g.matmul(_transposed(a) if "a" in stored else a, _transposed(b) if "b" in stored else b)
    ]


def _dense(s: Sizes, read: Nodes) -> list[g.Node]:
    return [K.relu(K.dot(read["x"], read["W"]) + read["b"])]


def _channels_first(x: g.Node) -> g.Node:
    return g.transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def _channels_last(x: g.Node) -> g.Node:
    return g.transpose(x, (0, *range(2, x.ndim), 1))


def _conv(s: Sizes, read: Nodes) -> list[g.Node]:
    last = s.get("layout") == "last"
    shapes = {"x": (s.batch, s.channels, *s.size), "w": (s.filters, s.channels, *s.kernel)}
    if last:
        shapes["x"] = (s.batch, *s.size, s.channels)
    # A convolution is linear in each operand: its gradient to one does not read that one.
    x, w = (
        read[name] if name in read else K.placeholder(shape, name=name)
        for name, shape in shapes.items()
    )
    padding = [(p, p) for p in conv_padding(s)]
    strides, dilation = [s.stride] * len(s.kernel), [s.get("dilation", 1)] * len(s.kernel)
    image = _channels_first(x) if last else x
    y = g.conv(image, w, strides, padding, kernel_dilation=dilation)
    y = _channels_last(y) if last else y
    if s.part == "forward":
        return [y]
    return [_gradient(y, read["dy"], [x if s.part == "image" else w])[0]]


def _gradient(y: g.Node, dy: g.Node, wrt: Sequence[g.Node]) -> list[g.Node]:
    return list(K.gradients(K.sum(y * dy), list(wrt)))


def _pool(s: Sizes, read: Nodes) -> list[g.Node]:
    dims = len(s.size)
    pooled = {"maximum": g.max_pool, "average": g.average_pool}[s.mode]
    y = pooled(read["x"], [s.window] * dims, [s.stride] * dims, [(0, 0)] * dims)
    if s.part == "forward":
        return [y]
    return [y, *_gradient(y, read["dy"], [read["x"]])]


def _pointwise(s: Sizes, read: Nodes) -> list[g.Node]:
    x = read["x"]
    if s.function == "add":
        return [x + read["y"]]
    if s.function == "bias_relu":
        return [K.relu(x + read["b"])]
    if s.function == "gates":
        i, f, c = K.sigmoid(x), K.sigmoid(read["y"]), K.tanh(read["z"])
        return [f * read["w"] + i * c]
    if s.function == "gelu":
        return [0.5 * x * (1.0 + g.erf(x * 0.5**0.5))]
    return [{"relu": K.relu, "tanh": K.tanh}[s.function](x)]


def _reduce(s: Sizes, read: Nodes) -> list[g.Node]:
    x, axes = read["x"], list(s.axes)
    if s.function == "softmax":
        return [K.softmax(x)]
    if s.function == "argmax":
        return [K.argmax(x, axis=axes[0])]
    return [{"sum": K.sum, "max": K.max, "mean": K.mean}[s.function](x, axis=axes)]


def _normalize(s: Sizes, read: Nodes) -> list[g.Node]:
    x, gamma, beta = (read[name] for name in ("x", "gamma", "beta"))
    axes = [1]
    if s.over == "batch":
        axes = [0, *range(2, x.ndim)]
        shape = tuple(1 if k in axes else n for k, n in enumerate(s.shape))
        gamma, beta = K.reshape(gamma, shape), K.reshape(beta, shape)
    mean = K.mean(x, axes, keepdims=True)
    variance = K.mean(K.square(x - mean), axes, keepdims=True)
    y = gamma * (x - mean) / K.sqrt(variance + 1e-5) + beta
    if s.part == "forward":
        return [y]
    return [y, *_gradient(y, read["dy"], [read[name] for name in ("x", "gamma", "beta")])]


def _transpose(s: Sizes, read: Nodes) -> list[g.Node]:
    return [g.transpose(read["x"], s.order)]


def _concat(s: Sizes, read: Nodes) -> list[g.Node]:
    return [g.concat(list(read.values()), s.axis)]


def _move(s: Sizes, read: Nodes) -> list[g.Node]:
    x = read["x"]
    if s.function == "pad":
        return [g.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])]
    if s.function == "slice":
        return [x[:, :, 1:-1, 1:-1]]
    if s.function == "flip":
        return [g.flip(x, 3)]
    return [g.repeat(g.repeat(x, 2, 2), 2, 3)]


def _recurrent(s: Sizes, read: Nodes) -> list[g.Node]:
    x, W, U, b = (read[name] for name in ("x", "W", "U", "b"))
    projected = g.reshape(K.dot(g.reshape(x, (-1, s.features)), W) + b, (s.batch, s.steps, -1))
    start = K.zeros((s.batch, s.units))
    states = [start, start] if s.layer == "lstm" else [start]

    def cut(z: g.Node) -> list[g.Node]:
        return [z[:, k * s.units : (k + 1) * s.units] for k in range(GATES[s.layer])]

    def lstm(z: g.Node, states: list[g.Node]) -> tuple[g.Node, list[g.Node]]:
        h, c = states
        i, f, candidate, o = cut(z + K.dot(h, U))
        c = K.sigmoid(f) * c + K.sigmoid(i) * K.tanh(candidate)
        h = K.sigmoid(o) * K.tanh(c)
        return h, [h, c]

    def gru(z: g.Node, states: list[g.Node]) -> tuple[g.Node, list[g.Node]]:
        (h,) = states
        (x_r, x_z, x_n), (h_r, h_z, h_n) = cut(z), cut(K.dot(h, U))
        keep = K.sigmoid(x_z + h_z)
        h = (1 - keep) * K.tanh(x_n + K.sigmoid(x_r + h_r) * h_n) + keep * h
        return h, [h]

    def rnn(z: g.Node, states: list[g.Node]) -> tuple[g.Node, list[g.Node]]:
        h = K.tanh(z + K.dot(states[0], U))
        return h, [h]

    step = {"lstm": lstm, "gru": gru, "rnn": rnn}[s.layer]
    last, _, _ = K.rnn(step, projected, states, input_length=s.steps)
    if s.part == "forward":
        return [last]
    return [last, *_gradient(last, read["dy"], [W, U, b])]


def _embedding(s: Sizes, read: Nodes) -> list[g.Node]:
    if s.part == "forward":
        return [K.gather(read["table"], read["rows"])]
    return [g.scatter_add(read["rows"], read["dy"], s.vocabulary)]


def _update(s: Sizes, read: Nodes) -> tuple[Callable[[], object], Callable[[], list[np.ndarray]]]:
    parameters = [read[f"parameter{k}"] for k in range(s.count)]
    gradients = [read[f"gradient{k}"] for k in range(s.count)]
    updates: list[tuple[g.Node, g.Node]] = []
    if s.rule == "sgd":
        updates = [(p, p - RATE * dp) for p, dp in zip(parameters, gradients, strict=True)]
    else:
        step = K.variable(0.0)
        updates.append((step, step + 1.0))
        first, second = (1.0 - K.pow(K.variable(decay), step + 1.0) for decay in ADAM_DECAYS)
        for p, dp in zip(parameters, gradients, strict=True):
            mean, square = K.zeros(s.shape), K.zeros(s.shape)
            to_mean = ADAM_DECAYS[0] * mean + (1 - ADAM_DECAYS[0]) * dp
            to_square = ADAM_DECAYS[1] * square + (1 - ADAM_DECAYS[1]) * dp * dp
            change = RATE * (to_mean / first) / (K.sqrt(to_square / second) + ADAM_TINY)
            updates += [(mean, to_mean), (square, to_square), (p, p - change)]
    function = K.function([], [], updates=updates)
    return lambda: function([]), lambda: [K.get_value(p) for p in parameters]


_BUILDERS: dict[str, Callable[[Sizes, Nodes], list[g.Node]]] = {
    "matmul": _matmul,
    "dense": _dense,
    "conv": _conv,
    "pool": _pool,
    "pointwise": _pointwise,
    "reduce": _reduce,
    "normalize": _normalize,
    "transpose": _transpose,
    "concat": _concat,
    "move": _move,
    "recurrent": _recurrent,
    "embedding": _embedding,
}
