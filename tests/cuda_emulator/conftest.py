"""Collects these tests where `make test-cuda` has built the emulated driver and PyCUDA, or on a GPU
with GRAPHC_CUDA_TESTS=gpu (benchmarks/gpu_check.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

collect_ignore_glob: list[str] = []
_ON_GPU = os.environ.get("GRAPHC_CUDA_TESTS") == "gpu"

# What tests the emulated driver itself, or what it alone does; not run on a GPU. By file: all of
# its tests, or those of these names.
_EMULATED_ALONE: dict[str, tuple[str, ...]] = {
    "test_faults.py": (),
    "test_programs.py": (),
    "test_streams.py": (),
    "test_gpu_check.py": (),
    "test_bench.py": (
        "test_a_device_that_is_emulated_is_named_as_one",
        "test_json_names_card_driver_and_toolkit",
    ),
    # Its card's limits: shared memory a block, memory.
    "test_runtime.py": ("test_more_shared_memory_than_usual_is_asked_for_and_too_much_is_refused",),
    "test_runtime_errors.py": (
        "test_out_of_memory_names_what_is_large_and_the_batch_that_fits",
        # A stray store, which leaves a process on a GPU without one.
        "test_a_kernel_that_fails_is_named_by_the_error",
    ),
    "test_runtime_processes.py": ("test_the_report_says_what_functions_run_on",),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not _ON_GPU:
        return
    for item in items:
        names = _EMULATED_ALONE.get(item.path.name)
        if names is not None and (not names or item.name.partition("[")[0] in names):
            item.add_marker(pytest.mark.skip(reason="of the emulated driver alone"))


if "GRAPHC_CUDA_DRIVER" not in os.environ and not _ON_GPU:
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
