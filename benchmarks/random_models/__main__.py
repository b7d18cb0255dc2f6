"""Find slow kernels: python -m benchmarks.random_models [--seed N] [--seconds S] [--least SHARE]
[--last]

Training steps of models that nobody chose (`benchmarks/random_models/drawn.py`) run as native code,
kernel by kernel as `graphc bench` times them. Printed is each kernel that takes a fifth of a
millisecond or more, at less than --least (0.06) of the rate of a product and of that of a copy,
which are measured in the same run; and each that computes something else than the interpreter. A
kernel that is slow may be one whose mapping is missing. With --last images have their channels
last.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

import numpy as np

from benchmarks.random_models.drawn import DrawnModel, drawn_models
from graphc.cli.bench import native
from graphc.cli.bench.report import Report, Row
from graphc.config import config
from graphc.engine.training.compiled import compile_model
from graphc.engine.training.draws import Draws
from graphc.optimizers import get
from graphc.reference_models.step import ReferenceModel, TrainingStep, training_step

_LEAST_MS = 0.2


def training_step_of(drawn: DrawnModel) -> TrainingStep:
    """Return the step that `fit` runs, on random data."""
    compiled = compile_model(
        drawn.model,
        get(drawn.optimizer),
        drawn.loss,
        metrics=(),
        loss_weights=None,
        sample_weight_mode=None,
        mode=None,
        draws=Draws(),
    )

    def draw(batch: int) -> list[np.ndarray]:
        rng = np.random.default_rng(0)
        shapes = [[batch, *node.shape[1:]] for node in compiled.inputs]
        first, *targets, weights = shapes
        data = rng.integers(0, drawn.words, first) if drawn.words else rng.standard_normal(first)
        return [data, *(rng.uniform(0.05, 0.95, one) for one in targets), np.ones(weights)]

    return training_step(
        "drawn",
        compiled.inputs,
        drawn.model.outputs[0],
        compiled.outputs[0],
        [],
        drawn.model.trainable_weights,
        compiled.optimizer,
        draw,
    )


def measured(drawn: DrawnModel, seconds: float) -> Report:
    """Return the times of a drawn model's kernels."""
    step = training_step_of(drawn)
    model = ReferenceModel("drawn", drawn.text, drawn.batch, partial(training_step_of, drawn))
    return native.profile(model, drawn.batch, step, step.function(), (), seconds=seconds)


def is_far(row: Row, least: float) -> bool:
    """Return True for a kernel that takes its time, far from both peaks."""
    shares = [one or 0.0 for one in (row.flops_of_peak, row.bytes_of_peak)]
    return row.ms.least * row.times >= _LEAST_MS and max(shares) < least


def line(row: Row, report: Report) -> str:
    """Return a kernel as it is printed."""
    shares = f"{row.gflops:.1f} GFLOP/s, {row.gbytes:.2f} GB/s"
    return f"{row.ms.least:.2f} of {report.step.median:.2f} ms, {shares}: {row.name}: {row.work}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.random_models", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=300.0, help="stop behind so many (300)")
    parser.add_argument("--least", type=float, default=0.06, help="share of a peak (0.06)")
    parser.add_argument("--last", action="store_true", help="channels last")
    options = parser.parse_args()
    ordering = "tf" if options.last else "th"
    end, models, kernels = time.monotonic() + options.seconds, 0, 0
    with config.changed(cpu="native", device="cpu", keras="1.2", image_dim_ordering=ordering):
        for drawn in drawn_models(options.seed):
            if time.monotonic() > end:
                break
            report = measured(drawn, seconds=0.25)
            models, kernels = models + 1, kernels + len(report.rows)
            found = [line(row, report) for row in report.rows if is_far(row, options.least)]
            found += report.check.failures if report.check else ()
            if found:
                print(f"batch {drawn.batch}, {drawn.loss}, {drawn.optimizer}, {drawn.text}")
                print(*(f"  {one}" for one in found), sep="\n", flush=True)
    print(f"{models} models, {kernels} kernels")


if __name__ == "__main__":
    main()
