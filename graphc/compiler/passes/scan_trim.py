"""Remove the results of a loop that nothing reads, and hoist what does not change from step to
step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.compiler.graph.expressions.scan import items
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import make
from graphc.compiler.graph.walk import dependents, toposort
from graphc.compiler.passes.open_scan import OpenScan, fuse, rewrite_scans
from graphc.compiler.passes.scan_batch import repeated


def trim_scans(outputs: Sequence[Node]) -> list[Node]:
    """Drop unread values, carries that feed only themselves, unread and repeated inputs of scans.

    A carry that never changes and a sequence of equal slices become constants, a stack of a slice
    or of a constant is read outside, and what is the same at each step is computed before the loop.
    """
    return rewrite_scans(outputs, _trim)


def _trim(loop: OpenScan, used: Sequence[int]) -> Mapping[int, Node]:
    known = _constant_carries(loop)
    _constant_slices(loop)
    count = len(loop.carries)
    varying = dependents(loop.results, [*loop.carries, *loop.slices])
    sequences = dict(zip(loop.slices, loop.sequences, strict=True))
    for k, node in enumerate(loop.stacks, start=count):
        if node in sequences:
            known[k] = sequences[node]
        elif node not in varying:
            known[k] = repeated(node, loop.length)
    carries, stacks = _live(loop, [k for k in used if k not in known])
    if not carries and not stacks:
        return known
    loop.keep_carries(carries)
    loop.stacks = [loop.stacks[k - count] for k in stacks]
    fused, (positions,) = fuse([loop])
    values = items(fused.close())
    read = {k: values[position] for k, position in zip([*carries, *stacks], positions, strict=True)}
    return {**read, **known}


def _constant_carries(loop: OpenScan) -> dict[int, Node]:
    """Replace the carries that never change by their initial value. Return their final values."""
    same = {k: start for k, start in enumerate(loop.starts) if loop.updates[k] is loop.carries[k]}
    loop.replace({loop.carries[k]: start for k, start in same.items()})
    return same


def _constant_slices(loop: OpenScan) -> None:
    """Replace the slices of a sequence that repeats one value by that value."""
    same = {}
    for node, sequence in zip(loop.slices, loop.sequences, strict=True):
        if sequence.op == "broadcast" and 0 not in sequence.attrs["axes"]:
            axes = tuple(axis - 1 for axis in sequence.attrs["axes"])
            value = sequence.inputs[0]
            if len(axes) < node.ndim:
                value = make("broadcast", value, shape=node.shape, axes=axes)
            same[node] = value
    loop.replace(same)


def _live(loop: OpenScan, used: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the positions of the carries and of the stacks that the used values depend on."""
    results = loop.results
    live = dict.fromkeys(used)
    while True:
        read = set(toposort([results[k] for k in live]))
        found = [k for k, carry in enumerate(loop.carries) if carry in read and k not in live]
        if not found:
            break
        live.update(dict.fromkeys(found))
    count = len(loop.carries)
    return sorted(k for k in live if k < count), sorted(k for k in live if k >= count)
