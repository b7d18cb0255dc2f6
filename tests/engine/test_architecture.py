"""Architectures in JSON and YAML: what Keras 1.0 wrote is read, all else is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from graphc.errors import ArgumentError, GraphcError, KeywordError, ShapeError, UnknownNameError
from graphc.models import load_architecture, model_from_config, model_from_yaml

# As keras1_facts.md records Keras 1.0.1's to_json: null for what was not given.
DENSE = {
    "name": "first",
    "trainable": True,
    "batch_input_shape": [None, 12],
    "input_dtype": "float32",
    "output_dim": 8,
    "init": "glorot_uniform",
    "activation": "relu",
    "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
    "b_regularizer": None,
    "activity_regularizer": None,
    "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
    "b_constraint": None,
    "input_dim": 12,
}
LAYERS: list[tuple[str, dict[str, Any]]] = [
    ("Dense", DENSE),
    ("Dropout", {"name": "drop", "trainable": True, "p": 0.5}),
    ("Reshape", {"name": "fold", "target_shape": [2, 4]}),
    ("Flatten", {"name": "flat", "trainable": True}),
    ("Dense", {"name": "last", "output_dim": 3, "input_dim": None, "activation": "linear"}),
    ("Activation", {"name": "soft", "activation": "softmax"}),
]


def description(layers: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    entries = [{"class_name": name, "config": config} for name, config in layers]
    return {"class_name": "Sequential", "config": entries}


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".YML"])
def test_a_network_is_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    write = json.dumps if suffix == ".json" else yaml.safe_dump
    path.write_text(write(description(LAYERS)))
    model = load_architecture(path)
    assert [layer.name for layer in model.layers] == [config["name"] for _, config in LAYERS]
    assert (model.input_shape, model.output_shape) == ((None, 12), (None, 3))
    assert len(model.regularizers) == len(model.constraints) == 1
    first = model.layers[0]
    rows = np.maximum(np.ones((5, 12)) @ first.get_weights()[0], 0.0)
    last = model.layers[4]
    logits = rows @ last.get_weights()[0]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(np.ones((5, 12))), expected, rtol=1e-5)


def test_yaml_as_keras_writes_tuples() -> None:
    text = """
class_name: Sequential
config:
- class_name: Activation
  config:
    batch_input_shape: !!python/tuple [null, 3]
    activation: tanh
