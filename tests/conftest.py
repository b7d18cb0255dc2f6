"""Every test starts from the default flags and a fixed NumPy generator."""

from __future__ import annotations

import gc
import os
import signal

# Before NumPy is imported. Its threads wait for each other by spinning: where the cores are busy,
# the factorizations of a test take many times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from graphc.config import ENVIRONMENT_VARIABLE, FLAGS, config
from tests import numpys_blas  # noqa: F401  (it looks before another BLAS is loaded)

# The tests make thousands of small models, for a call or two: the interpreter, which defines what
# they have to give, is there at once, where the C++ compiler would take an hour. What is about
# native code sets cpu=native itself; `make test-native` lets the tests of models run by it, too.
CPU = os.environ.get("GRAPHC_TEST_CPU", "numpy")

# Whose meanings layers and models of tests have; `make test-keras-1.2` takes those of 1.2. A test
# that states what one release does is marked so, ``@pytest.mark.flags(keras="1.0")``.
KERAS = os.environ.get("GRAPHC_TEST_KERAS", "1.0")

# Another home than that of whoever runs the tests: his ~/.graphcrc and ~/.keras/keras.json decide
# nothing. What was compiled before stays where it is found.
os.environ.setdefault("XDG_CACHE_HOME", str(Path.home() / ".cache"))
_home = tempfile.TemporaryDirectory(prefix="graphc-home-")
os.environ["HOME"] = _home.name

# Programs that tests start find the package compiled. Where Python is told to write nothing beside
# the sources, each of them would compile it anew, which takes a second.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(_home.name) / "pycache"))

# Set before any test module is imported: a module may build graphs while it is collected, and
# neither GRAPHC_FLAGS nor ~/.graphcrc of whoever runs the tests may decide what they test.
for _flag in FLAGS:
    setattr(config, _flag.name, _flag.default)
config.cpu = CPU
config.keras = KERAS
# Tests change what lowering does, and look at what it has done.
config.lowering = "always"
# Of the programs that tests start.
os.environ[ENVIRONMENT_VARIABLE] = f"cpu={CPU},keras={KERAS}"

# A time limit for one example would measure how busy the machine is; the examples are the same at
# every run so that a failure can be repeated.
hypothesis.settings.register_profile("graphc", deadline=None, derandomize=True)
hypothesis.settings.load_profile("graphc")


# Modules and tests that are collected stay to the end: no garbage is sought among them, neither
# while they become more nor later. Among what tests make it is sought less often than by default,
# which would take a tenth of their time.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(5_000, 20, 10)
    gc.enable()


@pytest.fixture(autouse=True)
def _defaults(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    np.random.seed(1337)
    marks = reversed(list(request.node.iter_markers("flags")))  # a test's own come last
    flags = {name: value for mark in marks for name, value in mark.kwargs.items()}
    if flags:
        of_programs = [os.environ[ENVIRONMENT_VARIABLE], *map("=".join, flags.items())]
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, ",".join(of_programs))
    with config.changed(**flags):
        yield


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Interrupts raise KeyboardInterrupt: a shell that starts the tests in the background lets them
    ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
