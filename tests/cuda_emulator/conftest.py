"""Collects these tests where `make test-cuda` has built the emulated driver and PyCUDA, or on a GPU
with GRAPHC_CUDA_TESTS=gpu (benchmarks/gpu_check.py); and chooses what each runs over.

`make test-cuda` runs a test over the first of the emulations that its mark `over` names, over CUDA
C compiled by g++ where it has none; `make test-cuda PTX=1` over PTX, and with SANITIZE over CUDA C,
where the mark does not exclude that. With OVER=ptx or OVER=source it leaves out those of which the
other one is the first, unless they are marked `unsanitized`: two runs, the second with SANITIZE,
have each test once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cuda_emulator.emulated_alone import EMULATED_ALONE

collect_ignore_glob: list[str] = []
_ON_GPU = os.environ.get("GRAPHC_CUDA_TESTS") == "gpu"
_FOLDER = Path(__file__).parent
_REQUESTED = os.environ.get("GRAPHC_EMULATE", "")
_OVER = os.environ.get("GRAPHC_CUDA_OVER", "")
_SANITIZED = bool(os.environ.get("GRAPHC_CUDA_SANITIZE"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _OVER not in ("", "source", "ptx"):
        raise pytest.UsageError(
            f"GRAPHC_CUDA_OVER: expected 'source', 'ptx' or nothing, received {_OVER!r}"
        )
    left: list[pytest.Item] = []
    for item in items:
        if not item.path.is_relative_to(_FOLDER):
            continue
        if _ON_GPU:
            names = EMULATED_ALONE.get(item.path.name)
            if names is not None and (not names or item.name.partition("[")[0] in names):
                item.add_marker(pytest.mark.skip(reason="of the emulated driver alone"))
            continue
        ways, reason = _emulations(item)
        unsanitized = item.get_closest_marker("unsanitized")
        if _REQUESTED == "ptx" and "ptx" not in ways:
            item.add_marker(pytest.mark.skip(reason=f"over {ways[0]} alone: {reason}"))
        elif _SANITIZED and unsanitized:
            item.add_marker(pytest.mark.skip(reason=unsanitized.kwargs["reason"]))
        elif _OVER not in ("", ways[0]) and not unsanitized:
            left.append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]


def _emulations(item: pytest.Item) -> tuple[tuple[str, ...], str]:
    """Return what a test can run over, first what it does by default, and why not over both."""
    mark = item.get_closest_marker("over")
    ways = mark.args if mark else ("source", "ptx")
    reason = mark.kwargs.get("reason", "") if mark else ""
    if not ways or not set(ways) <= {"source", "ptx"} or bool(reason) != (len(ways) == 1):
        raise pytest.UsageError(
            f"{item.nodeid}: mark over: expected 'source' and 'ptx' in an order, or one of them "
            f"with a reason, received {ways} with the reason {reason!r}"
        )
    return ways, reason


@pytest.hookimpl(tryfirst=True)  # ahead of what modules compile for all of their tests
def pytest_runtest_setup(item: pytest.Item) -> None:
    if _ON_GPU or "GRAPHC_CUDA_DRIVER" not in os.environ:
        return
    ways, _ = _emulations(item)
    requested = _REQUESTED or ("source" if _SANITIZED else ways[0])
    # The run without sanitizers finds its races over PTX.
    raced_elsewhere = _SANITIZED and ways[0] == "ptx"
    emulator.emulate(requested if requested in ways else ways[0], raced_elsewhere)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Leave to tests of other folders what they were started with."""
    if not _ON_GPU and "GRAPHC_CUDA_DRIVER" in os.environ:
        emulator.emulate(_REQUESTED or "source")


if "GRAPHC_CUDA_DRIVER" not in os.environ and not _ON_GPU:
    collect_ignore_glob.append("test_*.py")
else:
    from tests.cuda_emulator import emulator  # it loads the driver, before pycuda

    if _SANITIZED:
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
        context.detach()  # by name: pycuda's destructor takes it for one that was created

    @pytest.fixture(autouse=True)
    def _forgiving() -> Iterator[None]:
        """A test that fails with an error of the GPU takes no other with it."""
        yield
        emulator.forgive()
