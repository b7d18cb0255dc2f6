"""Training and saving while one call of the C library fails: write, fsync, rename, open, malloc,
mmap, execve, fork.

Each ends well, or with an error of graphc or a MemoryError: never by a signal, with a torn file, or
with weights that are of no number of whole steps; and the process goes on to the values that it
would have had.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from tests.campaigns.campaign import Campaign, Cases, Result
from tests.campaigns.failing_program import NEVER, SCENARIOS

ROOT = Path(__file__).parents[2]
SHORT = -1  # for an error number: half of what is to be written is
SEVERAL = 30
COLD = 10  # one case of so many has no compiled kernels: each takes a run of the compiler
FIRST = 1000  # allocations that are tried one by one; those behind are drawn


@dataclass(frozen=True)
class Kind:
    """The call that fails in a case, and the setting of the process.

    Attributes:
        function: a name in `failing_program.FUNCTIONS`.
        error: the number of the error.
        scenario: whether it trains or saves.
        calls: how many fail, one behind the other.
        cpu: the flag's value.
        cold: whether the kernel cache is empty.
    """

    function: str
    error: int
    scenario: str
    calls: int = 1
    cpu: str = "numpy"
    cold: bool = False


_FILES = (
    ("write", errno.EIO),
    ("write", errno.ENOSPC),
    ("write", SHORT),
    ("fsync", errno.EIO),
    ("rename", errno.EACCES),
    ("open", errno.EMFILE),
    ("open", errno.EACCES),
)
WARM = (
    *(Kind(*failing, scenario) for failing, scenario in product(_FILES, SCENARIOS)),
    *(
        Kind("allocate", errno.ENOMEM, scenario, calls)
        for scenario, calls in product(SCENARIOS, (1, 1, SEVERAL))
    ),
    *(Kind(name, errno.ENOMEM, "fit", 1, "native") for name in ("allocate", "map")),
)
WITHOUT_KERNELS = tuple(
    Kind(function, error, "fit", 1, cpu, True)
    for (function, error), cpu in product(
        (
            ("execute", errno.ENOENT),
            ("execute", errno.ENOMEM),
            ("fork", errno.EAGAIN),
            ("write", errno.ENOSPC),
            ("write", SHORT),
            ("rename", errno.EIO),
            ("open", errno.EMFILE),
        ),
        ("native", "auto"),
    )
)


class Process:
    """A process of `failing_program`, which counts the calls of each kind once."""

    def __init__(self, library: Path):
        self._counts: dict[Kind, int] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.campaigns.failing_program"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_PRELOAD": str(library), "PYTHONHASHSEED": "0"},
        )

    def fail(self, kind: Kind, first: int) -> dict[str, Any]:
        """Let calls from the `first` one on fail, and return the process' answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {**asdict(kind), "first": first, "last": first + kind.calls - 1}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def calls(self, kind: Kind) -> int:
        """Return the number of calls when none fails."""
        if kind not in self._counts:
            answer = self.fail(kind, NEVER)
            assert not answer["fault"], answer["fault"]
            self._counts[kind] = answer["calls"]
        return self._counts[kind]

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


@contextmanager
def process() -> Iterator[Process]:
    """A process with the library that lets calls fail, compiled for it."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "failing.so"
        source = Path(__file__).with_name("failing_calls.c")
        command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)
        one = Process(library)
        try:
            yield one
        finally:
            one.end()


def run(cases: Cases) -> Iterator[Result]:
    """Yield what each failure gives."""
    with process() as failing:
        for index in cases:
            cold = index % COLD == COLD - 1
            kinds = WITHOUT_KERNELS if cold else WARM
            number = index // COLD if cold else index - index // COLD
            kind, step = kinds[number % len(kinds)], number // len(kinds)
            calls = failing.calls(kind)
            if not calls:
                yield Result(index, counts={"without such a call": 1})
                continue
            behind = step >= FIRST or (kind.function == "allocate" and kind.calls > 1)
            first = int(cases.random(index).integers(calls)) if behind else step % calls
            answer = failing.fail(kind, first + 1)
            fault = answer["fault"] and f"{kind}, call {first + 1} of {calls}:\n{answer['fault']}"
            yield Result(index, fault, {answer["ended"]: 1})


def _missing(options: argparse.Namespace) -> str:
    if platform.libc_ver()[0] != "glibc":
        return "this machine has no GNU C library"
    return "" if shutil.which("gcc") else "this machine has no gcc"


CAMPAIGN = Campaign(
    "failures",
    "training and saving while a call fails",
    run,
    missing=_missing,
    group=50,
    limit=1800,
)
