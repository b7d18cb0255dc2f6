extern "C" __global__ void __launch_bounds__(256) elements(
    int batch, const float* __restrict__ x0, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < 18 * batch) {
    float s0 = -gc_infinity<float>();
    // max_pool
    #pragma unroll
    for (int k = 0; k < 2; ++k) {
      #pragma unroll
      for (int k_2 = 0; k_2 < 2; ++k_2) {
        s0 = gc_maximum(s0, x0[i / 3 * 12 + i % 3 * 2 + k * 6 + k_2]);
      }
    }
    y0[i] = s0;
  }
}
