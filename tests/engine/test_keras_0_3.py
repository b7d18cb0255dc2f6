"""The flat descriptions that Keras 0.3 wrote, with what a model was compiled with."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from graphc.errors import ArgumentError, UnknownNameError
from graphc.models import (
    Graph,
    Sequential,
    model_from_config,
    model_from_json,
    model_from_yaml,
)

# As keras1_facts.md, section 10, has them.
DENSE = {
    "name": "Dense",
    "custom_name": "dense",
    "cache_enabled": True,
    "trainable": True,
    "input_shape": [4],
    "input_dim": 4,
    "output_dim": 3,
    "init": "glorot_uniform",
    "activation": "tanh",
    "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5},
    "b_regularizer": None,
    "activity_regularizer": None,
    "W_constraint": None,
    "b_constraint": None,
}
COMPILED = {
    "sample_weight_mode": None,
    "class_mode": "categorical",
    "optimizer": {"name": "SGD", "lr": 0.25, "momentum": 0.5, "decay": 0.0, "nesterov": True},
    "loss": "mean_squared_error",
}


def dense(name="dense", **changes: Any) -> dict[str, Any]:
    return {**DENSE, "custom_name": name, **changes}


def behind(name="dense", **changes: Any) -> dict[str, Any]:
    """A layer that is not the first one."""
    whole = dense(name, input_dim=None, **changes)
    return {key: value for key, value in whole.items() if key != "input_shape"}


def sequential(*layers: dict[str, Any], **compiled: Any) -> dict[str, Any]:
    return {"name": "Sequential", "layers": list(layers), **compiled}


def test_a_sequential_is_compiled():
    model = model_from_json(json.dumps(sequential(dense(), behind("head"), **COMPILED)))
    assert isinstance(model, Sequential)
    assert model.layers[1].name == "head"
    assert model.optimizer.get_config() == {**COMPILED["optimizer"], "keras": "1.0"}
    x, y = np.ones((5, 4)), np.zeros((5, 3))
    W, b, W2, b2 = model.get_weights()
    predicted = np.tanh(np.tanh(x @ W + b) @ W2 + b2)
    np.testing.assert_allclose(model.predict(x), predicted, rtol=1e-5)
    penalties = 0.5 * (np.sum(W**2) + np.sum(W2**2))
    expected = np.mean(predicted**2) + penalties
    np.testing.assert_allclose(model.train_on_batch(x, y), expected, rtol=1e-5)


def test_one_that_was_not_compiled():
    model = model_from_yaml(json.dumps(sequential(dense(batch_input_shape=[2, 4]))))
    assert model._graphc_trainer.compiled is None
    assert model.input_shape == (2, 4)


def test_names_that_several_layers_have():
    model = model_from_json(json.dumps(sequential(dense("same"), behind("same"))))
    first, second = (layer.name for layer in model.layers)
    assert first != second


def test_models_inside_and_merges():
    left = sequential(dense("left"), custom_name="branch")
    right = sequential(dense("right", input_shape=[2], input_dim=2))
    merge = {"name": "Merge", "layers": [left, right], "mode": "concat", "concat_axis": -1,
             "dot_axes": -1, "cache_enabled": True, "custom_name": "merge"}  # fmt: skip
    inner = sequential(dense("deep", input_shape=[6], input_dim=6), custom_name="inner")
    model = model_from_json(json.dumps(sequential(merge, inner)))
    assert model.input_shape == [(None, 4), (None, 2)]
    assert [layer.name for layer in model.layers[1:]] == ["inner"]


def test_autoencoders():
    entry = {
        "name": "AutoEncoder",
        "custom_name": "autoencoder",
        "cache_enabled": True,
        "encoder_config": dense("code", output_dim=2),
        "decoder_config": behind("back", output_dim=4),
        "output_reconstruction": False,
    }
    model = model_from_json(json.dumps(sequential(entry)))
    assert model.output_shape == (None, 2)
    assert [layer.output_dim for layer in (model.layers[0].encoder, model.layers[0].decoder)] == [
        2,
        4,
    ]


def test_an_optimizer_whose_keys_are_no_texts():
    description = sequential(dense(), **{**COMPILED, "optimizer": {"name": "SGD", 3: True}})
    with pytest.raises(ArgumentError, match="model: compile: keywords must be strings"):
        model_from_config(description)


GRAPH: dict[str, Any] = {
    "name": "Graph",
    "input_config": [
        {"name": "words", "input_shape": [5], "dtype": "int"},
        {"name": "x", "input_shape": [4], "dtype": "float"},
    ],
    "node_config": [
        {"name": "vectors", "input": "words", "inputs": [], "merge_mode": "concat",
         "concat_axis": -1, "dot_axes": -1, "create_output": False},
        {"name": "flat", "input": "vectors", "inputs": [], "merge_mode": "concat",
         "concat_axis": -1, "dot_axes": -1, "create_output": False},
        {"name": "head", "input": None, "inputs": ["flat", "x"], "merge_mode": "concat",
         "concat_axis": -1, "dot_axes": -1, "create_output": True},
    ],
    "output_config": [
        {"name": "out", "input": "flat", "inputs": [], "merge_mode": "concat",
         "concat_axis": -1, "dot_axes": -1},
    ],
    "input_order": ["words", "x"],
    "output_order": ["head", "out"],
    "nodes": {
        "vectors": {"name": "Embedding", "custom_name": "embedding", "input_dim": 7,
                    "output_dim": 2, "input_length": 5, "mask_zero": False},
        "flat": {"name": "Flatten", "custom_name": "flatten"},
        "head": behind("head"),
    },
    "loss": {"head": "mse", "out": "mae"},
    "loss_weights": {"head": 1.0, "out": 0.5},
    "sample_weight_modes": {},
    "optimizer": {"name": "RMSprop", "lr": 0.5, "rho": 0.75, "epsilon": 1e-6},
}  # fmt: skip


def test_a_graph_is_compiled():
    graph = model_from_json(json.dumps(GRAPH))
    assert isinstance(graph, Graph)
    assert graph.output_order == ["head", "out"]
    assert graph.nodes["vectors"].name == "vectors"
    expected = {**GRAPH["optimizer"], "decay": 0.0, "keras": "1.0"}
    assert graph.optimizer.get_config() == expected
    data = {"words": np.ones((3, 5), "int32"), "x": np.ones((3, 4))}
    targets = {"head": np.zeros((3, 3)), "out": np.zeros((3, 10))}
    found = graph.predict(data)
    expected = np.mean(found["head"] ** 2) + 0.5 * np.mean(np.abs(found["out"]))
    np.testing.assert_allclose(graph.evaluate({**data, **targets}), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("description", "error", "words"),
    [
        (sequential(), ArgumentError, "at least one layer"),
        ({"name": "Sequential"}, ArgumentError, "layers: expected a list of objects, received Non"),
        (
            sequential({"name": "Siamese"}),
            ArgumentError,
            "layer 1: Siamese: inputs: expected a list",
        ),
        (sequential({"name": "JZS1"}), UnknownNameError, "layer 1: unknown layer 'JZS1'"),
        (sequential(dense(input_shape=4)), ArgumentError, "input_shape: expected a list, .*4"),
        (sequential(dense(), optimizer={"name": "SGD"}), ArgumentError, "expected a loss beside"),
        (
            sequential(dense(), optimizer={"name": "sdg"}, loss="mse"),
            UnknownNameError,
            "unknown optimizer 'sdg'",
        ),
        ({**GRAPH, "nodes": []}, ArgumentError, "nodes: expected layers by name"),
        ({**GRAPH, "nodes": {"head": 3}}, ArgumentError, "nodes: expected a list of objects"),
    ],
)
def test_what_is_no_model(description, error, words):
    with pytest.raises(error, match=words) as raised:
        model_from_json(json.dumps(description))
    assert str(raised.value).startswith("model: ")
