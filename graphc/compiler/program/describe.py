"""The kernels of a program, for people: one description a launch, in the order of running.

Of native code a launch is a function; it has no grid, and what it asks of memory is not counted.

    >>> print(describe(program, bindings, "mlp.train"))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from graphc.compiler.graph import Node
from graphc.compiler.graph.cost import cost, elements, multiply_adds
from graphc.compiler.graph.dim import evaluate
from graphc.compiler.program.fewest import fewest, fewest_of_launch, moved, repeated_reads
from graphc.compiler.program.kernel_list import KernelDescription, KernelList, ratio_of
from graphc.compiler.program.launch import (
    Bindings,
    DeviceBuffer,
    DeviceLoop,
    DeviceProgram,
    DeviceStep,
    Launch,
    launches,
    value_of,
)
from graphc.compiler.schedule.kernel import Kernel, Loop, kernels


def describe(
    program: DeviceProgram, bindings: Bindings, title: str, target: str = "cuda"
) -> KernelList:
    """The kernels of a program at one set of sizes.

    Args:
        bindings: a number for each symbol of the program's sizes.
        title: whose kernels they are.
        target: what the program is for: 'cuda', or 'cpu' (native code).
    """
    found = []
    step_of = {
        launch.name: number
        for number, step in enumerate(program.steps)
        for launch in launches([step])
    }
    for times, kernel, group in _kernels(program.steps, 1, bindings):
        for position, launch in enumerate(group):
            step = step_of[launch.name]
            one = _description(launch, kernel, position, group, step, times, bindings)
            found.append(one if target == "cuda" else replace(one, moved=None, ratio=None))
    sizes = {symbol.name: value for symbol, value in bindings.items()}
    return KernelList(title, found, program.source, sizes, target)


def _kernels(
    steps: Sequence[DeviceStep], times: int, bindings: Bindings
) -> Iterator[tuple[int, Kernel | Loop, list[Launch]]]:
    """The launches of each kernel that run at these sizes, and how often one call runs them."""
    for kernel, group in groupby(steps, key=lambda x: x.kernel if isinstance(x, Launch) else None):
        if kernel is not None:
            runs = [step for step in group if isinstance(step, Launch) and step.runs(bindings)]
            yield times, kernel, runs
            continue
        for loop in group:
            assert isinstance(loop, DeviceLoop)
            yield from _kernels(loop.steps, times * evaluate(loop.length, bindings), bindings)


def _description(
    launch: Launch,
    kernel: Kernel | Loop,
    position: int,
    group: Sequence[Launch],
    step: int,
    times: int,
    bindings: Bindings,
) -> KernelDescription:
    x, y, z = (value_of(size, bindings) for size in launch.grid)
    moves = tuple((one.what, one.written, one.nbytes(bindings)) for one in launch.traffic)
    least, ratio, flops, pairs = 0, None, 0, 0
    if position == 0:
        flops = sum(cost(node, bindings).flops for node in _nodes(kernel))
        pairs = sum(multiply_adds(node, bindings) for node in _nodes(kernel))
        least = fewest(kernel, group, bindings)
        ratio = ratio_of(sum(moved(one, bindings) for one in group), least)
    return KernelDescription(
        name=launch.name,
        kind=kernel.kind,
        layers=kernel.layers,
        ops=op_names(kernel),
        extents=_extents(kernel, bindings),
        grid=(x, y, z),
        block=launch.block,
        shared=value_of(launch.shared, bindings),
        step=step,
        times=times,
        flops=flops,
        multiply_adds=pairs,
        double=_is_double(launch, bindings),
        bytes=fewest_of_launch(kernel, position, group, bindings),
        fewest=least,
        moved=moved(launch, bindings),
        moves=moves,
        ratio=ratio,
        reads=_names(launch.reads),
        writes=_names(launch.writes),
        continues=group[0].name if position else None,
        repeats=launch.repeats,
        reasons=kernel.reasons,
        notes=(*launch.notes, *filter(None, [repeated_reads(launch, bindings)])),
        source=launch.text,
    )


def op_names(kernel: Kernel | Loop) -> tuple[str, ...]:
    """Return what is computed, as op names without repetition, in the order of the body."""
    parts = [kernel] if isinstance(kernel, Kernel) else kernels(kernel.steps)
    nodes = [node for part in parts for node in part.body]
    silent = ("input", "constant", "broadcast", "reshape", "cast", "dim", "iota")
    return tuple(dict.fromkeys(node.op for node in nodes if node.op not in silent))


def _names(buffers: Sequence[DeviceBuffer]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(buffer.name for buffer in buffers))


def _extents(kernel: Kernel | Loop, bindings: Bindings) -> tuple[int, ...]:
    if isinstance(kernel, Loop):
        return (evaluate(kernel.scan.attrs["length"], bindings),)
    if kernel.parts:  # each has extents of its own
        return (sum(elements(part.extents, bindings) for part in kernel.parts),)
    return tuple(evaluate(size, bindings) for size in kernel.extents)


def _nodes(kernel: Kernel | Loop) -> Sequence[Node]:
    return kernel.body if isinstance(kernel, Kernel) else (kernel.scan,)


def _is_double(launch: Launch, bindings: Bindings) -> bool:
    """Return True if most bytes of floats that a launch moves are float64."""
    moved_of: Counter[str] = Counter()
    for one in launch.traffic:
        moved_of[one.dtype] += one.nbytes(bindings)
    return moved_of["float64"] > moved_of["float32"]
