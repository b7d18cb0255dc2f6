"""Where the time of a training step goes on several ranks: computing, waiting, moving; and the time
in which bytes move while a rank computes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphc.cli.bench.facts import machine
from graphc.compiler.function import ALWAYS, sharded_function
from graphc.compiler.runtime.gpu.between_gpus import sums_transport
from graphc.errors import ArgumentError
from graphc.parallel.joining import join
from graphc.parallel.transport import Transfer, Transport, as_bytes
from graphc.reference_models import ReferenceModel, TrainingStep

_WARM_STEPS = 3
_SECONDS = 2.0
"""Of steps that are timed, once as they are and once with their transfers. Others run for half as
long ahead of them: a virtual machine that was idle may take a second to reach its speed."""
_STEPS = (5, 2000)
"""The least and the most of them."""


@dataclass(frozen=True)
class RankTimes:
    """The medians of a rank's steps, in milliseconds, and what it sends in one.

    Attributes:
        step: a whole step, as training runs it.
        computing: what is left of a step in which transfers are timed.
        waiting: until all ranks have come to the end of a transfer.
        moving: beginning transfers, and from when all have come until the bytes are there.
        overlapped: of computing, with transfers under way.
        sent: bytes that the rank sends to others.
        transfers: how many a step has.
    """

    step: float
    computing: float
    waiting: float
    moving: float
    overlapped: float
    sent: int
    transfers: int


@dataclass(frozen=True)
class RanksReport:
    """The times of a model's step on each rank."""

    model: str
    batch: int
    shards: int
    parameters: int
    ranks: list[RankTimes]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {**machine(), **asdict(self)}

    def __str__(self) -> str:
        lines = [
            f"{self.model}, {self.parameters:,} parameters, batches of {self.batch} in "
            f"{self.shards} shards on {len(self.ranks)} ranks; medians of a step, in ms",
            "",
            "rank      step  computing   waiting    moving  overlapped       bytes sent  transfers",
        ]
        for number, one in enumerate(self.ranks):
            times = (one.step, one.computing, one.waiting, one.moving)
            shown = "".join(f"{value:10.3f}" for value in times)
            lines.append(f"{number:4}{shown}{one.overlapped:12.3f}{one.sent:17,}{one.transfers:11}")
        return "\n".join(lines)


