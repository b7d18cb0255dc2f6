"""The times of a program's launches, by the GPU's own clock (events in the compute stream).

A kernel is a function of its buffers, so it can be timed alone, any number of times; where it
writes over what it reads (an optimizer's update), that is put back before each time, outside of
what is timed. So a program that was timed has computed what one run of it computes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compiler.graph import Node
from graphc.compiler.program.launch import Bindings, DeviceBuffer, Launch, Pointer
from graphc.compiler.runtime.gpu.bound_program import BoundProgram, PreparedLaunch
from graphc.compiler.runtime.gpu.cuda import Device
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.compiler.runtime.gpu.pool import PoolBlock


@dataclass(frozen=True)
class LaunchTimes:
    """The seconds of one launch, once a time that it was timed.

    Attributes:
        launch: of the program; in a loop its times are those of all steps.
        count: how often one run of the program launches it.
        warm: right behind another launch of the same, with the same arguments.
        cold: behind a write of `Timing.flushed` bytes, so that nothing of it is in a cache.
        restored: whether it writes over what it reads, which was put back before each time.
    """

    launch: Launch
    count: int
    warm: tuple[float, ...]
    cold: tuple[float, ...]
    restored: bool


@dataclass(frozen=True)
class Timing:
    """The settings of a timing.

    Attributes:
        repeats: how often a launch is timed, warm and cold each.
        flushed: bytes that are written to have nothing else in the L2 cache; more than it holds.
    """

    repeats: int
    flushed: int


def time_launches(
    device: Device,
    executor: CudaExecutor,
    feeds: Mapping[Node, np.ndarray],
    bindings: Bindings,
    call_step: int,
    timing: Timing,
) -> list[LaunchTimes]:
    """The times of each launch of a program, in the order of running.

    The states are as after one run. Arguments as of `CudaExecutor.run`. DeviceError where the GPU
    fails.
    """
    warm: dict[Launch, list[float]] = {}
    cold: dict[Launch, list[float]] = {}
    restored: set[Launch] = set()
    doing = "timing launches"
    try:
        with device.current(), executor.bound(feeds, bindings, call_step) as bound:
            flush = _Flush(device, timing.flushed)
            counts = Counter(step.launch for step in bound.launches)
            for step in bound.launches:
                launch = step.launch
                doing = f"timing the kernel {launch.name}"
                kept = _Overwritten(device, bound, launch, bindings)
                repeats = max(2, -(-timing.repeats // counts[launch]))
                alone = _Alone(device, step, kept.restore, flush)
                cold.setdefault(launch, []).extend(alone.seconds(repeats, warm=False))
                warm.setdefault(launch, []).extend(alone.seconds(repeats, warm=True))
                if kept:
                    restored.add(launch)
    except device.errors as error:
        raise device.failure(error, doing) from error
    return [
        LaunchTimes(one, counts[one], tuple(warm[one]), tuple(cold[one]), one in restored)
        for one in counts
    ]


def time_program(
    device: Device,
    executor: CudaExecutor,
    feeds: Mapping[Node, np.ndarray],
    bindings: Bindings,
    call_step: int,
    repeats: int,
) -> tuple[list[float], int]:
    """The seconds of all launches of a program, one behind the other without the host between, for
    each of `repeats` runs behind one that is not timed; and how many launches those are.

    The states are as after ``repeats + 1`` runs. Arguments as of `CudaExecutor.run`.
    """
    try:
        with device.current(), executor.bound(feeds, bindings, call_step) as bound:

            def run() -> None:
                for step in bound.launches:
                    device.launch(step)

            return _repeated(device, run, repeats), len(bound.launches)
    except device.errors as error:
        raise device.failure(error, "timing all launches") from error


def time_copy(device: Device, nbytes: int, repeats: int) -> list[float]:
    """The seconds of each of `repeats` copies of this many bytes from one place of the GPU's memory
    to another, which reads them and writes them."""
    with device.current():
        source = device.allocate(nbytes, "the source of a copy")
        target = device.allocate(nbytes, "the target of a copy")
        device.fill(source.address, 0x3C, nbytes)
        return _repeated(
            device, lambda: device.start_copy(target.address, source.address, nbytes), repeats
        )


def _repeated(device: Device, run: Callable[[], None], repeats: int) -> list[float]:
    """The seconds of what `run` puts into the compute stream, each of `repeats` times behind one
    that is not timed."""
    run()
    events = [(device.event(), device.event()) for _ in range(repeats)]
    for start, end in events:
        start.record(device.compute)
        run()
        end.record(device.compute)
        end.synchronize()
    return _elapsed(events)


class _Flush:
    """A call writes to all of a buffer, which evicts everything else from the L2 cache."""

    def __init__(self, device: Device, nbytes: int):
        self._device = device
        self._nbytes = nbytes
        self._block = device.allocate(nbytes, "what empties the cache")

    def __call__(self) -> None:
        self._device.fill(self._block.address, 0, self._nbytes)


class _Overwritten:
    """Copies of the buffers that a launch both reads and writes; false where there are none."""

    def __init__(self, device: Device, bound: BoundProgram, launch: Launch, bindings: Bindings):
        # Carries of a loop are double-buffered: a step reads one buffer and writes the other.
        fixed = {each.buffer for each in launch.arguments if isinstance(each, Pointer)}
        reads = [_range(bound, buffer, bindings) for buffer in launch.reads if buffer in fixed]
        writes = dict.fromkeys(
            _range(bound, buffer, bindings) for buffer in launch.writes if buffer in fixed
        )
        self._device = device
        self._kept: list[tuple[int, int, PoolBlock]] = []
        for start, end in writes:
            if any(start < other_end and other < end for other, other_end in reads):
                block = device.allocate(end - start, "what a kernel writes over")
                device.start_copy(block.address, start, end - start)
                self._kept.append((start, end - start, block))

    def __bool__(self) -> bool:
        return bool(self._kept)

    def restore(self) -> None:
        for address, nbytes, block in self._kept:
            self._device.start_copy(address, block.address, nbytes)


def _range(bound: BoundProgram, buffer: DeviceBuffer, bindings: Bindings) -> tuple[int, int]:
    """The addresses of a buffer's first byte and of the one behind its last."""
    start = bound.address(buffer)
    return start, start + buffer.nbytes(bindings)


class _Alone:
    """One launch, timed again and again."""

    def __init__(
        self,
        device: Device,
        step: PreparedLaunch,
        restore: Callable[[], None],
        flush: Callable[[], None],
    ):
        self._device = device
        self._step = step
        self._restore = restore
        self._flush = flush

    def seconds(self, repeats: int, warm: bool) -> list[float]:
        """The seconds of each of `repeats` launches."""
        device = self._device
        events = [(device.event(), device.event()) for _ in range(repeats)]
        for start, end in events:
            self._restore()
            # While the GPU is at this, the host gets ahead of it: what follows comes without gaps.
            self._flush()
            if warm:
                device.launch(self._step)
                self._restore()
            start.record(device.compute)
            device.launch(self._step)
            end.record(device.compute)
        device.wait("timing a kernel")
        return _elapsed(events)


def _elapsed(events: Sequence[tuple[Any, Any]]) -> list[float]:
    return [1e-3 * end.time_since(start) for start, end in events]
