"""Running a tape launch by launch, telling an observer what each has written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.compiler.graph import Node, toposort
from graphc.compiler.runtime.device_array import DeviceArray
from graphc.compiler.runtime.executor import Observer
from graphc.compiler.runtime.tape import PreparedLaunch, Tape

if TYPE_CHECKING:
    from graphc.compiler.runtime.cuda import Device


def run_observed(
    device: Device,
    tape: Tape,
    outputs: Sequence[Node],
    feeds: Mapping[Node, np.ndarray],
    updated: Sequence[DeviceArray],
    observer: Observer,
) -> None:
    """Run all launches, one at a time; the device has to be current, and `tape` moved.

    Args:
        outputs: of the graph. Its inputs and states are told first, with no time.
        updated: what launches write in place; put back where the observer raises.
        observer: told of each node of the graph that a launch has written, whole, with the seconds
            of the launch by the device's clock; of what a loop has written when the loop is over.
    """
    graph = toposort(outputs)
    for node in graph:
        if node.op == "input":
            observer(node, feeds[node], 0.0)
        elif node.op == "shared":
            observer(node, node.attrs["state"].get(), 0.0)
    known = set(graph)
    start, end = device.event(), device.event()
    with _restored(device, updated):
        for loop, steps in groupby(tape.launches, key=lambda step: step.loop):
            group = list(steps)
            for part in [group] if loop is not None else [[step] for step in group]:
                start.record(device.compute)
                for step in part:
                    device.launch(step)
                end.record(device.compute)
                end.synchronize()
                seconds = end.time_since(start) * 1e-3
                for node, value in _written(device, tape, part, known):
                    observer(node, value, seconds)
                    seconds = 0.0


def _written(
    device: Device, tape: Tape, steps: Sequence[PreparedLaunch], known: set[Node]
) -> Iterator[tuple[Node, np.ndarray]]:
    """The nodes of the graph that these launches have written, each once, with their values."""
    buffers = dict.fromkeys(buffer for step in steps for buffer in step.launch.writes)
    for buffer in buffers:
        if buffer.node in known:
            value = np.empty(tape.shape(buffer), buffer.dtype)
            device.download(value, tape.address(buffer))
            yield buffer.node, value


@contextmanager
def _restored(device: Device, arrays: Sequence[DeviceArray]) -> Iterator[None]:
    """Where the block raises, the arrays get their values of before it."""
    kept: list[tuple[DeviceArray, Any]] = []
    for array in arrays:
        block = device.allocate(max(array.nbytes, 1), "the values of before the call")
        if array.nbytes:
            device.start_copy(block.address, array.address, array.nbytes)
        kept.append((array, block))
    try:
        yield
    except BaseException:
        for array, block in kept:
            if array.nbytes:
                device.start_copy(array.address, block.address, array.nbytes)
        raise
