"""The depth of layers in a model: the longest path from a use of theirs to an output."""

import pytest

from graphc.engine import Input
from graphc.engine.topology import Layer
from graphc.layers import Dense, merge
from graphc.models import Model, Sequential


class _Both(Layer):
    def call(self, x, mask=None):
        return [x, 2 * x]


@pytest.fixture
def model():
    """a -> s -> m -> o, b -> s -> m, a -> m: `s` is used on both inputs, `m` adds three tensors."""
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = Dense(4, name="s")
    shared(Input((4,), name="elsewhere"))  # a use in no model
    added = merge([shared(a), shared(b), a], mode="sum", name="m")
    return Model([a, b], [Dense(2, name="o")(added), added])


def test_uses_and_layers_by_depth(model):
    uses = {
        depth: [node.outbound_layer.name for node in nodes]
        for depth, nodes in model.nodes_by_depth.items()
    }
    assert {depth: sorted(names) for depth, names in uses.items()} == {
        0: ["o"],
        1: ["m"],
        2: ["s", "s"],
        3: ["a", "b"],
    }
    layers = {k: [one.name for one in several] for k, several in model.layers_by_depth.items()}
    assert layers == {0: ["o"], 1: ["m"], 2: ["s"], 3: ["a", "b"]}


def test_a_layer_is_as_deep_as_its_deepest_use():
    x = Input((4,), name="x")
    shared = Dense(4, name="s")
    model = Model(x, shared(Dense(4, name="d")(shared(x))))
    assert {k: len(nodes) for k, nodes in model.nodes_by_depth.items()} == dict.fromkeys(
        range(4), 1
    )
    assert {k: [one.name for one in several] for k, several in model.layers_by_depth.items()} == {
        3: ["x"],
        2: ["s"],
        1: ["d"],
    }


def test_keys_of_the_uses_within_the_model(model):
    assert model.container_nodes == {"a_ib-0", "b_ib-0", "s_ib-1", "s_ib-2", "m_ib-0", "o_ib-0"}
    chain = Sequential([Dense(2, input_dim=3, name="d")])
    assert chain.container_nodes == {"d_ib-0", f"{chain.input_names[0]}_ib-0"}


def test_positions_of_inputs_and_outputs():
    x = Input((4,))
    both = _Both()
    both(x)
    first, second = both(x)
    model = Model(x, [second, first, x])
    assert model.input_layers_node_indices == model.input_layers_tensor_indices == [0]
    assert model.output_layers_node_indices == [1, 1, 0]
    assert model.output_layers_tensor_indices == [1, 0, 0]


def test_an_input_that_no_output_reads_is_among_the_deepest():
    x, idle = Input((4,), name="x"), Input((4,), name="idle")
    model = Model([x, idle], Dense(2, name="d")(x))
    found = {k: {one.name for one in several} for k, several in model.layers_by_depth.items()}
    assert found == {0: {"d"}, 1: {"idle", "x"}}