def profile(model: ReferenceModel, batch: int, ranks: int, shards: int | None) -> RanksReport:
    """Train a reference model on the ranks that a launcher started, and time its steps.

    Args:
        model: which.
        batch: samples a step.
        ranks: how many there have to be.
        shards: how many a batch has; by default one for each rank.

    Raises:
        ArgumentError: another number of ranks, fewer shards than ranks or samples than shards.
    """
    joined = join("graphc bench --ranks")
    if joined.size != ranks:
        raise ArgumentError(
            f"bench: --ranks: expected the {joined.size} that the launcher started, received "
            f"{ranks}; start graphc bench --ranks {ranks} without a launcher, or with mpiexec -n "
            f"{ranks} and the flag ranks=mpi"
        )
    shards = ranks if shards is None else shards
    if shards > batch:
        raise ArgumentError(
            f"bench: --shards: expected at most the {batch} samples of a batch, received {shards}"
        )
    np.random.seed(1337)  # the same weights and data on all ranks
    step = model.build()
    timed = TimedTransport(sums_transport(joined))
    train = step_on_ranks(step, shards, timed)
    arrays = step.data(batch)
    for _ in range(_WARM_STEPS):
        seconds = _seconds(lambda: train(*arrays))
    of_ranks = _gathered(joined, np.array([seconds]))
    steps = int(np.clip(_SECONDS / of_ranks.max(), *_STEPS))
    for _ in range(steps // 2):
        train(*arrays)
    untimed = [_seconds(lambda: train(*arrays)) for _ in range(steps)]
    timed.begin()
    parts = []
    for _ in range(steps):
        before = np.array([timed.waiting, timed.moving, timed.overlapped])
        took = _seconds(lambda: train(*arrays))
        waiting, moving, overlapped = (timed.waiting, timed.moving, timed.overlapped) - before
        parts.append((took - waiting - moving, waiting, moving, overlapped))
    own = [np.median(untimed), *np.median(parts, axis=0)]
    found = _gathered(joined, np.array([*own, timed.sent / steps, timed.transfers / steps]))
    rows = [
        RankTimes(
            *(1e3 * whole, 1e3 * computing, 1e3 * waiting, 1e3 * moving, 1e3 * overlapped),
            sent=int(sent),
            transfers=round(transfers),
        )
        for whole, computing, waiting, moving, overlapped, sent, transfers in found.tolist()
    ]
    count = sum(one.get_value().size for one in step.weights)
    return RanksReport(model.name, batch, shards, count, rows)


def step_on_ranks(step: TrainingStep, shards: int, ranks: Transport[np.ndarray]) -> Any:
    """Return a step's function on these ranks, which share the optimizer's state."""
    weights = set(step.weights)
    return sharded_function(
        step.inputs,
        [step.loss, *step.metrics],
        step.updates,
        name=f"{step.name}.train",
        calls=ALWAYS,
        shards=shards,
        ranks=ranks,
        spread=[one for one, _ in step.updates if one not in weights and one.ndim],
    )


class TimedTransport:
    """A `Transport` that times what another one does, once `begin` is called; all ranks call it.

    Attributes:
        waiting: seconds until all ranks have come to the end of a transfer.
        moving: seconds of beginning transfers, and of what is left of them then.
        overlapped: seconds in which the rank computed while a transfer went on.
        sent, transfers: bytes to others, and how many transfers were begun.
    """

    def __init__(self, transport: Transport[np.ndarray]) -> None:
        self.rank, self.size = transport.rank, transport.size
        self._transport = transport
        self._is_timed = False
        self._counted_until = 0.0
        self.waiting = self.moving = self.overlapped = 0.0
        self.sent = self.transfers = 0

    def begin(self) -> None:
        """Time what comes from now on."""
        self._is_timed = True

    def all_to_all(
        self,
        sent: np.ndarray,
        sent_sizes: Sequence[int],
        received: np.ndarray,
        received_sizes: Sequence[int],
    ) -> Transfer:
        """Begin the exchange."""
        started = time.perf_counter()
        found = self._transport.all_to_all(sent, sent_sizes, received, received_sizes)
        return self._begun(found, started, sum(sent_sizes) - sent_sizes[self.rank])

    def all_gather(self, whole: np.ndarray, sizes: Sequence[int]) -> Transfer:
        """Begin the gathering."""
        started = time.perf_counter()
        found = self._transport.all_gather(whole, sizes)
        return self._begun(found, started, sizes[self.rank] * (self.size - 1))

    def broadcast(self, whole: np.ndarray, root: int) -> Transfer:
        """Begin the broadcast."""
        started = time.perf_counter()
        found = self._transport.broadcast(whole, root)
        return self._begun(found, started, len(whole) if root == self.rank else 0)

    def failed(self, error: BaseException) -> None:
        """Tell the other ranks."""
        self._transport.failed(error)

    def _begun(self, transfer: Transfer, started: float, sent: int) -> Transfer:
        if not self._is_timed:
            return transfer
        self.moving += time.perf_counter() - started
        self.sent += sent
        self.transfers += 1
        return _TimedTransfer(self, transfer)

    def went_on(self, since: float, until: float) -> None:
        """Count a time in which the rank computed while a transfer went on; it is counted for the
        first of several."""
        if since > self._counted_until:
            self.overlapped += until - since
            self._counted_until = until

    def wait(self, transfer: Transfer) -> None:
        """Wait for all ranks, then for the transfer."""
        started = time.perf_counter()
        come = np.zeros(self.size, "uint8")
        self._transport.all_gather(come, [1] * self.size).wait()
        between = time.perf_counter()
        transfer.wait()
        self.waiting += between - started
        self.moving += time.perf_counter() - between


@dataclass
class _TimedTransfer:
    timed: TimedTransport
    transfer: Transfer
    going_on_since: float | None = None

    def go_on(self) -> None:
        """Let it go on, from now."""
        self.going_on_since = time.perf_counter()
        self.transfer.go_on()

    def wait(self) -> None:
        """Wait, and time it."""
        if self.going_on_since is not None:
            self.timed.went_on(self.going_on_since, time.perf_counter())
        self.timed.wait(self.transfer)


def _seconds(call: Any) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _gathered(ranks: Transport[np.ndarray], own: np.ndarray) -> np.ndarray:
    """Return the float64 numbers of all ranks, a row each."""
    whole = np.zeros((ranks.size, len(own)))
    whole[ranks.rank] = own
    ranks.all_gather(as_bytes(whole), [own.nbytes] * ranks.size).wait()
    return whole
