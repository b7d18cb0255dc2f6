// k0_columns: dense_1: less, mul, sum
// 512 columns of batch; a block of 8 columns by 32 threads of each
// x0: dense_1/input float32[batch, 512]
// x1: dense_1/input float32[batch, 512]
// y0: dense_1/mul float32[batch, 512]
// y1: dense_1/sum float32[512]
extern "C" __global__ void __launch_bounds__(256, 1) k0_columns(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0, float* y1) {
  __shared__ float a0_tile[32][8];
  const int column = blockIdx.x * 8 + threadIdx.x;
  // walk 1 of 1: sum, results
  float a0_all = gc_reduce_sum::identity<float>();
  // At most 32 terms are added up one by one: rounding errors stay small.
  for (int start = threadIdx.y; start < batch; start += 32 * 32) {
    const int stop = min(batch, start + 32 * 32);
    float a0 = gc_reduce_sum::identity<float>();
    for (int row = start; row < stop; row += 32) {
      const int i = row * 512 + column;
      const float t2 = x0[i];
      const float t3 = x1[i];
      const bool t4 = gc_less(0.0f, t3);  // dense_1
      const float t5 = gc_cast<float>(t4);  // dense_1
      const float t6 = gc_mul(t2, t5);  // dense_1
      a0 = gc_reduce_sum::combine(a0, t6);
      y0[i] = t6;
    }
    a0_all = gc_reduce_sum::combine(a0_all, a0);
  }
  const float t1 =
      gc_reduce_sum::result(
          gc_reduce_columns<gc_reduce_sum, 32, 8>(a0_all, a0_tile));  // dense_1

  if (threadIdx.y == 0) {
    y1[column] = t1;
  }
}
