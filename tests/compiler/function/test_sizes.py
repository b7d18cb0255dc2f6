"""Calls of graphs in which sizes are equal only at the call."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.grad import grad
from graphc.config import config
from graphc.errors import ShapeError
from tests.native.graph_programs import needs_compiler

CPU = ["numpy", pytest.param("native", marks=needs_compiler)]


@pytest.mark.parametrize("cpu", CPU)
def test_rows_are_added_up_where_indices_and_updates_say_their_number_each(cpu: str) -> None:
    config.cpu = cpu
    indices, updates = g.input((None,), "int32"), g.input((None, 3))
    add = function([indices, updates], g.scatter_add(indices, updates, 4))
    rows = np.arange(9, dtype="float32").reshape(3, 3)
    assert add(np.array([2, 0, 2], "int32"), rows).tolist() == [
        [3, 4, 5],
        [0, 0, 0],
        [6, 8, 10],
        [0, 0, 0],
    ]
    with pytest.raises(ShapeError, match="scatter_add: axis 0 of the indices"):
        add(np.array([2, 0], "int32"), rows)


@pytest.mark.parametrize("cpu", ["auto", *CPU])
@pytest.mark.parametrize("mode", ["FAST_RUN", "DebugMode"])
def test_gradient_of_rows_against_as_many_as_a_target_has(cpu: str, mode: str) -> None:
    config.cpu = cpu
    random = np.random.default_rng(0)
    start, target = (random.normal(size=(n, 64)).astype("float32") for n in (5, 400))
    w, indices = g.shared(start), g.input((None,), "int32")
    loss = g.sum(g.square(g.take(w, indices) - g.constant(target))) / 2
    step = function([indices], loss, updates=[(w, w - 0.5 * grad(loss, [w])[0])], mode=mode)
    chosen = random.integers(0, 5, 400).astype("int32")
    step(chosen)
    expected = start.astype(float)
    np.subtract.at(expected, chosen, 0.5 * (start[chosen].astype(float) - target))
    np.testing.assert_allclose(w.get_value(), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ShapeError, match="needs .* == 400, received .* = 3 and 400"):
        step(chosen[:3])


def test_each_phase_has_the_sizes_that_it_needs() -> None:
    x, y, phase = g.input((None,), name="x"), g.input((None,), name="y"), g.learning_phase()
    step = function([x, y, phase], g.where(phase, x, y))
    with pytest.raises(ShapeError, match="received x_0 = 2 and y_0 = 3"):
        step(np.ones(2, "float32"), np.ones(3, "float32"), True)


def test_an_update_of_another_open_size() -> None:
    w, x = g.shared(np.zeros(3, "float32"), "w"), g.input((None,), name="x")
    step = function(
        [x],
        updates=[
            (w, w + g.concat([x[1:], x[:1]], 0)),
        ],
    )
    step(np.array([1, 2, 3], "float32"))
    assert w.get_value().tolist() == [2, 3, 1]
    half = function([x], updates=[(w, x[::2] * 2)])
    half(np.array([1, 2, 3, 4, 5], "float32"))
    assert w.get_value().tolist() == [2, 6, 10]
    with pytest.raises(ShapeError, match="the update of 'w'.*needs .* == 3, received .* = 2 and 3"):
        half(np.array([1, 2, 3], "float32"))
