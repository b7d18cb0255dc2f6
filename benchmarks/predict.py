"""Predict the time of kernels and of steps on each card, before any card has run them.

    python -m benchmarks.predict            writes benchmarks/predictions/DATE.json

Of the six reference models at their own batch, and of square float32 products. A kernel's demand
comes from counts of executed PTX (benchmarks/predictions/counts, which benchmarks/count_ptx.py
writes) where they are of the same text: `counted`. A product that is too large to be executed has
the counts of 1024, scaled by its multiply-adds, where its tiles are the same: `scaled`. All others
have the reports' FLOPs and bytes: `reports`. Registers are ptxas', those of models in
tests/nvcc/ledger.json. benchmarks/compare_predictions.py compares the file with what `graphc bench`
measures on a card; a file that is written stays as it is.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.predicted import COUNTS, NAMES, PREDICTIONS, PRODUCTS, digest, step_of
from benchmarks.ptx_demand import demand_of as counted_demand
from graphc.cli.bench.facts import commit
from graphc.compiler import timing_model
from graphc.compiler.cards import CARDS, Card
from graphc.compiler.program.kernel_list import KernelDescription, KernelList
from graphc.compiler.program.ptxas_text import Resources
from graphc.compiler.program.time_report import (
    HEADING,
    LaunchTime,
    TimeReport,
    demand_of,
    launch_time,
)
from graphc.compiler.runtime.gpu import ptxas
from graphc.compiler.timing_model import Demand
from graphc.config import config
from graphc.package_version import __version__
from tests.cuda_emulator.ptx_count import Count

LEDGER = Path(__file__).resolve().parent.parent / "tests" / "nvcc" / "ledger.json"
SCALED_FROM = "product-1024"
SCALED = ("instructions", "float32", "special", "shuffles", "data_path")


class Counted(NamedTuple):
    """The counts of a kernel's launches: of which text, and by form of the instruction."""

    text: str
    forms: dict[str, Count]


@dataclass(frozen=True)
class Predicted:
    """A launch's time, and the source of its demand: 'counted', 'scaled' or 'reports'."""

    time: LaunchTime
    source: str


def counts_of(name: str) -> dict[str, Counted]:
    """Return the counts of a step by function; nothing where it was not counted."""
    path = COUNTS / f"{name}.json"
    if not path.is_file():
        return {}
    kernels = json.loads(path.read_text(encoding="utf-8"))["kernels"]
    return {
        kernel: Counted(
            one["text"], {form: Count(*numbers) for form, numbers in one["forms"].items()}
        )
        for kernel, one in kernels.items()
    }


def predicted(
    kernels: KernelList,
    card: Card,
    resources: Mapping[str, Resources],
    counts: Mapping[str, Counted],
) -> list[Predicted]:
    """Return the time of each launch of a step."""
    launches: Counter[str] = Counter()
    for one in kernels:
        launches[one.repeats or one.name] += one.times
    sources = {one.name: one.source for one in kernels}
    found = []
    for one in kernels:
        function = one.repeats or one.name
        taken, count = resources.get(function), counts.get(function)
        if count is not None and count.text == digest(sources[function]):
            demand, source = counted_demand(count.forms, launches[function], one, taken), "counted"
        else:
            demand, source = demand_of(one, taken), "reports"
        found.append(Predicted(launch_time(one.name, one.times, demand, card), source))
    return found


def scaled(
    kernel: KernelDescription, taken: Resources | None, small: KernelDescription, known: Demand
) -> Demand:
    """Return the demand of a product from that of a smaller one, which has the same tiles."""
    factor = kernel.multiply_adds / small.multiply_adds
    own = demand_of(kernel, taken)
    serial = factor * known.blocks / own.blocks  # of a block's loop over k
    return replace(
        own,
        **{name: factor * getattr(known, name) for name in SCALED},
        round_trips=serial * known.round_trips,
        barriers=serial * known.barriers,
    )


