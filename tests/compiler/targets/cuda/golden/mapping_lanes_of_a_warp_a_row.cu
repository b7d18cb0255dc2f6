extern "C" __global__ void __launch_bounds__(128) lanes_of_a_warp_a_row(
    int batch, const float* __restrict__ x0, float* y0) {
  const int block = blockIdx.x;
  const int warp = threadIdx.x / 32;
  if (block * 4 + warp < batch) {
    float x0_tile[32];
    const int lane = threadIdx.x % 32;
    // copy what is read of x0 to x0_tile
    #pragma unroll
    for (int turn = 0; turn < 8; ++turn) {
      gc_load_pack(x0_tile + turn * 4,
          &x0[block * 4096 + warp * 1024 + lane * 4 + turn * 128]);
    }
    float s0 = -gc_infinity<float>();
    float s0_parts;
    // start the parts of s0
    s0_parts = -gc_infinity<float>();
    // max
    #pragma unroll
    for (int turn_2 = 0; turn_2 < 8; ++turn_2) {
      #pragma unroll
      for (int part = 0; part < 4; ++part) {
        s0_parts = gc_maximum(s0_parts, x0_tile[turn_2 * 4 + part]);
      }
    }
    gc_max_of_32_lanes(s0, s0_parts);
    #pragma unroll
    for (int turn_3 = 0; turn_3 < 8; ++turn_3) {
      float y0_pack[4];
      #pragma unroll
      for (int part_2 = 0; part_2 < 4; ++part_2) {
        const float t0 = gc_sub(x0_tile[turn_3 * 4 + part_2], s0);
        const float t1 = gc_exp(t0);
        y0_pack[part_2] = t1;
      }
      gc_store_pack(&y0[block * 4096 + warp * 1024 + lane * 4 + turn_3 * 128],
          y0_pack);
    }
  }
}
