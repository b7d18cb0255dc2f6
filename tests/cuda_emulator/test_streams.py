"""Work of a stream happens at its wait, in the order that streams and events promise."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pycuda.driver as cuda
import pytest
from pycuda import gpuarray
from pycuda.compiler import SourceModule

from tests.cuda_emulator.emulator import DRIVER, compiled, forgive

SOURCE = """
extern "C" __global__ void twice(float* values) { values[threadIdx.x] *= 2; }
extern "C" __global__ void astray(float* values) { values[64] = 1; }
"""
NON_BLOCKING = 1


@pytest.fixture(scope="module")
def module() -> SourceModule:
    return compiled(SOURCE)


@pytest.fixture
def stream() -> Iterator[cuda.Stream]:
    stream = cuda.Stream(NON_BLOCKING)
    yield stream
    stream.synchronize()


def page_locked(value: float) -> np.ndarray:
    array = cuda.pagelocked_empty(64, np.float32)
    array[:] = value
    return array


def test_copy_lands_at_its_wait(stream: cuda.Stream) -> None:
    device = gpuarray.zeros(64, np.float32)
    host, back = page_locked(3), page_locked(-1)
    cuda.memcpy_htod_async(device.gpudata, host, stream)
    cuda.memcpy_dtoh_async(back, device.gpudata, stream)
    assert (device.get() == 0).all()  # the null stream does not wait for this one
    assert (back == -1).all()
    stream.synchronize()
    assert (back == 3).all()
    assert (device.get() == 3).all()


def test_a_source_that_changes_before_the_wait_shows(stream: cuda.Stream) -> None:
    device, host = gpuarray.zeros(64, np.float32), page_locked(3)
    cuda.memcpy_htod_async(device.gpudata, host, stream)
    host[:] = 4
    stream.synchronize()
    assert (device.get() == 4).all()


def test_one_stream_keeps_its_order(module: SourceModule, stream: cuda.Stream) -> None:
    device = gpuarray.zeros(64, np.float32)
    host, back = page_locked(3), page_locked(-1)
    cuda.memcpy_htod_async(device.gpudata, host, stream)
    module.get_function("twice")(device, block=(64, 1, 1), stream=stream)
    cuda.memcpy_dtoh_async(back, device.gpudata, stream)
    stream.synchronize()
    assert (back == 6).all()


def test_another_stream_needs_an_event(module: SourceModule, stream: cuda.Stream) -> None:
    device, other = gpuarray.zeros(64, np.float32), cuda.Stream(NON_BLOCKING)
    host, back = page_locked(3), page_locked(-1)
    cuda.memcpy_htod_async(device.gpudata, host, stream)
    cuda.memcpy_dtoh_async(back, device.gpudata, other)
    other.synchronize()
    assert (back == 0).all()  # a wait is missing
    copied = cuda.Event()
    copied.record(stream)
    module.get_function("twice")(device, block=(64, 1, 1), stream=stream)
    other.wait_for_event(copied)
    cuda.memcpy_dtoh_async(back, device.gpudata, other)
    other.synchronize()
    assert (back == 3).all()  # up to the event, and no further
    stream.synchronize()
    assert (device.get() == 6).all()


def test_event_is_waited_for(stream: cuda.Stream) -> None:
    device, host = gpuarray.zeros(64, np.float32), page_locked(3)
    start, end = cuda.Event(), cuda.Event()
    start.record(stream)
    cuda.memcpy_htod_async(device.gpudata, host, stream)
    end.record(stream)
    assert (device.get() == 0).all()
    end.synchronize()
    assert (device.get() == 3).all()
    assert end.time_since(start) >= 0


def test_null_stream_waits_for_blocking_streams(module: SourceModule) -> None:
    device, blocking = gpuarray.zeros(64, np.float32), cuda.Stream()
    host = page_locked(3)
    cuda.memcpy_htod_async(device.gpudata, host, blocking)
    module.get_function("twice")(device, block=(64, 1, 1))
    assert (device.get() == 6).all()


def test_what_depends_on_another_process_is_tried_again(stream: cuda.Stream) -> None:
    """Nothing behind it happens before, and another stream that waits for it is no further."""
    may_go, tries = False, 0

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    def attempt(argument: object) -> int:
        nonlocal tries
        tries += 1
        return may_go

    device, host, other = gpuarray.zeros(64, np.float32), page_locked(3), cuda.Stream(NON_BLOCKING)
    driver = ctypes.CDLL(str(DRIVER))
    driver.emulatedEnqueue(ctypes.c_void_p(stream.handle), attempt, None)
    cuda.memcpy_htod_async(device.gpudata, host, stream)
    copied = cuda.Event()
    copied.record(stream)
    other.wait_for_event(copied)
    assert [stream.is_done(), copied.query(), other.is_done()] == [False] * 3
    assert tries == 3
    assert (device.get() == 0).all()
    may_go = True
    assert other.is_done()
    assert copied.query()
    assert (device.get() == 3).all()


def test_fault_is_reported_at_the_wait(module: SourceModule, stream: cuda.Stream) -> None:
    device = gpuarray.zeros(64, np.float32)
    module.get_function("astray")(device, block=(1, 1, 1), stream=stream)
    with pytest.raises(cuda.Error, match="kernel astray: .*store .*outside of device memory"):
        stream.synchronize()
    forgive()
    stream.synchronize()


def test_set_and_copy_on_the_device(stream: cuda.Stream) -> None:
    first, second = gpuarray.zeros(64, np.int32), gpuarray.zeros(64, np.int32)
    cuda.memset_d32(first.gpudata, 7, 64)
    cuda.memcpy_dtod(second.gpudata, first.gpudata, 64 * 4)
    assert (second.get() == 7).all()
    cuda.memset_d32_async(first.gpudata, 9, 64, stream)
    cuda.memcpy_dtod_async(second.gpudata, first.gpudata, 64 * 4, stream)
    assert (second.get() == 7).all()
    stream.synchronize()
    assert (second.get() == 9).all()
