// k0_columns: batch_normalization_1: sum, div, sub, mul
// batch x 32 x 14 x 14 elements, a block a row
// x0: batch_normalization_1/input float32[batch, 32, 14, 14]
// y0: batch_normalization_1/div float32[32]
// y1: batch_normalization_1/div float32[32]
extern "C" __global__ void __launch_bounds__(512) k0_columns(
    int batch, const float* __restrict__ x0, float* y0, float* y1) {
  const int block = blockIdx.x;
  const float t0 = gc_cast<float>(gc_cast<gc_int64>(196 * batch));
  float s0 = 0.0f;
  float s1_count = 0.0f;
  float s1_mean = 0.0f;
  float s1_squares = 0.0f;
  __shared__ __align__(16) float s0_parts[16];
  __shared__ __align__(16) float s1_count_parts[16];
  __shared__ __align__(16) float s1_mean_parts[16];
  __shared__ __align__(16) float s1_squares_parts[16];
  // start the parts of s0; start the parts of s1_count
  const int warp = threadIdx.x / 32;
  float s0_parts_tile = 0.0f;
  float s1_count_parts_tile = 0.0f;
  float s1_mean_parts_tile = 0.0f;
  float s1_squares_parts_tile = 0.0f;
  float s0_parts_parts;
  float s1_count_parts_parts;
  float s1_mean_parts_parts;
  float s1_squares_parts_parts;
  // start the parts of s0_parts
  const int lane = threadIdx.x % 32;
  s0_parts_parts = 0.0f;
  // start the parts of s1_count_parts
  s1_count_parts_parts = 0.0f;
  s1_mean_parts_parts = 0.0f;
  s1_squares_parts_parts = 0.0f;
  // sum
  for (int turn = 0; turn < ((49 * batch + 511) / 512 + 7) / 8; ++turn) {
    float s0_parts_parts_parts = 0.0f;
    float s1_count_parts_parts_parts = 0.0f;
    float s1_mean_parts_parts_parts = 0.0f;
    float s1_squares_parts_parts_parts = 0.0f;
    const int end_of_turn_2 =
        gc_minimum(8, (49 * batch + 511 - warp * 32 - lane) / 512 - turn * 8);
    for (int turn_2 = 0; turn_2 < end_of_turn_2; ++turn_2) {
      float x0_pack[4];
      gc_load_pack(x0_pack,
          &x0[block * 196 +
              (warp * 32 + lane + turn * 4096 + turn_2 * 512) / 49 * 6272 +
              (warp * 32 + lane + turn * 4096 + turn_2 * 512) % 49 * 4]);
      #pragma unroll
      for (int part = 0; part < 4; ++part) {
        // batch_normalization_1
        s0_parts_parts_parts = gc_add(s0_parts_parts_parts, x0_pack[part]);
        // batch_normalization_1
        gc_carry_moments(s1_count_parts_parts_parts, s1_mean_parts_parts_parts,
            s1_squares_parts_parts_parts, 1.0f, x0_pack[part], 0.0f);
      }
    }
    s0_parts_parts = gc_add(s0_parts_parts, s0_parts_parts_parts);
    gc_carry_moments(s1_count_parts_parts, s1_mean_parts_parts,
        s1_squares_parts_parts, s1_count_parts_parts_parts,
        s1_mean_parts_parts_parts, s1_squares_parts_parts_parts);
  }
  gc_sum_of_32_lanes(s0_parts_tile, s0_parts_parts);
  gc_moments_of_32_lanes(s1_count_parts_tile, s1_mean_parts_tile,
      s1_squares_parts_tile, s1_count_parts_parts, s1_mean_parts_parts,
      s1_squares_parts_parts);
  if (lane == 0) {
    s0_parts[warp] = s0_parts_tile;
    s1_count_parts[warp] = s1_count_parts_tile;
    s1_mean_parts[warp] = s1_mean_parts_tile;
    s1_squares_parts[warp] = s1_squares_parts_tile;
  }
  __syncthreads();
  // combine the parts of s0
  #pragma unroll
  for (int turn_3 = 0; turn_3 < 16; ++turn_3) {
    s0 = gc_add(s0, s0_parts[turn_3]);
  }
  // combine the parts of s1_count
  #pragma unroll
  for (int turn_4 = 0; turn_4 < 16; ++turn_4) {
    gc_carry_moments(s1_count, s1_mean, s1_squares, s1_count_parts[turn_4],
        s1_mean_parts[turn_4], s1_squares_parts[turn_4]);
  }
  float s1 = gc_add(s1_squares, gc_sub(s1_mean, s1_mean));
  if (threadIdx.x == 0) {
    const float t1 = gc_div(s0, t0);  // batch_normalization_1
    const float t2 = gc_div(s1, t0);  // batch_normalization_1
    y0[block] = t1;
    y1[block] = t2;
  }
}
