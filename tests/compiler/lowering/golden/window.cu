// k0_window: maxpooling2d_1: max_pool, mul
// batch x 32 x 12 x 12 elements, elements
// x0: maxpooling2d_1/x float32[batch, 32, 24, 24]
// y0: maxpooling2d_1/mul float32[batch, 32, 12, 12]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    const float* __restrict__ x0, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  float s0 = -gc_infinity<float>();
  // max_pool
  #pragma unroll
  for (int k = 0; k < 2; ++k) {
    #pragma unroll
    for (int k_2 = 0; k_2 < 2; ++k_2) {
      // maxpooling2d_1
      s0 = gc_maximum(s0, x0[i / 12 * 48 + i % 12 * 2 + k * 24 + k_2]);
    }
  }
  const float t0 = gc_mul(s0, 0.5f);  // maxpooling2d_1
  y0[i] = t0;
}
