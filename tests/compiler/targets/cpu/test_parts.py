"""Loops around vectors are cut where the parts of a concatenation end."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram, loops_in
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.cpu.pointwise import conditions_in
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target

CPU = Target("cpu", 64, 32, threads=2)
(B,) = symbols(BATCH)


def x(*shape: int) -> Node:
    return g.input((BATCH, *shape), "float32")


def columns() -> Node:
    return g.concat([x(2, 3, 20), g.exp(x(2, 3, 12)), x(2, 3, 230)], 3)


def joined() -> Node:
    return g.concat([x(3, 6, 9), g.exp(x(2, 6, 9)), x(4, 6, 9)], 1)


@functools.cache
def many() -> Node:
    return g.concat([x(count, 6, 9) for count in (1, 3, 2, 4, 5)], 1)


CASES = {
    "behind a convolution": lambda: (
        g.conv(x(2, 6, 9), g.input((9, 2, 3, 3), "float32"), padding=1) * joined()
    ),
    "behind one of one tap": lambda: (
        g.conv(x(5, 6, 9), g.input((9, 5, 1, 1), "float32")) * joined()
    ),
    "a pooling": lambda: g.max_pool(joined(), (2, 2), 1),
    "sums of channels": lambda: g.sum(joined(), (0, 2, 3)),
    "variances of channels": lambda: g.mean(
        g.square(
            many()
            - g.broadcast_to(g.reshape(g.mean(many(), (0, 2, 3)), (1, 15, 1, 1)), many().shape)
        ),
        (0, 2, 3),
    ),
    "sums of columns": lambda: g.sum(g.square(columns()), (0, 1, 2)),
    "means and variances": lambda: g.mean(
        g.square(columns() - g.mean(columns(), (0, 1, 2))), (0, 1, 2)
    ),
}


def plain(name: str) -> LoopProgram:
    *_, kernel = kernels(make_schedule([CASES[name]()], most_shared=0))
    return plain_program(kernel, kernel.kind, buffers_of(kernel))


@pytest.mark.parametrize("name", CASES)
def test_no_lane_looks_which_part_it_is_in(name: str) -> None:
    before = plain(name)
    program = choose(before, CPU, CPU_MAPPINGS[before.name]).program
    rows = [one for one in loops_in(program.body) if one.kind is LoopKind.VECTOR]
    others = {x.variable for x in loops_in(program.body) if x.kind is not LoopKind.VECTOR}
    assert rows
    for row in rows:
        tested = (one.index.variables for one in conditions_in(row.body))
        assert not any(len(one) == 1 and one <= others for one in tested)


@pytest.mark.parametrize("name", ["sums of columns", "means and variances"])
def test_lanes_of_a_vector_are_of_one_part(name: str) -> None:
    before = plain(name)
    assert list(conditions_in(before.body))
    mapped = choose(before, CPU, CPU_MAPPINGS[before.name])
    assert mapped.names == ("tiles of rows",)
    assert not list(conditions_in(mapped.program.body))


@pytest.mark.parametrize("name", CASES)
def test_it_means_the_same(name: str) -> None:
    before = plain(name)
    after = choose(before, CPU, CPU_MAPPINGS[before.name]).program
    rng = np.random.default_rng(5)
    arrays = {
        one.memory: rng.standard_normal(
            [size if isinstance(size, int) else 2 for size in one.shape]
        ).astype("float32")
        for one in before.inputs
    }
    expected = evaluate(before, arrays, {B: 2}).outputs
    for output, array in evaluate(after, arrays, {B: 2}).outputs.items():
        np.testing.assert_allclose(array, expected[output], rtol=1e-5, atol=1e-5)
