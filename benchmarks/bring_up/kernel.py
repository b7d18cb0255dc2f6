"""Run one kernel on the GPU, and compare it with the interpreter.

python -m benchmarks.bring_up.kernel matmul
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from benchmarks.bring_up.outcome import tell
from graphc.compiler import graph as g
from graphc.compiler.function.comparison import Checked, check
from graphc.compiler.graph import BATCH, CallStep, Node, toposort
from graphc.compiler.graph.dim import symbols
from graphc.compiler.graph.origin import name_of
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import launches
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from tests.compiler.lowering import kinds
from tests.compiler.lowering.kinds import Built

SIZE = 5  # of each symbol: odd, so that no tile and no pack divides it
# What an input's integers are, where not every small one will do: a shard of 3 rows of 8.
NUMBERS = {"first": 2, "whole": 8}


def loop() -> Built:
    """A recurrent layer: a product with the state in each step."""
    xs, start = g.input((12, BATCH, 24), name="xs"), g.input((BATCH, 24), name="start")
    weights = g.shared(np.zeros((24, 24), "float32"), "U")

    def step(carries: tuple, slices: tuple) -> tuple:
        new = g.tanh(g.dot(carries[0], weights) + slices[0])
        return (new,), (new,)

    with g.origin("recurrent_1"):
        (last,), (stack,) = g.scan(step, [start], [xs])
    return "scan", [last, stack], []


KERNELS: dict[str, Callable[[], Built]] = {
    "pointwise": kinds.pointwise,
    "matmul": kinds.matmul,
    "rows": kinds.rows,
    "columns": kinds.columns,
    "conv": kinds.conv,
    "window": kinds.window,
    "gather": kinds.gather,
    "scatter": kinds.scatter,
    "update": kinds.update,
    "scan": loop,
    "spread_columns": kinds.spread_columns,
    "pooled_conv": kinds.pooled_conv,
    "pooled_volume": kinds.pooled_volume,
    "one_filter": kinds.one_filter,
    "holes_of_a_call": kinds.holes_of_a_call,
    "unpooled": kinds.unpooled,
    "overlapping": kinds.overlapping,
    "first_maximum": kinds.first_maximum,
    "drawn_shard": kinds.drawn_shard,
}
"""One of each kind first, then others of a kind that are written otherwise."""


def fed(node: Node, random: np.random.Generator) -> np.ndarray:
    """Return an array for an input: normal floats, or integers that any table has as rows."""
    shape = tuple(SIZE if not isinstance(size, int) else size for size in node.shape)
    if name_of(node) in NUMBERS:
        return np.full(shape, NUMBERS[name_of(node)], node.dtype)
    if node.dtype.startswith("float"):
        return random.standard_normal(shape).astype(node.dtype)
    return random.integers(0, 2, shape).astype(node.dtype)


def compared(name: str) -> tuple[Checked, set[str]]:
    """Run a kernel of the table beside the interpreter; return that, and the kinds of kernels."""
    _, outputs, states = KERNELS[name]()
    outputs = optimize(outputs)[0]
    random = np.random.default_rng(1337)
    feeds, bindings = {}, {}
    for node in toposort(outputs):
        if node.op == "input":
            feeds[node] = fed(node, random)
            bindings |= {symbol: SIZE for size in node.shape for symbol in symbols(size)}
        elif node.op == "shared":  # positive, as squares are
            value = 0.1 + random.random(node.shape)
            node.attrs["state"].set(value.astype(node.dtype))
    executor = CudaExecutor(lower(outputs, states), outputs, states, name)
    _, checked = check(executor, states, feeds, bindings, CallStep())
    return checked, {launch.kernel.kind for launch in launches(executor.program.steps)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernel", choices=tuple(KERNELS))
    checked, found = compared(parser.parse_args().kernel)
    problems = (*checked.failures, *checked.unchecked)
    tell(
        not problems,
        "; ".join(problems),
        kinds=sorted(found),
        values=checked.values,
        largest=checked.largest,
        limit=checked.limit,
    )


if __name__ == "__main__":
    main()
