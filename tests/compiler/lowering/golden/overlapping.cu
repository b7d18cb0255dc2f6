// k0_window: gradient of averagepooling2d_1: sum_unpool, mul
// batch x 32 x 23 x 23 elements, elements
// x0: c float32[batch, 32, 11, 12]
// y0: gradient of averagepooling2d_1/mul float32[batch, 32, 23, 23]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    int batch, const float* __restrict__ x0, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < 16928 * batch) {
    float s0 = 0.0f;
    // sum_unpool
    #pragma unroll
    for (int k = 0; k < 2; ++k) {
      if (i / 23 % 23 % 2 + k * 2 < 3 && i / 23 % 23 / 2 >= k &&
          k + 10 >= i / 23 % 23 / 2) {
        s0 =
            gc_add(s0,
                x0[i / 529 * 132 + (i % 23 + 1) / 2 + i / 23 % 23 / 2 * 12 -
                    k * 12]);  // gradient of averagepooling2d_1
      }
    }
    const float t0 = gc_mul(s0, 0.25f);  // gradient of averagepooling2d_1
    y0[i] = t0;
  }
}
