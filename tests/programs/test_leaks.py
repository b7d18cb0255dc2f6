"""Nothing of a model is alive once its user let go of it, and a process does not grow by models."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from graphc.compiler.graph.dim import Dim, FloorQuotient, Symbol
from graphc.compiler.graph.node import _Entry, live_nodes
from graphc.compiler.targets.target import Target
from graphc.config import config
from graphc.files.inspector import _Process
from tests.native.graph_programs import needs_compiler
from tests.programs.short_lives import PROGRAMS, perceptron

# Sizes are kept by a cache of bounded size; an entry of the table of nodes is an empty reference
# until the next node is made; one process that looks through files serves all, and the machine is
# looked at once.
_HARMLESS = (Dim, FloorQuotient, Symbol, Target, _Entry, _Process)


def left_behind(program) -> dict[str, int]:
    """Return how many objects of the package are alive behind a program that were not before."""
    gc.collect()
    gc.freeze()  # what is there now is neither walked nor listed, here and from here on
    before = {id(node) for node in live_nodes()}
    program()
    gc.collect()
    found = [
        type(value).__qualname__
        for value in gc.get_objects()
        if str(type(value).__module__).startswith("graphc") and not isinstance(value, _HARMLESS)
    ]
    found += ["live node" for node in live_nodes() if id(node) not in before]
    return dict(Counter(found))


@pytest.mark.flags(image_dim_ordering="th")
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_of_a_model_stays(name):
    assert left_behind(PROGRAMS[name]) == {}


@needs_compiler
@pytest.mark.parametrize("name", ["predicted", "stateful"])
def test_nothing_of_a_compiled_model_stays(name):
    config.cpu = "native"
    PROGRAMS[name]()  # the compiler is looked for once a process
    assert left_behind(PROGRAMS[name]) == {}


def test_what_is_held_is_found():
    """The gate itself: a model that something holds is told."""
    held = []
    left = left_behind(lambda: held.append(perceptron()))
    assert left["Dense"] == 2
    assert left["Dropout"] == left["Sequential"] == 1
    assert left["State"] >= 4
    assert left["Node"] >= left["live node"] >= 9


GROWTH = """
import gc, os
import numpy as np
from graphc.layers import Dense
from graphc.models import Sequential

PAGE = os.sysconf("SC_PAGE_SIZE")
x, y = np.zeros((4, 1000)), np.zeros((4, 3))

def measured():
    gc.collect()
    with open("/proc/self/maps") as file:
        mapped = sorted(line.split(None, 5)[-1] for line in file if "/" in line)
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * PAGE
    return resident, mapped, len(os.listdir("/proc/self/fd"))

def train(count):
    for k in range(count):
        model = Sequential([Dense(500 + k, input_dim=1000), Dense(3)])
        model.compile("sgd", "mse")
        model.fit(x, y, nb_epoch=1, verbose=0)

train(5)
before = measured()
train(25)
after = measured()
assert after[1] == before[1], set(after[1]) ^ set(before[1])
assert after[2] == before[2], (before[2], after[2])
print(after[0] - before[0])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no /proc")
def test_a_process_does_not_grow_by_models():
    """Twenty-five models of 2 MB: none of their memory is left, no file is mapped or open."""
    command = [sys.executable, "-c", GROWTH]
    # glibc gives back what it maps; how much of its heap it keeps depends on what lies at its end.
    environ = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 10e6
