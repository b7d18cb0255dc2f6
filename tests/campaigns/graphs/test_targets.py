"""Targets compute what they say, and as they say it.

Each in a process of its own: OpenMP's threads do not come along into one that is forked later.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from tests.campaigns.children import in_child
from tests.campaigns.graphs.builder import Program
from tests.campaigns.graphs.targets import Target
from tests.native.graph_programs import needs_compiler

TARGETS = [Target(kind, passes) for kind in ("numpy", "native") for passes in (False, True)]


def counter(start: int) -> Program:
    """A variable that an input is added to, and what it was."""
    x, v = g.input((2,), "int32"), g.shared(np.array([start, 0], "int32"))
    return Program([v * 1, v + x], [v], {x: np.array([1, 2], "int32")}, {})


@needs_compiler
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_several_programs_with_updates(target):
    programs = [counter(5), counter(7)]
    # The states are set back between calls.
    for results in in_child(lambda: target.run(programs), 60):
        assert [[x.tolist() for x in arrays] for arrays in results] == [
            [[5, 0], [6, 2]],
            [[7, 0], [8, 2]],
        ]


@needs_compiler
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_the_second_call_is_of_other_sizes(target):
    n = g.symbol("n")
    (symbol,) = g.dim.symbols(n)
    x = g.input((n,), "int32")
    outputs = [g.sum(x) + g.cast(g.as_node(n), "int32")]
    grown = Program(outputs, [], {x: np.array([1, 2, 3], "int32")}, {symbol: 3})
    program = Program(outputs, [], {x: np.array([1], "int32")}, {symbol: 1}, grown=grown)
    calls = in_child(lambda: target.run([program]), 60)
    assert [[int(array) for array in arrays] for (arrays,) in calls] == [[2], [9]]


@needs_compiler
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads by /proc")
def test_threads_divide_work_that_is_small():
    x, y = g.input((8, 4), "float32"), g.input((4, 6), "float32")
    feeds = {node: np.ones(node.shape, "float32") for node in (x, y)}
    program = Program([g.dot(x, y), g.tanh(x), g.sum(x, 0)], [], feeds, {})

    def threads() -> int:
        before = len(os.listdir("/proc/self/task"))
        Target("native", True, threads=(3,)).run([program])
        return len(os.listdir("/proc/self/task")) - before

    assert in_child(threads, 60) == 2
