"""Descriptions of models of all forms, for tests that change them."""

from __future__ import annotations

import json

from graphc.engine.configs.registry import layer_entry
from graphc.engine.topology.shapes import known_shape
from graphc.layers import (
    LSTM,
    BatchNormalization,
    Convolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    MaxPooling2D,
    Merge,
    RepeatVector,
    TimeDistributed,
    merge,
)
from graphc.models import Graph, Model, Sequential
from tests.layers.every_layer import EXAMPLES, applied


def _images() -> Sequential:
    return Sequential(
        [
            Convolution2D(2, 3, 3, input_shape=(1, 6, 6), W_regularizer="l2", name="conv"),
            MaxPooling2D(),
            Flatten(),
            Dropout(0.5),
            Dense(2, activation="softmax", W_constraint="maxnorm"),
        ]
    )


def _steps() -> Sequential:
    return Sequential(
        [
            Embedding(5, 3, input_length=4, mask_zero=True),
            LSTM(2, dropout_W=0.5),
            RepeatVector(3),
            TimeDistributed(Dense(2)),
            BatchNormalization(),
        ]
    )


def _merged() -> Sequential:
    branches = [Sequential([Dense(2, input_dim=3)]), Sequential([Dense(2, input_dim=4)])]
    return Sequential([Merge(branches, mode="concat"), Dense(1)])


def _shared() -> Model:
    first, second, shared = Input((4,)), Input((4,)), Dense(3, name="shared")
    inner = Sequential([Dense(3, input_dim=3)], name="inner")
    joined = merge([inner(shared(first)), inner(shared(second))], mode="sum")
    return Model(input=[first, second], output=[Dense(2)(joined), joined])


def _graph() -> Graph:
    graph = Graph()
    graph.add_input("a", input_shape=(3,))
    graph.add_input("b", input_shape=(3,))
    graph.add_shared_node(Dense(2), name="s", inputs=["a", "b"], outputs=["x", "y"])
    graph.add_node(Dense(2), name="d", inputs=["x", "y"], merge_mode="mul")
    graph.add_output("o", input="d")
    return graph


OF_KERAS_0_3 = {
    "name": "Sequential",
    "layers": [
        {"name": "Dense", "custom_name": "d", "cache_enabled": True, "input_shape": [4],
         "output_dim": 2, "init": "uniform", "activation": "tanh", "trainable": True,
         "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}},
        {"name": "Activation", "custom_name": "activation", "activation": "relu"},
    ],
    "optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.0, "decay": 0.0, "nesterov": False},
    "loss": "mean_squared_error",
    "sample_weight_mode": None,
}  # fmt: skip

SHARED_IN_KERAS_0_3 = {
    "name": "Graph",
    "input_config": [{"name": name, "input_shape": [3], "dtype": "float"} for name in "ab"],
    "node_config": [
        {"name": "s", "inputs": ["a", "b"], "merge_mode": None, "concat_axis": -1, "dot_axes": -1,
         "create_output": False},
        {"name": "x", "inputs": ["s"], "create_output": True},
        {"name": "t", "inputs": ["s", "a"], "merge_mode": "concat", "concat_axis": 1,
         "dot_axes": -1, "create_output": True},
    ],
    "output_config": [
        {"name": name, "input": name, "inputs": [], "merge_mode": "concat", "concat_axis": -1,
         "dot_axes": -1}
        for name in "xt"
    ],
    "input_order": ["a", "b"],
    "output_order": ["x", "t"],
    "nodes": {
        "s": {"name": "Siamese", "custom_name": "siamese", "cache_enabled": True, "inputs": [],
              "layer": {"name": "Dense", "output_dim": 3}, "merge_mode": None, "concat_axis": -1,
              "dot_axes": -1, "is_graph": True, "trainable": True},
        "x": {"name": "SiameseHead", "custom_name": "x", "head": 0, "cache_enabled": True},
        "t": {"name": "Siamese", "layer": {"name": "Dense", "output_dim": 2}, "inputs": [],
              "merge_mode": "concat", "concat_axis": 1, "dot_axes": -1, "is_graph": True},
    },
}  # fmt: skip


SIAMESE_IN_KERAS_0_3 = {
    "name": "Sequential",
    "layers": [
        {"name": "Siamese", "custom_name": "siamese", "cache_enabled": True, "trainable": True,
         "layer": {"name": "Dense", "output_dim": 3}, "merge_mode": "dot", "concat_axis": 1,
         "inputs": [{"name": "Sequential",
                     "layers": [{"name": "Dense", "output_dim": 2, "input_shape": [size]}]}
                    for size in (3, 4)],
         "dot_axes": [[1], [1]], "is_graph": False},
        {"name": "Dense", "output_dim": 2},
    ],
}  # fmt: skip


def descriptions() -> list[dict]:
    """Return the parsed `to_json` of models of all forms, and three of Keras 0.3."""
    models = (_images(), _steps(), _merged(), _shared(), _graph())
    return [json.loads(model.to_json()) for model in models] + [
        OF_KERAS_0_3,
        SHARED_IN_KERAS_0_3,
        SIAMESE_IN_KERAS_0_3,
    ]


def of_each_layer() -> list[dict]:
    """Descriptions of a Sequential of one layer, for each layer that has one input, one output and
    no function of a user."""
    found = []
    for label, example in EXAMPLES.items():
        if label.split()[0] in ("Lambda", "MaskedLambda", "Merge"):
            continue
        one = applied(example, "float32")
        if len(one.inputs) == 1 and not isinstance(one.layer.output, list):
            entry = layer_entry(one.layer)
            entry["config"] |= {
                "batch_input_shape": list(known_shape(one.inputs[0])),
                "input_dtype": one.inputs[0].dtype,
            }
            found.append({"class_name": "Sequential", "config": [entry]})
    return json.loads(json.dumps(found))
