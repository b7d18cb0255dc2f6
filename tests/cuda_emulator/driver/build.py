"""Builds the emulated libcuda.so.1, and a link called nvcc beside it: build.py FOLDER."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
sys.path.insert(0, str(SOURCES.parent))

from ptx.operations import cpp_numbers, cpp_switch  # noqa: E402
from pycuda_wheel import cuda_headers  # noqa: E402  (beside this folder, which is no package)

# Of PTX's arithmetic nothing is contracted, reordered or folded in another rounding, and integers
# wrap. The processor is this machine's: with its vectors a warp's lanes are computed together.
ARITHMETIC = ["-O3", "-march=native", "-ffp-contract=off", "-frounding-math", "-fno-math-errno"]
ARITHMETIC += ["-fwrapv", "-fno-strict-aliasing", "-fno-sanitize=all"]


def stubs() -> str:
    """C of each function of the driver that PyCUDA refers to.

    They are weak, so that those of the emulated driver replace them. Python loads extensions with
    all symbols bound, so each has to exist.
    """
    folder = Path(importlib.util.find_spec("pycuda").origin).parent
    extension = next(folder.glob("_driver*.so"))
    command = ["nm", "-D", "--undefined-only", str(extension)]
    symbols = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = sorted(set(re.findall(r"\b(cu[A-Z]\w*)", symbols)))
    weak = "__attribute__((weak)) int {}(void) {{ return 801; }}  // CUDA_ERROR_NOT_SUPPORTED\n"
    return "".join(weak.format(name) for name in names)


def build(folder: Path) -> Path:
    sanitize = os.environ.get("GRAPHC_CUDA_SANITIZE", "")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stubs.c").write_text(stubs())
    (folder / "operations.inc").write_text(cpp_switch())
    (folder / "operations.h").write_text(cpp_numbers())
    flags = [f"-fsanitize={sanitize}", "-fsanitize-recover=address"] if sanitize else []
    warnings = ["-Wall", "-Wextra", "-Werror", "-Wno-deprecated-declarations"]
    flags += ["-g", "-O2", "-fPIC"]
    subprocess.run(["gcc", *flags, "-c", "stubs.c"], cwd=folder, check=True)
    runtime = SOURCES.parent / "ptx" / "runtime"
    library = folder / "libcuda.so.1"
    command = [
        "g++",
        "-std=c++17",
        *flags,
        *warnings,
        "-isystem",
        str(cuda_headers()),
        f"-I{folder}",
    ]
    arithmetic = [*command, *ARITHMETIC, "-c", str(runtime / "lanes.cc"), "-o", "lanes.o"]
    subprocess.run(arithmetic, cwd=folder, check=True)
    sources = [
        *SOURCES.glob("*.cc"),
        *(path for path in runtime.glob("*.cc") if path.stem != "lanes"),
    ]
    command += ["-shared", "-Wl,-soname,libcuda.so.1", *sorted(map(str, sources))]
    command += ["stubs.o", "lanes.o", "-o", str(library)]
    subprocess.run(command, cwd=folder, check=True)
    # PyCUDA compiles its own kernels (of gpuarray) with the nvcc that PATH names.
    (folder / "nvcc").unlink(missing_ok=True)
    (folder / "nvcc").symlink_to(SOURCES.parent / "nvcc.py")
    return library


if __name__ == "__main__":
    print(build(Path(sys.argv[1]).resolve()))
