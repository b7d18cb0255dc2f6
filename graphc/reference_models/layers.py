"""Layers of Keras 1.0 as functions over the graph: for models whose layers graphc does not have.

Each function takes the layer's name, which becomes the origin of its nodes and the first part of
its weights' names. Images have their channels first (``dim_ordering='th'``), sequences are
(batch, time, features).
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc import activations, initializations, metrics, objectives
from graphc import backend as K
from graphc.compiler import graph as g


class Weights:
    """The trained weights of a model, in the order in which its layers make them."""

    def __init__(self) -> None:
        self.all: list[g.Node] = []

    def add(self, layer: str, name: str, shape: tuple[g.Size, ...], init: str) -> g.Node:
        """A new shared variable ``<layer>_<name>``; `init` names an initialization."""
        weight = initializations.get(init)(shape, name=f"{layer}_{name}")
        self.all.append(weight)
        return weight


def dense(weights: Weights, name: str, x: g.Node, units: int, activation: str = "linear") -> g.Node:
    """activation(x . W + b): (batch, features) to (batch, units)."""
    with g.origin(name):
        W = weights.add(name, "W", (x.shape[-1], units), "glorot_uniform")
        b = weights.add(name, "b", (units,), "zero")
        return activations.get(activation)(K.dot(x, W) + b)


def embedding(weights: Weights, name: str, x: g.Node, vocabulary: int, units: int) -> g.Node:
    """Rows of W by number: integers (batch, time) to (batch, time, units)."""
    with g.origin(name):
        return g.take(weights.add(name, "W", (vocabulary, units), "uniform"), x)


def convolution(
    weights: Weights,
    name: str,
    x: g.Node,
    filters: int,
    window: Sequence[int],
    activation: str = "linear",
) -> g.Node:
    """Convolution2D and Convolution3D, ``border_mode='valid'``, stride 1.

    As on Theano a true convolution: the kernel is flipped.

    Args:
        x: (batch, channels, *spatial).
        window: the kernel's spatial sizes; W is (filters, channels, *window).
    """
    with g.origin(name):
        W = weights.add(name, "W", (filters, x.shape[1], *window), "glorot_uniform")
        b = weights.add(name, "b", (filters,), "zero")
        return activations.get(activation)(_convolved(x, W, b))


def convolution_1d(
    weights: Weights, name: str, x: g.Node, filters: int, length: int, activation: str = "linear"
) -> g.Node:
    """Convolution1D: (batch, time, features) to (batch, time - length + 1, filters).

    W is (filters, features, length, 1), as Keras has it. See `convolution`.
    """
    with g.origin(name):
        W = weights.add(name, "W", (filters, x.shape[2], length, 1), "uniform")
        b = weights.add(name, "b", (filters,), "zero")
        y = _convolved(g.swap_axes(x, 1, 2), g.squeeze(W, 3), b)
        return activations.get(activation)(g.swap_axes(y, 1, 2))


def _convolved(x: g.Node, W: g.Node, b: g.Node) -> g.Node:
    spatial = range(2, W.ndim)
    return g.conv(x, g.flip(W, spatial)) + g.reshape(b, (b.shape[0], *(1 for _ in spatial)))


def max_pooling(name: str, x: g.Node, window: Sequence[int]) -> g.Node:
    """The largest element of each window; windows do not overlap, and a rest is cut off."""
    with g.origin(name):
        return g.max_pool(x, window)


def max_pooling_1d(name: str, x: g.Node, length: int) -> g.Node:
    """MaxPooling1D: (batch, time, features) to (batch, time // length, features)."""
    with g.origin(name):
        return g.swap_axes(g.max_pool(g.swap_axes(x, 1, 2), (length,)), 1, 2)


def dropout(name: str, x: g.Node, p: float) -> g.Node:
    """In training each element is 0 with probability p, else divided by 1 - p."""
    with g.origin(name):
        return K.in_train_phase(K.dropout(x, p), x)


def flatten(name: str, x: g.Node) -> g.Node:
    """(batch, a, b, ...) to (batch, a * b * ...)."""
    with g.origin(name):
        return K.batch_flatten(x)


def mean_loss(name: str, loss: str, y_true: g.Node, y_pred: g.Node) -> g.Node:
    """A scalar: a named objective of the layer `name`'s output, averaged over the batch."""
    with g.origin(f"loss of {name}"):
        return K.mean(objectives.get(loss)(y_true, y_pred))


def metric(name: str, y_true: g.Node, y_pred: g.Node) -> g.Node:
    """A scalar: a named metric."""
    with g.origin(f"metric {name}"):
        return metrics.get(name)(y_true, y_pred)
