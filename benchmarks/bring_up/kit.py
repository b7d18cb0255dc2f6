"""Fill a folder with the wheels that gpu_check.py needs on a machine without a network.

    make gpu-kit                              for this Python, CUDA as the nvcc here or 13.0
    make gpu-kit PYTHON=3.12 CUDA=12          for another Python and CUDA
    make gpu-kit NVCC=1                       with nvcc and compute-sanitizer, of CUDA 13
    make gpu-kit SOURCE=1                     with PyCUDA as source, for an older glibc than here

PyCUDA is built here where the Python that it is for is here; else its source and what builds it go
along, and gpu_check.py builds it on the machine with the GPU, which takes g++ and minutes there.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.bring_up import headers
from benchmarks.bring_up.commands import output_of
from benchmarks.bring_up.headers import Version
from benchmarks.bring_up.machine import ROOT, numbers, requirements
from benchmarks.bring_up.manifest import WHEELS, Kit, KitError, digests
from tests.cuda_emulator import pycuda_wheel

FOLDER = ROOT / "build" / "gpu-kit"
BUILDER = ROOT / "tests" / "cuda_emulator" / "pycuda_wheel.py"
# What a distribution with glibc 2.28 (of 2018) or later loads; pip takes these by name alone.
PLATFORMS = (
    *(f"manylinux_2_{minor}" for minor in range(28, 4, -1)),
    *("manylinux2014", "manylinux2010", "manylinux1", "linux"),
)
# What PyCUDA needs (its wheel says so, its source only when it is built), and what builds it.
PYCUDA_NEEDS = ("pytools>=2011.2", "platformdirs>=2.2", "mako")
PYCUDA_BUILD = ("setuptools", "wheel", "numpy>=2")
# The lowest of each, so that every driver for that CUDA has what PyCUDA calls.
LOWEST = {12: (12, 1), 13: (13, 0)}
TOOLKIT = ("nvidia-cuda-nvcc", "nvidia-nvvm", "nvidia-cuda-crt", "nvidia-cuda-runtime")
SANITIZER = ("nvidia-cuda-sanitizer-api",)
OLDEST_PYTHON = (3, 11)


def fill(
    folder: Path, python: str, cuda: str = "", with_nvcc: bool = False, as_source: bool = False
) -> Kit:
    """Make a kit in a folder, which is emptied before.

    Args:
        python: "3.12".
        cuda: "13" or "13.0"; empty for that of the nvcc here, or 13.0.
        with_nvcc: with NVIDIA's wheels of nvcc and compute-sanitizer.
        as_source: PyCUDA is built on the machine with the GPU, wherever that Python is.
    """
    if numbers(python) < OLDEST_PYTHON:
        raise SystemExit(
            f"gpu-kit: graphc needs Python {dotted(OLDEST_PYTHON)} or later, received "
            f"PYTHON={python}. What to do: have such a Python on the machine with the GPU"
        )
    release = release_for(cuda)
    if with_nvcc and release[0] < 13:
        raise SystemExit(
            "gpu-kit: NVCC=1: NVIDIA has wheels of nvcc from CUDA 13 on, received CUDA "
            f"{dotted(release)}. What to do: CUDA=13 for a driver for CUDA 13 (580 or "
            "later), or install the toolkit on the machine with the GPU"
        )
    wheels = folder / WHEELS
    shutil.rmtree(folder, ignore_errors=True)
    wheels.mkdir(parents=True)
    wanted = [one for one in requirements() if not one.startswith("pycuda")]
    interpreter = None if as_source else interpreter_of(python)
    with tempfile.TemporaryDirectory() as place:
        if interpreter is None:
            download(wheels, python, headers.packages(release), "--no-deps")
            source(wheels)
        else:
            shutil.copy(built(interpreter, release, Path(place)), wheels)
    builders = () if interpreter else PYCUDA_BUILD
    download(wheels, python, [*wanted, *PYCUDA_NEEDS, *builders, "pip"])
    toolkit = headers.of_release((*TOOLKIT, *SANITIZER), release) if with_nvcc else []
    if toolkit:
        download(wheels, python, toolkit, "--no-deps")
    found = digests(wheels)
    kit = Kit(
        python=python,
        platform=sysconfig.get_platform(),
        cuda=dotted(release),
        pycuda=pycuda_wheel.VERSION,
        is_built=interpreter is not None,
        glibc=glibc_of(next(wheels.glob("pycuda-*.whl"), None)),
        nvcc=dotted(release) if toolkit else "",
        requirements=[*wanted, *PYCUDA_NEEDS],
        toolkit=toolkit,
        commit=commit(),
        files=found,
        size=sum(path.stat().st_size for path in wheels.iterdir()),
    )
    kit.write(folder)
    return kit


def dotted(version: Sequence[int]) -> str:
    """A version as it is written: 13.0."""
    return ".".join(map(str, version))


def release_for(cuda: str) -> Version:
    """Return the release that is meant: "13" is the lowest of CUDA 13, and none that of nvcc."""
    if not cuda:
        local = local_headers()
        return headers.release_of(local) if local else LOWEST[13]
    given = tuple(map(int, cuda.split(".")))
    if given[0] not in LOWEST or len(given) > 2:
        known = " or ".join(map(str, LOWEST))
        raise SystemExit(f"gpu-kit: CUDA: expected {known}, or a release of it, received {cuda}")
    return (given[0], given[1]) if len(given) == 2 else LOWEST[given[0]]


def local_headers() -> Path | None:
    """Return the folder of cuda.h of the toolkit here; None without one."""
    if shutil.which("nvcc") is None and "CUDA_INC_DIR" not in os.environ:
        return None
    return pycuda_wheel.cuda_headers()


def interpreter_of(python: str) -> str | None:
    """Return the program of a Python that runs here; None where there is none."""
    if python == dotted(sys.version_info[:2]):
        return sys.executable
    program = shutil.which(f"python{python}")
    if program is None:
        return None
    version = subprocess.run([program, "-m", "pip", "--version"], capture_output=True, check=False)
    return None if version.returncode else program


def built(interpreter: str, release: Version, place: Path) -> Path:
    """Return a wheel of PyCUDA for a Python and a CUDA, from the user's cache or built into it."""
    folder = local_headers()
    if folder is None or headers.release_of(folder) != release:
        download(place, None, headers.packages(release), "--no-deps")
        folder = headers.unpack(place.glob("*.whl"), place / "include")
        if folder is None:
            raise SystemExit(f"gpu-kit: no cuda.h in {', '.join(headers.packages(release))}")
    said = output_of(interpreter, pycuda_wheel.__file__, environment={"CUDA_INC_DIR": str(folder)})
    return Path(said.splitlines()[-1])


