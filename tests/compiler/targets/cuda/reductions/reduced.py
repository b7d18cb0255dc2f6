"""Reductions as a GPU's threads run them, evaluated beside the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size, Symbol, symbols
from graphc.compiler.interpret import evaluate as interpreted
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.mapping import MappedProgram, Mapping, choose
from graphc.compiler.targets.target import Target

GPU = Target("cuda", 16, 255, shared_bytes=48 << 10, lanes=32)
TOLERANCE = {"float32": 3e-6, "float64": 1e-14}


def plain(output: Node, kind: str) -> LoopProgram:
    """Return the plain program of a node that is one kernel of a kind."""
    (kernel,) = kernels(make_schedule([output], most_shared=GPU.shared_bytes))
    assert kernel.kind == kind
    return plain_program(kernel, "k0", buffers_of(kernel))


def sizes_of(program: LoopProgram, x: np.ndarray) -> dict[Symbol, int]:
    """Return the sizes at which a program has an array as its one input."""
    (given,) = program.inputs
    shape: Sequence[Size] = given.shape
    return {symbols(n)[0]: size for n, size in zip(shape, x.shape, strict=True) if symbols(n)}


def results(program: LoopProgram, x: np.ndarray) -> np.ndarray:
    """Return the result of a program of one input and one output, whose bits are the same in
    whichever order threads run."""
    (output,) = program.outputs
    sizes = sizes_of(program, x)
    found = [
        evaluate(program, {"x0": x}, sizes, order=order).outputs[output.memory]
        for order in TurnOrder
    ]
    assert all(one.tobytes() == found[0].tobytes() for one in found)
    return found[0]


def numbers(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return numbers with the largest twice, and away from zero on the average."""
    x = np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype) + 0.5
    flat = x.reshape(-1)
    flat[len(flat) // 3] = flat[-1] = flat.max() + 1
    return x


def check(
    function: Callable[[Node], Node],
    given: tuple[int | None, ...],
    shapes: Sequence[tuple[int, ...]],
    kind: str,
    table: Sequence[Mapping],
    dtype: str = "float32",
) -> MappedProgram:
    """Assert that a function of an input means, as it is mapped, what the interpreter computes, at
    several sizes; return how it is mapped."""
    node = g.input(given, dtype)
    output = function(node)
    mapped = choose(plain(output, kind), GPU, table)
    for shape in shapes:
        x = numbers(shape, dtype)
        (expected,) = interpreted([output], {node: x})
        found = results(mapped.program, x)
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * 10)
    return mapped


def layer_norm(x: Node) -> Node:
    """Return rows with their mean taken off, divided by their deviation."""
    centred = x - g.mean(x, axis=1, keepdims=True)
    return centred / g.sqrt(g.mean(centred * centred, axis=1, keepdims=True) + 1e-5)


FUNCTIONS: dict[str, Callable[[Node], Node]] = {
    "sum": lambda x: g.sum(x, axis=1),
    "max": lambda x: g.max(x, axis=1),
    "argmax": lambda x: g.argmax(x, axis=1),
    "argmin": lambda x: g.argmin(x, axis=1),
    "any": lambda x: g.any(x > 1, axis=1),
    "softmax": g.softmax,
    "layer norm": layer_norm,
}
"""Reductions of the rows of a matrix."""
