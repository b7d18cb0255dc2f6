"""The table of a model's layers."""

from __future__ import annotations

import pytest

from graphc.engine import Input
from graphc.errors import ArgumentError
from graphc.layers import Activation, BatchNormalization, Dense, Merge, merge
from graphc.models import Model, Sequential
from graphc.utils.layer_utils import count_total_params, print_summary


def lines_of(capsys) -> list[str]:
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def two_inputs() -> Model:
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = Dense(3, name="shared")
    both = merge([shared(a), shared(b)], mode="concat", name="both")
    return Model([a, b], Dense(2, name="out")(both))


@pytest.mark.flags(keras="1.0")
def test_a_chain_needs_no_connections(capsys):
    x = Input((4,), name="x")
    Model(x, Activation("relu", name="relu")(Dense(3, name="d")(x))).summary()
    assert lines_of(capsys) == [
        "Layer (type)       Output Shape  Param #",
        "________________________________________",
        "x (InputLayer)     (None, 4)     0",
        "d (Dense)          (None, 3)     15",
        "relu (Activation)  (None, 3)     0",
        "________________________________________",
        "Total params: 15",
    ]


@pytest.mark.flags(keras="1.0")
def test_what_each_layer_reads(capsys):
    two_inputs().summary()
    assert lines_of(capsys) == [
        "Layer (type)    Output Shape  Param #  Connected to",
        "___________________________________________________________",
        "a (InputLayer)  (None, 4)     0",
        "b (InputLayer)  (None, 4)     0",
        "shared (Dense)  (None, 3)     15       a, b",
        "both (Merge)    (None, 6)     0        shared, shared[1][0]",
        "out (Dense)     (None, 2)     14       both",
        "___________________________________________________________",
        "Total params: 29",
    ]


def test_uses_in_other_models_do_not_count(capsys):
    shared = Dense(3, name="shared")
    first, second = Input((4,), name="first"), Input((4,), name="second")
    Model(first, shared(first))
    model = Model(second, Activation("relu", name="relu")(shared(second)))
    model.summary()
    lines = lines_of(capsys)
    assert lines[0].split()[-1] == "#"
    print_summary(model.layers)
    row = next(line for line in lines_of(capsys) if line.startswith("shared"))
    assert row.endswith("first, second")
    print_summary(model.layers, relevant_nodes=model.wiring.nodes)
    assert lines_of(capsys) == lines


@pytest.mark.flags(keras="1.0")
def test_merged_models_are_shown(capsys):
    left = Sequential([Dense(3, input_dim=4, name="left")])
    right = Sequential([Dense(3, input_dim=2, name="right")])
    Sequential([Merge([left, right], mode="sum", name="both"), Dense(2, name="out")]).summary()
    shown = lines_of(capsys)
    assert shown[-1] == "Total params: 32"
    assert next(line for line in shown if line.startswith("both")).endswith("left, right")


def test_it_fits_80_columns(capsys):
    a = Input((4,), name="an_input_with_a_long_name_of_its_own")
    layer = Dense(3, name="a_hidden_layer_with_a_long_name_of_its_own_too")
    both = merge([layer(a), layer(a)], mode="concat", name="the_merge_of_the_two_of_them")
    Model(a, both).summary()
    shown = lines_of(capsys)
    assert max(map(len, shown)) <= 80
    assert "".join(line.split()[0] for line in shown[4:7]).startswith("a_hidden_layer_with")


def test_in_notebooks():
    page = two_inputs()._repr_html_()
    assert "<th>Connected to</th>" in page
    assert "<td>shared, shared[1][0]</td>" in page
    assert "Connected to" not in Sequential([Dense(2, input_dim=3)])._repr_html_()
    assert "Total params: 0" in Sequential()._repr_html_()


def test_a_line_of_another_length_and_columns_at_given_positions(capsys):
    model = Sequential([Dense(3, input_dim=4, name="a_rather_long_name_of_a_layer")])
    model.summary(line_length=40)
    assert max(map(len, lines_of(capsys))) <= 40
    model.summary(line_length=60, positions=[0.5, 0.8, 1.0])
    head = lines_of(capsys)[0]
    assert [head.index(word) for word in ("Output", "Param")] == [30, 48]
    print_summary(model.layers, positions=[20, 40, 50])
    assert [lines_of(capsys)[0].index(word) for word in ("Output",)] == [20]
    with pytest.raises(ArgumentError, match="summary: positions: expected 3 rising positions"):
        model.summary(positions=[0.5, 0.4, 1.0])


def test_parameters_are_counted_once():
    norm = BatchNormalization(name="n")
    model = Sequential([Dense(3, input_dim=4), norm])
    assert count_total_params(model.layers) == (4 * 3 + 3 + 2 * 3, 2 * 3)
    seen = {norm}
    assert count_total_params([*model.layers, norm], seen) == (15, 0)
    assert seen == set(model.layers)
