"""The document: its numbers are those of ``graphc dump``, its links name what there is."""

from __future__ import annotations

import json

import numpy as np
import pytest

import graphc
from graphc import cli
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, NotCompiledError
from graphc.layers.core import Dense
from graphc.models import Sequential
from graphc.reference_models import REFERENCE_MODELS
from graphc.view import Subject, compiled_view, subject_of
from tests.view.steps import SMALL, document, nested_model

BOTH = [("small", "cuda"), ("small", "cpu"), ("loop", "cuda"), ("loop", "cpu")]


@pytest.mark.parametrize(("name", "target"), BOTH)
def test_numbers_are_those_of_dump(
    name: str, target: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(REFERENCE_MODELS, name, SMALL[name])
    found = json.loads(json.dumps(document(name, target)))
    for part, options in (("kernels", []), ("memory", ["--memory"])):
        assert cli.main(["dump", name, "--target", target, "--json", *options]) == 0
        assert found[part] == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("name", "target"), BOTH)
def test_layers_have_all_flops_of_each_kernel(name: str, target: str) -> None:
    found = document(name, target)
    for kernel, links in zip(found["kernels"]["kernels"], found["kernel_links"], strict=True):
        assert sum(links["flops"].values()) == kernel["flops"]


@pytest.mark.parametrize(("name", "target"), BOTH)
def test_kernels_compute_nodes_of_the_layers_that_they_name(name: str, target: str) -> None:
    found = document(name, target)
    nodes = found["nodes"]
    for kernel, links in zip(found["kernels"]["kernels"], found["kernel_links"], strict=True):
        layers = {nodes[k]["layer"] for k in links["nodes"]} - {None}
        assert {one.removeprefix("gradient of ") for one in kernel["layers"]} <= layers
        assert set(kernel["ops"]) <= {nodes[k]["op"] for k in links["nodes"]}


@pytest.mark.parametrize(("name", "target"), BOTH)
def test_values_that_live_at_once_are_disjoint(name: str, target: str) -> None:
    memory = document(name, target)["memory"]
    stays = [one for one in memory["buffers"] if one["held"] == "arena"]
    assert stays
    for k, one in enumerate(stays):
        assert 0 <= one["offset"] <= one["offset"] + one["bytes"] <= memory["arena"]
        for other in stays[:k]:
            lives_are_disjoint = (
                one["steps"][1] < other["steps"][0] or other["steps"][1] < one["steps"][0]
            )
            bytes_are_disjoint = (
                one["offset"] + one["bytes"] <= other["offset"]
                or other["offset"] + other["bytes"] <= one["offset"]
            )
            assert lives_are_disjoint or bytes_are_disjoint


@pytest.mark.parametrize(("name", "target"), BOTH)
def test_values_live_from_the_first_to_the_last_kernel_that_touches_them(
    name: str, target: str
) -> None:
    found = document(name, target)
    step_of = {one["name"]: one["step"] for one in found["kernels"]["kernels"]}
    for value in found["memory"]["buffers"]:
        touching = [
            step_of[one] for one in [*value["readers"], *value["writers"]] if one in step_of
        ]
        if value["held"] == "arena" and touching:
            first, last = value["steps"]
            assert first == min(touching)
            assert last >= max(touching)


def test_lines_have_the_nodes_whose_values_they_define() -> None:
    x = g.input((g.BATCH, 3), "float32", name="x")
    with g.origin("layer_1"):
        hidden = g.exp(x)
    with g.origin("layer_2"):
        out = g.tanh(hidden)
    step = graphc.function([x], out, name="f")
    found = compiled_view(Subject("f", "two layers", step, 4), 4, target="cuda")
    lines = found.kernels["kernels"][0]["source"].split("\n")
    linked = {
        found.nodes[node].op: lines[at] for at, (node,) in found.kernel_links[0].lines.items()
    }
    assert linked.keys() == {"exp", "tanh"}
    assert "gc_exp(" in linked["exp"]
    assert linked["exp"].endswith("// layer_1")
    assert "gc_tanh(" in linked["tanh"]


