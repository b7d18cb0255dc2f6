"""Poolings of the op table as a CPU runs them, against the interpreter; and what no other mapping
takes."""

from __future__ import annotations

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.statement import For, LoopKind, Store
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.in_order import IN_ORDER
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target
from tests.compiler.loops import written as w
from tests.compiler.loops.written import I, J
from tests.compiler.targets.mapped_ops import check_mapped

CPU = Target("cpu", 64, 32)


def test_windows_of_the_table() -> None:
    check_mapped("windows", "plain", CPU, {"window": CPU_MAPPINGS["window"]})


M = g.symbol("m")
STRIDED = {"window": (1, 1), "strides": (3, 3), "padding": ((0, 0), (0, 0))}


@pytest.mark.parametrize(
    "output",
    [
        g.make("argmax_pool", g.input((5, 1, M, M)), **STRIDED),
        g.make("max_pool", g.input((2, 2, M, 3), "float64"), **STRIDED),
    ],
)
def test_windows_of_symbolic_sizes_are_taken(output: Node) -> None:
    """Though nothing proves that two of them are not stored in one place."""
    (kernel,) = kernels(make_schedule([output]))
    program = plain_program(kernel, "k0", buffers_of(kernel))
    assert not choose(program, CPU, CPU_MAPPINGS["window"]).is_plain


X, Y = w.floats("x", w.N, 3), w.floats("y", w.N, 3)


def test_what_no_other_mapping_takes_is_divided_over_threads() -> None:
    program = w.program(
        (X,), (Y,), w.loop(I, w.N, w.loop(J, 3, Store(w.at(Y, I, J), w.at(X, I, J))))
    )
    (loop,) = choose(program, CPU, (IN_ORDER,)).program.body
    assert isinstance(loop, For)
    assert loop.kind is LoopKind.TEAM


def test_turns_that_need_each_other_are_of_one_thread() -> None:
    sum_so_far = w.op("add", w.at(Y, I, 0), w.at(X, I, 0))
    program = w.program((X,), (Y,), w.loop(I, w.N - 1, Store(w.at(Y, I + 1, 0), sum_so_far)))
    (loop,) = choose(program, CPU, (IN_ORDER,)).program.body
    assert isinstance(loop, For)
    assert loop.kind is LoopKind.SERIAL
