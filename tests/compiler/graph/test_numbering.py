"""Graphs as numbers: which have a digest in common, and which do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, make
from graphc.compiler.graph.expressions.random import bits, uniform
from graphc.compiler.graph.numbering import UnknownAttributeError, numbered


def dense(
    units: int = 4,
    name: str = "W",
    layer: str = "dense_1",
    value: float = 0.5,
    length: str = "time",
    dtype: str = "float32",
) -> list[Node]:
    x = g.input((g.symbol(length), BATCH, 3), dtype, name="x")
    weights = g.shared(np.zeros((3, units), dtype), name)
    with g.origin(layer):
        return [g.tanh(g.dot(x, weights) * value), g.sum(x)]


def test_graphs_that_are_made_again_are_alike() -> None:
    """Of inputs, symbols and states of their own."""
    first, second = numbered(dense()), numbered(dense())
    assert first.digest == second.digest
    assert [node.op for node in first.nodes] == [node.op for node in second.nodes]
    assert set(first.states).isdisjoint(second.states)
    assert [one.name for one in first.symbols] == [one.name for one in second.symbols]


@pytest.mark.parametrize(
    "change",
    [
        {"units": 5},
        {"name": "V"},
        {"layer": "dense_2"},
        {"value": -0.5},
        {"length": "steps"},
        {"dtype": "float64"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_programs_differ_in_digests_do(change: dict) -> None:
    assert numbered(dense(**change)).digest != numbered(dense()).digest


def test_outputs_and_states_have_an_order() -> None:
    outputs = dense()
    assert numbered(outputs).digest != numbered(outputs[::-1]).digest
    state = g.shared(np.zeros(3, "float32"), "s")
    new = [g.sum(state), state + 1.0]
    assert numbered(new).digest != numbered(new, [state.attrs["state"]]).digest


def test_one_symbol_is_not_two() -> None:
    n, m = g.symbol("n"), g.symbol("n")
    alike, other = (g.input((n,)) + g.sum(g.input((size,))) for size in (n, m))
    assert numbered([alike]).digest != numbered([other]).digest


def test_the_order_in_which_symbols_were_made_counts() -> None:
    """Sizes are sorted by it, so programs have them in another order."""
    n, m = g.symbol("n"), g.symbol("n")
    first, second = (g.input((a, b)) for a, b in ((n, m), (m, n)))
    assert numbered([first]).digest != numbered([second]).digest


def test_one_input_is_not_two() -> None:
    x, y = g.input((3,)), g.input((3,))
    assert numbered([x + x]).digest != numbered([x + y]).digest
    assert numbered([x + y]).digest == numbered([y + x]).digest


@pytest.mark.parametrize(
    "constant",
    [0.0, -0.0, np.float64(0.0), np.array([0.0], "float32"), np.array([0.0, 1.0], "float32")],
)
def test_constants_count_by_their_bytes(constant: object) -> None:
    x = g.input((2,))
    others = [0.0, -0.0, np.array([0.0], "float32"), np.array([0.0, 1.0], "float32")]
    digests = [numbered([x + g.as_node(one)]).digest for one in others]
    assert len(set(digests)) == len(others)
    assert numbered([x + g.as_node(constant)]).digest in digests


def scan(body: Callable[[Node, Node], Node], length: int = 5) -> list[Node]:
    start, x = g.input((BATCH, 3)), g.input((length, BATCH, 3))
    return [g.scan(lambda carries, xs: ([body(carries[0], xs[0])], []), [start], [x])[0][0]]


def test_the_step_of_a_loop_counts() -> None:
    one = numbered(scan(lambda h, x: g.tanh(h + x)))
    assert one.digest == numbered(scan(lambda h, x: g.tanh(h + x))).digest
    assert one.digest != numbered(scan(lambda h, x: g.tanh(h - x))).digest
    assert one.digest != numbered(scan(lambda h, x: g.tanh(x + h * 2.0))).digest
    assert "tanh" in {node.op for node in one.nodes}


def test_seeds_do_not_count_and_are_listed() -> None:
    first, second = (numbered([uniform((4,), seed=seed)]) for seed in (7_000, 8_000))
    assert first.digest == second.digest
    assert (first.seeds, second.seeds) == ((7_000,), (8_000,))


def test_equal_seeds_are_not_different_ones() -> None:
    def two(first: int, second: int) -> list[Node]:
        return [uniform((4,), seed=first, stream=0) + uniform((4,), seed=second, stream=1)]

    assert numbered(two(7_000, 7_000)).digest == numbered(two(9_000, 9_000)).digest
    assert numbered(two(7_000, 7_000)).digest != numbered(two(7_000, 8_000)).digest


def test_a_seed_that_is_a_stream_counts() -> None:
    """Which of both a number of the program is would not be known."""
    first, second = (
        numbered([bits((4,), seed=1, stream=0), bits((4,), seed=seed, stream=1)])
        for seed in (7_000, 8_000)
    )
    assert first.seeds == second.seeds == ()
    assert first.digest != second.digest


def test_an_attribute_without_a_form_is_refused() -> None:
    message = type("Message", (str,), {})("x")
    node = make("print_tensor", g.input((3,)), message=message)
    with pytest.raises(UnknownAttributeError, match="Message"):
        numbered([node])
