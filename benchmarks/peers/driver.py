"""Asks the workers of a workload in turn, one at a time, round by round."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import floor, graphc_side, worker
from benchmarks.peers.report import Measured
from benchmarks.peers.workloads import SEED, WORKLOADS, Arrays, Workload

# Pools of threads that wait for work spin for this long before they sleep, and more.
_SETTLE_SECONDS = 0.3
_LAST_LINES = 3
_WHAT = {
    "first": "start",
    "warm_up": "warm up",
    "round": "end a round",
    "check": "train without dropout",
}
"""The task that a worker failed at, by the request that it does not answer."""


@dataclass(frozen=True)
class Peer:
    """One column of the comparison.

    Attributes:
        module: of `benchmarks.peers`, for `worker`.
        library: whose absence means that this peer is left out.
        variant: of `Task`.
        environment: variables for the worker.
        workloads: what it can do.
        same_arithmetic: whether its losses are those of Keras 1.0's formulas.
    """

    name: str
    module: str
    library: str
    variant: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    workloads: tuple[str, ...] = tuple(WORKLOADS)
    same_arithmetic: bool = True


def _graphc(how: str) -> Peer:
    flags = (("GRAPHC_FLAGS", f"device=cpu,floatX=float32,cpu={how}"),)
    return Peer(f"graphc-{how}", "graphc_side", "graphc", environment=flags)


PEERS = {
    peer.name: peer
    for peer in (
        _graphc("numpy"),
        _graphc("native"),
        Peer("torch", "torch_side", "torch"),
        Peer("torch-compiled", "torch_side", "torch", "compiled"),
        Peer(
            "torch-own-lstm",
            "torch_side",
            "torch",
            "own-lstm",
            workloads=("lstm",),
            same_arithmetic=False,
        ),
        Peer("jax", "jax_side", "jax"),
        Peer("keras", "keras_side", "tensorflow"),
        Peer("pytensor", "pytensor_side", "pytensor", workloads=("mlp", "gru_ae", "lstm")),
    )
}
OWN = ("graphc-numpy", "graphc-native")


class WorkerError(Exception):
    """A worker that ended or took too long."""


class Process:
    """A worker, asked over pipes."""

    def __init__(self, peer: Peer, task: Path, caches: Path, threads: int):
        self._log = task.with_suffix(".log")
        command = [sys.executable, "-m", "benchmarks.peers.worker"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, peer.module, str(task), str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(peer, caches, threads),
            )

    def ask(self, request: str, limit: float) -> dict[str, Any]:
        """The answer. WorkerError where there is none within `limit` seconds."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], limit)
        if not ready:
            self.end()
            raise WorkerError(f"did not {_WHAT[request]} in {limit:g} s")
        line = self._process.stdout.readline()
        if not line:
            self.end()
            said = " / ".join(self._log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
            raise WorkerError(f"did not {_WHAT[request]}: {said}")
        return json.loads(line)

    def end(self) -> None:
        """Stop the process."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):  # a request that it did not live to read
            self._process.stdin.close()
        self._process.stdout.close()


def environment(peer: Peer, caches: Path, threads: int) -> dict[str, str]:
    """Variables of a worker: its threads, float32, no GPU, and caches of its own."""
    pools = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
    return {
        **os.environ,
        **{f"{pool}_NUM_THREADS": str(threads) for pool in pools},
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "CUDA_VISIBLE_DEVICES": "",
        "XDG_CACHE_HOME": str(caches / "cache"),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(caches / "keras"),
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(caches / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
        "PYTENSOR_FLAGS": f"floatX=float32,base_compiledir={caches / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(caches / "numba"),
        **dict(peer.environment),
    }


def initial_weights(workload: Workload) -> Arrays:
    """Return the weights that all peers start from: those that graphc draws."""
    np.random.seed(SEED)
    return graphc_side.model(workload, dropout=False).get_weights()


def rates(threads: int) -> floor.Rates:
    """Of this machine, measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.floor", str(threads)],
        env=environment(PEERS[OWN[0]], Path(os.devnull), threads),
        capture_output=True,
        text=True,
        check=True,
    )
    return floor.Rates(**json.loads(done.stdout))


@dataclass(frozen=True)
class Settings:
    """The settings of a measurement.

    Attributes:
        folder: for tasks, caches and logs.
        limit: seconds that one answer may take.
        report: takes lines of progress.
    """

    threads: int
    rounds: int
    limit: float
    folder: Path
    report: Callable[[str], None]


class Comparison:
    """The peers of one workload.

    Attributes:
        measured: what each took.
        rates: the machine's, at each round.
    """

    def __init__(self, workload: Workload, peers: Sequence[Peer], settings: Settings):
        self._workload, self._peers, self._settings = workload, peers, settings
        self._folders = {peer.name: settings.folder / workload.name / peer.name for peer in peers}
        self._processes: dict[str, Process] = {}
        self.measured = {peer.name: Measured() for peer in peers}
        self.rates: list[floor.Rates] = []

    def run(self) -> None:
        """Measure. A worker that fails is left out from then on, and its row says why."""
        weights = initial_weights(self._workload)
        try:
            for peer in self._peers:
                place = self._folders[peer.name] / "task"
                worker.save(place, self._workload.name, peer.variant, weights)
                self._begin(peer)
            for _ in range(self._settings.rounds):
                self.rates.append(rates(self._settings.threads))
                for peer in self._alive():
                    if answer := self._ask(peer, "round"):
                        self.measured[peer.name].rounds.append(answer["seconds"])
            for peer in self._alive():
                self._finish(peer)
            for peer in self._alive():
                self._again(peer)
        finally:
            for process in self._processes.values():
                process.end()

    def _begin(self, peer: Peer) -> None:
        self._start(peer)
        one = self.measured[peer.name]
        if answer := self._ask(peer, "first"):
            one.cold, one.imported = answer["seconds"], answer["imported"]
            one.versions = answer["versions"]
            if answer := self._ask(peer, "warm_up"):
                one.steps = answer["steps"]

    def _finish(self, peer: Peer) -> None:
        if answer := self._ask(peer, "check"):
            one = self.measured[peer.name]
            one.mib, one.losses = answer["mib"], answer["losses"]

    def _again(self, peer: Peer) -> None:
        """A process that finds the caches of the one before it."""
        self._processes.pop(peer.name).end()
        self._start(peer)
        if answer := self._ask(peer, "first"):
            self.measured[peer.name].warm = answer["seconds"]

    def _start(self, peer: Peer) -> None:
        place = self._folders[peer.name]
        self._processes[peer.name] = Process(
            peer, place / "task", place / "caches", self._settings.threads
        )

    def _alive(self) -> list[Peer]:
        return [peer for peer in self._peers if peer.name in self._processes]

    def _ask(self, peer: Peer, request: str) -> dict[str, Any] | None:
        """The answer; None where the worker failed."""
        self._settings.report(f"{self._workload.name} {peer.name}: {request}")
        time.sleep(_SETTLE_SECONDS)
        try:
            return self._processes[peer.name].ask(request, self._settings.limit)
        except WorkerError as error:
            self.measured[peer.name].failed = str(error)
            del self._processes[peer.name]
            return None


def as_json(measured: dict[str, Measured]) -> dict[str, Any]:
    """For a file."""
    return {name: asdict(one) for name, one in measured.items()}
