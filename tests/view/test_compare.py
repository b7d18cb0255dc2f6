"""Two builds side by side: what belongs together, and what differs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import graphc
from graphc.compiler import graph as g
from graphc.config import config
from graphc.view import ComparedBuilds, Subject, compare, compiled_view
from graphc.view.compare import is_close
from graphc.view.document import BuildFact, KernelPair, LayerPair
from tests.view.steps import document, small_subject


def built(*layers: str, batch: int = 4, width: int = 3, ends_first: bool = False) -> dict[str, Any]:
    """The document of a chain of pointwise layers, named ``NAME:OP``; the second kernel begins
    behind the first layer if `ends_first`, since that one's result is fetched too."""
    x = g.input((g.BATCH, width), "float32", name="x")
    value, values = x, []
    for layer in layers:
        name, op = layer.split(":")
        with g.origin(name):
            value = getattr(g, op)(value)
        values.append(value)
    total = g.sum(value, axis=1)
    step = graphc.function(
        [x], [total, g.sum(values[0], axis=0)] if ends_first else [total], name="f"
    )
    return compiled_view(Subject("f", "chain", step, batch), batch, target="cuda").as_dict()


def compared(before: dict[str, Any], after: dict[str, Any]) -> ComparedBuilds:
    return compare(before, after, ("one", "other"))


def names(found: ComparedBuilds) -> list[tuple[str | None, str | None]]:
    """The kernels of each pair by name."""
    first, second = (build["kernels"]["kernels"] for build in found.builds)
    return [
        (
            None if pair.before is None else first[pair.before]["name"],
            None if pair.after is None else second[pair.after]["name"],
        )
        for pair in found.kernels
    ]


def ops(found: ComparedBuilds, side: int, nodes: tuple[int, ...]) -> list[str]:
    return [found.builds[side]["nodes"][k]["op"] for k in nodes]


@pytest.mark.parametrize("target", ["cuda", "cpu"])
@pytest.mark.parametrize("name", ["small", "loop"])
def test_a_build_does_not_differ_from_itself(name: str, target: str) -> None:
    one = document(name, target)
    found = compared(one, one)
    assert found.facts == ()
    assert found.layers == tuple(
        LayerPair(layer["name"], layer["name"], ()) for layer in one["layers"]
    )
    count = len(one["kernels"]["kernels"])
    assert found.kernels == tuple(KernelPair(k, k, (), None, (), (), ()) for k in range(count))


def test_another_batch_changes_numbers_and_no_source() -> None:
    subject = small_subject("small")
    before, after = (compiled_view(subject, batch, target="cpu").as_dict() for batch in (6, 12))
    found = compared(before, after)
    assert found.facts == (BuildFact("batch", "6", "12"),)
    assert all(pair.before == pair.after for pair in found.kernels)
    changed = {change for pair in found.kernels for change in pair.changes}
    assert changed == {"flops", "fewest"}
    kernels = before["kernels"]["kernels"], after["kernels"]["kernels"]
    for one, other, pair in zip(*kernels, found.kernels, strict=True):
        assert ("flops" in pair.changes) == (one["flops"] != other["flops"])


def test_a_flag_is_a_fact() -> None:
    before = built("a:exp")
    with config.changed(mode="FAST_COMPILE"):
        after = built("a:exp")
    assert compared(before, after).facts == (BuildFact("mode", "FAST_RUN", "FAST_COMPILE"),)


def test_an_operation_more_is_gained_where_it_is_computed() -> None:
    found = compared(built("a:exp", "b:tanh"), built("a:exp", "new:sqrt", "b:tanh"))
    (pair,) = found.kernels
    assert "nodes" in pair.changes
    assert "source" in pair.changes
    assert (ops(found, 0, pair.lost), ops(found, 1, pair.gained)) == ([], ["sqrt"])
    assert LayerPair(None, "new", ()) in found.layers
    assert LayerPair("b", "b", ("reads",)) in found.layers
    back = compared(found.builds[1], found.builds[0])
    assert ops(back, 0, back.kernels[0].lost) == ["sqrt"]


