"""Kernels that run as loop programs: what their launches say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, State, state_of
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.cpu.loop import SharedLoop
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import (
    Launch,
    Pointer,
    ShareLimit,
    SizeArgument,
    launches,
)


def launch_of(outputs: list[Node], states: tuple[State, ...] = ()) -> Launch:
    """Return the one launch of a program."""
    (launch,) = lower_native(outputs, states).program.steps
    assert isinstance(launch, Launch)
    return launch


def test_names_of_copied_statements_are_those_of_their_nodes() -> None:
    """A part of a concatenation is computed in a loop of its own."""
    x, y = g.input((BATCH, 3), name="x"), g.input((BATCH, 5), name="y")
    out = g.exp(g.concat([g.tanh(x), g.sqrt(y)], 1))
    launch = launch_of([out])
    assert launch.how == "batch x 8 elements, vectors"
    ops = {name: node.op for name, (node,) in launch.names.items()}
    assert sorted(ops.values()) == ["exp", "exp", "sqrt", "tanh"]
    for name, op in ops.items():
        assert f"const float {name} = gc_{op}(" in launch.text


def test_arguments_are_sizes_and_addresses() -> None:
    x = g.input((BATCH, 4), name="x")
    launch = launch_of([g.exp(x)])
    size, source, target = launch.arguments
    assert size == SizeArgument(BATCH)
    assert isinstance(source, Pointer)
    assert source.buffer.origin is x
    assert isinstance(target, Pointer)
    assert (launch.reads, launch.writes) == ((source.buffer,), (target.buffer,))


def test_a_state_is_written_in_place() -> None:
    weights = g.shared(np.ones((4, 3), "float32"), "w")
    launch = launch_of([weights * np.float32(2)], (state_of(weights),))
    (place,) = launch.arguments
    assert isinstance(place, Pointer)
    assert launch.reads == launch.writes == (place.buffer,)


def test_text_without_names_of_layers_is_shared() -> None:
    x, y = g.input((BATCH, 4), name="x"), g.input((BATCH, 4), name="y")
    with g.origin("dense_1"):
        first = g.exp(x)
    with g.origin("dense_2"):
        second = g.exp(g.reshape(y, (BATCH, 2, 2)))
    codes = {launch_of([one]).code for one in (first, second)}
    assert len(codes) == 1


def test_rows_of_a_thread_are_a_part_of_the_loop_over_rows() -> None:
    """A loop whose rows threads divide: what computes no product runs by a mapping there, too."""
    xs, weights = g.input((7, BATCH, 64), name="xs"), g.shared(np.ones((64, 64), "float32"))

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        (state,), (x,) = carries, slices
        new = g.tanh(g.dot(g.exp(state) * x, weights))
        return [new], [g.concat([new, x], 1)]

    start = g.broadcast_to(np.zeros((), "float32"), (BATCH, 64))
    _, stacks = g.scan(step, [start], [xs])
    program = lower_native(optimize(stacks)[0]).program
    shared = [one for one in program.steps if isinstance(one, SharedLoop)]
    assert len(shared) == 1
    parts = [one for one in launches(shared[0].steps) if one.kernel.kind == "pointwise"]
    assert parts
    for launch in parts:
        assert launch.how.endswith("elements, vectors")
        limits = [one for one in launch.arguments if isinstance(one, ShareLimit)]
        assert limits == [ShareLimit(end=False), ShareLimit(end=True)]
