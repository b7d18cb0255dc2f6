"""Find the driver, the compiler and the packages that running on a GPU needs, without importing
pycuda.

The driver is asked through ctypes (``cuInit``, ``cuDeviceGetCount``; CUDA Driver API Reference,
sections "Initialization" and "Device Management"), so a machine without any of the GPU stack can be
asked too. `graphc doctor` shows the pieces; `gpu_status` is the verdict that the device flag needs.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass

DRIVER_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
PYCUDA_FIX = "python -m pip install pycuda"
NVCC_FIX = (
    "install the CUDA toolkit (Debian, Ubuntu: sudo apt install nvidia-cuda-toolkit) and put "
    "nvcc on PATH"
)
_DRIVER_FIX = "install NVIDIA's driver (Debian: sudo apt install nvidia-driver) and restart"
FORKED = "this process was forked from one that had used the CUDA driver, which works in no fork"
FORK_FIX = "start it with multiprocessing's 'spawn' or 'forkserver' method, or use device=cpu in it"
_DEVICE_FIX = "see what nvidia-smi says, and that CUDA_VISIBLE_DEVICES does not hide the GPU"


_initialised_in: set[int] = set()
"""The processes that have initialised the driver: this one, and the one that it was forked from."""


@dataclass(frozen=True)
class Driver:
    """The CUDA driver: its version, the names of its GPUs and their addresses on the PCI bus, or
    what is wrong and the fix."""

    version: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    problem: str = ""
    fix: str = ""


@dataclass(frozen=True)
class GpuStatus:
    """The verdict whether functions can run on a GPU here; if not, the reason and what to do about
    it.

    `names` are the GPUs that the driver sees, usable or not.
    """

    usable: bool
    reason: str
    fix: str
    names: tuple[str, ...]


def cuda_driver(library: str = DRIVER_LIBRARY) -> Driver:
    """Ask the driver in the shared `library` for its version and its GPUs."""
    try:
        cuda = ctypes.CDLL(library)
    except OSError:
        return Driver(problem=f"no CUDA driver ({library} not found)", fix=_DRIVER_FIX)
    if is_forked():
        return Driver(problem=FORKED, fix=FORK_FIX)
    _initialised_in.add(os.getpid())
    try:
        _call(cuda, "cuInit", 0)
        number = ctypes.c_int()
        _call(cuda, "cuDriverGetVersion", ctypes.byref(number))
        version = f"{number.value // 1000}.{number.value % 1000 // 10}"
        count = ctypes.c_int()
        _call(cuda, "cuDeviceGetCount", ctypes.byref(count))
        names = tuple(_text(cuda, "cuDeviceGetName", k) for k in range(count.value))
        addresses = tuple(_text(cuda, "cuDeviceGetPCIBusId", k) for k in range(count.value))
    except _CallError as error:
        return Driver(problem=f"the CUDA driver failed: {error}", fix=_DEVICE_FIX)
    if not names:
        return Driver(version, problem="the CUDA driver sees no GPU", fix=_DEVICE_FIX)
    return Driver(version, names, addresses)


def is_forked() -> bool:
    """Return True if this process was forked from one that had used the driver."""
    return bool(_initialised_in - {os.getpid()})


def dotted(version: tuple[int, ...]) -> str:
    """A version as it is written: ``13.0``."""
    return ".".join(map(str, version))


def nvcc_path() -> str | None:
    """The path of the CUDA compiler, or None where it is not on PATH."""
    return shutil.which("nvcc")


def has_pycuda() -> bool:
    """Return True if pycuda is installed. It is not imported: that would need a driver."""
    return importlib.util.find_spec("pycuda") is not None


def gpu_status() -> GpuStatus:
    """Return whether a GPU can be used, and if not every piece that is missing, with its fix."""
    driver = cuda_driver()
    missing = [(driver.problem, driver.fix)] if driver.problem else []
    if nvcc_path() is None:
        missing.append(("no CUDA compiler (nvcc not on PATH)", NVCC_FIX))
    if not has_pycuda():
        missing.append(("no pycuda", PYCUDA_FIX))
    return GpuStatus(
        not missing,
        "; ".join(problem for problem, _ in missing),
        "; ".join(fix for _, fix in missing),
        driver.names,
    )


class _CallError(Exception):
    """A driver call that did not return CUDA_SUCCESS."""


def _call(cuda: ctypes.CDLL, name: str, *arguments: object) -> None:
    code = getattr(cuda, name)(*arguments)
    if code:
        raise _CallError(f"{name} returned {code}{_error_name(cuda, code)}")


def _error_name(cuda: ctypes.CDLL, code: int) -> str:
    name = ctypes.c_char_p()
    if cuda.cuGetErrorName(code, ctypes.byref(name)) or name.value is None:
        return ""
    return f" ({name.value.decode()})"


def _text(cuda: ctypes.CDLL, call: str, ordinal: int) -> str:
    """Return the text that a call of the driver writes about a GPU."""
    device = ctypes.c_int()
    _call(cuda, "cuDeviceGet", ctypes.byref(device), ordinal)
    text = ctypes.create_string_buffer(256)
    _call(cuda, call, text, len(text), device)
    return text.value.decode(errors="replace")
