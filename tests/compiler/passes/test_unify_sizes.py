"""Sizes that have to be equal are written alike, and the values stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler import graph as g
from graphc.compiler.graph.dim import substitute, symbols
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import optimize
from graphc.compiler.passes.unify_sizes import Unified, unify_sizes
from tests.compiler.arrangements import OPEN, OpenInputs
from tests.compiler.op_programs import few_rows
from tests.compiler.passes import test_random_graphs as random_graphs


def unified(outputs: list[g.Node], inputs: list[g.Node]) -> Unified:
    claims = [claim for node in g.every_node(outputs) for claim in g.size_claims(node)]
    return unify_sizes(outputs, inputs, claims)


def ops_that_need_equal_sizes(outputs: list[g.Node]) -> set[str]:
    """The ops that have to be told that two sizes are equal."""
    return {
        node.op
        for node in g.every_node(outputs)
        if any(claim.relation == "==" for claim in g.size_claims(node))
    }


@pytest.mark.parametrize("arrangement", OPEN)
@pytest.mark.parametrize("case", few_rows(), ids=str)
def test_behind_it_none_but_a_reshape_compares_sizes(case, arrangement: str) -> None:
    part = OPEN[arrangement](case, 0)
    new = unified(part.outputs, list(part.feeds))
    allowed = {"reshape"} if arrangement == "derived" or case.op == "reshape" else set()
    assert ops_that_need_equal_sizes(new.outputs) <= allowed
    values = evaluate(new.outputs, dict(zip(new.inputs, part.feeds.values(), strict=True)))
    assert not list(part.faults(values, evaluate(part.outputs, part.feeds)))


def test_known_sizes_go_wherever_the_symbol_stood() -> None:
    x, y = g.input((None, 3), name="x"), g.input((None, 3), name="y")
    total = x + g.constant(np.ones((4, 3), "float32"))
    new = unified([g.mean(total), g.exp(y)], [x, y])
    assert [node.shape for node in new.inputs] == [(4, 3), (y.shape[0], 3)]
    assert [g.name_of(node) for node in new.inputs] == ["x", "y"]
    assert not any(node.op == "dim" for node in g.every_node(new.outputs[:1]))
    assert new.inputs[1] is y


def test_the_body_of_a_scan_reads_what_its_inputs_have_become() -> None:
    """No symbol stands for the other size, so that the sum is written with the size of `y`."""
    m = g.symbol("m")
    x, y = g.input((3, (m + 1) // 2), "float64"), g.input((3, m), "float64")
    start = g.zeros(((m + 1) // 2,), "float64")
    (total,), _ = g.scan(lambda carry, row: ((carry[0] + row[0],), ()), [start], [x + y])
    new = unified([total], [x, y])
    (loop,) = [node for node in g.every_node(new.outputs) if node.op == "scan"]
    read = {
        node.attrs["index"]: node.shape
        for node in g.every_node(loop.attrs["body"].outputs)
        if node.op == "arg"
    }
    assert read == {0: loop.inputs[0].shape, 1: loop.inputs[1].shape[1:]}
    rows = [np.array([[1.0], [2.0], [4.0]]), np.array([[8.0], [16.0], [32.0]])]
    (found,) = evaluate(new.outputs, dict(zip(new.inputs, rows, strict=True)))
    np.testing.assert_array_equal(found, [63.0])


def test_the_batch_stays_and_so_does_the_first_input() -> None:
    x, y, z = g.input((None,)), g.input((g.BATCH,)), g.input((None, None))
    new = unified([x + y, g.sum(z, 0) + g.sum(z, 1)], [x, y, z])
    assert [node.shape for node in new.inputs] == [(g.BATCH,)] * 2 + [(z.shape[0],) * 2]
    assert set(new.sizes) == {*symbols(x.shape[0]), *symbols(z.shape[1])}


def test_a_size_that_is_a_quotient_of_itself_is_written_in_one_place() -> None:
    """Elsewhere it stands for what the op divides: written there too, it would differ anew."""
    one = g.input((None,))
    third = (one.shape[0] + 2) // 3
    ninth = (third + 2) // 3
    argmax = g.input((3, 1, ninth, 1), "int32")
    values = g.input((3, 1, third, 1), "float64")
    window = {"window": (1, 1), "strides": (3, 3), "padding": ((0, 0), (0, 0))}
    spread = g.make("max_unpool", argmax, values, **window, size=(third, 1))
    new = unified([spread], [one, argmax, values])
    assert ops_that_need_equal_sizes(new.outputs) <= {"reshape"}
    fed = [np.zeros(1, "float32"), np.zeros((3, 1, 1, 1), "int32")]
    fed.append(np.arange(1.0, 4.0).reshape(3, 1, 1, 1))
    (found,) = evaluate(new.outputs, dict(zip(new.inputs, fed, strict=True)))
    np.testing.assert_array_equal(found, fed[-1])


def test_where_all_sizes_are_written_alike_the_graph_is_what_it_was() -> None:
    x, y = g.input((None, 3)), g.input((None, 3))
    loop = g.scan(
        lambda carries, slices: ((carries[0] + slices[0],), ()), [g.zeros((3,), "float32")], [x]
    )
    outputs = [loop[0][0], g.softmax(x), y * 2]
    assert unified(outputs, [x, y]).outputs == outputs
    other = unified([*outputs, x + g.constant(np.ones((2, 3), "float32"))], [x, y])
    assert other.outputs[2] is outputs[2]


def test_random_words_are_those_of_before() -> None:
    x = g.input((None, 2))
    words = g.random.bits((x.shape[0], 2), seed=3, stream=4)
    drawn = g.cast(words, "float32") + g.constant(np.zeros((3, 2), "float32"))
    new = unified([drawn + x], [x])
    feed = np.zeros((3, 2), "float32")
    (before,), (after,) = (
        evaluate([drawn + x], {x: feed}),
        evaluate(new.outputs, {new.inputs[0]: feed}),
    )
    np.testing.assert_array_equal(after, before)


def test_origins_stay() -> None:
    x, y = g.input((None,)), g.input((None,))
    with g.origin("dense_1"):
        total = g.exp(x + y)
    (new,) = unified([total], [x, y]).outputs
    assert str(g.origin_of(new)) == "dense_1"
    assert str(g.origin_of(new.inputs[0])) == "dense_1"


def with_separate_sizes(
    outputs: list[g.Node], count: int, halves: list[bool]
) -> tuple[list[g.Node], dict[g.Node, np.ndarray]]:
    """A random graph with an input of its own, of sizes of its own, wherever it reads one; where
    `halves` say so, in turn, that is every second element of one."""
    feeds, (n,) = random_graphs.feeds(count), symbols(random_graphs.N)
    rows = g.input((None,), "bool")
    fed = {rows: np.zeros(count, "bool")}

    def read(x: g.Node) -> g.Node:
        if x.op != "input":
            return new[x]
        inputs = OpenInputs(derived=halves[len(fed) % len(halves)])
        node = inputs.fed(feeds[x])
        fed.update(inputs.feeds)
        return node

    def sized(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(map(sized, value))
        return substitute(value, {n: rows.shape[0]}) if isinstance(value, g.Dim) else value

    new: dict[g.Node, g.Node] = {}
    for node in g.toposort(outputs):
        if node.op != "input":
            attrs = {name: sized(value) for name, value in node.attrs.items()}
            new[node] = g.make(node.op, *map(read, node.inputs), **attrs)
    return [read(node) for node in outputs], fed


@given(
    steps=random_graphs.STEPS,
    count=st.integers(1, 4),
    halves=st.lists(st.booleans(), min_size=1, max_size=5),
)
@settings(max_examples=40)
def test_random_graphs_whose_inputs_have_sizes_of_their_own(
    steps: list, count: int, halves: list[bool]
) -> None:
    outputs = random_graphs.build(steps)
    separated, feeds = with_separate_sizes(outputs, count, halves)
    new = unified(separated, list(feeds))
    assert ops_that_need_equal_sizes(new.outputs) <= {"reshape"}
    optimized, _ = optimize(new.outputs)
    received = evaluate(optimized, dict(zip(new.inputs, feeds.values(), strict=True)))
    for ours, theirs in zip(received, evaluate(outputs, random_graphs.feeds(count)), strict=True):
        finite = np.isfinite(theirs)
        np.testing.assert_allclose(ours[finite], theirs[finite], rtol=1e-8, atol=1e-8)
