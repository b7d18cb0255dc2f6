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
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

DRIVER_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
# Earlier ones do not build for CUDA 13, whose cuCtxCreate takes one argument more (issue 485 of
# PyCUDA); this one builds for CUDA 12, too.
OLDEST_PYCUDA = "2025.1.2"
PYCUDA_FIX = f"python -m pip install 'pycuda>={OLDEST_PYCUDA}'"
NVCC_FIX = (
    "install the CUDA toolkit (Debian, Ubuntu: sudo apt install nvidia-cuda-toolkit) and put "
    "nvcc on PATH, or name it in the environment variable CUDACXX"
)
COMPILER_VARIABLE = "CUDACXX"
TOOLKIT_VARIABLES = ("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT")
_DRIVER_FIX = "install NVIDIA's driver (Debian: sudo apt install nvidia-driver) and restart"
FORKED = "this process was forked from one that had used the CUDA driver, which works in no fork"
FORK_FIX = "start it with multiprocessing's 'spawn' or 'forkserver' method, or use device=cpu in it"
_DEVICE_FIX = "see what nvidia-smi says, and that CUDA_VISIBLE_DEVICES does not hide the GPU"


_CURAND = re.compile(rb"libcurand\.so[.\d]*")
# CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
_CAPABILITY = (75, 76)

_initialised_in: set[int] = set()
"""The processes that have initialised the driver: this one, and the one that it was forked from."""


@dataclass(frozen=True)
class Driver:
    """The CUDA driver: its version, the names of its GPUs, their addresses on the PCI bus and their
    compute capabilities, or what is wrong and the fix."""

    version: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    capabilities: tuple[tuple[int, int], ...] = ()
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
        capabilities = tuple(_capability(cuda, k) for k in range(count.value))
    except _CallError as error:
        return Driver(problem=f"the CUDA driver failed: {error}", fix=_DEVICE_FIX)
    if not names:
        return Driver(version, problem="the CUDA driver sees no GPU", fix=_DEVICE_FIX)
    return Driver(version, names, addresses, capabilities)


def is_forked() -> bool:
    """Return True if this process was forked from one that had used the driver."""
    return bool(_initialised_in - {os.getpid()})


def dotted(version: tuple[int, ...]) -> str:
    """A version as it is written: ``13.0``."""
    return ".".join(map(str, version))


def nvcc_path() -> str | None:
    """The path of the CUDA compiler, or None: the one that CUDACXX names and no other, else the one
    on PATH, of the toolkit that CUDA_HOME (CUDA_PATH, CUDA_ROOT) names, or of NVIDIA's wheels."""
    named = os.environ.get(COMPILER_VARIABLE)
    if named:
        return shutil.which(named)
    toolkit = toolkit_folder()
    folders = [toolkit[1] / "bin"] if toolkit else []
    return next(
        filter(None, map(_nvcc_in, (None, *folders, *_wheel_folders()))),
        None,
    )


def why_no_nvcc() -> str:
    """Return why `nvcc_path` is None: "not on PATH"."""
    named = os.environ.get(COMPILER_VARIABLE)
    return f"not at {named}, as {COMPILER_VARIABLE} says" if named else "not on PATH"


def missing_nvcc() -> str:
    """Return the problem where `nvcc_path` is None."""
    return f"no CUDA compiler (nvcc {why_no_nvcc()})"


def toolkit_folder() -> tuple[str, Path] | None:
    """The variable of the environment that names a CUDA toolkit, and the folder; None without."""
    return next(
        ((name, Path(os.environ[name])) for name in TOOLKIT_VARIABLES if os.environ.get(name)),
        None,
    )


def _nvcc_in(folder: Path | None) -> str | None:
    return shutil.which("nvcc", path=None if folder is None else str(folder))


def _wheel_folders() -> list[Path]:
    """The folders that NVIDIA's wheels put the programs of a toolkit into: nvidia/cu13/bin."""
    return [folder for place in _package_folders("nvidia") for folder in place.glob("cu*/bin")]


def _package_folders(name: str) -> list[Path]:
    """The folders of a package that is not imported; none where it is not installed."""
    spec = importlib.util.find_spec(name)
    return list(map(Path, (spec and spec.submodule_search_locations) or ()))


def has_pycuda() -> bool:
    """Return True if pycuda is installed. It is not imported: that would need a driver."""
    return importlib.util.find_spec("pycuda") is not None


def linked_curand() -> str:
    """Return the name of the cuRAND library that pycuda was built with, such as libcurand.so.10;
    empty where it was built without, or is not installed.

    Without the library such a pycuda is not importable, though graphc uses nothing of it.
    """
    for folder in _package_folders("pycuda"):
        for extension in folder.glob("_driver*.so"):
            found = _CURAND.search(extension.read_bytes())
            if found:
                return found[0].decode()
    return ""


def is_loadable(library: str) -> bool:
    """Return True if the dynamic loader finds and loads a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def gpu_status() -> GpuStatus:
    """Return whether a GPU can be used, and if not every piece that is missing, with its fix."""
    driver = cuda_driver()
    missing = [(driver.problem, driver.fix)] if driver.problem else []
    if nvcc_path() is None:
        missing.append((missing_nvcc(), NVCC_FIX))
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


def _capability(cuda: ctypes.CDLL, ordinal: int) -> tuple[int, int]:
    """Return the compute capability of a GPU, (major, minor)."""
    device = ctypes.c_int()
    _call(cuda, "cuDeviceGet", ctypes.byref(device), ordinal)
    major, minor = ctypes.c_int(), ctypes.c_int()
    for value, attribute in zip((major, minor), _CAPABILITY, strict=True):
        _call(cuda, "cuDeviceGetAttribute", ctypes.byref(value), attribute, device)
    return major.value, minor.value
