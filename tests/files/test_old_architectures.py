"""Architectures as Keras 0.3 and 1.0 to 1.2 wrote them: what is understood, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from graphc.errors import ArgumentError, KeywordError, UnknownNameError
from graphc.layers import Layer
from graphc.models import model_from_json, model_from_yaml

# Configs of Keras 1.2, by their keys as it wrote them.
DENSE = {
    "name": "dense_1", "trainable": True, "batch_input_shape": [None, 4], "input_dtype": "float32",
    "output_dim": 3, "init": "glorot_uniform", "activation": "tanh",
    "W_regularizer": {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.5}, "b_regularizer": None,
    "activity_regularizer": None, "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
    "b_constraint": None, "bias": True, "input_dim": 4,
}  # fmt: skip
LSTM = {
    "name": "lstm_1", "trainable": True, "batch_input_shape": [None, 5, 3],
    "input_dtype": "float32", "return_sequences": False, "go_backwards": False, "stateful": False,
    "unroll": False, "consume_less": "gpu", "input_dim": 3, "input_length": None, "output_dim": 2,
    "init": "glorot_uniform", "inner_init": "orthogonal", "forget_bias_init": "one",
    "activation": "tanh", "inner_activation": "hard_sigmoid", "W_regularizer": None,
    "U_regularizer": None, "b_regularizer": None, "dropout_W": 0.0, "dropout_U": 0.0,
}  # fmt: skip


def sequential(class_name: str, config: dict[str, Any], **changes: Any) -> str:
    """A model of one layer as Keras 1.2 described it."""
    layers = [{"class_name": class_name, "config": {**config, **changes}}]
    description = {"class_name": "Sequential", "config": layers, "keras_version": "1.2.2"}
    return json.dumps(description)


def first(text: str, **custom_objects: Any) -> Layer:
    return model_from_json(text, custom_objects).layers[0]


class TestLaterKeywords:
    def test_a_model_predicts(self):
        model = model_from_json(sequential("Dense", DENSE))
        x = np.ones((2, 4))
        W, b = model.get_weights()
        np.testing.assert_allclose(model.predict(x), np.tanh(x @ W + b), rtol=1e-5)
        penalty = model.layers[0].get_config()["W_regularizer"]
        assert penalty == {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.5}

    @pytest.mark.parametrize(
        ("class_name", "config"),
        [
            ("TimeDistributedDense", {"output_dim": 2, "bias": True, "input_dim": 3}),
            ("MaxoutDense", {"output_dim": 2, "nb_feature": 2, "bias": True}),
            ("Highway", {"bias": True, "transform_bias": -2}),
            ("Convolution1D", {"nb_filter": 2, "filter_length": 2, "bias": True}),
            ("Convolution2D", {"nb_filter": 2, "nb_row": 2, "nb_col": 2, "bias": True}),
            ("PReLU", {"init": "zero", "shared_axes": None}),
            ("SReLU", {"shared_axes": None}),
            ("ParametricSoftplus", {"alpha_init": 0.2, "beta_init": 5, "shared_axes": None}),
            ("Dropout", {"p": 0.5, "noise_shape": None, "seed": None}),
            (
                "BatchNormalization",
                {"epsilon": 1e-3, "mode": 0, "axis": -1, "momentum": 0.99,
                 "gamma_regularizer": None, "beta_regularizer": None},
            ),
        ],
    )  # fmt: skip
    def test_of_each_layer(self, class_name, config):
        ranks = {"TimeDistributedDense": 2, "Convolution1D": 2, "Convolution2D": 3}
        shape = [None, *[3] * ranks.get(class_name, 1)]
        layer = first(sequential(class_name, config, batch_input_shape=shape))
        assert type(layer).__name__ == class_name
        later = {"bias", "shared_axes", "noise_shape", "seed", "gamma_regularizer"}
        kept = layer.get_config()
        for name in set(config) - {*later, "beta_regularizer"}:
            assert kept[name] == config[name]

    def test_inputs_and_merges_of_a_model(self):
        entries = [
            {"name": name, "class_name": "InputLayer", "inbound_nodes": [],
             "config": {"name": name, "batch_input_shape": [None, 3], "input_dtype": "float32",
                        "sparse": False}}
            for name in "ab"
        ]  # fmt: skip
        merge = {
            "name": "merge_1", "class_name": "Merge",
            "inbound_nodes": [[["a", 0, 0], ["b", 0, 0]]],
            "config": {"name": "merge_1", "mode": "sum", "mode_type": "raw", "concat_axis": -1,
                       "dot_axes": -1, "output_shape": None, "output_shape_type": "raw",
                       "output_mask": None, "output_mask_type": "raw", "arguments": {}},
        }  # fmt: skip
        config = {
            "name": "model_1",
            "layers": [*entries, merge],
            "input_layers": [["a", 0, 0], ["b", 0, 0]],
            "output_layers": [["merge_1", 0, 0]],
        }
        model = model_from_json(json.dumps({"class_name": "Model", "config": config}))
        x, y = np.ones((2, 3)), np.full((2, 3), 3.0)
        np.testing.assert_array_equal(model.predict([x, y]), x + y)

    @pytest.mark.parametrize("class_name", ["LSTM", "GRU", "SimpleRNN"])
    def test_joined_gates(self, class_name):
        left_out = {"LSTM": (), "GRU": ("forget_bias_init",)}.get(
            class_name, ("forget_bias_init", "inner_activation")
        )
        config = {key: value for key, value in LSTM.items() if key not in left_out}
        layer = first(sequential(class_name, config, dropout_U=0.25))
        assert (layer.consume_less, layer.dropout_U) == ("gpu", 0.25)
        units = {"LSTM": 8, "GRU": 6, "SimpleRNN": 2}[class_name]
        assert [w.shape for w in layer.weights] == [(3, units), (2, units), (units,)]
        assert layer.get_config()["consume_less"] == "gpu"

    def test_inside_of_wrappers(self):
        inner = {key: value for key, value in DENSE.items() if key != "batch_input_shape"}
        entry = {"class_name": "Dense", "config": {**inner, "input_dim": None}}
        text = sequential("TimeDistributed", {"layer": entry, "batch_input_shape": [None, 5, 4]})
        assert model_from_json(text).output_shape == (None, 5, 3)
        entry["config"]["bias"] = False
        text = sequential("TimeDistributed", {"layer": entry, "batch_input_shape": [None, 5, 4]})
        assert len(model_from_json(text).get_weights()) == 1

    def test_the_dtype_of_the_input_by_another_name(self):
        config = {key: value for key, value in DENSE.items() if key != "input_dtype"}
        model = model_from_json(sequential("Dense", config, batch_input_dtype="float64"))
        assert model.inputs[0].dtype == "float64"
        with pytest.raises(ArgumentError, match="batch_input_dtype is 'int32', and input_dtype 'f"):
            model_from_json(sequential("Dense", DENSE, batch_input_dtype="int32"))

    def test_classes_of_a_user_keep_theirs(self):
        class Dense(Layer):
            def __init__(self, bias=None, **kwargs):
                super().__init__(**kwargs)
                self.bias = bias

        text = sequential("Dense", {"bias": False, "batch_input_shape": [None, 3]})
        assert first(text, Dense=Dense).bias is False

    @pytest.mark.parametrize(
        ("class_name", "config"),
        [
            ("Dense", {**DENSE, "bias": False}),
            ("PReLU", {"shared_axes": [1], "batch_input_shape": [None, 3, 4]}),
            ("Dropout", {"p": 0.5, "noise_shape": [1, 3], "seed": 7}),
            ("BatchNormalization", {"gamma_regularizer": {"name": "WeightRegularizer", "l1": 0.5,
                                                          "l2": 0.0}}),
            ("ZeroPadding2D", {"padding": {"top_pad": 1}, "dim_ordering": "tf",
                               "batch_input_shape": [None, 2, 2, 1]}),
        ],
    )  # fmt: skip
    def test_later_arguments_are_kept(self, class_name, config):
        layer = first(sequential(class_name, {"batch_input_shape": [None, 3], **config}))
        kept = json.loads(json.dumps(layer.get_config()))
        assert kept.items() >= config.items()

    @pytest.mark.parametrize(
        ("class_name", "config", "words"),
        [
            ("Dense", {**DENSE, "bias": 2}, "bias: expected True or False, received 2"),
            ("InputLayer", {"sparse": True}, r"\(InputLayer\): sparse: expected False"),
        ],
    )  # fmt: skip
    def test_what_is_wrong(self, class_name, config, words):
        with pytest.raises(ArgumentError, match=f"^model: layer 1: .*{words}"):
            model_from_json(sequential(class_name, {"batch_input_shape": [None, 3], **config}))

    def test_a_penalty_on_an_output_sums_over_the_samples(self):
        penalty = {"name": "L1L2Regularizer", "l1": 0.5, "l2": 0.25}
        model = model_from_json(
            sequential("Dense", {**DENSE, "activity_regularizer": penalty, "W_regularizer": None})
        )
        model.compile("sgd", "mse")
        x = np.ones((3, 4))
        outputs = model.predict(x)
        loss = model.train_on_batch(x, outputs)
        expected = 0.5 * np.abs(outputs).sum() + 0.25 * np.square(outputs).sum()
        np.testing.assert_allclose(loss, expected, rtol=1e-5)

    @pytest.mark.parametrize("code", ["c\x00\x00", ["c\x00\x00", None, None]])
    def test_functions_have_to_be_given(self, code):
        config = {
            "name": "twice", "trainable": True, "batch_input_shape": [None, 3],
            "function": code, "function_type": "lambda", "output_shape": code,
            "output_shape_type": "lambda", "arguments": {},
        }  # fmt: skip
        text = sequential("Lambda", config)
        with pytest.raises(UnknownNameError, match=r"custom_objects={'twice\.function': function}"):
            model_from_json(text)
        given = {"twice.function": lambda x: 2 * x, "twice.output_shape": lambda shape: shape}
        model = model_from_json(text, given)
        np.testing.assert_array_equal(model.predict(np.ones((2, 3))), np.full((2, 3), 2.0))
        with pytest.raises(
            ArgumentError, match=r"twice\.function: expected the name of a function"
        ):
            model_from_json(sequential("Lambda", config, function=[1], function_type="function"))

    @pytest.mark.parametrize(
        ("class_name", "config", "error", "words"),
        [
            ("Dense", {**DENSE, "units": 3}, KeywordError, "'units': here it is 'output_dim'"),
            ("Dense", {**DENSE, "rows": 3}, KeywordError, "unknown keyword 'rows'"),
            ("AtrousConvolution4D", {}, UnknownNameError, "unknown layer 'AtrousConvolution4D'"),
            ("Dense", {**DENSE, "W_regularizer": {"name": "EigenvalueRegulariser", "k": 0.1}},
             UnknownNameError, "unknown regularizer 'EigenvalueRegulariser'"),
        ],
    )  # fmt: skip
    def test_what_is_not_there(self, class_name, config, error, words):
        with pytest.raises(error, match=words):
            model_from_json(sequential(class_name, config))


def of_0_3(class_name: str, **arguments: Any) -> dict[str, Any]:
    """A layer as Keras 0.3 described it."""
    return {
        "name": class_name,
        "custom_name": class_name.lower(),
        "cache_enabled": True,
        "trainable": True,
        **arguments,
    }


def chain_of_0_3(*layers: dict[str, Any]) -> str:
    return json.dumps({"name": "Sequential", "layers": list(layers), "sample_weight_mode": None})


class TestArgumentsOf03:
    def test_shapes(self):
        text = chain_of_0_3(of_0_3("Reshape", dims=[2, 3], input_shape=[6]))
        assert model_from_json(text).output_shape == (None, 2, 3)

    def test_axes_of_products(self):
        sides = [
            {"name": "Sequential", "layers": [of_0_3("Activation", activation="linear",
                                                     input_shape=[4])]}
            for _ in range(2)
        ]  # fmt: skip
        merge = of_0_3("Merge", layers=sides, mode="dot", concat_axis=-1, dot_axes=[[1], [1]])
        x, y = np.arange(8.0).reshape(2, 4), np.ones((2, 4))
        found = model_from_json(chain_of_0_3(merge)).predict([x, y])
        np.testing.assert_allclose(found, (x * y).sum(1, keepdims=True))
        merge["dot_axes"] = [[1, 2], [1, 2]]
        with pytest.raises(ArgumentError, match=r"layer 1: .*dot_axes: expected an axis of input"):
            model_from_json(chain_of_0_3(merge))
        merge["mode"] = "join"
        with pytest.raises(ArgumentError, match=r"layer 1: merge_mode 'join' gave a dict .* Graph"):
            model_from_json(chain_of_0_3(merge))

    @pytest.mark.parametrize("code", ["c\x00\x00", ["c\x00\x00", None, None]])
    def test_functions_have_to_be_given(self, code):
        text = chain_of_0_3(of_0_3("Lambda", function=code, output_shape=[3], input_shape=[3]))
        with pytest.raises(UnknownNameError, match="custom_objects={'lambda_1.function'"):
            model_from_json(text)
        model = model_from_json(text, {"lambda_1.function": lambda x: 2 * x})
        np.testing.assert_array_equal(model.predict(np.ones((2, 3))), np.full((2, 3), 2.0))

    @pytest.mark.parametrize("shape", [[4], None, "c\x00\x00"])
    def test_merges_by_functions_need_them_given(self, shape):
        """The LambdaMerge of 0.3 is a Merge whose mode is a function."""
        sides = [
            {"name": "Sequential", "layers": [of_0_3("Activation", activation="linear",
                                                     input_shape=[4])]}
            for _ in range(2)
        ]  # fmt: skip
        merge = of_0_3("LambdaMerge", layers=sides, function="c\x00\x00", output_shape=shape)
        with pytest.raises(UnknownNameError, match="layer 1.*custom_objects={'lambdamerge_1"):
            model_from_json(chain_of_0_3(merge))
        given = {"lambdamerge_1.mode": lambda x: x[0] - 2 * x[1]}
        if isinstance(shape, str):
            given["lambdamerge_1.output_shape"] = lambda shapes: shapes[0]
        model = model_from_json(chain_of_0_3(merge), given)
        x, y = np.arange(8.0).reshape(2, 4), np.ones((2, 4))
        np.testing.assert_array_equal(model.predict([x, y]), x - 2 * y)

    def test_yaml_with_tuples(self):
        text = """
            name: Sequential
            layers:
            - {name: Dense, custom_name: dense, cache_enabled: true, output_dim: 2,
               input_shape: !!python/tuple [3], W_constraint: null}
            """
        assert model_from_yaml(text).input_shape == (None, 3)
