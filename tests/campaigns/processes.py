"""Processes that begin at once on one empty kernel cache: each gets its values, the cache is whole.

A case is a few functions and a cache. Its processes wait for each other before each function, so
that all look for the same kernels at the same time; behind them one more has to find all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import graphc
from graphc import graph as g
from graphc.config import config
from tests.campaigns.campaign import Campaign, Cases, Result

ROOT = Path(__file__).parents[2]
FUNCTIONS = 3
SECONDS = 300


def value(number: int, x: np.ndarray) -> np.ndarray:
    """Return the values that a function has to compute."""
    return np.exp(-x) * number + np.sum(x, axis=-1, keepdims=True)


def made(number: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function whose kernels no other number has."""
    x = g.input((g.BATCH, 3), name="x")
    return graphc.function([x], g.exp(-x) * float(number) + g.sum(x, axis=-1, keepdims=True))


def _started(numbers: list[int], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", __spec__.name, json.dumps(numbers), str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _together(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Let each process go on when all have come to the same function. Returns what they say."""
    for _ in range(FUNCTIONS):
        for one in processes:
            assert one.stdout is not None
            one.stdout.readline()  # it is ready, or has ended
        for one in processes:
            assert one.stdin is not None
            if one.poll() is None:
                one.stdin.write("go\n")
                one.stdin.flush()
    said = []
    for one in processes:
        out, errors = one.communicate(timeout=SECONDS)
        said.append(out + errors if one.returncode or errors else out)
    return said


def _case(draw: random.Random, count: int) -> str:
    numbers = [draw.randint(2, 10**6) for _ in range(FUNCTIONS)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "cache"
        found = _together([_started(numbers, folder) for _ in range(count)])
        wrong = [one for one in found if one != "right\n"]
        if wrong:
            return f"{len(wrong)} of {count} processes: {wrong[0]}"
        hidden = [one.name for one in folder.rglob(".*") if one.is_file()]
        if hidden:
            return f"left in the cache: {hidden}"
        before = _libraries(folder)
        [again] = _together([_started(numbers, folder)])
        if again != "right\n":
            return f"a process behind them: {again}"
        if len(before) < FUNCTIONS or _libraries(folder) != before:
            return f"a process behind them compiled: {before}, then {_libraries(folder)}"
        return ""


def _libraries(folder: Path) -> dict[str, int]:
    """The number of each library's file, which one that is made again does not keep."""
    return {one.name: one.stat().st_ino for one in folder.rglob("*.so")}


def run(cases: Cases) -> Iterator[Result]:
    """Yield what each cache gives."""
    for index in cases:
        draw = random.Random(int(cases.random(index).integers(2**63)))
        yield Result(index, _case(draw, cases.options.processes))


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, default=20, help="that begin at once")


def _missing(options: argparse.Namespace) -> str:
    found = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")
    return "" if found else "this machine has no C++ compiler"


CAMPAIGN = Campaign("processes", __doc__.splitlines()[0], run, _add_options, _missing)


def main(numbers: str, folder: str) -> None:
    """Compute each function's value, when told to."""
    config.cpu, config.cuda_cache = "native", folder
    x = np.array([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5]], "float32")
    for number in json.loads(numbers):
        print("ready", flush=True)
        sys.stdin.readline()
        np.testing.assert_allclose(made(number)(x), value(number, x), rtol=1e-5)
    print("right")


if __name__ == "__main__":
    main(*sys.argv[1:])
