"""The mapping of poolings of functions of elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.program import LoopProgram, innermost_loops, values_of, walk_value
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.loops.value import Apply
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.reductions.rows_of_windows import ROWS_OF_WINDOWS
from tests.compiler.targets.cpu.reductions.windows import CPU, check, mapped, x


def plain(output: Node) -> LoopProgram:
    (kernel,) = kernels(make_schedule([output], most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


TAKEN: Mapping[str, Callable[[], Node]] = {
    "elements that no window has": lambda: g.max_pool(g.tanh(x(2, 13, 57)), (6, 6)),
    "means": lambda: g.average_pool(g.sigmoid(x(2, 12, 48)) * 2.0, (6, 6)),
    "places": lambda: g.make(
        "argmax_pool", g.tanh(x(2, 12, 48)), window=(6, 6), strides=(6, 6), padding=((0, 0), (0, 0))
    ),
    "windows of one axis": lambda: g.max_pool(g.exp(x(3, 330)), (33,)),
    "few windows": lambda: g.max_pool(g.tanh(x(2, 4, 12)), (2, 2)),
    "a value ahead of all loops": lambda: g.max_pool(
        g.tanh(x(2, 12, 48) * g.exp(g.input((), "float32"))), (6, 6)
    ),
    "three axes": lambda: g.max_pool(g.tanh(x(1, 4, 3, 27)), (4, 3, 3)),
}


@pytest.mark.parametrize("case", TAKEN)
def test_it_means_the_same(case: str) -> None:
    before = plain(TAKEN[case]())
    found = mapped(before)
    assert found.names == (ROWS_OF_WINDOWS.name,), found.refusals
    check(before, found.program, rtol=1e-6)


@pytest.mark.parametrize("case", TAKEN)
def test_functions_are_computed_in_vectors(case: str) -> None:
    program = mapped(plain(TAKEN[case]())).program
    ops = {"tanh", "sigmoid", "exp"}
    computing = [
        loop
        for loop in innermost_loops(program.body)
        for one in loop.body
        for value in values_of(one)
        for part in walk_value(value)
        if isinstance(part, Apply) and part.op in ops
    ]
    assert computing
    assert all(loop.kind is LoopKind.VECTOR for loop in computing)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (lambda: g.max_pool(x(2, 8, 8) + 1.0, (2, 2)), "compute 0 functions"),
        (
            lambda: g.max_pool(x(2, 8, 8) * g.exp(g.input((), "float32")), (2, 2)),
            "compute 0 functions",
        ),
        (
            lambda: g.max_pool(g.tanh(x(2, 8, 9)), (2, 2), strides=(3, 3)),
            "is not the next one of a row",
        ),
    ],
)
def test_what_it_does_not_take(output: Callable[[], Node], reason: str) -> None:
    assert reason in ROWS_OF_WINDOWS.when(plain(output()), CPU).refusal
