"""Build PyCUDA once, without a GPU; prints the path of the wheel.

PyCUDA is a source distribution. It needs the toolkit's headers and something to link to that is
called libcuda; at run time that name is the emulated driver's, which is loaded before PyCUDA is, or
the machine's own driver's: a kit for a machine with a GPU (benchmarks/bring_up) has this wheel.
It is kept in the user's cache folder, one for each PyCUDA, Python, toolkit and way to build it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

# From 2025.1.2 on it builds for CUDA 12 and 13: issue 485 of PyCUDA
# (https://github.com/inducer/pycuda/issues/485).
VERSION = "2026.1"
# Without cuRAND, of which graphc uses nothing: a machine with a driver alone has no such library.
# -O1: the wrapper only forwards, and compiles in half the time.
SITECONF = """\
CUDA_INC_DIR = [{headers!r}]
CUDADRV_LIB_DIR = [{libraries!r}]
CUDADRV_LIBNAME = ['cuda']
CUDA_ENABLE_CURAND = False
CXXFLAGS = ['-O1', '-w']
LDFLAGS = []
"""
# The library to link to, by its name. All other symbols are looked up when PyCUDA is loaded; a
# linker drops a library of which it has seen no symbol used.
LIBCUDA = "int cuInit(unsigned flags) { return 100; }\n"


def cuda_headers() -> Path:
    """The folder of cuda.h: $CUDA_INC_DIR, or beside the nvcc on PATH; exits without one."""
    if "CUDA_INC_DIR" in os.environ:
        folder = Path(os.environ["CUDA_INC_DIR"])
    else:
        if shutil.which("nvcc") is None:
            sys.exit(
                "test-cuda: PyCUDA is built with the headers of the CUDA toolkit; expected nvcc on "
                "PATH, found none. Install the toolkit, or set CUDA_INC_DIR to cuda.h's folder."
            )
        # The nvcc on PATH may be a script; what it would run names the toolkit's own folder.
        command = ["nvcc", "--dryrun", "-x", "cu", "-c", os.devnull, "-o", os.devnull]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
        top = re.search(r"^#\$ TOP=(.*)$", said, re.MULTILINE)
        if top is None:
            sys.exit(f"test-cuda: expected TOP= in what nvcc --dryrun prints, received:\n{said}")
        folder = Path(top.group(1)) / "include"
    if not (folder / "cuda.h").is_file():
        sys.exit(f"test-cuda: expected cuda.h in {folder}; set CUDA_INC_DIR to its folder.")
    return folder.resolve()


def cache_folder(headers: Path) -> Path:
    text = (headers / "cuda.h").read_text(errors="replace")
    toolkit = re.search(r"^#define CUDA_VERSION (\d+)", text, re.MULTILINE).group(1)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    tag = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    way = hashlib.sha256(f"{SITECONF}{LIBCUDA}".encode()).hexdigest()[:8]
    return cache / "graphc" / "pycuda" / f"{VERSION}-{tag}-cuda{toolkit}-{way}"


def run(*command: str | Path, folder: Path) -> None:
    # Output goes to a log: a build prints thousands of lines, of interest only when it fails.
    with (folder / "log").open("a") as log:
        done = subprocess.run(command, cwd=folder, stdout=log, stderr=log, check=False)
    if done.returncode:
        tail = "\n".join((folder / "log").read_text().splitlines()[-20:])
        sys.exit(f"test-cuda: {' '.join(map(str, command))} failed:\n{tail}")


def build(headers: Path, target: Path) -> Path:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "libcuda.c").write_text(LIBCUDA)
        stub = ["-shared", "-fPIC", "libcuda.c", "-Wl,-soname,libcuda.so.1", "-o", "libcuda.so"]
        run("gcc", *stub, folder=folder)
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
        no_wheel = ("--no-binary", "pycuda", "--no-deps", f"pycuda=={VERSION}")
        run(*pip, "download", *no_wheel, folder=folder)
        shutil.unpack_archive(next(folder.glob("pycuda-*.tar.gz")), folder, filter="data")
        source = next(path for path in folder.glob("pycuda-*") if path.is_dir())
        settings = SITECONF.format(headers=str(headers), libraries=str(folder))
        (source / "siteconf.py").write_text(settings)
        run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, source, folder=folder)
        wheel = next(folder.glob("pycuda-*.whl"))
        target.mkdir(parents=True, exist_ok=True)
        # Moved into place whole, so that another run never sees half a wheel.
        half = target / f"{wheel.name}.{os.getpid()}"
        shutil.copy(wheel, half)
        return half.replace(target / wheel.name)


def main() -> None:
    headers = cuda_headers()
    target = cache_folder(headers)
    kept = sorted(target.glob("*.whl"))
    print(kept[0] if kept else build(headers, target))


if __name__ == "__main__":
    main()
