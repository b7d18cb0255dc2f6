"""Random networks of convolutions and poolings, lowered for both targets, some run as native code.

A kernel that no mapping of its kind takes runs in order, one element after another. That is right,
and took 10 to 40 times as long in rows of benchmarks/NOTES.md: the report counts such kernels, and
with ``--in-order`` each is a failure that shows its loop program.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from graphc.compiler.function import Function
from graphc.compiler.function.loop_programs import KernelLoops
from graphc.compiler.targets.cpu.in_order import IN_ORDER
from graphc.config import config
from tests.campaigns.campaign import Campaign, Cases, Result
from tests.campaigns.convolutional_models import SAMPLES, drawn
from tests.campaigns.lowering import TARGETS, fault_of
from tests.campaigns.models import native_fault


def in_order(function: Function, training: bool) -> list[KernelLoops]:
    """Return the kernels that run on a CPU without a mapping of their kind."""
    programs = function.loop_programs(SAMPLES, training=training, target="cpu")
    return [one for one in programs if one.mapped and IN_ORDER.name in one.mapped.names]


def run(cases: Cases) -> Iterator[Result]:
    """Yield the result of each case."""
    config.cpu, config.keras = "numpy", "1.2"  # separable convolutions are of later versions
    for index in cases:
        rng = cases.random(index)
        native = rng.random() < cases.options.native / 100
        program = drawn(rng)
        trainer = program.model._graphc_trainer.need_compiled("kernels")
        faults: list[str] = []
        slow: list[KernelLoops] = []
        for function, training in ((trainer.train(), True), (trainer.test(), False)):
            outputs = function.graph(training=training)
            found = [fault_of(outputs, target) for target in TARGETS]
            faults += found
            if not any(found):
                slow += in_order(function, training)
        if cases.options.in_order:
            faults += [str(kernel) for kernel in slow]
        if native and not any(faults):
            with tempfile.TemporaryDirectory() as folder:
                faults.append(native_fault(program, Path(folder)))
        counts = {"native": int(native), "kernels in order": len(slow)}
        yield Result(index, "\n".join(filter(None, faults)), counts)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--native", type=int, default=20, help="percent that native code is compared on"
    )
    parser.add_argument(
        "--in-order", action="store_true", help="kernels that run in order are failures"
    )


CAMPAIGN = Campaign("networks", __doc__, run, _add_options, group=5, limit=900)
