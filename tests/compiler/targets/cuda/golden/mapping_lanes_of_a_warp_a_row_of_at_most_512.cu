extern "C" __global__ void __launch_bounds__(128) lanes_of_a_warp_a_row_of_at_most_512(
    int batch, int n0, const float* __restrict__ x0, float* y0) {
  const int block = blockIdx.x;
  const int warp = threadIdx.x / 32;
  if (block * 4 + warp < batch) {
    float x0_tile[16];
    const int lane = threadIdx.x % 32;
    // copy what is read of x0 to x0_tile
    #pragma unroll
    for (int turn = 0; turn < 16; ++turn) {
      x0_tile[turn] =
          lane + turn * 32 < n0 ?
          x0[block * (4 * n0) + warp * n0 + lane + turn * 32] : 0.0f;
    }
    float s0 = -gc_infinity<float>();
    float s0_parts;
    // start the parts of s0
    s0_parts = -gc_infinity<float>();
    // max
    #pragma unroll
    for (int turn_2 = 0; turn_2 < 16; ++turn_2) {
      if (lane + turn_2 * 32 < n0) {
        s0_parts = gc_maximum(s0_parts, x0_tile[turn_2]);
      }
    }
    gc_max_of_32_lanes(s0, s0_parts);
    #pragma unroll
    for (int turn_3 = 0; turn_3 < 16; ++turn_3) {
      if (lane + turn_3 * 32 < n0) {
        const float t0 = gc_sub(x0_tile[turn_3], s0);
        const float t1 = gc_exp(t0);
        y0[block * (4 * n0) + warp * n0 + lane + turn_3 * 32] = t1;
      }
    }
  }
}
