// k0_window: activation_1, maxpooling2d_1: maximum, max_pool
// batch x 32 x 12 x 12 elements, elements
// x0: x float32[batch, 32, 24, 24]
// y0: activation_1/maximum float32[batch, 32, 24, 24]
// y1: maxpooling2d_1/max_pool float32[batch, 32, 12, 12]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    const float* __restrict__ x0, float* y0, float* y1) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  float s0 = -gc_infinity<float>();
  // max_pool
  #pragma unroll
  for (int k = 0; k < 2; ++k) {
    #pragma unroll
    for (int k_2 = 0; k_2 < 2; ++k_2) {
      // activation_1
      const float t0 =
          gc_maximum(x0[i / 12 * 48 + i % 12 * 2 + k * 24 + k_2], 0.0f);
      s0 = gc_maximum(s0, t0);  // maxpooling2d_1
      y0[i / 12 * 48 + i % 12 * 2 + k * 24 + k_2] = t0;
    }
  }
  y1[i] = s0;
}
