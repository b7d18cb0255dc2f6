"""Drawings of models: the text for Graphviz, and what is missing where it cannot draw."""

from __future__ import annotations

import copy
import importlib
import re
import shutil

import pytest

from graphc.engine import Input
from graphc.errors import ArgumentError, MissingPackageError
from graphc.layers import Dense, merge
from graphc.models import Graph, Model, Sequential
from graphc.utils.visualize_util import (
    ModelToDot,
    get_layer_to_name,
    layer_typename,
    model_to_dot,
    plot,
    to_graph,
)

CHAIN = """\
digraph chain {
	node [shape=record]
	layer_0 [label="x (InputLayer)"]
	layer_1 [label="d (Dense)"]
	layer_2 [label="e\\<1\\> (Dense)"]
	layer_0 -> layer_1
	layer_1 -> layer_2
}
"""


def chain() -> Model:
    x = Input((4,), name="x")
    return Model(x, Dense(2, name="e<1>")(Dense(3, name="d")(x)), name="chain")


def test_the_text():
    assert model_to_dot(chain()).source == CHAIN


def test_classes_without_names():
    source = model_to_dot(chain(), show_layer_names=False).source
    assert "layer_2 [label=Dense]" in source


def test_shapes_and_shared_layers():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = Dense(3, name="shared")
    model = Model([a, b], merge([shared(a), shared(b)], mode="concat", name="both"))
    source = model_to_dot(model, show_shapes=True).source
    assert '"{a (InputLayer)|{input: (None, 4)|output: (None, 4)}}"' in source
    assert '"{both (Merge)|{input: [(None, 3), (None, 3)]|output: (None, 6)}}"' in source
    assert source.count("->") == 3


def test_a_sequential_has_its_input():
    source = model_to_dot(Sequential([Dense(2, input_dim=3, name="only")])).source
    assert "(InputLayer)" in source
    assert source.count("->") == 1


def lines_of(source: str) -> set[str]:
    """The lines between boxes, each box by its label."""
    labels = dict(re.findall(r'(layer_\d+) \[label="(\w+) ', source))
    pairs = re.findall(r"(\w+) -> (\w+)", source)
    return {f"{labels.get(a, a)} -> {labels.get(b, b)}" for a, b in pairs}


class TestModelsInside:
    """Keras 0.3 drew the layers of models inside, `ModelToDot()(model)`; Keras 1 draws a box."""

    @staticmethod
    def nested() -> Model:
        """x and y -> `pair`, a model of two inputs and two outputs, around a chain -> o."""
        a, b = Input((4,), name="a"), Input((4,), name="b")
        chain = Sequential([Dense(4, input_dim=4, name="c1"), Dense(4, name="c2")], name="chain")
        pair = Model([a, b], [chain(a), merge([chain(a), b], mode="sum", name="s")], name="pair")
        x, y = Input((4,), name="x"), Input((4,), name="y")
        outputs = pair([x, Dense(4, name="d")(y)])
        return Model([x, y], merge(outputs, mode="concat", name="o"))

    def test_layers_in_the_place_of_models(self):
        expected = {"x -> c1", "y -> d", "c1 -> c2", "c2 -> s", "d -> s", "c2 -> o", "s -> o"}
        assert lines_of(ModelToDot()(self.nested()).source) == expected
        assert lines_of(to_graph(self.nested(), recursive=True).source) == expected

    def test_boxes_of_models(self):
        expected = {"x -> pair", "y -> d", "d -> pair", "pair -> o"}
        assert lines_of(ModelToDot()(self.nested(), recursive=False).source) == expected
        assert lines_of(to_graph(self.nested()).source) == expected

    def test_shapes_and_a_box_behind_the_outputs(self, tmp_path):
        model = Sequential([Sequential([Dense(2, input_dim=3, name="d")])])
        drawing = ModelToDot()(model, show_shape=True, connect_to="end")
        assert "{d (Dense)|{input: (None, 3)|output: (None, 2)}}" in drawing.source
        assert re.search(r"-> end$", drawing.source, re.MULTILINE)
        plot(model, to_file=tmp_path / "m.dot", recursive=True)
        assert "d (Dense)" in (tmp_path / "m.dot").read_text()


def test_names_of_layers_as_in_0_3():
    graph = Graph()
    graph.add_input("x", (3,))
    layer = Dense(2)
    graph.add_node(layer, "d", input="x")
    graph.add_output("y", input="d")
    assert get_layer_to_name(graph) == {layer: "d", graph.input_layers[0]: "x"}
    assert get_layer_to_name(chain()) == {}
    assert layer_typename(layer) == f"{Dense.__module__}.Dense"


def test_no_model():
    with pytest.raises(ArgumentError, match="expected a model, received Dense"):
        model_to_dot(Dense(3))
    with pytest.raises(ArgumentError, match="has no layers"):
        model_to_dot(Sequential())


def test_text_into_a_file(tmp_path):
    plot(chain(), to_file=tmp_path / "m.dot")
    assert (tmp_path / "m.dot").read_text() == CHAIN


def test_the_methods_of_pydot(tmp_path):
    drawing = model_to_dot(chain())
    assert drawing.create(prog="dot", format="dot") == drawing.create_raw() == CHAIN.encode()
    assert drawing.write(str(tmp_path / "m.gv"))
    assert drawing.write_dot(tmp_path / "m.dot")
    assert (tmp_path / "m.gv").read_text() == (tmp_path / "m.dot").read_text() == CHAIN
    assert copy.copy(drawing).digraph is drawing.digraph
    for call, message in (
        (lambda: drawing.create(prog="dott"), "prog: Graphviz has no 'dott'"),
        (lambda: drawing.create_xyz(), "format: Graphviz has no 'xyz'"),
    ):
        with pytest.raises(ArgumentError, match=message):
            call()


def test_the_names_of_keras_0_3():
    drawing = to_graph(chain(), show_shape=True)
    assert drawing.source == model_to_dot(chain(), show_shapes=True).source


def test_a_format_that_there_is_not(tmp_path):
    with pytest.raises(ArgumentError, match=r"its end says the format, .*has no '.xyz'"):
        plot(chain(), tmp_path / "m.xyz")


def test_the_program_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPackageError, match=r"a png is drawn by the program Graphviz.*\.dot"):
        plot(chain(), tmp_path / "m.png")
    with pytest.raises(MissingPackageError, match="a svg is drawn by the program Graphviz"):
        model_to_dot(chain()).create(prog="dot", format="svg")
    assert list(tmp_path.iterdir()) == []


def test_the_package_is_missing(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    for use in (lambda: model_to_dot(chain()), lambda: plot(chain(), tmp_path / "m.png")):
        with pytest.raises(MissingPackageError, match=r"pip install 'graphc\[plot\]'"):
            use()


@pytest.mark.skipif(shutil.which("dot") is None, reason="the program Graphviz is not installed")
def test_a_picture(tmp_path):
    plot(chain(), tmp_path / "m.png", show_shapes=True)
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
