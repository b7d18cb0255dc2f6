"""Graphs as data: JSON and YAML of them, and configs as Keras wrote them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphc.engine.configs.registry import layer_from_config
from graphc.errors import ArgumentError, KeywordError, UnknownNameError
from graphc.layers import Dense, Dropout, Embedding, Flatten, Lambda
from graphc.models import Graph, Sequential, model_from_json, model_from_yaml
from tests.engine.graphs import DATA, INPUTS, two_by_two, with_inputs


def shared() -> Graph:
    graph = with_inputs(name="twins", left=4, right=4)
    graph.add_shared_node(
        Dense(3, activation="tanh"), "both", ["left", "right"], outputs=["l", "r"]
    )
    graph.add_shared_node(Dense(2), "joined", ["l", "r"], merge_mode="mul", create_output=True)
    graph.add_output("sum", inputs=["l", "r"], merge_mode="sum")
    return graph


def of_models() -> Graph:
    graph = with_inputs(x=3)
    inner = Sequential([Dense(4, input_dim=3, name="inner"), Dropout(0.5)])
    graph.add_node(inner, "encoder", input="x", create_output=True)
    graph.add_node(inner, "again", input="x")
    graph.add_node(Lambda(lambda xs: xs[0] * xs[1]), "product", inputs=["encoder", "again"],
                   merge_mode="join", create_output=True)  # fmt: skip
    return graph


def of_words() -> Graph:
    graph = Graph()
    graph.add_input("words", batch_input_shape=(None, 5), dtype="int")
    graph.add_node(Embedding(7, 3), "vectors", input="words")
    graph.add_node(Flatten(), "flat", input="vectors")
    graph.add_output("out", inputs=["flat", "flat"], merge_mode="dot", dot_axes=(1, 1))
    return graph


def masked() -> Graph:
    graph = Graph()
    graph.add_input("words", batch_input_shape=(None, 5), dtype="int")
    graph.add_node(Embedding(7, 3, mask_zero=True), "vectors", input="words")
    graph.add_output("out", input="vectors")
    return graph


GRAPHS = {one.__name__: one for one in (two_by_two, shared, of_models, of_words, masked)}


def samples(graph: Graph) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    pairs = zip(graph.input_order, graph.inputs, strict=True)
    return {name: rng.integers(0, 7, (6, *one.shape[1:])) for name, one in pairs}


@pytest.mark.parametrize("label", GRAPHS)
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_an_equal_graph(label, form, caplog):
    graph = GRAPHS[label]()
    caplog.clear()
    made = model_from_json(graph.to_json()) if form == "json" else model_from_yaml(graph.to_yaml())
    assert made.get_config() == graph.get_config()
    assert not caplog.records
    assert made.input_order == graph.input_order
    assert made.output_order == graph.output_order
    made.set_weights(graph.get_weights())
    data = samples(graph)
    found, expected = made.predict(data), graph.predict(data)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_weights_in_a_file(tmp_path):
    graph = two_by_two()
    graph.save_weights(tmp_path / "w.h5")
    made = model_from_json(graph.to_json())
    made.load_weights(fname=tmp_path / "w.h5")
    for name, value in graph.predict(INPUTS).items():
        np.testing.assert_array_equal(made.predict(INPUTS)[name], value)
    made.compile("sgd", {"left": "mse", "right": "mse"})
    graph.compile("sgd", {"left": "mse", "right": "mse"})
    assert made.evaluate(DATA) == graph.evaluate(DATA)


def test_the_layout_of_keras():
    # keras1_facts.md, section 10.
    config = json.loads(two_by_two().to_json())["config"]
    assert list(config) == ["input_config", "node_config", "output_config", "nodes"]
    assert config["input_config"][1] == {"name": "b", "input_shape": [3], "dtype": "float32"}
    assert config["node_config"][0] == {
        "name": "h",
        "input": None,
        "inputs": ["a", "b"],
        "merge_mode": "concat",
        "concat_axis": -1,
        "dot_axes": -1,
        "create_output": False,
    }
    assert config["output_config"][1]["input"] == "r"
    assert config["nodes"]["r"]["class_name"] == "Dense"
    assert config["nodes"]["r"]["config"]["name"] == "r"


def test_a_shared_node_of_keras():
    config = json.loads(shared().to_json())["config"]
    node = config["node_config"][0]
    assert node["outputs"] == ["l", "r"]
    assert node["layer"]["class_name"] == "Dense"
    assert "input" not in node
    assert config["nodes"]["both"]["shared"] is True


def test_outputs_that_keras_wrote_twice():
    entry = json.loads(two_by_two().to_json())
    entry["config"]["node_config"][1]["create_output"] = True
    entry["config"]["output_config"].append({**entry["config"]["output_config"][0], "name": "l"})
    assert model_from_json(json.dumps(entry)).output_order == ["l", "left", "right"]


def test_a_layer_in_use_elsewhere_keeps_its_name():
    layer = Dense(3, input_dim=4, name="mine")
    Sequential([layer])
    graph = with_inputs(x=4)
    graph.add_node(layer, "node", input="x", create_output=True)
    made = model_from_json(graph.to_json())
    assert made.nodes["node"].name == "mine"
    assert made.get_config() == graph.get_config()


def test_a_graph_inside_of_a_model():
    inner = with_inputs(name="inner", x=4)
    inner.add_node(Dense(3), "node", input="x", create_output=True)
    inner.trainable = False
    model = Sequential([inner, Dense(2)])
    made = model_from_json(model.to_json())
    assert (made.layers[0].name, made.layers[0].trainable) == ("inner", False)
    assert made.get_config() == model.get_config()


def config_of(**changes):
    return {"class_name": "Graph", "config": {**two_by_two().get_config(), **changes}}


def node(**changes):
    return config_of(node_config=[{"name": "h", "input": "a", "inputs": [], **changes}])


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"class_name": "Graph", "config": []}, r"the config of a Graph .*received \[\]"),
        ({"class_name": "Graph", "config": {"nodes": {}}}, "has the keys input_config"),
        (config_of(nodes=[]), r"nodes: expected layers by name, received \[\]"),
        (config_of(node_config={}), "node_config: expected a list of objects"),
        (config_of(input_config=[3]), "input_config: expected a list of objects"),
        (config_of(input_config=[{"name": "a"}]), "input_config: 'a': .*expected input_shape"),
        (node(name="x"), "node_config: 'x': expected the name of one of nodes, which has h, l, r"),
        (node(input="c"), "node_config: 'h': .*no input or node is named 'c'"),
        (node(name=None), "node_config: None: "),
        (config_of(nodes={"h": 3, "l": 3, "r": 3}), "node 'h': expected an object with the keys"),
        (config_of(output_config=[{"name": "o", "input": "z"}]), "output_config: 'o': .*'z'"),
    ],
)
def test_configs_of_no_graph(entry, words):
    with pytest.raises(ArgumentError, match=words) as raised:
        layer_from_config(entry)
    assert str(raised.value).startswith("layer_from_config: ")


def test_an_unknown_keyword_of_an_input():
    entry = config_of(input_config=[{"name": "a", "shape": 3}])
    with pytest.raises(KeywordError, match="input_config: 'a': .*'shape': here it is"):
        layer_from_config(entry)


def test_unknown_layers_of_nodes():
    nodes = {**two_by_two().get_config()["nodes"], "h": {"class_name": "Dence", "config": {}}}
    with pytest.raises(UnknownNameError, match="node 'h': unknown layer 'Dence'. Did you mean"):
        layer_from_config(config_of(nodes=nodes))


def test_a_graph_without_outputs():
    with pytest.raises(ArgumentError, match="a Graph needs an output"):
        with_inputs(x=3).to_json()
