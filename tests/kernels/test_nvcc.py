"""kernels/ compiles for the oldest and the newest card that graphc aims at."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from graphc import resources
from tests.kernels.device_source import cuda_source

NVCC = shutil.which("nvcc")
pytestmark = pytest.mark.skipif(NVCC is None, reason="needs nvcc")

RANDOM = """
#include "random.cuh"
extern "C" __global__ void draw(unsigned int* out, int n, gc_uint64 call_step) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = gc_random(i, 0, call_step, 1, 2);
}
"""


def nvcc(folder: Path, source: str, *flags: str) -> Path:
    """Compile with warnings as errors; returns the output's path."""
    (folder / "kernels.cu").write_text(source)
    include = f"-I{resources.folder('kernels')}"
    command = [NVCC, "-Werror", "all-warnings", include, *flags, "-o", "out", "kernels.cu"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out"


@pytest.mark.parametrize("arch", ["sm_75", "sm_90"])
def test_all_device_functions_compile(tmp_path: Path, arch: str) -> None:
    binary = nvcc(tmp_path, cuda_source() + RANDOM, "-cubin", f"-arch={arch}")
    assert binary.read_bytes()[:4] == b"\x7fELF"


def test_float32_stays_float32(tmp_path: Path) -> None:
    source = cuda_source(("bool", "int32", "uint32", "int64", "float32"))
    ptx = nvcc(tmp_path, source, "-ptx", "-arch=sm_75").read_text()
    bodies = re.split(r"\.entry ", ptx)[1:]
    doubles = {body.partition("(")[0] for body in bodies if ".f64" in body}
    # CUDA reduces large angles of sinf and cosf by one product in double precision.
    assert doubles == {"sin_float32_to_float32", "cos_float32_to_float32"}
