"""Metrics: (targets, predictions) -> a scalar, the mean over all predictions of a batch; or a dict
from names to scalars.

The objectives are metrics too: here each gives the mean of its values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from graphc import backend as K
from graphc import objectives
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError
from graphc.lookup import get_from_module as get_from_module
from graphc.lookup import get_function
from graphc.public.calls import public
from graphc.releases import since


def binary_accuracy(y_true: Node, y_pred: Node) -> Node:
    """The share of elements with t = round(p)."""
    return K.mean(K.equal(y_true, K.round(y_pred)))


def categorical_accuracy(y_true: Node, y_pred: Node) -> Node:
    """The share of rows whose largest target and largest prediction are at one place."""
    return K.mean(K.equal(K.argmax(y_true, axis=-1), K.argmax(y_pred, axis=-1)))


def sparse_categorical_accuracy(y_true: Node, y_pred: Node) -> Node:
    """The share of predictions whose largest element is at the class number of the target.

    Args:
        y_true: as many class numbers as there are predictions, e.g. (samples, 1).
        y_pred: (..., classes).
    """
    predicted = K.flatten(K.argmax(y_pred, axis=-1))
    return K.mean(K.equal(K.cast(K.flatten(y_true), "int64"), predicted))


@since("1.1.1")
def top_k_categorical_accuracy(y_true: Node, y_pred: Node, k: int = 5) -> Node:
    """The share of rows of which fewer than k predictions are larger than that at the place of the
    largest target."""
    rows, classes = K.reshape(y_pred, (-1, y_pred.shape[-1])), K.flatten(K.argmax(y_true, axis=-1))
    return K.mean(K.in_top_k(rows, classes, k))


@since("1.1.0")
def matthews_correlation(y_true: Node, y_pred: Node) -> Node:
    """(tp tn - fp fn) / (sqrt((tp + fp) (tp + fn) (tn + fp) (tn + fn)) + epsilon), of counts of
    elements rounded to 0 and 1."""
    predicted, wanted = _rounded(y_pred), _rounded(y_true)
    tp, tn = K.sum(wanted * predicted), K.sum((1.0 - wanted) * (1.0 - predicted))
    fp, fn = K.sum((1.0 - wanted) * predicted), K.sum(wanted * (1.0 - predicted))
    # A root of each sum: their product of four is beyond the whole numbers of a float32 early.
    divisor = functools.reduce(
        lambda x, y: x * y, map(K.sqrt, (tp + fp, tp + fn, tn + fp, tn + fn))
    )
    return (tp * tn - fp * fn) / (divisor + K.epsilon())


@since("1.1.2")
def precision(y_true: Node, y_pred: Node) -> Node:
    """tp / (predicted positives + epsilon) of a batch, of elements rounded to 0 and 1; of a whole
    epoch `Precision` gives it, whatever the batches."""
    return K.sum(_rounded(y_true * y_pred)) / (K.sum(_rounded(y_pred)) + K.epsilon())


@since("1.1.2")
def recall(y_true: Node, y_pred: Node) -> Node:
    """tp / (positives + epsilon) of a batch, of elements rounded to 0 and 1; of a whole epoch
    `Recall` gives it, whatever the batches."""
    return K.sum(_rounded(y_true * y_pred)) / (K.sum(_rounded(y_true)) + K.epsilon())


@since("1.1.1")
def fbeta_score(y_true: Node, y_pred: Node, beta: float = 1) -> Node:
    """(1 + beta^2) P R / (beta^2 P + R + epsilon) with `precision` P and `recall` R of a batch.

    ArgumentError for a negative beta.
    """
    if beta < 0:
        raise ArgumentError(
            f"fbeta_score: beta: expected a number of at least 0, received {beta!r}"
        )
    p, r = precision(y_true, y_pred), recall(y_true, y_pred)
    return (1.0 + beta**2) * p * r / (beta**2 * p + r + K.epsilon())


@since("1.1.2")
def fmeasure(y_true: Node, y_pred: Node) -> Node:
    """`fbeta_score` of beta 1: the harmonic mean of precision and recall."""
    return fbeta_score(y_true, y_pred)


def _rounded(x: Node) -> Node:
    return K.round(K.clip(x, 0.0, 1.0))


def _mean_of(objective: Callable[[Node, Node], Node]) -> Callable[[Node, Node], Node]:
    """The mean of an objective's values; its module stays that of the objectives, for which
    targets are checked."""

    @functools.wraps(objective)
    def mean(y_true: Node, y_pred: Node) -> Node:
        return K.mean(objective(y_true, y_pred))

    return mean


mse = MSE = mean_squared_error = _mean_of(objectives.mean_squared_error)
rmse = RMSE = root_mean_squared_error = _mean_of(objectives.root_mean_squared_error)
mae = MAE = mean_absolute_error = _mean_of(objectives.mean_absolute_error)
mape = MAPE = mean_absolute_percentage_error = _mean_of(objectives.mean_absolute_percentage_error)
msle = MSLE = mean_squared_logarithmic_error = _mean_of(objectives.mean_squared_logarithmic_error)
squared_hinge = _mean_of(objectives.squared_hinge)
hinge = _mean_of(objectives.hinge)
categorical_crossentropy = _mean_of(objectives.categorical_crossentropy)
sparse_categorical_crossentropy = _mean_of(objectives.sparse_categorical_crossentropy)
binary_crossentropy = _mean_of(objectives.binary_crossentropy)
kld = KLD = kullback_leibler_divergence = _mean_of(objectives.kullback_leibler_divergence)
poisson = _mean_of(objectives.poisson)
cosine = cosine_proximity = _mean_of(objectives.cosine_proximity)
f1score = fscore = fmeasure

METRICS: dict[str, Callable[..., Node]] = {
    "binary_accuracy": binary_accuracy,
    "categorical_accuracy": categorical_accuracy,
    "sparse_categorical_accuracy": sparse_categorical_accuracy,
    "top_k_categorical_accuracy": top_k_categorical_accuracy,
    "matthews_correlation": matthews_correlation,
    "precision": precision,
    "recall": recall,
    "fbeta_score": fbeta_score,
    "fmeasure": fmeasure,
    "fscore": fscore,
    "f1score": f1score,
    **{name: globals()[name] for name in objectives.OBJECTIVES},
}


def get(identifier: str | Callable[[Node, Node], Node]) -> Callable[[Node, Node], Node]:
    """A metric by its name; a function is returned as it is.

    ``'accuracy'`` and ``'acc'`` stand for one of several and are resolved by a model's `compile`,
    from the output and its loss.

    Raises:
        UnknownNameError: the name is not in `METRICS`.
        ArgumentError: neither a name nor a function.
    """
    return get_function("metric", identifier, METRICS)


__getattr__ = public(__name__)
