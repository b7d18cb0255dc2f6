"""Each kind of fault is found in a kernel that has one."""

from __future__ import annotations

import os

import numpy as np
import pycuda.driver as cuda
import pytest
from pycuda import gpuarray
from pycuda.compiler import SourceModule

from tests.cuda_emulator.emulator import (
    RaceError,
    compiled,
    forgive,
    in_each_order,
    without_race,
)

pytestmark = pytest.mark.over(
    "source", reason="faults as compiled source shows them; test_ptx_faults has those of PTX"
)

SANITIZED = "address" in os.environ.get("GRAPHC_CUDA_SANITIZE", "")
SOURCE = """
extern "C" __global__ void missing_barrier(float* out) {
  __shared__ float row[64];
  const int t = threadIdx.x;
  row[t] = t;
  out[t] = t > 0 ? row[t - 1] : 0.0f;
}

extern "C" __global__ void divergent_barrier(float* out) {
  if (threadIdx.x < 40) {
    __syncthreads();  // line 11
  } else {
    __syncthreads();  // line 13
  }
  out[threadIdx.x] = 1;
}

// Some lanes of a warp wait for the others at a shuffle, which wait at the barrier.
extern "C" __global__ void divergent_shuffle(int* out) {
  if (threadIdx.x % 2 == 0) {
    out[threadIdx.x] = __shfl_down_sync(0xffffffffu, 1, 1);  // line 21
  }
  __syncthreads();  // line 23
}

extern "C" __global__ void foreign_mask(int* out) {
  out[threadIdx.x] = __shfl_sync(0x1u, 1, 0);  // line 27
}

extern "C" __global__ void shared_overrun(float* out, int column) {
  __shared__ float tile[4][8];  // line 31
  __shared__ float other[8];
  other[threadIdx.x] = 5;
  float* last = tile[3];  // through a pointer, so that UBSan doesn't end the process first
  last[column + threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = other[threadIdx.x];
}

extern "C" __global__ void dynamic_overrun(float* out) {
  extern __shared__ float row[];
  row[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = row[0];
}

extern "C" __global__ void global_overrun(float* out, int shift) {
  out[(int)threadIdx.x + shift] = 1;
}

extern "C" __global__ void wild_store(float* out) { out[1ll << 42] = 1; }

__device__ __noinline__ int endless(int n, volatile int* out) {
  volatile int local[256];
  local[n & 255] = n;
  return n < 0 ? *out : endless(n + 1, out) + local[n & 255];
}

extern "C" __global__ void deep(int* out) { *out = endless(0, out); }

extern "C" __global__ void race_of_threads(int* out) { out[0] = threadIdx.x; }

extern "C" __global__ void race_of_blocks(int* out) { if (threadIdx.x == 0) out[0] = blockIdx.x; }

extern "C" __global__ void uninitialised(float* out) {
  __shared__ float row[32];
  out[threadIdx.x] = row[threadIdx.x];
  row[threadIdx.x] = 3;
}

extern "C" __global__ void too_much(float* out) {
  __shared__ float big[64][256];
  big[0][0] = 1;
  out[0] = big[0][0];
}

extern "C" __global__ void global_load(float* out, int shift) {
  out[threadIdx.x] = out[(int)threadIdx.x + shift];
}
"""


@pytest.fixture(scope="module")
def module() -> SourceModule:
    return compiled(SOURCE)


@pytest.fixture
def out() -> gpuarray.GPUArray:
    return gpuarray.zeros(64, np.float32)


def error_of(module: SourceModule, name: str, *arguments: object, **launch: object) -> str:
    """Return the error of the launch in each order; the context goes on afterwards."""

    def run() -> str:
        with pytest.raises(cuda.Error) as raised:
            module.get_function(name)(*arguments, **launch)
        forgive()
        return str(raised.value)

    return "\n".join(in_each_order(run))


def assert_reported(capfd: pytest.CaptureFixture[str]) -> None:
    """AddressSanitizer, where it watches, has found the store, too; with -s, which shows the
    reports of faults that are not meant, its text is shown of none that is."""
    assert ("ERROR: AddressSanitizer" in capfd.readouterr().err) == SANITIZED


def test_missing_barrier(module: SourceModule) -> None:
    def run() -> np.ndarray:
        out = gpuarray.zeros(64, np.float32)
        module.get_function("missing_barrier")(out, block=(64, 1, 1))
        return out.get()

    up, down, shuffled = in_each_order(run)
    np.testing.assert_array_equal(up, [0, *range(63)])  # why one order is not enough
    assert np.isnan(down).sum() == 63
    assert 0 < np.isnan(shuffled).sum() < 63
    with pytest.raises(RaceError, match=r"element 1 is 0.0 in the order up and nan in .* down"):
        without_race(run)


def test_divergent_barrier(module: SourceModule, out: gpuarray.GPUArray) -> None:
    text = error_of(module, "divergent_barrier", out, block=(64, 1, 1))
    assert text.count("kernel divergent_barrier: divergent barrier in block (0,0,0)") == 3
    assert text.count("thread (0,0,0) waits at __syncthreads in kernel.cu:11") == 3
    assert text.count("thread (40,0,0) waits at __syncthreads in kernel.cu:13") == 3


def test_barrier_against_a_shuffle(module: SourceModule, out: gpuarray.GPUArray) -> None:
    text = error_of(module, "divergent_shuffle", out, block=(64, 1, 1))
    assert text.count("thread (0,0,0) waits at __shfl_down_sync in kernel.cu:21") == 3
    assert text.count("thread (1,0,0) waits at __syncthreads in kernel.cu:23") == 3