def _large_product(
    kernels: KernelList, card: Card, resources: Mapping[str, Resources]
) -> list[Predicted]:
    """Return the time of a product that was not executed, by one that was; by the reports where
    that has other tiles, or was not counted."""
    with config.changed(device="cpu"):
        (small,) = step_of(SCALED_FROM).build().kernels(card=card.name)
    (kernel,) = kernels
    count = counts_of(SCALED_FROM).get(small.name)
    if count is None or _tile(kernel) != _tile(small) or count.text != digest(small.source):
        return predicted(kernels, card, resources, {})
    known = counted_demand(count.forms, 1, small, None)
    demand = scaled(kernel, resources.get(kernel.name), small, known)
    return [Predicted(launch_time(kernel.name, kernel.times, demand, card), "scaled")]


def _tile(kernel: KernelDescription) -> tuple[int, int]:
    """Return the elements of the result that a block computes, and its threads."""
    return math.prod(kernel.extents) // math.prod(kernel.grid), math.prod(kernel.block)


def registers(name: str, kernels: KernelList, card: Card) -> dict[str, Resources]:
    """Return what the kernels of a step take of a multiprocessor: of reference models as the ledger
    of nvcc has it, of products by nvcc."""
    if name in PRODUCTS:
        return ptxas.assigned(kernels.source, card.arch)
    ledger = json.loads(LEDGER.read_text(encoding="utf-8"))["models"][name][card.name]
    shared: Counter[str] = Counter()  # dynamic, which the ledger's has in it
    for one in kernels:
        function = one.repeats or one.name
        shared[function] = max(shared[function], one.shared)
    return {
        function: Resources(ledger[function]["registers"], ledger[function]["shared"] - dynamic)
        for function, dynamic in shared.items()
    }


def step_times(name: str, card: Card) -> dict[str, Any]:
    """Return the prediction of a step, as the file has it."""
    step = step_of(name)
    with config.changed(device="cpu"):
        function = step.build()
        kernels = function.kernels(step.batch, card=card.name)
    resources = registers(name, kernels, card)
    counts = counts_of(name)
    if name in PRODUCTS and not counts:
        found = _large_product(kernels, card, resources)
    else:
        found = predicted(kernels, card, resources, counts)
    cold = kernels.fewest > card.l2
    report = TimeReport("", card, {}, "", [one.time for one in found], cold)
    return {
        "batch": step.batch,
        "flops": kernels.flops,
        "device_ms": _ms(report.device_seconds),
        "host_ms": _ms(report.host_seconds),
        "step_ms": _ms(report.seconds),
        "cold": cold,
        "kernels": [_kernel(one, cold) for one in found],
    }


def _kernel(one: Predicted, cold: bool) -> dict[str, Any]:
    time = one.time
    shown = time.cold if cold else time.warm
    return {
        "name": time.name,
        "times": time.times,
        "warm_ms": _ms(time.warm.seconds),
        "cold_ms": _ms(time.cold.seconds),
        "limiter": shown.limiter,
        "warps": round(shown.occupancy.warps, 3),
        "waves": round(shown.waves, 3),
        "tail": round(shown.tail, 3),
        "registers": time.demand.registers,
        "source": one.source,
    }


def _ms(seconds: float) -> float:
    return float(f"{1e3 * seconds:.4g}")


def predictions(names: Sequence[str]) -> dict[str, Any]:
    """Return all predictions, with their date and what they are made with."""
    return {
        "heading": HEADING,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "graphc": __version__,
        "commit": commit(),
        "model_version": timing_model.VERSION,
        "cards": {
            card.name: {name: step_times(name, card) for name in names} for card in CARDS.values()
        },
    }


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="(default: all)")
    parser.add_argument("--output", type=Path, default=PREDICTIONS, help="the folder to write to")
    arguments = parser.parse_args(given)
    made = predictions(arguments.only)
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / f"{made['date']}.json"
    text = json.dumps(made, indent=1)
    # A line a kernel.
    text = re.sub(r"\{[^{}]*\}", lambda row: " ".join(row[0].split()), text)
    path.write_text(text + "\n", encoding="utf-8")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
