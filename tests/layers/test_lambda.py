"""Lambda: what the function receives and what is checked of what it returns."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.engine import InputLayer
from graphc.errors import ArgumentError, DTypeError, KeywordError, ShapeError
from graphc.layers.core import Dense, Lambda, MaskedLambda
from graphc.models import Sequential
from tests.layers.kernels import layers_with_kernels

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], "float32")


def run(layer, x=X):
    node = InputLayer(input_shape=x.shape[1:]).output
    return function([node], layer(node))(x)


def both_signs(x):
    return K.concatenate([K.relu(x), K.relu(-x)], axis=1)


def power(x, exponent, factor=1.0):
    return factor * x**exponent


class Scaler:
    def __init__(self, factor):
        self.factor = factor

    def scale(self, x):
        return x * self.factor


class TestTheFunction:
    def test_another_shape_is_read_off_the_node(self):
        layer = Lambda(both_signs)
        np.testing.assert_array_equal(
            run(layer), np.concatenate([np.maximum(X, 0), np.maximum(-X, 0)], axis=1)
        )
        assert layer.output_shape == (None, 6)
        assert layer.get_output_shape_for((None, 5)) == (None, 10)

    def test_arguments_by_name(self):
        layer = Lambda(power, arguments={"exponent": 2, "factor": 0.5})
        np.testing.assert_array_equal(run(layer), 0.5 * X**2)

    def test_arguments_are_copied_and_not_shared(self):
        given = {"exponent": 2}
        layer = Lambda(power, arguments=given)
        given["exponent"] = 3
        np.testing.assert_array_equal(run(layer), X**2)
        one, two = Lambda(both_signs), Lambda(both_signs)
        one.arguments["x"] = 1
        assert two.arguments == {}

    def test_bound_methods_and_other_callables(self):
        np.testing.assert_array_equal(run(Lambda(Scaler(3.0).scale)), 3 * X)
        np.testing.assert_array_equal(run(Lambda(functools.partial(power, exponent=3))), X**3)

    def test_a_list_of_inputs(self):
        one, two = InputLayer(input_shape=(3,)).output, InputLayer(input_shape=(3,)).output
        layer = Lambda(lambda nodes: nodes[0] - nodes[1])
        y = function([one, two], layer([one, two]))(X, 2 * X)
        np.testing.assert_array_equal(y, -X)

    def test_a_parameter_named_mask_gets_the_mask_and_there_is_none(self):
        seen = []

        def keep(x, mask):
            seen.append(mask)
            return x

        run(Lambda(keep))
        assert seen == [None]

    def test_a_mask_is_refused(self):
        node = InputLayer(input_shape=(3,)).output
        with pytest.raises(ArgumentError, match=r"\(Lambda\) does not take a mask"):
            Lambda(lambda x: x)(node, mask=node)


class TestOutputShape:
    @pytest.mark.parametrize(
        "output_shape",
        [(6,), [6], (None,), lambda shape: (shape[0], 2 * shape[1]), lambda shape: [None, None]],
    )
    def test_what_fits(self, output_shape):
        layer = Lambda(both_signs, output_shape=output_shape)
        assert run(layer).shape == (2, 6)
        assert layer.output_shape == (None, 6)

    @pytest.mark.parametrize("output_shape", [(3,), (6, 1), (), lambda shape: shape])
    def test_what_does_not_is_one_line_and_the_real_shape_counts(self, output_shape, caplog):
        layer = Lambda(both_signs, output_shape=output_shape, name="halves")
        assert run(layer).shape == (2, 6)
        assert layer.output_shape == (None, 6)
        layer(InputLayer(input_shape=(3,)).output)
        pattern = r"halves \(Lambda\): output_shape says .* shape \(None, 6\), which counts"
        assert len(re.findall(pattern, caplog.text)) == 1

    def test_a_quotient_is_a_float_in_python_3(self, caplog):
        layer = Lambda(both_signs, output_shape=lambda shape: (shape[0], 12 / 2))
        assert run(layer).shape == (2, 6)
        assert not caplog.text

    def test_the_function_gets_the_shape_with_the_batch(self):
        seen = []

        def shape_of(shape):
            seen.append(shape)
            return shape

        Lambda(lambda x: x, shape_of)(InputLayer(batch_input_shape=(7, 3)).output)
        assert seen == [(7, 3)]

    @pytest.mark.parametrize("output_shape", [6, "6", (0,), (2.5,), (True,)])
    def test_sizes(self, output_shape):
        with pytest.raises(ArgumentError, match="output_shape: expected"):
            Lambda(both_signs, output_shape=output_shape)

    @pytest.mark.parametrize("returned", [None, 6, (), (None, -6)])
    def test_a_function_that_returns_no_shape(self, returned):
        layer = Lambda(both_signs, output_shape=lambda shape: returned)
        with pytest.raises(ArgumentError, match=r"output_shape\(\(None, 3\)\)"):
            run(layer)


class TestBadArguments:
    @pytest.mark.parametrize("bad", [None, 3, "relu"])
    def test_no_function(self, bad):
        with pytest.raises(ArgumentError, match=r"f \(Lambda\): function: expected a function"):
            Lambda(bad, name="f")

    @pytest.mark.parametrize("arguments", [[2], 3, {1: 2}])
    def test_arguments_that_are_no_dict_of_names(self, arguments):
        with pytest.raises(ArgumentError, match="arguments: expected a dict from names"):
            Lambda(power, arguments=arguments)

    @pytest.mark.parametrize(
        "arguments", [{}, {"exponent": 2, "times": 3}, {"x": 1, "exponent": 2}]
    )
    def test_arguments_that_the_function_does_not_take(self, arguments):
        with pytest.raises(ArgumentError, match=r"f \(Lambda\): function\(x, exponent, factor=1.0"):
            Lambda(power, arguments=arguments, name="f")

    def test_a_mask_among_the_arguments(self):
        with pytest.raises(ArgumentError, match="gives `mask` itself"):
            Lambda(lambda x, mask: x, arguments={"mask": 1})

    @pytest.mark.parametrize("returned", [None, 3.0, X])
    def test_a_function_that_returns_no_node(self, returned):
        with pytest.raises(ArgumentError, match=r"f \(Lambda\): the function has to return a node"):
            run(Lambda(lambda x: returned, name="f"))

    def test_unknown_keywords(self):
        with pytest.raises(KeywordError, match="output_shap"):
            Lambda(both_signs, output_shap=(6,))


def test_an_error_of_the_function_comes_through():
    with pytest.raises(ZeroDivisionError):
        run(Lambda(lambda x: x * (1 // 0)))


def test_training_through_a_function_and_kernels():
    model = Sequential([Dense(4, input_dim=3), Lambda(both_signs, name="halves"), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.random.normal(size=(8, 3)), np.random.normal(size=(8, 1))
    before = model.layers[0].get_weights()[0]
    losses = [model.train_on_batch(x, y) for _ in range(5)]
    assert losses[-1] < losses[0]
    assert np.any(before != model.layers[0].get_weights()[0])
    assert "halves" in layers_with_kernels(model)


class TestMaskedLambda:
    def test_a_function_with_a_mask_gets_it_and_it_goes_on(self):
        node = InputLayer(input_shape=(3,)).output
        mask = g.greater(node, 0.0)
        layer = MaskedLambda(lambda x, mask: K.switch(mask, x, 0.0))
        y = layer(node, mask=mask)
        np.testing.assert_array_equal(function([node], y)(X), np.where(X > 0, X, 0))
        assert layer.output_mask is mask

    def test_one_input(self):
        one, two = InputLayer(input_shape=(3,)).output, InputLayer(input_shape=(3,)).output
        with pytest.raises(ArgumentError, match=r"\(MaskedLambda\): expected one input, .* 2$"):
            MaskedLambda(lambda nodes: nodes[0])([one, two])

    def test_a_function_that_changes_the_steps_of_a_mask(self):
        node = InputLayer(input_shape=(4, 2)).output
        layer = MaskedLambda(lambda x: x[:, 1:], name="l")
        words = r"^l \(MaskedLambda\): .* keep the steps, axis 1: expected 4, received .* 3, 2\)"
        with pytest.raises(ShapeError, match=words):
            layer(node, mask=g.greater(node[:, :, 0], 0.0))
        assert layer(node).shape[1:] == (3, 2)


class TestWhatItIsMadeOfAndMasks:
    def test_a_builtin_without_a_signature(self):
        layer = Lambda(max)  # the call tells
        with pytest.raises(DTypeError, match="cannot be iterated"):
            layer(InputLayer(input_shape=(3,)).output)

    def test_a_mask_goes_on_where_the_program_says_so(self):
        layer, mask = Lambda(lambda x: x * 2.0), g.constant(np.array([True, False]))
        with pytest.raises(ArgumentError):
            layer.compute_mask(g.constant(X), mask)
        assert layer.compute_mask(g.constant(X), None) is None
        layer.supports_masking = True
        assert layer.compute_mask(g.constant(X), mask) is mask

    def test_a_copy_from_its_config(self):
        layer = Lambda(power, output_shape=(3,), arguments={"exponent": 2})
        config = layer.get_config()
        copy = Lambda.from_config(config, {"power": power})
        np.testing.assert_array_equal(run(copy), X**2)
        assert copy.get_config()["output_shape"] == config["output_shape"]
        assert copy.name == layer.name
