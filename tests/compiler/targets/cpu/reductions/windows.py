"""Poolings that mappings are tried on, and the comparison of what they mean before and behind."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.target import Target

CPU = Target("cpu", 64, 32, threads=2)
(B,) = symbols(BATCH)


def x(*shape: int) -> Node:
    return g.input((BATCH, *shape), "float32")


def mapped(program: LoopProgram) -> MappedProgram:
    return choose(program, CPU, CPU_MAPPINGS["window"])


def check(before: LoopProgram, after: LoopProgram, rtol: float = 0.0) -> None:
    """Compare the results of a program of two samples with those of what it became."""
    rng = np.random.default_rng(3)
    shapes = {one: [2, *one.shape[1:]][: len(one.shape)] for one in before.inputs}
    arrays = {
        one.memory: rng.integers(9, size=shape, dtype="int32")  # places in windows
        if one.dtype == "int32"
        else rng.standard_normal(shape).astype("float32")
        for one, shape in shapes.items()
    }
    expected = evaluate(before, arrays, {B: 2}).outputs
    for order in TurnOrder:
        ours = evaluate(after, arrays, {B: 2}, order=order).outputs
        for name, array in expected.items():
            np.testing.assert_allclose(ours[name], array, rtol=rtol, atol=0.0)
