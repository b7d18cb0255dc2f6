"""Native code and threads: its own, several that call it, and processes that fork."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.runtime.cache.kernels import kernel_cache
from graphc.compiler.runtime.cpu import toolchain
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.config import config
from graphc.layers.core import Dense, Dropout
from graphc.models import Sequential
from graphc.reference_models import REFERENCE_MODELS
from graphc.reference_models.step import TrainingStep
from tests.native.graph_programs import flushes, needs_compiler, on_threads

pytestmark = needs_compiler


@pytest.fixture(autouse=True)
def _native() -> None:
    config.cpu = "native"


def test_weights_that_another_thread_sets_while_kernels_run() -> None:
    """The array that a kernel is at is not freed below it."""
    w = g.shared(np.ones((400, 400), "float32"), "w")
    x = g.input((g.BATCH, 400), "float32")
    step = function([x], g.sum(g.dot(x, w), axis=1))
    data = np.ones((64, 400), "float32")
    step(data)
    done = threading.Event()

    def set_again() -> None:
        k = 0
        while not done.is_set():
            w.set_value(np.full((400, 400), k % 2, "float32"))
            k += 1

    thread = threading.Thread(target=set_again)
    thread.start()
    try:
        seen = {float(value) for _ in range(50) for value in step(data)}
    finally:
        done.set()
        thread.join()
    assert seen <= {0.0, 160000.0}


def test_two_functions_in_two_threads() -> None:
    x = g.input((g.BATCH, 64), "float32")
    functions = [
        function([x], g.dot(g.tanh(g.dot(x, g.shared(np.eye(64, dtype="float32") * k))), x.T))
        for k in (1, 2)
    ]
    fed = [np.random.default_rng(k).normal(size=(100, 64)).astype("float32") for k in (0, 1)]
    alone = [run(array) for run, array in zip(functions, fed, strict=True)]
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(20):
            if functions[k](fed[k]).tobytes() != alone[k].tobytes():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_tests_run_on_as_many_threads_as_they_say() -> None:
    program = lower_native([g.exp(g.input((g.BATCH,), "float32"))])
    executor = NativeExecutor(program)
    if not toolchain.find_compiler(kernel_cache()).has_threads:
        pytest.skip("the compiler has no OpenMP")
    assert on_threads(executor.program, lambda: executor.threads) == [1, 2, 3]


def test_the_number_of_threads_changes_no_bit() -> None:
    """Of three steps of training, with dropout and an optimizer."""

    def step() -> TrainingStep:
        np.random.seed(1)
        return REFERENCE_MODELS["mlp"].build(features=300, width=256)

    def run() -> list[bytes]:
        made = step()
        train, data = made.function(), made.data(257)
        losses = [np.asarray(train(*data)[0]).tobytes() for _ in range(3)]
        assert len(set(losses)) == 3
        return losses + [weight.get_value().tobytes() for weight in made.weights]

    one, two, three = on_threads(step().function().program(), run)
    assert one == two == three


def said(program: str, *arguments: str, **environ: str) -> str:
    """Return the output of a Python program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


_THREADS = """
import os
import numpy as np
from graphc.compiler import graph as g
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.config import config
config.cpu = "native"
x = g.input((g.BATCH, 512), "float32")
y = g.sum(g.dot(x, g.shared(np.ones((512, 512), "float32"))))
program = lower_native([y])
sizes = {symbol: 256 for symbol in g.dim.symbols(g.BATCH)}
for count in ("1", "2", "3"):
    child = os.fork()  # the native code, which reads the variable as it is loaded, is not yet here
    if child == 0:
        os.environ["OMP_NUM_THREADS"] = count
        before = len(os.listdir("/proc/self/task"))
        executor = NativeExecutor(program)
        executor.run({x: np.ones((256, 512), "float32")}, sizes, g.CallStep())
        print(count, executor.threads, 1 + len(os.listdir("/proc/self/task")) - before, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads by /proc")
def test_omp_num_threads_is_obeyed() -> None:
    if not toolchain.find_compiler(kernel_cache()).has_threads:
        pytest.skip("the compiler has no OpenMP")
    assert said(_THREADS).splitlines() == ["1 1 1", "2 2 2", "3 3 3"]


_OTHERS = """
int threads(void) {
  int count = 0;
#pragma omp parallel reduction(+ : count)
  ++count;
  return count;
}
"""
_AFTER_OTHERS = """
import ctypes, sys
import numpy as np
assert ctypes.CDLL(sys.argv[1]).threads() == 2
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
config.cpu = "native"
x = g.input((g.BATCH,), "float32")
least = np.full(1 << 20, np.finfo("float32").tiny, "float32")
print(np.count_nonzero(function([x], x * 0.25)(least)))
"""


@flushes
def test_threads_that_another_library_started_have_no_subnormal_results(tmp_path: Path) -> None:
    source, library = tmp_path / "others.c", tmp_path / "others.so"
    source.write_text(_OTHERS)
    compiler = toolchain.find_compiler(kernel_cache())
    if not compiler.has_threads:
        pytest.skip("the compiler has no OpenMP")
    command = [compiler.path, "-x", "c", "-fopenmp", "-shared", "-fPIC", source, "-o", library]
    subprocess.run(command, check=True)
    assert said(_AFTER_OTHERS, str(library), OMP_NUM_THREADS="2") == "0\n"


_FORK = """
import os
import numpy as np
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
config.cpu = "native"
x = g.input((g.BATCH, 512), "float32")
run = function([x], g.sum(g.dot(x, g.shared(np.ones((512, 512), "float32")))))
data = np.ones((256, 512), "float32")
before = run(data)
child = os.fork()
if child == 0:
    os._exit(0 if run(data) == before else 1)
assert os.waitpid(child, 0)[1] == 0
assert run(data) == before
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system with fork")
def test_a_forked_process_goes_on_with_one_thread() -> None:
    assert said(_FORK, OMP_NUM_THREADS="2") == ""


def test_two_models_train_in_two_threads_as_each_does_alone() -> None:
    data = np.random.default_rng(4).standard_normal((60, 30)).astype("float32")

    def model(seed: int) -> Sequential:
        np.random.seed(seed)
        made = Sequential([Dense(200, input_dim=30, activation="tanh"), Dropout(0.3), Dense(30)])
        made.compile("adam", "mse")
        made.train_on_batch(data, data)  # compiled, here
        return made

    def train(one: Sequential, losses: list[float]) -> None:
        losses += [
            float(one.train_on_batch(data[k : k + 20], data[k : k + 20])) for k in [0, 20] * 20
        ]

    alone: list[list[float]] = [[], []]
    for k in (0, 1):
        train(model(k), alone[k])
    together: list[list[float]] = [[], []]
    models = [model(k) for k in (0, 1)]
    threads = [threading.Thread(target=train, args=(models[k], together[k])) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