@pytest.mark.parametrize("target", ["cuda", "cpu"])
def test_sums_of_a_product_are_lines_of_its_node(target: str) -> None:
    rng = np.random.default_rng(3)
    x = g.input((g.BATCH, 40), "float32", name="x")
    with g.origin("product"):
        hidden = g.matmul(x, g.constant(rng.random((40, 24)).astype("float32")))
    with g.origin("behind"):
        out = g.exp(hidden)
    step = graphc.function([x], out, name="f")
    found = compiled_view(Subject("f", "", step, 64), 64, target=target)
    (kernel,) = found.kernels["kernels"]
    lines = kernel["source"].split("\n")
    of_op: dict[str, list[str]] = {}
    for at, (node,) in found.kernel_links[0].lines.items():
        of_op.setdefault(found.nodes[node].op, []).append(lines[at])
    assert of_op.keys() == {"matmul", "exp"}
    assert len(of_op["exp"]) == 1
    # The sums begin, and are added to; on a CPU one call does both.
    assert len(of_op["matmul"]) >= (2 if target == "cuda" else 1)
    assert not any("gc_exp" in line for line in of_op["matmul"])


def test_stages_are_those_of_the_passes() -> None:
    found = document("loop")
    names = [stage["name"] for stage in found["stages"]]
    assert (names[0], names[-1]) == ("given", "kernels")
    assert names[1:4] == ["fold", "simplify", "stabilize"]
    rules = {one["rule"] for stage in found["stages"] for one in stage["firings"]}
    assert rules
    assert found["stages"][0]["nodes"] >= found["stages"][-2]["nodes"]


def test_rules_that_fire_name_the_nodes_that_they_replace() -> None:
    x = g.input((g.BATCH, 3), "float32", name="x")
    step = graphc.function([x], g.neg(g.neg(x)) * 1.0)
    found = compiled_view(Subject("f", "", step, 4), 4)
    simplified = next(stage for stage in found.stages if stage.name == "simplify")
    assert {one.rule for one in simplified.firings} == {"-(-x) = x", "x * 1 = x"}
    assert {found.nodes[one.new].op for one in simplified.firings} == {"input"}
    assert {found.nodes[one.old].op for one in simplified.firings if one.old is not None} <= {
        "neg",
        "mul",
    }


def test_phases() -> None:
    w = g.shared(np.ones(3, "float32"), name="w")
    x = g.input((g.BATCH, 3), "float32", name="x")
    with g.origin("layer"):
        loss = g.sum(g.square(x * g.broadcast_to(w, x.shape)))
    (slope,) = graphc.grad(loss, [w])
    step = graphc.function([x], loss, updates=[(w, w - 0.1 * slope)])
    found = compiled_view(Subject("f", "", step, 4), 4)
    phases = {(node.op, node.phase) for node in found.nodes}
    assert ("sub", "update") in phases
    assert ("sum", "forward") in phases
    assert any(phase == "gradient" for _, phase in phases)


def test_layers_of_a_model_know_what_holds_them() -> None:
    model = nested_model()
    found = compiled_view(subject_of(model, "outer", ""), 2)
    layers = {layer.name: layer for layer in found.layers}
    assert (layers["inner"].kind, layers["inner"].parent) == ("Sequential", None)
    assert (layers["each"].kind, layers["each"].parent) == ("TimeDistributed", "inner")
    assert (layers["dense"].kind, layers["dense"].parent) == ("Dense", "each")
    assert layers["dense"].parameters == layers["each"].parameters == 3 * 4 + 4
    assert layers["rnn"].parameters == 4 * 2 + 2 * 2 + 2
    assert layers["rnn"].type == "float32[batch, 2]"
    names = list(layers)
    assert names.index("inner") < names.index("each") < names.index("dense") < names.index("rnn")
    # The model that comes first has a tensor of its own for what its last layer gives.
    for reader, source in (("rnn", "inner"), ("inner", "each")):
        (read,) = layers[reader].reads
        assert (read.source, read.type) == (source, "float32[batch, 5, 4]")


def test_a_model_that_is_not_compiled() -> None:
    with pytest.raises(NotCompiledError, match="compile"):
        subject_of(Sequential([Dense(2, input_dim=3)]), "m", "")


def test_a_step_in_shards_is_refused() -> None:
    rng = np.random.default_rng(1)
    model = Sequential([Dense(2, input_dim=3, name="dense")], name="divided")
    model.compile("sgd", "mse")
    x, y = rng.random((4, 3)), rng.random((4, 2))
    model.fit(x, y, batch_size=4, nb_epoch=1, verbose=0, shards=2)
    with pytest.raises(ArgumentError, match="divided.view.*shards"):
        subject_of(model, "divided", "")
