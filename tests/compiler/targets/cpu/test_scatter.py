"""Scattered sums on a CPU: which mapping is taken, and that it means the same."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, symbol
from graphc.compiler.graph.dim import Size, symbols
from graphc.compiler.interpret import evaluate as interpreted
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.in_order import IN_ORDER
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.mapping import PLAIN, MappedProgram, choose
from graphc.compiler.targets.target import Target
from tests.compiler.scatter_programs import SAMPLES, VALUES, scatter_with_values

CPU = Target("cpu", 64, 32, threads=2)
N = symbol("n")


def mapped(output: Node) -> MappedProgram:
    (kernel,) = kernels(make_schedule([output], most_shared=0))
    return choose(plain_program(kernel, "k0", buffers_of(kernel)), CPU, CPU_MAPPINGS["scatter"])


@pytest.mark.parametrize("values", VALUES)
def test_values_ahead_of_the_places_are_computed_for_each(values: str) -> None:
    """Else all rows would look at all places: a step of 20,000 rows of 128 numbers and 3,200 places
    took 10.7 s, now 2.4 ms (two threads, Sapphire Rapids)."""
    output, feeds = scatter_with_values(np.random.default_rng(3), values)
    (kernel,) = kernels(make_schedule([output], most_shared=0))
    buffers = buffers_of(kernel)
    found = choose(plain_program(kernel, "k0", buffers), CPU, CPU_MAPPINGS["scatter"])
    assert found.names == ("listed places of all rows",), found.refusals
    arrays = {
        buffers.inputs[node].buffer.memory: array
        for node, array in feeds.items()
        if node in buffers.inputs
    }
    (expected,) = interpreted([output], feeds)
    (storage,) = buffers.outputs[output]
    for order in TurnOrder:
        made = evaluate(found.program, arrays, {symbols(BATCH)[0]: SAMPLES}, order=order).outputs
        np.testing.assert_allclose(made[storage.buffer.memory], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "indices", "before", "behind"),
    [
        (50, (BATCH, 9), (), (12,)),
        (5000, (3,), (), ()),
        (40, (BATCH,), (BATCH, 3), ()),
        (4, (2, 3), (5,), (130,)),
        (BATCH, (11,), (), (6,)),
        (N, (BATCH, 2), (), (N,)),
        (3, (BATCH,), (), (5000,)),
    ],
)
def test_no_layout_is_taken_in_order(
    size: Size, indices: tuple[Size, ...], before: tuple[Size, ...], behind: tuple[Size, ...]
) -> None:
    places = g.input(indices, "int32")
    updates = g.input((*before, *indices, *behind), "float32")
    found = mapped(g.scatter_add(places, g.tanh(updates), size, axis=len(before)))
    assert not {PLAIN, IN_ORDER.name} & set(found.names), found.refusals
