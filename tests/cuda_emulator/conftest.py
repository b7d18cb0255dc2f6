"""Collects these tests where `make test-cuda` has built the emulated driver and PyCUDA."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

collect_ignore_glob: list[str] = []

if "GRAPHC_CUDA_DRIVER" not in os.environ:
    collect_ignore_glob.append("test_*.py")
else:
    from tests.cuda_emulator import emulator  # noqa: F401  (it loads the driver, before pycuda)

    import pycuda.driver as cuda  # isort: skip

    @pytest.fixture(scope="session", autouse=True)
    def _context() -> Iterator[None]:
        cuda.init()
        context = cuda.Device(0).retain_primary_context()
        context.push()
        yield
        context.pop()
