"""Bools that one kernel stores for the same readers share a byte.

The gradient of a relu is all of the cotangent, half of it or none, as the argument is above 0, at 0
or below it: two comparisons, to which dropout adds its mask. Where backward cannot recompute them,
the forward kernel would store a byte for each, and backward read as many streams.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape
from graphc.compiler.graph.ops import make
from graphc.compiler.graph.ops.pointwise import MOST_PACKED
from graphc.compiler.graph.origin import inherit
from graphc.compiler.schedule.kernel import Kernel, Loop, Step


def with_packed_bools(steps: Sequence[Step], outputs: Collection[Node]) -> list[Step]:
    """Return a program's schedule in which kernels store `pack_bools` of bools of
    one shape that the same kernels read. Their readers have them among their inputs as before, and
    read each as a bit. Bools that loops read, and the program's `outputs`, stay bools.
    """
    readers: dict[Node, tuple[int, ...]] = {}
    for number, step in enumerate(steps):
        for node in step.inputs:
            readers[node] = (*readers.get(node, ()), number)
    fixed = {node for step in steps if isinstance(step, Loop) for node in step.inputs}
    fixed.update(outputs)
    return [_packed(step, readers, fixed) if isinstance(step, Kernel) else step for step in steps]


def unpacked(stored: Iterable[Node], graph: Collection[Node]) -> list[Node]:
    """Return the nodes of a graph that are in memory once these are stored; for a packed byte,
    which is no node of the graph, its bools."""
    return [x for node in stored for x in ((node,) if node in graph else node.inputs)]


def _packed(
    kernel: Kernel, readers: Mapping[Node, tuple[int, ...]], fixed: Collection[Node]
) -> Kernel:
    alike: dict[tuple[Shape, tuple[int, ...]], list[Node]] = {}
    for node in kernel.outputs:
        copied = node in kernel.inputs
        if node.dtype == "bool" and node in readers and node not in fixed and not copied:
            alike.setdefault((node.shape, readers[node]), []).append(node)
    byte_of = {node: byte for bools in alike.values() for node, byte in _bytes(bools)}
    if not byte_of:
        return kernel
    outputs = dict.fromkeys(byte_of.get(node, node) for node in kernel.outputs)
    return replace(kernel, outputs=tuple(outputs))


def _bytes(bools: Sequence[Node]) -> Iterator[tuple[Node, Node]]:
    """Yield each bool that shares a byte, with the byte."""
    for first in range(0, len(bools), MOST_PACKED):
        sharing = bools[first : first + MOST_PACKED]
        if len(sharing) > 1:
            byte = inherit(make("pack_bools", *sharing), sharing[0])
            yield from ((node, byte) for node in sharing)
