"""The emulated driver refuses what the real one does: of launches, memory, handles, modules.

What CUDA's manual leaves open is taken to be refused: no bytes of page-locked memory.
"""

from __future__ import annotations

import ctypes

import numpy as np
import pycuda.driver as cuda
import pytest
from pycuda.compiler import SourceModule
from pycuda.compiler import compile as compile_cuda

from graphc.compiler.cards import CARDS, Card
from tests.cuda_emulator.driver_calls import Handle, call, made, memory
from tests.cuda_emulator.emulator import compiled, driver_card, forgive
from tests.cuda_emulator.ptx_modules import module_of_ptx

SOURCE = """
extern "C" __global__ void any(int* out) { if (out[0] == 7) out[threadIdx.x] = 1; }
extern "C" __global__ void __launch_bounds__(32) bounded(int* out) { out[threadIdx.x] = 1; }
extern "C" __global__ __launch_bounds__(8 * (4 + 4), 2) void bounded_before(int* out) {
  out[threadIdx.x] = 1;
}
extern "C" __global__ void dynamic(int* out) {
  extern __shared__ int row[];
  row[threadIdx.x] = threadIdx.x;
  out[threadIdx.x] = row[threadIdx.x];
}
extern "C" __global__ void both(int* out) {
  __shared__ int own[4096];  // 16 KB
  extern __shared__ int row[];
  own[threadIdx.x] = row[threadIdx.x] = 1;
  out[threadIdx.x] = own[threadIdx.x] + row[threadIdx.x];
}
extern "C" __global__ void store(int* out) { out[0] = 1; }
"""
STATIC = 16 << 10
DEFAULT = 48 << 10


@pytest.fixture(autouse=True)
def _quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """A sanitizer's reports of faults that are meant are not shown."""


@pytest.fixture(scope="module")
def module() -> SourceModule:
    return compiled(SOURCE)


@pytest.fixture
def out() -> cuda.DeviceAllocation:
    address = cuda.mem_alloc(4096)
    cuda.memset_d8(address, 0, 4096)
    return address


def refused(error: str, run: object, *arguments: object, **more: object) -> None:
    """The call fails with the error's text, and the context is well afterwards."""
    with pytest.raises(cuda.Error, match=error):
        run(*arguments, **more)
    cuda.Context.synchronize()


# ---- launches ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "most"), [("bounded", 32), ("bounded_before", 64)])
def test_a_block_larger_than_its_launch_bounds(
    module: SourceModule, out: cuda.DeviceAllocation, name: str, most: int
) -> None:
    function = module.get_function(name)
    assert function.get_attribute(cuda.function_attribute.MAX_THREADS_PER_BLOCK) == most
    function(out, block=(most, 1, 1))
    expected = f"invalid argument - kernel {name}: has blocks of {most + 1} threads, expected at "
    refused(f"{expected}most {most} .__launch_bounds__.", function, out, block=(most + 1, 1, 1))


@pytest.mark.parametrize(
    ("registers", "most"),
    [(64, 1024), (65, 896), (128, 512), (168, 384), (255, 256)],
)
def test_more_registers_than_the_card_has(registers: int, most: int) -> None:
    """They are given by the warp: 65 of a thread are 72, of which 28 warps have room in 65,536."""
    function = module_of_ptx(
        ".visible .entry wide()\n{\nret;\n}\n", {"wide": registers}
    ).get_function("wide")
    attributes = cuda.function_attribute
    assert function.get_attribute(attributes.NUM_REGS) == registers
    assert function.get_attribute(attributes.MAX_THREADS_PER_BLOCK) == most
    function(block=(most, 1, 1))
    if most < 1024:
        expected = "too many resources requested for launch - kernel wide: needs "
        refused(expected, function, block=(most + 1, 1, 1))


@pytest.mark.over("ptx", reason="ptxas does not run on compiled source")
def test_registers_are_those_of_ptxas() -> None:
    function = compiled(SOURCE).get_function("any")
    assert 1 < function.get_attribute(cuda.function_attribute.NUM_REGS) < 32


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_more_shared_memory_than_48_kb_is_requested(card: Card, out: cuda.DeviceAllocation) -> None:
    most = card.most_shared
    with driver_card(card.capability, most):
        function = compiled(SOURCE).get_function("dynamic")
        function(out, block=(32, 1, 1), shared=DEFAULT)
        uses = "invalid argument - kernel dynamic: uses {} bytes of shared memory, expected at most"
        for nbytes in (DEFAULT + 4, most):
            refused(uses.format(nbytes), function, out, block=(32, 1, 1), shared=nbytes)
        limit = cuda.function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES
        refused("invalid argument", function.set_attribute, limit, most + 1)
        refused("invalid argument", function.set_attribute, limit, -1)
        function.set_attribute(limit, most)
        function(out, block=(32, 1, 1), shared=most)
        refused(uses.format(most + 4), function, out, block=(32, 1, 1), shared=most + 4)