def test_kernels_are_found_whatever_their_position() -> None:
    before, after = document("small"), json.loads(json.dumps(document("small")))
    for name in ("kernel_links",):
        after[name].reverse()
    kernels = after["kernels"]["kernels"]
    kernels.reverse()
    new = {kernel["name"]: f"k{k}_{kernel['kind']}" for k, kernel in enumerate(kernels)}
    for kernel in kernels:
        kernel["source"] = kernel["source"].replace(kernel["name"], new[kernel["name"]])
        kernel["name"] = new[kernel["name"]]
    found = compared(before, after)
    last = len(kernels) - 1
    assert {(pair.before, pair.after) for pair in found.kernels} == {
        (k, last - k) for k in range(last + 1)
    }
    assert {pair.changes for pair in found.kernels} == {()}


def test_a_kernel_more_leads_to_where_its_nodes_were() -> None:
    found = compared(built("a:exp", "b:tanh"), built("a:exp", "b:tanh", ends_first=True))
    added = [pair for pair in found.kernels if pair.before is None]
    assert added
    assert all(pair.elsewhere == () or pair.elsewhere == (0,) for pair in added)
    assert any(pair.elsewhere == (0,) for pair in added)
    assert tuple(pair.before for pair in found.kernels if pair.before is not None) == (0,)


def test_other_sizes_are_the_same_kernel_of_other_types() -> None:
    found = compared(built("a:exp"), built("a:exp", width=5))
    (pair,) = found.kernels
    assert {"types", "flops", "source"} <= set(pair.changes)
    assert (pair.lost, pair.gained) == ((), ())
    assert LayerPair("a", "a", ("type",)) in found.layers


def test_layers_whose_names_count_on_are_the_same_ones() -> None:
    found = compared(built("a_1:exp", "a_2:exp"), built("a_2:exp", "a_3:exp"))
    assert [(pair.before, pair.after) for pair in found.layers] == [
        ("x", "x"),
        ("a_1", "a_2"),
        ("a_2", "a_3"),
    ]
    assert {pair.changes for pair in (*found.layers, *found.kernels)} == {()}


def test_other_models_are_compared_by_what_both_have() -> None:
    found = compared(document("small"), document("loop"))
    assert {fact.name for fact in found.facts} == {"model", "summary", "batch"}
    unpaired = [pair for pair in found.layers if None in (pair.before, pair.after)]
    assert unpaired
    seconds = [pair.after for pair in found.kernels if pair.after is not None]
    firsts = [pair.before for pair in found.kernels if pair.before is not None]
    assert seconds == list(range(len(found.builds[1]["kernels"]["kernels"])))
    assert sorted(firsts) == list(range(len(found.builds[0]["kernels"]["kernels"])))


def test_times_are_close_where_their_quartiles_overlap() -> None:
    assert is_close({"median": 1.0, "spread": 0.2}, {"median": 1.2, "spread": 0.2})
    assert not is_close({"median": 1.0, "spread": 0.2}, {"median": 1.21, "spread": 0.2})
    view = compiled_view(small_subject("small"), 6)
    rows = [
        {"name": kernel["name"], "times": 1, "ms": {"median": 1.0, "spread": 0.0}}
        for kernel in view.kernels["kernels"]
    ]
    slower = [{**row, "ms": {"median": 2.0, "spread": 0.0}} for row in rows[:1]]

    def measured(rows: list[dict[str, Any]], step: float) -> dict[str, Any]:
        span = {"median": step, "spread": 0.5}
        facts = {"threads": 2, "date": str(step), "flags": {"cpu": "auto"}}
        return replace(
            view, measured={"executor": "e", "step": span, "rows": rows, "facts": facts}
        ).as_dict()

    found = compared(measured(rows, 9.0), measured([*slower, *rows[2:]], 9.4))
    assert [pair.is_close for pair in found.kernels[:3]] == [False, None, True]
    assert found.step_is_close
    assert found.facts == ()
    assert compared(measured(rows, 9.0), view.as_dict()).step_is_close is None
