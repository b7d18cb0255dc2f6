"""A kernel that touches memory astray ends the use of the GPU in its process: the errors that are
read, and how the process goes on. Each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from graphc import resources

pytestmark = pytest.mark.unsanitized(
    reason="a sanitizer writes of the stray store to stderr, too",
)

ROOT = resources.folder("kernels").parent

HEAD = """
import ctypes, json, threading
from tests.cuda_emulator.emulator import DRIVER
import numpy as np
from graphc.compiler import graph as g
from graphc.compiler.program.launch import DeviceBuffer, Pointer
from graphc.compiler.function import function
from graphc.compiler.graph import state_of
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.config import config
from graphc.errors import DeviceError
from graphc.layers.core import Dense
from graphc.models import Sequential
from tests.cuda_emulator.hand_made import accumulator, floats, kernel_of, launch, program
config.device = "gpu"

def message(run):
    try:
        run()
    except DeviceError as error:
        return str(error)

def astray(fetches):
    made, out = DeviceBuffer("y", (1,), "float32"), g.input((1,), "float32")
    step = launch(
        "k0_astray", "y[-1] = 1;", "float* y", (Pointer(made),), kernel_of(out), writes=(made,)
    )
    nodes = [out] if fetches else []
    executor = CudaExecutor(program([step], [step], [made][: len(nodes)]), nodes, name="stray")
    executor.run({}, {}, g.CallStep())
"""

MODEL = """
model = Sequential([Dense(3, input_dim=4)])
model.compile("sgd", "mse")
x, y = np.ones((2, 4), "float32"), np.ones((2, 3), "float32")
before = model.train_on_batch(x, y)
weights = model.get_weights()
said = [message(lambda: astray(True))]
said.append(message(lambda: model.train_on_batch(x, y)))
thread = threading.Thread(target=lambda: said.append(message(model.get_weights)))
thread.start()
thread.join()
config.device = "cpu"
model.compile("sgd", "mse")
said.append(message(lambda: model.train_on_batch(x, y)))
model.set_weights(weights)
after = model.train_on_batch(x, y)
print(json.dumps({"said": said, "losses": [float(before), float(after)]}))
"""

LATER = """
x, total, executor = accumulator()
executor.run({x: floats(1, 1, 1)}, {}, g.CallStep())
said = [message(lambda: astray(False))]
said.append(message(lambda: executor.run({x: floats(1, 1, 1)}, {}, g.CallStep())))
said.append(message(total.get_value))
config.device = "auto"
total.set_value(floats(1, 2, 3))
doubled = function([], total * 2.0)()
print(json.dumps({"said": said, "doubled": doubled.tolist()}))
"""

NEVER = """
astray(False)
print(json.dumps({}))
"""

RESET = """
x, total, executor = accumulator()
executor.run({x: floats(1, 1, 1)}, {}, g.CallStep())
ctypes.CDLL(str(DRIVER)).cuDevicePrimaryCtxReset_v2(0)
said = [message(lambda: executor.run({x: floats(1, 1, 1)}, {}, g.CallStep())) for _ in range(2)]
print(json.dumps({"said": said}))
"""


def ran(script: str, **environment: str) -> tuple[Any, str]:
    """Return what a process prints as JSON, and what it writes to stderr; it has to end well."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_the_error_names_itself_and_the_process_goes_on_with_the_cpu() -> None:
    found, errors = ran(MODEL)
    first, second, in_a_thread, without_values = found["said"]
    assert "running stray: CUDA_ERROR_ILLEGAL_ADDRESS (cu" in first
    assert "kernel k0_astray: " in first  # the emulated driver says so
    assert "what its memory held is lost. What to do: start the process again" in first
    assert "CUDA_LAUNCH_BLOCKING=1" in first
    for later in (second, in_a_thread, without_values):
        expected = "the GPU cannot be used any more in this process, and what its memory held is "
        assert later.startswith(f"{expected}lost, since running stray: CUDA_ERROR_ILLEGAL_ADDRESS")
        assert "go on with device=cpu: set the values of shared variables" in later
    before, after = found["losses"]
    assert after < before
    assert errors == ""  # no word of pycuda's, whatever is destroyed


def test_an_error_that_comes_behind_a_call_is_the_next_ones() -> None:
    found, errors = ran(LATER)
    nothing, first, second = found["said"]
    assert nothing is None
    assert "CUDA_ERROR_ILLEGAL_ADDRESS" in first
    assert second.startswith("the GPU cannot be used any more in this process")
    # With device=auto, functions made from then on run on the CPU.
    assert found["doubled"] == [2, 4, 6]
    (line,) = errors.splitlines()
    assert "device=auto: running on the CPU; no GPU is usable: the GPU cannot be used any " in line


def test_an_error_that_nobody_met_is_one_line_at_the_end() -> None:
    _, errors = ran(NEVER)
    assert "ending the use of the GPU: CUDA_ERROR_ILLEGAL_ADDRESS" in errors
    assert len(errors.splitlines()) == 1


def test_a_launch_that_blocks_names_its_kernel() -> None:
    found, _ = ran(MODEL, CUDA_LAUNCH_BLOCKING="1")
    expected = "launching the kernel k0_astray: CUDA_ERROR_ILLEGAL_ADDRESS (cuLaunchKernel: "
    assert found["said"][0].startswith(expected)


def test_a_gpu_that_other_code_has_reset_is_named_as_such() -> None:
    found, errors = ran(RESET)
    first, second = found["said"]
    assert "CUDA_ERROR_CONTEXT_IS_DESTROYED" in first
    assert ". Other code of this process has reset the GPU: " in first
    assert "CUDA_LAUNCH_BLOCKING" not in first
    assert second.startswith("the GPU cannot be used any more in this process")
    assert errors == ""
