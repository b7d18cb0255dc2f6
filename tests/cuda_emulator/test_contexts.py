"""Contexts of the emulated driver: each thread's stack, primary ones, and what ends with one.

What CUDA's manual leaves open is taken to be refused: to push a context that was destroyed, to free
memory of another context.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pycuda.driver as cuda
import pytest
from pycuda.compiler import SourceModule
from pycuda.compiler import compile as compile_cuda

from tests.cuda_emulator.driver_calls import (
    Handle,
    call,
    current,
    in_thread,
    made,
    memory,
    new_context,
)
from tests.cuda_emulator.emulator import DRIVER, compiled

SOURCE = """
extern "C" __global__ void fill(float* values) { values[threadIdx.x] = 1; }
extern "C" __global__ void astray(float* values) { values[64] = 1; }
extern "C" __global__ void divergent(float* values) {
  if (threadIdx.x == 0) {
    __syncthreads();
    values[0] = 1;
  } else {
    __syncthreads();
  }
}
"""
BYTES = 256  # what `fill` writes with 64 threads


@pytest.fixture(autouse=True)
def _quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """A sanitizer's reports of faults that are meant are not shown."""


@pytest.fixture(scope="module")
def image() -> bytes:
    """The binary of SOURCE."""
    return compile_cuda(SOURCE, no_extern_c=True)


@pytest.fixture
def own() -> Iterator[cuda.Context]:
    """A context of its own, which is current."""
    context = cuda.Device(0).make_context()
    yield context
    context.pop()
    context.detach()


def function_of(image: bytes, name: str) -> tuple[Handle, Handle]:
    """A module in the current context, and one of its functions."""
    module = made("cuModuleLoadData", image)
    return module, made("cuModuleGetFunction", module, name.encode())


def launched(function: Handle, address: int, stream: Handle | None = None) -> str:
    """The error of a launch of one block of 64 threads."""
    pointer = ctypes.c_uint64(address)
    arguments = (ctypes.c_void_p * 1)(ctypes.addressof(pointer))
    return call("cuLaunchKernel", function, 1, 1, 1, 64, 1, 1, 0, stream, arguments, None)


def test_each_thread_has_a_stack_of_contexts_of_its_own() -> None:
    mine = current()
    assert mine is not None

    def work() -> None:
        assert current() is None
        address = Handle()
        for name in ("cuMemAlloc_v2", "cuStreamCreate", "cuEventCreate"):
            assert call(name, ctypes.byref(address), 64 if "Mem" in name else 0) == (
                "INVALID_CONTEXT"
            )
        assert call("cuCtxSynchronize") == "INVALID_CONTEXT"
        assert call("cuCtxPopCurrent_v2", ctypes.byref(address)) == "INVALID_CONTEXT"
        assert call("cuCtxPushCurrent_v2", Handle(mine)) == ""
        assert call("cuMemFree_v2", memory()) == ""
        assert made("cuCtxPopCurrent_v2").value == mine
        assert current() is None

    in_thread(work)
    assert current() == mine


def test_the_current_context_is_the_top_of_a_stack() -> None:
    def work() -> None:
        first, second = new_context(), new_context()
        assert current() == second.value
        assert made("cuCtxPopCurrent_v2").value == second.value
        assert current() == first.value
        assert call("cuCtxSetCurrent", second) == ""  # in the place of the first
        assert current() == second.value
        assert call("cuCtxSetCurrent", None) == ""
        assert current() is None
        assert call("cuCtxSetCurrent", None) == ""
        assert [call("cuCtxDestroy_v2", one) for one in (first, second)] == ["", ""]

    in_thread(work)


def test_a_destroyed_context_stays_current_to_other_threads() -> None:
    def work() -> None:
        context = new_context()
        pushed, destroyed = threading.Event(), threading.Event()
        said: list[str] = []

        def other() -> None:
            said.append(call("cuCtxPushCurrent_v2", context))
            pushed.set()
            destroyed.wait(60)
            said.append(call("cuCtxSynchronize"))
            assert made("cuCtxPopCurrent_v2").value == context.value
            said.append(call("cuCtxSynchronize"))

        thread = threading.Thread(target=other)
        thread.start()
        pushed.wait(60)
        assert call("cuCtxDestroy_v2", context) == ""
        assert current() is None  # the thread that destroys it no longer has it
        destroyed.set()
        thread.join()
        assert said == ["", "CONTEXT_IS_DESTROYED", "INVALID_CONTEXT"]
        for name in ("cuCtxPushCurrent_v2", "cuCtxSetCurrent", "cuCtxDestroy_v2"):
            assert call(name, context) == "INVALID_CONTEXT"

    in_thread(work)


