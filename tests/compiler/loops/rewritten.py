"""Comparison of a program with what a rewrite made of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphc.compiler.graph.dim import Symbol
from graphc.compiler.graph.dim import evaluate as size_of
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram

_NO_SIZES: Mapping[Symbol, int] = {}


def inputs_of(
    program: LoopProgram, sizes: Mapping[Symbol, int] = _NO_SIZES
) -> dict[str, np.ndarray]:
    """Return an array of numbers for each input, the same in each run."""
    generator = np.random.default_rng(7)
    arrays = {}
    for buffer in program.inputs:
        shape = tuple(size_of(size, sizes) for size in buffer.shape)
        values = generator.standard_normal(shape) * 4
        kind = np.dtype(buffer.dtype).kind
        arrays[buffer.name] = (values > 0 if kind == "b" else values).astype(buffer.dtype)
    return arrays


def outputs_of(
    program: LoopProgram,
    sizes: Mapping[Symbol, int] = _NO_SIZES,
    order: TurnOrder = TurnOrder.FORWARD,
) -> dict[str, np.ndarray]:
    """Return what a program computes of them. Each element of the outputs has a value."""
    result = evaluate(program, inputs_of(program, sizes), sizes, order=order)
    assert all(stored.all() for stored in result.stored.values())
    return dict(result.outputs)


def assert_same_bits(
    before: LoopProgram, after: LoopProgram, sizes: Mapping[Symbol, int] = _NO_SIZES
) -> None:
    """Compare all bits of the results, in each order of turns."""
    expected = outputs_of(before, sizes)
    for order in TurnOrder:
        result = outputs_of(after, sizes, order)
        assert result.keys() == expected.keys()
        for name, array in expected.items():
            assert result[name].dtype == array.dtype
            assert result[name].tobytes() == array.tobytes(), (name, order)


def assert_close(
    before: LoopProgram,
    after: LoopProgram,
    sizes: Mapping[Symbol, int] = _NO_SIZES,
    rtol: float = 2e-6,
) -> None:
    """Compare the results of float32 sums of a few numbers in two orders."""
    expected = outputs_of(before, sizes)
    for order in TurnOrder:
        for name, array in outputs_of(after, sizes, order).items():
            np.testing.assert_allclose(array, expected[name], rtol=rtol, atol=rtol * 40)
