"""Weighted losses, totals and metrics against numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import objectives
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
from graphc.engine.training.losses import (
    make_metrics,
    make_targets,
    penalised,
    total_loss,
    weighted_loss,
)
from graphc.errors import ArgumentError, KeywordError, ShapeError, UnknownNameError


@pytest.fixture(autouse=True)
def _float64(_defaults):
    with config.changed(floatX="float64"):
        yield


def targets(*outputs, loss="mse", loss_weights=None, mode=None):
    names = [f"out{k}" for k in range(len(outputs))]
    return make_targets(names, outputs, [None] * len(outputs), loss, loss_weights, mode)


def value_of(node, feeds):
    return float(function(list(feeds), node)(*map(np.asarray, feeds.values())))


def output(*shape):
    return g.input((g.BATCH, *shape))


class TestWeightedLoss:
    p = np.array([[1.0, 2.0], [0.0, 0.0], [3.0, 1.0]])
    t = np.array([[0.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
    # mean squared errors of the samples: 1/2, 5/2, 9/2

    def loss(self, weights):
        (target,) = targets(output(2))
        feeds = {target.output: self.p, target.y_true: self.t, target.weights: np.array(weights)}
        return value_of(weighted_loss(target), feeds)

    def test_weights_of_one_give_the_mean(self):
        assert self.loss([1.0, 1.0, 1.0]) == pytest.approx(7.5 / 3, rel=1e-14)

    def test_the_sum_is_divided_by_the_number_of_weights_that_are_not_zero(self):
        assert self.loss([2.0, 0.0, 0.5]) == pytest.approx((1.0 + 2.25) / 2, rel=1e-14)

    def test_weights_of_zero_give_zero(self):
        assert self.loss([0.0, 0.0, 0.0]) == 0.0

    def test_axes_behind_the_weights_are_averaged(self):
        (target,) = targets(output(3, 2))
        p, t = np.arange(12.0).reshape(2, 3, 2), np.zeros((2, 3, 2))
        feeds = {target.output: p, target.y_true: t, target.weights: np.array([1.0, 3.0])}
        scores = (p**2).reshape(2, 6).mean(axis=1)
        expected = (scores[0] + 3.0 * scores[1]) / 2
        assert value_of(weighted_loss(target), feeds) == pytest.approx(expected, rel=1e-14)

    def test_temporal_weights_count_steps(self):
        (target,) = targets(output(3, 2), mode="temporal")
        p, t = np.arange(12.0).reshape(2, 3, 2), np.zeros((2, 3, 2))
        w = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
        feeds = {target.output: p, target.y_true: t, target.weights: w}
        expected = (w * (p**2).mean(axis=2)).sum() / 3
        assert value_of(weighted_loss(target), feeds) == pytest.approx(expected, rel=1e-14)

    def test_one_number_for_the_batch_counts_for_each_sample(self):
        (target,) = targets(output(2), loss=lambda t, p: g.mean(p) + 0 * g.sum(t))
        w = np.array([2.0, 0.0, 1.0])
        feeds = {target.output: self.p, target.y_true: self.t, target.weights: w}
        assert value_of(weighted_loss(target), feeds) == pytest.approx((7 / 6) * 3 / 2, rel=1e-14)

    def test_a_temporal_loss_needs_a_score_a_step(self):
        (target,) = targets(output(3, 2), loss=lambda t, p: g.mean(p, axis=(1, 2)), mode="temporal")
        with pytest.raises(ShapeError, match="loss of out0: expected a node with a score for each"):
            weighted_loss(target)


class TestMaskedLoss:
    """s * m / mean(m), then as without a mask; each number by hand."""

    p = np.array([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    scores = np.array([[1.0, 4.0, 9.0], [16.0, 25.0, 36.0]])

    def loss(self, mask, weights, mode=None, objective="mse"):
        node, mask_node = output(3, 1), g.input((g.BATCH, 3), "bool")
        (target,) = make_targets(["out"], [node], [mask_node], objective, None, mode)
        feeds = {node: self.p, target.y_true: np.zeros((2, 3, 1))}
        feeds |= {target.weights: np.array(weights), mask_node: np.array(mask)}
        return value_of(weighted_loss(target), feeds)

    def test_the_mean_over_the_steps_that_count(self):
        mask = [[True, False, False], [True, True, False]]
        assert self.loss(mask, [1.0, 1.0]) == pytest.approx((1 + 16 + 25) / 3, rel=1e-14)

    def test_sample_weights(self):
        mask = [[True, False, False], [True, True, False]]
        # mean(m) = 1/2; the samples' means over steps are 1 * 2 / 3 and (16 + 25) * 2 / 3.
        expected = (2.0 * 2 / 3 + 3.0 * 82 / 3) / 2
        assert self.loss(mask, [2.0, 3.0]) == pytest.approx(expected, rel=1e-14)

    def test_temporal_weights(self):
        mask = [[True, False, True], [True, True, True]]
        weights = [[1.0, 5.0, 0.0], [0.0, 2.0, 1.0]]
        # mean(m) = 5/6; four weights are not 0, that of the masked step among them.
        expected = (1 * 1 + 25 * 2 + 36 * 1) * 6 / 5 / 4
        assert self.loss(mask, weights, "temporal") == pytest.approx(expected, rel=1e-14)

    def test_a_mask_that_is_false_everywhere(self):
        assert self.loss([[False] * 3] * 2, [1.0, 1.0]) == 0.0

    def test_a_score_a_sample_has_no_steps_to_leave_out(self):
        def each_sample(t, p):
            return g.mean(g.square(t - p), axis=(1, 2))

        with pytest.raises(ShapeError, match="out: the output has a mask.*return_sequences=False"):
            self.loss([[True] * 3] * 2, [1.0, 1.0], objective=each_sample)


class TestTotal:
    def test_outputs_are_weighted_and_penalties_added(self):
        both = targets(
            output(1), output(1), loss={"out0": "mse", "out1": "mae"}, loss_weights=[2, 5]
        )
        ones = np.ones(2)
        feeds = {}
        for target, value in zip(both, ([[1.0], [3.0]], [[2.0], [4.0]]), strict=True):
            feeds |= {target.output: value, target.y_true: np.zeros((2, 1)), target.weights: ones}
        total = penalised(
            total_loss(both, list(map(weighted_loss, both))),
            [lambda loss: loss + 0.25, lambda loss: loss * 2.0],
            uses=(),
        )
        assert value_of(total, feeds) == pytest.approx(2 * (2 * 5.0 + 5 * 3.0 + 0.25), rel=1e-14)

    def test_an_output_without_a_loss_or_with_an_unknown_name(self):
        with pytest.raises(ArgumentError, match="nothing for the output 'out1'"):
            targets(output(1), output(1), loss={"out0": "mse"})
        with pytest.raises(KeywordError, match="no output is named 'out2'"):
            targets(output(1), loss={"out2": "mse"})
        with pytest.raises(ArgumentError, match="expected 2 values, one for each of the outputs"):
            targets(output(1), output(1), loss=["mse"])
        with pytest.raises(UnknownNameError, match="'mean_square_error'.*mean_squared_error"):
            targets(output(1), loss="mean_square_error")

    @pytest.mark.parametrize("factor", ["a", None, float("nan")])
    def test_a_factor_that_is_no_number(self, factor):
        with pytest.raises(ArgumentError, match="loss_weights of out0: expected a number"):
            targets(output(2), loss_weights=[factor])

    def test_sample_weight_modes(self):
        with pytest.raises(ArgumentError, match="expected None or 'temporal', received 'time'"):
            targets(output(3, 2), mode="time")
        with pytest.raises(ShapeError, match="needs an output of \\(batch, time"):
            targets(output(3), mode="temporal")


class TestTargets:
    def test_shapes_and_dtypes(self):
        (dense,) = targets(output(4))
        (sparse,) = targets(output(5, 4), loss="sparse_categorical_crossentropy")
        assert (dense.y_true.shape, dense.y_true.dtype) == ((g.BATCH, 4), "float64")
        assert (sparse.y_true.shape, sparse.y_true.dtype) == ((g.BATCH, 5, 1), "int32")

    def test_a_users_loss_takes_targets_of_any_width(self):
        (target,) = targets(output(2), loss=lambda t, p: g.sum(t, axis=1) - p[:, 0])
        feeds = {
            target.output: np.array([[1.0, 0.0]]),
            target.y_true: np.array([[1.0, 2.0, 3.0]]),
            target.weights: np.ones(1),
        }
        assert value_of(weighted_loss(target), feeds) == 5.0


class TestMetrics:
    def accuracy(self, loss, p, t):
        (target,) = targets(output(np.shape(p)[1]), loss=loss)
        labels, nodes = make_metrics([target], ["accuracy"])
        assert labels == ["acc"]
        return value_of(nodes[0], {target.output: np.array(p), target.y_true: np.array(t)})

    def test_one_column_is_rounded(self):
        p, t = [[0.4], [0.9], [0.6]], [[0.0], [1.0], [0.0]]
        assert self.accuracy("binary_crossentropy", p, t) == pytest.approx(2 / 3, rel=1e-6)

    def test_one_hot_rows_are_compared_by_argmax(self):
        p = [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]
        t = [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
        assert self.accuracy("categorical_crossentropy", p, t) == 0.75

    def test_class_numbers_are_compared_as_labels(self):
        p = [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]
        t = np.array([[1], [1], [1], [0]], "int32")
        assert self.accuracy("sparse_categorical_crossentropy", p, t) == 0.75

    def test_categorical_accuracy_by_name_compares_labels_too(self):
        (target,) = targets(output(2), loss="sparse_categorical_crossentropy")
        labels, nodes = make_metrics([target], ["categorical_accuracy"])
        assert labels == ["categorical_accuracy"]
        p = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
        t = np.array([[1], [1], [1], [0]], "int32")
        assert value_of(nodes[0], {target.output: p, target.y_true: t}) == 0.75

    def test_sparse_accuracy_of_one_hot_rows(self):
        (target,) = targets(output(2), loss="categorical_crossentropy")
        _, nodes = make_metrics([target], ["sparse_categorical_accuracy"])
        p = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
        t = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
        value = value_of(nodes[0], {target.output: p, target.y_true: t})
        assert value == pytest.approx(1 / 3, rel=1e-12)

    def test_binary_accuracy_of_class_numbers(self):
        numbers = targets(output(2), loss="sparse_categorical_crossentropy")
        with pytest.raises(ArgumentError, match="binary_accuracy compares numbers"):
            make_metrics(numbers, ["binary_accuracy"])

    def test_a_loss_of_values_as_metric_of_class_numbers_and_the_reverse(self):
        numbers = targets(output(2), loss="sparse_categorical_crossentropy")
        with pytest.raises(ArgumentError, match="mean_squared_error compares numbers.*'accuracy'"):
            make_metrics(numbers, ["mse"])
        rows = targets(output(2), loss="categorical_crossentropy")
        with pytest.raises(ArgumentError, match="takes class numbers.*'categorical_crossentropy'"):
            make_metrics(rows, ["sparse_categorical_crossentropy"])

    @pytest.mark.parametrize("name", ["precision", "fmeasure", "matthews_correlation"])
    def test_counts_of_positives_of_class_numbers(self, name):
        numbers = targets(output(2), loss="sparse_categorical_crossentropy")
        with pytest.raises(ArgumentError, match=f"{name} compares numbers.*class numbers"):
            make_metrics(numbers, [name])

    def test_a_metric_of_several_values(self):
        def spread(y_true, y_pred):
            return {"least": g.min(y_pred), "most": g.max(y_pred)}

        (target,) = targets(output(2))
        labels, nodes = make_metrics([target], [spread])
        assert labels == ["least", "most"]
        p = np.array([[0.5, 2.0], [-1.0, 0.0]])
        assert [value_of(node, {target.output: p}) for node in nodes] == [-1.0, 2.0]

    def test_equal_names_are_numbered(self):
        labels, _ = make_metrics(targets(output(2)), ["mse", "mae", "MSE"])
        assert labels == ["mean_squared_error_1", "mean_absolute_error", "mean_squared_error_2"]

    @pytest.mark.parametrize("name", ["size", "batch", "loss"])
    def test_a_name_that_the_logs_need(self, name):
        def metric(y_true, y_pred):
            return g.mean(y_pred)

        metric.__name__ = name
        with pytest.raises(ArgumentError, match=f"the name {name!r} is taken in the logs"):
            make_metrics(targets(output(2)), [metric])

    def test_what_is_no_list(self):
        with pytest.raises(ArgumentError, match="metrics: expected a list"):
            make_metrics(targets(output(2)), 3)

    def test_names(self):
        def spread(y_true, y_pred):
            return g.max(y_pred) - g.min(y_pred)

        both = targets(output(1), output(3))
        labels, _ = make_metrics(both, ["acc", spread, objectives.mean_absolute_error])
        assert labels == [
            *("out0_acc", "out0_spread", "out0_mean_absolute_error"),
            *("out1_acc", "out1_spread", "out1_mean_absolute_error"),
        ]
        assert make_metrics(both, {"out1": "acc"})[0] == ["out1_acc"]
        with pytest.raises(KeywordError, match="metrics: no output is named 'out3'"):
            make_metrics(both, {"out3": "acc"})