def test_what_lives_in_a_context_goes_with_it(image: bytes) -> None:
    context = new_context()
    address, stream, event = memory(BYTES), made("cuStreamCreate", 0), made("cuEventCreate", 0)
    module, function = function_of(image, "fill")
    assert launched(function, address, stream) == ""
    assert call("cuCtxDestroy_v2", context) == ""
    # Now the session's context is current.
    host, name = ctypes.create_string_buffer(BYTES), Handle()
    assert call("cuMemcpyDtoH_v2", host, address, BYTES) == "INVALID_VALUE"
    assert call("cuMemFree_v2", address) == "INVALID_VALUE"
    assert call("cuStreamSynchronize", stream) == "INVALID_HANDLE"
    assert call("cuStreamDestroy_v2", stream) == "INVALID_HANDLE"
    assert call("cuEventSynchronize", event) == "INVALID_HANDLE"
    assert call("cuModuleGetFunction", ctypes.byref(name), module, b"fill") == "INVALID_HANDLE"
    assert launched(function, address) == "INVALID_HANDLE"
    assert call("cuCtxSynchronize") == ""


def test_handles_belong_to_their_context(image: bytes) -> None:
    address, stream, event = memory(BYTES), made("cuStreamCreate", 1), made("cuEventCreate", 0)
    module, function = function_of(image, "fill")
    context = new_context()
    own_stream, own_event = made("cuStreamCreate", 1), made("cuEventCreate", 0)
    _, own_function = function_of(image, "fill")
    own_address = memory(BYTES)
    assert launched(function, own_address) == "INVALID_HANDLE"
    assert launched(own_function, own_address, stream) == "INVALID_HANDLE"
    assert call("cuModuleUnload", module) == "INVALID_HANDLE"
    assert call("cuEventRecord", event, own_stream) == "INVALID_HANDLE"
    assert call("cuEventRecord", own_event, stream) == "INVALID_HANDLE"
    assert call("cuEventRecord", event, None) == "INVALID_HANDLE"
    assert call("cuMemFree_v2", address) == "INVALID_VALUE"
    # Waits and copies may cross.
    assert call("cuEventRecord", own_event, own_stream) == ""
    assert call("cuStreamWaitEvent", stream, own_event, 0) == ""
    assert call("cuMemsetD8_v2", address, 7, BYTES) == ""
    assert call("cuMemcpyDtoDAsync_v2", own_address, address, BYTES, stream) == ""
    assert call("cuStreamSynchronize", stream) == ""
    host = ctypes.create_string_buffer(BYTES)
    assert call("cuMemcpyDtoH_v2", host, own_address, BYTES) == ""
    assert host.raw == b"\7" * BYTES
    assert launched(own_function, own_address) == ""
    assert call("cuCtxDestroy_v2", context) == ""
    assert call("cuStreamSynchronize", stream) == ""
    assert call("cuMemFree_v2", address) == ""


@pytest.mark.over("ptx", reason="compiled source may touch all memory of the process")
def test_a_kernel_cannot_touch_memory_of_another_context() -> None:
    address = memory(BYTES)
    context = new_context()
    _, function = function_of(compile_cuda(SOURCE, no_extern_c=True), "fill")
    assert launched(function, address) == "ILLEGAL_ADDRESS"
    assert call("cuCtxDestroy_v2", context) == ""
    assert call("cuMemFree_v2", address) == ""


# ---- primary contexts: of a second device, as the first one's is in use --------------------------


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("GRAPHC_CUDA_DEVICES", "2")
    return 1


def state(device: int) -> tuple[int, int]:
    """The flags of a primary context; 1 if it is active."""
    flags, active = ctypes.c_uint(), ctypes.c_int()
    code = call("cuDevicePrimaryCtxGetState", device, ctypes.byref(flags), ctypes.byref(active))
    assert code == ""
    return flags.value, active.value


