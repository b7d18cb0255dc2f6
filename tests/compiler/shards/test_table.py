"""The table of the analysis: each op has a rule, and each rule keeps the value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import sharded_function
from graphc.compiler.shards.table import TABLE
from graphc.config import config
from graphc.errors import ArgumentError
from tests.compiler.graph.op_cases.case import Case
from tests.compiler.graph.op_cases.table import CASES
from tests.compiler.graph.test_ops_table import SIZED, check, symbolic


def test_every_op_has_a_rule():
    """But leaves, which have a status by themselves, and loops, which have that of their bodies."""
    assert {*TABLE} == {n for n, op in g.OPS.items() if op.family not in ("leaf", "loop")}


MOST = 12  # cases of an op, spread over all that there are


def of_op(op: str) -> Iterator[tuple[Case, int]]:
    """Yield cases of an op with each of their sizes, which is to be that of the batch."""
    cases = [
        (case, size)
        for case in CASES
        if case.op == op and case.arrays and all(array.size for array in case.arrays)
        for size in sorted({size for array in case.arrays for size in array.shape if size > 1})
    ]
    yield from cases[:: max(len(cases) // MOST, 1)]


@pytest.mark.parametrize("op", sorted({*g.OPS} - {"pack_bools"}))
def test_every_op_has_its_value_from_shards(op: str):
    """One size becomes the batch, wherever it stands. What a rule divides is what the op gives for
    the whole batch; what it does not divide is computed from all rows."""
    for case, size in of_op(op):
        symbols = {size: g.BATCH}
        inputs = [g.input(symbolic(a.shape, symbols), a.dtype.name) for a in case.arrays]
        attrs = {
            name: symbolic(value, symbols) if name in SIZED else value
            for name, value in case.attrs.items()
        }
        with config.changed(cpu="numpy"):
            try:
                node = case.node(*inputs, attrs=attrs)
                function = sharded_function(inputs, node, on_unused_input="ignore", shards=2)
            except ArgumentError as error:
                if "the graph itself has a number for it" in str(error):  # by the op's attributes
                    continue
                raise
            check(case, np.asarray(function(*case.arrays)))
