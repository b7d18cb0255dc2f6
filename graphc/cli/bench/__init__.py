"""``graphc bench``: where a training step's time goes, kernel by kernel or node by node."""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

from graphc.cli.bench import cpu, gpu, native, ranks
from graphc.cli.bench.compare import format_comparison, load_report
from graphc.cli.bench.native_table import format_native
from graphc.cli.bench.report import Report, format_report
from graphc.cli.command import Command
from graphc.cli.launching import count, run_on_ranks
from graphc.compiler.runtime.device import select_device
from graphc.compiler.runtime.gpu.probe import gpu_status
from graphc.config import config
from graphc.errors import ArgumentError, unknown_name
from graphc.parallel.joining import rank as own_rank
from graphc.parallel.launcher import find_launcher
from graphc.parallel.tree import shards_of_rank
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
    model = _model(name)
    batch = _batch(model, batch)
    place, notes = _device(device)
    if place == "gpu":
        return gpu.profile(model, batch, torch)
    if torch:
        raise ArgumentError(
            "bench: --vs torch times kernels of a GPU, and this runs on the CPU; python -m "
            "benchmarks.peers times whole steps of PyTorch on a CPU"
        )
    return _on_cpu(model, batch, notes)


def _model(name: str) -> ReferenceModel:
    if name not in REFERENCE_MODELS:
        raise unknown_name("model", name, REFERENCE_MODELS)
    return REFERENCE_MODELS[name]


def _batch(model: ReferenceModel, given: int | None) -> int:
    if given is not None and given < 1:
        raise ArgumentError(f"bench: the batch has at least 1 sample, received {given}")
    return model.batch if given is None else given


def _on_cpu(model: ReferenceModel, batch: int, notes: tuple[str, ...]) -> Report:
    """Profile by the executor that runs the step there, as the flag `cpu` says."""
    np.random.seed(1337)
    step = model.build()
    with config.changed(device="cpu"):
        train = step.function()
    if train.target() == "cpu":
        return native.profile(model, batch, step, train, notes)
    if config.cpu != "numpy":
        notes = (*notes, train.report.summary)
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
        before, after = map(load_report, arguments.compare)
        print(format_comparison(before, after))
        return
    if arguments.ranks is not None:
        _run_on_ranks(arguments)
        return
    if arguments.shards is not None:
        raise ArgumentError("bench: --shards: expected --ranks beside it, received none")
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


def _run_on_ranks(arguments: argparse.Namespace) -> None:
    """Time the step on several ranks, which are started unless a launcher has."""
    if arguments.vs or arguments.device:
        raise ArgumentError(
            "bench: --ranks times computing, waiting and moving of whole steps, on the device of "
            "the flag device; leave --vs and --device out"
        )
    model = _model(arguments.model or _MODEL)
    batch = _batch(model, arguments.batch)
    shards_of_rank(arguments.shards or arguments.ranks, arguments.ranks, 0)
    if arguments.ranks > 1 and find_launcher() is None:
        command = ["bench", model.name, "--batch", str(batch), "--ranks", str(arguments.ranks)]
        command += ["--shards", str(arguments.shards or arguments.ranks)]
        command += ["--json"] if arguments.json else []
        raise SystemExit(run_on_ranks(command, arguments.ranks))
    report = ranks.profile(model, batch, arguments.ranks, arguments.shards)
    if own_rank() == 0:
        print(json.dumps(report.as_dict(), indent=1) if arguments.json else report)


def _refuse_measuring(arguments: argparse.Namespace) -> None:
    """Raise ArgumentError for arguments that --compare would have to ignore."""
    names = ("model", "batch", "device", "json", "vs", "ranks", "shards")
    given = [name for name in names if vars(arguments)[name]]
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
        "--ranks",
        type=count,
        metavar="N",
        help="time steps on so many processes, under mpiexec: computing, waiting and moving",
    )
    parser.add_argument(
        "--shards",
        type=count,
        metavar="V",
        help="with --ranks: shards of a batch (default: one for each rank)",
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
the card's peak (multiprocessors, lanes and clock) and of a copy that is measured in the same run.
What each kernel computes is compared with the interpreter; a difference is said with its kernel and
layers, and the status is 1.

On a CPU, for each kernel of native code: the median of its time within whole steps, GFLOP/s and
GB/s, and the part of what this machine does in a product of matrices and in a copy, measured in the
same run; results are compared in the same way. Where the NumPy interpreter runs the step
(cpu=numpy, or no C++ compiler), for each node of the graph: time and rates.

With --ranks the same command runs on several processes, which share a step, each batch in as many
shards as there are ranks. For each rank: the median of a step; of other steps, whose transfers are
timed, what it computes, how long it waits until all have come to a transfer, and what moving bytes
takes; and the bytes that it sends to others in a step.

Operations and bytes are worked out from the shapes: each input read once, the result written once.

examples:
  graphc bench
  graphc bench lstm --batch 8
  graphc bench --json > step.json
  graphc bench --compare before.json after.json
  graphc bench cnn --device gpu --vs torch
  graphc bench --ranks 2                       on two processes of one thread
  graphc bench mlp --ranks 4 --shards 8
  GRAPHC_FLAGS=floatX=float64 graphc bench     in double precision
  GRAPHC_FLAGS=cpu=numpy graphc bench          the interpreter, node by node
""",
    run=_run,
    add_arguments=_add_arguments,
)
