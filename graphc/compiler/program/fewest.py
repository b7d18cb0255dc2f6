"""The bytes that a kernel has to move, however it is computed: its inputs once, its outputs once.

What its launches do move is in their `traffic`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np

from graphc.compiler.graph import Moves, Node, ops_with
from graphc.compiler.graph.dim import evaluate
from graphc.compiler.program.launch import Bindings, DeviceBuffer, Launch
from graphc.compiler.schedule.kernel import Kernel, Loop

# What a report names: an input that is read so often, and is one of so many parts of all.
_AGAIN = 1.5
_MUCH = 10

_MOVES = ops_with(lambda traits: traits.moves in (Moves.PERMUTED, Moves.SELECTED, Moves.PADDED))
"""Index maps through which the parts of an input that are read are followed."""


def fewest(kernel: Kernel | Loop, group: Sequence[Launch], bindings: Bindings) -> int:
    """The bytes that a kernel has to move; `group` are its launches, which may leave parts of an
    input out that no window meets."""
    least = _inputs(kernel, group, bindings) + _outputs(kernel, bindings)
    if not any(launch.traffic for launch in group):  # of native code, nobody counts it
        return least
    return min(least, sum(map(partial(moved, bindings=bindings), group)))


def moved(launch: Launch, bindings: Bindings) -> int:
    """The bytes that a launch moves."""
    return sum(one.nbytes(bindings) for one in launch.traffic)


def repeated_reads(launch: Launch, bindings: Bindings) -> str:
    """Return a sentence on what a launch reads much of and more than once; empty if nothing is."""
    own: Counter[str] = Counter()  # several values may have one name
    for buffer in launch.reads:
        own[buffer.name] += buffer.nbytes(bindings)
    read: Counter[str] = Counter()
    for one in launch.traffic:
        if not one.written:
            read[one.what] += one.nbytes(bindings)
    much = moved(launch, bindings) / _MUCH
    again = [
        f"{what} {nbytes / own[what]:.1f} times"
        for what, nbytes in read.most_common()
        if nbytes >= much and nbytes >= _AGAIN * own[what]
    ]
    return f"reads {', '.join(again)}" if again else ""


def fewest_of_launch(
    kernel: Kernel | Loop, position: int, group: Sequence[Launch], bindings: Bindings
) -> int:
    """The bytes that one of a kernel's launches has to move: the first reads the inputs, the last
    writes the outputs; partial results are written and read between."""
    total = 0
    if position == 0:
        total += _inputs(kernel, group, bindings)
    if position == len(group) - 1:
        total += _outputs(kernel, bindings)
    launch = group[position]
    written = {buffer for before in group[:position] for buffer in before.writes}
    passed_on = {buffer for after in group[position + 1 :] for buffer in after.reads}
    between: list[DeviceBuffer] = [buffer for buffer in launch.reads if buffer in written]
    between += [buffer for buffer in launch.writes if buffer in passed_on]
    return total + sum(buffer.nbytes(bindings) for buffer in between)


def _inputs(kernel: Kernel | Loop, group: Sequence[Launch], bindings: Bindings) -> int:
    read = [buffer.node for launch in group for buffer in launch.reads if buffer.node is not None]
    # Bools that share a byte are read together.
    together = {x for node in read if node.op == "pack_bools" for x in node.inputs[1:]}
    return sum(_read(node, kernel, bindings) for node in kernel.inputs if node not in together)


def _outputs(kernel: Kernel | Loop, bindings: Bindings) -> int:
    return sum(_nbytes(node, node, bindings) for node in kernel.stores)


def _read(node: Node, kernel: Kernel | Loop, bindings: Bindings) -> int:
    """The bytes that a kernel reads of one of its inputs: where slices and gathers take parts of
    it, those parts alone."""
    whole = _nbytes(node, node, bindings)
    if isinstance(kernel, Loop) or node in kernel.outputs:  # the latter is a copy
        return whole
    used: dict[Node, int] = {}  # of an index map over the input, and of the input itself
    for x in (*reversed(kernel.body), node):
        if x is not node and x.op not in _MOVES:
            continue
        total = 0
        for reader in kernel.body:
            if x in reader.inputs:
                part = reader.op == "slice" or (reader.op == "gather" and reader.inputs[1] is not x)
                taken = _nbytes(node, reader, bindings) if part else whole
                total += min(taken, used.get(reader, whole))
        used[x] = whole if x in kernel.outputs else min(total, whole)
    return used[node]


def _nbytes(node: Node, shaped: Node, bindings: Bindings) -> int:
    """The bytes of a value of `node`'s dtype and another node's shape."""
    shape = tuple(evaluate(size, bindings) for size in shaped.shape)
    return math.prod(shape) * np.dtype(node.dtype).itemsize