def test_a_primary_context_lives_while_somebody_retains_it(second: int) -> None:
    def work() -> None:
        assert state(second) == (0, 0)
        assert call("cuDevicePrimaryCtxRelease_v2", second) == "INVALID_CONTEXT"
        assert call("cuDevicePrimaryCtxSetFlags_v2", second, 4) == ""
        assert call("cuDevicePrimaryCtxSetFlags_v2", second, 1 << 20) == "INVALID_VALUE"
        primary = made("cuDevicePrimaryCtxRetain", second)
        assert state(second) == (4, 1)
        assert current() is None  # retaining makes nothing current
        assert call("cuCtxPushCurrent_v2", primary) == ""
        device = ctypes.c_int()
        assert call("cuCtxGetDevice", ctypes.byref(device)) == ""
        assert device.value == second
        address = memory()
        assert made("cuDevicePrimaryCtxRetain", second).value == primary.value
        assert call("cuDevicePrimaryCtxRelease_v2", second) == ""
        assert call("cuMemsetD8_v2", address, 1, 64) == ""
        assert call("cuCtxDestroy_v2", primary) == "INVALID_CONTEXT"
        assert call("cuCtxDetach", primary) == "INVALID_CONTEXT"
        assert call("cuDevicePrimaryCtxRelease_v2", second) == ""
        assert state(second) == (4, 0)
        assert current() == primary.value  # which is not popped
        assert call("cuMemsetD8_v2", address, 1, 64) == "CONTEXT_IS_DESTROYED"
        assert made("cuDevicePrimaryCtxRetain", second).value == primary.value
        assert call("cuMemsetD8_v2", address, 1, 64) == "INVALID_VALUE"  # memory is gone
        assert call("cuDevicePrimaryCtxRelease_v2", second) == ""
        assert call("cuDevicePrimaryCtxSetFlags_v2", second, 0) == ""

    in_thread(work)


def test_a_reset_leaves_nothing_and_is_no_release(second: int, image: bytes) -> None:
    def work() -> None:
        assert call("cuCtxPushCurrent_v2", made("cuDevicePrimaryCtxRetain", second)) == ""
        _, function = function_of(image, "astray")
        address = memory(BYTES)
        assert launched(function, address) == "ILLEGAL_ADDRESS"
        assert call("cuMemsetD8_v2", address, 1, BYTES) == "ILLEGAL_ADDRESS"
        assert call("cuDevicePrimaryCtxReset_v2", second) == ""
        assert call("cuMemsetD8_v2", address, 1, BYTES) == "CONTEXT_IS_DESTROYED"
        made("cuDevicePrimaryCtxRetain", second)
        assert call("cuMemsetD8_v2", address, 1, BYTES) == "INVALID_VALUE"
        assert launched(function, address) == "INVALID_HANDLE"
        assert call("cuMemFree_v2", memory()) == ""  # it is well again
        assert [call("cuDevicePrimaryCtxRelease_v2", second) for _ in range(3)] == [
            "",
            "",
            "INVALID_CONTEXT",
        ]

    in_thread(work)


def test_a_device_that_is_not_there() -> None:
    context = Handle()
    assert call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 1) == "INVALID_DEVICE"
    assert call("cuCtxCreate_v4", ctypes.byref(context), None, 0, 1) == "INVALID_DEVICE"
    assert call("cuCtxCreate_v4", ctypes.byref(context), None, 1 << 20, 0) == "INVALID_VALUE"


def test_a_process_without_cuinit_and_one_that_is_forked_behind_it() -> None:
    script = (
        "import ctypes, os, sys\n"
        "driver, count = ctypes.CDLL(sys.argv[1]), ctypes.c_int()\n"
        "ask = lambda: driver.cuDeviceGetCount(ctypes.byref(count))\n"
        "print(ask(), driver.cuInit(0), ask(), flush=True)\n"
        "if os.fork() == 0: print(ask(), driver.cuInit(0), flush=True)\n"
        "else: os.wait()\n"
    )
    command = [sys.executable, "-c", script, str(DRIVER)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["3", "0", "0", "3", "3"]


# ---- errors that last ----------------------------------------------------------------------------


def all_calls(function: Handle, address: int, stream: Handle, event: Handle) -> list[str]:
    """The errors of calls of all kinds."""
    free, host = ctypes.c_size_t(), ctypes.create_string_buffer(BYTES)
    return [
        call("cuCtxSynchronize"),
        call("cuMemAlloc_v2", ctypes.byref(Handle()), 64),
        call("cuMemHostAlloc", ctypes.byref(Handle()), 64, 0),
        call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(free)),
        call("cuMemcpyDtoH_v2", host, address, BYTES),
        call("cuMemcpyHtoDAsync_v2", address, host, BYTES, stream),
        call("cuMemsetD8_v2", address, 1, BYTES),
        call("cuStreamCreate", ctypes.byref(Handle()), 0),
        call("cuStreamSynchronize", stream),
        call("cuStreamQuery", stream),
        call("cuEventRecord", event, stream),
        call("cuEventSynchronize", event),
        launched(function, address, stream),
        call("cuMemFree_v2", address),
        call("cuStreamDestroy_v2", stream),
        call("cuEventDestroy_v2", event),
    ]


