"""The objective of training: weighted losses of the outputs, and the metrics beside them."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import reduce
from typing import Any

import numpy as np

from graphc import metrics, objectives
from graphc.backend.functions import in_train_phase, in_training
from graphc.compiler import graph as g
from graphc.engine.data.targets import (
    SAMPLE_WEIGHT_MODES,
    Objective,
    Target,
    for_each_output,
    takes_labels,
    takes_output_shape,
)
from graphc.engine.topology.layer_node import Mask, Use
from graphc.engine.topology.user_layers.functions import check_takes
from graphc.errors import (
    ArgumentError,
    ShapeError,
    UnknownNameError,
    errors_at,
    unknown_name,
)
from graphc.lookup import given_objects
from graphc.regularizers import OfTensor
from graphc.releases import Release, at_least

_ACCURACY = ("accuracy", "acc")

_LOG_ENTRIES = ("batch", "size", "loss")


def make_targets(
    names: Sequence[str],
    outputs: Sequence[g.Node],
    masks: Sequence[Mask],
    loss: object,
    loss_weights: object,
    sample_weight_mode: object,
) -> list[Target]:
    """Return the targets of a model, from arguments of `compile` for all outputs or for each."""
    losses = for_each_output(loss, names, "loss")
    factors = for_each_output(loss_weights, names, "loss_weights", default=1.0, shared=False)
    modes = for_each_output(sample_weight_mode, names, "sample_weight_mode", default=None)
    found = []
    rows = zip(names, outputs, masks, losses, factors, modes, strict=True)
    for name, output, mask, one, factor, mode in rows:
        if mode not in SAMPLE_WEIGHT_MODES:
            raise ArgumentError(
                f"sample_weight_mode of {name}: expected None or 'temporal', received {mode!r}"
            )
        temporal = mode == "temporal"
        if temporal and output.ndim < 3:
            raise ShapeError(
                f"sample_weight_mode='temporal' needs an output of (batch, time, ...), and "
                f"{name} has {output.ndim} axes; use sample_weight_mode=None"
            )
        if not isinstance(factor, int | float | np.number) or not np.isfinite(factor):
            raise ArgumentError(f"loss_weights of {name}: expected a number, received {factor!r}")
        objective = _objective(one, name)
        weights = g.input(output.shape[: 2 if temporal else 1], name=f"{name}_sample_weights")
        y_true = _target_input(objective, output, f"{name}_target")
        found.append(
            Target(name, output, objective, y_true, weights, temporal, float(factor), mask)
        )
    return found


def _target_input(objective: Objective, output: g.Node, name: str) -> g.Node:
    if takes_labels(objective):
        return g.input((*output.shape[:-1], 1), "int32", name)
    if takes_output_shape(objective):
        return g.input(output.shape, output.dtype, name)
    return g.input((output.shape[0], *[None] * (output.ndim - 1)), output.dtype, name)


def weighted_loss(target: Target) -> g.Node:
    """Return the loss of one output; see `weighted_objective`."""
    with g.origin(f"loss of {target.name}"):
        weighted = weighted_objective(target.loss)
        return weighted(target.y_true, target.output, target.weights, target.mask, name=target.name)


def weighted_objective(fn: Objective) -> Callable[..., g.Node]:
    """Return a function (y_true, y_pred, weights, mask=None) that gives the weighted mean of `fn`:
    sum(w * s) / count(w != 0) over the scores s of the samples (of the steps, if w has their axis).

    With a mask m, s becomes s * m / mean(m) first. Axes of s after those of w are averaged; a
    user's loss that is one number for the whole batch counts for each sample. A mask or weights
    that are all 0 give 0.
    """

    def weighted(
        y_true: g.Node,
        y_pred: g.Node,
        weights: g.Node,
        mask: Mask = None,
        *,
        name: str = "the output",
    ) -> g.Node:
        scores = fn(y_true, y_pred)
        if isinstance(scores, g.Node) and scores.ndim == 0:
            scores = g.broadcast_to(scores, weights.shape)
        if not isinstance(scores, g.Node) or scores.ndim < weights.ndim:
            raise ShapeError(
                f"loss of {name}: expected a node with a score for each sample"
                f"{' and step' if weights.ndim > 1 else ''}, received {scores!r}"
            )
        if mask is not None:
            scores = _masked(scores, mask, name)
        if scores.ndim > weights.ndim:
            scores = g.mean(scores, axis=tuple(range(weights.ndim, scores.ndim)))
        counted = g.sum(g.not_equal(weights, 0))
        return g.sum(scores * weights) / g.cast(g.maximum(counted, 1), scores.dtype)

    return weighted


def _masked(scores: g.Node, mask: g.Node, name: str) -> g.Node:
    """Return s * m / mean(m), whose mean over all steps is the mean of s over the steps that
    count."""
    if scores.ndim < mask.ndim:
        raise ShapeError(
            f"loss of {name}: the output has a mask over its steps, so the loss has to give a "
            f"score for each step, and gives {scores!r}; end the model with a layer that uses the "
            "mask up, e.g. a recurrent one with return_sequences=False"
        )
    kept = g.cast(mask, scores.dtype)
    mean = g.mean(kept)
    kept = kept / g.where(g.equal(mean, 0.0), 1.0, mean)
    return scores * g.reshape(kept, (*kept.shape, *[1] * (scores.ndim - mask.ndim)))


def total_loss(targets: Sequence[Target], losses: Sequence[g.Node]) -> g.Node:
    """Return the sum of the targets' losses, each times its factor."""
    pairs = zip(targets, losses, strict=True)
    factored = [loss if one.factor == 1.0 else loss * one.factor for one, loss in pairs]
    return reduce(operator.add, factored)


