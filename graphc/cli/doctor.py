"""``graphc doctor``: show the parts of this machine, those that are missing with the fix, and every
flag."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from graphc.cli.command import Command
from graphc.compiler.program.table import WIDTH
from graphc.compiler.runtime.cache.kernels import KernelCache, default_folder, kernel_cache
from graphc.compiler.runtime.cpu import toolchain
from graphc.compiler.runtime.gpu import nvcc, probe, toolkits
from graphc.config import FLAGS, config
from graphc.errors import DeviceError, FlagError
from graphc.package_version import __version__
from graphc.parallel import probe as ranks

_CURAND_MISSING = "built with cuRAND, whose library {} is not found, so that it cannot be imported"
_CURAND_FIX = (
    "put the folder of the library into LD_LIBRARY_PATH, or build pycuda without cuRAND: "
    "CUDA_ENABLE_CURAND = False in its siteconf.py"
)
_LABEL = max(len(flag.name) for flag in FLAGS) + 2


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked for, what was found, how to get it if missing."""

    label: str
    found: str
    fix: str = ""

    def lines(self) -> list[str]:
        """The finding and, under it, its fix, wrapped."""
        indent = " " * (2 + _LABEL)
        texts = [self.found, f"fix: {self.fix}"] if self.fix else [self.found]
        # Paths and commands are for copying, so they are never broken.
        wrap = textwrap.TextWrapper(
            WIDTH - len(indent), break_long_words=False, break_on_hyphens=False
        ).wrap
        wrapped = [line for text in texts for line in wrap(text)]
        first, *rest = wrapped
        return [f"  {self.label:<{_LABEL}}{first}", *(indent + line for line in rest)]


def report() -> str:
    """Return the whole report, as ``graphc doctor`` prints it. It never fails on a finding."""
    sections = [
        f"graphc {__version__}",
        _section("This machine", [_python(), _numpy()]),
        _section("For native code on the CPU", _compiler()),
        _section("For an NVIDIA GPU only", [_driver(), *_nvcc(), _pycuda(), _verdict()]),
        _section("For several processes only (ranks)", _ranks()),
        _flags(),
    ]
    return "\n\n".join(sections)


def _section(title: str, findings: Iterable[Finding]) -> str:
    return "\n".join([title, *(line for finding in findings for line in finding.lines())])


def _python() -> Finding:
    version, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    return Finding("Python", f"{version} on {system} ({sys.executable})")


def _numpy() -> Finding:
    build = np.show_config(mode="dicts") or {}
    blas = build.get("Build Dependencies", {}).get("blas", {})
    if not blas.get("found"):
        return Finding(
            "NumPy",
            f"{np.__version__}, built without a BLAS: matrix products are slow",
            "python -m pip install --force-reinstall --only-binary=numpy numpy",
        )
    return Finding("NumPy", f"{np.__version__}, BLAS {blas['name']} {blas.get('version', '')}")


def _compiler() -> list[Finding]:
    """Find the C++ compiler and the cache of what it compiled; without one, functions are
    interpreted."""
    try:
        cache = kernel_cache()
    except FlagError:  # reported below
        cache = KernelCache(default_folder())
    place = Finding("cache", f"{cache.folder} (compiled kernels; graphc cache shows them)")
    path = toolchain.compiler_path()
    if path is None:
        fix = (
            "xcode-select --install" if sys.platform == "darwin" else "sudo apt install g++"
        ) + ", or name one in the environment variable CXX"
        names = os.environ.get("CXX") or ", ".join(toolchain.COMPILERS)
        return [Finding("C++ compiler", f"missing: no {names} on PATH", fix), place]
    try:
        compiler = toolchain.find_compiler(cache)
    except DeviceError as error:
        problem = str(error).splitlines()[0]
        return [Finding("C++ compiler", problem, toolchain.FIX), place]
    fix = "" if compiler.has_threads else toolchain.OPENMP_FIX
    return [
        Finding("C++ compiler", f"{compiler.version} ({path})"),
        Finding("its flags", " ".join(compiler.flags)),
        Finding("threads", toolchain.threads(compiler), fix),
        place,
    ]


def _driver() -> Finding:
    driver = probe.cuda_driver()
    if driver.problem:
        return Finding("CUDA driver", driver.problem, driver.fix)
    return Finding("CUDA driver", f"for CUDA {driver.version}; GPUs: {', '.join(driver.names)}")


def _nvcc() -> list[Finding]:
    """Find nvcc, the problem of this nvcc with this driver or a GPU, and a toolkit that the
    environment names and that is another one."""
    path = probe.nvcc_path()
    if path is None:
        return [Finding("nvcc", f"missing: {probe.why_no_nvcc()}", probe.NVCC_FIX)]
    version = _version_line(path)
    problem, fix = _nvcc_problem(nvcc.Compiler(path, version))
    found = f"{version} ({path})"
    return [Finding("nvcc", f"{found}: {problem}" if problem else found, fix), *_toolkit(version)]


