"""Steps of the reference models on one process and on several, beside the model of scaling.

    python benchmarks/rank_table.py --write docs/guides/ranks.md

It needs `pip install '.[mpi]'`, takes some minutes, and is for a machine that does nothing else.
For each model: the step of a batch that is taken whole, on one thread and on two; the same batch
in shards on one process; on two and on four ranks of one thread each, with what a rank waits for
others and what moving bytes takes, both of the rank where they are longest. The prediction is

    t(R) = t(1) / gain^log2(min(R, cores)) + transfers (R - 1) alpha + beta * bytes

where t(1) is the step in shards on one process, and the gain is what two threads gain in a step of
the batch taken whole: two cores share caches, memory and clock, and so are not twice as fast as
one. alpha and beta are those of benchmarks/ranks.py with two ranks; transfers and bytes are those
of a rank. Memory is the arena of the memory report, and
the resident memory that the steps of a process add at most.

--write puts the table into a page of the manual, in place of the one before.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scaling import Link
from graphc.compiler.function import ALWAYS, sharded_function
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- benchmarks/rank_table.py -->", "<!-- end of benchmarks/rank_table.py -->"
RANKS = (2, 4)
MODELS = ["mlp", "cnn", "gru_ae", "lstm"]

_MIB = 2**20
_LEAST_STEPS = 9


@dataclass(frozen=True)
class Ranks:
    """A step on several ranks.

    Attributes:
        step, waiting, moving: milliseconds, each of the rank where it is longest.
        sent: bytes of the rank that sends most.
        transfers: of a step.
    """

    step: float
    waiting: float
    moving: float
    sent: int
    transfers: int


@dataclass(frozen=True)
class Row:
    """The steps of a model.

    Attributes:
        model: its name.
        plain, two_threads, shards: milliseconds of a step on one process.
        arenas, peaks: bytes, of the batch taken whole and in shards.
        ranks: by their number.
    """

    model: str
    plain: float
    two_threads: float
    shards: float
    arenas: tuple[float, float]
    peaks: tuple[float, float]
    ranks: dict[int, Ranks]


def predicted(row: Row, ranks: int, link: Link, cores: int) -> float:
    """Return the milliseconds of a step on so many ranks."""
    one = row.ranks[ranks]
    gain = row.plain / row.two_threads
    moving = one.transfers * (ranks - 1) * link.alpha + link.beta * one.sent
    return row.shards / gain ** math.log2(min(ranks, cores)) + 1e3 * moving


def table(rows: Sequence[Row], link: Link, cores: int) -> str:
    """Return the rows in Markdown."""
    head = ["model", "plain", "2 threads", "shards"]
    for count in RANKS:
        head += [f"{count} ranks", "predicted", "waiting", "moving"]
    lines = [
        f"| {' | '.join([*head, 'arena (MiB)', 'memory (MiB)'])} |",
        "|---" * (len(head) + 2) + "|",
    ]
    for row in rows:
        cells = [
            f"`{row.model}`",
            *(f"{ms:.2f}" for ms in (row.plain, row.two_threads, row.shards)),
        ]
        for count in RANKS:
            one = row.ranks[count]
            expected = predicted(row, count, link, cores)
            share = [f"{100 * part / one.step:.0f}%" for part in (one.waiting, one.moving)]
            cells += [f"{one.step:.2f}", f"{expected:.2f}", *share]
        for whole, in_shards in (row.arenas, row.peaks):
            cells.append(f"{whole / _MIB:.1f}, {in_shards / _MIB:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def inserted(page: str, section: str) -> str:
    """Return a page with a section in place of the one before, or ahead of its last heading."""
    marked = f"{BEGIN}\n{section}\n{END}\n"
    if BEGIN in page:
        before, _, rest = page.partition(BEGIN)
        return before + marked + rest.partition(f"{END}\n")[2]
    place = page.rindex("\n## ") + 1
    return f"{page[:place]}{marked}\n{page[place:]}"


# ---- what is measured, in processes of their own -------------------------------------------------


def steps_of(name: str, batch: int, shards: int) -> tuple[Any, Any, Sequence[Any]]:
    """Return a model's step on whole batches, the same in shards, and the arrays of a batch."""
    step = REFERENCE_MODELS[name].build()
    divided = sharded_function(
        step.inputs,
        [step.loss, *step.metrics],
        updates=step.updates,
        name=f"{name}.train",
        calls=ALWAYS,
        shards=shards,
    )
    return step.function(), divided, step.data(batch)


