"""Metrics: (targets, predictions) -> a scalar, the mean over all predictions of a batch; or a dict
from names to scalars.

The objectives are metrics too: here each gives the mean of its values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc import backend as K
from graphc import objectives
from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError
from graphc.lookup import finite_number, get_function
from graphc.lookup import get_from_module as get_from_module
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


class EpochMetric:
    """Base of metrics that are of a whole epoch and no mean over its batches.

    Each batch gives sums, which are added up over the epoch, on the host as those of all metrics,
    and of which the value is made. So it does not depend on how the samples come in batches, and
    training and validation do not mix. An object keeps nothing: it may serve several models. Like
    all metrics it knows no masks and no sample weights.

    A subclass defines `sums` and `value`, and takes `name`, by which logs have it.
    """

    def __init__(self, name: str):
        if not isinstance(name, str) or not name:
            raise ArgumentError(f"{type(self).__name__}: name: expected a text, received {name!r}")
        self.name = self.__name__ = name

    def sums(self, y_true: Node, y_pred: Node) -> Node:
        """Return what a batch adds: a tensor of one axis, whose size is known."""
        raise NotImplementedError(f"{type(self).__name__} does not define sums")

    def value(self, sums: np.ndarray) -> float:
        """Return the value that sums stand for."""
        raise NotImplementedError(f"{type(self).__name__} does not define value")

    def __call__(self, y_true: Node, y_pred: Node) -> Node:
        """Return `sums`."""
        return self.sums(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal one."""
        return {"name": self.name}


class BatchSums(float):
    """The value of an `EpochMetric` for a batch, which knows the sums that it is made of."""

    metric: EpochMetric
    sums: np.ndarray

    def __new__(cls, metric: EpochMetric, sums: np.ndarray) -> BatchSums:
        wide = np.asarray(sums, np.float64)
        made = super().__new__(cls, metric.value(wide))
        made.metric, made.sums = metric, wide
        return made

    def added_to(self, before: BatchSums | None) -> BatchSums:
        """Return the value of this batch and of those before."""
        return self if before is None else BatchSums(self.metric, before.sums + self.sums)


class _OfCounts(EpochMetric):
    """Base of those that count true positives, predicted positives, and positives.

    Args:
        threshold: a prediction above it is positive. A target is from 0.5 on.
    """

    def __init__(self, threshold: float = 0.5, name: str | None = None):
        super().__init__(type(self).__name__.lower() if name is None else name)
        self.threshold = finite_number(type(self).__name__, "threshold", threshold)

    def sums(self, y_true: Node, y_pred: Node) -> Node:
        predicted = K.cast(y_pred > self.threshold, y_pred.dtype)
        wanted = K.cast(y_true >= 0.5, y_pred.dtype)
        return K.pack([K.sum(predicted * wanted), K.sum(predicted), K.sum(wanted)])

    def get_config(self) -> dict[str, Any]:
        return {"threshold": self.threshold, **super().get_config()}


class Precision(_OfCounts):
    """The share of predicted positives of an epoch that are positive; 0 where there are none."""

    def value(self, sums: np.ndarray) -> float:
        hits, predicted, _ = sums
        return float(hits / max(predicted, 1.0))


class Recall(_OfCounts):
    """The share of positives of an epoch that are predicted to be; 0 where there are none."""

    def value(self, sums: np.ndarray) -> float:
        hits, _, wanted = sums
        return float(hits / max(wanted, 1.0))


class FBeta(_OfCounts):
    """(1 + beta^2) P R / (beta^2 P + R) with precision P and recall R of an epoch; 0 without hits.

    Args:
        beta: how much more recall weighs than precision, above 0; 1 for their harmonic mean.
        threshold: as of `Precision`.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 0.5, name: str | None = None):
        super().__init__(threshold, name)
        self.beta = finite_number("FBeta", "beta", beta)
        if self.beta <= 0:
            raise ArgumentError(f"FBeta: beta: expected a number above 0, received {beta!r}")

    def value(self, sums: np.ndarray) -> float:
        hits, predicted, wanted = sums
        weight = self.beta**2
        return float((1.0 + weight) * hits / max(weight * wanted + predicted, 1e-30))

    def get_config(self) -> dict[str, Any]:
        return {"beta": self.beta, **super().get_config()}


class AUC(EpochMetric):
    """The area under the ROC curve of an epoch: the chance that of a positive and a negative, drawn
    at random, the positive has the larger prediction; equal ones count as one half. NaN without a
    positive or a negative.

    Predictions are probabilities, and those whose log odds, from -16 to 16, are in one of 2,048
    equal parts count as equal. Targets are positive from 0.5 on; of several columns all elements
    count alike.
    """

    def __init__(self, name: str = "auc"):
        super().__init__(name)

    def sums(self, y_true: Node, y_pred: Node) -> Node:
        p = K.clip(K.flatten(y_pred), _NEAREST, 1.0 - _NEAREST)
        odds = K.log(p) - K.log(1.0 - p)
        part = g.floor((odds + _LARGEST_ODDS) * (_PARTS / (2.0 * _LARGEST_ODDS)))
        place = g.cast(K.clip(part, 0.0, _PARTS - 1.0), "int32")
        positive = K.flatten(y_true) >= 0.5
        place = g.where(positive, place + _PARTS, place)
        return g.scatter_add(place, K.ones_like(p), 2 * _PARTS)

    def value(self, sums: np.ndarray) -> float:
        negatives, positives = sums[:_PARTS], sums[_PARTS:]
        pairs = negatives.sum() * positives.sum()
        above = positives.sum() - np.cumsum(positives)
        return float(negatives @ (above + 0.5 * positives) / pairs) if pairs else float("nan")


_PARTS = 2048
_LARGEST_ODDS = 16.0
_NEAREST = 1e-7  # to 0 and 1, whose log odds are about 16

EPOCH_METRICS: dict[str, type[EpochMetric]] = {
    one.__name__: one for one in (Precision, Recall, FBeta, AUC)
}

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
    "auc": AUC(),
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


public(__name__)
