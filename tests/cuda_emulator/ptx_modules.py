"""Modules of PTX, written by hand or made by NVIDIA's nvcc, for the emulated driver to execute."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pycuda.driver as cuda

from graphc import resources
from tests.cuda_emulator import nvcc
from tests.cuda_emulator.emulator import driver_card
from tests.cuda_emulator.ptx.encode import encode

HEAD = ".version 8.0\n.target sm_80\n.address_size 64\n"


def module_of_ptx(text: str, registers: Mapping[str, int] | None = None) -> cuda.Module:
    """Return the module of PTX without its three lines of heading; `registers` as of `encode`."""
    return _loaded(encode(HEAD + text, registers), "sm_80")


def module_of_cuda(source: str, arch: str = "sm_80") -> cuda.Module:
    """Return the module of CUDA C, compiled to PTX: errors name lines of ``kernel.cu``."""
    with tempfile.TemporaryDirectory() as folder:
        path, image = Path(folder, "kernel.cu"), Path(folder, "kernel.image")
        path.write_text(source)
        include = [f"-I{resources.folder('kernels')}"]
        nvcc.compile_ptx(str(path), os.fspath(image), include, arch)
        return _loaded(image.read_bytes(), arch)


def _loaded(image: bytes, arch: str) -> cuda.Module:
    """The module of an image, on a card of its architecture."""
    major, minor = divmod(int(arch.removeprefix("sm_")), 10)
    with driver_card((major, minor)):
        return cuda.module_from_buffer(image)
