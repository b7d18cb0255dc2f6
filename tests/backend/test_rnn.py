"""K.rnn against a loop in NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.errors import ArgumentError, DTypeError, ShapeError

SAMPLES, STEPS, FEATURES, UNITS = 4, 5, 3, 2

# Row 0 has no mask, row 1 starts masked, row 2 has gaps, row 3 is masked throughout.
MASK = np.array([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]], bool)


@pytest.fixture(autouse=True)
def _double() -> None:
    config.floatX = "float64"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def reference(
    arrays: dict[str, np.ndarray], backwards: bool, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Last output, outputs, and the states h and s of the step that `program` has."""
    x, h, s = arrays["x"], arrays["h"], arrays["s"]
    output, outputs = np.zeros_like(h), []
    for t in reversed(range(STEPS)) if backwards else range(STEPS):
        new_s = 0.5 * s + x[:, t].sum(axis=1, keepdims=True)
        new_h = np.tanh(x[:, t] @ arrays["W"] + h @ arrays["U"]) + new_s
        new_output = new_h * arrays["scale"]
        keep = np.ones((SAMPLES, 1), bool) if mask is None else mask[:, t, None]
        output = np.where(keep, new_output, output)
        h, s = np.where(keep, new_h, h), np.where(keep, new_s, s)
        outputs.append(output)
    return output, np.stack(outputs, axis=1), h, s