@pytest.mark.parametrize(
    ("kernel", "error"), [("astray", "ILLEGAL_ADDRESS"), ("divergent", "LAUNCH_FAILED")]
)
def test_a_fault_shows_at_a_wait_and_lasts_as_long_as_its_context(
    image: bytes, kernel: str, error: str
) -> None:
    context = new_context()
    stream, event, address = made("cuStreamCreate", 1), made("cuEventCreate", 0), memory(BYTES)
    _, function = function_of(image, kernel)
    locked = made("cuMemHostAlloc", BYTES, 0)
    ctypes.memset(locked, 5, BYTES)
    assert launched(function, address, stream) == ""
    assert call("cuMemcpyDtoHAsync_v2", locked, address, BYTES, stream) == ""
    assert call("cuStreamSynchronize", stream) == error
    # What was behind the kernel is not done.
    assert ctypes.string_at(locked, BYTES) == b"\5" * BYTES
    assert all_calls(function, address, stream, event) == [error] * 16
    # The other contexts are well, and so is the next.
    assert call("cuCtxPopCurrent_v2", ctypes.byref(Handle())) == ""
    assert call("cuCtxSynchronize") == ""
    assert call("cuCtxPushCurrent_v2", context) == ""
    assert call("cuCtxSynchronize") == error
    assert call("cuCtxDestroy_v2", context) == ""
    another = new_context()
    _, function = function_of(image, "fill")
    assert launched(function, memory(BYTES)) == ""
    assert call("cuCtxDestroy_v2", another) == ""


def test_a_fault_that_is_not_waited_for_shows_at_the_next_call_that_waits(image: bytes) -> None:
    context = new_context()
    blocking, address = made("cuStreamCreate", 0), memory(BYTES)
    _, function = function_of(image, "astray")
    assert launched(function, address, blocking) == ""
    other = memory(BYTES)
    # The null stream waits for the other one.
    assert call("cuMemsetD8_v2", other, 1, BYTES) == "ILLEGAL_ADDRESS"
    assert call("cuCtxDestroy_v2", context) == ""


def test_errors_of_arguments_do_not_last(image: bytes) -> None:
    context = new_context()
    address, name = memory(BYTES), Handle()
    module, function = function_of(image, "fill")
    host = ctypes.create_string_buffer(BYTES)
    assert call("cuMemcpyDtoH_v2", host, address, BYTES + 1) == "INVALID_VALUE"
    assert call("cuModuleGetFunction", ctypes.byref(name), module, b"no") == "NOT_FOUND"
    assert call("cuStreamSynchronize", Handle(12345)) == "INVALID_HANDLE"
    assert call("cuMemAlloc_v2", ctypes.byref(name), 1 << 60) == "OUT_OF_MEMORY"
    assert call("cuModuleLoadData", ctypes.byref(name), b"\0" * 64) == "INVALID_IMAGE"
    size = ctypes.c_size_t(12)
    wrong = (ctypes.c_void_p * 5)(1, address, 2, ctypes.addressof(size), 0)
    arguments = (function, 1, 1, 1, 64, 1, 1, 0, None)
    assert call("cuLaunchKernel", *arguments, None, wrong) == "LAUNCH_OUT_OF_RESOURCES"
    assert call("cuCtxSynchronize") == ""
    assert launched(function, address) == ""
    assert call("cuMemcpyDtoH_v2", host, address, BYTES) == ""
    assert np.frombuffer(host.raw, np.float32).tolist() == [1] * 64
    assert call("cuCtxDestroy_v2", context) == ""


def test_pycuda_names_the_error_and_what_the_kernel_did(own: cuda.Context) -> None:
    module: SourceModule = compiled(SOURCE)
    address = cuda.mem_alloc(BYTES)
    astray = module.get_function("astray")
    for _ in range(2):
        with pytest.raises(cuda.LogicError, match="an illegal memory access was encountered - "):
            astray(address, block=(1, 1, 1))
    with pytest.raises(cuda.LogicError, match="kernel astray: .*store"):
        cuda.Context.synchronize()
