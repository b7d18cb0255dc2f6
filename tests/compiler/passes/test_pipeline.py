"""optimize and its parts: modes, reports, kept nodes, the dump, and what is given to gradients."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import PIPELINE, PassReport, optimize, simplify_for_gradient
from graphc.compiler.passes.dump import Dump
from graphc.config import config
from graphc.errors import ArgumentError

X = g.input((None, 3), "float64", name="x")


def test_the_reports_follow_the_pipeline_and_count_nodes():
    outputs = [g.log(g.softmax(X * 1))]
    after, reports = optimize(outputs)
    assert [report.name for report in reports] == [name for name, _ in PIPELINE]
    assert all(isinstance(report, PassReport) and report.seconds >= 0 for report in reports)
    assert reports[0].nodes_before == g.count_nodes(outputs)
    assert reports[-1].nodes_after == g.count_nodes(after) < g.count_nodes(outputs)
    for earlier, later in pairwise(reports):
        assert earlier.nodes_after == later.nodes_before


def test_fast_compile_runs_few_passes():
    (after,), reports = optimize([g.log(g.sigmoid(X * 1))], "FAST_COMPILE")
    assert {report.name for report in reports} == {"fold", "simplify"}
    assert after is g.log(g.sigmoid(X))


def test_an_unknown_mode_is_an_error_that_lists_the_modes():
    with pytest.raises(ArgumentError, match="FAST_RUN, FAST_COMPILE, DebugMode, NanGuardMode"):
        optimize([X], "FAST")


def test_the_observer_sees_every_pass():
    seen = []
    (after,), _ = optimize([X * 1 + 0], observer=lambda *args: seen.append(args))
    assert [report.name for report, _, _ in seen] == [name for name, _ in PIPELINE]
    assert seen[-1][2] == [after] == [X]
    for earlier, later in pairwise(seen):
        assert earlier[2] is later[1]


@pytest.mark.parametrize("run", [simplify_for_gradient, lambda *args: optimize(*args)[0]])
def test_kept_nodes_stay_and_nothing_looks_through_them(run):
    hidden = g.sigmoid(X * 1)
    loss = g.log(hidden)
    kept = run([loss], *([[hidden]] if run is simplify_for_gradient else ["FAST_RUN", [hidden]]))
    assert kept == [loss]
    free = run([loss], *([[X]] if run is simplify_for_gradient else ["FAST_RUN", [X]]))
    assert free != [loss]


def test_a_kept_output_and_a_kept_constant_stay():
    one = g.constant(1.0, "float64")
    outputs = [X * g.broadcast_to(one, X.shape), X * 1]
    assert simplify_for_gradient(outputs, [one]) == [outputs[0], outputs[0]]
    assert simplify_for_gradient([outputs[1]], [outputs[1]]) == [outputs[1]]


def test_a_dead_branch_goes_with_its_condition():
    training = g.constant(True)
    dropped = g.where(training, X * 2, g.tanh(X))
    assert optimize([dropped])[0] == [X * 2]
    # also where the condition is computed, and inside of a loop
    (final,), _ = g.scan(
        lambda carries, slices: (
            (g.where(g.logical_not(training), g.exp(h := carries[0]), g.tanh(h + slices[0])),),
            (),
        ),
        [g.zeros((3,), "float64")],
        [X],
    )
    (after,), _ = optimize([final])
    (loop,) = [node for node in g.toposort([after]) if node.op == "scan"]
    assert {node.op for node in g.toposort(loop.attrs["body"].outputs)} == {"tanh", "add", "arg"}


def test_the_dump_holds_the_graph_after_each_pass(tmp_path):
    outputs = [g.log(g.softmax(X))]
    with config.changed(dump=str(tmp_path)):
        after, _ = optimize(outputs, dump=Dump("train/step 1"))
        optimize([X * 1], dump=Dump(".."))
    first, second = sorted(tmp_path.iterdir())
    assert first.name.endswith("-train_step_1")
    assert second.name.endswith("-function")
    written = sorted(path.name for path in first.iterdir())
    expected = ["input", *(name for name, _ in PIPELINE)]
    assert written == [f"{k:02d}-{name}.txt" for k, name in enumerate(expected)]
    assert (first / written[0]).read_text() == g.format_graph(outputs) + "\n"
    assert (first / written[-1]).read_text() == g.format_graph(after) + "\n"


def test_nothing_is_written_without_the_flag(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    optimize([X * 1], dump=Dump("f"))
    assert list(tmp_path.iterdir()) == []


def test_cross_entropy_of_a_softmax_normalises_once_and_keeps_its_clip():
    p = g.softmax(X)
    p = p / g.sum(p, -1, keepdims=True)
    loss = -g.sum(g.log(g.clip(p, 1e-7, 1 - 1e-7)), -1)
    (after,), _ = optimize([loss])
    ops = [node.op for node in g.toposort([after])]
    assert ops.count("div") == ops.count("exp") == ops.count("clip") == 1
    x = np.array([[0.0, 1.0, 2.0], [100.0, 0.0, -100.0]])
    e = np.exp(x - x.max(1, keepdims=True))
    expected = -np.log(np.clip(e / e.sum(1, keepdims=True), 1e-7, 1 - 1e-7)).sum(1)
    np.testing.assert_allclose(evaluate([after], {X: x})[0], expected, rtol=1e-12)
