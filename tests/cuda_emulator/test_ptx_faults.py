"""Faults that are planted in CUDA kernels are found where nvcc's PTX is executed, at the right line
of the source; the kernel without the fault beside each passes, with the values that it should have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pycuda.driver as cuda
import pytest
from pycuda import gpuarray

from tests.cuda_emulator.emulator import ORDERS, forgive, in_each_order
from tests.cuda_emulator.ptx_modules import module_of_cuda

pytestmark = pytest.mark.over("ptx", reason="what the executor of PTX finds")

SOURCE = """
template <bool BARRIER> __device__ __forceinline__ void neighbours(float* out) {
  __shared__ float row[64];
  const int t = threadIdx.x;
  row[t] = t;  // neighbour written
  if (BARRIER) __syncthreads();
  out[t] = t > 0 ? row[t - 1] : 0.0f;  // neighbour read
}
extern "C" __global__ void barrier(float* out) { neighbours<true>(out); }
extern "C" __global__ void missing_barrier(float* out) { neighbours<false>(out); }

template <bool BARRIER> __device__ __forceinline__ void rotated(float* out) {
  __shared__ float row[64];
  const int t = threadIdx.x;
  row[t] = t;
  __syncthreads();
  const float other = row[t ^ 32];  // other read
  if (BARRIER) __syncthreads();
  row[t] = other + 1;  // other overwritten
  out[t] = row[t];
}
extern "C" __global__ void two_barriers(float* out) { rotated<true>(out); }
extern "C" __global__ void one_barrier(float* out) { rotated<false>(out); }

template <bool SYNC> __device__ __forceinline__ void lanes(float* out) {
  __shared__ float row[64];
  const int t = threadIdx.x;
  row[t] = t;  // lane written
  if (SYNC) __syncwarp();
  out[t] = row[t ^ 1];  // lane read
}
extern "C" __global__ void warp_barrier(float* out) { lanes<true>(out); }
extern "C" __global__ void missing_warp_barrier(float* out) { lanes<false>(out); }

extern "C" __global__ void shuffle(int* out) {
  out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, (int)threadIdx.x, 1);
}
extern "C" __global__ void missing_lanes(int* out, int from) {
  int value = -1;
  if (threadIdx.x >= from) {
    value = __shfl_xor_sync(0xffffffffu, (int)threadIdx.x, 1);  // lanes missing
  }
  out[threadIdx.x] = value;
}
extern "C" __global__ void left_lanes(int* out, int from, int lane) {
  if (threadIdx.x < from) return;
  out[threadIdx.x] = __shfl_sync(0xffffffffu, (int)threadIdx.x, lane);  // lane left
}
extern "C" __global__ void next_lanes(int* out, int count, int wrap) {
  if (threadIdx.x < count) {
    const int from = threadIdx.x + 1 == count ? wrap : threadIdx.x + 1;
    out[threadIdx.x] = __shfl_sync((1u << count) - 1, (int)threadIdx.x, from);  // next lane
  }
}
extern "C" __global__ void foreign_mask(int* out) {
  out[threadIdx.x] = __shfl_xor_sync(0x1u, (int)threadIdx.x, 1);  // foreign mask
}

extern "C" __global__ void vote(unsigned* out, int from) {
  unsigned value = 0;
  if (threadIdx.x >= from) value = __ballot_sync(0xffffffffu, threadIdx.x & 1);  // vote
  out[threadIdx.x] = value;
}

extern "C" __global__ void divergent_barrier(float* out, int from) {
  if (threadIdx.x >= from) __syncthreads();  // divergent
  out[threadIdx.x] = threadIdx.x;
}
extern "C" __global__ void two_places(float* out, int from) {
  if (threadIdx.x >= from) {
    out[threadIdx.x] = 2;
    __syncthreads();  // one place
  } else {
    __syncthreads();  // another place
    out[threadIdx.x] = 1;
  }
}

