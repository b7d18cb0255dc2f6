"""Schedules are complete and in order, whatever the graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, toposort
from graphc.compiler.schedule import Kernel, Loop, Step, make_schedule
from graphc.compiler.schedule.inline import is_leaf
from graphc.compiler.schedule.packed_bools import unpacked
from graphc.compiler.schedule.persistent import is_literal
from graphc.reference_models import REFERENCE_MODELS
from tests.compiler.passes.test_random_graphs import STEPS, build
from tests.reference_models.cut_sizes import CUT

X = g.input((BATCH, 10), "float32")


def check(
    steps: Sequence[Step], outputs: Sequence[Node], memory: set[Node], in_one_launch: bool = False
) -> None:
    """Each step finds what it reads; each value is stored once; the outputs are there."""
    known, graph = set(memory), set(toposort(outputs))
    for step in steps:
        missing = [x for x in step.inputs if x not in known]
        # A constant is memory; the launch of a whole loop has what is one number in its text.
        missing = [x for x in missing if not (is_leaf(x) or (in_one_launch and is_literal(x)))]
        assert not missing, f"{step.kind} needs {missing}"
        if isinstance(step, Loop):
            leaves = {*step.carries, step.step}
            check(step.steps, step.needed, known | leaves, step.persistent)
        else:
            check_body(step)
        again = (known - memory) & set(step.stores)  # a carry may be handed on as it was found
        assert not again, f"{again} are stored twice"
        known.update(step.stores if isinstance(step, Loop) else unpacked(step.stores, graph))
    assert all(node in known or is_leaf(node) for node in outputs)


def check_body(kernel: Kernel) -> None:
    """The body is closed: it ends at the inputs, and the anchors are in it."""
    within = {*kernel.body, *kernel.inputs}
    counters = {x for node in kernel.body for x in node.inputs} - within
    assert all(node.op == "input" and node.shape == () for node in counters)
    assert set(kernel.anchors) <= set(kernel.body)
    for part in kernel.parts:
        check_body(part)
        assert set(part.outputs) <= set(kernel.outputs)


@given(STEPS)
@settings(max_examples=100)
def test_random_graphs(steps: list) -> None:
    outputs = build(steps)
    check(make_schedule(outputs), outputs, set())


@pytest.mark.parametrize("name", CUT)
def test_reference_models(name: str) -> None:
    outputs = REFERENCE_MODELS[name].build(**CUT[name]).function().graph()
    check(make_schedule(outputs), outputs, set())


def test_outputs_that_are_leaves_need_no_step() -> None:
    assert make_schedule([X, X]) == ()


def test_the_same_graph_gives_the_same_steps() -> None:
    step = REFERENCE_MODELS["mlp"].build(**CUT["mlp"])
    graph = step.function().graph()
    one, two = make_schedule(graph), make_schedule(graph)
    assert [(k.kind, k.inputs, k.outputs, k.reasons) for k in one] == [
        (k.kind, k.inputs, k.outputs, k.reasons) for k in two
    ]


def test_readers_of_a_variable_run_before_its_new_value_is_made() -> None:
    weights = g.shared(np.zeros((10, 10), "float32"))
    new = weights - 0.1 * g.dot(g.transpose(X), X)
    reads = g.dot(X, weights)
    for outputs in ([new, reads], [reads, new]):
        first, last = make_schedule(outputs, {new: weights})
        assert (first.outputs, last.outputs) == ((reads,), (new,))
    # A reader that needs the new value cannot come first.
    both = g.dot(new, weights)
    first, last = make_schedule([new, both], {new: weights})
    assert (first.outputs, last.outputs) == ((new,), (both,))


def test_a_loop_stores_its_items_and_reads_what_its_body_does() -> None:
    weights = g.shared(np.zeros((10, 10), "float32"))
    start = g.tanh(X)
    sequence = g.input((5, BATCH, 10), "float32")
    (final,), (stack,) = g.scan(
        lambda c, s: ((g.tanh(g.dot(c[0], weights) + s[0]),), (c[0],)), [start], [sequence]
    )
    steps = make_schedule([final, stack])
    (loop,) = (step for step in steps if isinstance(step, Loop))
    assert set(loop.stores) == {final, stack}
    assert {weights, sequence} <= set(loop.inputs)
    assert [kernel.kind for kernel in loop.steps] == ["matmul"]
    check(steps, [final, stack], set())


def test_a_sum_that_only_an_unused_carry_reads_is_in_no_kernel() -> None:
    """Two sums make one kernel, and the loop's body drops the sequence that the carry reads."""
    one, other = (g.input((5, 2, 2, 5), "float32") for _ in range(2))
    carry, element = g.sum(one, (0, 1)), g.expand_dims(g.sum(other, (0, 1)), 0)
    (used, _), _ = g.scan(
        lambda c, s: ((c[0] + g.sum(c[1]), g.tanh(c[0] * 2)), ()), [carry, carry], [element]
    )
    (first, _), _ = g.scan(
        lambda c, s: ((c[0] * 2, g.tanh(c[1] + s[0])), ()), [carry, g.tanh(carry)], [element]
    )
    for output in (used, first):
        check(make_schedule([output]), [output], set())


def test_a_convolution_that_only_an_unread_result_reads_is_in_no_kernel() -> None:
    """It would be one kernel with the scale, which is a result of the program."""
    picture, weights = g.input((1, 5, 4, 4), "float32"), g.input((1, 5, 4, 3), "float32")
    scale = g.exp(g.input((1, 1, 1, 2), "float32"))
    sequence = g.conv(picture, weights) * scale
    (count,), _ = g.scan(
        lambda c, s: ((c[0] + 1.0,), (s[0],)), [g.input((), "float32")], [sequence]
    )
    steps = make_schedule([count, scale])
    assert sorted(step.kind for step in steps) == ["pointwise", "scan"]
    check(steps, [count, scale], set())


def launches_of_updates(count: int, read: int) -> list[int]:
    """Return the updates in each launch, of `count` weights that each read so many others."""
    updates = []
    for k in range(count):
        shape = (k + 2,)
        weights = [g.shared(np.full(shape, j, "float32")) for j in range(read)]
        updates.append(sum(weights[1:], weights[0]) * 0.5)
    return [max(len(step.parts), 1) for step in make_schedule(updates)]


@pytest.mark.parametrize(
    ("count", "read", "expected"),
    [
        (1, 1, [1]),
        (2, 1, [2]),
        (8, 1, [8]),
        (9, 1, [8, 1]),
        (17, 3, [8, 8, 1]),
        # 64 arrays at most, those that are read and those that are written.
        (8, 7, [8]),
        (8, 8, [7, 1]),
        (7, 9, [6, 1]),
    ],
)
def test_updates_share_launches(count: int, read: int, expected: list[int]) -> None:
    assert launches_of_updates(count, read) == expected
