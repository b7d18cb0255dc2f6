"""Every layer as data: its config goes through JSON and makes an equal layer."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pytest

from graphc import backend as K
from graphc import constraints, layers, regularizers
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.engine.configs.config import as_data
from graphc.engine.configs.registry import LAYERS, layer_entry, layer_from_config, shown
from graphc.errors import ArgumentError, KeywordError, UnknownNameError
from graphc.layers import Dense, Lambda, Layer
from graphc.models import Sequential
from tests.layers.every_layer import EXAMPLES, applied, exported


def through_json(entry: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(entry))


def outputs(layer: Layer, inputs: list[g.Node], feeds: dict[g.Node, np.ndarray]) -> list:
    """Return the layer's outputs for these inputs in testing."""
    given = inputs if len(inputs) > 1 else inputs[0]
    masks = [node for node in feeds if node.dtype == "bool"]
    made = layer(given, mask=masks[0]) if masks else layer(given)
    phase = {g.learning_phase(): g.constant(np.bool_(False))}
    made = g.substitute(made if isinstance(made, list) else [made], phase)
    return evaluate(made, feeds)


@pytest.mark.parametrize("label", EXAMPLES)
def test_an_equal_layer_from_its_config(label):
    one = applied(EXAMPLES[label], "float32")
    entry = through_json(layer_entry(one.layer))
    made = layer_from_config(entry)
    assert type(made) is type(one.layer)
    assert layer_entry(made)["config"].items() >= entry["config"].items()
    feeds = {node: value for node, value in one.values.items() if node not in one.weights}
    outputs(made, one.inputs, feeds)  # which makes the weights
    made.set_weights(one.layer.get_weights())
    found, expected = (outputs(layer, one.inputs, feeds) for layer in (made, one.layer))
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_all_layers_are_known_to_descriptions():
    assert exported() <= set(LAYERS)
    assert {label.split()[0] for label in EXAMPLES} >= exported()