@pytest.mark.over("ptx", reason="a kernel's own, of compiled source, is known when it runs")
@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_shared_memory_of_both_kinds_counts(card: Card, out: cuda.DeviceAllocation) -> None:
    most = card.most_shared
    with driver_card(card.capability, most):
        function = compiled(SOURCE).get_function("both")
        assert function.get_attribute(cuda.function_attribute.SHARED_SIZE_BYTES) == STATIC
        function(out, block=(32, 1, 1), shared=DEFAULT - STATIC)
        uses = "kernel both: uses {} bytes of shared memory"
        refused(
            uses.format(DEFAULT + 4), function, out, block=(32, 1, 1), shared=DEFAULT - STATIC + 4
        )
        limit = cuda.function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES
        refused("invalid argument", function.set_attribute, limit, most - STATIC + 1)
        function.set_attribute(limit, most - STATIC)
        function(out, block=(32, 1, 1), shared=most - STATIC)
        refused(uses.format(most + 4), function, out, block=(32, 1, 1), shared=most - STATIC + 4)


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_multiprocessor_has_what_blocks_and_the_system_take(card: Card) -> None:
    with driver_card(card.capability, card.most_shared):
        value = cuda.Device(0).get_attribute
        attribute = cuda.device_attribute
        assert value(attribute.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN) == card.most_shared
        # The system's 1 KB of each block, on cards of 8.0 and later.
        reserved = 1024 if card.capability >= (8, 0) else 0
        assert value(attribute.MAX_SHARED_MEMORY_PER_MULTIPROCESSOR) == card.most_shared + reserved


@pytest.mark.parametrize(
    "grid",
    [(0, 1, 1), (1, 0, 1), (1, 1, 0), (2**31, 1, 1), (1, 2**16, 1), (1, 1, 2**16)],
)
def test_grids_that_no_card_takes(
    module: SourceModule, out: cuda.DeviceAllocation, grid: tuple[int, int, int]
) -> None:
    function = module.get_function("any")
    refused("invalid argument - kernel any: a grid of", launched, function, out, grid, (1, 1, 1))


@pytest.mark.parametrize(
    "block",
    [
        *[(0, 1, 1), (1, 0, 1), (1, 1, 0), (1025, 1, 1), (1, 1025, 1), (1, 1, 65), (32, 33, 1)],
        (2**31, 2**31, 4),  # whose product is 0 in 64 bits
    ],
)
def test_blocks_that_no_card_takes(
    module: SourceModule, out: cuda.DeviceAllocation, block: tuple[int, int, int]
) -> None:
    function = module.get_function("any")
    refused("invalid argument - kernel any: .*blocks of", launched, function, out, (1, 1, 1), block)


def test_the_largest_of_each_dimension(module: SourceModule, out: cuda.DeviceAllocation) -> None:
    function = module.get_function("any")
    for grid in ((1, 65535, 1), (1, 1, 65535)):
        launched(function, out, grid, (1, 1, 1))
    for block in ((1024, 1, 1), (1, 1024, 1), (1, 1, 64), (4, 4, 64)):
        launched(function, out, (1, 1, 1), block)


def launched(
    function: cuda.Function,
    out: cuda.DeviceAllocation,
    grid: tuple[int, int, int],
    block: tuple[int, int, int],
) -> None:
    """Launch as graphc does, without pycuda's own checks."""
    function._launch_kernel(grid, block, np.uint64(int(out)).tobytes(), 0, None)


@pytest.mark.parametrize("nbytes", [4, 12, 16])
def test_parameters_of_another_size(
    module: SourceModule, out: cuda.DeviceAllocation, nbytes: int
) -> None:
    function = module.get_function("any")
    expected = "too many resources requested for launch - .* expected 8 bytes of parameters, rec"
    arguments = ((1, 1, 1), (1, 1, 1), bytes(nbytes), 0, None)
    refused(expected, function._launch_kernel, *arguments)


# ---- memory --------------------------------------------------------------------------------------


