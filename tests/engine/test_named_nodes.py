"""Graph: nodes that are wired by names, outputs, merges, shared nodes; a Graph as a layer."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.engine import Input, InputLayer
from graphc.engine.models.graph_model import Graph
from graphc.errors import ArgumentError, DataError, DTypeError, ShapeError, UnknownNameError
from graphc.layers import Activation, AutoEncoder, Dense, Lambda
from graphc.models import Model, Sequential
from tests.engine.graphs import DATA, INPUTS, expected, two_by_two, with_inputs


class TestBuilding:
    """Nodes are connected by the names of those that they read."""

    def test_outputs_by_name_of_inputs_by_name(self):
        graph = two_by_two()
        found = graph.predict(INPUTS)
        assert list(found) == graph.output_order == graph.output_names == ["left", "right"]
        assert graph.input_order == graph.input_names == ["a", "b"]
        for name, value in expected(graph).items():
            np.testing.assert_allclose(found[name], value, atol=1e-6)
            assert found[name].dtype == "float64"

    def test_layers_are_named_as_their_nodes_and_not_as_outputs(self):
        graph = two_by_two()
        assert [graph.nodes[name].name for name in "hlr"] == ["h", "l", "r"]
        assert graph.get_layer("h") is graph.nodes["h"]
        names = [layer.name for layer in graph.layers]
        assert names == ["a", "b", "merge_inputs_for_h", "h", "l", "r"]
        assert graph.nodes["h"].weights[0] in graph.trainable_weights

    @pytest.mark.parametrize(
        ("mode", "options", "merged"),
        [
            ("sum", {}, lambda a, b: a + b),
            ("mul", {}, lambda a, b: a * b),
            ("ave", {}, lambda a, b: (a + b) / 2),
            ("max", {}, np.maximum),
            ("concat", {}, lambda a, b: np.concatenate([a, b], axis=1)),
            ("dot", {"dot_axes": 1}, lambda a, b: np.sum(a * b, axis=1, keepdims=True)),
            (
                "cos",
                {},
                lambda a, b: (
                    np.sum(a * b, axis=1, keepdims=True)
                    / np.sqrt(np.sum(a * a, 1, keepdims=True) * np.sum(b * b, 1, keepdims=True))
                ),
            ),
        ],
    )
    def test_merge_modes(self, mode, options, merged):
        a, b = DATA["a"], DATA["a"][::-1].copy()
        graph = with_inputs(a=4, b=4)
        graph.add_node(
            Activation("linear"),
            "n",
            inputs=["a", "b"],
            merge_mode=mode,
            create_output=True,
            **options,
        )
        graph.add_output("o", inputs=["a", "b"], merge_mode=mode, **options)
        graph.add_shared_node(
            Activation("relu"), "s", ["a", "b"], merge_mode=mode, create_output=True, **options
        )
        found = graph.predict({"a": a, "b": b})
        assert list(found) == ["n", "o", "s"]
        for value in found.values():
            np.testing.assert_allclose(value, merged(a, b), atol=1e-6)

    def test_concat_along_another_axis(self):
        graph = Graph()
        for name in "ab":
            graph.add_input(name, (2, 3))
        graph.add_output("o", inputs=["a", "b"], merge_mode="concat", concat_axis=1)
        assert graph.output_shape == (None, 4, 3)

    def test_join_gives_a_layer_the_list(self):
        graph = with_inputs(a=4, b=4)
        weighted = Lambda(lambda x: x[0] - 2.0 * x[1])
        graph.add_node(weighted, "n", inputs=["a", "b"], merge_mode="join", create_output=True)
        found = graph.predict({"a": DATA["a"], "b": DATA["a"]})["n"]
        np.testing.assert_allclose(found, -DATA["a"], atol=1e-6)

    def test_join_of_a_shared_node(self):
        """Keras 0.3 gave a dict by the inputs' names, later releases a list."""
        graph = with_inputs(a=4, b=4)
        graph.add_shared_node(Dense(3), "s", inputs=["a", "b"], merge_mode="join")

        def ratio(x):
            u, v = x.values()
            assert (list(x.keys()), x["a"], x[1]) == (["a", "b"], u, v)
            assert x.items() == [("a", u), ("b", v)]
            return u / (1.0 + K.square(v))

        graph.add_node(Lambda(ratio), "n", input="s", create_output=True)
        w, b = graph.get_weights()
        x = {"a": DATA["a"], "b": DATA["a"] * 2}
        value = (x["a"] @ w + b) / (1 + (x["b"] @ w + b) ** 2)
        np.testing.assert_allclose(graph.predict(x)["n"], value, rtol=1e-5)
        again = Graph.from_config(graph.get_config(), custom_objects={"ratio": ratio})
        again.set_weights([w, b])
        np.testing.assert_array_equal(again.predict(x)["n"], graph.predict(x)["n"])
        with pytest.raises(ArgumentError, match="left apart; name one of them: 's_0', 's_1'"):
            graph.add_output("o", inputs=["s", "a"], merge_mode="concat")

    def test_a_shared_node_has_one_set_of_weights(self):
        graph = with_inputs(a=4, b=4)
        graph.add_shared_node(Dense(3), "s", inputs=["a", "b"], outputs=["sa", "sb"])
        graph.add_node(Activation("linear"), "n", input="sb")
        graph.add_output("o", inputs=["sa", "n"], merge_mode="mul")
        w, b = graph.get_weights()
        assert [w.shape, b.shape] == [(4, 3), (3,)]
        x = {"a": DATA["a"], "b": DATA["a"] * 2}
        value = (x["a"] @ w + b) * (x["b"] @ w + b)
        np.testing.assert_allclose(graph.predict(x)["o"], value, atol=1e-5)

    def test_results_of_a_shared_node_as_outputs(self):
        graph = with_inputs(a=4, b=4)
        graph.add_shared_node(Dense(3), "s", ["a", "b"], outputs=["sa", "sb"], create_output=True)
        found = graph.predict({"a": DATA["a"], "b": DATA["a"]})
        assert list(found) == ["sa", "sb"]
        np.testing.assert_array_equal(found["sa"], found["sb"])

    def test_one_layer_as_two_nodes_shares_its_weights(self):
        graph = with_inputs(a=4, b=4)
        layer = Dense(2)
        graph.add_node(layer, "first", "a", create_output=True)
        graph.add_node(layer, "second", "b", create_output=True)
        assert len(graph.get_weights()) == 2
        assert graph.nodes["second"] is graph.nodes["first"] is layer

    def test_a_layer_in_use_keeps_its_name_and_is_found_by_the_nodes(self):
        layer = Dense(2, input_dim=4, name="mine")
        model = Sequential([layer])
        graph = Graph()
        graph.add_input("x", (4,))
        graph.add_node(layer, "n", "x", create_output=True)
        assert graph.get_layer("n") is layer is graph.get_layer("mine") is model.get_layer("mine")
        found = graph.predict({"x": DATA["a"]})["n"]
        np.testing.assert_allclose(found, model.predict(DATA["a"]), atol=1e-6)

    def test_dtypes_of_inputs(self):
        graph = Graph()
        for name, dtype in [("i", "int"), ("j", int), ("f", "float"), ("d", "float64")]:
            graph.add_input(name, (2,), dtype=dtype)
        assert [one.dtype for one in graph.inputs] == ["int32", "int32", "float32", "float64"]

    def test_an_input_with_a_batch_size(self):
        graph = Graph()
        graph.add_input("a", batch_input_shape=(6, 4))
        graph.add_output("o", input="a")
        assert graph.predict({"a": DATA["a"]}, batch_size=6)["o"].shape == (12, 4)
        with pytest.raises(DataError, match="fixes the batch to 6"):
            graph.predict({"a": DATA["a"]}, batch_size=5)

    def test_what_was_added_is_kept_as_the_arguments(self):
        graph = two_by_two()
        assert graph.input_config[0] == {"name": "a", "input_shape": (4,), "dtype": "float32"}
        assert graph.node_config[0] == {
            "name": "h",
            "input": None,
            "inputs": ["a", "b"],
            "merge_mode": "concat",
            "concat_axis": -1,
            "dot_axes": -1,
            "create_output": False,
        }
        assert [one["name"] for one in graph.output_config] == ["left", "right"]


