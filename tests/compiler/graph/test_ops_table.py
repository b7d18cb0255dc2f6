"""Every op against a reference of its own, with known and with symbolic sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.binding import bind
from graphc.compiler.graph.dim import evaluate as size_of
from graphc.compiler.interpret import NUMPY, SUPPLIED, evaluate
from tests.compiler.graph.op_cases.case import Case
from tests.compiler.graph.op_cases.table import CASES

# Attributes that hold sizes, and so may hold symbols.
SIZED = ("shape", "size", "stop")


def test_every_op_has_a_row_and_a_meaning():
    assert set(g.OPS) == {case.op for case in CASES}
    assert set(g.OPS) == set(NUMPY) | SUPPLIED
    assert not set(NUMPY) & SUPPLIED


def check(case: Case, result: np.ndarray) -> None:
    assert result.dtype == case.expected.dtype
    assert result.shape == case.expected.shape
    if not case.rounding:
        np.testing.assert_array_equal(result, case.expected)
    elif case.op in ("conv", "matmul"):
        largest = np.max(np.abs(case.expected))
        np.testing.assert_allclose(result, case.expected, rtol=0, atol=case.rounding * largest)
    else:
        tiny = 4 * np.finfo(result.dtype).eps  # where terms of both signs cancel
        atol = tiny if case.op in ("sum", "max_unpool", "sum_pool", "sum_unpool", "scan") else 0
        np.testing.assert_allclose(result, case.expected, rtol=case.rounding, atol=atol)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_known_sizes(case: Case):
    # A call is not fed arrays without elements; only a constant can be empty.
    inputs = [
        g.input(array.shape, array.dtype.name) if array.size else g.constant(array)
        for array in case.arrays
    ]
    node = case.node(*inputs)
    assert case.op in {each.op for each in g.every_node([node])}
    assert node.shape == case.expected.shape
    assert node.dtype == case.expected.dtype.name
    fed = zip(inputs, case.arrays, strict=True)
    (result,) = evaluate([node], {x: array for x, array in fed if x.op == "input"})
    check(case, result)


def symbolic(value: Any, symbols: dict[int, g.Dim]) -> Any:
    if isinstance(value, tuple):
        return tuple(symbolic(part, symbols) for part in value)
    return symbols.get(value, value) if isinstance(value, int) else value


@pytest.mark.parametrize("case", [c for c in CASES if c.arrays and c.arrays[0].size], ids=str)
def test_symbolic_sizes(case: Case):
    """Each size of the inputs becomes a symbol, wherever it stands; the call gives the values."""
    sizes = sorted({size for array in case.arrays for size in array.shape})
    symbols = {size: g.symbol(f"n{size}") for size in sizes}
    inputs = [g.input(symbolic(a.shape, symbols), a.dtype.name) for a in case.arrays]
    attrs = {
        name: symbolic(value, symbols) if name in SIZED else value
        for name, value in case.attrs.items()
    }
    node = case.node(*inputs, attrs=attrs)
    bindings = bind(inputs, case.arrays)
    assert tuple(size_of(size, bindings) for size in node.shape) == case.expected.shape
    (result,) = evaluate([node], dict(zip(inputs, case.arrays, strict=True)))
    check(case, result)
