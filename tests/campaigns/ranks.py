"""Ranks killed, stopped or failing at any moment of a training: all end, and it goes on elsewhere.

A signal goes to one rank of a training that saves its model behind each epoch: SIGKILL, SIGSTOP, or
one that raises an error in its main thread. Then mpiexec and all that it has started end, with a
status that is not 0, and the others say which rank it was, where they can. The file that is left is
that of a whole epoch, and training goes on from it, on another number of ranks, to the weights and
the optimizer's state of training on one process that nothing stopped.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from graphc.callbacks import LambdaCallback
from graphc.config import config
from graphc.errors import GraphcError
from graphc.models import load_model
from tests.campaigns.campaign import Campaign, Cases, Result
from tests.parallel.mpiexec import going_on
from tests.parallel.mpiexec.launching import Ended, Job, run

WAYS = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP, "raising": signal.SIGUSR1}
FLAGS = "cpu=native,ranks=mpi"
NAME = "model.h5"
MOST_RANKS = going_on.SHARDS
EARLY = 0.2
"""Of the signals come before the first epoch."""

EARLY_SECONDS = 3.0
"""From the start of the processes until the first epoch, on a machine with little else to do."""

EPOCH_SECONDS = 0.1
"""Of an epoch, its saving included, on such a machine."""

PROMISED_SECONDS = 10.0
"""After which a job is said to have ended."""

LIMIT_SECONDS = 60.0
"""After which a job counts as hanging; a busy machine may take longer than is promised."""


@dataclass(frozen=True)
class Case:
    """A signal to one rank.

    Attributes:
        ranks, way, rank: of how many, a name of `WAYS`, to which.
        epoch: in which, or None for before the first.
        seconds: behind the begin of that epoch, or of the processes.
        others: the number of ranks that go on from the file.
    """

    ranks: int
    way: str
    rank: int
    epoch: int | None
    seconds: float
    others: int


def drawn(draw: random.Random) -> Case:
    """Return a random case."""
    ranks = draw.randint(2, MOST_RANKS)
    early = draw.random() < EARLY
    return Case(
        ranks,
        draw.choice(list(WAYS)),
        draw.randrange(ranks),
        None if early else draw.randrange(going_on.EPOCHS),
        draw.uniform(0, EARLY_SECONDS if early else EPOCH_SECONDS),
        draw.choice([other for other in range(1, MOST_RANKS + 1) if other != ranks]),
    )


class Undisturbed:
    """The training that nothing stops, on one process.

    Attributes:
        begun: the file of a model before its first epoch.
        digests: before the first epoch, and behind each.
    """

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / NAME
            model = going_on.new_model()
            model.save(path)
            self.begun = path.read_bytes()
            self.digests = [going_on.digest(load_model(path))]
            watch = LambdaCallback(
                on_epoch_end=lambda epoch, logs: self.digests.append(going_on.digest(watch.model))
            )
            going_on.train(path, watch)

    def problem_of(self, path: Path) -> str:
        """Return what is wrong with a file that a training left, '' where nothing is."""
        try:
            model = load_model(path)
        except GraphcError as error:
            return f"the file does not load: {error}"
        if going_on.digest(model) != self.digests[model.epochs_done]:
            return f"the file is not that of epoch {model.epochs_done}"
        return ""


@dataclass(frozen=True)
class Process:
    """A process that is alive.

    Attributes:
        number, parent, session: its number, that of its parent, and that of its session.
        rank: what the launcher's variable PMI_RANK is in it, if it has one.
    """

    number: int
    parent: int
    session: int
    rank: int | None


def processes() -> list[Process]:
    """Return the processes of this machine that are alive, as far as this user may look at them."""
    found = []
    for folder in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):  # it has ended meanwhile
            stat = Path("/proc", folder, "stat").read_text()
            state, parent, _, session = stat.rpartition(")")[2].split()[:4]
            if state not in "ZX":
                variables = Path("/proc", folder, "environ").read_bytes().split(b"\0")
                ranks = [one[9:] for one in variables if one.startswith(b"PMI_RANK=")]
                rank = int(ranks[0]) if ranks else None
                found.append(Process(int(folder), int(parent), int(session), rank))
    return found


def ranks_of(launcher: int, count: int) -> dict[int, Process]:
    """Return the processes of a launcher's ranks, by their numbers, once all are there.

    What a rank starts, such as a compiler, has its variables, but another parent.
    """
    while True:
        found = processes()
        starters = {one.number for one in found if one.parent == launcher}
        ranks = {one.rank: one for one in found if one.parent in starters}
        if None not in ranks and len(ranks) == count:
            return ranks
        time.sleep(0.01)


def disturbed(case: Case, path: Path, program: str = going_on.__file__) -> tuple[str, float]:
    """Train, and send the signal. Returns what is wrong, and the seconds until the end."""
    with Job(case.ranks, program, path, flags=FLAGS) as job:
        ranks = ranks_of(job.launcher, case.ranks)
        if case.epoch is not None:
            job.wait_for(f"{going_on.BEGUN}{case.epoch}")
        time.sleep(case.seconds)
        with suppress(ProcessLookupError):  # it came too late
            os.kill(ranks[case.rank].number, WAYS[case.way])
        sent = time.monotonic()
        try:
            ended = job.end(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            return f"no end within {LIMIT_SECONDS:g} seconds", LIMIT_SECONDS
    # mpiexec ends a moment before those that it has ended.
    sessions = {job.launcher, *(one.session for one in ranks.values())}
    while left := [one for one in processes() if one.session in sessions]:
        if time.monotonic() - sent > LIMIT_SECONDS:
            return f"processes that are left: {left}", LIMIT_SECONDS
        time.sleep(0.05)
    return _problem_of_end(case, ended, path), time.monotonic() - sent


def _problem_of_end(case: Case, ended: Ended, path: Path) -> str:
    """Return what is wrong with the end of a job, '' where nothing is."""
    is_whole = _epochs_of(path) == going_on.EPOCHS
    if ended.status == 0:
        return "" if is_whole else f"the status is 0:\n{ended.errors}"
    # A killed one says nothing, one that does not train yet has nobody to say it to, and one that
    # has trained may be on its way out.
    is_expected = case.way == "killed" or case.epoch is None or is_whole
    if not is_expected and f"rank {case.rank} on " not in ended.errors:
        return f"nobody names the rank:\n{ended.errors}"
    return ""


def _epochs_of(path: Path) -> int | None:
    try:
        return load_model(path).epochs_done
    except GraphcError:
        return None


def _case(case: Case, undisturbed: Undisturbed) -> tuple[str, dict[str, int]]:
    """Return what is wrong after a signal, and how the run ended."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / NAME
        path.write_bytes(undisturbed.begun)
        fault, seconds = disturbed(case, path)
        counts = {case.way: 1, "that ended later than promised": int(seconds > PROMISED_SECONDS)}
        fault = fault or undisturbed.problem_of(path)
        if not fault:
            resumed = _epochs_of(path)
            counts["from the first epoch on"] = int(resumed == 0)
            counts["too late"] = int(resumed == going_on.EPOCHS)
            fault = _problem_of_rest(case, path, undisturbed)
            left = os.listdir(folder)
            if not fault and resumed != going_on.EPOCHS and left != [NAME]:
                fault = f"left in the folder: {left}"
    return f"{case}: {fault}" if fault else "", counts


def _problem_of_rest(case: Case, path: Path, undisturbed: Undisturbed) -> str:
    ended = run(case.others, going_on.__file__, path, flags=FLAGS)
    if ended.status:
        return f"{case.others} ranks do not go on:\n{ended.errors}"
    problem = undisturbed.problem_of(path)
    if problem or _epochs_of(path) != going_on.EPOCHS:
        return f"{case.others} ranks end elsewhere: {problem or _epochs_of(path)}"
    return ""


def run_cases(cases: Cases) -> Iterator[Result]:
    """Yield what each signal gives."""
    with config.changed(cpu="native"):
        undisturbed = Undisturbed()
        for index in cases:
            draw = random.Random(int(cases.random(index).integers(2**63)))
            fault, counts = _case(drawn(draw), undisturbed)
            yield Result(index, fault, counts)


def _missing(options: argparse.Namespace) -> str:
    beside = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    if importlib.util.find_spec("mpi4py") is None or not (beside or shutil.which("mpiexec")):
        return "this environment has no MPI: make campaign-ranks installs one"
    return ""


CAMPAIGN = Campaign(
    "ranks", __doc__.splitlines()[0], run_cases, missing=_missing, group=10, limit=1800
)
