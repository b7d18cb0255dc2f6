"""Correct programs give the values of NumPy, in each order."""

from __future__ import annotations

import numpy as np
import pycuda.driver as cuda
import pytest
from pycuda import gpuarray
from pycuda.compiler import SourceModule

from tests.cuda_emulator.emulator import compiled, without_race

SOURCE = """
extern "C" __global__ void add(float* __restrict__ out, const float* __restrict__ a,
                               const float* __restrict__ b, int n) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    out[i] = a[i] + b[i];
  }
}

// Parameters of several sizes, each at its own alignment in the packed buffer.
extern "C" __global__ void mixed(double* out, unsigned char small, double x, short medium, float y,
                                 bool flag, long long wide) {
  out[0] = small; out[1] = x; out[2] = medium; out[3] = y; out[4] = flag; out[5] = (double)wide;
}

__device__ __forceinline__ float warp_sum(float value) {
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_down_sync(0xffffffffu, value, offset);
  }
  return value;
}

// The standard reduction: the first warp goes on alone, past the last barrier.
extern "C" __global__ void __launch_bounds__(256) block_sum(float* out, const float* in) {
  __shared__ float partial[8];
  float value = warp_sum(in[blockIdx.x * blockDim.x + threadIdx.x]);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x < 32) {
    value = warp_sum(threadIdx.x < 8 ? partial[threadIdx.x] : 0.0f);
    if (threadIdx.x == 0) out[blockIdx.x] = value;
  }
}

extern "C" __global__ void reversed(int* out, const int* in) {
  extern __shared__ __align__(16) int row[];
  const int t = threadIdx.x, n = blockDim.x;
  row[t] = in[blockIdx.x * n + t];
  __syncthreads();
  out[blockIdx.x * n + t] = row[n - 1 - t];
}

template <typename T, int N> __device__ void transpose_tile(T* out, const T* in) {
  __shared__ T tile[N][N + 1], unused;
  const int x = threadIdx.x, y = threadIdx.y;
  tile[y][x] = in[y * N + x];
  __syncthreads();
  out[y * N + x] = tile[x][y];
  if (x == 0 && y == 0) unused = out[0];
}

extern "C" __global__ void transpose(float* out, const float* in, double* out2, const double* in2) {
  transpose_tile<float, 16>(out, in);
  transpose_tile<double, 16>(out2, in2);
}

extern "C" __global__ void doubled(float4* out, const float4* in) {
  const float4 v = in[threadIdx.x];
  out[threadIdx.x] = make_float4(2 * v.x, 2 * v.y, 2 * v.z, 2 * v.w);
}

extern "C" __global__ void histogram(int* counts, const int* in) {
  atomicAdd(&counts[in[blockIdx.x * blockDim.x + threadIdx.x]], 1);
}

extern "C" __global__ void warps(unsigned* ballot, int* rotated, int* scanned, int* segment) {
  const int t = threadIdx.x;
  ballot[t] = __ballot_sync(0xffffffffu, t % 3 == 0);
  rotated[t] = __shfl_sync(0xffffffffu, t, (t + 1) % 32);
  int sum = t;
  for (int offset = 1; offset < 32; offset *= 2) {
    const int other = __shfl_up_sync(0xffffffffu, sum, offset);
    if (t % 32 >= offset) sum += other;
  }
  scanned[t] = sum;
  segment[t] = __shfl_xor_sync(0xffffffffu, t, 1, 8);
  if (t % 32 < 5) {  // a part of a warp, by itself
    segment[t] += 100 * __shfl_sync(0x1fu, t, (t % 32 + 1) % 5);
    __syncwarp(0x1fu);
  }
}

// The size of the tile is not the block's, and a thread leaves early.
extern "C" __global__ void leaves(float* out, int n) {
  __shared__ float kept[64];
  if ((int)threadIdx.x >= n) return;
  kept[threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = kept[n - 1 - threadIdx.x];
}
"""


@pytest.fixture(scope="module")
def module() -> SourceModule:
    return compiled(SOURCE)


def on_device(array: np.ndarray) -> gpuarray.GPUArray:
    return gpuarray.to_gpu(array)


def test_vector_add(module: SourceModule) -> None:
    a, b = np.random.rand(2, 1000).astype(np.float32)

    def run() -> np.ndarray:
        out = gpuarray.empty(a.shape, np.float32)
        add = module.get_function("add").prepare("PPPi")
        add.prepared_call((3, 1), (128, 1, 1), out.gpudata, on_device(a).gpudata,
                          on_device(b).gpudata, a.size)  # fmt: skip
        return out.get()

    np.testing.assert_array_equal(without_race(run), a + b)