def draw(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The second state has an axis of size 1; the last array is a constant of the loop."""
    shapes = {
        "x": (SAMPLES, STEPS, FEATURES),
        "h": (SAMPLES, UNITS),
        "s": (SAMPLES, 1),
        "W": (FEATURES, UNITS),
        "U": (UNITS, UNITS),
        "scale": (UNITS,),
    }
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def program(
    arrays: dict[str, np.ndarray], steps: int | None = STEPS, **options: object
) -> tuple[dict[str, g.Node], list[g.Node]]:
    """The inputs by name, and what K.rnn returns for them."""
    nodes = {name: g.input(array.shape, "float64", name) for name, array in arrays.items()}
    nodes["x"] = g.input((SAMPLES, steps, FEATURES), "float64", "x")

    def step(x: g.Node, states: list) -> tuple[g.Node, list[g.Node]]:
        h, s, scale = states
        s = 0.5 * s + K.sum(x, axis=1, keepdims=True)
        h = K.tanh(K.dot(x, nodes["W"]) + K.dot(h, nodes["U"])) + s
        return h * scale, [h, s]

    initial = [nodes["h"], nodes["s"]]
    last, outputs, states = K.rnn(step, nodes["x"], initial, constants=[nodes["scale"]], **options)
    return nodes, [last, outputs, *states]


def feeds(nodes: dict[str, g.Node], arrays: dict[str, np.ndarray]) -> dict[g.Node, np.ndarray]:
    return {nodes[name]: array for name, array in arrays.items()}


def slope(function: Callable[[float], np.ndarray]) -> float:
    """The derivative at 0 of the sum of a function's elements, by central differences."""
    step = 1e-5
    return float((function(step) - function(-step)).sum() / (2.0 * step))


CASES = list(itertools.product([False, True], ["none", "mask", "mask of rank 3"], [False, True]))


@pytest.mark.parametrize(("backwards", "masked", "unroll"), CASES)
def test_values_and_gradients(
    rng: np.random.Generator, backwards: bool, masked: str, unroll: bool
) -> None:
    arrays = draw(rng)
    mask = {"none": None, "mask": MASK, "mask of rank 3": MASK[..., None].astype("float64")}[masked]
    node = None if mask is None else g.constant(mask)
    nodes, results = program(arrays, mask=node, go_backwards=backwards, unroll=unroll)
    used = None if mask is None else MASK
    expected = reference(arrays, backwards, used)
    for ours, theirs in zip(evaluate(results, feeds(nodes, arrays)), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    # All four results go into the loss, each element with its own factor.
    factors = [rng.normal(size=value.shape) for value in expected]
    loss = sum(K.sum(g.constant(f) * r) for f, r in zip(factors, results, strict=True))
    gradients = evaluate(K.gradients(loss, list(nodes.values())), feeds(nodes, arrays))
    for name, gradient in zip(nodes, gradients, strict=True):
        direction = rng.normal(size=gradient.shape)

        def moved(amount: float, name: str = name, direction: np.ndarray = direction) -> np.ndarray:
            values = reference({**arrays, name: arrays[name] + amount * direction}, backwards, used)
            return np.array([(f * v).sum() for f, v in zip(factors, values, strict=True)])

        np.testing.assert_allclose((gradient * direction).sum(), slope(moved), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("unroll", [False, True])
def test_nan_in_the_padding_reaches_nothing(rng: np.random.Generator, unroll: bool) -> None:
    arrays = draw(rng)
    nodes, results = program(arrays, mask=g.constant(MASK), unroll=unroll)
    loss = sum(K.sum(K.square(result)) for result in results)
    everything = [*results, *K.gradients(loss, list(nodes.values()))]
    clean = evaluate(everything, feeds(nodes, arrays))
    arrays["x"] = np.where(MASK[..., None], arrays["x"], np.nan)
    for ours, theirs in zip(evaluate(everything, feeds(nodes, arrays)), clean, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def running_sum(x: g.Node, states: list) -> tuple[g.Node, list[g.Node]]:
    total = states[0] + x
    return total, [total]


@pytest.mark.parametrize("unroll", [False, True])
def test_masked_first_steps_put_out_zeros_and_keep_the_initial_state(unroll: bool) -> None:
    x = g.constant(np.array([[[1.0], [2.0], [4.0]], [[1.0], [2.0], [4.0]]]))
    mask = g.constant(np.array([[0, 1, 0], [0, 0, 0]]))
    start = g.constant(np.array([[10.0], [20.0]]))
    last, outputs, (state,) = K.rnn(running_sum, x, [start], mask=mask, unroll=unroll)
    last, outputs, state = evaluate([last, outputs, state], {})
    np.testing.assert_array_equal(outputs[..., 0], [[0.0, 12.0, 12.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(last[..., 0], [12.0, 0.0])
    np.testing.assert_array_equal(state[..., 0], [12.0, 20.0])


def test_steps_of_matrices() -> None:
    x = np.arange(48.0).reshape(2, 3, 2, 4)
    start = np.ones((2, 1, 4))

    def step(x: g.Node, states: list) -> tuple[g.Node, list[g.Node]]:
        total = states[0] + K.sum(x, axis=1, keepdims=True)
        return total, [total]

    _, outputs, _ = K.rnn(step, g.constant(x), [g.constant(start)])
    expected = start[:, None] + np.cumsum(x.sum(axis=2, keepdims=True), axis=1)
    np.testing.assert_array_equal(evaluate([outputs], {})[0], expected)


@pytest.mark.parametrize("mask", [None, np.array([[1, 0, 1], [0, 1, 1]], bool)])
def test_no_states(mask: np.ndarray | None) -> None:
    x = np.arange(12.0).reshape(2, 3, 2)
    node = None if mask is None else g.constant(mask)
    last, outputs, states = K.rnn(lambda x, states: (x * x, states), g.constant(x), [], mask=node)
    last, outputs = evaluate([last, outputs], {})
    expected = x * x
    if mask is not None:
        expected[0, 1], expected[1, 0] = expected[0, 0], 0.0
    assert states == []
    np.testing.assert_array_equal(outputs, expected)
    np.testing.assert_array_equal(last, expected[:, -1])


@pytest.mark.parametrize("backwards", [False, True])
def test_two_lengths_of_one_function(rng: np.random.Generator, backwards: bool) -> None:
    x = K.placeholder((None, None, 2))
    mask = K.placeholder((None, None))
    start = K.zeros_like(x[:, 0])
    last, outputs, _ = K.rnn(running_sum, x, [start], mask=mask, go_backwards=backwards)
    run = K.function([x, mask], [last, outputs])
    for steps in (2, 7):
        values, kept = rng.normal(size=(3, steps, 2)), rng.integers(0, 2, size=(3, steps))
        ordered = (values * kept[..., None])[:, :: -1 if backwards else 1]
        last_value, all_values = run([values, kept])
        np.testing.assert_allclose(all_values, np.cumsum(ordered, axis=1), atol=1e-12)
        np.testing.assert_allclose(last_value, ordered.sum(axis=1), atol=1e-12)


def test_the_step_is_traced_once() -> None:
    calls = []

    def step(x: g.Node, states: list) -> tuple[g.Node, list[g.Node]]:
        calls.append(x)
        return running_sum(x, states)

    x = g.constant(np.ones((2, 6, 1)))
    start = g.zeros((2, 1), "float64")
    K.rnn(step, x, [start], mask=g.constant(np.ones((2, 6))))
    assert len(calls) == 1
    K.rnn(step, x, [start], unroll=True)
    assert len(calls) == 7


def test_joined_inputs_are_read_part_by_part(rng: np.random.Generator) -> None:
    """The loop runs over both parts, and its gradient makes no sequence as wide as both."""
    left, right = g.input((2, 3, 4), "float64"), g.input((2, 3, 5), "float64")

    def step(x: g.Node, states: list) -> tuple[g.Node, list[g.Node]]:
        h = states[0] * x[:, :4] + x[:, 4:8]
        return h + x[:, 2:6], [h]  # the last slice takes some of either part

    start = g.constant(np.ones((2, 4)))
    last, outputs, _ = K.rnn(step, K.concatenate([left, right]), [start])
    arrays = {left: rng.normal(size=left.shape), right: rng.normal(size=right.shape)}
    joined = np.concatenate(list(arrays.values()), axis=2)
    h, expected = np.ones((2, 4)), []
    for t in range(3):
        x = joined[:, t]
        h = h * x[:, :4] + x[:, 4:8]
        expected.append(h + x[:, 2:6])
    np.testing.assert_allclose(evaluate([outputs], arrays)[0], np.stack(expected, 1), rtol=1e-12)
    np.testing.assert_allclose(evaluate([last], arrays)[0], expected[-1], rtol=1e-12)
    (loop,) = [node for node in g.toposort([outputs]) if node.op == "scan"]
    series = loop.inputs[loop.attrs["carries"] :][: loop.attrs["sequences"]]
    assert [node.shape for node in series] == [(3, 2, 4), (3, 2, 5)]


def test_an_output_that_is_the_state_is_held_once() -> None:
    x = g.input((2, 3, 4), "float64")
    mask = g.input((2, 3), "bool")
    last, _, _ = K.rnn(running_sum, x, [g.zeros((2, 4), "float64")], mask=mask)
    assert last.inputs[0].attrs["carries"] == 1


def test_input_length_fixes_open_steps() -> None:
    x = K.placeholder((2, None, 3))
    start = g.zeros((2, 3), "float64")
    last, outputs, _ = K.rnn(running_sum, x, [start], unroll=True, input_length=4)
    assert outputs.shape == (2, 4, 3)
    run = K.function([x], [last])
    np.testing.assert_array_equal(run([np.ones((2, 4, 3))])[0], np.full((2, 3), 4.0))
    with pytest.raises(ShapeError):
        run([np.ones((2, 5, 3))])


def x_of(*shape: int | None) -> g.Node:
    return K.placeholder(shape)


ZERO = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((running_sum, (2, 3), []), {}, ShapeError, "at least 3 axes .*received 2"),
        (
            (running_sum, (2, None, 3), [ZERO]),
            {"unroll": True},
            ShapeError,
            "number has to be known.*give input_length, or leave unroll out",
        ),
        (
            (running_sum, (2, 5, 3), [ZERO]),
            {"input_length": 4},
            ShapeError,
            "input_length is 4, and the inputs have 5 steps",
        ),
        (
            (running_sum, (2, 5, 3), [ZERO]),
            {"mask": np.ones((2, 4))},
            ShapeError,
            r"mask \(2, 4\) .* has 4 steps, the inputs have 5",
        ),
        (
            (running_sum, (2, 5, 3), [ZERO]),
            {"mask": np.ones((2, 5, 3))},
            ShapeError,
            r"expected a mask \(samples, time\) or \(samples, time, 1\), received .*\(2, 5, 3\)",
        ),
        (
            (running_sum, (2, 5, 3), [np.zeros((1, 3))]),
            {"mask": np.ones((2, 5))},
            ShapeError,
            r"state 0 needs the axis of samples \(2\) in front, received the shape \(1, 3\)",
        ),
        (
            (running_sum, (2, 5, 3), [np.zeros((2, 1))]),
            {},
            ShapeError,
            r"state 0 has the shape \(2, 1\) before a step and \(2, 3\) after it",
        ),
        (
            (running_sum, (2, 5, 3), [np.zeros((2, 3), "int32")]),
            {},
            DTypeError,
            "state 0 is int32 before a step and float64 after it",
        ),
        (
            (lambda x, states: (x, states), (2, 5, 3), [ZERO]),
            {"constants": [1.0]},
            ArgumentError,
            "1 states go into the step, 2 come out; the constants",
        ),
        (
            (lambda x, states: x, (2, 5, 3), [ZERO]),
            {},
            ArgumentError,
            r"has to return \(output, list of new states\)",
        ),
        (
            (lambda x, states: (K.sum(x), states), (2, 5, 3), [ZERO]),
            {},
            ShapeError,
            "output is a scalar",
        ),
    ],
)
def test_bad_input(arguments: tuple, options: dict, error: type[Exception], message: str) -> None:
    step, shape, states = arguments
    options = {
        name: g.constant(value) if isinstance(value, np.ndarray) else value
        for name, value in options.items()
    }
    with g.origin("lstm_7"), pytest.raises(error, match=f"^lstm_7: K.rnn: .*{message}"):
        K.rnn(step, x_of(*shape), [g.constant(state) for state in states], **options)
