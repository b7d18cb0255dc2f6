extern "C" __global__ void __launch_bounds__(256) coordinates(
    int batch, const float* __restrict__ x0, float* y0, float* y1) {
  if (blockIdx.x * 256 + threadIdx.x < 18 * batch) {
    const int i = (blockIdx.x * 256 + threadIdx.x) / 18;
    const int i_2 = (blockIdx.x * 256 + threadIdx.x) / 9 % 2;
    const int i_3 = (blockIdx.x * 256 + threadIdx.x) / 3 % 3;
    const int i_4 = (blockIdx.x * 256 + threadIdx.x) % 3;
    float s0 = -gc_infinity<float>();
    // max_pool
    #pragma unroll
    for (int k = 0; k < 2; ++k) {
      #pragma unroll
      for (int k_2 = 0; k_2 < 2; ++k_2) {
        const float t0 =
            gc_maximum(x0[i * 72 + i_2 * 36 + i_3 * 12 + i_4 * 2 + k * 6 + k_2],
                0.0f);
        s0 = gc_maximum(s0, t0);
        y0[i * 72 + i_2 * 36 + i_3 * 12 + i_4 * 2 + k * 6 + k_2] = t0;
      }
    }
    y1[i * 18 + i_2 * 9 + i_3 * 3 + i_4] = s0;
  }
}
