"""Shared nodes of Keras 0.3's Graphs: what they predict with a file's weights, NumPy computes."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import numpy as np
import pytest

from graphc.errors import ArgumentError, GraphcError
from graphc.models import model_from_json
from tests.files.keras_0_3_layers import check, dense, layer, loaded, node, numbers
from tests.files.old_writers import write_keras_0_3

Description = dict[str, Any]


def graph_of(*steps: tuple[str, dict[str, Any], dict[str, Any]], outputs=()) -> Description:
    """A Graph of nodes: name, its entry in node_config, the layer. Of the inputs a, b and
    c, three numbers each, it has those that it uses."""
    used = [name for _, entry, _ in steps for name in (entry.get("input"), *entry["inputs"])]
    order = [name for name in "abc" if name in used]
    inputs = [{"name": name, "input_shape": [3], "dtype": "float"} for name in order]
    return {
        "name": "Graph",
        "input_config": inputs,
        "node_config": [{"name": name, **entry} for name, entry, _ in steps],
        "output_config": [node(name, input=name) for name in outputs],
        "input_order": order,
        "output_order": list(outputs),
        "nodes": {name: layer for name, _, layer in steps},
    }


def shared(
    name: str, of: dict[str, Any], inputs: list[str], mode: str | None = None, **changes: Any
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A shared node as 0.3 described it: its layer has the layers of the inputs beside the one."""
    entry = {"inputs": inputs, "merge_mode": mode, "concat_axis": -1, "dot_axes": -1,
            "create_output": False, **changes}  # fmt: skip
    before = [layer("Layer") for _ in inputs]
    merging = {key: entry[key] for key in ("merge_mode", "concat_axis", "dot_axes")}
    return name, entry, layer("Siamese", layer=of, inputs=before, is_graph=True, **merging)


def head(name: str, of: str, number: int, create_output: bool = False):
    entry = {"inputs": [of], "create_output": create_output}
    return name, entry, layer("SiameseHead", head=number)


def plain(name: str, of: dict[str, Any], create_output: bool = False, **entry: Any):
    return name, {**node(name, **entry), "create_output": create_output}, of


W, b, V, c = numbers(3, 2), numbers(2), numbers(2, 1), numbers(1)
DATA = {name: numbers(4, 3) for name in "abc"}
A, B, C = (np.tanh(DATA[name] @ W + b) for name in "abc")


def predicted(tmp_path, description: Description, *weights: np.ndarray) -> dict[str, np.ndarray]:
    graph = loaded(tmp_path, description, [weights], graph=True)
    check_again(graph, description["output_order"])
    return graph.predict(DATA)


def check_again(graph, outputs):
    """Check that the loaded graph is written, and read, as any Graph."""
    other = model_from_json(graph.to_json())
    other.set_weights(graph.get_weights())
    found, expected = other.predict(DATA), graph.predict(DATA)
    assert list(found) == list(expected) == outputs
    for name in outputs:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(
    ("mode", "merged"),
    [
        ("concat", lambda x, y: np.concatenate([x, y], 1)),
        ("sum", lambda x, y: x + y),
        ("ave", lambda x, y: (x + y) / 2),
        ("mul", lambda x, y: x * y),
        ("dot", lambda x, y: (x * y).sum(1, keepdims=True)),
        ("cos", lambda x, y: ((x * y).sum(1) / np.sqrt((x**2).sum(1) * (y**2).sum(1)))[:, None]),
    ],
)  # fmt: skip
def test_merged_results(tmp_path, mode, merged):
    """The weights of the shared layer are in the file once, in the order of the nodes."""
    code = shared("code", dense(2, "tanh"), ["a", "b"], mode, dot_axes=[[1], [1]])
    width = {"concat": 4, "dot": 1, "cos": 1}.get(mode, 2)
    last = plain("last", dense(1), input="code", create_output=True)
    U = numbers(width, 1)
    found = predicted(tmp_path, graph_of(code, last, outputs=["last"]), W, b, U, c)
    check(found["last"], merged(A, B) @ U + c)


def test_a_merged_result_is_an_output(tmp_path):
    code = shared("code", dense(2, "tanh"), ["a", "b", "c"], "sum", create_output=True)
    found = predicted(tmp_path, graph_of(code, outputs=["code"]), W, b)
    check(found["code"], A + B + C)