def _nvcc_problem(compiler: nvcc.Compiler) -> tuple[str, str]:
    """Return the problem of a compiler with the driver or a GPU, and its fix; empty without one."""
    driver = probe.cuda_driver()
    if compiler.release is None or driver.problem:
        return "", ""
    major, minor = map(int, driver.version.split("."))
    problem = nvcc.older_driver(compiler, (major, minor))
    if problem:
        return problem, nvcc.DRIVER_FIX
    for name, capability in zip(driver.names, driver.capabilities, strict=False):
        problem = toolkits.mismatch(compiler.release, capability)
        if problem:
            versions = toolkits.range_of(capability)
            return f"{problem}, {name}, which needs CUDA {versions}", toolkits.fix(capability)
    return "", ""


def _toolkit(version: str) -> list[Finding]:
    """Find whether the toolkit that the environment names is that of the nvcc of this version."""
    named = probe.toolkit_folder()
    if named is None:
        return []
    variable, folder = named
    program = folder / "bin" / "nvcc"
    if not program.is_file():
        return [
            Finding(
                variable,
                f"names {folder}, which has no bin/nvcc",
                f"set {variable} to the folder of a CUDA toolkit, or unset it",
            )
        ]
    other = _version_line(str(program))
    if other == version:
        return []
    return [
        Finding(
            variable,
            f"names {folder}, whose nvcc is another one: {other}",
            f"unset {variable}, or use its nvcc: export {probe.COMPILER_VARIABLE}={program}",
        )
    ]


def _pycuda() -> Finding:
    if not probe.has_pycuda():
        return Finding("pycuda", "missing", probe.PYCUDA_FIX)
    try:
        version = importlib.metadata.version("pycuda")
    except importlib.metadata.PackageNotFoundError:
        return Finding("pycuda", "found, of unknown version", probe.PYCUDA_FIX)
    curand = probe.linked_curand()
    if not curand:
        return Finding("pycuda", f"{version}, built without cuRAND, which graphc does not need")
    if probe.is_loadable(curand):
        return Finding("pycuda", f"{version}, built with cuRAND ({curand}), of no use to graphc")
    return Finding("pycuda", f"{version}, {_CURAND_MISSING.format(curand)}", _CURAND_FIX)


def _ranks() -> list[Finding]:
    pieces = {
        "mpi4py": ranks.mpi4py_version(),
        "MPI library": ranks.mpi_library(),
        "mpiexec": ranks.mpiexec_path(),
        "NCCL": ranks.nccl_library(),
    }
    return [Finding(label, piece.found, piece.fix) for label, piece in pieces.items()]


def _verdict() -> Finding:
    status = probe.gpu_status()
    if not status.usable:
        return Finding("GPU usable", f"no: {status.reason}", status.fix)
    path = probe.nvcc_path() or ""
    problem, fix = _nvcc_problem(nvcc.Compiler(path, _version_line(path)))
    curand = probe.linked_curand()
    if not problem and curand and not probe.is_loadable(curand):
        problem, fix = f"pycuda is {_CURAND_MISSING.format(curand)}", _CURAND_FIX
    if problem:
        return Finding("GPU usable", f"no: {problem}", fix)
    return Finding("GPU usable", f"yes: {', '.join(status.names)}")


def _version_line(program: str) -> str:
    """Return the first line that ``program --version`` prints, or the one with "release"
    (nvcc's)."""
    try:
        run = subprocess.run(
            [program, "--version"], capture_output=True, text=True, errors="replace", timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"found, but does not run ({error})"
    lines = run.stdout.strip().splitlines()
    if run.returncode or not lines:
        return f"found, but '--version' failed with status {run.returncode}"
    return next((line for line in lines if "release" in line), lines[0])


def _flags() -> str:
    title = "Flags (Python over GRAPHC_FLAGS over ~/.graphcrc over defaults)"
    try:
        rows = config.table()
    except FlagError as error:
        return _section(title, [Finding("error", str(error), "correct the place that it names")])
    findings = []
    for row in rows:
        findings.append(Finding(row.name, f"{row.value or '(empty)'}   [{row.source}]"))
        findings.append(Finding("", f"takes {row.takes}; default {row.default or '(empty)'}"))
        findings.append(Finding("", row.meaning))
    return _section(title, findings)


def _run(arguments: argparse.Namespace) -> None:
    print(report())


COMMAND = Command(
    name="doctor",
    summary="show what is installed, what is missing and how to get it, and every flag",
    description="""\
Shows what this machine has: Python, NumPy and its BLAS; for native code the C++ compiler, its flags
and threads, and where compiled kernels are kept; for a GPU the driver, nvcc and pycuda; for several
processes mpi4py, its MPI, mpiexec and NCCL. Under each thing that is missing stands the command
that installs it. Then comes every flag: its value, where the value came from, and what it means.

examples:
  graphc doctor
  GRAPHC_FLAGS=floatX=float64 graphc doctor    check that a flag arrives
""",
    run=_run,
)
