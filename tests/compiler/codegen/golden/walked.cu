// k0_window: activation_1, maxpooling2d_1: maximum, max_pool
// batch x 32 x 12 x 12 elements, coordinates
// x0: x float32[batch, 32, 24, 24]
// y0: activation_1/maximum float32[batch, 32, 24, 24]
// y1: maxpooling2d_1/max_pool float32[batch, 32, 12, 12]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    const float* __restrict__ x0, float* y0, float* y1) {
  const int i = (blockIdx.x * 256 + threadIdx.x) / 4608;
  const int i1 = (blockIdx.x * 256 + threadIdx.x) / 144 % 32;
  const int i2 = (blockIdx.x * 256 + threadIdx.x) / 12 % 12;
  const int i3 = (blockIdx.x * 256 + threadIdx.x) % 12;
  float s0;
  s0 = -gc_infinity<float>();
  // max_pool
  #pragma unroll
  for (int k = 0; k < 2; ++k) {
    #pragma unroll
    for (int k1 = 0; k1 < 2; ++k1) {
      const float t0 =
          gc_maximum(x0[i * 18432 + i1 * 576 + i2 * 48 + i3 * 2 + k * 24 + k1],
              0.0f);  // activation_1
      s0 = gc_maximum(s0, t0);  // maxpooling2d_1
      y0[i * 18432 + i1 * 576 + i2 * 48 + i3 * 2 + k * 24 + k1] = t0;
    }
  }
  y1[i * 4608 + i1 * 144 + i2 * 12 + i3] = s0;
}
