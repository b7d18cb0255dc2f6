"""The loop programs of a function's kernels: values by name, mappings and why not another one."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc import graph as g
from graphc.compiler.graph.dim import Size


def test_a_kernel_says_why_the_mappings_above_its_own_do_not_take_it() -> None:
    parts = [g.input((g.BATCH, 2), name=f"part{k}") for k in range(40)]
    both = g.exp(g.concat(parts, 1))
    (kernel,) = graphc.function(parts, both).loop_programs(batch=4, target="cpu")
    assert kernel.mapped is not None
    assert kernel.mapped.names == ("in order",)
    lines = str(kernel).splitlines()
    at = lines.index("as it runs, by the mapping in order:")
    assert lines[at + 1].startswith("  not by vectors: ")


def test_a_new_value_of_a_state_is_named_after_it() -> None:
    count = graphc.shared(np.zeros(3, "float32"), name="count")
    x = g.input((g.BATCH, 3), name="x")
    function = graphc.function([x], [], updates=[(count, count + g.sum(x, axis=0))])
    (kernel,) = function.loop_programs(batch=5)
    assert [buffer.name for buffer in kernel.program.outputs] == ["new_count"]
    assert {buffer.name for buffer in kernel.program.inputs} == {"x", "count"}
    assert kernel.measured.compulsory_bytes == 4 * (5 * 3 + 3 + 3)


def states_of(rows: Size) -> graphc.Function:
    """Return a function of a loop over four steps of a batch of so many rows."""
    xs, start = g.input((4, rows, 64), name="xs"), g.input((rows, 64), name="start")
    weights = g.input((64, 64), name="weights")

    def step(carries: list[g.Node], slices: list[g.Node]) -> tuple[list[g.Node], list[g.Node]]:
        new = g.tanh(slices[0] + g.matmul(carries[0], weights))
        return [new], [new]

    _, (states,) = g.scan(step, [start], [xs])
    return graphc.function([xs, start, weights], states)


def test_the_kernels_of_a_loop_are_those_of_a_thread_where_threads_divide_rows() -> None:
    (kernel,) = states_of(g.BATCH).loop_programs(batch=5, target="cpu")
    assert kernel.times == 4
    assert kernel.mapped is not None
    assert kernel.mapped.names == ("strips of own rows",)
    rows = [variable.name for variable, _ in kernel.mapped.program.indices]
    assert rows == ["step0", "begin", "end"]


@pytest.mark.parametrize("rows", [2, 8, 32, 33, 100, 200])
def test_a_known_number_of_rows_is_divided_as_an_unknown_one(rows: int) -> None:
    (kernel,) = states_of(rows).loop_programs(target="cpu")
    assert kernel.mapped is not None
    assert kernel.mapped.names == ("strips of own rows",)


def test_one_row_is_not_divided() -> None:
    for kernel in states_of(1).loop_programs(target="cpu"):
        assert kernel.mapped is not None
        assert "in order" not in kernel.mapped.names
        assert "begin" not in [variable.name for variable, _ in kernel.mapped.program.indices]