def test_parameters_of_several_sizes(module: SourceModule) -> None:
    out = gpuarray.empty(6, np.float64)
    module.get_function("mixed")(
        out, np.uint8(200), np.float64(0.5), np.int16(-3), np.float32(1.5), np.uint8(1),
        np.int64(2**40), block=(1, 1, 1),
    )  # fmt: skip
    assert out.get().tolist() == [200.0, 0.5, -3.0, 1.5, 1.0, 2.0**40]


def test_block_reduction(module: SourceModule) -> None:
    values = np.random.randint(-100, 100, (256, 256)).astype(np.float32)  # sums are exact

    def run() -> np.ndarray:
        out = gpuarray.empty(256, np.float32)
        module.get_function("block_sum")(
            out, on_device(values), block=(256, 1, 1), grid=(256, 1, 1)
        )
        return out.get()

    np.testing.assert_array_equal(without_race(run), values.sum(axis=1))


def test_dynamic_shared_memory(module: SourceModule) -> None:
    values = np.arange(300, dtype=np.int32).reshape(3, 100)

    def run() -> np.ndarray:
        out = gpuarray.empty(values.shape, np.int32)
        module.get_function("reversed")(
            out, on_device(values), block=(100, 1, 1), grid=(3, 1, 1), shared=400
        )
        return out.get()

    np.testing.assert_array_equal(without_race(run), values[:, ::-1])


def test_shared_tiles_of_two_instances_of_a_template(module: SourceModule) -> None:
    values = np.random.rand(16, 16)

    def run() -> np.ndarray:
        out, out2 = gpuarray.empty((16, 16), np.float32), gpuarray.empty((16, 16), np.float64)
        module.get_function("transpose")(
            out, on_device(values.astype(np.float32)), out2, on_device(values), block=(16, 16, 1)
        )
        np.testing.assert_array_equal(out.get(), values.T.astype(np.float32))
        return out2.get()

    np.testing.assert_array_equal(without_race(run), values.T)


def test_vector_types(module: SourceModule) -> None:
    values = np.random.rand(64).astype(np.float32)
    out = gpuarray.empty(64, np.float32)
    module.get_function("doubled")(out, on_device(values), block=(16, 1, 1))
    np.testing.assert_array_equal(out.get(), 2 * values)


def test_atomics(module: SourceModule) -> None:
    values = np.random.randint(0, 10, 1024).astype(np.int32)

    def run() -> np.ndarray:
        counts = gpuarray.zeros(10, np.int32)
        module.get_function("histogram")(
            counts, on_device(values), block=(256, 1, 1), grid=(4, 1, 1)
        )
        return counts.get()

    np.testing.assert_array_equal(without_race(run), np.bincount(values, minlength=10))


def test_warp_functions(module: SourceModule) -> None:
    def run() -> np.ndarray:
        arrays = [gpuarray.empty(64, np.int32) for _ in range(4)]
        module.get_function("warps")(*arrays, block=(64, 1, 1))
        return np.stack([array.get() for array in arrays])

    ballot, rotated, scanned, segment = without_race(run)
    t = np.arange(64).reshape(2, 32)
    votes = ((t % 3 == 0) * 2 ** np.arange(32)).sum(axis=1)
    np.testing.assert_array_equal(ballot.view(np.uint32).reshape(2, 32), [[v] * 32 for v in votes])
    np.testing.assert_array_equal(rotated.reshape(2, 32), np.roll(t, -1, axis=1))
    np.testing.assert_array_equal(scanned.reshape(2, 32), np.cumsum(t, axis=1))
    expected = t ^ 1
    expected[:, :5] += 100 * np.roll(t[:, :5], -1, axis=1)
    np.testing.assert_array_equal(segment.reshape(2, 32), expected)


def test_barrier_of_the_threads_that_have_not_left(module: SourceModule) -> None:
    out = gpuarray.zeros(64, np.float32)
    module.get_function("leaves")(out, np.int32(40), block=(64, 1, 1))
    np.testing.assert_array_equal(out.get(), [*range(39, -1, -1), *[0] * 24])


def test_module_is_loaded_again_from_its_bytes(module: SourceModule) -> None:
    again = compiled('extern "C" __global__ void add(float* out) { out[0] = 7; }')
    out = gpuarray.zeros(1, np.float32)
    again.get_function("add")(out, block=(1, 1, 1))
    assert out.get()[0] == 7
    test_vector_add(module)  # of the same name


def test_device_memory_starts_as_nan() -> None:
    assert np.isnan(gpuarray.empty(5, np.float32).get()).all()
    assert np.isnan(gpuarray.empty(5, np.float64).get()).all()


def test_out_of_memory() -> None:
    with pytest.raises(cuda.MemoryError):
        cuda.mem_alloc(1 << 40)
