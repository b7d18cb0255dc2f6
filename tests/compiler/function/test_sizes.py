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


ROWS = 4000  # too much work to be interpreted under cpu=auto


@pytest.mark.parametrize("cpu", [*CPU, pytest.param("auto", marks=needs_compiler)])
@pytest.mark.parametrize("mode", ["FAST_RUN", "DebugMode"])
def test_gradient_of_rows_against_as_many_as_a_target_has(cpu: str, mode: str) -> None:
    config.cpu = cpu
    random = np.random.default_rng(0)
    start, target = (random.normal(size=(n, 64)).astype("float32") for n in (5, ROWS))
    w, indices = g.shared(start), g.input((None,), "int32")
    loss = g.sum(g.square(g.take(w, indices) - g.constant(target))) / 2
    step = function([indices], loss, updates=[(w, w - 0.5 * grad(loss, [w])[0])], mode=mode)
    assert step.target() == (None if cpu == "numpy" else "cpu")
    chosen = random.integers(0, 5, ROWS).astype("int32")
    step(chosen)
    expected = start.astype(float)
    np.subtract.at(expected, chosen, 0.5 * (start[chosen].astype(float) - target))
    np.testing.assert_allclose(w.get_value(), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ShapeError, match=f"needs .* == {ROWS}, received .* = 3 and {ROWS}"):
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


@pytest.mark.parametrize(
    ("op", "shapes", "message"),
    [
        (g.dot, [(2, 3), (4, 5)], r"dot: axis 1 of \(a_0, a_1\) and axis 0 of \(b_0, b_1\)"),
        (g.dot, [(2, 3, 4), (5, 6, 7)], r"dot: axis 2 of \(a_0, a_1, a_2\) and axis 1 of \(b_0,"),
        (lambda a, b: g.tensordot(a, b, ([0, 1], [1, 0])), [(2, 3), (4, 2)], "tensordot: axis 1 "),
        (lambda a, b: g.tensordot(a, b, ([0, 1], [1, 0])), [(2, 3), (3, 4)], "tensordot: axis 0 "),
        (lambda a, b: g.batch_dot(a, b, (1, 1)), [(2, 3), (2, 4)], "batch_dot: axis 1 of "),
        (lambda a, b: g.batch_dot(a, b, (1, 1)), [(2, 3), (3, 3)], "batch_dot: axis 0 of "),
        (g.add, [(2, 3), (4,)], r"add: axis 1 of shapes \(a_0, a_1\) and \(b_0,\)"),
        (g.maximum, [(2, 3), (2, 4)], r"maximum: axis 1 of shapes \(a_0, a_1\) and \(b_0, b_1\)"),
    ],
)
def test_an_error_about_sizes_names_the_op_that_was_called(op, shapes, message) -> None:
    inputs = [
        g.input((None,) * len(shape), name=name) for shape, name in zip(shapes, "ab", strict=True)
    ]
    with g.origin("merge_1"):
        result = op(*inputs)
    step = function(inputs, result * 2)
    differing = r"needs (\w_\d) == (\w_\d), received \1 = \d and \2 = \d"
    with pytest.raises(ShapeError, match=f"^merge_1: {message}.*: {differing}"):
        step(*[np.ones(shape, "float32") for shape in shapes])


def test_what_a_layer_said_of_sizes_that_others_take_the_place_of_is_not_said_of_them() -> None:
    """A claim of a graph about its own sizes does not hold where it is used at others."""
    x, phase = g.input((g.BATCH, 3)), g.learning_phase()
    total = g.dot(g.constant(np.ones((2, 6), "float32")), x) + g.cast(phase, "float32")
    other = g.input((6, 3))
    (again,) = g.substitute([total], {x: other})
    step = function([other, phase], again)
    assert step(np.ones((6, 3), "float32"), False).tolist() == [[6] * 3] * 2
    with pytest.raises(ShapeError, match="dot: axis 1 of .2, 6. and axis 0 of .batch, 3."):
        function([x, phase], total)(np.ones((5, 3), "float32"), True)