def glibc_of(wheel: Path | None) -> str:
    """Return the least glibc that the extensions of a wheel load with; empty without a wheel."""
    if wheel is None:
        return ""
    with zipfile.ZipFile(wheel) as archive:
        extensions = [archive.read(name) for name in archive.namelist() if name.endswith(".so")]
    found = {
        version.decode() for one in extensions for version in re.findall(rb"GLIBC_([\d.]+)", one)
    }
    return max(found, key=numbers, default="")


def source(wheels: Path) -> None:
    """Download the source of PyCUDA."""
    named = f"pycuda=={pycuda_wheel.VERSION}"
    pip("download", "--no-deps", "--no-binary", "pycuda", "-d", str(wheels), named)


def download(folder: Path, python: str | None, wanted: Sequence[str], *options: str) -> None:
    """Download wheels, for a Python or for any."""
    machine = sysconfig.get_platform().partition("-")[2]
    chosen = ["--only-binary=:all:", "--find-links", str(folder), *options]
    chosen += [f"--platform={name}_{machine}" for name in PLATFORMS]
    chosen += ["--implementation=cp", f"--python-version={python}"] if python else []
    pip("download", *chosen, "-d", str(folder), *wanted)


def pip(*arguments: str) -> None:
    """Run pip of this Python, to success; KitError else."""
    output_of(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def commit() -> str:
    """Return the commit of this checkout; empty outside of one."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode else done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = dotted(sys.version_info[:2])
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"default: {FOLDER}")
    parser.add_argument("--python", default=here, metavar="X.Y", help=f"default: {here}")
    parser.add_argument("--cuda", default="", metavar="X[.Y]", help="default: the nvcc's, or 13.0")
    parser.add_argument("--nvcc", action="store_true", help="nvcc and compute-sanitizer, too")
    parser.add_argument("--source", action="store_true", help="PyCUDA as source")
    given = parser.parse_args()
    try:
        kit = fill(given.folder, given.python, given.cuda, given.nvcc, given.source)
    except KitError as error:
        raise SystemExit(f"gpu-kit: {error}") from None
    form = "built" if kit.is_built else "as source"
    print(
        f"{given.folder}: {len(kit.files)} files, {kit.size / 1e6:.1f} MB, for Python "
        f"{kit.python} on {kit.platform}; PyCUDA {kit.pycuda}, {form}, for CUDA {kit.cuda}"
        + (f"; nvcc {kit.nvcc}" if kit.nvcc else "")
    )


if __name__ == "__main__":
    main()
