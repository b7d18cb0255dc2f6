extern "C" __global__ void __launch_bounds__(256) blocks_a_tile_of_columns(
    const float* __restrict__ x0, float* s0_parts) {
  // sum
  const int block = blockIdx.x / 4;
  const int block_2 = blockIdx.x % 4;
  __shared__ __align__(16) float s0_parts_tile_parts[256];
  // start the parts of s0_parts_tile
  const int share = threadIdx.x / 8;
  const int column = threadIdx.x % 8;
  float s0_parts_tile_parts_tile = 0.0f;
  const int end_of_turn = gc_minimum(8, 3125 - block * 8);
  for (int turn = 0; turn < end_of_turn; ++turn) {
    s0_parts_tile_parts_tile =
        gc_add(s0_parts_tile_parts_tile,
            x0[block * 8192 + block_2 * 8 + share * 32 + column + turn * 1024]);
  }
  s0_parts_tile_parts[share * 8 + column] = s0_parts_tile_parts_tile;
  __syncthreads();
  if (threadIdx.x < 8) {
    const int column_2 = threadIdx.x;
    float s0_parts_tile = 0.0f;
    // combine the parts of s0_parts_tile
    #pragma unroll
    for (int turn_2 = 0; turn_2 < 32; ++turn_2) {
      s0_parts_tile =
          gc_add(s0_parts_tile, s0_parts_tile_parts[column_2 + turn_2 * 8]);
    }
    s0_parts[block + block_2 * 3128 + column_2 * 391] = s0_parts_tile;
  }
}

extern "C" __global__ void __launch_bounds__(128) blocks_a_tile_of_columns(
    const float* __restrict__ s0_parts, float* y0) {
  const int block_3 = blockIdx.x;
  const int column_3 = threadIdx.x / 32;
  float s0 = 0.0f;
  float s0_parts_2;
  // start the parts of s0
  const int lane = threadIdx.x % 32;
  s0_parts_2 = 0.0f;
  // combine the parts of s0
  for (int turn_3 = 0; turn_3 < 13; ++turn_3) {
    if (lane + turn_3 * 32 < 391) {
      s0_parts_2 =
          gc_add(s0_parts_2,
              s0_parts[block_3 * 1564 + column_3 * 391 + lane + turn_3 * 32]);
    }
  }
  gc_sum_of_32_lanes(s0, s0_parts_2);
  if (lane == 0) {
    y0[block_3 * 4 + column_3] = s0;
  }
}
