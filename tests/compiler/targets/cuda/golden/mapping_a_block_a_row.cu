extern "C" __global__ void __launch_bounds__(512) a_block_a_row(
    const float* __restrict__ x0, float* y0) {
  const int block = blockIdx.x;
  float s0 = 0.0f;
  __shared__ __align__(16) float s0_parts[16];
  // start the parts of s0
  const int warp = threadIdx.x / 32;
  float s0_parts_tile = 0.0f;
  float s0_parts_parts;
  // start the parts of s0_parts
  const int lane = threadIdx.x % 32;
  s0_parts_parts = 0.0f;
  // sum
  for (int turn = 0; turn < 2; ++turn) {
    float s0_parts_parts_parts = 0.0f;
    const int end_of_turn_2 =
        gc_minimum(8,
            (warp * 480 + lane * 511 + 391) / 512 + 10 - warp - lane -
            turn * 8);
    for (int turn_2 = 0; turn_2 < end_of_turn_2; ++turn_2) {
      float x0_pack[4];
      gc_load_pack(x0_pack,
          &x0[block * 20000 + warp * 128 + lane * 4 + turn * 16384 +
              turn_2 * 2048]);
      #pragma unroll
      for (int part = 0; part < 4; ++part) {
        s0_parts_parts_parts = gc_add(s0_parts_parts_parts, x0_pack[part]);
      }
    }
    s0_parts_parts = gc_add(s0_parts_parts, s0_parts_parts_parts);
  }
  gc_sum_of_32_lanes(s0_parts_tile, s0_parts_parts);
  if (lane == 0) {
    s0_parts[warp] = s0_parts_tile;
  }
  __syncthreads();
  // combine the parts of s0
  #pragma unroll
  for (int turn_3 = 0; turn_3 < 16; ++turn_3) {
    s0 = gc_add(s0, s0_parts[turn_3]);
  }
  if (threadIdx.x == 0) {
    y0[block] = s0;
  }
}
