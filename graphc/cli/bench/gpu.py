"""Timing a training step on a GPU: launch by launch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.cli.bench import facts
from graphc.cli.bench.report import Peaks, Report, Row, by_time, time_statistics
from graphc.cli.bench.torch_rivals import Rivals, torch_problem
from graphc.compiler import graph as g
from graphc.compiler.cards import MULTIPROCESSORS, peak_flops
from graphc.compiler.function.comparison import check
from graphc.compiler.graph import BATCH, Node, State
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.describe import describe
from graphc.compiler.program.kernel_list import KernelDescription
from graphc.compiler.program.launch import Bindings, DeviceProgram
from graphc.compiler.runtime.gpu import cuda
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.compiler.runtime.gpu.timing import (
    LaunchTimes,
    Timing,
    time_copy,
    time_launches,
    time_program,
)
from graphc.config import config
from graphc.reference_models import ReferenceModel

_EMULATED = "the emulated driver: these times mean nothing, they are for tests of this command only"
_METHOD = (
    "Each launch is timed alone by events, warm after another of the same and cold after a write "
    "larger than the L2 cache; what a launch writes over it finds restored"
)


@dataclass(frozen=True)
class Scale:
    """The amount that is measured: sizes in bytes, and the sides of the square matrices of the
    peak."""

    timing: Timing
    steps: int
    copied: int
    matmul: int


# 256 MiB: several times the L2 cache of any card, and 2% of the smallest that is in use.
CARD = Scale(Timing(repeats=20, flushed=256 << 20), steps=20, copied=256 << 20, matmul=4096)
EMULATED = Scale(Timing(repeats=2, flushed=1 << 16), steps=2, copied=1 << 16, matmul=32)


@dataclass(frozen=True)
class _Prepared:
    """The training step by its parts: program, feeds and sizes."""

    program: DeviceProgram
    outputs: Sequence[Node]
    states: Sequence[State]
    executor: CudaExecutor
    feeds: Mapping[Node, np.ndarray]
    bindings: Bindings


def profile(model: ReferenceModel, batch: int, vs_torch: bool = False) -> Report:
    """Train a model on the GPU, check its results, and time each of its launches.

    Args:
        vs_torch: time PyTorch at the same work; a line says so where that is not possible.

    Raises DeviceError where no GPU can be used, or it fails.
    """
    np.random.seed(1337)
    step = model.build()
    with config.changed(device="gpu"):
        train = step.function()
    device = cuda.device()
    emulated = facts.is_emulated(device.facts.name)
    scale = EMULATED if emulated else CARD
    arrays = step.data(batch)
    # Its own executor, over the same program (from the cache), whose launches can be got at.
    program = train.program()
    outputs = program.outputs
    states = [g.state_of(variable) for variable, _ in step.updates]
    executor = CudaExecutor(program, outputs, states, train.name)
    feeds = dict(zip(step.inputs, arrays, strict=True))
    bindings = dict.fromkeys(symbols(BATCH), batch)
    prepared = _Prepared(program, outputs, states, executor, feeds, bindings)
    call_step = train.call_step.value

    _, checked = check(executor, states, feeds, bindings, g.CallStep(call_step))
    whole = []
    for repeat in range(1 + scale.steps):
        started = time.perf_counter()
        train(*arrays)
        if repeat:
            whole.append(time.perf_counter() - started)
    run = (device, executor, feeds, bindings, call_step)
    on_device, launches = time_program(*run, scale.steps)
    times = time_launches(*run, scale.timing)
    peaks = _peaks(device, scale)
    notes = [_EMULATED, _METHOD] if emulated else [_METHOD]
    problem = torch_problem() if vs_torch else ""
    if problem:
        notes.append(f"Without PyTorch's times: {problem}")
    rivals = None
    if vs_torch and not problem:
        rivals = Rivals(scale.timing.repeats, scale.timing.flushed)
        notes.append(
            f"PyTorch {rivals.version}, IEEE float32, without its compiler; of: what it computes, "
            "which may be less than the kernel does"
        )
    return Report(
        model=model.name,
        summary=model.summary,
        batch=batch,
        device="gpu",
        executor="generated kernels",
        floatX=config.floatX,
        facts={**facts.machine(), **facts.card()},
        step=time_statistics(whole),
        device_step=time_statistics(on_device),
        launches=launches,
        peaks=peaks,
        check=checked,
        notes=tuple(notes),
        rows=_rows(prepared, times, peaks, rivals),
    )


def _rows(
    prepared: _Prepared, times: Sequence[LaunchTimes], peaks: Peaks, rivals: Rivals | None
) -> tuple[Row, ...]:
    described = {
        kernel.name: kernel for kernel in describe(prepared.program, prepared.bindings, "")
    }
    timings = [time_statistics(one.warm) for one in times]
    total = sum(taken.median * one.count for one, taken in zip(times, timings, strict=True))
    rows = []
    for one, taken in zip(times, timings, strict=True):
        kernel, cold = described[one.launch.name], time_statistics(one.cold)
        gflops, gbytes = taken.rate(kernel.flops), cold.rate(kernel.bytes)
        rows.append(
            Row(
                name=kernel.name,
                layers=kernel.layers,
                work=_work(kernel, one),
                times=one.count,
                ms=taken,
                cold=cold,
                share=taken.median * one.count / total if total else 0.0,
                gflops=gflops,
                gbytes=gbytes,
                flops_of_peak=_part(gflops, peaks.card_gflops),
                bytes_of_peak=_part(gbytes, peaks.copy_gbytes),
                torch=None if rivals is None else rivals.time(one.launch.kernel, prepared.bindings),
            )
        )
    return by_time(rows)


def _work(kernel: KernelDescription, times: LaunchTimes) -> str:
    restored = "; in place, restored before each time" if times.restored else ""
    return f"{', '.join(kernel.ops) or 'a copy'}{restored}"


def _part(rate: float, peak: float | None) -> float | None:
    return rate / peak if peak else None


def _peaks(device: cuda.Device, scale: Scale) -> Peaks:
    """Measure the peaks of the card: a copy, a product by our own kernels, a launch; of floatX."""
    size, dtype = scale.matmul, config.floatX
    copies = time_statistics(time_copy(device, scale.copied, scale.steps))
    left, right = g.input((size, size), dtype), g.input((size, size), dtype)
    outputs = [g.matmul(left, right)]
    executor = CudaExecutor(lower(outputs), outputs, name="the product of the peak")
    random = np.random.default_rng(1337)
    feeds = {node: random.standard_normal((size, size)).astype(dtype) for node in (left, right)}
    product, _ = time_program(device, executor, feeds, {}, 0, scale.steps)
    one = g.input((1,), dtype)
    outputs = [one + 1.0]
    executor = CudaExecutor(lower(outputs), outputs, name="the launch of one element")
    (shortest,) = time_launches(device, executor, {one: np.ones(1, dtype)}, {}, 0, scale.timing)
    return Peaks(
        copy_gbytes=copies.rate(2 * scale.copied),
        copy_bytes=scale.copied,
        matmul_gflops=time_statistics(product).rate(2 * size**3),
        matmul_size=size,
        launch_ms=time_statistics(shortest.warm).median,
        card_gflops=_card_gflops(device.facts, dtype),
    )


def _card_gflops(facts: cuda.Facts, dtype: str) -> float | None:
    """Return what a card does at most by its multiprocessors and its clock; None where the driver
    does not say, or nothing is known of such multiprocessors."""
    if not facts.clock or facts.capability not in MULTIPROCESSORS:
        return None
    return 1e-9 * peak_flops(facts.capability, facts.multiprocessors, facts.clock, dtype)