def measure_times(name: str, batch: int, shards: int, seconds: float) -> dict[str, Any]:
    """Return the medians of steps in turn, in milliseconds, and the arenas."""
    *functions, arrays = steps_of(name, batch, shards)
    for function in functions:
        function(*arrays)
    times: list[list[float]] = [[] for _ in functions]
    ends = time.perf_counter() + seconds
    while len(times[0]) < _LEAST_STEPS or time.perf_counter() < ends:
        for function, taken in zip(functions, times, strict=True):
            started = time.perf_counter()
            function(*arrays)
            taken.append(1e3 * (time.perf_counter() - started))
    arenas = [function.memory_report(batch).arena for function in functions]
    return {"times": [statistics.median(one) for one in times], "arenas": arenas}


def measure_peak(name: str, batch: int, shards: int, whole: bool) -> dict[str, Any]:
    """Return the resident memory that some steps add at most."""
    plain, divided, arrays = steps_of(name, batch, shards)
    function = plain if whole else divided
    function.make()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    for _ in range(4):
        function(*arrays)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"peak": max(0, most - pages * resource.getpagesize())}


def _run(command: Sequence[str | Path], threads: int = 1) -> str:
    environ = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return run.stdout


def _child(arguments: Sequence[object], threads: int = 1) -> Any:
    command = [sys.executable, "-m", "benchmarks.rank_table", "--child", *map(str, arguments)]
    return json.loads(_run(command, threads))


def measured_row(name: str, batch: int, shards: int, seconds: float) -> Row:
    """Return the row of a model, from processes of their own."""
    one = _child(["times", name, batch, shards, seconds])
    two = _child(["times", name, batch, shards, seconds], threads=2)
    peaks = [_child([what, name, batch, shards, 0])["peak"] for what in ("whole", "shards")]
    ranks = {}
    for count in RANKS:
        options = ["--ranks", count, "--shards", shards, "--batch", batch, "--json"]
        found = json.loads(
            _run([sys.executable, "-m", "graphc", "bench", name, *map(str, options)])
        )
        most = {
            what: max(each[what] for each in found["ranks"])
            for what in ("step", "waiting", "moving", "sent", "transfers")
        }
        ranks[count] = Ranks(**most)
    plain, in_shards = one["times"]
    return Row(name, plain, two["times"][0], in_shards, tuple(one["arenas"]), tuple(peaks), ranks)


def measured_link() -> Link:
    """Return the latency and the time a byte of this machine's MPI, of two ranks."""
    beside = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    launcher = beside or shutil.which("mpiexec")
    if launcher is None:
        raise SystemExit("no mpiexec here: pip install '.[mpi]' brings one")
    text = _run([launcher, "-n", "2", sys.executable, ROOT / "benchmarks" / "ranks.py"])
    found = re.search(r"all_to_all: alpha ([\d.]+) us, beta ([\d.]+) ns", text)
    assert found is not None, text
    return Link(float(found[1]) * 1e-6, float(found[2]) * 1e-9)


def main() -> None:
    """Measure, print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a model's steps, each time")
    parser.add_argument("--write", type=Path, help="a page of the manual")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    config.cpu = "native"
    if chosen.child:
        what, name, *numbers = chosen.child
        batch, shards, seconds = int(numbers[0]), int(numbers[1]), float(numbers[2])
        if what == "times":
            print(json.dumps(measure_times(name, batch, shards, seconds)))
        else:
            print(json.dumps(measure_peak(name, batch, shards, whole=what == "whole")))
        return
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    link = measured_link()
    rows = [
        measured_row(name, chosen.batch, chosen.shards, chosen.seconds) for name in chosen.models
    ]
    section = (
        f"## What two and four ranks took\n\n"
        f"Milliseconds of a step on a batch of {chosen.batch} in {chosen.shards} shards, by "
        f"`benchmarks/rank_table.py`, on {time.strftime('%Y-%m-%d')}, on {cores} cores of\n"
        f"{platform.machine()}, at a load of {load:.1f} before; `plain` is the batch taken whole. "
        f"The link: alpha {1e6 * link.alpha:.1f} us, beta {1e9 * link.beta:.3f} ns a byte.\n"
        "Waiting and moving are shares of the step, of the rank where they are longest; arena and "
        "memory those of the batch taken whole, and in shards.\n\n" + table(rows, link, cores)
    )
    print(section)
    if chosen.write:
        page = chosen.write.read_text(encoding="utf-8")
        chosen.write.write_text(inserted(page, section), encoding="utf-8")


if __name__ == "__main__":
    main()