def test_results_that_are_not_merged(tmp_path):
    """They are nodes of their own, without weights, and may be outputs, in the order of all."""
    description = graph_of(
        plain("first", dense(2, "tanh"), input="a"),
        plain("second", dense(2, "tanh"), input="b"),
        shared("code", dense(1), ["first", "second"]),
        head("x", "code", 0, create_output=True),
        head("y", "code", 1),
        plain("last", dense(1), inputs=["x", "y"], merge_mode="mul", create_output=True),
        outputs=["x", "last"],
    )
    W2, b2, U, d = numbers(3, 2), numbers(2), numbers(1, 1), numbers(1)
    found = predicted(tmp_path, description, W, b, W2, b2, V, c, U, d)
    x, y = A @ V + c, np.tanh(DATA["b"] @ W2 + b2) @ V + c
    check(found["x"], x)
    check(found["last"], (x * y) @ U + d)


def test_a_shared_node_on_the_results_of_another(tmp_path):
    """The name of one stands for all its results, those without a name too; and one result alone
    is that of a layer as any other."""
    description = graph_of(
        shared("code", dense(2, "tanh"), ["a", "b"]),
        head("of_a", "code", 0),
        shared("deep", dense(1), ["code", "of_a"], "sum", create_output=True),
        shared("alone", dense(1), ["of_a"]),
        head("z", "alone", 0, create_output=True),
        shared("single", dense(1), ["of_a"], "ave", create_output=True),
        outputs=["deep", "z", "single"],
    )
    more = [numbers(*shape) for shape in ((2, 1), (1,), (2, 1), (1,))]
    found = predicted(tmp_path, description, W, b, V, c, *more)
    check(found["deep"], A @ V + c + B @ V + c + A @ V + c)
    check(found["z"], A @ more[0] + more[1])
    check(found["single"], A @ more[2] + more[3])


def test_a_shared_model(tmp_path):
    inner = {"name": "Sequential", "layers": [dense(2, "tanh", input_shape=[3]), dense(1)]}
    description = graph_of(shared("code", inner, ["a", "b"], "sum"), outputs=["code"])
    found = predicted(tmp_path, description, W, b, V, c)
    check(found["code"], A @ V + c + B @ V + c)


def test_it_is_compiled_and_trains_both_uses(tmp_path):
    description = graph_of(shared("code", dense(2, "tanh"), ["a", "b"], "sum"), outputs=["code"])
    description |= {"loss": {"code": "mse"}, "optimizer": {"name": "SGD", "lr": 0.5}}
    graph = loaded(tmp_path, description, [[W, b]], graph=True)
    y = numbers(4, 2)
    graph.train_on_batch({**DATA, "code": y})
    error = 2 * (A + B - y) / y.size
    slopes = [(DATA["a"], error * (1 - A**2)), (DATA["b"], error * (1 - B**2))]
    check(graph.get_weights()[0], W - 0.5 * sum(x.T @ slope for x, slope in slopes))
    check(graph.get_weights()[1], b - 0.5 * sum(slope.sum(0) for _, slope in slopes))


def test_a_shared_layer_that_does_not_train():
    name, entry, siamese = shared("code", dense(2), ["a", "b"], "sum")
    text = json.dumps(graph_of((name, entry, {**siamese, "trainable": False}), outputs=["code"]))
    assert not model_from_json(text).nodes["code"].trainable


def test_masks_that_go_on_are_logged(caplog):
    """Those of 0.3 ended at a shared node."""
    steps = layer("TimeDistributedDense", output_dim=2)
    for masked in (False, True):
        words = layer("Embedding", input_dim=5, output_dim=3, mask_zero=masked)
        last = plain("last", layer("LSTM", output_dim=2), input="code")
        code = shared("code", steps, ["x", "y"], "sum")
        vectors = [plain(name, words, input=of) for name, of in (("x", "a"), ("y", "b"))]
        description = graph_of(*vectors, code, last, outputs=["last"])
        for one in description["input_config"]:
            one["dtype"] = "int"
        model_from_json(json.dumps(description))
        assert ["the mask goes on after the shared node 'code'" in one for one in
                caplog.messages] == [True] * masked  # fmt: skip