def penalised(
    loss: g.Node,
    regularizers: Sequence[Callable[[g.Node], g.Node]],
    uses: Sequence[Use],
    in_testing: bool = False,
    added: Sequence[g.Node] = (),
) -> g.Node:
    """Return the loss plus the losses that layers added and the penalties: on weights once, on a
    layer's output for each use. They count in training, and in testing if asked for."""
    with g.origin("penalties"), in_training() if in_testing else nullcontext():
        for regularizer in regularizers:
            layer = getattr(regularizer, "layer", None)
            if layer is None:
                loss = _with_penalty(loss, regularizer)
            for use in uses:
                if use.layer is layer:
                    with layer._graphc.at(use):
                        loss = _with_penalty(loss, regularizer)
        for one in added:
            loss = in_train_phase(loss + one, loss)
    return loss


def _with_penalty(loss: g.Node, regularizer: Callable[[g.Node], g.Node]) -> g.Node:
    if isinstance(regularizer, OfTensor) and not regularizer.watches:
        raise ArgumentError(
            f"the regularizer {_function_name(regularizer)}: it is in a layer's regularizers and "
            "watches nothing; call its set_param(weight) or set_layer(layer), or give it to "
            "add_weight(..., regularizer=)"
        )
    sum_of_both = regularizer(loss)
    if not isinstance(sum_of_both, g.Node) or sum_of_both.shape != loss.shape:
        watched = getattr(regularizer, "p", None)
        of = f" of {g.label(watched)}" if isinstance(watched, g.Node) else ""
        raise ArgumentError(
            f"the regularizer {_function_name(regularizer)}{of}: expected its call to return the "
            f"loss with the penalty added, a scalar, returned {sum_of_both!r}"
        )
    return sum_of_both


def collect_metrics(metrics: object, output_names: Sequence[str]) -> list[list[Any]]:
    """Return the metrics of each output, from a list for all of them, or a dict of lists (or single
    ones) by output."""
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    every = dict.fromkeys(output_names, metrics or ())
    lists = metrics if isinstance(metrics, Mapping) else every
    found = []
    for several in for_each_output(lists, output_names, "metrics", default=()):
        if isinstance(several, str) or callable(several):
            several = [several]
        if not isinstance(several, Iterable):
            raise ArgumentError(
                f"metrics: expected a list, e.g. ['accuracy'], received {several!r}"
            )
        found.append(list(several))
    return found


def loss_labels(targets: Sequence[Target], release: Release | None = None) -> list[str]:
    """Return the names of the outputs' losses in logs: none for a single output, and none with the
    meanings of Keras up to 1.0.2."""
    several = len(targets) > 1 and at_least("1.0.3", of=release)
    return [f"{target.name}_loss" for target in targets] if several else []


def make_metrics(
    targets: Sequence[Target], wanted: object, release: Release | None = None
) -> tuple[list[str], list[g.Node]]:
    """Return the metrics' names in logs, and their nodes; see `measures`."""
    labels, nodes, _ = measures(targets, wanted, release)
    return labels, nodes


