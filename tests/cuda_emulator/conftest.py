"""Collects these tests where `make test-cuda` has built the emulated driver and PyCUDA, or on a GPU
with GRAPHC_CUDA_TESTS=gpu (benchmarks/gpu_check.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cuda_emulator.emulated_alone import EMULATED_ALONE

collect_ignore_glob: list[str] = []
_ON_GPU = os.environ.get("GRAPHC_CUDA_TESTS") == "gpu"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not _ON_GPU:
        return
    for item in items:
        names = EMULATED_ALONE.get(item.path.name)
        if names is not None and (not names or item.name.partition("[")[0] in names):
            item.add_marker(pytest.mark.skip(reason="of the emulated driver alone"))


if "GRAPHC_CUDA_DRIVER" not in os.environ and not _ON_GPU:
    collect_ignore_glob.append("test_*.py")
else:
    from tests.cuda_emulator import emulator  # noqa: F401  (it loads the driver, before pycuda)

    if os.environ.get("GRAPHC_EMULATE") == "ptx":
        # Faults as compiled source shows them; test_ptx_faults.py is of PTX.
        collect_ignore_glob.append("test_faults.py")
    if os.environ.get("GRAPHC_CUDA_SANITIZE"):
        # PTX's arithmetic is compiled without sanitizers: the run without them has tested it.
        collect_ignore_glob += ["test_ptx_integers.py", "test_ptx_floats.py"]

    import pycuda.driver as cuda  # isort: skip

    @pytest.fixture(scope="session", autouse=True)
    def _context() -> Iterator[None]:
        cuda.init()
        context = cuda.Device(0).retain_primary_context()
        context.push()
        yield
        context.pop()
