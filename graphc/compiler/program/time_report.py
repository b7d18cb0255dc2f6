"""An estimate of the time of a program's kernels on a card; no card has checked it.

Each launch's demand comes from the reports: FLOPs from the graph, bytes from its
`traffic`, the grid and the block. Instructions are not known there; they are estimated from FLOPs
and bytes by factors that were fitted to counts of executed PTX.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from graphc.compiler import timing_model
from graphc.compiler.cards import WARP, Card
from graphc.compiler.program.kernel_list import KernelDescription, KernelList
from graphc.compiler.program.ptxas_text import Resources
from graphc.compiler.program.table import html_rows, wrapped
from graphc.compiler.timing_model import Demand, Estimate, estimate

HEADING = "An estimate: no card has checked it"

INSTRUCTIONS = {"multiply_add": 1.2, "operation": 4.0, "element": 1.5, "lane": 40.0}
"""Instructions of a lane for each multiply-add of a product, for each other floating-point
operation, for each element that is moved, and for the lane itself: rounded from a fit to the
executed PTX of steps of mlp and gru_ae (benchmarks/ptx_demand.py). Tiles that reach over the ends
of a matrix and the indices of windows are not in the reports: small products and poolings issue up
to ten times as many."""

IN_FLIGHT = 32
"""Bytes of loads of one lane that are under way at a time: two of 16 bytes. Assumed."""

_LOAD_AHEAD = ("matmul", "conv")
"""Kinds of kernels that load the next tile while they compute with the one before."""

CALL_SECONDS, LAUNCH_SECONDS = 20e-6, 1.4e-6
"""The host's time of a call and of each launch, in Python and in PyCUDA: benchmarks/host_time.py on
an AMD EPYC of two cores with much other work, 2026-11-28."""

DRIVER_SECONDS = 2e-6
"""The driver's part of a launch on the host. Assumed, after NVIDIA's "Getting Started with CUDA
Graphs", where a launch with all that belongs to it takes less than 4 microseconds."""


@dataclass(frozen=True)
class LaunchTime:
    """The estimated time of one launch.

    Attributes:
        name: of the launch.
        times: how often a call launches it.
        demand: what the estimate is made from.
        warm, cold: with its values in the L2 cache, as far as they fit, and with none of them.
    """

    name: str
    times: int
    demand: Demand
    warm: Estimate
    cold: Estimate


