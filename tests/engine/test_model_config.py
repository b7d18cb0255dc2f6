"""Models as data: Sequential, Model, shared and nested layers, merges; JSON and YAML of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from graphc.engine import Input
from graphc.engine.configs.registry import layer_from_config
from graphc.errors import ArgumentError, UnknownNameError
from graphc.layers import (
    GRU,
    Activation,
    BatchNormalization,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    InputLayer,
    Lambda,
    Masking,
    Merge,
    TimeDistributed,
    merge,
)
from graphc.models import (
    Model,
    Sequential,
    model_from_config,
    model_from_json,
    model_from_yaml,
)


def siamese() -> Model:
    left, right = Input((4,), name="left"), Input((4,), name="right")
    shared = Dense(5, activation="tanh", name="shared")
    encoder = Sequential([Dense(3, input_dim=5, name="inner"), Dropout(0.5)], name="encoder")
    sides = [encoder(shared(x)) for x in (left, right)]
    joined = merge(sides, mode="concat", name="joined")
    return Model([left, right], [Dense(2, name="out")(joined), sides[0]], name="siamese")


def nested() -> Model:
    x = Input((6,), dtype="int32")
    words = Embedding(9, 4, mask_zero=True)(x)
    rows = TimeDistributed(Dense(3))(words)
    inner_in = Input((6, 3))
    inner = Model(inner_in, Bidirectional(GRU(2))(inner_in), name="inner")
    return Model(x, inner(rows), name="outer")


def two_outputs() -> Model:
    x = Input((3,))
    inner_in = Input((3,))
    inner = Model(inner_in, [Dense(2)(inner_in), Dense(2)(inner_in)])
    first, second = inner(x)
    return Model(x, [second, merge([second, first], mode="concat")])


def merged() -> Sequential:
    left = Sequential([Dense(3, input_dim=4)])
    right = Sequential([Dense(3, input_dim=2), BatchNormalization()])
    inside = Merge([right, Dense(3, input_dim=1)], mode="mul")
    return Sequential([Merge([left, inside], mode="concat"), Dense(2)])


def merged_twins() -> Sequential:
    twin = Sequential([Dense(3, input_dim=4)])
    return Sequential([Merge([twin, twin], mode="sum"), Activation("tanh")])


def repeated() -> Sequential:
    again = Dense(4, activation="tanh")
    return Sequential([Dense(4, input_dim=4), again, Dropout(0.1), again])


def model_in_front() -> Sequential:
    return Sequential([Sequential([Dense(3, input_dim=4)], name="first"), Dense(2)])


def merged_in_a_graph() -> Model:
    a, b = Dense(3, input_dim=4), Dense(3, input_dim=2)
    both = Merge([a, b], mode="ave")
    return Model([a.input, b.input], Dense(2)(both.output))


MODELS = {
    one.__name__: one
    for one in (
        siamese,
        nested,
        two_outputs,
        merged,
        merged_twins,
        repeated,
        model_in_front,
        merged_in_a_graph,
    )
}


def samples(model: Model) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [
        rng.integers(0, 9, (7, *one.shape[1:]))
        if one.dtype == "int32"
        else rng.normal(size=(7, *one.shape[1:]))
        for one in model.inputs
    ]


def as_list(x):
    return x if isinstance(x, list) else [x]


@pytest.mark.parametrize("label", MODELS)
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_an_equal_model(label, form):
    model = MODELS[label]()
    made = model_from_json(model.to_json()) if form == "json" else model_from_yaml(model.to_yaml())
    assert type(made) is type(model)
    assert made.get_config() == model.get_config()
    assert [one.name for one in made.layers] == [one.name for one in model.layers]
    made.set_weights(model.get_weights())
    feeds = samples(model)
    given = feeds if len(feeds) > 1 else feeds[0]
    found, expected = as_list(made.predict(given)), as_list(model.predict(given))
    assert len(found) == len(expected) > 0
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_sharing_survives():
    made = model_from_json(siamese().to_json())
    assert len(made.get_layer("shared").inbound_nodes) == 2
    made = model_from_json(merged_twins().to_json())
    assert made.layers[0].layers[0] is made.layers[0].layers[1]
    assert len(made.inputs) == 1
    made = model_from_json(repeated().to_json())
    assert made.layers[1] is made.layers[3]


def test_a_layer_shared_between_levels():
    shared = Dense(4, name="shared")
    inner_in = Input((4,))
    inner = Model(inner_in, shared(inner_in), name="inner")
    x = Input((4,))
    model = Model(x, shared(inner(x)), name="outer")
    made = model_from_json(model.to_json())
    assert made.get_layer("shared") is made.get_layer("inner").get_layer("shared")
    assert made.count_params() == 20
    made.set_weights(model.get_weights())
    values = samples(model)[0]
    np.testing.assert_array_equal(made.predict(values), model.predict(values))


def test_a_shared_layer_that_is_called_on_a_later_one():
    # Bug 18 of keras1_facts.md: the second call of `shared` needs `last`, which needs the first.
    x = Input((4,))
    shared = Dense(4, name="a_shared")
    last = Dense(4, name="last")
    model = Model(x, shared(last(shared(x))))
    made = model_from_json(model.to_json())
    made.set_weights(model.get_weights())
    values = samples(model)[0]
    np.testing.assert_array_equal(made.predict(values), model.predict(values))


def test_names_and_trainable_survive():
    inner = Sequential([Dense(3, input_dim=4, trainable=False)], name="frozen")
    inner.trainable = False
    model = Sequential([inner, Dense(2, name="head")], name="whole")
    made = model_from_json(model.to_json())
    assert (made.name, made.layers[0].name) == ("whole", "frozen")
    assert not made.layers[0].trainable
    assert not made.layers[0].layers[0].trainable
    assert made.layers[1].trainable


def test_new_layers_have_other_names_than_those_of_a_file():
    model = Sequential([Dense(3, input_dim=4)])
    (number,) = [int(one.name.rpartition("_")[2]) for one in model.layers]
    text = model.to_json().replace(f"dense_{number}", f"dense_{number + 1}")
    made = model_from_json(text)
    made.add(Dense(2))
    assert [one.name for one in made.layers] == [f"dense_{number + 1}", f"dense_{number + 2}"]


@pytest.mark.flags(keras="1.0")
def test_the_json_of_keras():
    # keras1_facts.md, section 10.
    x = Input((4,), name="input_1")
    model = Model(x, Dense(2, name="dense_1")(x), name="model_1")
    config = json.loads(model.to_json())["config"]
    dense = config["layers"][1].pop("config")
    assert dense["output_dim"] == 2
    assert config == {
        "name": "model_1",
        "layers": [
            {
                "name": "input_1",
                "class_name": "InputLayer",
                "config": {
                    "name": "input_1",
                    "batch_input_shape": [None, 4],
                    "input_dtype": "float32",
                },
                "inbound_nodes": [],
            },
            {
                "name": "dense_1",
                "class_name": "Dense",
                "inbound_nodes": [[["input_1", 0, 0]]],
            },
        ],
        "input_layers": [["input_1", 0, 0]],
        "output_layers": [["dense_1", 0, 0]],
    }
    chain = json.loads(Sequential([Dense(2, input_dim=4)]).to_json())
    assert list(chain) == ["class_name", "config"]
    assert [list(entry) for entry in chain["config"]] == [["class_name", "config"]]


def test_keywords_go_to_the_writers():
    model = Sequential([Dense(2, input_dim=4)])
    assert model.to_json(indent=2, sort_keys=True).startswith('{\n  "class_name"')
    assert model.to_yaml(default_flow_style=True).startswith("{class_name: Sequential,")


def test_a_first_layer_that_is_in_use_elsewhere_says_what_comes_in():
    shared = Flatten()
    shared(Input((2, 3)))
    model = Sequential([shared, Dense(2)])
    assert model.get_config()[0]["config"]["batch_input_shape"] == [None, 2, 3]
    behind = Sequential([InputLayer(input_shape=(4,)), Dense(2)])
    assert model_from_json(behind.to_json()).input_shape == (None, 4)


@pytest.mark.parametrize("merged", [False, True])
def test_the_shape_of_an_input_layer_counts_before_that_of_the_layer_behind_it(merged):
    """An Embedding says by itself that its input has any number of steps."""
    words = InputLayer(batch_input_shape=(4, 3), input_dtype="int32")
    model = Sequential([words, Embedding(7, 2), Flatten(), Dense(2)])
    if merged:
        other = Sequential([Dense(2, batch_input_shape=(4, 5))])
        model = Sequential([Merge([model, other], mode="sum"), Dense(1)])
    again = model_from_json(model.to_json())
    assert again.input_shape == model.input_shape
    assert [layer.output_shape for layer in again.layers] == [
        layer.output_shape for layer in model.layers
    ]


class TestAmbiguousConfigs:
    def test_a_mask_given_by_hand(self):
        x = Input((5, 3))
        mask = Masking()(x).history.node.output_masks[0]
        model = Model(x, GRU(2, name="cell")(x, mask=mask))
        with pytest.raises(ArgumentError, match=r"cell \(GRU\): .*mask given by hand"):
            model.get_config()

    def test_a_list_of_one_tensor(self):
        x = Input((3,))
        model = Model(x, Lambda(lambda xs: 2 * xs[0], name="first")([x]))
        with pytest.raises(ArgumentError, match=r"first \(Lambda\): .*list of one tensor"):
            model.to_json()

    def test_branches_behind_other_layers(self):
        x = Input((3,), name="x")
        a, b = Dense(2, name="a"), Dense(2, name="b")
        b(a(x))
        model = Sequential([Merge([b, Dense(2, input_dim=3)], mode="sum", name="both")])
        with pytest.raises(ArgumentError, match=r"both \(Merge\): b reads a, .*Model\(input, out"):
            model.to_json()

    def test_branches_of_one_input(self):
        x = Input((3,), name="x")
        a, b = Dense(2), Dense(2)
        a(x), b(x)
        model = Sequential([Merge([a, b], mode="sum", name="both")])
        with pytest.raises(ArgumentError, match=r"both \(Merge\): two of its layers read the same"):
            model.to_json()

    def test_a_model_without_layers(self):
        with pytest.raises(ArgumentError, match="has no layers"):
            Sequential().to_json()


def wiring(**changes):
    config = siamese().get_config() | changes
    return {"class_name": "Model", "config": config}


def layers_with(which, **changes):
    config = siamese().get_config()
    for entry in config["layers"]:
        if entry["name"] == which:
            entry.update(changes)
    return {"class_name": "Model", "config": config}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (wiring(layers=siamese().get_config()["layers"][:1] * 2), "2 .*: two layers have this"),
        (wiring(layers=3), "layers: expected a list, received 3"),
        (wiring(input_layers=[["left", 0, 0], ["centre", 0, 0]]), "no layer is named 'centre'"),
        (wiring(output_layers=[["out", 1, 0]]), "call 1 .* of out .* which have 1"),
        (wiring(output_layers=[["out", 0, 2]]), "out has 1 outputs, received the number 2"),
        (wiring(output_layers=[["out", 0]]), r"number of its call, .*received \['out', 0\]"),
        (wiring(output_layers=[["out", 0, -1]]), "number of the output"),
        (
            layers_with("shared", inbound_nodes=[[["lefft", 0, 0]]]),
            "shared: .*'lefft'. Did you mean",
        ),
        (layers_with("shared", inbound_nodes=[[["out", 0, 0]]] * 2), "wait for each other's"),
        (layers_with("shared", inbound_nodes=[[]]), "shared.*: a call that reads nothing"),
        (layers_with("shared", inbound_nodes=7), "shared.*inbound_nodes: expected a list"),
        (layers_with("shared", name="out"), "name is 'out', its config's 'shared'"),
        (layers_with("shared", reused=True), "expected a Dense named 'shared' before"),
        (layers_with("shared", extra=1), "received the key 'extra'"),
        (layers_with("shared", trainable=1), "trainable: expected true or false"),
        (layers_with("shared", name=3), "name: expected a text, received 3"),
    ],
)
def test_wiring_that_is_none(entry, words):
    with pytest.raises(ArgumentError, match=words) as raised:
        model_from_config(entry)
    assert str(raised.value).startswith("model: ")


def test_layers_inside_of_layers_have_an_end():
    entry = {"class_name": "Dense", "config": {"output_dim": 3, "input_dim": 3}}
    for _ in range(60):
        entry = {"class_name": "Sequential", "config": [entry]}
    with pytest.raises(ArgumentError, match="expected at most 40 layers inside of each other"):
        model_from_config(entry)


def test_no_model():
    with pytest.raises(ArgumentError, match="model_from_json: not JSON"):
        model_from_json("{")
    with pytest.raises(ArgumentError, match="model_from_json: expected JSON as a text"):
        model_from_json({"class_name": "Sequential"})
    for path in ("model.json", "models/Model.YML", Path("model.json")):
        for read in (model_from_json, model_from_yaml):
            with pytest.raises(ArgumentError, match=r"received the path .*odel.*open\(path\)"):
                read(path)
    with pytest.raises(ArgumentError, match="model_from_yaml: line 1: asks for code"):
        model_from_yaml("!!python/object/apply:os.getcwd []")


def test_custom_objects_reach_every_level():
    class Twice(Dense):
        pass

    inner = Sequential([Twice(3, input_dim=4)])
    text = Sequential([inner, Twice(2)]).to_json()
    with pytest.raises(UnknownNameError, match="Twice"):
        model_from_json(text)
    made = model_from_json(text, custom_objects={"Twice": Twice})
    assert type(made.layers[0].layers[0]) is Twice
    made = Sequential.from_config(json.loads(text)["config"], {"Twice": Twice})
    assert type(made.layers[1]) is Twice
    assert type(layer_from_config(json.loads(text), {"Twice": Twice}).layers[1]) is Twice


def test_layers_of_a_cache_are_shared():
    config = Sequential([Dense(3, input_dim=4, name="a"), Dense(3, name="b")]).get_config()
    cache = {}
    first = Sequential.from_config(config, layer_cache=cache)
    second = Sequential.from_config(config, layer_cache=cache)
    assert cache == {"a": first.layers[0], "b": first.layers[1]}
    assert second.layers == first.layers
    assert Sequential.from_config(config).layers[0] is not first.layers[0]
