"""Sums one term after the other: the same up to rounding, which is that of a running sum."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import Program, sequential
from tests.compiler.arrangements import plain
from tests.compiler.graph.op_cases.table import CASES

OPS = ("sum", "matmul", "conv", "scatter_add")

# 2^24 + 1 is no float32: a one that is added to 2^24 is lost, two of them are not.
HALF = 2.0**23
TERMS = np.array([HALF, HALF, *[1] * 14], "float32")


def run(node: g.Node, seed: int = 0) -> np.ndarray:
    return Program([node], table=sequential(seed)).run({}, {}, 0)[0]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("op", OPS)
def test_rows_of_the_op_table(op, seed):
    for case in (case for case in CASES if case.op == op):
        part = plain(case, 0)
        (found,) = Program(part.outputs, table=sequential(seed)).run(part.feeds, {}, 0)
        assert found.dtype == case.expected.dtype, str(case)
        np.testing.assert_allclose(found, case.expected, 1e-6, 1e-6, err_msg=str(case))


def test_each_term_is_added_to_all_before_it():
    terms = g.constant(TERMS)
    ones = g.constant(np.ones(16, "float32"))
    added = {
        "one axis": g.sum(terms),
        "two axes": g.sum(g.reshape(terms, (4, 4))),
        "matmul": g.dot(g.reshape(terms, (1, 16)), g.reshape(ones, (16, 1))),
        "conv": g.conv(g.reshape(terms, (1, 16, 1, 1)), g.reshape(ones, (1, 16, 1, 1))),
        "scatter_add": g.scatter_add(np.zeros(16, "int32"), terms, 1),
    }
    for name, node in added.items():
        assert run(node).item() == 2 * HALF, name
        # Permuted, some ones are added before the sum is large.
        assert len({run(node, seed).item() for seed in range(9)}) > 1, name
    assert run(g.sum(g.flip(terms, 0))).item() == 2 * HALF + 14


def test_bodies_of_loops_add_so_too():
    rows = g.constant(np.tile(TERMS, (2, 1)))
    _, (sums,) = g.scan(lambda _, slices: ((), (g.sum(slices[0]),)), [], [rows])
    assert run(sums).tolist() == [2 * HALF] * 2
