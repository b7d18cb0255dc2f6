"""Modules of PTX, written by hand or made by NVIDIA's nvcc, for the emulated driver to execute."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pycuda.driver as cuda

from graphc import resources
from tests.cuda_emulator import nvcc
from tests.cuda_emulator.ptx.encode import encode

HEAD = ".version 8.0\n.target sm_80\n.address_size 64\n"


def module_of_ptx(text: str) -> cuda.Module:
    """Return the module of PTX without its three lines of heading."""
    return cuda.module_from_buffer(encode(HEAD + text))


def module_of_cuda(source: str, arch: str = "sm_80") -> cuda.Module:
    """Return the module of CUDA C, compiled to PTX: errors name lines of ``kernel.cu``."""
    with tempfile.TemporaryDirectory() as folder:
        path, image = Path(folder, "kernel.cu"), Path(folder, "kernel.image")
        path.write_text(source)
        include = [f"-I{resources.folder('kernels')}"]
        nvcc.compile_ptx(str(path), os.fspath(image), include, arch)
        return cuda.module_from_buffer(image.read_bytes())
