"""The time that compiling takes: python benchmarks/compile_time.py [--starts [MODEL ...] | --long]

First graphs: the median processor milliseconds to build, differentiate and optimise some of 100,
1,000 and 10,000 nodes (before their gradients are added) and, for each step, how much a node costs
at 10,000 against 1,000 (flat is 1.0); then how soon a 3-layer MLP can train on the CPU.

Then how soon the kernels of each reference model are there, in a process of its own each time: with
an empty cache, which runs the compiler, and with a cache that has them; for a GPU (by nvcc; no GPU
is needed for that) and as native code (by the C++ compiler). With ``--starts`` these alone, of the
models that are named or of all; what has no compiler is left out.

Last programs that are long or wide, natively with an empty cache and interpreted: the processor
seconds of everything up to the end of the first call, those of the compiler included, at a quarter
of the size, a half and the whole. With ``--long`` these alone.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import graphc
from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import launches
from graphc.compiler.runtime.cpu import compiler as native_compiler
from graphc.compiler.runtime.cpu import toolchain
from graphc.compiler.runtime.gpu import nvcc, probe
from graphc.compiler.schedule import make_schedule
from graphc.config import config
from graphc.layers import Dense
from graphc.models import Sequential
from graphc.reference_models import REFERENCE_MODELS

SIZES = (100, 1_000, 10_000)
STEPS = ("build", "grad", "passes")
REPEATS = 5
CARD = "sm_90"
ANY_DRIVER = (99, 0)  # nothing is loaded
TARGETS = {"cuda": ("nvcc", "cubin"), "native": ("C++", "so")}
"""Of each target its compiler, and how the names of what that makes end."""

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
    """Return the number of nodes of the graph with its gradients, and the seconds of each of
    `STEPS`."""
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


@dataclass(frozen=True)
class Start:
    """From imported modules to kernels that a driver could load, part by part.

    The parts are processor seconds, as other programs take the clock's.

    Attributes:
        build: weights, graph, gradient.
        passes: of the compiler.
        schedule: what is computed together, as `lower` works it out once more.
        lower: from the graph after the passes to the source, the schedule included.
        look_up: of the binary in the cache, by the source; of native code loading it, too.
        clock: seconds by the clock of passes, `lower` and the binary.
        compiler: seconds by the clock of the binary, where a compiler made it; else 0.
        kernels, lines: of the source.
    """

    build: float
    passes: float
    schedule: float
    lower: float
    look_up: float
    clock: float
    compiler: float
    kernels: int
    lines: int


def start(target: str, name: str, folder: str) -> Start:
    """Prepare a reference model's training step for a target, with the kernel cache in `folder`."""
    config.cuda_cache = folder
    step, build = timed(REFERENCE_MODELS[name].build)
    values = [step.loss, *step.metrics, *(value for _, value in step.updates)]
    states = [g.state_of(variable) for variable, _ in step.updates]
    begun = time.perf_counter()
    (outputs, _), passes = timed(optimize, values)
    clock = time.perf_counter() - begun
    begun = time.perf_counter()
    program, lowering = timed(LOWER[target], outputs, states)
    clock += time.perf_counter() - begun
    _, schedule = timed(make_schedule, program.outputs)
    ending = f"*.{TARGETS[target][1]}"
    kept = set(Path(folder).glob(ending))
    begun = time.perf_counter()
    _, look_up = timed(BINARY[target], program.source, name)
    binary = time.perf_counter() - begun
    compiled = binary if set(Path(folder).glob(ending)) > kept else 0.0
    counts = len(launches(program.steps)), len(program.source.splitlines())
    return Start(build, passes, schedule, lowering, look_up, clock + binary, compiled, *counts)


LOWER = {
    "cuda": lower,
    "native": lambda outputs, states: lower_native(outputs, states).program,
}
BINARY = {
    "cuda": lambda source, name: nvcc.compiled(source, CARD, ANY_DRIVER, {}, name, bytes),
    "native": lambda source, name: native_compiler.loaded(source, {}, name),
}
FOUND = {"cuda": probe.nvcc_path, "native": toolchain.compiler_path}


