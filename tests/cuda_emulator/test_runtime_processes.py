"""Processes and threads: cold and warm starts on one cache, forks, other users of the context."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pycuda.driver as cuda
import pytest

from graphc import resources
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.runtime.device import select_device
from graphc.compiler.runtime.gpu import nvcc
from graphc.compiler.runtime.report import device_report
from graphc.config import config
from graphc.errors import DeviceError, DTypeError
from tests.cuda_emulator.emulator import DRIVER

ROOT = resources.folder("kernels").parent

# Runs a function twice; prints its values, and the names of the programs that were run.
SCRIPT = """
import json, subprocess, sys
from pathlib import Path
ran = []
class Watched(subprocess.Popen):
    def __init__(self, command, *args, **kwargs):
        ran.append(Path(command[0]).name)
        super().__init__(command, *args, **kwargs)
subprocess.Popen = Watched
from tests.cuda_emulator import emulator
import numpy as np
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
config.device, config.cuda_cache = "gpu", sys.argv[1]
x, w = g.input((g.BATCH, 3), name=sys.argv[2]), g.shared(np.ones(3, "float32"))
with g.origin(sys.argv[2]):
    y = g.tanh(x * w)
f = function([x], y, updates=[(w, w + 1.0)])
for batch in (1, 4):
    result = f(np.ones((batch, 3), "float32"))
print(json.dumps({"y": result[-1].tolist(), "w": w.get_value().tolist(), "ran": ran}))
"""


def start(cache: Path, layer: str = "dense_1", **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(cache), layer]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    """The programs that it ran; its values have to be right."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    said = json.loads(out)
    np.testing.assert_allclose(said["y"], np.tanh([2.0] * 3), rtol=1e-6)
    assert said["w"] == [3, 3, 3]
    return said["ran"]


def test_a_warm_start_runs_no_compiler_whatever_names_and_hash_seed(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cold = finish(start(cache, PYTHONHASHSEED="1"))
    assert cold == ["nvcc", "nvcc"]  # for its version, and for the source
    assert finish(start(cache, '*/ " \n\u00e9', PYTHONHASHSEED="2")) == []


def test_a_functions_report_says_whether_the_compiler_ran(tmp_path: Path) -> None:
    config.device, config.cuda_cache = "gpu", str(tmp_path / "cache")
    x = g.input((g.BATCH, 3), name="x")
    said = [str(function([x], g.tanh(x) * 0.6875).report) for _ in range(2)]
    assert "1 kernel, compiled by nvcc in " in said[0]
    assert said[1].endswith("1 kernel, from the cache")
    assert str(function([x], x).report).endswith("no kernels")


def test_two_processes_start_cold_on_one_cache(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    both = [start(cache) for _ in range(2)]
    for process in both:
        finish(process)
    endings = [path.suffix for path in cache.iterdir() if path.suffix != ".j2"]  # of templates
    assert sorted(endings) == [".compiler", ".cu", ".cubin", ".program"]
    assert finish(start(cache)) == []


ENDING = """
import sys, threading
from tests.cuda_emulator import emulator
if sys.argv[1] == "beside another user of pycuda":
    import pycuda.autoinit
import numpy as np
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
config.device = "gpu"
kept = []
def work():
    x, w = g.input((3,), name="x"), g.shared(np.ones(3, "float32"))
    f = function([x], x * w, updates=[(w, w + 1.0)])
    kept.extend([f, f(np.ones(3, "float32")), f.start(np.ones(3, "float32"))])
if sys.argv[1] == "in a thread":
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
else:
    work()
assert kept[1].tolist() == [1, 1, 1]
"""


@pytest.mark.parametrize("use", ["alone", "in a thread", "beside another user of pycuda"])
def test_the_end_of_a_process_is_silent(use: str) -> None:
    """A real driver refuses the cuCtxDetach that pycuda's destructor calls for a primary context,
    and pycuda warns of what it cannot destroy in another thread than its context's."""
    command = [sys.executable, "-c", ENDING, use]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def counter() -> tuple[g.Node, object]:
    config.device = "gpu"
    x, total = g.input((3,), name="x"), g.shared(np.zeros(3, "float32"))
    return total, function([x], total + x, updates=[(total, total + x)])


def test_threads_take_turns() -> None:
    (first_total, first), (second_total, second) = counter(), counter()
    failures: list[Exception] = []

    def work(f, seed: int) -> None:
        try:
            for _ in range(20):
                f(np.full(3, seed, "float32"))
        except Exception as error:  # shown by the assertion below
            failures.append(error)

    jobs = [(first, 1), (second, 2), (first, 1), (second, 2)]
    threads = [threading.Thread(target=work, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert first_total.get_value().tolist() == [40, 40, 40]
    assert second_total.get_value().tolist() == [80, 80, 80]


def test_the_context_of_the_caller_is_current_again_after_a_call() -> None:
    """Another user of the GPU in this process, whose context is its own."""
    other = cuda.Device(0).make_context()
    try:
        mine = cuda.mem_alloc(64)
        _, f = counter()
        f(np.ones(3, "float32"))
        assert cuda.Context.get_current() == other
        cuda.memset_d8(mine, 7, 64)
        del mine
    finally:
        other.pop()
        other.detach()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_after_the_first_use_is_an_error_that_says_what_to_do() -> None:
    total, f = counter()
    f(np.ones(3, "float32"))
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # From Python 3.12 on, of a process with threads, such as those of NumPy's BLAS.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        said = b"nothing was raised"
        try:
            f(np.ones(3, "float32"))
        except DeviceError as error:
            said = str(error).encode()
        finally:
            os.write(writer, said)
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    assert "forked from one that had used the CUDA driver" in said
    assert "'spawn' or 'forkserver'" in said
    assert total.get_value().tolist() == [1, 1, 1]


def test_an_array_on_the_device_is_refused_as_a_feed() -> None:
    _, f = counter()
    f(np.ones(3, "float32"))
    on_device = cuda.to_device(np.ones(3, "float32"))
    with pytest.raises(DTypeError, match="'x'.*DeviceAllocation, which lives on a GPU; copy it"):
        f(on_device)


def test_auto_takes_the_gpu_unless_the_driver_is_older_than_nvcc(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config.device = "auto"
    assert select_device() == "gpu"
    monkeypatch.setattr(nvcc, "older_driver", lambda *_: "the driver is older than the toolkit")
    assert [select_device(), select_device()] == ["cpu", "cpu"]
    (record,) = caplog.records
    assert "device=auto: running on the CPU" in record.getMessage()
    assert "the driver is older than the toolkit" in record.getMessage()


def test_the_report_says_what_functions_run_on() -> None:
    config.device = "gpu"
    report = device_report()
    assert report.device == "graphc emulated device"
    assert report.capability == "7.5"
    assert report.toolkit.startswith("emulated nvcc")
    assert report.cache.startswith(str(DRIVER.parent))
    lines = str(report).splitlines()
    assert lines[0].split(maxsplit=1) == ["device", "graphc emulated device"]
    assert any("float32 is IEEE float32" in line and "no TF32" in line for line in lines)
    config.device = "cpu"
    report = device_report()
    assert report.device.startswith("CPU")
    assert "driver" not in str(report)
