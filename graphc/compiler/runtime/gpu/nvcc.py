"""Compiling a translation unit to a binary for one GPU, with nvcc, or finding it in the cache."""

from __future__ import annotations

import logging
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from graphc import resources
from graphc.compiler.runtime.cache.kernels import (
    KernelCache,
    content_key,
    header_texts,
    kernel_cache,
)
from graphc.compiler.runtime.compiler_process import (
    Tool,
    broke_off,
    compile_to,
    ending,
    failure,
    first_lines,
    kernel_at_fault,
    lines_of,
    query,
    source_in,
    working_folder,
)
from graphc.compiler.runtime.gpu import probe, toolkits
from graphc.errors import CompilerError, DeviceError

_log = logging.getLogger("graphc")

# No fast-math, in any part: division, square root and denormals are IEEE's. A product and a sum may
# become one fma, which rounds once.
FLAGS = ("-cubin", "-std=c++17", "-lineinfo")
TOOL = Tool("the CUDA compiler", probe.NVCC_FIX)
HOST_FIX = (
    "install a C++ compiler that this toolkit takes (g++ of an older version beside a newer one; "
    "NVCC_PREPEND_FLAGS='-ccbin g++-13' in the environment chooses it)"
)
DRIVER_FIX = "update NVIDIA's driver, or put the nvcc of an earlier toolkit first on PATH"

T = TypeVar("T")

_UNKNOWN_ARCH = re.compile(r"unsupported gpu architecture", re.IGNORECASE)
_HOST_COMPILER = re.compile(r"nvcc fatal|host_config\.h|unsupported (?:GNU|clang) version")
_RELEASE = re.compile(r"release (\d+)\.(\d+)")


@dataclass(frozen=True)
class Compiler:
    """An nvcc: its path, what ``nvcc --version`` prints, and what it is, for keys."""

    path: str
    version: str
    identity: str = ""

    @property
    def release(self) -> tuple[int, int] | None:
        """The toolkit's release, (13, 0); None where the text does not say."""
        found = _RELEASE.search(self.version)
        return (int(found[1]), int(found[2])) if found else None


def find_compiler(cache: KernelCache) -> Compiler:
    """The nvcc that is found first. CompilerError where there is none or it does not run."""
    path = probe.nvcc_path()
    if path is None:
        raise CompilerError(f"{probe.missing_nvcc()}. What to do: {probe.NVCC_FIX}")
    said = query(path, (), TOOL, cache)
    return Compiler(path, said.texts[0], said.identity)


class Binary(NamedTuple, Generic[T]):
    """A compiled translation unit, as it was loaded, and the seconds that nvcc took; None where it
    did not run."""

    loaded: T
    seconds: float | None


def compiled(
    source: str,
    arch: str,
    driver: tuple[int, int],
    layers: Mapping[str, str],
    name: str,
    load: Callable[[bytes], T],
    code: str = "",
) -> Binary[T]:
    """The binary of a translation unit: from the cache, or made by one run of nvcc.

    Args:
        source: CUDA C++; it may include the files of ``kernels/``.
        arch: ``sm_75``.
        driver: the version of CUDA that the driver is for.
        layers: for each kernel of the source, the layers that it computes, for messages.
        name: of the function, for messages.
        load: makes of the binary what is wanted of it. CompilerError where it does not load: one of
            the cache is then made again, and a new one is not kept.
        code: the source without its notes, by which a binary is found; empty where it has none.

    Raises:
        DeviceError: no compiler, one that fails or takes too long, is too new for the driver, does
            not know the card or finds no C++ compiler, or (an error of graphc) a source that does
            not compile.
    """
    cache = kernel_cache()
    compiler = find_compiler(cache)
    include = resources.folder("kernels")
    headers = header_texts(include)
    key = content_key([code or source, arch, *FLAGS, compiler.identity, *headers])

    def make() -> bytes:
        check_driver(compiler, driver)
        path = cache.write_source(f"{key}.cu", source)
        command = [compiler.path, *FLAGS, f"-arch={arch}", "-I", str(include)]
        with working_folder(TOOL) as folder:
            command.append(str(source_in(folder, path.name, path, source)))
            done = compile_to("kernels.cubin", command, TOOL, folder)
            content = _content(folder / "kernels.cubin")
        if done.returncode or not content:
            raise _compile_error(done, compiler, path, source, layers, name, arch)
        if done.stderr.strip():
            _log.info("nvcc on %s: %s", path, done.stderr.strip())
        return content

    return Binary(*cache.obtain(f"{key}.cubin", make, lambda entry: load(entry.content)))


def _capability(arch: str) -> tuple[int, int]:
    """The compute capability that an architecture is named by: (9, 0) of ``sm_90``."""
    digits = arch.removeprefix("sm_")
    return int(digits[:-1]), int(digits[-1])


def _content(path: Path) -> bytes:
    """Return the bytes that a compiler has written; none where it has written no file."""
    return path.read_bytes() if path.is_file() else b""


def check_driver(compiler: Compiler, driver: tuple[int, int]) -> None:
    """Raise DeviceError where the driver cannot load the compiler's output."""
    problem = older_driver(compiler, driver)
    if problem:
        raise DeviceError(f"{problem}. What to do: {DRIVER_FIX}")


def older_driver(compiler: Compiler, driver: tuple[int, int]) -> str:
    """Return the problem where the driver is of an earlier major version than the toolkit; else
    empty.

    Within one major version a driver loads what a newer toolkit makes (CUDA Compatibility, "Minor
    Version Compatibility").
    """
    release = compiler.release
    if release is None or driver[0] >= release[0]:
        return ""
    return (
        "the CUDA driver is older than the toolkit: the driver is for CUDA "
        f"{probe.dotted(driver)}, {compiler.path} is of CUDA {probe.dotted(release)}"
    )


def _compile_error(
    done: subprocess.CompletedProcess[str],
    compiler: Compiler,
    path: Path,
    source: str,
    layers: Mapping[str, str],
    name: str,
    arch: str,
) -> CompilerError:
    """The compiler's first lines, with the kernel and the layers that they are about, or with what
    the toolkit lacks."""
    said = lines_of(done)
    release = f" of CUDA {probe.dotted(compiler.release)}" if compiler.release else ""
    for pattern, problem, fix in (
        (_UNKNOWN_ARCH, f"does not know this card, {arch}", toolkits.fix(_capability(arch))),
        (_HOST_COMPILER, "finds no C++ compiler that it takes", HOST_FIX),
    ):
        if any(pattern.search(line) for line in said):
            shown = "; ".join(line.strip() for line in said[:3])
            return CompilerError(
                f"{name}: the CUDA compiler {compiler.path}{release} {problem}: {shown}. What to "
                f"do: {fix}"
            )
    if broke_off(done):
        return failure(done, compiler.path, TOOL, name)
    where = kernel_at_fault(said, path, source, layers)
    return CompilerError(
        f"{name}: nvcc did not compile the generated source for {arch}{where}; this is an error of "
        f"graphc, please report it with the source, which is kept at {path}. nvcc {ending(done)} "
        f"and said:\n{first_lines(said)}"
    )