def measures(
    targets: Sequence[Target], wanted: object, release: Release | None = None
) -> tuple[list[str], list[g.Node], dict[str, metrics.EpochMetric]]:
    """Return the metrics' names in logs; their nodes, which are scalars, or sums for metrics of a
    whole epoch; and the names of the latter. Sample weights do not count.

    `wanted` is what `collect_metrics` takes; `release`, by default that in force, decides what
    'accuracy' is.
    """
    taken = [*_LOG_ENTRIES, *loss_labels(targets, release)]
    chosen = collect_metrics(wanted, [target.name for target in targets])
    labels, nodes, functions = [], [], []
    for target, several in zip(targets, chosen, strict=True):
        for one in several:
            accuracy = isinstance(one, str) and one in _ACCURACY
            function = _accuracy_for(target, release) if accuracy else _metric(one)
            label = "acc" if accuracy else _function_name(function)
            function = _for_targets(function, target)
            for name, value in _values(function, label, target):
                labels.append(name if len(targets) == 1 else f"{target.name}_{name}")
                nodes.append(value)
                functions.append(function)
    for label in labels:
        if label in taken:
            raise ArgumentError(
                f"metrics: the name {label!r} is taken in the logs; name the function otherwise"
            )
    labels = _distinct(labels)
    pairs = zip(labels, functions, strict=True)
    of_epochs = {label: one for label, one in pairs if isinstance(one, metrics.EpochMetric)}
    return labels, nodes, of_epochs


def _values(function: Objective, label: str, target: Target) -> Iterator[tuple[str, g.Node]]:
    """Return the names and values of a metric: one of each, or those of the dict that it
    returns."""
    with g.origin(f"metric {label}"):
        found = function(target.y_true, target.output)
        several = found if isinstance(found, Mapping) else {label: found}
        for name, value in several.items():
            if not isinstance(value, g.Node) or not isinstance(name, str):
                raise ArgumentError(
                    f"metrics: {label}: expected a function (y_true, y_pred) that returns a node, "
                    f"or a dict from names to nodes, returned {found!r}"
                )
            # A user's metric may leave an axis or more; the log has their mean.
            yield name, value if isinstance(function, metrics.EpochMetric) else g.mean(value)


def _distinct(labels: Sequence[str]) -> list[str]:
    """Return the labels; equal ones get numbers: x_1, x_2."""
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        seen[label] += 1
        found.append(f"{label}_{seen[label]}" if labels.count(label) > 1 else label)
    return found


def _metric(wanted: Any) -> Objective:
    try:
        found = metrics.get(wanted)
    except UnknownNameError:
        raise unknown_name("metric", wanted, [*_ACCURACY, *metrics.METRICS]) from None
    check_takes(found, f"metrics: {_function_name(found)}", "y_true", "y_pred")
    return found


def _objective(wanted: Any, name: str) -> Objective:
    """Return the loss function of an output."""
    of_metrics = [*_ACCURACY, *(one for one in metrics.METRICS if one not in objectives.OBJECTIVES)]
    if isinstance(wanted, str) and wanted in of_metrics and wanted not in given_objects():
        raise UnknownNameError(
            f"loss of {name}: {wanted!r} is a metric, which training cannot make smaller; give "
            f"metrics=[{wanted!r}] beside a loss, e.g. 'categorical_crossentropy' for classes"
        )
    with errors_at(f"loss of {name}"):
        found = objectives.get(wanted)
    check_takes(found, f"loss of {name}", "y_true", "y_pred")
    return found


def _accuracy_for(target: Target, release: Release | None) -> Objective:
    if takes_labels(target.loss):
        return metrics.sparse_categorical_accuracy
    each_is_one = target.loss is objectives.binary_crossentropy and at_least("1.0.6", of=release)
    if each_is_one or target.output.shape[-1] == 1:
        return metrics.binary_accuracy
    return metrics.categorical_accuracy


def _for_targets(function: Objective, target: Target) -> Objective:
    """Return the variant of a metric for targets that are class numbers, or values of the output's
    shape."""
    labels = takes_labels(target.loss)
    if function is metrics.categorical_accuracy and labels:
        return metrics.sparse_categorical_accuracy
    if function is metrics.sparse_categorical_accuracy and takes_output_shape(target.loss):
        return metrics.categorical_accuracy
    if labels and takes_output_shape(function):
        raise ArgumentError(
            f"metrics: {_function_name(function)} compares numbers with numbers, and the targets "
            f"of {target.name} are class numbers; use 'accuracy', or a loss with one-hot targets"
        )
    if takes_labels(function) and takes_output_shape(target.loss):
        raise ArgumentError(
            f"metrics: {_function_name(function)} takes class numbers, and the targets of "
            f"{target.name} have the output's shape; use 'categorical_crossentropy'"
        )
    return function


def _function_name(function: Callable[..., g.Node]) -> str:
    return getattr(function, "__name__", type(function).__name__)
