"""A step on two ranks beside two threads, and in shards beside a whole batch, by turns.

    python -m benchmarks.ranks_by_turns mlp [--rounds 15]

It needs `pip install '.[mpi]'`. Four programs run at the same time, of which one computes while the
others wait for their turn: a process that takes the batch whole on one thread, one on two threads,
one that takes it in shards on one thread, and two ranks of one thread each. A round is a turn of
each, so that a machine which changes its speed from one second to the next changes it for all; each
round begins with another program. The time of a turn is the median of its steps, of ranks that of
the rank which took longest.

It prints the ratios of each round, their quartiles and the least times. Where other work goes on,
`chrt --fifo 1` before the command lets these steps go first.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

import numpy as np

from benchmarks.rank_table import steps_of
from graphc.cli.bench.ranks import step_on_ranks
from graphc.compiler.runtime.gpu.between_gpus import sums_transport
from graphc.config import config
from graphc.parallel.joining import join
from graphc.parallel.probe import mpiexec_path
from graphc.reference_models import REFERENCE_MODELS

ROOT = Path(__file__).parents[1]
BATCH, SHARDS = 128, 4
_WARM_STEPS = 20
_SETTLE_STEPS = 3
"""Steps at the beginning of a turn that are not timed: the program before had the caches."""


@dataclass(frozen=True)
class Program:
    """A way to run a step.

    Attributes:
        name: as it is printed.
        what: of the step: "whole", "shards" or "ranks".
        threads: of each process.
        processes: how many there are.
    """

    name: str
    what: str
    threads: int = 1
    processes: int = 1


PROGRAMS = (
    Program("plain", "whole"),
    Program("2 threads", "whole", threads=2),
    Program("shards", "shards"),
    Program("2 ranks", "ranks", processes=2),
)
RATIOS = (("2 ranks", "2 threads"), ("shards", "plain"))


# ---- a process of a program ----------------------------------------------------------------------


def serve(address: str, what: str, name: str) -> None:
    """Run turns of a model's step, each of as many steps as are received, until these are 0; each
    is answered with the milliseconds of its median step."""
    config.cpu = "native"
    call = _step_on_ranks(name) if what == "ranks" else _step_of_one(name, what)
    for _ in range(_WARM_STEPS):
        call()
    with Client(address, family="AF_UNIX") as connection:
        while steps := connection.recv():
            for _ in range(_SETTLE_STEPS):
                call()
            times = []
            for _ in range(steps):
                started = time.perf_counter()
                call()
                times.append(1e3 * (time.perf_counter() - started))
            connection.send(statistics.median(times))


def _step_of_one(name: str, what: str) -> Callable[[], object]:
    whole, divided, arrays = steps_of(name, BATCH, SHARDS)
    function = whole if what == "whole" else divided
    return lambda: function(*arrays)


def _step_on_ranks(name: str) -> Callable[[], object]:
    joined = join("ranks_by_turns")
    np.random.seed(1337)  # the same weights and data on all ranks
    step = REFERENCE_MODELS[name].build()
    function = step_on_ranks(step, SHARDS, sums_transport(joined))
    arrays = step.data(BATCH)
    return lambda: function(*arrays)


# ---- what starts them and compares ---------------------------------------------------------------


@contextmanager
def started(program: Program, model: str, folder: Path) -> Iterator[list[Connection]]:
    """Start the processes of a program, and end them."""
    address = str(folder / program.what) + str(program.threads)
    command = [sys.executable, "-m", "benchmarks.ranks_by_turns", model]
    command += ["--serve", address, program.what]
    environ = {**os.environ, "OMP_NUM_THREADS": str(program.threads), "PYTHONPATH": str(ROOT)}
    if program.processes > 1:
        found = mpiexec_path()
        if found.fix:
            raise SystemExit(f"mpiexec is {found.found}: {found.fix}")
        command = [found.found, "-n", str(program.processes), *command]
        environ["GRAPHC_FLAGS"] = f"{environ.get('GRAPHC_FLAGS', '')},ranks=mpi"
    with Listener(address, family="AF_UNIX", backlog=program.processes) as listener:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL)
        connections = [listener.accept() for _ in range(program.processes)]
        yield connections
        for connection in connections:
            connection.send(0)
        process.wait()


def turn(connections: Sequence[Connection], steps: int) -> float:
    """Return the milliseconds of a step, of the process where they are longest."""
    for connection in connections:
        connection.send(steps)
    return max(connection.recv() for connection in connections)


def compare(model: str, rounds: int, steps: int) -> dict[str, list[float]]:
    """Return the milliseconds of a step in each round, by the programs' names."""
    times: dict[str, list[float]] = {one.name: [] for one in PROGRAMS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = {one.name: stack.enter_context(started(one, model, folder)) for one in PROGRAMS}
        for number in range(rounds):
            first = number % len(PROGRAMS)
            for program in PROGRAMS[first:] + PROGRAMS[:first]:
                times[program.name].append(turn(running[program.name], steps))
    return times


def report(model: str, times: dict[str, list[float]]) -> list[str]:
    """Return the lines of a model."""
    lines = [f"{model}, batches of {BATCH} in {SHARDS} shards, {len(times['plain'])} rounds"]
    for name, taken in times.items():
        middle, least = statistics.median(taken), min(taken)
        lines.append(f"  {name:<10} median {middle:7.2f} ms, least {least:7.2f} ms")
    for upper, lower in RATIOS:
        ratios = np.array(times[upper]) / np.array(times[lower])
        quarter, middle, three = np.quantile(ratios, [0.25, 0.5, 0.75])
        of_least = min(times[upper]) / min(times[lower])
        lines.append(
            f"  {upper} / {lower}: median of the rounds {middle:.2f} (quartiles {quarter:.2f} to "
            f"{three:.2f}), of the least times {of_least:.2f}"
        )
    return lines


def main() -> None:
    """Run the programs by turns and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["mlp"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=60, help="of a turn")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(*chosen.serve, chosen.models[0])
        return
    print(f"load before: {os.getloadavg()[0]:.1f}")
    for model in chosen.models:
        times = compare(model, chosen.rounds, chosen.steps)
        print("\n".join(report(model, times)), flush=True)


if __name__ == "__main__":
    main()
