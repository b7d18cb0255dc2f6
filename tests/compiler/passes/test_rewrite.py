"""The sweep: one is enough, its time is linear, and results keep type and shape."""

from __future__ import annotations

import sys

import pytest

from graphc.compiler import graph as g
from graphc.compiler.passes import optimize, recorded_passes, simplify, stabilize
from graphc.compiler.passes.rewrite import (
    conform,
    index_rules,
    recorded_firings,
    rewrite,
    rule_name,
)
from graphc.errors import PassError

X = g.input((None, 3), "float64")


def test_rules_are_tried_in_order_until_none_fires():
    rules = index_rules(
        [("neg", lambda node: g.exp(node.inputs[0]))],
        [("neg", lambda node: g.log(node.inputs[0])), ("exp", lambda node: g.sin(node.inputs[0]))],
    )
    assert rewrite([-X], rules) == [g.sin(X)]


def test_what_a_rule_makes_below_its_result_is_rewritten_too():
    rules = index_rules(
        [
            ("neg", lambda node: g.sin(g.exp(node.inputs[0]))),
            ("exp", lambda node: g.cos(node.inputs[0])),
        ]
    )
    assert rewrite([-X], rules) == [g.sin(g.cos(X))]


def test_rules_that_undo_each_other_end():
    rules = index_rules(
        [
            ("sin", lambda node: g.cos(node.inputs[0])),
            ("cos", lambda node: g.sin(node.inputs[0])),
        ]
    )
    (after,) = rewrite([g.sin(X)], rules)
    assert after.op in ("sin", "cos")


def test_a_number_or_a_smaller_result_is_stretched_to_the_node():
    assert conform(1, X * X) is g.full(X.shape, 1.0, "float64")
    row = g.input((3,), "float64")
    assert conform(row, X + row) is g.broadcast_to(row, X.shape)
    assert conform(None, X) is None


def test_a_result_of_another_type_is_an_error_of_the_rule():
    with pytest.raises(PassError, match="float64"):
        conform(g.cast(X, "float32"), X * X)
    with pytest.raises(PassError, match="replaced"):
        conform(g.reshape(X, (*X.shape, 1)), X * X)


def test_a_result_whose_shape_only_the_call_can_compare_does_not_replace():
    assert conform(g.input((2, 3), "float64"), X * X) is None


def chain(length):
    x = X
    for k in range(length // 5):
        x = g.tanh(g.maximum(x * 1.0 + 0.5 * k, -x)) + g.sum(x, 1, keepdims=True)
    return x


@pytest.mark.parametrize("run", [simplify, stabilize])
def test_the_number_of_rules_tried_grows_with_the_graph_alone(run, monkeypatch):
    calls = []
    original = rewrite.__globals__["conform"]
    monkeypatch.setitem(
        rewrite.__globals__, "conform", lambda *args: calls.append(1) or original(*args)
    )

    def tried(length):
        calls.clear()
        run([chain(length)])
        return len(calls)

    assert tried(5000) <= 5.1 * tried(1000)


@pytest.mark.parametrize(
    "step",
    [
        lambda x: -x,
        lambda x: g.transpose(x, (1, 0)),
        lambda x: g.reshape(g.reshape(x, (9,)), (3, 3)),
        lambda x: x * 1.0 + 0.0,
        lambda x: x * 1.01,
        lambda x: g.tanh(x),
        lambda x: g.flip(x, 0),
        lambda x: g.log(1 + g.exp(x)),
        lambda x: x + g.constant(1.0, "float64"),
        lambda x: g.cast(g.cast(x, "float32"), "float64"),
        lambda x: g.sum(g.broadcast_to(x, (2, *x.shape)), 0),
    ],
)
def test_chains_far_longer_than_pythons_stack(step):
    x = g.input((3, 3), "float64")
    nodes = g.count_nodes([step(x)]) - 1
    for _ in range(4 * sys.getrecursionlimit() // nodes):
        x = step(x)
    (after,), _ = optimize([x])
    assert after.shape == (3, 3)


def test_rules_that_fire_are_recorded_within_the_block():
    def undo(node):
        """neg(neg(x)) = x, and
        more of it.

        Not this.
        """
        return node.inputs[0].inputs[0] if node.inputs[0].op == "neg" else None

    rules = index_rules([("neg", undo)])
    with recorded_firings() as firings:
        rewrite([g.exp(g.neg(g.neg(X)))], rules)
    rewrite([g.exp(g.neg(g.neg(X)))], rules)
    assert [(one.rule, one.old, one.new) for one in firings] == [
        ("neg(neg(x)) = x, and more of it", g.neg(g.neg(X)), X)
    ]
    assert rule_name(lambda node: None) == "<lambda>"


def test_records_of_passes_end_with_what_optimize_gives():
    outputs = [g.log(g.exp(g.neg(g.neg(X)))) + 0.0]
    records = recorded_passes(outputs)
    after, reports = optimize(outputs)
    assert list(records[-1].outputs) == after == [X]
    assert [one.report.name for one in records] == [report.name for report in reports]
    (first, *_) = [one for one in records if one.report.name == "simplify"]
    rules = {firing.rule for firing in first.firings}
    assert rules == {"x + 0 = x", "log(exp(x)) = x", "-(-x) = x"}