class TestAsALayer:
    @staticmethod
    def inner():
        graph = Graph()
        graph.add_input("x", (4,))
        graph.add_node(Dense(3, activation="tanh"), "d", "x")
        graph.add_output("y", "d")
        return graph

    def test_in_first_position_and_behind_others(self):
        graph = self.inner()
        w, b = graph.get_weights()
        first = Sequential([graph, Dense(2)])
        value = np.tanh(DATA["a"] @ w + b)
        v, c = first.layers[1].get_weights()
        np.testing.assert_allclose(first.predict(DATA["a"]), value @ v + c, atol=1e-6)
        before = Dense(4, input_dim=3)
        behind = Sequential([before, graph])
        u, a = before.get_weights()
        value = np.tanh((DATA["b"] @ u + a) @ w + b)
        np.testing.assert_allclose(behind.predict(DATA["b"]), value, atol=1e-6)

    def test_in_a_functional_model_and_in_another_graph(self):
        graph = self.inner()
        value = graph.predict({"x": DATA["a"]})["y"]
        x = Input((4,))
        np.testing.assert_allclose(Model(x, graph(x)).predict(DATA["a"]), value, atol=1e-6)
        outer = Graph()
        outer.add_input("in", (4,))
        outer.add_node(graph, "sub", "in")
        outer.add_output("out", "sub")
        np.testing.assert_allclose(outer.predict({"in": DATA["a"]})["out"], value, atol=1e-6)

    def test_with_two_inputs_it_takes_a_list(self):
        graph = with_inputs(a=4, b=3)
        graph.add_node(Dense(2), "d", inputs=["a", "b"], create_output=True)
        a, b = Input((4,)), Input((3,))
        model = Model([a, b], graph([a, b]))
        value = graph.predict(INPUTS)["d"]
        np.testing.assert_allclose(model.predict([INPUTS["a"], INPUTS["b"]]), value, atol=1e-6)
        merged = Graph()
        merged.add_input("p", (4,))
        merged.add_input("q", (3,))
        merged.add_node(graph, "sub", inputs=["p", "q"], merge_mode="join", create_output=True)
        found = merged.predict({"p": INPUTS["a"], "q": INPUTS["b"]})["sub"]
        np.testing.assert_allclose(found, value, atol=1e-6)

    def test_training_the_outer_model_trains_it(self):
        graph = self.inner()
        before = graph.get_weights()
        model = Sequential([graph, Dense(2)])
        model.compile("sgd", "mse")
        model.train_on_batch(DATA["a"], DATA["left"])
        assert not np.array_equal(before[0], graph.get_weights()[0])

    def test_an_autoencoder_among_the_nodes_is_connected_anew(self):
        graph = with_inputs(a=4)
        layer = AutoEncoder(Dense(2), Dense(4))
        graph.add_node(layer, "ae", "a", create_output=True)
        data = {"a": DATA["a"]}
        assert graph.predict(data)["ae"].shape == (12, 4)
        layer.output_reconstruction = False
        assert graph.predict(data)["ae"].shape == (12, 2)
        graph.add_node(Dense(1), "n", "ae", create_output=True)
        w, b = graph.nodes["n"].get_weights()
        found = graph.predict(data)
        np.testing.assert_allclose(found["n"], found["ae"] @ w + b, atol=1e-6)


