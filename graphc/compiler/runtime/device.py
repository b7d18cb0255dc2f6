"""Which device a function runs on, by the flag `device`, and its executor."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from graphc.compiler.codegen import lower
from graphc.compiler.graph import Node, State
from graphc.compiler.runtime import cuda
from graphc.compiler.runtime.cpu import CpuExecutor
from graphc.compiler.runtime.cuda_executor import CudaExecutor
from graphc.compiler.runtime.executor import Executor
from graphc.compiler.runtime.probe import gpu_status
from graphc.config import config
from graphc.errors import DeviceError

_log = logging.getLogger("graphc")
_told: set[str] = set()


def select_device() -> str:
    """'cpu' or 'gpu'. DeviceError where the flag asks for a GPU that cannot be used.

    ``device=auto`` may fall back to the CPU; it says so once a process, in one line.
    """
    if config.device == "cpu":
        return "cpu"
    status = gpu_status()
    if status.usable:
        return "gpu"
    if config.device == "gpu":
        raise DeviceError(
            f"device=gpu cannot be met, no GPU is usable: {status.reason}. What to do: {status.fix}"
        )
    if status.reason not in _told:
        _told.add(status.reason)
        _log.warning("device=auto: running on the CPU; no GPU is usable: %s", status.reason)
    return "cpu"


def executor_for(
    device: str, outputs: Sequence[Node], states: Sequence[State], name: str
) -> Executor:
    """A graph after the passes, prepared for the device 'cpu' or 'gpu'.

    Args:
        outputs: what is fetched, then one new value for each of `states`.
        states: the shared variables that a run sets.
        name: of the function, for messages.
    """
    if device == "cpu":
        return CpuExecutor(outputs, states)
    program = lower(outputs, states, most_shared(device))
    return CudaExecutor(program, outputs, states, name)


def most_shared(device: str) -> int | None:
    """The bytes of shared memory that a block may have on the device; None for 'cpu'."""
    return None if device == "cpu" else cuda.device().facts.shared_opt_in
