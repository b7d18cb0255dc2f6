"""``graphc bench``: where a training step's time goes, kernel by kernel or node by node."""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

from graphc.cli.bench import cpu, gpu, native
from graphc.cli.bench.compare import format_comparison, load
from graphc.cli.bench.native_table import format_native
from graphc.cli.bench.report import Report, format_report
from graphc.cli.command import Command
from graphc.compiler.runtime.device import select_device
from graphc.compiler.runtime.probe import gpu_status
from graphc.config import config
from graphc.errors import ArgumentError, unknown_name
from graphc.reference_models import REFERENCE_MODELS, ReferenceModel

_MODEL = "mlp"
_CHECK_FAILED = 1


def profile(
    name: str, batch: int | None = None, device: str | None = None, torch: bool = False
) -> Report:
    """Train a reference model for a few steps and time what each consists of.

    Args:
        name: a key of `REFERENCE_MODELS`.
        batch: samples a step; the model's own by default.
        device: 'cpu' or 'gpu'; by default what the flag `device` says where it was set, else a GPU
            if one is usable.
        torch: time PyTorch at the same work on a GPU, where there is any.

    Raises:
        ArgumentError: an unknown model (an UnknownNameError), a batch below 1, or `torch` on a CPU.
        DeviceError: a GPU was requested and cannot be used.
    """
    if name not in REFERENCE_MODELS:
        raise unknown_name("model", name, REFERENCE_MODELS)
    if batch is not None and batch < 1:
        raise ArgumentError(f"bench: the batch has at least 1 sample, received {batch}")
    model = REFERENCE_MODELS[name]
    batch = model.batch if batch is None else batch
    place, notes = _device(device)
    if place == "gpu":
        return gpu.profile(model, batch, torch)
    if torch:
        raise ArgumentError(
            "bench: --vs torch times kernels of a GPU, and this runs on the CPU; python -m "
            "benchmarks.peers times whole steps of PyTorch on a CPU"
        )
    return _on_cpu(model, batch, notes)


def _on_cpu(model: ReferenceModel, batch: int, notes: tuple[str, ...]) -> Report:
    """Profile by the executor that runs the step there, as the flag `cpu` says."""
    np.random.seed(1337)
    step = model.build()
    with config.changed(device="cpu"):
        train = step.function()
    if train.target() == "cpu":
        return native.profile(model, batch, step, train, notes)
    if config.cpu != "numpy":
        notes = (*notes, train.report.made)
    return cpu.profile(model, batch, step, train, notes)


def _device(name: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the device, and a line for the report where that is not the one that might be
    expected."""
    if name is not None:
        with config.changed(device=name):
            return select_device(), ()
    if config.source("device") != "default":
        return select_device(), ()
    status = gpu_status()
    if status.usable:
        return "gpu", ()
    return "cpu", (f"No GPU is usable here, so these are times of the CPU: {status.reason}",)


def _run(arguments: argparse.Namespace) -> None:
    if arguments.compare:
        _refuse_measuring(arguments)
        before, after = map(load, arguments.compare)
        print(format_comparison(before, after))
        return
    if sys.stderr.isatty():  # the table takes minutes: show progress
        print("compiling and timing, some seconds ...", file=sys.stderr, flush=True)
    measured = profile(
        arguments.model or _MODEL, arguments.batch, arguments.device, arguments.vs == "torch"
    )
    if arguments.json:
        print(json.dumps(measured.as_dict(), indent=1))
    else:
        is_native = measured.executor == native.EXECUTOR
        print(format_native(measured) if is_native else format_report(measured))
    if measured.check is not None and measured.check.failures:
        for line in measured.check.failures:
            print(f"check failed: {line}", file=sys.stderr)
        raise SystemExit(_CHECK_FAILED)


def _refuse_measuring(arguments: argparse.Namespace) -> None:
    """Raise ArgumentError for arguments that --compare would have to ignore."""
    given = [name for name in ("model", "batch", "device", "json", "vs") if vars(arguments)[name]]
    if given:
        raise ArgumentError(
            f"bench: --compare reads two files and measures nothing; leave {', '.join(given)} out"
        )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    models = "; ".join(f"{name}: {one.summary}" for name, one in REFERENCE_MODELS.items())
    parser.add_argument("model", nargs="?", metavar="MODEL", help=f"{models} (default: {_MODEL})")
    parser.add_argument(
        "--batch", type=int, metavar="N", help="samples a step (default: the model's own)"
    )
    parser.add_argument(
        "--device",
        choices=("cpu", "gpu"),
        help="where to run (default: what the flag 'device' says if it is set, else a GPU if one "
        "is usable)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every row")
    parser.add_argument(
        "--vs", choices=("torch",), help="time PyTorch at the same work, where it is installed"
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("BEFORE", "AFTER"),
        help="print the ratios of two files that --json printed; nothing is measured",
    )


COMMAND = Command(
    name="bench",
    summary="time each kernel of a model's training step",
    description="""\
Trains a model on random data and shows where a step's time goes.

On a GPU, for each launch: the median and the spread (from the first to the third quartile) of its
time by the GPU's clock, warm and with empty caches; GFLOP/s and GB/s; and what part these are of
the card's peaks, which are measured in the same run. What each kernel computes is compared with the
interpreter; a difference is said with its kernel and layers, and the status is 1.

On a CPU, for each kernel of native code: the median of its time within whole steps, GFLOP/s and
GB/s, and the part of what this machine does in a product of matrices and in a copy, measured in the
same run; results are compared in the same way. Where the NumPy interpreter runs the step
(cpu=numpy, or no C++ compiler), for each node of the graph: time and rates.

Operations and bytes are worked out from the shapes: each input read once, the result written once.

examples:
  graphc bench
  graphc bench lstm --batch 8
  graphc bench --json > step.json
  graphc bench --compare before.json after.json
  graphc bench cnn --device gpu --vs torch
  GRAPHC_FLAGS=floatX=float64 graphc bench     in double precision
  GRAPHC_FLAGS=cpu=numpy graphc bench          the interpreter, node by node
""",
    run=_run,
    add_arguments=_add_arguments,
)