class TestErrors:
    @pytest.mark.parametrize(
        ("add", "message"),
        [
            (lambda g: g.add_input("h", (2,)), "the name 'h' is taken by a node"),
            (lambda g: g.add_node(Dense(1), "a", "b"), "the name 'a' is taken by an input"),
            (lambda g: g.add_output("left", "h"), "the name 'left' is taken by an output"),
            (
                lambda g: g.add_node(Dense(1), "left", "h", create_output=True),
                "the name 'left' is taken by an output",
            ),
            (lambda g: g.add_input(3, (2,)), "expected a name, which is a text, received 3"),
            (lambda g: g.add_input("c"), "'c': expected input_shape without the batch axis"),
            (lambda g: g.add_node(Dense(1), "n", "hh"), "'n' on 'hh': no input or node is named"),
            (lambda g: g.add_node(Dense(1), "n", "left"), "no input or node is named 'left'"),
            (lambda g: g.add_node(Dense(1), "n"), "'n': expected input='a name'.*neither"),
            (lambda g: g.add_node(Dense(1), "n", "a", ["a", "b"]), "'n'.*received both, 'a' and"),
            (lambda g: g.add_node(Dense(1), "n", inputs="ab"), "expected a list.*received 'ab'"),
            (lambda g: g.add_node(Dense(1), "n", inputs=["a"]), "at least two names.*input='a'"),
            (lambda g: g.add_node(Dense(1), "n", inputs=["a", 2]), "expected a name.*received 2"),
            (lambda g: g.add_node(Dense, "n", "a"), "'n': expected a layer or a model.*<class"),
            (lambda g: g.add_node(InputLayer((2,)), "n", "a"), "inputs come by add_input"),
            (lambda g: g.add_output("o", None, ["a", "b"], "join"), "'o' on 'a', 'b'.*a list"),
            (lambda g: g.add_shared_node(Dense(1), "n", ["a", "b"]), "for each of.*'a', 'b'"),
            (
                lambda g: g.add_shared_node(Dense(1), "n", ["a", "a"], outputs=["x"]),
                r"for each of the inputs.*received \['x'\]",
            ),
            (
                lambda g: g.add_shared_node(Dense(1), "n", ["a", "a"], outputs=["x", "x"]),
                "the name 'x' is given twice",
            ),
            (
                lambda g: g.add_shared_node(Dense(1), "n", ["a", "a"], outputs=["x", "h"]),
                "the name 'h' is taken by a node",
            ),
            (
                lambda g: g.add_shared_node(Dense(1), "n", ["a", "a"], outputs="xy"),
                "outputs: expected a list of names",
            ),
            (
                lambda g: g.add_shared_node(Dense(1), "n", ["a", "a"], "sum", outputs=["x", "y"]),
                "leave out one of the two",
            ),
            (
                lambda g: g.add_shared_node(Dense(1), "n", ["a", "a"], "join", outputs=["x", "y"]),
                "leave out one of the two",
            ),
        ],
    )
    def test_arguments(self, add, message):
        self.check(add, ArgumentError, rf"^g.add_\w+: .*{message}")

    @pytest.mark.parametrize(
        ("add", "error", "message"),
        [
            (lambda g: g.add_input("c", (2,), dtype="text"), DTypeError, "'c': .*received 'text'"),
            (
                lambda g: g.add_node(Dense(1), "n", inputs=["a", "b"], merge_mode="sum"),
                ShapeError,
                "'n' on 'a', 'b'.*axis 1 differs",
            ),
            (
                lambda g: g.add_node(Dense(1), "n", inputs=["a", "b"], merge_mode="add"),
                UnknownNameError,
                "'n' on 'a', 'b': unknown mode",
            ),
            (
                lambda g: g.add_shared_node(Dense(1), "n", ["a", "b"], "sum"),
                ShapeError,
                "'n' on 'a', 'b'.*expected 4.*received 3",
            ),
        ],
    )
    def test_what_does_not_fit(self, add, error, message):
        self.check(add, error, rf"^g.add_\w+: .*{message}")

    @staticmethod
    def check(add, error, message):
        graph = two_by_two()
        with pytest.raises(error, match=message):
            add(graph)
        # Nothing is left of it.
        assert set(graph.nodes) == {"h", "l", "r"}
        assert graph.output_order == ["left", "right"]
        assert graph.predict(INPUTS)["left"].shape == (12, 2)

    def test_a_layer_that_an_error_kept_out_has_its_own_name_again(self):
        graph, layer = with_inputs(a=4, b=4), Dense(3, name="mine")
        with pytest.raises(ArgumentError):
            graph.add_node(layer, "n", "c")
        assert layer.name == "mine"

    def test_a_shared_nodes_name_is_none_of_its_results(self):
        graph = with_inputs(a=4, b=4)
        graph.add_shared_node(Dense(3), "s", inputs=["a", "b"], outputs=["sa", "sb"])
        with pytest.raises(ArgumentError, match="'s' is a shared node.*'sa', 'sb'"):
            graph.add_node(Dense(1), "n", "s")

    def test_a_layer_of_several_outputs(self):
        graph = with_inputs(a=4, b=4)
        x = Input((4,))
        with pytest.raises(ArgumentError, match="'n' on 'a': n .Model. gives 2 outputs"):
            graph.add_node(Model(x, [Dense(1)(x), Dense(2)(x)]), "n", "a")

    def test_two_layers_of_one_name(self):
        layer = Dense(2, input_dim=4, name="n")
        Sequential([layer])
        graph = with_inputs(a=4, b=4)
        graph.add_node(layer, "first", "a")
        with pytest.raises(
            ArgumentError, match="'n': the layer of the node 'first' is named 'n' too"
        ):
            graph.add_node(Dense(2), "n", "b")