class TimeReport:
    """The estimated time of a program's launches; printed, a table that fits 80 columns.

    Attributes:
        title: whose program it is.
        card: on which it would run.
        sizes: what the symbols stand for, by name.
        source: where demands come from, in words.
        launches: in the order of running.
        cold: whether a step reads from device memory: all launches together move more than the L2
            cache holds.
    """

    def __init__(
        self,
        title: str,
        card: Card,
        sizes: Mapping[str, int],
        source: str,
        launches: Sequence[LaunchTime],
        cold: bool,
    ):
        self.title = title
        self.card = card
        self.sizes = dict(sizes)
        self.source = source
        self.launches = tuple(launches)
        self.cold = cold

    @property
    def device_seconds(self) -> float:
        """All launches of one call, one after another."""
        return sum(one.times * self.of(one).seconds for one in self.launches)

    @property
    def host_seconds(self) -> float:
        """The host's time of one call: in Python, and in the driver."""
        return host_seconds(sum(one.times for one in self.launches))

    @property
    def seconds(self) -> float:
        """One call among many: the host prepares the next while the device computes."""
        return max(self.device_seconds, self.host_seconds)

    def of(self, launch: LaunchTime) -> Estimate:
        """Return the estimate of a launch within a call."""
        return launch.cold if self.cold else launch.warm

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it; times in seconds."""
        return {
            "heading": HEADING,
            "title": self.title,
            "card": self.card.name,
            "model_version": timing_model.VERSION,
            "source": self.source,
            "cold": self.cold,
            "device_seconds": self.device_seconds,
            "host_seconds": self.host_seconds,
            "seconds": self.seconds,
            "launches": [
                {
                    "name": one.name,
                    "times": one.times,
                    "seconds": self.of(one).seconds,
                    "warm_seconds": one.warm.seconds,
                    "cold_seconds": one.cold.seconds,
                    "limiter": self.of(one).limiter,
                    "resources": self.of(one).resources,
                    "occupancy": asdict(one.warm.occupancy),
                    "waves": one.warm.waves,
                    "tail": one.warm.tail,
                    "demand": asdict(one.demand),
                }
                for one in self.launches
            ],
        }

    @property
    def summary(self) -> str:
        """The step's time, and what it is made from."""
        sizes = ", ".join(f"{name} {value}" for name, value in self.sizes.items())
        number = sum(one.times for one in self.launches)
        where = "device memory" if self.cold else "the L2 cache"
        larger = "host" if self.host_seconds > self.device_seconds else "device"
        return (
            f"{HEADING}. {self.title}{f' ({sizes})' if sizes else ''}: "
            f"{_time(self.device_seconds)} on the device, {_time(self.host_seconds)} on the host "
            f"for {number} launch{'es' if number != 1 else ''}; a step takes as long as the "
            f"{larger}. From {self.source}; values lie in {where}."
        )

    def __str__(self) -> str:
        rows = [_HEADS, *(_row(one, self.of(one), self.device_seconds) for one in self.launches)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            " ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]).rstrip()
            for cells in rows
        ]
        return "\n".join([*wrapped(self.summary, ""), "", *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [_row(one, self.of(one), self.device_seconds) for one in self.launches]
        return html_rows(self.summary, _HEADS, rows)


_HEADS = ("kernel", "times", "each", "share", "limiter", "warps", "waves", "tail")


def _row(one: LaunchTime, found: Estimate, total: float) -> tuple[str, ...]:
    """The cells below `_HEADS`."""
    return (
        one.name,
        str(one.times),
        _time(found.seconds),
        f"{one.times * found.seconds / total:.1%}",
        found.limiter,
        f"{found.occupancy.warps:.0%}",
        f"{found.waves:.2f}",
        f"{found.tail:.0%}",
    )


def _time(seconds: float) -> str:
    """A time of three digits: ``12.3 us``."""
    for unit, scale in (("us", 1e6), ("ms", 1e3), ("s", 1.0)):
        if seconds * scale < 999.5 or unit == "s":
            digits = max(0, 2 - int(math.log10(max(seconds * scale, 1))))
            return f"{seconds * scale:.{digits}f} {unit}"
    raise AssertionError


def host_seconds(launches: int) -> float:
    """Return the host's time of a call of so many launches."""
    return CALL_SECONDS + launches * (LAUNCH_SECONDS + DRIVER_SECONDS)


def serial_steps(kernel: KernelDescription) -> int:
    """Return the number of steps that a launch takes one after another: 1 but of a loop."""
    return math.prod(kernel.extents) if kernel.kind == "scan" else 1


def demand_of(kernel: KernelDescription, resources: Resources | None = None) -> Demand:
    """Return what a launch needs, from its description; `resources` of its function where they are
    known."""
    blocks, threads = math.prod(kernel.grid), math.prod(kernel.block)
    others = kernel.flops - 2 * kernel.multiply_adds
    moved = kernel.moved or 0
    results = kernel.multiply_adds + others
    lanes = (
        INSTRUCTIONS["multiply_add"] * kernel.multiply_adds
        + INSTRUCTIONS["operation"] * others
        + INSTRUCTIONS["element"] * moved / 4
        + INSTRUCTIONS["lane"] * blocks * threads
    )
    steps = serial_steps(kernel)
    return Demand(
        blocks=blocks,
        threads=threads,
        registers=None if resources is None else resources.registers,
        shared=kernel.shared + (0 if resources is None else resources.shared),
        instructions=lanes / WARP,
        float32=0 if kernel.double else results,
        float64=results if kernel.double else 0,
        data_path=moved,
        l2=moved,
        memory=kernel.bytes,
        round_trips=max(steps, math.ceil(moved / (blocks * threads * IN_FLIGHT))),
        ahead=kernel.kind in _LOAD_AHEAD,
        barriers=steps if kernel.kind == "scan" else 0,
    )


def launch_time(name: str, times: int, demand: Demand, card: Card) -> LaunchTime:
    """Return the estimated time of a launch on a card."""
    warm, cold = (estimate(demand, card, is_cold) for is_cold in (False, True))
    return LaunchTime(name, times, demand, warm, cold)


def time_report(
    kernels: KernelList,
    card: Card,
    resources: Mapping[str, Resources] = MappingProxyType({}),
    without: str = "",
) -> TimeReport:
    """Return the estimated time of a program's launches on a card.

    Args:
        kernels: CUDA kernels, as that card would run them.
        resources: by function of the source, as ptxas assigned them, where they are known.
        without: the reason why they are not.
    """
    found = []
    for one in kernels:
        demand = demand_of(one, resources.get(one.repeats or one.name))
        found.append(launch_time(one.name, one.times, demand, card))
    reason = f" ({without})" if without else ""
    registers = "registers by nvcc" if resources else f"without registers{reason}"
    source = f"FLOPs and bytes, {registers}"
    cold = kernels.fewest > card.l2
    return TimeReport(kernels.title, card, kernels.sizes, source, found, cold)
