"""How long graphs take to build, differentiate and optimise: python benchmarks/compile_time.py

Prints the median processor milliseconds for graphs of 100, 1,000 and 10,000 nodes (before their
gradients are added) and, for each step, how much a node costs at 10,000 against 1,000 (flat is
1.0); then how soon a 3-layer MLP can train.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

import graphc
from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.passes import optimize
from graphc.reference_models import REFERENCE_MODELS

SIZES = (100, 1_000, 10_000)
STEPS = ("build", "grad", "passes")
REPEATS = 5

Built = tuple[Node, list[Node]]


def chain(size: int) -> Built:
    """One long chain of mixed pointwise ops. Returns the loss and what to differentiate by."""
    start = x = g.input((g.BATCH, 8))
    links = (g.tanh, g.sigmoid, lambda y: y * start, lambda y: y + 1.5, lambda y: g.maximum(y, 0))
    for k in range(size):
        x = links[k % len(links)](x)
    return g.sum(x), [start]


def stack(size: int) -> Built:
    """An MLP as deep as it takes: a product, a bias and a ReLU a layer."""
    x = g.input((g.BATCH, 8))
    zero = np.zeros((8, 8), "float32")
    weights: list[Node] = []
    for _ in range(size // 5):  # product, shared variables, broadcast and addition, ReLU
        weight, bias = graphc.shared(zero), graphc.shared(zero[0])
        x = g.maximum(g.dot(x, weight) + bias, 0)
        weights += [weight, bias]
    return g.sum(x), weights


def loop(size: int) -> Built:
    """One loop whose step reads many sequences, two nodes for each."""
    sequences = [g.input((5,)) for _ in range(size // 2)]

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple:
        total = carries[0]
        for part in slices:
            total = g.sin(total) + part
        return (total,), ()

    (final,), _ = g.scan(step, [g.constant(0.0)], sequences)
    return final, sequences


def timed(function: Callable, *arguments: object) -> tuple[object, float]:
    """A result and the processor seconds that it took: the compiler runs in one thread."""
    started = time.process_time()
    return function(*arguments), time.process_time() - started


def measure(build: Callable[[int], Built], size: int) -> tuple[int, list[float]]:
    """How many nodes the graph with its gradients has, and the seconds of each of `STEPS`."""
    (loss, wrt), building = timed(build, size)
    grads, differentiating = timed(graphc.grad, loss, wrt)
    outputs = [loss, *grads]
    _, optimising = timed(optimize, outputs)
    return g.count_nodes(outputs), [building, differentiating, optimising]


def medians(build: Callable[[int], Built], size: int) -> tuple[int, list[float]]:
    runs = [measure(build, size) for _ in range(REPEATS if size < 10_000 else 3)]
    columns = zip(*(seconds for _, seconds in runs), strict=True)
    return runs[0][0], [statistics.median(column) for column in columns]


def report(name: str, build: Callable[[int], Built]) -> None:
    measure(build, 100)  # first use: imports, caches
    print(f"\n{name}\n{'nodes':>8} {'and grad':>8}", *(f"{step + ' ms':>12}" for step in STEPS))
    rows = {size: medians(build, size) for size in SIZES}
    for size, (nodes, seconds) in rows.items():
        print(f"{size:>8,} {nodes:>8,}", *(f"{1e3 * one:>12.2f}" for one in seconds))
    (small, fast), (large, slow) = rows[1_000], rows[10_000]
    ratios = [(b / large) / (a / small) for a, b in zip(fast, slow, strict=True)]
    print(f"{'microseconds a node':>17}", *(f"{1e6 * one / large:>12.2f}" for one in slow))
    print(f"{'10,000 : 1,000':>17}", *(f"{ratio:>12.2f}" for ratio in ratios))


def ready() -> float:
    """Seconds from the first layer to the end of the first training step of a 3-layer MLP."""
    model = REFERENCE_MODELS["mlp"]
    started = time.perf_counter()
    step = model.build()
    train = step.function()
    seconds = time.perf_counter() - started
    arrays = step.data(model.batch)
    started = time.perf_counter()
    train(*arrays)
    return seconds + time.perf_counter() - started


def main(builders: Sequence[tuple[str, Callable[[int], Built]]]) -> None:
    for name, build in builders:
        report(name, build)
    first, *later = (ready() for _ in range(REPEATS))
    print(
        f"\n3-layer MLP, from its first layer to the end of its first training step: "
        f"{first:.3f} s the first time, then {statistics.median(later):.3f} s"
    )


if __name__ == "__main__":
    main((("chain of pointwise ops", chain), ("MLP-like stack", stack), ("wide loop", loop)))
