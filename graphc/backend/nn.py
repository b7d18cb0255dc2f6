"""K: activations, cross-entropies, dropout and normalisation."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np

from graphc.backend.settings import epsilon as small_number
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, ShapeError
from graphc.lookup import finite_number, whole_number
from graphc.releases import arguments_of_1_2, since


def relu(x: object, alpha: object = 0.0, max_value: object = None) -> g.Node:
    """x where it is positive, else alpha * x; at most max_value.

    The gradient at 0 is (1 + alpha) / 2, as in Theano. `alpha` may be a tensor.
    """
    result = g.maximum(x, 0.0)
    if not (isinstance(alpha, numbers.Real) and alpha == 0):
        result = result + alpha * g.minimum(x, 0.0)
    return result if max_value is None else g.minimum(result, max_value)


def exponential_linear(x: object, alpha: float) -> g.Node:
    """x where it is positive, else alpha * (exp(x) - 1); the gradient at 0 is (1 + alpha) / 2."""
    # The exponential sees no positive number: it would overflow, and spoil the gradient.
    return relu(x) + alpha * g.expm1(g.minimum(x, 0.0))


@since("1.1.1")
def elu(x: object, alpha: float = 1.0) -> g.Node:
    """x where it is positive, else alpha * (exp(x) - 1); the gradient at 0 is (1 + alpha) / 2."""
    return exponential_linear(x, alpha)


def softmax(x: object) -> g.Node:
    """exp(x) / sum(exp(x)) over the last axis."""
    return g.softmax(x, -1)


def softplus(x: object) -> g.Node:
    """log(1 + exp(x))."""
    return g.softplus(x)


@since("1.0.3")
def softsign(x: object) -> g.Node:
    """x / (1 + |x|)."""
    return g.div(x, g.abs(x) + 1.0)


def sigmoid(x: object) -> g.Node:
    """1 / (1 + exp(-x))."""
    return g.sigmoid(x)


def hard_sigmoid(x: object) -> g.Node:
    """0.2 x + 0.5 between 0 and 1."""
    return g.clip(g.mul(x, 0.2) + 0.5, 0.0, 1.0)


def tanh(x: object) -> g.Node:
    """The hyperbolic tangent."""
    return g.tanh(x)


def categorical_crossentropy(output: object, target: object, from_logits: bool = False) -> g.Node:
    """-sum(target * log(p)) over the last axis.

    p is `output`, scaled to sum 1 over the last axis (the softmax of `output`, with `from_logits`),
    then clipped to [epsilon, 1 - epsilon]. Outputs that sum to 0 are not scaled.

    Args:
        output: (..., classes), predictions.
        target: (..., classes), the probability of each class.
        from_logits: `output` is not yet a probability.

    Returns:
        (...), one value a prediction.
    """
    if from_logits:
        p = g.softmax(output, -1)
    else:
        total = g.sum(output, -1)
        p = g.div(output, g.expand_dims(g.where(g.equal(total, 0), 1, total), -1))
    p = g.clip(p, small_number(), 1.0 - small_number())
    return -g.sum(g.mul(target, g.log(p)), -1)


def sparse_categorical_crossentropy(
    output: object, target: object, from_logits: bool = False
) -> g.Node:
    """`categorical_crossentropy` with the class as a number.

    Args:
        output: (..., classes), predictions.
        target: as many class numbers as there are predictions, in any shape and dtype; a number
            outside of 0 ... classes - 1 is an IndexRangeError in the call.
        from_logits: `output` is not yet a probability.

    Returns:
        (...), one value a prediction.
    """
    predictions = g.as_node(output)
    classes = predictions.shape[-1]
    labels = g.reshape(target, (-1,))
    if g.is_float(labels.dtype) or labels.dtype == "bool":
        labels = g.cast(labels, "int32")  # what no int32 holds becomes the largest, never a class
    # One hot of a number outside would be a row of zeros, so a loss of 0; the lookup refuses it.
    labels = g.take(g.iota(classes), labels)
    marked = g.reshape(g.one_hot(labels, classes, predictions.dtype), predictions.shape)
    return categorical_crossentropy(predictions, marked, from_logits)


def binary_crossentropy(output: object, target: object, from_logits: bool = False) -> g.Node:
    """-(target * log(p) + (1 - target) * log(1 - p)), an element each.

    p is `output` (its sigmoid, with `from_logits`), clipped to [epsilon, 1 - epsilon].
    """
    p = g.sigmoid(output) if from_logits else output
    p = g.clip(p, small_number(), 1.0 - small_number())
    return -(g.mul(target, g.log(p)) + g.sub(1.0, target) * g.log(1.0 - p))


@arguments_of_1_2("x", "level", "noise_shape", "seed")
def dropout(
    x: object,
    level: float,
    seed: int | None = None,
    *,
    noise_shape: Sequence[g.Size | None] | None = None,
    stream: int = 0,
) -> g.Node:
    """Each element 0 with probability `level`, else divided by 1 - level; in every phase.

    Args:
        x: any shape.
        level: in [0, 1).
        seed: of the mask; None takes one from NumPy's global generator now.
        noise_shape: the shape of the mask, with the axis of samples: 1 for an axis whose elements
            are kept or dropped together, else the size of x, which None stands for.
        stream: keeps several uses of one seed apart.

    Raises:
        ArgumentError: a level outside.
        ShapeError: a noise_shape that does not broadcast to x.
    """
    if not 0.0 <= finite_number("dropout", "level", level) < 1.0:
        raise ArgumentError(f"dropout: the level lies in [0, 1), received {level}")
    node = g.as_node(x)
    sizes = mask_shape(node, noise_shape, "dropout")
    kept = g.random.bernoulli(sizes, 1.0 - level, seed, stream)
    return g.where(kept, node / (1.0 - level), 0.0)


def mask_shape(
    x: g.Node, noise_shape: Sequence[g.Size | None] | None, where: str
) -> tuple[g.Size, ...]:
    """The shape of the mask of `dropout`. ShapeError where it does not broadcast to x."""
    if noise_shape is None:
        return x.shape
    given = tuple(noise_shape) if isinstance(noise_shape, list | tuple) else ()
    if len(given) != x.ndim or not all(
        size is None or isinstance(size, int | np.integer | g.Dim) for size in given
    ):
        raise ShapeError(
            f"{where}: noise_shape: expected {x.ndim} sizes, one for each axis of {x.shape}, the "
            f"samples first, received {noise_shape!r}"
        )
    for axis, (size, own) in enumerate(zip(given, x.shape, strict=True)):
        if (
            isinstance(size, int | np.integer)
            and size != 1
            and isinstance(own, int)
            and size != own
        ):
            raise ShapeError(
                f"{where}: noise_shape {given}: axis {axis}: expected 1 or {own}, the size of the "
                f"input, received {size}"
            )
    return tuple(own if size is None else size for size, own in zip(given, x.shape, strict=True))


def l2_normalize(x: object, axis: int | Sequence[int]) -> g.Node:
    """x divided by its Euclidean length along an axis, or along several; zeros stay."""
    length = g.sum(g.square(x), axis, keepdims=True)
    return g.div(x, g.sqrt(g.where(g.equal(length, 0), 1, length)))


@since("1.0.6")
def normalize_batch_in_training(
    x: object,
    gamma: object,
    beta: object,
    reduction_axes: int | Sequence[int],
    epsilon: float = 1e-3,
) -> tuple[g.Node, g.Node, g.Node]:
    """Return gamma * (x - mean) / sqrt(var + epsilon) + beta, mean and var, over axes.

    Args:
        x: a batch.
        gamma, beta: tensors of the shape of the axes that are left.
        reduction_axes: the axes that mean and variance are of.
        epsilon: keeps the divisor from 0.

    Returns:
        The normalized batch, the mean, and the variance (divided by n, without epsilon).
    """
    node = g.as_node(x)
    mean = g.own_mean(node, reduction_axes, keepdims=True)
    variance = g.own_var(node, reduction_axes, keepdims=True)
    shift, scale = (g.reshape(one, mean.shape) for one in map(g.as_node, (beta, gamma)))
    normalized = batch_normalization(node, mean, variance, shift, scale, epsilon)
    return normalized, g.mean(node, reduction_axes), g.var(node, reduction_axes)


@since("1.0.6")
def batch_normalization(
    x: object, mean: object, var: object, beta: object, gamma: object, epsilon: float = 1e-3
) -> g.Node:
    """Return gamma * (x - mean) / sqrt(var + epsilon) + beta, all broadcast as in NumPy; beta and
    gamma may be None."""
    normalized = g.sub(x, mean) / g.sqrt(g.add(var, epsilon))
    scaled = normalized if gamma is None else normalized * gamma
    return scaled if beta is None else scaled + beta


@since("1.1.1")
def in_top_k(predictions: object, targets: object, k: int) -> g.Node:
    """A bool for each sample: fewer than k classes have a larger prediction than its target.

    Args:
        predictions: (samples, classes).
        targets: (samples,) whole numbers; one outside of the classes is an IndexRangeError in the
            call.
        k: at least 1.

    Returns:
        (samples,) bools; false where the prediction of the target is not finite.
    """
    scores, labels = g.as_node(predictions), g.as_node(targets)
    if scores.ndim != 2 or labels.ndim != 1:
        raise ShapeError(
            "in_top_k: expected predictions (samples, classes) and targets (samples,), received "
            f"{scores.shape} and {labels.shape}"
        )
    k = whole_number("in_top_k: k", k, 1)
    classes = scores.shape[1]
    if g.is_float(labels.dtype):
        labels = g.cast(labels, "int32")
    labels = g.take(g.iota(classes), labels)
    own = g.sum(g.where(g.one_hot(labels, classes, "bool"), scores, 0.0), 1, keepdims=True)
    above = g.sum(g.greater(scores, own), 1)
    return g.logical_and(g.less(above, k), g.isfinite(g.squeeze(own, 1)))
