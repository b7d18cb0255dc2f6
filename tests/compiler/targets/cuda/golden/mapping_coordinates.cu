extern "C" __global__ void __launch_bounds__(256) coordinates(
    int batch, const float* __restrict__ x0, float* y0, float* y1) {
  if (blockIdx.x * 256 + threadIdx.x < 24 * batch) {
    const int i = (blockIdx.x * 256 + threadIdx.x) / 24;
    const int i_2 = (blockIdx.x * 256 + threadIdx.x) / 12 % 2;
    const int i_3 = (blockIdx.x * 256 + threadIdx.x) / 6 % 2;
    const int i_4 = (blockIdx.x * 256 + threadIdx.x) / 3 % 2;
    const int i_5 = (blockIdx.x * 256 + threadIdx.x) % 3;
    float s0 = -gc_infinity<float>();
    // max_pool
    #pragma unroll
    for (int k = 0; k < 2; ++k) {
      #pragma unroll
      for (int k_2 = 0; k_2 < 2; ++k_2) {
        #pragma unroll
        for (int k_3 = 0; k_3 < 2; ++k_3) {
          const float t0 =
              gc_maximum(
                  x0[i * 192 + i_2 * 96 + i_3 * 48 + i_4 * 12 + i_5 * 2 +
                      k * 24 + k_2 * 6 + k_3], 0.0f);
          s0 = gc_maximum(s0, t0);
          y0[i * 192 + i_2 * 96 + i_3 * 48 + i_4 * 12 + i_5 * 2 + k * 24 +
              k_2 * 6 + k_3] = t0;
        }
      }
    }
    y1[i * 24 + i_2 * 12 + i_3 * 6 + i_4 * 3 + i_5] = s0;
  }
}
