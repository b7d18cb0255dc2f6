"""Time networks: python -m benchmarks.architectures [--only NAME ...] [--rounds N] [--work WORK]

Each network is written with graphc's Keras API, run as native code, and in PyTorch, eagerly; two
processes, one a side, take turns. Batch, optimizer (Adam), loss and threads are the same, and so
are the shape of the output and the number of parameters, which is checked. Times are medians over
the rounds of the median step; first steps, in which graphc compiles, are not in them. *Of
PyTorch's speed* is PyTorch's time over graphc's: above 1 graphc is ahead.

--work is training (a step; the default), prediction (of a batch) or one (of one sample); PyTorch
predicts in its inference mode.

--write FILE.json keeps all figures.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.architectures.workloads import ARCHITECTURES, BY_NAME, WORK, Architecture
from benchmarks.forms.sides import SIDES, Side, keep, medians

_SECONDS = 0.5
"""Of one side's turn."""
_OF_TORCH = "of PyTorch's speed"
_WORKER = "benchmarks.architectures.worker"
_FLAGS = "cpu=native,keras=1.2,image_dim_ordering=th"


@dataclass(frozen=True)
class Row:
    """The figures of a network: seconds of a step or a prediction, and trainable parameters."""

    name: str
    graphc: float
    torch: float
    parameters: int

    @property
    def of_torch(self) -> float:
        """graphc's speed as a multiple of PyTorch's."""
        return self.torch / self.graphc


def row(architecture: Architecture, sides: dict[str, Side], rounds: int, work: str) -> Row:
    """Prepare a network on both sides, check that it is the same one, and time it."""
    request = {"prepare": architecture.name, "work": work}
    networks = {name: side.ask(**request) for name, side in sides.items()}
    _compare(networks["graphc"], networks["torch"])
    turns = {name: side.seconds_of_a_call(_SECONDS) for name, side in sides.items()}
    times = medians(turns, rounds)
    return Row(architecture.name, **times, parameters=networks["graphc"]["parameters"])


def _compare(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for key, value in ours.items():
        if value != theirs[key]:
            name = key.replace("_", " ")
            raise RuntimeError(f"{name} {value} with graphc, {theirs[key]} with PyTorch")


def line(r: Row) -> str:
    """A line of the table."""
    return f"{r.name:<28}{r.graphc * 1e3:>10.3f}{r.torch * 1e3:>12.3f}{r.of_torch:>24.2f}"


def summary(rows: Sequence[Row]) -> str:
    """The median ratio, and the least one."""
    least = min(rows, key=lambda r: r.of_torch)
    median = statistics.median(r.of_torch for r in rows)
    return (
        f"{len(rows)} networks: {median:.2f} of PyTorch's speed "
        f"(median; least {least.of_torch:.2f}, {least.name})"
    )


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=BY_NAME, nargs="+", default=BY_NAME, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", choices=WORK, default=WORK[0])
    parser.add_argument("--write", type=Path, help="a file for all figures, JSON")
    options = parser.parse_args()
    load = os.getloadavg()
    sides = {name: Side(name, options.threads, _WORKER, _FLAGS) for name in SIDES}
    versions = {name: side.ask(versions=True)["versions"] for name, side in sides.items()}
    rows, failed = [], []
    print(f"{'':<28}{'graphc ms':>10}{'PyTorch ms':>12}{_OF_TORCH:>24}")
    for architecture in ARCHITECTURES:
        if architecture.name not in options.only:
            continue
        try:
            rows.append(row(architecture, sides, options.rounds, options.work))
            print(line(rows[-1]), flush=True)
        except RuntimeError as error:
            failed.append(f"{architecture.name}: {error}")
    for side in sides.values():
        side.close()
    print(f"\n{', '.join(versions.values())}; {options.threads} threads, load {load[0]:.1f} before")
    if rows:
        print(summary(rows))
    if options.write:
        keep(options.write, options.threads, load[0], versions, rows)
    if failed:
        sys.exit("\n".join(("", *failed)))


if __name__ == "__main__":
    main()
