"""Losses: (targets, predictions) -> one value a prediction (the mean over the last axis)."""

from __future__ import annotations

import math
from collections.abc import Callable

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.lookup import get_from_module as get_from_module
from graphc.lookup import get_function
from graphc.public.calls import public
from graphc.releases import since


def mean_squared_error(y_true: Node, y_pred: Node) -> Node:
    """mean((p - t)^2)."""
    return K.mean(K.square(y_pred - y_true), axis=-1)


def root_mean_squared_error(y_true: Node, y_pred: Node) -> Node:
    """sqrt(mean((p - t)^2)), as in Keras 0.3. Its gradient is 0 where p equals t."""
    return K.sqrt(mean_squared_error(y_true, y_pred))


def mean_absolute_error(y_true: Node, y_pred: Node) -> Node:
    """mean(|p - t|)."""
    return K.mean(K.abs(y_pred - y_true), axis=-1)


def mean_absolute_percentage_error(y_true: Node, y_pred: Node) -> Node:
    """100 mean(|t - p| / max(|t|, epsilon))."""
    size = K.clip(K.abs(y_true), K.epsilon(), math.inf)
    return 100.0 * K.mean(K.abs((y_true - y_pred) / size), axis=-1)


def mean_squared_logarithmic_error(y_true: Node, y_pred: Node) -> Node:
    """mean((log(max(p, epsilon) + 1) - log(max(t, epsilon) + 1))^2)."""
    predicted = K.log(K.clip(y_pred, K.epsilon(), math.inf) + 1.0)
    wanted = K.log(K.clip(y_true, K.epsilon(), math.inf) + 1.0)
    return K.mean(K.square(predicted - wanted), axis=-1)


def squared_hinge(y_true: Node, y_pred: Node) -> Node:
    """mean(max(1 - t p, 0)^2); targets are -1 and 1."""
    return K.mean(K.square(K.maximum(1.0 - y_true * y_pred, 0.0)), axis=-1)


def hinge(y_true: Node, y_pred: Node) -> Node:
    """mean(max(1 - t p, 0)); targets are -1 and 1."""
    return K.mean(K.maximum(1.0 - y_true * y_pred, 0.0), axis=-1)


def categorical_crossentropy(y_true: Node, y_pred: Node) -> Node:
    """-sum(t log p) with p scaled to sum 1, then clipped; targets are one-hot (or soft) rows."""
    return K.categorical_crossentropy(y_pred, y_true)


def sparse_categorical_crossentropy(y_true: Node, y_pred: Node) -> Node:
    """`categorical_crossentropy` with class numbers as targets."""
    return K.sparse_categorical_crossentropy(y_pred, y_true)


def binary_crossentropy(y_true: Node, y_pred: Node) -> Node:
    """mean(-(t log p + (1 - t) log(1 - p))) with p clipped to [epsilon, 1 - epsilon]."""
    return K.mean(K.binary_crossentropy(y_pred, y_true), axis=-1)


@since("1.0.4")
def kullback_leibler_divergence(y_true: Node, y_pred: Node) -> Node:
    """sum(t log(t / p)) over the last axis, with t and p clipped to [epsilon, 1]."""
    wanted, predicted = (K.clip(one, K.epsilon(), 1.0) for one in (y_true, y_pred))
    return K.sum(wanted * K.log(wanted / predicted), axis=-1)


def poisson(y_true: Node, y_pred: Node) -> Node:
    """mean(p - t log(p + epsilon))."""
    return K.mean(y_pred - y_true * K.log(y_pred + K.epsilon()), axis=-1)


def cosine_proximity(y_true: Node, y_pred: Node) -> Node:
    """-mean of the product of the two unit vectors: minus their cosine, over the size."""
    return -K.mean(K.l2_normalize(y_true, axis=-1) * K.l2_normalize(y_pred, axis=-1), axis=-1)


mse = MSE = mean_squared_error
rmse = RMSE = root_mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence
cosine = cosine_proximity

OBJECTIVES: dict[str, Callable[[Node, Node], Node]] = {
    "mean_squared_error": mean_squared_error,
    "root_mean_squared_error": root_mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "mean_absolute_percentage_error": mean_absolute_percentage_error,
    "mean_squared_logarithmic_error": mean_squared_logarithmic_error,
    "squared_hinge": squared_hinge,
    "hinge": hinge,
    "categorical_crossentropy": categorical_crossentropy,
    "sparse_categorical_crossentropy": sparse_categorical_crossentropy,
    "binary_crossentropy": binary_crossentropy,
    "kullback_leibler_divergence": kullback_leibler_divergence,
    "poisson": poisson,
    "cosine_proximity": cosine_proximity,
    "mse": mse,
    "MSE": MSE,
    "rmse": rmse,
    "RMSE": RMSE,
    "mae": mae,
    "MAE": MAE,
    "mape": mape,
    "MAPE": MAPE,
    "msle": msle,
    "MSLE": MSLE,
    "kld": kld,
    "KLD": KLD,
    "cosine": cosine,
}

_MODERN = {"cosine_similarity": "cosine_proximity"}


def get(identifier: str | Callable[[Node, Node], Node]) -> Callable[[Node, Node], Node]:
    """A loss by its name; a function is returned as it is.

    Raises:
        UnknownNameError: the name is not in `OBJECTIVES`.
        ArgumentError: neither a name nor a function.
    """
    return get_function("loss", identifier, OBJECTIVES, _MODERN)


public(__name__)
