"""Run a program launch by launch, and report to an observer what each has written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numpy as np

from graphc.compiler.codegen.launch import Buffer, Launch
from graphc.compiler.graph import Node, State, toposort
from graphc.compiler.runtime.bound_program import BoundProgram
from graphc.compiler.runtime.cuda import Device
from graphc.compiler.runtime.device_array import DeviceArray
from graphc.compiler.runtime.executor import Observer


class Observed:
    """The reports to an observer while a program runs: each value, and the seconds it took.

    Args:
        outputs: of the graph: what is fetched, then the new values of `states`.
        observer: receives each node of the graph that a launch has written, whole, and each
            state's new value, with the seconds that it took; of what a loop has written when the
            loop is over.
    """

    def __init__(self, outputs: Sequence[Node], states: Sequence[State], observer: Observer):
        self._graph = toposort(outputs)
        self._known = set(self._graph)
        self._new = dict(zip(states, outputs[len(outputs) - len(states) :], strict=True))
        self._reported: set[Node] = set()
        self._observer = observer

    def begin(self, feeds: Mapping[Node, np.ndarray]) -> None:
        """Report the graph's inputs and states, with no time."""
        for node in self._graph:
            if node.op == "input":
                self._observer(node, feeds[node], 0.0)
            elif node.op == "shared":
                self._observer(node, node.attrs["state"].get(), 0.0)

    def report(
        self, launches: Sequence[Launch], read: Callable[[Buffer], np.ndarray], seconds: float
    ) -> None:
        """Report the buffers that these launches have written; `read` returns a copy of one."""
        for buffer in dict.fromkeys(buffer for launch in launches for buffer in launch.writes):
            node = buffer.node
            if isinstance(buffer.origin, State):
                node = self._new.get(buffer.origin)
                if node in self._reported:  # a copy of what another launch has written
                    continue
            if node in self._known:
                self._reported.add(node)
                self._observer(node, read(buffer), seconds)
                seconds = 0.0
            elif node is not None and node.op == "pack_bools":
                packed = read(buffer)
                for bit, one in enumerate(node.inputs):
                    self._observer(one, (packed >> bit & 1).astype(bool), seconds)
                    seconds = 0.0


def run_observed(
    device: Device,
    bound: BoundProgram,
    observed: Observed,
    feeds: Mapping[Node, np.ndarray],
    updated: Sequence[DeviceArray],
) -> None:
    """Run all launches, one at a time; the device has to be current, and `bound` moved.

    Args:
        observed: receives the seconds of the device's clock.
        updated: what launches write in place; put back where the observer raises.
    """
    observed.begin(feeds)

    def read(buffer: Buffer) -> np.ndarray:
        value = np.empty(bound.shape(buffer), buffer.dtype)
        device.download(value, bound.address(buffer))
        return value

    start, end = device.event(), device.event()
    with _restored(device, updated):
        for loop, steps in groupby(bound.launches, key=lambda step: step.loop):
            group = list(steps)
            for together in [group] if loop is not None else [[step] for step in group]:
                start.record(device.compute)
                for step in together:
                    device.launch(step)
                end.record(device.compute)
                end.synchronize()
                seconds = end.time_since(start) * 1e-3
                observed.report([step.launch for step in together], read, seconds)


@contextmanager
def _restored(device: Device, arrays: Sequence[DeviceArray]) -> Iterator[None]:
    """Restore the arrays' values where the block raises."""
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
