"""Timing a training step of native code on the CPU: kernel by kernel, within the step that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from graphc.cli.bench import facts
from graphc.cli.bench.rates import COPIED, SIDE, measure
from graphc.cli.bench.report import Peaks, Report, Row, TimeStatistics, by_time, time_statistics
from graphc.compiler import graph as g
from graphc.compiler.function import Function
from graphc.compiler.function.comparison import check
from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.program.describe import describe
from graphc.compiler.program.kernel_list import KernelDescription
from graphc.compiler.program.launch import launches
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.config import config
from graphc.reference_models import ReferenceModel, TrainingStep

EXECUTOR = "native code"
_WARM_UP = 3
_LEAST_STEPS, _MOST_STEPS = 5, 200
_SECONDS = 2.0
"""The time for which steps are timed."""

_METHOD = (
    "Kernels are timed within whole steps, by a clock around each; where threads share a loop, "
    "on the first one"
)


def profile(
    model: ReferenceModel,
    batch: int,
    step: TrainingStep,
    train: Function,
    notes: tuple[str, ...],
    seconds: float = _SECONDS,
) -> Report:
    """Check the results of a training step, and time each of its kernels.

    Args:
        step, train: of the model, and its function, which native code runs.
        seconds: the time for which steps are timed.
    """
    arrays = step.data(batch)
    states = [g.state_of(variable) for variable, _ in step.updates]
    native = lower_native(train.graph(), states)
    # Its own executor of the same code (from the cache), whose kernels can be got at.
    executor = NativeExecutor(native, states, train.name)
    run = (dict(zip(step.inputs, arrays, strict=True)), dict.fromkeys(symbols(BATCH), batch))
    count = g.CallStep(train.call_step.value)
    _, checked = check(executor, states, *run, count)
    whole, kernels = _times(lambda: train(*arrays), lambda: executor.seconds(*run, count), seconds)
    rates = measure(executor.threads, config.floatX)
    peaks = Peaks(
        copy_gbytes=1e-9 * rates.bytes,
        copy_bytes=COPIED,
        matmul_gflops=1e-9 * rates.flops,
        matmul_size=SIDE,
    )
    described = {one.name: one for one in describe(native.program, run[1], "", "cpu")}
    rows = [
        _row(described[launch.name], time_statistics(times / described[launch.name].times), peaks)
        for launch, times in zip(launches(native.program.steps), kernels[:, :-1].T, strict=True)
        if launch.name in described  # others do not run at these sizes
    ]
    return Report(
        model=model.name,
        summary=model.summary,
        batch=batch,
        device="cpu",
        executor=EXECUTOR,
        floatX=config.floatX,
        facts=facts.machine() | {"threads": executor.threads, "made": executor.summary},
        step=time_statistics(whole),
        device_step=time_statistics(kernels[:, -1]),
        between=time_statistics(kernels[:, -1] - kernels[:, :-1].sum(axis=1)),
        launches=sum(one.times for one in described.values()),
        peaks=peaks,
        check=checked,
        notes=(*notes, _METHOD),
        rows=by_time(_with_shares(rows)),
    )


def _row(kernel: KernelDescription, taken: TimeStatistics, peaks: Peaks) -> Row:
    """Return a kernel and the time of one of its launches; its share is not known yet."""
    gflops, gbytes = taken.rate(kernel.flops), taken.rate(kernel.bytes)
    return Row(
        name=kernel.name,
        layers=kernel.layers,
        work=", ".join(kernel.ops) or "a copy",
        times=kernel.times,
        ms=taken,
        share=0.0,
        gflops=gflops,
        gbytes=gbytes,
        flops_of_peak=gflops / peaks.matmul_gflops,
        bytes_of_peak=gbytes / peaks.copy_gbytes,
    )


def _with_shares(rows: Sequence[Row]) -> list[Row]:
    total = sum(row.ms.median * row.times for row in rows)
    return [replace(row, share=row.ms.median * row.times / total) for row in rows]


def _times(
    whole: Callable[[], object], kernels: Callable[[], np.ndarray], limit: float
) -> tuple[list[float], np.ndarray]:
    """Return the seconds of each of several whole steps, and the results of `kernels` for as many
    others, interleaved, so that other work of the machine slows both alike."""
    seconds: list[float] = []
    spent: list[np.ndarray] = []
    for _ in range(_WARM_UP):
        whole()
        kernels()
    end = time.perf_counter() + limit
    while len(seconds) < _LEAST_STEPS or (len(seconds) < _MOST_STEPS and time.perf_counter() < end):
        started = time.perf_counter()
        whole()
        seconds.append(time.perf_counter() - started)
        spent.append(kernels())
    return seconds, np.array(spent)
