"""Keras' functions on the data of a model, under their names in `engine.training`."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc import objectives
from graphc.engine import Input, Model
from graphc.engine.training import (
    check_array_lengths,
    check_loss_and_target_compatibility,
    collect_metrics,
    collect_trainable_weights,
    slice_X,
    standardize_class_weights,
    standardize_input_data,
    standardize_sample_or_class_weights,
    standardize_sample_weights,
    standardize_weights,
    weighted_objective,
)
from graphc.errors import ArgumentError, DataError, KeywordError
from graphc.layers import Dense
from graphc.models import Sequential, standardize_X, standardize_y


class TestInputData:
    def test_arrays_come_in_the_order_of_the_names(self):
        a, b = np.zeros((2, 3)), np.ones((2, 4))
        for given in ([a, b], (a, b), {"b": b, "a": a, "other": None}):
            found = standardize_input_data(given, ["a", "b"], [(None, 3), (None, 4)])
            assert [one is two for one, two in zip(found, (a, b), strict=True)] == [True, True]

    def test_vectors_become_columns(self):
        (column,) = standardize_input_data([1, 2, 3], ["a"])
        np.testing.assert_array_equal(column, [[1], [2], [3]])
        (vector,) = standardize_input_data([1, 2, 3], ["a"], [(None,)])
        assert vector.shape == (3,)
        assert standardize_input_data([], []) == []

    def test_shapes(self):
        with pytest.raises(DataError, match="model input a: axis 1: expected 4, received 3"):
            standardize_input_data(
                np.zeros((2, 3)), ["a"], [(None, 4)], exception_prefix="model input"
            )
        with pytest.raises(DataError, match="a: axis 0: expected 5, received 2"):
            standardize_input_data(np.zeros((2, 3)), ["a"], [(5, 3)])
        (found,) = standardize_input_data(np.zeros((2, 3)), ["a"], [(5, 3)], check_batch_dim=False)
        assert found.shape == (2, 3)

    def test_what_is_missing(self):
        with pytest.raises(DataError, match="input data: expected data for a, received None"):
            standardize_input_data(None, ["a"], exception_prefix="input")
        with pytest.raises(DataError, match="data: the dict has no entry 'b'"):
            standardize_input_data({"a": 1}, ["a", "b"])
        with pytest.raises(DataError, match="data: expected a list of 2 arrays"):
            standardize_input_data([np.zeros(3)], ["a", "b"])

    def test_lengths(self):
        two, three = np.zeros((2, 1)), np.zeros((3, 1))
        check_array_lengths([two], [two, two], [two])
        check_array_lengths([], [], [])
        for arrays, name in (
            (([two], [three], []), "target 0 has 3"),
            (([two, three], [], []), "input 1 has 3"),
            (([two], [two], [three]), "weight 0 has 3"),
        ):
            with pytest.raises(DataError, match=f"input 0 has 2, {name}"):
                check_array_lengths(*arrays)


class TestWeights:
    def test_of_one_output(self):
        w = np.ones(3)
        for given in (w, [w], {"a": w}):
            (found,) = standardize_sample_weights(given, ["a"])
            assert found is w
        for given in (None, {}, []):
            assert standardize_sample_weights(given, ["a"]) == [None]
            assert standardize_class_weights(given, ["a"]) == [None]
        for given in ({0: 2.0}, [{0: 2.0}], {"a": {0: 2.0}}):
            assert standardize_class_weights(given, ["a"]) == [{0: 2.0}]

    def test_of_several_outputs(self):
        v, w = np.ones(3), np.zeros(3)
        for given in ([v, w], {"b": w, "a": v}):
            found = standardize_sample_or_class_weights(given, ["a", "b"], "sample_weight")
            assert found[0] is v
            assert found[1] is w
        assert standardize_class_weights({"b": {0: 1}}, ["a", "b"]) == [None, {0: 1}]
        found = standardize_sample_or_class_weights([None, {0: 1}], ["a", "b"], "class_weight")
        assert found == [None, {0: 1}]

    def test_what_does_not_fit(self):
        with pytest.raises(DataError, match="sample_weight: expected a list of 2 arrays"):
            standardize_sample_weights([np.ones(3)], ["a", "b"])
        with pytest.raises(KeywordError, match="sample_weight: no output is named 'c'"):
            standardize_sample_weights({"c": np.ones(3)}, ["a", "b"])
        with pytest.raises(ArgumentError, match="class_weight: expected a dict by output"):
            standardize_class_weights({0: 1.0}, ["a", "b"])
        with pytest.raises(ArgumentError, match="weight_type: expected 'sample_weight' or"):
            standardize_sample_or_class_weights(None, ["a"], "weights")

    def test_values(self):
        y = np.array([[0.0], [1.0], [1.0]])
        np.testing.assert_array_equal(standardize_weights(y), [1, 1, 1])
        np.testing.assert_array_equal(standardize_weights(y, [1, 2, 3]), [1, 2, 3])
        by_class = {0: 0.5, 1: 2.0}
        np.testing.assert_array_equal(standardize_weights(y, None, by_class), [0.5, 2, 2])
        one_hot = np.eye(2)[[0, 1, 1]]
        np.testing.assert_array_equal(standardize_weights(one_hot, None, by_class), [0.5, 2, 2])
        assert standardize_weights(y).dtype == K.floatx()

    def test_values_of_steps(self):
        y = np.zeros((2, 3, 4))
        assert standardize_weights(y, sample_weight_mode="temporal").shape == (2, 3)
        given = np.arange(6).reshape(2, 3)
        np.testing.assert_array_equal(standardize_weights(y, given, None, "temporal"), given)
        with pytest.raises(DataError, match="'temporal' needs targets of .*received the shape"):
            standardize_weights(y[:, :, 0], sample_weight_mode="temporal")
        with pytest.raises(DataError, match="axis 1: expected 3, received 2"):
            standardize_weights(y, np.ones((2, 2)), None, "temporal")
        with pytest.raises(DataError, match="expected 1 axes"):
            standardize_weights(y, given)
        with pytest.raises(ArgumentError, match="expected None or 'temporal', received 'steps'"):
            standardize_weights(y, sample_weight_mode="steps")


class TestTargetsAndMetrics:
    def test_targets_of_another_kind(self):
        classes, rows = np.zeros((4, 1)), np.zeros((4, 3))
        crossentropies = [
            "categorical_crossentropy",
            objectives.sparse_categorical_crossentropy,
            "mse",
        ]
        shapes = [(None, 3)] * 3
        check_loss_and_target_compatibility([rows, classes, rows], crossentropies, shapes)
        for k, (wrong, message) in enumerate(
            (
                (classes, "targets 0: categorical_crossentropy takes one column for each class"),
                (rows, "targets 1: sparse_categorical_crossentropy takes class numbers"),
                (classes, "targets 2: mean_squared_error takes targets of the output's shape"),
            )
        ):
            targets = [rows, classes, rows]
            targets[k] = wrong
            with pytest.raises(DataError, match=message):
                check_loss_and_target_compatibility(targets, crossentropies, shapes)

    def test_metrics_of_each_output(self):
        assert collect_metrics(["acc", "mse"], ["a", "b"]) == [["acc", "mse"], ["acc", "mse"]]
        assert collect_metrics("acc", ["a"]) == [["acc"]]
        assert collect_metrics({"b": "acc"}, ["a", "b"]) == [[], ["acc"]]
        assert collect_metrics([], ["a"]) == collect_metrics(None, ["a"]) == [[]]
        with pytest.raises(KeywordError, match="metrics: no output is named 'c'"):
            collect_metrics({"c": ["acc"]}, ["a", "b"])
        with pytest.raises(ArgumentError, match=r"metrics: expected a list, e.g. \['accuracy'\]"):
            collect_metrics({"a": 3}, ["a"])

    def test_weighted_means(self):
        y, p = K.variable(np.zeros((3, 2))), K.variable(np.array([[1.0, 3], [2, 2], [5, 5]]))
        weighted = weighted_objective(objectives.mean_squared_error)
        value = weighted(y, p, K.variable(np.array([2.0, 1.0, 0.0])))
        # Scores 5, 4, 25; two weights count.
        assert K.eval(value) == pytest.approx((2 * 5 + 4) / 2)

    def test_weighted_means_with_a_mask(self):
        y = K.variable(np.zeros((2, 2, 1)))
        p = K.variable(np.array([[[1.0], [9.0]], [[2.0], [3.0]]]))
        mask = K.variable(np.array([[1.0, 0.0], [1.0, 1.0]])) > 0
        weighted = weighted_objective(objectives.mean_squared_error)
        # Three steps of four count: the mean over all of s * m / (3/4) is that over the three.
        value = weighted(y, p, K.variable(np.ones(2)), mask)
        assert K.eval(value) == pytest.approx((1 + 4 + 9) / 3)


def test_trainable_weights_of_what_layers_hold():
    inner = Sequential([Dense(2, input_dim=3), Dense(2, trainable=False)])
    x = Input(shape=(3,))
    last = Dense(1)
    model = Model(x, last(inner(x)))
    first = inner.layers[0]
    expected = [*first.trainable_weights, *last.trainable_weights]
    assert collect_trainable_weights(model) == expected
    assert collect_trainable_weights(last) == last.trainable_weights
    inner.trainable = False
    assert collect_trainable_weights(model) == last.trainable_weights


def test_slices_of_arrays_and_lists():
    x = np.arange(10)
    np.testing.assert_array_equal(slice_X(x, 2, 5), [2, 3, 4])
    np.testing.assert_array_equal(slice_X(x, 7), [7, 8, 9])
    np.testing.assert_array_equal(slice_X(x, [3, 1]), [3, 1])
    first, second = slice_X([x, x * 10], np.array([4, 0]))
    np.testing.assert_array_equal(first, [4, 0])
    np.testing.assert_array_equal(second, [40, 0])
    first, second = slice_X([x, x * 10], stop=2)
    np.testing.assert_array_equal(second, [0, 10])


def test_data_of_a_model_of_keras_0_3():
    x = np.ones((2, 3))
    assert standardize_X(x)[0] is x
    assert standardize_X([x, x])[1] is x
    np.testing.assert_array_equal(standardize_y([3, 4]), [[3], [4]])
    assert standardize_y(x) is x