"""
    model = model_from_yaml(text)
    assert model.input_shape == (None, 3)


def test_a_version_of_keras_1_may_stand_beside() -> None:
    whole = description(LAYERS) | {"keras_version": "1.0.8"}
    assert model_from_config(whole).output_shape == (None, 3)


PENALTIES: dict[str, Any] = {
    "W_regularizer": None,
    "b_regularizer": None,
    "activity_regularizer": None,
    "W_constraint": None,
    "b_constraint": None,
}
EMBEDDING: dict[str, Any] = {
    "name": "words",
    "trainable": True,
    "batch_input_shape": [None, 6],
    "input_dtype": "int32",
    "input_dim": 20,
    "output_dim": 5,
    "init": "uniform",
    "input_length": 6,
    "mask_zero": False,
    "activity_regularizer": None,
    "W_regularizer": None,
    "W_constraint": None,
    "dropout": 0.25,
}
STEPS: dict[str, Any] = {
    "name": "steps",
    "trainable": True,
    "output_dim": 4,
    "init": "glorot_uniform",
    "activation": "relu",
    "input_dim": None,
    "input_length": None,
} | PENALTIES
HIGHWAY: dict[str, Any] = {
    "name": "way",
    "init": "glorot_uniform",
    "transform_bias": -3,
    "activation": "tanh",
    "input_dim": None,
} | PENALTIES
MAXOUT: dict[str, Any] = {
    "name": "most",
    "output_dim": 3,
    "init": "glorot_uniform",
    "nb_feature": 2,
    "input_dim": None,
} | PENALTIES


def test_words_steps_and_dense_variants_are_read() -> None:
    layers = [
        ("Embedding", EMBEDDING),
        ("TimeDistributedDense", STEPS),
        ("Permute", {"name": "turn", "trainable": True, "dims": [2, 1]}),
        ("Flatten", {"name": "flat"}),
        ("ActivityRegularization", {"name": "small", "l1": 0.0, "l2": 0.5}),
        ("Highway", HIGHWAY),
        ("MaxoutDense", MAXOUT),
        ("RepeatVector", {"name": "often", "n": 2}),
    ]
    model = model_from_config(json.loads(json.dumps(description(layers))))
    assert [layer.output_shape for layer in model.layers] == [
        (None, 6, 5),
        (None, 6, 4),
        (None, 4, 6),
        (None, 24),
        (None, 24),
        (None, 24),
        (None, 3),
        (None, 2, 3),
    ]
    assert model.input_shape == (None, 6)
    W, W_steps, b_steps, W_way, b_way, W_gate, b_gate, W_most, b_most = model.get_weights()
    np.testing.assert_array_equal(b_gate, np.full(24, -3.0))
    assert W_most.shape == (2, 24, 3)
    words = np.random.randint(0, 20, (3, 6))
    flat = np.maximum(W[words] @ W_steps + b_steps, 0).transpose(0, 2, 1).reshape(3, 24)
    gate = 1 / (1 + np.exp(-(flat @ W_gate + b_gate)))
    way = gate * np.tanh(flat @ W_way + b_way) + (1 - gate) * flat
    most = np.maximum(way @ W_most[0] + b_most[0], way @ W_most[1] + b_most[1])
    expected = np.stack([most, most], axis=1)
    np.testing.assert_allclose(model.predict(words), expected, rtol=1e-4, atol=1e-7)


def test_activations_noise_and_normalization_are_read() -> None:
    layers = [
        ("GaussianNoise", {"name": "noise", "batch_input_shape": [None, 3], "sigma": 0.1}),
        ("BatchNormalization", {"name": "n", "epsilon": 0.5, "mode": 0, "axis": -1, "momentum": 0}),
        ("LeakyReLU", {"name": "leaky", "trainable": True, "alpha": 0.5}),
        ("PReLU", {"name": "own", "init": "one"}),
        ("ELU", {"name": "elu", "alpha": 2.0}),
        ("ThresholdedReLU", {"name": "above", "theta": -2.0}),
        ("ThresholdedLinear", {"name": "large", "theta": 0.25}),
        ("GaussianDropout", {"name": "factor", "p": 0.5}),
        ("ParametricSoftplus", {"name": "soft", "alpha_init": 0.5, "beta_init": 2.0}),
        ("SReLU", {"name": "s", "t_left_init": "one", "a_left_init": "zero"}),
    ]
    model = model_from_config(json.loads(json.dumps(description(layers))))
    shaped = model.layers[-1]
    for actual, value in zip(shaped.get_weights()[:2], (1.0, 0.0), strict=True):
        np.testing.assert_array_equal(actual, np.full(3, value))
    shaped.set_weights([np.zeros(3), np.zeros(3), np.full(3, 0.5), np.full(3, 2.0)])
    x = np.array([[-4.0, 0.15, 3.0]])
    y = np.where(x > 0, x, 0.5 * x) / 1.5  # running_std is 1, to which epsilon adds .5
    y = np.where(y > 0, y, 2 * (np.exp(y) - 1))
    y = np.where((y > -2) & (np.abs(y) >= 0.25), y, 0)
    y = 0.5 * np.log(1 + np.exp(2 * y))
    expected = np.minimum(y, 0.5) + 2 * np.maximum(y - 0.5, 0)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5)


def test_a_first_layer_of_steps_says_its_sizes_twice() -> None:
    first = STEPS | {"batch_input_shape": [None, 6, 5], "input_dim": 5, "input_length": 6}
    model = model_from_config(description([("TimeDistributedDense", first)]))
    assert (model.input_shape, model.output_shape) == ((None, 6, 5), (None, 6, 4))
    open_steps = STEPS | {"batch_input_shape": [None, None, 5], "input_dim": 5}
    model = model_from_config(description([("TimeDistributedDense", open_steps)]))
    assert model.output_shape == (None, None, 4)


def changed(**config: Any) -> dict[str, Any]:
    return description([("Dense", DENSE | config)])


@pytest.mark.parametrize(
    ("entry", "error", "words"),
    [
        (description([("Densee", DENSE)]), UnknownNameError, ["layer 1", "Densee", "'Dense'"]),
        (description([*LAYERS, ("LSTN", {})]), UnknownNameError,
         ["layer 7", "'LSTM'", "custom_objects={'LSTN': LSTN}"]),
        ({"class_name": "Model", "config": {}}, ArgumentError, ["input_layers", "{}"]),
        ({"class_name": "Dense", "config": DENSE}, ArgumentError, ["Sequential", "layer Dense"]),
        (changed(untis=3), KeywordError, ["layer 1", "untis"]),
        (changed(units=3), KeywordError, ["units", "output_dim"]),
        (changed(activation="rleu"), UnknownNameError, ["rleu", "relu"]),
        (changed(activation=["relu"]), ArgumentError, ["layer 1", "relu"]),
        (changed(init="os.system"), UnknownNameError, ["os.system"]),
        (changed(W_regularizer={"name": "WeightRegularizer", "l3": 1}), GraphcError, ["l3"]),
        (changed(W_regularizer={"l1": 1}), ArgumentError, ["name"]),
        (changed(output_dim=-1), ArgumentError, ["layer 1", "-1"]),
        (changed(input_dim=13), ArgumentError, ["layer 1", "12", "13"]),
        (changed(batch_input_shape=5), ArgumentError, ["batch_input_shape is 5"]),
        (description([("Embedding", EMBEDDING | {"input_length": 7})]), ArgumentError,
         ["layer 1", "(None, 6)", "input_length is 7"]),
        (description([("TimeDistributedDense", STEPS | {"batch_input_shape": [None, 6, 5],
                                                        "input_dim": 4})]), ArgumentError,
         ["layer 1", "[None, 6, 5]", "input_dim says (None, None, 4)"]),
        (description([("Permute", {"dims": [0, 1], "input_shape": [2, 3]})]), ArgumentError,
         ["layer 1", "Permute", "[0, 1]"]),
        (description([("Lambda", {"function": "os.system"})]), ArgumentError, ["os.system"]),
        (description([("Lambda", {"name": "l", "function": "os.system", "input_shape": [3],
                                  "function_type": "function"})]),
         UnknownNameError, ["l.function", "custom_objects={'os.system': function}"]),
        (description([("Lambda", {"name": "l", "function": "\u00e3\u0000", "input_shape": [3],
                                  "function_type": "lambda"})]),
         UnknownNameError, ["l.function", "custom_objects={'l.function': function}"]),
        (description([("Lambda", {"name": "l", "function": "f", "function_type": "code"})]),
         ArgumentError, ["l.function_type", "'code'"]),
        (description([("Dense", {"input_dim": 3})]), ArgumentError, ["Dense", "output_dim"]),
        (description([("Dense", {"output_dim": 3})]), ArgumentError, ["input_shape"]),
        (description([LAYERS[0], ("Flatten", {})]), ShapeError, ["layer 2", "Flatten"]),
        (description([]), ArgumentError, ["at least one layer", "[]"]),
        ({"class_name": "Sequential"}, ArgumentError, ["class_name and config"]),
        (description(LAYERS) | {"keras_version": "2.4.0"}, ArgumentError, ["Keras 1", "'2.4.0'"]),
        (description(LAYERS) | {"keras_version": 1.0}, ArgumentError, ["keras_version", "1.0"]),
        (description(LAYERS) | {"loss": "mse"}, ArgumentError, ["'loss'"]),
        ([1, 2], ArgumentError, ["[1, 2]"]),
        (None, ArgumentError, ["None"]),
        ({"class_name": 3, "config": []}, ArgumentError, ["class_name", "3"]),
        ({"class_name": "Sequential", "config": [{"class_name": "Dense", "config": 3}]},
         ArgumentError, ["layer 1", "Dense", "3"]),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(
    entry: object, error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as raised:
        model_from_config(entry)
    message = str(raised.value)
    assert message.startswith("model: ")
    assert [word for word in words if word not in message] == []