AFFINE = {
    "W_regularizer": {"name": "WeightRegularizer", "l1": 0.5, "l2": 0.25},
    "b_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.125},
    "activity_regularizer": {"name": "ActivityRegularizer", "l1": 1.0, "l2": 2.0, "average": True},
    "W_constraint": {"name": "MaxNorm", "m": 3, "axis": 0},
    "b_constraint": {"name": "NonNeg"},
}
GATES = {
    "output_dim": 4,
    "init": "he_normal",
    "inner_init": "orthogonal",
    "activation": "relu",
    "W_regularizer": {"name": "WeightRegularizer", "l1": 0.5, "l2": 0.25},
    "U_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5},
    "b_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.125},
    "dropout_W": 0.25,
    "dropout_U": 0.5,
    "return_sequences": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "consume_less": "mem",
    "input_dim": 3,
    "input_length": 5,
}
GIVEN = {
    "trainable": False,
    "batch_input_shape": [2, 5, 3],
    "input_dtype": "float32",
}
# No value is the default one, so an argument that a config loses shows.
FULL: dict[str, dict[str, Any]] = {
    "Dense": {"output_dim": 4, "init": "normal", "activation": "tanh", **AFFINE, "input_dim": 3},
    "Highway": {"init": "normal", "transform_bias": -3, "activation": "tanh", **AFFINE,
                "input_dim": 3},
    "MaxoutDense": {"output_dim": 4, "nb_feature": 2, "init": "normal", **AFFINE, "input_dim": 3},
    "TimeDistributedDense": {"output_dim": 4, "init": "normal", "activation": "tanh", **AFFINE,
                             "input_dim": 3, "input_length": 5},
    "Convolution1D": {"nb_filter": 4, "filter_length": 2, "init": "normal", "activation": "tanh",
                      "border_mode": "same", "subsample_length": 2, **AFFINE, "input_dim": 3,
                      "input_length": 5},
    "Convolution2D": {"nb_filter": 4, "nb_row": 2, "nb_col": 3, "init": "he_uniform",
                      "activation": "tanh", "border_mode": "same", "subsample": [2, 3],
                      "dim_ordering": "tf", **AFFINE},
    "Convolution3D": {"nb_filter": 4, "kernel_dim1": 2, "kernel_dim2": 3, "kernel_dim3": 4,
                      "init": "normal", "activation": "tanh", "border_mode": "valid",
                      "subsample": [2, 3, 1], "dim_ordering": "tf", **AFFINE},
    "MaxPooling1D": {"pool_length": 3, "stride": 2, "border_mode": "same"},
    "AveragePooling2D": {"pool_size": [3, 2], "strides": [1, 2], "border_mode": "same",
                         "dim_ordering": "tf"},
    "MaxPooling3D": {"pool_size": [3, 2, 1], "strides": [1, 2, 3], "border_mode": "valid",
                     "dim_ordering": "tf"},
    "UpSampling1D": {"length": 3},
    "UpSampling2D": {"size": [3, 4], "dim_ordering": "tf"},
    "UpSampling3D": {"size": [3, 4, 5], "dim_ordering": "tf"},
    "ZeroPadding1D": {"padding": 2},
    "ZeroPadding2D": {"padding": [2, 3], "dim_ordering": "tf"},
    "ZeroPadding3D": {"padding": [2, 3, 4], "dim_ordering": "tf"},
    "SimpleRNN": GATES,
    "GRU": {**GATES, "inner_activation": "sigmoid"},
    "LSTM": {**GATES, "inner_activation": "sigmoid", "forget_bias_init": "zero"},
    "Embedding": {"input_dim": 7, "output_dim": 4, "init": "normal", "input_length": 5,
                  "W_regularizer": AFFINE["W_regularizer"],
                  "activity_regularizer": AFFINE["activity_regularizer"],
                  "W_constraint": {"name": "UnitNorm", "axis": 1}, "mask_zero": True,
                  "dropout": 0.5},
    "BatchNormalization": {"epsilon": 0.5, "mode": 1, "axis": 1, "momentum": 0.75,
                           "beta_init": "normal", "gamma_init": "uniform", "keras": "1.0"},
    "SReLU": {"t_left_init": "one", "a_left_init": "normal", "t_right_init": "zero",
              "a_right_init": "uniform"},
    "ParametricSoftplus": {"alpha_init": 0.5, "beta_init": 2.0},
    "ActivityRegularization": {"l1": 0.5, "l2": 0.25, "average": True},
    "GaussianNoise": {"sigma": 0.25},
    "Reshape": {"target_shape": [-1, 3]},
    "Permute": {"dims": [2, 1]},
    "Masking": {"mask_value": 3.0},
    "Merge": {"mode": "concat", "mode_type": "raw", "concat_axis": 1, "dot_axes": [1, 2],
              "output_shape": [None, 3], "output_shape_type": "raw"},
}  # fmt: skip


def test_pairs_of_axes_are_kept():
    made = layer_from_config(layer_entry(layers.Merge(mode="dot", dot_axes=([1, 2], (3, 1)))))
    entry = through_json(layer_entry(made))
    assert entry["config"]["dot_axes"] == [[1, 2], [3, 1]]


@pytest.mark.parametrize("class_name", FULL)
def test_no_argument_is_lost(class_name):
    sized = GIVEN
    if "input_dim" in FULL[class_name] and "input_length" not in FULL[class_name]:
        sized = {**GIVEN, "batch_input_shape": [None, 3]}
    elif class_name == "Embedding":
        sized = {**GIVEN, "batch_input_shape": [2, 5], "input_dtype": "int32"}
    elif class_name == "Merge":
        sized = {"trainable": False}
    config = {"name": "mine", **sized, **FULL[class_name]}
    entry = through_json(
        layer_entry(layer_from_config({"class_name": class_name, "config": config}))
    )
    assert entry["config"] == config


@pytest.mark.flags(keras="1.0")
def test_what_a_layer_of_that_time_needs_is_in_its_own_order():
    # keras1_facts.md, section 10.
    layer = Dense(
        2,
        activation="tanh",
        W_regularizer=regularizers.l2(0.01),
        W_constraint=constraints.maxnorm(2),
        input_dim=4,
        name="dense_1",
    )
    assert json.dumps(layer_entry(layer), separators=(",", ":")) == (
        '{"class_name":"Dense","config":{"name":"dense_1","trainable":true,'
        '"batch_input_shape":[null,4],"input_dtype":"float32","output_dim":2,'
        '"init":"glorot_uniform","activation":"tanh",'
        '"W_regularizer":{"name":"WeightRegularizer","l1":0.0,"l2":0.01},"b_regularizer":null,'
        '"activity_regularizer":null,"W_constraint":{"name":"MaxNorm","m":2,"axis":0},'
        '"b_constraint":null,"input_dim":4}}'
    )