// Threads that have left are not waited for; which side of the branch leaves is nvcc's choice.
extern "C" __global__ void left_early(float* out, int from, int until) {
  __shared__ float row[64];
  if (threadIdx.x < from) return;
  if (threadIdx.x >= until) {
    out[threadIdx.x] = -1;
    return;
  }
  row[threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = row[until - 1 - threadIdx.x + from];
  __syncthreads();
}

extern "C" __global__ void shifted(float* out, int shift) {
  out[(int)threadIdx.x + shift] = threadIdx.x;  // shifted
}
extern "C" __global__ void shifted_load(float* out, const float* in, int shift) {
  out[threadIdx.x] = in[(int)threadIdx.x + shift];  // shifted load
}
extern "C" __global__ void wild(float* out, long long at) { out[at] = 1; }  // wild

extern "C" __global__ void dynamic_shared(float* out, int shift) {
  extern __shared__ float line[];
  line[threadIdx.x + shift] = threadIdx.x;  // dynamic
  out[threadIdx.x] = line[threadIdx.x + shift];
}

extern "C" __global__ void read_only(float* __restrict__ out, const float* __restrict__ in) {
  const float x = in[63 - threadIdx.x];  // read-only
  out[threadIdx.x] = x + 1;  // aliased
}

extern "C" __global__ void four(float4* out, const float* in, int shift) {
  out[threadIdx.x] = *reinterpret_cast<const float4*>(in + 4 * threadIdx.x + shift);  // four
}

extern "C" __global__ void half_written(float* out, int count) {
  __shared__ float row[64];
  if (threadIdx.x < count) row[threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = row[63 - threadIdx.x];  // half written
}

extern "C" __global__ void own_array(float* out, int count) {
  float own[16];
  for (int k = 0; k < count; ++k) own[5 * k & 15] = k;
  out[threadIdx.x] = own[threadIdx.x & 15];  // own array
}

// nvcc loads four neighbours for these three.
extern "C" __global__ void three_of_four(float* out, int count) {
  __shared__ __align__(16) float row[64 * 4];
  float* own = row + 4 * threadIdx.x;
  for (int k = 0; k < count; ++k) own[k] = k + 1;
  __syncthreads();
  const float* other = row + 4 * (threadIdx.x ^ 1);
  out[threadIdx.x] = other[0] + other[1] + other[2];  // three of four
}

extern "C" __global__ void of_blocks(int* out, int stride) {
  if (threadIdx.x == 0) out[blockIdx.x * stride] = blockIdx.x;  // of blocks
}
extern "C" __global__ void block_reads(int* out, int first) {
  const int at = blockIdx.x * 64 + threadIdx.x;
  out[at] = out[at] + (first < 0 ? 0 : out[first]);  // block reads
}
extern "C" __global__ void counted(unsigned* out, int plain) {
  if (plain) out[0] += 1;  // plain sum
  else atomicAdd(out, 1u);
}

template <bool BARRIER> __device__ __forceinline__ void total(unsigned* out, unsigned* sum) {
  atomicAdd(sum, 1u);  // added
  if (BARRIER) __syncthreads();
  out[threadIdx.x] = *sum;  // total read
}
extern "C" __global__ void barrier_after_atomic(unsigned* out, unsigned* sum) {
  total<true>(out, sum);
}
extern "C" __global__ void no_barrier_after_atomic(unsigned* out, unsigned* sum) {
  total<false>(out, sum);
}
// The thread that starts the sum adds to it as well.
template <bool BARRIER> __device__ __forceinline__ void started(unsigned* sum, unsigned start) {
  if (threadIdx.x == 0) *sum = start;  // started
  if (BARRIER) __syncthreads();
  atomicAdd(sum, 1u);  // added to
}
extern "C" __global__ void barrier_before_atomic(unsigned* sum) { started<true>(sum, 5); }
extern "C" __global__ void no_barrier_before_atomic(unsigned* sum) { started<false>(sum, 5); }

extern "C" __global__ void __launch_bounds__(32) bounded(float* out) { out[threadIdx.x] = 1; }
"""


def line(tag: str) -> str:
    """The place of the line that ends with this comment."""
    (number,) = (k for k, one in enumerate(SOURCE.splitlines(), 1) if one.endswith(f"// {tag}"))
    return f"kernel.cu:{number}"


@pytest.fixture(scope="module")
def module() -> cuda.Module:
    return module_of_cuda(SOURCE)


@pytest.fixture
def out() -> gpuarray.GPUArray:
    return gpuarray.zeros(64, np.float32)


def launch(module: cuda.Module, name: str, *arguments: Any, block: int = 64, **more: Any) -> None:
    module.get_function(name)(*arguments, block=(block, 1, 1), **more)


def assert_fault(
    module: cuda.Module, name: str, *arguments: Any, says: list[str], **more: Any
) -> None:
    """The launch fails in each order of warps and blocks, in the first with all that is said."""

    def run() -> str:
        with pytest.raises(cuda.Error, match=f"kernel {name}: ") as raised:
            launch(module, name, *arguments, **more)
        forgive()
        return str(raised.value)

    text, *_ = in_each_order(run, ORDERS)
    assert [part for part in says if part not in text] == [], text


def test_missing_barrier(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "barrier", out)
    np.testing.assert_array_equal(out.get(), [0, *range(63)])
    says = ["race: ", line("neighbour written"), line("neighbour read"), "no barrier is between"]
    assert_fault(module, "missing_barrier", out, says=says)


def test_missing_barrier_before_a_word_is_used_again(
    module: cuda.Module, out: gpuarray.GPUArray
) -> None:
    launch(module, "two_barriers", out)
    np.testing.assert_array_equal(out.get(), (np.arange(64) ^ 32) + 1)
    says = ["race: it ", line("other read"), line("other overwritten")]
    assert_fault(module, "one_barrier", out, says=says)


def test_lanes_of_a_warp_need_a_barrier_too(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "warp_barrier", out)
    np.testing.assert_array_equal(out.get(), np.arange(64) ^ 1)
    says = ["race: it reads what ", line("lane written"), line("lane read")]
    assert_fault(module, "missing_warp_barrier", out, says=says)


def test_shuffle_without_all_its_lanes(module: cuda.Module) -> None:
    out = gpuarray.zeros(64, np.int32)
    launch(module, "shuffle", out)
    np.testing.assert_array_equal(out.get(), np.arange(64) ^ 1)
    launch(module, "missing_lanes", out, np.int32(32))  # a whole warp is elsewhere
    says = ["shuffle without all lanes of its mask", "is not there", line("lanes missing")]
    assert_fault(module, "missing_lanes", out, np.int32(3), says=says)


def test_vote_without_all_its_lanes(module: cuda.Module) -> None:
    out = gpuarray.zeros(64, np.uint32)
    launch(module, "vote", out, np.int32(0))
    np.testing.assert_array_equal(out.get(), np.full(64, 0xAAAAAAAA))
    says = ["vote without all lanes of its mask", "thread (0,0,0) is not there", line("vote")]
    assert_fault(module, "vote", out, np.int32(3), says=says)


def test_shuffle_from_a_lane_that_has_left(module: cuda.Module) -> None:
    out = gpuarray.zeros(32, np.int32)
    launch(module, "left_lanes", out, np.int32(3), np.int32(3), block=32)
    np.testing.assert_array_equal(out.get(), [0] * 3 + [3] * 29)
    says = ["shuffle from thread (2,0,0), which has left", line("lane left")]
    assert_fault(module, "left_lanes", out, np.int32(3), np.int32(2), says=says, block=32)


def test_shuffle_from_a_lane_outside_of_the_mask(module: cuda.Module) -> None:
    out = gpuarray.zeros(32, np.int32)
    launch(module, "next_lanes", out, np.int32(5), np.int32(0), block=32)
    np.testing.assert_array_equal(out.get(), [1, 2, 3, 4, 0] + [0] * 27)
    says = ["thread (4,0,0): shuffle from thread (5,0,0), which is not in the mask"]
    says += [line("next lane")]
    assert_fault(module, "next_lanes", out, np.int32(5), np.int32(5), says=says, block=32)


def test_shuffle_with_a_mask_that_lacks_the_own_lane(module: cuda.Module) -> None:
    out = gpuarray.zeros(64, np.int32)
    says = ["shuffle with a mask that lacks its own lane", "thread (1,0,0)", line("foreign mask")]
    assert_fault(module, "foreign_mask", out, says=says, block=32)


def test_divergent_barrier(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "divergent_barrier", out, np.int32(0))
    np.testing.assert_array_equal(out.get(), np.arange(64))
    says = ["divergent barrier", "thread (0,0,0) is not there", line("divergent")]
    assert_fault(module, "divergent_barrier", out, np.int32(3), says=says)


def test_warps_at_two_barriers(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "two_places", out, np.int32(0))
    np.testing.assert_array_equal(out.get(), np.full(64, 2))
    says = ["divergent barrier: thread (0,0,0) waits at ", line("one place"), line("another place")]
    assert_fault(module, "two_places", out, np.int32(32), says=says)


def test_a_barrier_does_not_wait_for_threads_that_have_left(
    module: cuda.Module, out: gpuarray.GPUArray
) -> None:
    launch(module, "left_early", out, np.int32(5), np.int32(50))
    expected = [0] * 5 + [*range(49, 4, -1)] + [-1] * 14
    np.testing.assert_array_equal(out.get(), expected)


def test_store_out_of_bounds(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "shifted", out, np.int32(0))
    np.testing.assert_array_equal(out.get(), np.arange(64))
    says = ["thread (63,0,0): store of 4 bytes outside of device memory"]
    says += ["byte 0 after its 256 bytes", line("shifted")]
    assert_fault(module, "shifted", out, np.int32(1), says=says)
    assert_fault(module, "shifted", out, np.int32(-1), says=["byte 4 before its 256 bytes"])


def test_load_out_of_bounds(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    given = gpuarray.to_gpu(np.arange(65, dtype=np.float32))
    launch(module, "shifted_load", out, given, np.int32(1))
    np.testing.assert_array_equal(out.get(), np.arange(1, 65))
    says = ["load of 4 bytes outside of device memory: byte 0 after its 260 bytes"]
    assert_fault(
        module, "shifted_load", out, given, np.int32(2), says=[*says, line("shifted load")]
    )


def test_store_to_nowhere(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    says = ["store at 0x", "which is no device memory", line("wild")]
    assert_fault(module, "wild", out, np.int64(1 << 42), says=says)


def test_dynamic_shared_memory_out_of_bounds(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "dynamic_shared", out, np.int32(0), shared=256)
    np.testing.assert_array_equal(out.get(), np.arange(64))
    says = ["outside of shared memory: byte 0 after its 256 bytes", line("dynamic")]
    assert_fault(module, "dynamic_shared", out, np.int32(1), says=says, shared=256)


def test_read_only_load_of_what_is_written(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    given = gpuarray.to_gpu(np.arange(64, dtype=np.float32))
    launch(module, "read_only", out, given)
    np.testing.assert_array_equal(out.get(), np.arange(64, 0, -1))
    says = ["as read-only (ld.global.nc)", line("read-only"), line("aliased")]
    assert_fault(module, "read_only", given, given, says=says)


def test_misaligned_vector(module: cuda.Module) -> None:
    given, four = gpuarray.to_gpu(np.arange(68, dtype=np.float32)), gpuarray.zeros(64, np.float32)
    launch(module, "four", four, given, np.int32(4), block=16)
    np.testing.assert_array_equal(four.get(), np.arange(4, 68))
    says = ["misaligned load of 16 bytes at an address that is 4 past a multiple", line("four")]
    assert_fault(module, "four", four, given, np.int32(1), says=says, block=16)


def test_vector_that_is_half_out_of_bounds(module: cuda.Module) -> None:
    given, four = gpuarray.zeros(66, np.float32), gpuarray.zeros(64, np.float32)
    launch(module, "four", four, given, np.int32(0), block=16)
    says = ["thread (15,0,0): load of 16 bytes outside of device memory", line("four")]
    assert_fault(module, "four", four, given, np.int32(4), says=says, block=16)


def test_shared_memory_that_nobody_wrote(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "half_written", out, np.int32(64))
    np.testing.assert_array_equal(out.get(), np.arange(63, -1, -1))
    says = ["load of shared memory that nobody has written", line("half written")]
    assert_fault(module, "half_written", out, np.int32(63), says=says)


def test_local_memory_that_nobody_wrote(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "own_array", out, np.int32(16))
    np.testing.assert_array_equal(out.get(), 13 * np.arange(64) % 16)  # 5 * 13 = 1 modulo 16
    says = ["load of local memory that it has not written", "thread (11,0,0)", line("own array")]
    assert_fault(module, "own_array", out, np.int32(15), says=says)


def test_part_of_a_vector_that_nobody_wrote(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "three_of_four", out, np.int32(3))
    np.testing.assert_array_equal(out.get(), np.full(64, 6))
    launch(module, "three_of_four", out, np.int32(2))
    assert np.isnan(out.get()).all()
    says = ["load of shared memory that nobody has written", "ld.shared.v4", line("three of four")]
    assert_fault(module, "three_of_four", out, np.int32(0), says=says)


def test_device_memory_that_nobody_wrote(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    given = gpuarray.empty(64, np.float32)
    says = ["load of device memory that nobody has written", line("shifted load")]
    assert_fault(module, "shifted_load", out, given, np.int32(0), says=says)
    cuda.memcpy_dtod(given.gpudata, out.gpudata, 128)  # half of it
    assert_fault(module, "shifted_load", out, given, np.int32(0), says=["byte 128 of 256"])
    given.fill(3)
    launch(module, "shifted_load", out, given, np.int32(0))
    np.testing.assert_array_equal(out.get(), np.full(64, 3))


def test_race_of_blocks(module: cuda.Module) -> None:
    out = gpuarray.zeros(256, np.int32)
    launch(module, "of_blocks", out, np.int32(1), grid=(4, 1))
    np.testing.assert_array_equal(out.get()[:4], range(4))
    says = ["race: it writes what thread (0,0,0) of block ", line("of blocks")]
    assert_fault(module, "of_blocks", out, np.int32(0), says=says, grid=(4, 1))


def test_race_of_a_block_that_reads(module: cuda.Module) -> None:
    out = gpuarray.to_gpu(np.arange(256, dtype=np.int32))
    launch(module, "block_reads", out, np.int32(-1), grid=(4, 1))
    says = ["race: it ", line("block reads")]
    assert_fault(module, "block_reads", out, np.int32(64), says=says, grid=(4, 1))


def test_plain_sum_where_it_has_to_be_atomic(module: cuda.Module) -> None:
    out = gpuarray.zeros(1, np.uint32)
    launch(module, "counted", out, np.int32(0), grid=(3, 1))
    assert out.get() == 192
    assert_fault(module, "counted", out, np.int32(1), says=["race: it ", line("plain sum")])


def test_atomic_sum_that_is_read_too_early(module: cuda.Module) -> None:
    out, total = gpuarray.zeros(64, np.uint32), gpuarray.zeros(1, np.uint32)
    launch(module, "barrier_after_atomic", out, total)
    np.testing.assert_array_equal(out.get(), np.full(64, 64))
    says = ["race: it reads what thread (", line("added"), line("total read")]
    assert_fault(module, "no_barrier_after_atomic", out, total, says=says)


@pytest.mark.parametrize("block", [32, 64])
def test_atomic_sum_that_is_started_too_late(module: cuda.Module, block: int) -> None:
    total = gpuarray.zeros(1, np.uint32)
    launch(module, "barrier_before_atomic", total, block=block)
    assert total.get().tolist() == [5 + block]
    says = ["race: it writes what thread (0,0,0)", line("started"), line("added to")]
    assert_fault(module, "no_barrier_before_atomic", total, says=says, block=block)


def test_block_larger_than_its_launch_bounds(module: cuda.Module, out: gpuarray.GPUArray) -> None:
    launch(module, "bounded", out, block=32)
    says = ["has blocks of 64 threads, expected at most 32 (__launch_bounds__)"]
    assert_fault(module, "bounded", out, says=says)