def test_mask_without_the_own_lane(module: SourceModule, out: gpuarray.GPUArray) -> None:
    text = error_of(module, "foreign_mask", out, block=(32, 1, 1))
    assert text.count("calls __shfl_sync in kernel.cu:27 with a mask that lacks its own lane") == 3


def test_shared_overrun(
    module: SourceModule, out: gpuarray.GPUArray, capfd: pytest.CaptureFixture[str]
) -> None:
    function = module.get_function("shared_overrun")
    function(out, np.int32(0), block=(8, 1, 1))
    text = error_of(module, "shared_overrun", out, np.int32(1), block=(8, 1, 1))
    expected = "store outside of __shared__ tile of kernel.cu:31: byte 0 after its 128 bytes"
    assert text.count(expected) == 3
    assert_reported(capfd)


def test_dynamic_shared_overrun(
    module: SourceModule, out: gpuarray.GPUArray, capfd: pytest.CaptureFixture[str]
) -> None:
    module.get_function("dynamic_overrun")(out, block=(32, 1, 1), shared=128)
    text = error_of(module, "dynamic_overrun", out, block=(32, 1, 1), shared=124)
    assert text.count("dynamic shared memory: byte 0 after its 124 bytes") == 3
    assert_reported(capfd)


def test_global_stores_out_of_bounds(
    module: SourceModule, out: gpuarray.GPUArray, capfd: pytest.CaptureFixture[str]
) -> None:
    module.get_function("global_overrun")(out, np.int32(0), block=(64, 1, 1))
    text = error_of(module, "global_overrun", out, np.int32(2), block=(64, 1, 1))
    assert text.count("store outside of device memory: byte 0 after its 256 bytes") == 3
    text = error_of(module, "global_overrun", out, np.int32(-1), block=(64, 1, 1))
    assert text.count("store outside of device memory: byte 4 before its 256 bytes") == 3
    assert_reported(capfd)


@pytest.mark.skipif(not SANITIZED, reason="AddressSanitizer alone sees loads")
def test_global_load_out_of_bounds(module: SourceModule, out: gpuarray.GPUArray) -> None:
    function = module.get_function("global_load")
    function(out, np.int32(0), block=(64, 1, 1))
    with pytest.raises(cuda.Error, match="use-after-poison"):
        function(out, np.int32(1), block=(64, 1, 1))


@pytest.mark.unsanitized(reason="AddressSanitizer ends the process itself")
@pytest.mark.parametrize(
    ("name", "what"),
    [("wild_store", "touched memory that is not mapped"), ("deep", "has used up its stack")],
)
def test_store_to_nowhere(
    module: SourceModule, out: gpuarray.GPUArray, name: str, what: str
) -> None:
    text = error_of(module, name, out, block=(32, 1, 1))
    assert text.count(f"of block (0,0,0) {what}, at 0x") == 3
    module.get_function("global_overrun")(out, np.int32(0), block=(64, 1, 1))  # all is well again
    assert (out.get() == 1).all()


@pytest.mark.parametrize("name", ["race_of_threads", "race_of_blocks"])
def test_race(module: SourceModule, name: str) -> None:
    def run() -> np.ndarray:
        out = gpuarray.zeros(1, np.int32)
        module.get_function(name)(out, block=(8, 1, 1), grid=(8, 1, 1))
        return out.get()

    with pytest.raises(RaceError, match="element 0 is 7 in the order up and 0 in the order down"):
        without_race(run)


def test_shared_memory_is_new_in_each_block(module: SourceModule) -> None:
    out = gpuarray.zeros(32, np.float32)
    module.get_function("uninitialised")(out, block=(32, 1, 1), grid=(2, 1, 1))
    assert np.isnan(out.get()).all()


def test_too_much_shared_memory(module: SourceModule, out: gpuarray.GPUArray) -> None:
    text = error_of(module, "too_much", out, block=(1, 1, 1))
    assert text.count("uses 65536 bytes of shared memory, expected at most 49152") == 3


def test_parameters_that_are_not_the_kernels(module: SourceModule, out: gpuarray.GPUArray) -> None:
    with pytest.raises(cuda.LaunchError, match="expected 12 bytes of parameters, received 16"):
        module.get_function("global_overrun")(out, np.int64(0), block=(1, 1, 1))


def test_block_too_large(module: SourceModule, out: gpuarray.GPUArray) -> None:
    with pytest.raises(cuda.LogicError, match="invalid argument"):
        module.get_function("uninitialised")(out, block=(1025, 1, 1))


def test_copy_past_the_end_of_device_memory() -> None:
    memory = cuda.mem_alloc(16)
    with pytest.raises(cuda.LogicError, match="invalid argument"):
        cuda.memcpy_htod(memory, np.zeros(5, np.float32))


def test_unknown_order(
    module: SourceModule, out: gpuarray.GPUArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "GRAPHC_CUDA_ORDER", "sideways")
    with pytest.raises(cuda.LaunchError, match="expected up, down or shuffled:SEED"):
        module.get_function("uninitialised")(out, block=(32, 1, 1))


def test_source_that_does_not_compile() -> None:
    with pytest.raises(cuda.CompileError, match=r"kernel.cu:2:.*undeclared_name"):
        compiled('extern "C" __global__ void wrong(float* out) {\n out[0] = undeclared_name; }')


def test_shared_memory_with_a_value_is_refused() -> None:
    with pytest.raises(cuda.CompileError, match="expected __shared__ TYPE NAME"):
        compiled('extern "C" __global__ void wrong() {\n __shared__ float a[2] = {1, 2}; }')


def test_functions_that_are_not_emulated_say_so() -> None:
    with pytest.raises(cuda.Error, match="not supported by the emulated driver"):
        cuda.mem_alloc_pitch(16, 16, 4)
