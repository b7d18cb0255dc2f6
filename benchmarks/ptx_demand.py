"""The demand of launches from counts of executed PTX, for the timing model.

What ptxas makes of the PTX is not executed: instructions of the machine are estimated from those of
PTX by `_MACHINE`. All else is counted: lanes, sectors of 32 bytes of device memory, passes over the
banks of shared memory, barriers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from graphc.compiler.cards import WARP
from graphc.compiler.program import time_report
from graphc.compiler.program.kernel_list import KernelDescription
from graphc.compiler.program.ptxas_text import Resources
from graphc.compiler.program.time_report import serial_steps
from graphc.compiler.timing_model import Demand
from tests.cuda_emulator.ptx_count import Count

SECTOR, PASS = 32, 128

LOADS_IN_FLIGHT = 4
"""Loads of a warp that are under way at a time. Assumed."""

# The first pattern that fits decides. Assumed, after what nvdisasm shows of such instructions:
# moves and addresses of parameters vanish, 64-bit integers take a pair.
_MACHINE = (
    (r"mov\.|cvta|ld\.param", 0.0),
    (r"div\.rn\.f64|sqrt\.rn\.f64", 20.0),
    (r"(div|rcp|sqrt)\.rn\.f32", 9.0),
    (r"(div|rem)\.[us]", 20.0),
    (r"(ex2|div|sin|cos|lg2|tanh)\.approx", 2.0),
    (r"(add|sub|mad\.lo|mul\.lo|shl|shr|setp\.\w+)\.[usb]64", 2.0),
)
_ARITHMETIC = re.compile(r"(add|sub|mul|fma|mad|neg|abs|min|max)\b.*\.(f32|f64)$")
_SPECIAL = re.compile(r"(ex2|lg2|rcp|rsqrt|sqrt|sin|cos|tanh|div)\b.*\.f(32|64)$")


def demand_of(
    counts: Mapping[str, Count],
    launches: int,
    kernel: KernelDescription,
    resources: Resources | None,
) -> Demand:
    """Return the demand of one launch: that of its description, with what was counted in its place.

    Args:
        counts: by form of the instruction, of all launches of the kernel's function.
        launches: how many these are.
        kernel: the launch.
        resources: of its function.
    """
    reported = time_report.demand_of(kernel, resources)
    instructions = float32 = float64 = special = 0.0
    for form, count in counts.items():
        weight = next((w for pattern, w in _MACHINE if re.match(pattern, form)), 1.0)
        instructions += weight * count.warps
        arithmetic = _ARITHMETIC.match(form)
        if arithmetic and arithmetic[2] == "f64":
            float64 += count.warps * WARP
        elif arithmetic:
            float32 += count.warps * WARP
        elif _SPECIAL.match(form):
            special += count.warps * WARP
    sectors = sum(one.sectors for one in counts.values())
    passes = sum(one.passes for one in counts.values())
    loads = sum(one.warps for form, one in counts.items() if form.startswith("ld.global"))
    barriers = sum(one.warps for form, one in counts.items() if form.startswith("bar."))
    shuffles = sum(one.warps for form, one in counts.items() if form.startswith("shfl."))
    requested = sectors * SECTOR / launches
    # Lanes of a block that ask for the same share the L1 cache, as the reports assume.
    l2 = requested if kernel.moved is None else min(requested, kernel.moved)
    warps = launches * reported.blocks * reported.warps
    return replace(
        reported,
        instructions=instructions / launches,
        float32=float32 / launches,
        float64=float64 / launches,
        special=special / launches,
        shuffles=shuffles * WARP / launches,
        data_path=requested + passes * PASS / launches,
        l2=l2,
        round_trips=max(serial_steps(kernel), math.ceil(loads / warps / LOADS_IN_FLIGHT)),
        barriers=barriers / warps,
    )