def started_alone(target: str, name: str, folder: str) -> Start:
    """`start` in a process of its own, which has imported everything and done nothing before."""
    command = [sys.executable, __file__, "--one-start", target, name, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the start of {name} failed:\n{done.stderr}")
    return Start(**json.loads(done.stdout))


def report_starts(names: Sequence[str]) -> None:
    """Tables of cold and warm starts, for each target that has a compiler here."""
    for target in TARGETS:
        if FOUND[target]() is None:
            print(f"\nStarts, {target}: left out, as {TARGETS[target][0]} is not on PATH")
        else:
            report_target(target, names)


def report_target(target: str, names: Sequence[str]) -> None:
    """A table of cold and warm starts; of the warm ones the median."""
    compiler = TARGETS[target][0]
    parts = ("build", "passes", "schedule", "lower", "look_up")
    print(
        f"\nStarts, {target}: {compiler} in seconds; a warm one in milliseconds, its parts of the "
        "processor,\nin all (passes, lower, look-up) of the processor and by the clock"
    )
    heads = ("kernels", "lines", f"{compiler} s", *parts, "in all", "clock")
    print(f"{'model':<8}", *(f"{head:>8}" for head in heads))
    for name in names:
        with tempfile.TemporaryDirectory(prefix="graphc-starts-") as folder:
            cold = started_alone(target, name, folder)
            warm = [started_alone(target, name, folder) for _ in range(REPEATS)]
        if any(one.compiler for one in warm):
            sys.exit(f"{name}: a warm start ran {compiler}: its source or kernels/ have changed")
        columns = [[getattr(one, part) for one in warm] for part in parts]
        columns.append([one.passes + one.lower + one.look_up for one in warm])
        columns.append([one.clock for one in warm])
        cells = (f"{1e3 * statistics.median(column):>8.1f}" for column in columns)
        counts = (f"{cold.kernels:>8}", f"{cold.lines:>8}", f"{cold.compiler:>8.1f}")
        print(f"{name:<8}", *counts, *cells, flush=True)


def joined(size: int) -> Built:
    """One concatenation of many inputs, and its gradient by all of them."""
    parts = [g.input((g.BATCH, 3)) for _ in range(size)]
    return g.sum(g.square(g.concat(parts, axis=1))), parts


def called(build: Callable[[int], Built], size: int) -> None:
    """Compile a graph with its gradients and call it once."""
    loss, wrt = build(size)
    outputs = [loss, *graphc.grad(loss, wrt)]
    inputs = [node for node in g.toposort(outputs) if node.op == "input"]
    arrays = [np.ones((4, node.shape[1]), node.dtype) for node in inputs]
    graphc.function(inputs, outputs)(*arrays)


def trained(size: int) -> None:
    """Build and compile a Sequential of this many layers, and train it for a step."""
    model = Sequential([Dense(4, input_dim=4), *(Dense(4) for _ in range(size - 1))])
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 4)), np.ones((4, 4)))


LONG: dict[str, tuple[int, Callable[[int], None]]] = {
    "chain of ops": (2_000, lambda size: called(chain, size)),
    "concatenation": (1_500, lambda size: called(joined, size)),
    "Sequential": (2_000, trained),
}


def processor_seconds() -> float:
    """The processor seconds of this process and of those that it waited for."""
    return sum(os.times()[:4])


def report_long() -> None:
    """A table of `LONG`."""
    ways = ["numpy"] if FOUND["native"]() is None else ["numpy", "native"]
    print("\nLong and wide programs, processor seconds to the end of the first call")
    for name, (most, run) in LONG.items():
        for way in ways:
            cells = []
            for size in (most // 4, most // 2, most):
                with (
                    tempfile.TemporaryDirectory(prefix="graphc-long-") as folder,
                    config.changed(cpu=way, cuda_cache=folder),
                ):
                    started = processor_seconds()
                    run(size)
                    cells.append(f"{size:>8,} {processor_seconds() - started:>6.1f} s")
            print(f"{name:<14} {way:<7}", *cells, flush=True)


def main(builders: Sequence[tuple[str, Callable[[int], Built]]]) -> None:
    for name, build in builders:
        report(name, build)
    first, *later = (ready() for _ in range(REPEATS))
    print(
        f"\n3-layer MLP, from its first layer to the end of its first training step: "
        f"{first:.3f} s the first time, then {statistics.median(later):.3f} s"
    )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--one-start"]:
        print(json.dumps(asdict(start(*arguments[1:]))))
    elif arguments[:1] == ["--starts"]:
        report_starts(arguments[1:] or list(REFERENCE_MODELS))
    elif arguments == ["--long"]:
        report_long()
    elif arguments:
        sys.exit(
            f"expected nothing, --starts [MODEL ...] or --long, received {' '.join(arguments)}"
        )
    else:
        main((("chain of pointwise ops", chain), ("MLP-like stack", stack), ("wide loop", loop)))
        report_starts(list(REFERENCE_MODELS))
        report_long()
