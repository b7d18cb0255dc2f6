"""Products with long sums and a small result: the gradients of weights over many samples."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.passes import optimize
from graphc.layers import LSTM, Embedding, Input
from tests.native.forms import in_order
from tests.native.graph_programs import check_on_threads, needs_compiler

TIME = g.symbol("time")
draws = np.random.default_rng(0)


@needs_compiler
@pytest.mark.parametrize(
    ("rows", "columns", "dtype"),
    [
        *((2, 1, "float32"), (17, 16, "float32"), (50, 33, "float32"), (31, 100, "float32")),
        (6, 11, "float64"),
    ],
)
def test_two_products_with_one_factor_in_common(
    rows: int, columns: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is computed from them, at sums of any length; one text for all."""
    monkeypatch.setattr("graphc.compiler.targets.cpu.products.strips.LEAST_OF_LONG_SUMS", 1)
    monkeypatch.setattr("graphc.compiler.targets.cpu.printer.LEAST_DIVIDED", 1)
    fed = [g.input((TIME, BATCH, size), dtype) for size in (rows, columns, columns)]
    x, y, z = (g.reshape(node, (TIME * BATCH, node.shape[2])) for node in fed)
    outputs = [g.tanh(g.dot(x.T, y)) * 2.0 + g.dot(x.T, z)]
    program = lower_native(outputs)
    assert not in_order(program)
    for time, batch in ((1, 1), (1, 127), (2, 64), (3, 100)):
        feeds = {
            node: (draws.normal(size=(time, batch, node.shape[2])) / 8).astype(dtype)
            for node in fed
        }
        check_on_threads(program, outputs, feeds)


@needs_compiler
def test_factors_that_are_written_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps in another order than they lie in on the left, scaled ones on the right."""
    monkeypatch.setattr("graphc.compiler.targets.cpu.products.strips.LEAST_OF_LONG_SUMS", 1)
    monkeypatch.setattr("graphc.compiler.targets.cpu.printer.LEAST_DIVIDED", 1)
    x, y = g.input((BATCH, 40, 6), "float32"), g.input((40 * BATCH, 20), "float32")
    steps = g.reshape(g.swap_axes(x, 0, 1), (40 * BATCH, 6))
    outputs = [g.dot(steps.T, y), g.dot(steps.T, y * 0.5)]
    program = lower_native(outputs)
    assert not in_order(program)
    for batch in (1, 5, 16):
        feeds = {
            x: (draws.normal(size=(batch, 40, 6)) / 8).astype("float32"),
            y: (draws.normal(size=(40 * batch, 20)) / 8).astype("float32"),
        }
        check_on_threads(program, outputs, feeds)


@needs_compiler
def test_a_stored_transpose_is_read_as_it_lies() -> None:
    """Its terms are neighbours, though what it was made from lies step after step."""
    x, y = g.input((40 * BATCH, 6), "float32"), g.input((40 * BATCH, 20), "float32")
    transposed = g.tanh(x).T
    outputs = [transposed, g.dot(transposed, y)]
    program = lower_native(outputs)
    feeds = {
        node: (draws.normal(size=(200, node.shape[1])) / 8).astype("float32") for node in (x, y)
    }
    check_on_threads(program, outputs, feeds)


def test_gradients_of_a_recurrent_layer_are_read_where_they_lie() -> None:
    """Behind an Embedding, whose rows are gathered time first: as the loop makes gradients."""
    words = Input((40,), dtype="int32")
    last = LSTM(32)(Embedding(100, 32)(words))
    weights = [w for w in last.history[0].trainable_weights if w.ndim == 2]
    outputs, _ = optimize(grad(g.sum(last), weights))
    assert len(weights) == 8
    assert not in_order(lower_native(outputs))