def test_wrappers_have_the_entry_of_what_they_wrap():
    config = layers.TimeDistributed(Dense(2, name="inner"), name="outer").get_config()
    assert config["layer"]["class_name"] == "Dense"
    assert config["layer"]["config"]["name"] == "inner"


class Scaled(Layer):
    """As a user of Keras 1.0 wrote layers."""

    def __init__(self, factor, start=0, **kwargs):
        self.factor = factor
        self.begin = start
        super().__init__(**kwargs)

    def call(self, x, mask=None):
        return self.factor * x + self.begin

    def get_config(self):
        config = {"factor": self.factor, "start": self.begin}
        base_config = super().get_config()
        return dict(list(base_config.items()) + list(config.items()))


class Forgetful(Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)


class Shy(Dense):
    """Passes all but one argument on."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor


class Halves:
    """A user's regularizer, which derives from nothing."""

    def __init__(self, share=0.5):
        self.share = share

    def set_param(self, p):
        self.p = p

    def __call__(self, loss):
        return loss + self.share * K.sum(self.p)

    def get_config(self):
        return {"name": "Halves", "share": self.share}


def doubled(x):
    return 2 * x


class Sized(Layer):
    """A layer that takes input_dim as those of Keras do, and says it in its config."""

    def __init__(self, input_dim=None, **kwargs):
        self.input_dim = input_dim
        if input_dim:
            kwargs["input_shape"] = (input_dim,)
        super().__init__(**kwargs)

    def call(self, x, mask=None):
        return x

    def get_config(self):
        return {**super().get_config(), "input_dim": self.input_dim}


class TestOwnClasses:
    """Classes of a user's own are found by `custom_objects`, in one call."""

    def test_an_input_shape_that_the_class_makes_itself(self):
        model = Sequential([Sized(input_dim=4)])
        again = Sequential.from_config(model.get_config(), custom_objects={"Sized": Sized})
        assert again.output_shape == (None, 4)

    def test_a_layer(self):
        entry = through_json(layer_entry(Scaled(3, start=4, name="s", trainable=False)))
        assert entry == {
            "class_name": "Scaled",
            "config": {"name": "s", "trainable": False, "factor": 3, "start": 4},
        }
        made = layer_from_config(entry, custom_objects={"Scaled": Scaled})
        assert (made.factor, made.begin, made.name, made.trainable) == (3, 4, "s", False)

    def test_a_layer_that_is_not_given(self):
        with pytest.raises(UnknownNameError, match=r"unknown layer 'Scaled'.*custom_objects=\{'Sc"):
            layer_from_config(layer_entry(Scaled(3)))

    def test_what_is_given_is_no_class(self):
        with pytest.raises(ArgumentError, match="custom_objects\\['Scaled'\\]: expected a class"):
            layer_from_config(layer_entry(Scaled(3)), custom_objects={"Scaled": Scaled(3)})
        with pytest.raises(ArgumentError, match="custom_objects: expected a dict from names"):
            layer_from_config(layer_entry(Scaled(3)), custom_objects=[Scaled])

    def test_an_argument_that_is_not_kept(self):
        with pytest.raises(
            ArgumentError, match="'factor' is in no attribute.*self.factor.*get_con"
        ):
            Forgetful(3).get_config()

    def test_keywords_that_go_on_to_the_base(self):
        entry = through_json(layer_entry(Shy(3, output_dim=4, activation="relu")))
        made = layer_from_config(entry, {"Shy": Shy})
        assert (made.factor, made.output_dim) == (3, 4)
        assert layer_entry(made) == entry

    def test_a_class_of_ones_own_in_place_of_a_built_in_one(self):
        class Dense(Scaled):
            pass

        entry = {"class_name": "Dense", "config": {"factor": 5}}
        assert layer_from_config(entry, {"Dense": Dense}).factor == 5

    def test_a_regularizer(self):
        entry = through_json(layer_entry(Dense(2, W_regularizer=Halves(0.25))))
        assert entry["config"]["W_regularizer"] == {"name": "Halves", "share": 0.25}
        assert layer_from_config(entry, {"Halves": Halves}).W_regularizer.share == 0.25
        with pytest.raises(UnknownNameError, match="unknown regularizer 'Halves'"):
            layer_from_config(entry)

    def test_custom_objects_end_with_the_call(self):
        layer_from_config(layer_entry(Scaled(3)), {"Scaled": Scaled})
        with pytest.raises(UnknownNameError, match="Scaled"):
            layer_from_config(layer_entry(Scaled(3)))


