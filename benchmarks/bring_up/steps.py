"""The steps of a check, in the order of what they teach: each a list of runs, each a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bring_up.machine import ROOT

# Their names, without importing what has them: that takes packages which may be missing here.
MODELS = ("mlp", "cnn", "gru_ae", "lstm", "accel", "conv3d")
KERNELS = (
    *("pointwise", "matmul", "rows", "columns", "conv", "window", "gather", "scatter", "update"),
    *("scan", "spread_columns", "pooled_conv", "pooled_volume", "one_filter", "holes_of_a_call"),
    *("unpooled", "overlapping", "first_maximum", "drawn_shard"),
)
FEW_KERNELS = ("pointwise", "matmul")
FEW_MODELS = ("mlp",)
CUT_TESTS = ("test_pending.py",)
TRAIN = str(ROOT / "benchmarks" / "train_digest.py")
TESTS = ROOT / "tests" / "cuda_emulator"
# The kernels are the same at any batch, and a sanitizer is slow: a hundred times and more.
SANITIZED = ("--cut", "--steps", "1", "--batch", "4")
FAILED_UNDER_SANITIZER = "9"


@dataclass(frozen=True)
class Setting:
    """The facts and the choices that the runs depend on.

    Attributes:
        python: the program that has all packages.
        machine: as `benchmarks.bring_up.machine` reports it, of that Python.
        results: the file that has what was found so far.
        cut: small sizes, and one file of tests: on the emulated driver.
        few: a few kernels and models, for a test.
    """

    python: str
    machine: Mapping[str, Any]
    results: Path
    cut: bool = False
    few: bool = False

    def program(self, name: str, *arguments: str) -> tuple[str, ...]:
        """The command that runs a program of this folder."""
        return (self.python, "-m", f"benchmarks.bring_up.{name}", *arguments)

    def sized(self, name: str, *arguments: str) -> tuple[str, ...]:
        """As `program`, for one that can be cut down."""
        return self.program(name, *arguments, *(("--cut",) if self.cut else ()))


@dataclass(frozen=True)
class Run:
    """One process of a step.

    Attributes:
        name: of a model, a kernel, a file of tests.
        command: ends with status 0 where it passed.
        limit: the seconds after which it is stopped, and has failed.
        lacking: why it is left out; empty where it is not.
    """

    name: str
    command: tuple[str, ...]
    limit: int
    lacking: str = ""


def doctor(setting: Setting) -> Iterator[Run]:
    yield Run("doctor", setting.program("doctor"), 60)


def kernels(setting: Setting) -> Iterator[Run]:
    for name in FEW_KERNELS if setting.few else KERNELS:
        yield Run(name, setting.program("kernel", name), 120)


def models(setting: Setting) -> Iterator[Run]:
    for name in _models(setting):
        yield Run(name, setting.sized("model", name), 300)


def bitwise(setting: Setting) -> Iterator[Run]:
    for name in _models(setting):
        yield Run(name, setting.sized("twice", name), 300)


def sanitizer(tool: str) -> Callable[[Setting], Iterator[Run]]:
    """The step that trains each model for a step under a tool of compute-sanitizer."""

    def runs(setting: Setting) -> Iterator[Run]:
        program = setting.machine["sanitizer"]
        lacking = "" if program else "compute-sanitizer is neither beside nvcc nor on PATH"
        options = ("--tool", tool, "--error-exitcode", FAILED_UNDER_SANITIZER)
        for name in _models(setting):
            train = (setting.python, TRAIN, name, *SANITIZED)
            yield Run(name, (program or "", *options, *train), 240, lacking)

    return runs


def bench(setting: Setting) -> Iterator[Run]:
    beside = ("--torch",) if setting.machine["torch"] else ()
    for name in _models(setting):
        yield Run(name, setting.sized("bench", name, *beside), 300)


def cublas(setting: Setting) -> Iterator[Run]:
    yield Run("products", setting.sized("cublas"), 120)


def predictions(setting: Setting) -> Iterator[Run]:
    yield Run("predictions", setting.program("predictions", str(setting.results)), 120)


def tests(setting: Setting) -> Iterator[Run]:
    names = CUT_TESTS if setting.cut else sorted(path.name for path in TESTS.glob("test_*.py"))
    for name in names:
        yield Run(name, setting.program("suite", name), 480)


def _models(setting: Setting) -> tuple[str, ...]:
    return FEW_MODELS if setting.few else MODELS


STEPS: dict[str, Callable[[Setting], Iterator[Run]]] = {
    "doctor": doctor,
    "kernels": kernels,
    "models": models,
    "bitwise": bitwise,
    "memcheck": sanitizer("memcheck"),
    "racecheck": sanitizer("racecheck"),
    "bench": bench,
    "cublas": cublas,
    "predictions": predictions,
    "tests": tests,
    "initcheck": sanitizer("initcheck"),
    "synccheck": sanitizer("synccheck"),
}
"""The runs of each step. One that fails stops none of the others."""
