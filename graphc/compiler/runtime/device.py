"""The choice of the device of a function, by the flag `device`, and of its executor."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from graphc.compiler.runtime.cache.kernels import kernel_cache
from graphc.compiler.runtime.cpu.compiler import libraries_ahead
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.compiler.runtime.executor import Executor
from graphc.compiler.runtime.gpu import cuda, nvcc
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.compiler.runtime.gpu.probe import gpu_status
from graphc.compiler.runtime.interpreting import Interpreted, compiler_failed, why_interpreted
from graphc.compiler.runtime.numpy_executor import NumpyExecutor
from graphc.compiler.runtime.programs import Programs
from graphc.config import config
from graphc.errors import CompilerError, DeviceError

_log = logging.getLogger("graphc")
_logged: set[str] = set()


def select_device() -> str:
    """Return 'cpu' or 'gpu'. DeviceError where the flag asks for a GPU that cannot be used.

    ``device=auto`` may fall back to the CPU; it says so once a process, in one line.
    """
    if config.device == "cpu":
        return "cpu"
    status = gpu_status()
    if config.device == "gpu":
        if status.usable:
            return "gpu"
        raise DeviceError(
            f"device=gpu cannot be met, no GPU is usable: {status.reason}. What to do: {status.fix}"
        )
    reason = status.reason or _failure()
    if not reason:
        return "gpu"
    if reason not in _logged:
        _logged.add(reason)
        _log.warning("device=auto: running on the CPU; no GPU is usable: %s", reason)
    return "cpu"


def _failure() -> str:
    """Return the reason why the first function on the GPU would fail though all pieces are there: a
    pycuda that cannot be imported, a card that others hold, a driver older than nvcc. Empty where
    it would not."""
    try:
        facts = cuda.device().facts
        nvcc.check_driver(nvcc.find_compiler(kernel_cache()), facts.driver_version)
    except DeviceError as error:
        return str(error)
    return ""


class Chosen(NamedTuple):
    """The executor that was chosen for a graph.

    Attributes:
        target: whose generated kernels run, 'cuda' or 'cpu'; None where the interpreter does.
        make: makes the executor; under ``cpu=auto`` an interpreter where the compiler fails.
    """

    target: str | None
    make: Callable[[], Executor]


def choose_executor(
    device: str,
    programs: Programs,
    name: str,
    mode: str,
    once: bool,
    calls: float | None,
) -> Chosen:
    """Choose the executor of a graph after the passes. The flags as they are now decide; the
    compiler runs when the executor is made.

    Args:
        device: 'cpu' or 'gpu'.
        programs: of the graph.
        name: of the function, for messages.
        mode, once, calls: as of `why_interpreted`.

    DeviceError where the GPU fails, or ``cpu=native`` asks for a compiler and none can be used.
    Where the compiler fails later on, making the executor is a CompilerError under ``cpu=native``;
    under ``cpu=auto`` the graph is interpreted, which the log says with the reason.
    """
    if device == "gpu":
        shared = most_shared(device)  # a GPU that does not work fails here
        what = programs.outputs, programs.states, name
        return Chosen("cuda", lambda: CudaExecutor(programs.cuda(shared), *what))
    interpreted = why_interpreted(programs.outputs, mode, once, calls)
    if interpreted is not None:
        return Chosen(None, lambda: _interpreter(programs, name, interpreted))
    may_interpret = config.cpu == "auto"

    def make() -> Executor:
        try:
            with libraries_ahead() as begin:
                return NativeExecutor(programs.native(begin), programs.states, name)
        except CompilerError as error:
            if not may_interpret:
                raise
            return _interpreter(programs, name, compiler_failed(name, error))

    return Chosen("cpu", make)


def _interpreter(programs: Programs, name: str, interpreted: Interpreted) -> NumpyExecutor:
    interpreted.log_warning()
    return NumpyExecutor(programs.outputs, programs.states, interpreted.why, name)


def most_shared(device: str) -> int | None:
    """The bytes of shared memory that a block may have on the device; None for 'cpu'."""
    return None if device == "cpu" else cuda.device().facts.shared_opt_in
