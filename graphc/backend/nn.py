"""K: activations, cross-entropies, dropout and normalisation."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

from graphc.backend.settings import epsilon
from graphc.compiler import graph as g
from graphc.errors import ArgumentError
from graphc.lookup import finite_number


def relu(x: object, alpha: object = 0.0, max_value: object = None) -> g.Node:
    """x where it is positive, else alpha * x; at most max_value.

    The gradient at 0 is (1 + alpha) / 2, as in Theano. `alpha` may be a tensor.
    """
    result = g.maximum(x, 0.0)
    if not (isinstance(alpha, numbers.Real) and alpha == 0):
        result = result + alpha * g.minimum(x, 0.0)
    return result if max_value is None else g.minimum(result, max_value)


def softmax(x: object) -> g.Node:
    """exp(x) / sum(exp(x)) over the last axis."""
    return g.softmax(x, -1)


def softplus(x: object) -> g.Node:
    """log(1 + exp(x))."""
    return g.softplus(x)


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
    p = g.clip(p, epsilon(), 1.0 - epsilon())
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
    p = g.clip(p, epsilon(), 1.0 - epsilon())
    return -(g.mul(target, g.log(p)) + g.sub(1.0, target) * g.log(1.0 - p))


def dropout(x: object, level: float, seed: int | None = None, *, stream: int = 0) -> g.Node:
    """Each element 0 with probability `level`, else divided by 1 - level; in every phase.

    Args:
        x: any shape.
        level: in [0, 1).
        seed: of the mask; None takes one from NumPy's global generator now.
        stream: keeps several uses of one seed apart.
    """
    if not 0.0 <= finite_number("dropout", "level", level) < 1.0:
        raise ArgumentError(f"dropout: the level lies in [0, 1), received {level}")
    node = g.as_node(x)
    kept = g.random.bernoulli(node.shape, 1.0 - level, seed, stream)
    return g.where(kept, node / (1.0 - level), 0.0)


def l2_normalize(x: object, axis: int | Sequence[int]) -> g.Node:
    """x divided by its Euclidean length along an axis, or along several; zeros stay."""
    length = g.sum(g.square(x), axis, keepdims=True)
    return g.div(x, g.sqrt(g.where(g.equal(length, 0), 1, length)))
