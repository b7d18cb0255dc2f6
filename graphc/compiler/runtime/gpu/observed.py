"""Run a program launch by launch, and report to an observer what each has written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numpy as np

from graphc.compiler.graph import Node
from graphc.compiler.program.launch import DeviceBuffer
from graphc.compiler.runtime.gpu.bound_program import BoundProgram
from graphc.compiler.runtime.gpu.cuda import Device
from graphc.compiler.runtime.gpu.device_array import DeviceArray
from graphc.compiler.runtime.observed import Observed


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

    def read(buffer: DeviceBuffer) -> np.ndarray:
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
