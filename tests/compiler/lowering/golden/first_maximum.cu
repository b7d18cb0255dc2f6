// k0_window: maxpooling2d_1: argmax_pool, gather_pool
// batch x 32 x 12 x 12 elements, elements
// x0: x float32[batch, 32, 24, 24]
// y0: maxpooling2d_1/argmax_pool int32[batch, 32, 12, 12]
// y1: maxpooling2d_1/gather_pool float32[batch, 32, 12, 12]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    const float* __restrict__ x0, int* y0, float* y1) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  float s0 = -gc_infinity<float>();
  int s1 = -1;
  // argmax_pool
  #pragma unroll
  for (int k = 0; k < 2; ++k) {
    #pragma unroll
    for (int k_2 = 0; k_2 < 2; ++k_2) {
      // maxpooling2d_1
      gc_carry<gc_reduce_argmax>(s0, s1,
          x0[i / 12 * 48 + i % 12 * 2 + k * 24 + k_2], k * 2 + k_2);
    }
  }
  y0[i] = s1;
  y1[i] = s0;
}