def test_memory_is_aligned_and_is_never_of_no_bytes() -> None:
    addresses = [memory(nbytes) for nbytes in (1, 7, 300, 4096)]
    assert [address % 256 for address in addresses] == [0] * 4
    assert [call("cuMemFree_v2", address) for address in addresses] == [""] * 4
    assert call("cuMemAlloc_v2", ctypes.byref(Handle()), 0) == "INVALID_VALUE"
    assert call("cuMemHostAlloc", ctypes.byref(Handle()), 0, 0) == "INVALID_VALUE"
    assert call("cuMemHostAlloc", ctypes.byref(Handle()), 8, 1 << 10) == "INVALID_VALUE"


def test_memory_is_freed_once_and_by_its_first_byte() -> None:
    address = memory(64)
    assert call("cuMemFree_v2", address + 16) == "INVALID_VALUE"
    assert call("cuMemFree_v2", address) == ""
    assert call("cuMemFree_v2", address) == "INVALID_VALUE"
    locked = made("cuMemHostAlloc", 64, 0)
    assert call("cuMemFreeHost", Handle(locked.value + 8)) == "INVALID_VALUE"
    assert call("cuMemFreeHost", locked) == ""
    assert call("cuMemFreeHost", locked) == "INVALID_VALUE"


def test_copies_are_within_one_allocation_that_is_not_freed() -> None:
    address, other = memory(64), memory(64)
    host = ctypes.create_string_buffer(128)
    copies = {
        "cuMemcpyHtoD_v2": lambda at, nbytes: (at, host, nbytes),
        "cuMemcpyDtoH_v2": lambda at, nbytes: (host, at, nbytes),
        "cuMemcpyDtoD_v2": lambda at, nbytes: (other, at, nbytes),
        "cuMemcpyHtoDAsync_v2": lambda at, nbytes: (at, host, nbytes, None),
        "cuMemcpyDtoHAsync_v2": lambda at, nbytes: (host, at, nbytes, None),
        "cuMemcpyDtoDAsync_v2": lambda at, nbytes: (other, at, nbytes, None),
        "cuMemsetD8_v2": lambda at, nbytes: (at, 1, nbytes),
        "cuMemsetD32_v2": lambda at, nbytes: (at, 1, nbytes // 4),
    }
    for name, arguments in copies.items():
        assert call(name, *arguments(address, 64)) == ""
        assert call(name, *arguments(address, 68)) == "INVALID_VALUE"
        assert call(name, *arguments(address + 32, 36)) == "INVALID_VALUE"
        assert call(name, *arguments(0, 4)) == "INVALID_VALUE"
    assert call("cuMemcpyHtoD_v2", address, None, 4) == "INVALID_VALUE"
    assert call("cuMemFree_v2", address) == ""
    for name, arguments in copies.items():
        assert call(name, *arguments(address, 4)) == "INVALID_VALUE"
    assert call("cuMemFree_v2", other) == ""


def test_words_are_set_at_their_alignment() -> None:
    address = memory(64)
    assert call("cuMemsetD32_v2", address + 2, 1, 1) == "INVALID_VALUE"
    assert call("cuMemsetD16_v2", address + 1, 1, 1) == "INVALID_VALUE"
    assert call("cuMemsetD16_v2", address + 2, 1, 1) == ""
    assert call("cuMemFree_v2", address) == ""


def test_a_kernel_that_stores_into_memory_that_was_freed(module: SourceModule) -> None:
    out = cuda.mem_alloc(64)
    address = np.uint64(int(out))
    out.free()
    with pytest.raises(cuda.LogicError, match="an illegal memory access was encountered - kernel "):
        module.get_function("store")(address, block=(1, 1, 1))
    forgive()


def test_copies_of_pageable_memory_do_not_wait_for_the_caller() -> None:
    """Memory that is copied to the device is read during the call; a copy to the host is over."""
    stream = made("cuStreamCreate", 1)
    address, other = memory(64), memory(64)
    host = ctypes.create_string_buffer(b"a" * 64, 64)
    assert call("cuMemcpyHtoDAsync_v2", address, host, 64, stream) == ""
    ctypes.memset(host, ord("b"), 64)
    assert call("cuMemcpyDtoDAsync_v2", other, address, 64, stream) == ""
    assert call("cuMemcpyDtoHAsync_v2", host, other, 64, stream) == ""
    assert host.raw == b"a" * 64
    assert call("cuStreamDestroy_v2", stream) == ""
    assert [call("cuMemFree_v2", one) for one in (address, other)] == ["", ""]


# ---- streams, events, modules --------------------------------------------------------------------


def test_streams_and_events_are_destroyed_once() -> None:
    stream, event = made("cuStreamCreate", 0), made("cuEventCreate", 0)
    assert call("cuStreamDestroy_v2", stream) == ""
    assert call("cuEventRecord", event, stream) == "INVALID_HANDLE"
    assert call("cuStreamWaitEvent", stream, event, 0) == "INVALID_HANDLE"
    for name in ("cuStreamDestroy_v2", "cuStreamSynchronize", "cuStreamQuery"):
        assert call(name, stream) == "INVALID_HANDLE"
    address = memory()
    assert call("cuMemsetD8Async", address, 1, 64, stream) == "INVALID_HANDLE"
    assert call("cuMemFree_v2", address) == ""
    assert call("cuEventDestroy_v2", event) == ""
    for name in ("cuEventDestroy_v2", "cuEventSynchronize", "cuEventQuery"):
        assert call(name, event) == "INVALID_HANDLE"


def test_flags_that_do_not_exist() -> None:
    assert call("cuStreamCreate", ctypes.byref(Handle()), 2) == "INVALID_VALUE"
    assert call("cuEventCreate", ctypes.byref(Handle()), 64) == "INVALID_VALUE"
    assert call("cuInit", 1) == "INVALID_VALUE"
    event = made("cuEventCreate", 0)
    assert call("cuStreamWaitEvent", None, event, 2) == "INVALID_VALUE"
    assert call("cuEventDestroy_v2", event) == ""


def test_time_between_events_that_were_not_recorded_or_have_not_come() -> None:
    stream, milliseconds = made("cuStreamCreate", 1), ctypes.c_float()
    first, second, untimed = (made("cuEventCreate", flags) for flags in (0, 0, 2))

    def elapsed(start: Handle, end: Handle) -> str:
        return call("cuEventElapsedTime_v2", ctypes.byref(milliseconds), start, end)

    assert call("cuEventQuery", first) == ""  # without a record there is nothing to wait for
    assert call("cuEventRecord", first, stream) == ""
    assert elapsed(first, second) == "INVALID_HANDLE"
    assert call("cuEventRecord", second, stream) == ""
    assert call("cuEventRecord", untimed, stream) == ""
    assert elapsed(first, second) == "NOT_READY"
    assert elapsed(first, untimed) == "INVALID_HANDLE"
    assert call("cuEventSynchronize", second) == ""
    assert elapsed(first, second) == ""
    assert milliseconds.value >= 0
    for event in (first, second, untimed):
        assert call("cuEventDestroy_v2", event) == ""
    assert call("cuStreamDestroy_v2", stream) == ""


def test_functions_of_a_module_that_is_unloaded(out: cuda.DeviceAllocation) -> None:
    module, function = made("cuModuleLoadData", compile_cuda(SOURCE, no_extern_c=True)), Handle()
    assert call("cuModuleGetFunction", ctypes.byref(function), module, b"missing") == "NOT_FOUND"
    assert call("cuModuleGetFunction", ctypes.byref(function), module, None) == "INVALID_VALUE"
    assert call("cuModuleGetFunction", ctypes.byref(function), module, b"any") == ""
    pointer = ctypes.c_uint64(int(out))
    arguments = (ctypes.c_void_p * 1)(ctypes.addressof(pointer))
    launch = (function, *[1] * 6, 0, None, arguments, None)
    assert call("cuLaunchKernel", *launch) == ""
    assert call("cuModuleUnload", module) == ""
    assert call("cuLaunchKernel", *launch) == "INVALID_HANDLE"
    assert call("cuModuleUnload", module) == "INVALID_HANDLE"
    assert call("cuModuleGetFunction", ctypes.byref(function), module, b"any") == "INVALID_HANDLE"


@pytest.mark.parametrize(
    ("made_for", "card", "error"),
    [
        ((8, 0), (8, 0), ""),
        ((8, 0), (8, 9), ""),
        ((8, 9), (8, 0), "NO_BINARY_FOR_GPU"),
        ((8, 0), (7, 5), "NO_BINARY_FOR_GPU"),
        ((8, 0), (9, 0), "NO_BINARY_FOR_GPU"),
    ],
)
def test_a_binary_of_another_architecture(
    made_for: tuple[int, int], card: tuple[int, int], error: str
) -> None:
    with driver_card(made_for):
        image = compile_cuda(SOURCE, no_extern_c=True)
    module = Handle()
    with driver_card(card):
        assert call("cuModuleLoadData", ctypes.byref(module), image) == error
    if not error:
        assert call("cuModuleUnload", module) == ""