def test_masks_that_go_on_behind_merged_inputs_are_logged(caplog):
    """Those of 0.3 ended there; behind a lone input they went on."""
    lstm = layer("LSTM", output_dim=2, return_sequences=True)
    merging = {"input": None, "concat_axis": -1, "dot_axes": -1}
    for masked in (False, True):
        words = layer("Embedding", input_dim=5, output_dim=3, mask_zero=masked)
        vectors = [plain(name, words, input=of) for name, of in (("x", "a"), ("y", "b"))]
        both = plain("both", lstm, inputs=["x", "y"], merge_mode="sum")
        alone = plain("alone", lstm, input="x")
        description = graph_of(*vectors, both, alone, outputs=["both"])
        all_of_them = {"name": "all", "inputs": ["both", "alone"], "merge_mode": "concat"}
        description["output_config"].append({**all_of_them, **merging})
        for one in description["input_config"]:
            one["dtype"] = "int"
        caplog.clear()
        model_from_json(json.dumps(description))
        ends = [re.search("the mask goes on after (.*), as in", one)[1] for one in caplog.messages]
        expected = ["the merged inputs of 'both'", "the inputs that are merged to the output 'all'"]
        assert ends == expected * masked


def broken(change) -> str:
    """A description with two shared nodes and a change in it."""
    description = copy.deepcopy(
        graph_of(
            shared("code", dense(2), ["a", "b"]),
            head("x", "code", 0),
            head("y", "code", 1),
            shared("joined", dense(2), ["x", "y"], "sum"),
            outputs=["joined"],
        )
    )
    entry = {one["name"]: one for one in description["node_config"]}
    change(description, entry, description["nodes"])
    return json.dumps(description)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, own, nodes: own["x"].update(inputs=["a"]),
         "node 'x': expected the result of a shared node, and 'a' is none"),
        (lambda d, own, nodes: own["x"].update(inputs=[]), "node 'x': inputs: expected a list"),
        (lambda d, own, nodes: own["x"].update(inputs=["code", "a"]),
         "node 'x': inputs: expected the name of one shared node"),
        (lambda d, own, nodes: own["x"].update(inputs=[["code"]]), "node 'x': inputs: expected"),
        (lambda d, own, nodes: nodes["x"].update(head=2),
         "node 'x': head: expected the number of one of the 2 results.*received 2"),
        (lambda d, own, nodes: nodes["x"].update(head=-1), "node 'x': head: .*received -1"),
        (lambda d, own, nodes: nodes["x"].update(head=True), "node 'x': head: expected a whole"),
        (lambda d, own, nodes: nodes["x"].update(head=1), "node 'y': head: 1 of 'code' is the.*x"),
        (lambda d, own, nodes: own["x"].update(inputs=["joined"]),
         "node 'x': head: .*'joined' leaves apart, which merges them .*'sum'"),
        (lambda d, own, nodes: nodes["code"].update(layer=None), "node 'code': layer: expected"),
        (lambda d, own, nodes: nodes["code"].update(merge_mode="sum"),
         "node 'code': merge_mode: None in node_config, and 'sum' in nodes"),
        (lambda d, own, nodes: [one.update(merge_mode="join") for one in (own["joined"],
                                                                           nodes["joined"])],
         "node 'joined': merge_mode 'join' gave a dict"),
        (lambda d, own, nodes: [one.update(merge_mode=3) for one in (own["joined"],
                                                                      nodes["joined"])],
         "node 'joined': merge_mode: expected a text or null"),
        (lambda d, own, nodes: [own["joined"].update(inputs=["x"], merge_mode="dot"),
                                 nodes["joined"].update(merge_mode="dot")],
         "node 'joined': merge_mode 'dot' is of two results, and there is one"),
        (lambda d, own, nodes: nodes["code"].update(
            trainable=False, layer={"name": "Sequential", "layers": [dense(2)]}),
         "node 'code': trainable: expected true for a shared model"),
        (lambda d, own, nodes: d["output_config"][0].update(input="code"),
         "output_config: 'joined': .*'code' is a shared node whose results.*'x', 'y'"),
        (lambda d, own, nodes: nodes["code"].update(layer=copy.deepcopy(nodes["code"])),
         "node 'code': Siamese: a layer that several Sequentials shared"),
    ],
)  # fmt: skip
def test_what_is_refused(change, words):
    with pytest.raises(ArgumentError, match=words):
        model_from_json(broken(change))


def test_files_with_other_weights(tmp_path):
    text = json.dumps(graph_of(shared("code", dense(2), ["a", "b"], "sum"), outputs=["code"]))
    graph = model_from_json(text)
    before = graph.get_weights()
    write_keras_0_3(tmp_path / "w.h5", [[W, b, W, b]], graph=True)  # the layer's once for each use
    with pytest.raises(GraphcError, match="4 weights"):
        graph.load_weights(tmp_path / "w.h5")
    for mine, theirs in zip(graph.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