class TestFunctions:
    """A function is stored as its name; only a process that has it finds it again."""

    def test_this_process_has_the_function(self):
        entry = through_json(layer_entry(Dense(2, activation=doubled)))
        assert entry["config"]["activation"]["function"] == "doubled"
        assert layer_from_config(entry).activation is doubled

    def test_another_process_needs_it(self):
        entry = through_json(layer_entry(Lambda(doubled, name="twice")))
        entry["config"]["function"]["token"] = "0123-4-5"
        with pytest.raises(
            UnknownNameError, match=r"twice.function.*'doubled'.*objects=\{'doubled"
        ):
            layer_from_config(entry)
        assert layer_from_config(entry, {"doubled": doubled}).function is doubled

    def test_a_function_without_a_name_is_given_by_its_place(self):
        entry = through_json(layer_entry(Lambda(lambda x: 3 * x, name="thrice")))
        entry["config"]["function"]["token"] = "0123-4-5"
        with pytest.raises(UnknownNameError, match=r"custom_objects=\{'thrice.function': "):
            layer_from_config(entry)
        assert layer_from_config(entry, {"thrice.function": doubled}).function is doubled

    def test_a_function_that_is_gone(self):
        entry = layer_entry(Lambda(lambda x: 3 * x, name="thrice"))
        with pytest.raises(UnknownNameError, match="of another run"):
            layer_from_config(through_json(entry))

    def test_the_output_shape_may_be_a_function(self):
        layer = Lambda(doubled, output_shape=lambda shape: shape)
        made = layer_from_config(through_json(layer_entry(layer)))
        assert layer_entry(made) == layer_entry(layer)

    def test_what_keras_wrote(self):
        config = {"name": "l", "function": "doubled", "function_type": "function",
                  "output_shape": [3], "output_shape_type": "raw", "arguments": {}}  # fmt: skip
        entry = {"class_name": "Lambda", "config": config}
        assert layer_from_config(entry, {"doubled": doubled}).function is doubled
        code = {**entry, "config": {**config, "function_type": "lambda", "function": "\xe3\x01"}}
        with pytest.raises(UnknownNameError, match=r"has a function's name, not its code"):
            layer_from_config(code, {"doubled": doubled})

    def test_an_initialization_with_arguments(self):
        from_normal = functools.partial(np.random.normal, 0.0, 0.5)

        def drawn(shape, name=None):
            return K.variable(from_normal(shape), name=name)

        layer = layers.Convolution2D(2, 3, 3, init=drawn)
        made = layer_from_config(through_json(layer_entry(layer)))
        assert layer_entry(made)["config"] == layer_entry(layer)["config"]


def test_values_that_are_no_data():
    with pytest.raises(ArgumentError, match=r"arguments\['w'\].*received ndarray; .*value.tolist"):
        as_data({"w": np.zeros(3)}, "arguments")
    with pytest.raises(ArgumentError, match="texts as keys, has 3"):
        as_data({3: 4})
    assert as_data({"a": (np.float32(0.5), np.int64(3), None)}) == {"a": [0.5, 3, None]}


def test_configs_that_fit_no_layer():
    with pytest.raises(ArgumentError, match="arguments of Dense by name, received 3"):
        Dense.from_config(3)
    with pytest.raises(KeywordError, match="unknown keyword 'outputs'"):
        Dense.from_config({"output_dim": 3, "outputs": 3})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, None], "[1, None]"),
        ("a" * 58, repr("a" * 58)),
        ("a" * 59, "'" + "a" * 59 + "..."),
    ],
)
def test_values_are_shown_up_to_a_length(value: object, text: str):
    assert shown(value) == text
