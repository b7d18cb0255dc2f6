"""Rows of a table are gathered in the order in which they are read."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.interpret import evaluate
from graphc.compiler.schedule.layout import sink_transposes

words = g.input((BATCH, 7), "int32")
table = g.shared(np.arange(60, dtype="float32").reshape(20, 3))
rows = g.make("gather", table, words, axis=0)
FED = {words: np.random.default_rng(0).integers(0, 20, (4, 7)).astype("int32")}


def gathers(outputs: list[Node]) -> list[Node]:
    return [node for node in g.every_node(outputs) if node.op == "gather"]


def test_what_is_read_time_first_is_gathered_time_first() -> None:
    transposed = g.transpose(rows, (1, 0, 2))
    outputs = [g.sum(transposed, 0), transposed * 2.0]
    after = sink_transposes(outputs)
    (found,) = gathers(after)
    assert found.shape == (7, BATCH, 3)
    assert found.inputs[1].op == "transpose"
    for ours, theirs in zip(evaluate(after, FED), evaluate(outputs, FED), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_value_that_others_read_and_a_transpose_within_rows_stay() -> None:
    transposed = g.transpose(rows, (1, 0, 2))
    for outputs in ([transposed, rows], [transposed, rows + 1.0], [g.transpose(rows, (0, 2, 1))]):
        assert gathers(sink_transposes(outputs)) == [rows]
