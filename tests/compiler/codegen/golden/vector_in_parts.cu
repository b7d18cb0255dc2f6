// k0_matmul: dense_1: matmul, mul
// 1 x 100000 by 100000 x 3; a warp computes one result; k is cut into parts,
//   whose sums the next kernel adds
// x0: x float32[1, 100000]
// x1: W float32[100000, 3]
// y0: dense_1/matmul/partial sums float32[128 kept from 1 to 24, 3]
extern "C" __global__ void __launch_bounds__(256) k0_matmul(
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  const int lane = threadIdx.x % 32;
  const int result = blockIdx.x * 8 + threadIdx.x / 32;
  if (result >= 3) return;  // the whole warp
  const int row = (result % 3) / 3, column = result % 3;
  const int part = blockIdx.y;
  const int depth = (100000 + gridDim.y - 1) / gridDim.y;  // of each part
  const int k_begin = part * depth, k_end = min(k_begin + depth, 100000);

  // The lanes lie side by side along k; what each has summed is added in a
  // fixed tree.
  float total0 = 0;
  #pragma unroll 4
  for (int inner = k_begin + lane; inner < k_end; inner += 32) {
    const float t0 = x0[row * 100000 + inner];
    const float t1 = x1[inner * 3 + column];
    total0 = gc_add(total0, gc_mul(t0, t1));
  }
  total0 = gc_sum_lanes(total0);
  if (lane != 0) return;
  const int i2 = row * 3 + column;
  y0[part * 3 + i2] = total0;
}

// k1_matmul_parts: dense_1: matmul, mul
// adds 128 (at least 1, at most 24) partial sums in the order of k
// x0: dense_1/matmul/partial sums float32[128 kept from 1 to 24, 3]
// y0: dense_1/mul float32[1, 3]
extern "C" __global__ void __launch_bounds__(256, 1) k1_matmul_parts(
    int m0, const float* __restrict__ x0, float* y0) {
  const int count = 3;
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    float t0 = 0;  // dense_1
    #pragma unroll 16
    for (int part = 0; part < m0; ++part) {
      t0 = gc_add(t0, x0[part * count + i]);
    }
    const float t1 = gc_mul(t0, 0.5f);  // dense_1
    y0[i] = t1;
  }
}
